package tui

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/charmbracelet/bubbles/key"

	"infer/eval"
)

// lines are what the live view shows, as many as fit.
func (m *liveModel) lines() []line {
	out := []line{m.headline()}
	rows, head := m.candidates()
	foot := m.foot()
	room := m.height - len(out) - len(foot)
	if room < 1 { // the keys go first
		room, foot = m.height-len(out), nil
	}
	limits := m.limits()
	if room > len(rows) && head != nil {
		out, room = append(out, head), room-1
	}
	from := 0
	if len(rows) > room { // the cursor stays in sight
		from = min(max(m.at-room/2, 0), len(rows)-max(room, 0))
		rows = rows[from : from+max(room, 0)]
	}
	out, room = append(out, rows...), room-len(rows)
	out = append(out, limits[:min(len(limits), max(room, 0))]...)
	return append(out, foot...)
}

// headline is how far the whole evaluation is.
func (m *liveModel) headline() line {
	s := &m.state
	l := line{{" " + name(s.Name, 40) + " ", strong}}
	switch {
	case s.Stopping:
		l = l.and(span{"◌ stopping ", warn})
	case s.Held:
		l = l.and(span{"⏸ paused ", warn})
	default:
		l = l.and(span{"◐ ", accent})
	}
	l = l.and(span{fmt.Sprintf("%s of %s", count(s.Done), plural(s.Total, "trial")), plain})
	if s.Rate > 0 && !s.Held {
		l = l.and(span{fmt.Sprintf(" · %s/s", perSecond(s.Rate)), soft})
	}
	l = l.and(span{" · " + cost(s.Cost), plain})
	if s.Left > 0 && !s.Held && !s.Stopping {
		l = l.and(span{" · " + s.Left.Round(time.Second).String() + " left", soft})
	}
	return l
}

func perSecond(v float64) string {
	if v < 10 {
		return fmt.Sprintf("%.1f", v)
	}
	return count(int64(v + 0.5))
}

// barWidth is how wide the bar of what is done is.
const barWidth = 12

func (m *liveModel) candidates() (rows []line, header line) {
	t := table{columns: []column{{head: "candidate", least: 9}, {head: "done", right: true}, {head: "", keep: 6}, {head: "accepted", right: true}, {head: "95% int.", keep: 4},
		{head: "cost", right: true, keep: 2}, {head: "p95", right: true, keep: 3}, {head: "failed calls", least: 14, flex: true, keep: 5}}}
	cells := make([][]line, len(m.state.Candidates))
	for i := range m.state.Candidates {
		cells[i] = m.candidate(&m.state.Candidates[i])
	}
	t.layout(cells, max(m.width-1, 1))
	for i := range cells {
		rows = append(rows, pointed(t.row(cells[i]), i == m.at && m.o.Input != nil, m.width))
	}
	return rows, append(text(" "), t.header("", false)...)
}

func (m *liveModel) candidate(c *LiveCandidate) []line {
	n := filled(c.Done, c.Planned, barWidth)
	bar := line{{strings.Repeat("█", n), good}, {strings.Repeat("░", barWidth-n), soft}}
	planned := count(c.Planned)
	done := text(fmt.Sprintf("%*s/%s", len(planned), count(c.Done), planned)) // as wide from the first trial to the last
	if c.Dropped {
		bar, done = nil, line{{count(c.Done), plain}, {" dropped", warn}}
	}
	accepted, interval, p95 := unknown, unknown, unknown
	if c.Judged > 0 {
		accepted = fmt.Sprintf("%.1f%%", 100*float64(c.Accepted)/float64(c.Judged))
		if lo, hi := c.Interval.Lo, c.Interval.Hi; lo != nil && hi != nil {
			interval = fmt.Sprintf("%.0f–%.0f", 100**lo, 100**hi)
		}
	}
	if c.P95 != nil {
		p95 = took(*c.P95)
	}
	return []line{text(name(c.Name, 28)), done, bar, text(accepted), toned(interval, soft),
		text(cost(c.Cost)), text(p95), toned(failures(c.Failed), bad)}
}

// filled is how many of so many columns n of total fill.
func filled(n, total int64, columns int) int {
	if total <= 0 {
		return 0
	}
	return int(min(n, total) * int64(columns) / total)
}

// failures lists the classes of failed calls, the most frequent first.
func failures(by map[eval.Class]int64) string {
	classes := eval.Classes()
	slices.SortStableFunc(classes, func(a, b eval.Class) int { return int(by[b] - by[a]) })
	var parts []string
	for _, c := range classes {
		if by[c] > 0 {
			parts = append(parts, fmt.Sprintf("%s %s", c, count(by[c])))
		}
	}
	return strings.Join(parts, ", ")
}

// limits are what each provider may be sent now.
func (m *liveModel) limits() []line {
	var out []line
	for i := range m.state.Limits {
		t := &m.state.Limits[i]
		l := line{{"  " + name(t.Provider, 28) + " ", soft}, {plural(int64(t.Calls), "call") + " in flight at most", soft}}
		if t.PerMinute != nil {
			l = l.and(span{fmt.Sprintf(", %s a minute", count(int64(*t.PerMinute+0.5))), soft})
		}
		switch t.Cause {
		case eval.ThrottleRateLimit, eval.ThrottlePause:
			l = l.and(span{" · it refused a call as one too many", warn})
		case eval.ThrottleOutage:
			l = l.and(span{" · call after call failed: one is tried now and then", bad})
		}
		out = append(out, l)
	}
	return out
}

// foot is the line of keys, or the question that is asked, or what the signs mean.
func (m *liveModel) foot() []line {
	if m.o.Input == nil {
		return nil
	}
	if m.asking && m.at < len(m.state.Candidates) {
		return []line{{{" drop " + name(m.state.Candidates[m.at].Name, 40) + "?", warn}, {" It stays in the run and can be continued. ", plain}, {"y", head}, {" yes · any other key no", plain}}}
	}
	hold := m.keys.Hold
	if m.state.Held {
		hold = called(hold, "go on")
	}
	bindings := []key.Binding{hold, m.keys.Drop, m.keys.Stop, m.keys.Help}
	if m.state.Fixed {
		bindings = bindings[1:]
	}
	if m.state.Stopping {
		bindings = []key.Binding{called(m.keys.Stop, "stop at once")}
	}
	var l line
	for _, b := range bindings {
		l = l.and(span{" " + b.Help().Key, head}, span{" " + b.Help().Desc + " ", soft})
	}
	out := []line{l}
	if m.help {
		out = append([]line{
			toned(" accepted: of judged trials so far, with Wilson's interval; it is no result before the run is done", soft),
			toned(" cost: calls and repairs of the candidate's trials; ≥ or a range where something is unknown", soft),
			toned(" paused: no call begins; those in flight end, and the pause is in no latency", soft)}, out...)
	}
	return out
}
