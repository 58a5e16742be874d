package tui

import (
	"fmt"
	"time"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"infer/report"
)

// compareScreen shows two runs side by side, candidate by candidate, by name.
type compareScreen struct {
	*shell
	list
	tabs
	ids         [2]string
	runs        [2]*report.Report
	err         error
	width, body int
	scale       scale
	pairs       []pair
	table       table
	rows        [][]line
}

// pair is one candidate in the two runs; nil = it is not in that one.
type pair struct {
	name  string
	cells [2]*report.Cell
}

// comparedMsg are the two runs as they were read.
type comparedMsg struct {
	to   *compareScreen
	runs [2]*report.Report
	err  error
}

func newCompare(s *shell, a, b string) *compareScreen {
	return &compareScreen{shell: s, ids: [2]string{a, b}}
}

func (s *compareScreen) title() string { return title("compare", s.ids[0], s.ids[1]) }
func (s *compareScreen) command() []string {
	args := []string{"compare"}
	for i, id := range s.ids {
		if s.cursor/2 < len(s.pairs) && s.pairs[s.cursor/2].cells[i] != nil {
			id += ":" + s.pairs[s.cursor/2].name
		}
		args = append(args, id)
	}
	return args
}

// Keys are those of the comparison.
func (s *compareScreen) Keys() []key.Binding {
	k := &s.keys
	return []key.Binding{k.Turn, called(k.Reverse, "the other way round"), k.Back}
}

func (s *compareScreen) copy() (string, any) {
	if s.cursor/2 >= len(s.pairs) {
		return "", nil
	}
	p := s.pairs[s.cursor/2]
	words := name(p.name, 60) + " on " + typeName(s.kind(), 40)
	for i, c := range p.cells {
		if c != nil {
			words += fmt.Sprintf("; %s: %s accepted (%s), %s each", s.ids[i], report.Percent(c.Acceptance.Point), report.Interval(c.Acceptance), report.PerAccepted(c.CostPerAccepted))
		}
	}
	return words, p.cells
}

func (s *compareScreen) read() tea.Cmd {
	src, ctx, ids := s.o.Source, s.ctx, s.ids
	return func() tea.Msg {
		m := comparedMsg{to: s}
		for i, id := range ids {
			if m.runs[i], m.err = src.Open(ctx, id); m.err != nil {
				break
			}
		}
		return m
	}
}

// SetSize lays the comparison out.
func (s *compareScreen) SetSize(width, height int) {
	s.width, s.body = width, height
	s.tabs.fit(width)
	s.lay()
}

// Update handles one message.
func (s *compareScreen) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case comparedMsg:
		if msg.to == s {
			s.runs, s.err = msg.runs, msg.err
			s.load()
		}
		return nil
	case refreshMsg:
		return s.read()
	case tea.MouseMsg:
		if s.tabs.click(msg, 0) {
			s.load()
			return nil
		}
	case tea.KeyMsg:
		switch {
		case key.Matches(msg, s.keys.Left), key.Matches(msg, s.keys.Right):
			s.turn(key.Matches(msg, s.keys.Right))
			s.load()
			return nil
		case key.Matches(msg, s.keys.Reverse):
			s.ids[0], s.ids[1] = s.ids[1], s.ids[0]
			s.runs[0], s.runs[1] = s.runs[1], s.runs[0]
			s.load()
			return nil
		}
	}
	if hit, _ := s.list.click(msg); !hit {
		s.move(msg, &s.keys)
	}
	return nil
}

func (s *compareScreen) load() {
	s.pairs = nil
	if s.err != nil || s.runs[0] == nil || s.runs[1] == nil {
		return
	}
	kinds := []string{report.Overall}
	for _, r := range s.runs {
		for i := range r.Cells {
			if indexOf(kinds, r.Cells[i].TaskType) < 0 {
				kinds = append(kinds, r.Cells[i].TaskType)
			}
		}
	}
	s.tabs.set(kinds)
	at := make(map[string]int)
	var rates []report.Rate
	for i, r := range s.runs {
		for k := range r.Cells {
			c := &r.Cells[k]
			if c.TaskType != s.kind() {
				continue
			}
			n, ok := at[c.Candidate]
			if !ok {
				n = len(s.pairs)
				at[c.Candidate] = n
				s.pairs = append(s.pairs, pair{name: c.Candidate})
			}
			s.pairs[n].cells[i] = c
			rates = append(rates, c.Acceptance)
		}
	}
	s.scale = scaleOf(rates)
	s.setLen(2 * len(s.pairs))
}

// lay makes two rows a candidate: one a run.
func (s *compareScreen) lay() {
	s.table.columns = []column{{head: "candidate"}, {head: "run"}, {head: "n", right: true, keep: 3}, {head: "rate", right: true}, {head: "change", right: true}, {least: 12, keep: 2, flex: true}, {head: "95% int.", right: true, keep: 4},
		{head: "$/accepted", right: true, keep: 1}, {head: "change", right: true, keep: 5}, {head: "p95", right: true, keep: 3}}
	s.rows = nil
	for i := range s.pairs {
		p := &s.pairs[i]
		for k := range p.cells {
			s.rows = append(s.rows, s.cells(p, k, 0))
		}
	}
	s.table.layout(s.rows, s.width-2)
	w := s.table.widths[5]
	if s.table.has(5) {
		s.table.columns[5].head = s.scale.axis(w)
		for i := range s.rows {
			if c := s.pairs[i/2].cells[i%2]; c != nil {
				s.rows[i][5] = s.scale.meter(c.Acceptance, w)
			}
		}
	}
	s.first = 5
	s.setHeight(max(s.body-s.first-2, 1))
}

func (s *compareScreen) cells(p *pair, k, meter int) []line {
	who, c := text(name(p.name, 26)), p.cells[k]
	if k > 0 {
		who = nil
	}
	label := toned("AB"[k:k+1], head)
	if c == nil {
		return []line{who, label, toned("not in this run", soft), nil, nil, nil, nil, nil, nil, nil}
	}
	var change, dearer line
	if a := p.cells[0]; k == 1 && a != nil {
		if a.Acceptance.Point != nil && c.Acceptance.Point != nil {
			change = text(fmt.Sprintf("%+.1f pt", 100*(*c.Acceptance.Point-*a.Acceptance.Point)))
		}
		if x, y := a.CostPerAccepted.Point, c.CostPerAccepted.Point; x != nil && y != nil && *x > 0 {
			dearer = text(fmt.Sprintf("×%.2f", *y / *x))
		}
	}
	return []line{who, label, toned(count(c.N), soft), toned(report.Percent(c.Acceptance.Point), strong), change, s.scale.meter(c.Acceptance, meter), text(report.Interval(c.Acceptance)),
		toned(report.PerAccepted(c.CostPerAccepted), strong), dearer, text(millis(c.Latency.P95))}
}

// Lines draws the comparison.
func (s *compareScreen) Lines() []line {
	switch {
	case s.err != nil:
		return []line{{{" error: ", bad}, {s.err.Error(), plain}}}
	case s.runs[0] == nil || s.runs[1] == nil:
		return []line{toned(" reading both runs …", soft)}
	}
	out := []line{s.tabs.line(s.width)}
	for i, r := range s.runs {
		out = append(out, line{{" " + "AB"[i:i+1] + " ", head}, {r.Run.ID, plain}, {" " + name(r.Run.Name, 30), strong}, {fmt.Sprintf(" · %s · %s", plural(int64(r.Run.Tasks), "task"),
			r.Run.UpdatedAt.UTC().Format(time.DateTime)), soft}})
	}
	out = append(out, nil, append(text(" "), s.table.header("", false)...))
	from, to := s.seen()
	for i := from; i < to; i++ {
		out = append(out, pointed(s.table.row(s.rows[i]), i == s.cursor, s.width))
	}
	out = append(out, nil)
	if s.runs[0].Run.Dataset.Digest != s.runs[1].Run.Dataset.Digest {
		out = append(out, line{{" ! ", warn}, {"The runs are on different tasks: a change may be theirs, not the candidates'.", plain}})
	}
	return append(out, paragraph("", soft, "A change without an interval is no finding: `infer compare` weighs two candidates on the tasks that the runs share.", 1, s.width-1)...)
}
