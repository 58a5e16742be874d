package tui

import (
	"fmt"
	"sort"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"infer/report"
)

// boardScreen shows candidates with their intervals, for all task types or one.
type boardScreen struct {
	*shell
	list
	tabs
	width, body int
	order       string // "" = best first
	back        bool
	cells       []report.Cell // as shown
	marked      []string      // candidates, at most two
	scale       scale
	table       table
	rows        [][]line
	detail      []line
	all         []line // all task types at once, or the decision on the one
}

// paneFrom is the width from which a screen has a second pane.
const paneFrom = 120

func newBoard(s *shell) *boardScreen {
	b := &boardScreen{shell: s}
	b.load()
	return b
}

func (s *boardScreen) title() string {
	if s.overall() {
		return "board"
	}
	return title("board", name(s.kind(), 24))
}

func (s *boardScreen) command() []string { return []string{"report", s.run()} }

// Keys are those of the board.
func (s *boardScreen) Keys() []key.Binding {
	k := &s.keys
	return []key.Binding{k.Turn, called(k.Open, "tasks"), called(k.Only, "its failures"), k.Sort, k.Mark, called(k.Compare, "where the marked differ"), k.Reverse}
}

func (s *boardScreen) cell() *report.Cell {
	if s.cursor >= len(s.cells) {
		return nil
	}
	return &s.cells[s.cursor]
}

func (s *boardScreen) copy() (string, any) {
	c := s.cell()
	if c == nil {
		return "", nil
	}
	return fmt.Sprintf("%s on %s: %s accepted (95 %% interval %s, n %d), %s an accepted task, p95 %s", name(c.Candidate, 60), typeName(c.TaskType, 60), report.Percent(c.Acceptance.Point),
		report.Interval(c.Acceptance), c.N, report.PerAccepted(c.CostPerAccepted), millis(c.Latency.P95)), c
}

// typeName is a task type for people.
func typeName(kind string, limit int) string {
	if kind == report.Overall {
		return "all types"
	}
	return name(kind, limit)
}

// SetSize lays the board out.
func (s *boardScreen) SetSize(width, height int) {
	if width == s.width && height == s.body {
		return
	}
	s.width, s.body = width, height
	s.lay()
}

// Update handles one message.
func (s *boardScreen) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case runMsg:
		s.load()
		return nil
	case tea.KeyMsg:
		if cmd, ok := s.press(msg); ok {
			return cmd
		}
	case tea.MouseMsg:
		if s.tabs.click(msg, 0) {
			s.load()
			return nil
		}
		if o := s.table.clicked(msg, 1, s.first-1); o != "" {
			s.sortBy(o)
			return nil
		}
	}
	if hit, again := s.list.click(msg); hit {
		s.lay()
		if again {
			return s.tasks(OnlyAll)
		}
		return nil
	}
	if s.move(msg, &s.keys) {
		s.lay()
	}
	return nil
}

func (s *boardScreen) press(msg tea.KeyMsg) (tea.Cmd, bool) {
	k := &s.keys
	switch {
	case key.Matches(msg, k.Left), key.Matches(msg, k.Right):
		s.turn(key.Matches(msg, k.Right))
		s.load()
	case key.Matches(msg, k.Sort):
		s.sortBy(boardOrders[(indexOf(boardOrders, s.order)+1)%len(boardOrders)])
	case key.Matches(msg, k.Reverse):
		s.back = !s.back
		s.load()
	case key.Matches(msg, k.Open):
		return s.tasks(OnlyAll), true
	case key.Matches(msg, k.Only):
		return s.tasks(OnlyFailures), true
	case key.Matches(msg, k.Mark):
		s.mark()
	case key.Matches(msg, k.Compare):
		return s.differ(), true
	default:
		return nil, false
	}
	return nil, true
}

// falling reports whether the rows are sorted from high to low.
func (s *boardScreen) falling() bool {
	return (s.order == byRate || s.order == byN || s.order == byErr) != s.back
}

func indexOf(list []string, s string) int {
	for i := range list {
		if list[i] == s {
			return i
		}
	}
	return -1
}

func (s *boardScreen) sortBy(order string) {
	if s.order == order && order != "" {
		s.back = !s.back
	} else {
		s.order, s.back = order, false
	}
	s.load()
	if order == "" {
		order = "rank, then rate"
	}
	s.say(soft, "sorted by "+order)
}

func (s *boardScreen) mark() {
	c := s.cell()
	if c == nil {
		return
	}
	if i := indexOf(s.marked, c.Candidate); i >= 0 {
		s.marked = append(s.marked[:i:i], s.marked[i+1:]...)
	} else {
		s.marked = append(s.marked[max(0, len(s.marked)-1):len(s.marked):len(s.marked)], c.Candidate)
	}
	s.lay()
}

// tasks opens the tasks of the candidate under the cursor.
func (s *boardScreen) tasks(only Only) tea.Cmd {
	q := Query{Only: only}
	if !s.overall() {
		q.Type = s.kind()
	}
	if c := s.cell(); c != nil && only != OnlyAll {
		q.Among = []int{indexOf(s.candidates(), c.Candidate)}
	}
	t := newTasks(s.shell, q)
	s.push(t)
	return t.Update(runMsg{})
}

// differ opens the tasks on which the two marked candidates differ.
func (s *boardScreen) differ() tea.Cmd {
	pair := append([]string(nil), s.marked...)
	if c := s.cell(); len(pair) == 1 && c != nil && c.Candidate != pair[0] {
		pair = append(pair, c.Candidate)
	}
	if len(pair) != 2 {
		s.say(warn, "mark two candidates first: space")
		return nil
	}
	q := Query{Only: OnlyDifferent, Among: []int{indexOf(s.candidates(), pair[0]), indexOf(s.candidates(), pair[1])}}
	if !s.overall() {
		q.Type = s.kind()
	}
	t := newTasks(s.shell, q)
	s.push(t)
	return t.Update(runMsg{})
}

// load takes the cells of the task type, in order. The cursor stays with its
// candidate.
func (s *boardScreen) load() {
	s.tabs.set(s.types())
	at := ""
	if c := s.cell(); c != nil {
		at = c.Candidate
	}
	s.cells = nil
	if s.report != nil {
		for _, c := range s.report.Cells {
			if c.TaskType == s.kind() {
				s.cells = append(s.cells, c)
			}
		}
	}
	d := decision(s.decided, s.kind())
	sort.SliceStable(s.cells, func(i, j int) bool {
		if s.back {
			i, j = j, i
		}
		return s.above(d, &s.cells[i], &s.cells[j])
	})
	rates := make([]report.Rate, len(s.cells))
	for i := range s.cells {
		rates[i] = s.cells[i].Acceptance
	}
	s.scale = scaleOf(rates)
	s.setLen(len(s.cells))
	for i := range s.cells {
		if s.cells[i].Candidate == at && at != "" {
			s.cursor = i
		}
	}
	s.lay()
}
