package tui

import (
	"fmt"
	"sort"
	"strings"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"infer/report"
)

// frontierScreen plots acceptance over the cost of an accepted task, or over p95.
type frontierScreen struct {
	*shell
	tabs
	whatIfs
	width, body int
	delay       bool          // the axis is p95, not cost
	cells       []report.Cell // with both figures, smallest first
	left        []string      // candidates that have no place on it
	at          string        // candidate under the cursor
}

func newFrontier(s *shell) *frontierScreen {
	f := &frontierScreen{shell: s}
	f.load()
	return f
}

func (s *frontierScreen) title() string {
	if s.overall() {
		return "frontier"
	}
	return title("frontier", name(s.kind(), 24))
}

func (s *frontierScreen) command() []string {
	return []string{"report", s.run(), "--format", "html", "-o", "report.html"}
}

// Keys are those of the plot.
func (s *frontierScreen) Keys() []key.Binding {
	k := &s.keys
	return []key.Binding{k.Turn, called(k.Down, "next candidate"), k.Axis, k.Field, k.More, k.Less, k.Undo, called(k.Open, "its failures")}
}

func (s *frontierScreen) cell() *report.Cell {
	for i := range s.cells {
		if s.cells[i].Candidate == s.at {
			return &s.cells[i]
		}
	}
	return nil
}

func (s *frontierScreen) copy() (string, any) {
	c := s.cell()
	if c == nil {
		return "", nil
	}
	return fmt.Sprintf("%s on %s: %s accepted (%s) at %s an accepted task, p95 %s", name(c.Candidate, 60), typeName(c.TaskType, 40), report.Percent(c.Acceptance.Point), report.Interval(c.Acceptance),
		report.PerAccepted(c.CostPerAccepted), millis(c.Latency.P95)), c
}

// SetSize gives the plot its size.
func (s *frontierScreen) SetSize(width, height int) {
	s.width, s.body = width, height
	s.tabs.fit(width)
}

// Update handles one message.
func (s *frontierScreen) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case runMsg:
		s.load()
	case tea.MouseMsg:
		if s.tabs.click(msg, 0) {
			s.load()
		}
		if msg.Button == tea.MouseButtonWheelDown {
			s.next(1)
		}
		if msg.Button == tea.MouseButtonWheelUp {
			s.next(-1)
		}
	case tea.KeyMsg:
		k := &s.keys
		switch {
		case key.Matches(msg, k.Left), key.Matches(msg, k.Right):
			s.turn(key.Matches(msg, k.Right))
			s.load()
		case key.Matches(msg, k.Up):
			s.next(-1)
		case key.Matches(msg, k.Down):
			s.next(1)
		case key.Matches(msg, k.Axis):
			s.delay = !s.delay
			s.load()
		case key.Matches(msg, k.Open):
			return s.tasks()
		default:
			cmd, _ := s.whatIfs.press(s.shell, s.kind(), msg)
			return cmd
		}
	}
	return nil
}

func (s *frontierScreen) tasks() tea.Cmd {
	q := Query{}
	if !s.overall() {
		q.Type = s.kind()
	}
	if i := indexOf(s.candidates(), s.at); i >= 0 {
		q.Among, q.Only = []int{i}, OnlyFailures
	}
	t := newTasks(s.shell, q)
	s.push(t)
	return t.Update(runMsg{})
}

// next goes to the candidate to the right, or to the left.
func (s *frontierScreen) next(by int) {
	for i := range s.cells {
		if s.cells[i].Candidate == s.at {
			s.at = s.cells[(i+by+len(s.cells))%len(s.cells)].Candidate
			return
		}
	}
}

// value is a candidate's place on the axis; nil = it has none.
func (s *frontierScreen) value(c *report.Cell) *float64 {
	if s.delay {
		return c.Latency.P95
	}
	return c.CostPerAccepted.Point
}

func (s *frontierScreen) load() {
	s.tabs.set(s.types())
	s.cells, s.left = nil, nil
	if s.report == nil {
		return
	}
	for _, c := range s.report.Cells {
		if c.TaskType != s.kind() {
			continue
		}
		if v := s.value(&c); v == nil || *v <= 0 || c.Acceptance.Point == nil {
			s.left = append(s.left, name(c.Candidate, 30))
		} else {
			s.cells = append(s.cells, c)
		}
	}
	sort.SliceStable(s.cells, func(i, j int) bool { return *s.value(&s.cells[i]) < *s.value(&s.cells[j]) })
	if s.cell() == nil && len(s.cells) > 0 {
		s.at = s.cells[0].Candidate
		for i := range s.cells { // begin with the best
			if now := s.cell(); !s.cells[i].Recorded && (now.Recorded || *s.cells[i].Acceptance.Point > *now.Acceptance.Point) {
				s.at = s.cells[i].Candidate
			}
		}
	}
}

// Lines draws the plot and what is said below it.
func (s *frontierScreen) Lines() []line {
	out := []line{s.tabs.line(s.width)}
	if len(s.cells) == 0 {
		why := "no acceptance with a known cost"
		if s.delay {
			why = "no acceptance with a measured latency"
		}
		return append(out, nil, text(" No candidate has a place here: "+why+"."), nil, toned(" A cost is known where a price is (prices: in infer.yaml) and something was accepted. x shows the other axis.", soft))
	}
	below := s.below()
	p := s.plot(max(s.width-2, 10), max(s.body-len(out)-len(below), 3))
	return append(append(out, p...), below...)
}

// below is what is said of the candidate under the cursor and of the what-ifs.
func (s *frontierScreen) below() []line {
	var out []line
	if s.body > 12 {
		out = append(out, nil)
	}
	if c := s.cell(); c != nil {
		figures := fmt.Sprintf("%s accepted (%s) · %s each (%s) · p95 %s", report.Percent(c.Acceptance.Point), report.Interval(c.Acceptance),
			report.PerAccepted(c.CostPerAccepted), report.PerAcceptedInterval(c.CostPerAccepted), millis(c.Latency.P95))
		l := line{{" ◉ ", accent}, {name(c.Candidate, 30), strong}}
		if n := l.width() + cols(figures) + 2; n < s.width {
			out = append(out, l.and(span{"  " + figures, plain}))
		} else {
			out = append(out, l, line{{"   " + figures, plain}})
		}
		if words := s.monthly(c); words != "" {
			out = append(out, line{{"   " + words, plain}})
		}
	}
	if l := s.whatIfs.line(s.shell, s.kind()); l != nil {
		out = append(out, l, s.decisionLine())
	}
	if len(s.left) > 0 && s.body > 12 {
		out = append(out, toned("   not drawn, for want of a figure: "+strings.Join(s.left, ", "), soft))
	}
	return out
}

// monthly is what the candidate would cost in a month of so many tasks: the sum
// measured, in proportion.
func (s *frontierScreen) monthly(c *report.Cell) string {
	r, ok := s.rule(s.kind())
	if !ok || r.Volume == 0 || c.Cost.Total == nil || c.N == 0 {
		return ""
	}
	each := float64(*c.Cost.Total) / 1e12 / float64(c.N)
	words := fmt.Sprintf("%s tasks a month: about %s", count(r.Volume), report.Dollars(each*float64(r.Volume)))
	if c.Acceptance.Point != nil {
		words += fmt.Sprintf(", about %s of them accepted", count(int64(*c.Acceptance.Point*float64(r.Volume)+0.5)))
	}
	return words
}

// decisionLine is what is decided under the what-ifs, and what that changed.
func (s *frontierScreen) decisionLine() line {
	d := decision(s.decided, s.kind())
	if d == nil {
		return nil
	}
	l := line{{"   decided  ", soft}, verdictOf(d.Verdict)}
	if d.Default != "" {
		l = l.and(span{"  " + name(d.Default, 30), strong})
	}
	if m := s.moved(s.kind()); m != "" {
		return l.and(span{"  moved: " + m, accent})
	}
	return l
}
