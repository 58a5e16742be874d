package tui

import (
	"fmt"
	"sort"
	"strings"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"infer/eval"
	"infer/report"
)

// boardScreen shows candidates with their intervals, for all task types or one.
type boardScreen struct {
	list  list
	types []string
	at    int // index into types
	sort  int
	cells []report.Cell // as shown
	run   string
}

// orders are the ways to sort a board.
var orders = []string{"rate", "cost/accepted", "p95"}

func (s *boardScreen) title() string {
	if len(s.types) == 0 || s.types[s.at] == report.Overall {
		return "board"
	}
	return "board " + name(s.types[s.at], 30)
}

func (s *boardScreen) command() string { return "infer report " + s.run }

func (s *boardScreen) keys(k *keyMap) []key.Binding {
	return []key.Binding{k.Left, k.Right, k.Sort, k.Open, k.Frontier, k.Tasks, k.Decide}
}

func (s *boardScreen) yank() (string, any) {
	if s.list.cursor >= len(s.cells) {
		return "", nil
	}
	c := &s.cells[s.list.cursor]
	return fmt.Sprintf("%s on %s: %s accepted (%s), %s each, p95 %s", name(c.Candidate, 60), c.TaskType, percent(c.Acceptance.Point), interval(c.Acceptance), perAccepted(c.CostPerAccepted), millis(c.Latency.P95)), c
}

func (s *boardScreen) update(m *Model, msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case openMsg:
		s.load(msg.run)
	case tea.KeyMsg:
		switch {
		case key.Matches(msg, m.keymap.Left):
			s.turn(m, -1)
			return nil
		case key.Matches(msg, m.keymap.Right):
			s.turn(m, 1)
			return nil
		case key.Matches(msg, m.keymap.Sort):
			s.sort = (s.sort + 1) % len(orders)
			s.load(m.run)
			m.status = "sorted by " + orders[s.sort]
			return nil
		case key.Matches(msg, m.keymap.Open):
			t := newTasksScreen(m)
			if s.types[s.at] != report.Overall {
				t.query.Text = s.types[s.at]
			}
			m.push(t)
			return t.read(m, 0)
		}
	}
	s.list.move(msg, &m.keymap)
	return nil
}

func (s *boardScreen) turn(m *Model, by int) {
	s.at = (s.at + by + len(s.types)) % len(s.types)
	s.load(m.run)
}

func (s *boardScreen) load(run *Run) {
	s.run = run.Report.Run.ID
	s.types = []string{report.Overall}
	seen := map[string]bool{report.Overall: true}
	for i := range run.Report.Cells {
		if kind := run.Report.Cells[i].TaskType; !seen[kind] {
			seen[kind] = true
			s.types = append(s.types, kind)
		}
	}
	s.at = min(s.at, len(s.types)-1)
	s.cells = s.cells[:0]
	for _, c := range run.Report.Cells {
		if c.TaskType == s.types[s.at] {
			s.cells = append(s.cells, c)
		}
	}
	sort.SliceStable(s.cells, func(i, j int) bool { return s.rank(&s.cells[i]) < s.rank(&s.cells[j]) })
}

// rank is what a cell is sorted by, the smallest first; unknown comes last.
func (s *boardScreen) rank(c *report.Cell) float64 {
	var v *float64
	sign := 1.0
	switch s.sort {
	case 0:
		v, sign = c.Acceptance.Point, -1
	case 1:
		v = c.CostPerAccepted.Point
	default:
		v = c.Latency.P95
	}
	if v == nil {
		return 1e300
	}
	return sign * *v
}

func (s *boardScreen) view(m *Model, width, height int) []string {
	if m.run == nil || len(s.types) == 0 {
		return nil
	}
	var tabs []string
	for i, kind := range s.types {
		label := "all types"
		if kind != report.Overall {
			label = name(kind, 24)
		}
		if i == s.at {
			label = m.styles.title.Render("[" + label + "]")
		}
		tabs = append(tabs, label)
	}
	out := []string{tabBar(tabs, s.at, width), ""}
	rows := make([][]string, len(s.cells))
	decided := decisionOf(m.run, s.types[s.at])
	for i := range s.cells {
		c := &s.cells[i]
		rows[i] = []string{name(c.Candidate, 28), fmt.Sprint(c.N), percent(c.Acceptance.Point), meter(c.Acceptance, 24), interval(c.Acceptance), perAccepted(c.CostPerAccepted), millis(c.Latency.P50), millis(c.Latency.P95),
			fmt.Sprint(c.Retries), fmt.Sprint(c.Errored), m.role(decided, c.Candidate)}
	}
	lines := grid([]column{{head: "candidate"}, {head: "n", right: true, keep: 3}, {head: "rate", right: true}, {head: "0 %      interval   100 %", keep: 1}, {head: "95 %", right: true, keep: 4},
		{head: "cost/acc.", right: true}, {head: "p50", right: true, keep: 5}, {head: "p95", right: true, keep: 2}, {head: "retries", right: true, keep: 6}, {head: "err", right: true, keep: 3}, {head: "", keep: 0}}, rows, width-1)
	out = append(out, s.list.draw(m, lines, 2, max(min(height-5, len(lines)), 2))...)
	out = append(out, "")
	for _, w := range append(append([]string(nil), m.run.Report.Verdict.Reason...), m.run.Report.Warnings...) {
		out = append(out, m.styles.warn.Render("! ")+name(w, 0))
	}
	return out
}

// tabBar shows the tabs around the chosen one, as many as fit.
func tabBar(tabs []string, at, width int) string {
	from := at
	used := len(tabs[at])
	for from > 0 && used+len(tabs[from-1])+3 < width/2 {
		from--
		used += len(tabs[from]) + 3
	}
	s := strings.Join(tabs[from:], " · ")
	if from > 0 {
		s = "‹ " + s
	}
	return s
}

func decisionOf(run *Run, kind string) *eval.TypeDecision {
	if run.Recommendation == nil {
		return nil
	}
	for i := range run.Recommendation.Types {
		if run.Recommendation.Types[i].TaskType == kind {
			return &run.Recommendation.Types[i]
		}
	}
	return nil
}

// role says what the decision made of a candidate.
func (m *Model) role(d *eval.TypeDecision, candidate string) string {
	if d == nil {
		return ""
	}
	switch {
	case d.Default == candidate:
		return m.styles.good.Render("● default")
	case d.Backup != nil && d.Backup.Candidate == candidate:
		return m.styles.accent.Render("◆ backup")
	}
	for i := range d.Candidates {
		c := &d.Candidates[i]
		if c.Candidate != candidate {
			continue
		}
		switch {
		case !c.Eligible && c.WhyNot != "":
			return m.styles.bad.Render("✗ " + name(c.WhyNot, 40))
		case c.Group == 1:
			return "≈ not separable from the best"
		}
	}
	return ""
}
