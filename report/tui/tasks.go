package tui

import (
	"fmt"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"infer/eval"
)

// pageSize is how many tasks are read at once; more are read as the cursor comes
// near the end.
const pageSize = 300

// tasksScreen lists tasks with every candidate's verdict.
type tasksScreen struct {
	list    list
	query   Query
	rows    []TaskLine
	next    int // where the next page begins; 0 = none
	reading bool
	editing bool
	err     error
	run     string
	names   []string
}

// pageMsg is a page that came.
type pageMsg struct {
	query Query
	page  Page
	err   error
}

func newTasksScreen(m *Model) *tasksScreen {
	s := &tasksScreen{query: Query{Size: pageSize}}
	if m.run != nil {
		s.run = m.run.Report.Run.ID
		for i := range m.run.Report.Run.Candidates {
			s.names = append(s.names, m.run.Report.Run.Candidates[i].Name)
		}
	}
	return s
}

func (s *tasksScreen) title() string {
	t := "tasks"
	if s.query.Only != OnlyAll {
		t += " (" + s.query.Only.String() + ")"
	}
	if s.query.Text != "" {
		t += " /" + name(s.query.Text, 20)
	}
	return t
}

func (s *tasksScreen) command() string { return "infer report " + s.run + " --format jsonl" }

func (s *tasksScreen) keys(k *keyMap) []key.Binding { return []key.Binding{k.Filter, k.Only, k.Open} }

func (s *tasksScreen) typing() bool { return s.editing }

func (s *tasksScreen) yank() (string, any) {
	if s.list.cursor >= len(s.rows) {
		return "", nil
	}
	return s.rows[s.list.cursor].ID, s.rows[s.list.cursor]
}

// read asks for the page that begins at a position.
func (s *tasksScreen) read(m *Model, from int) tea.Cmd {
	s.reading = true
	q := s.query
	q.From = from
	src, ctx, run := m.o.Source, m.ctx, s.run
	return func() tea.Msg {
		page, err := src.Tasks(ctx, run, q)
		return pageMsg{q, page, err}
	}
}

func (s *tasksScreen) update(m *Model, msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case openMsg:
		if len(s.rows) == 0 {
			return s.read(m, 0)
		}
		return nil
	case pageMsg:
		s.came(msg)
		return nil
	case tea.KeyMsg:
		if s.editing {
			return s.edit(m, msg)
		}
		switch {
		case key.Matches(msg, m.keymap.Filter):
			s.editing = true
			return nil
		case key.Matches(msg, m.keymap.Only):
			s.query.Only = (s.query.Only + 1) % (OnlyErrors + 1)
			return s.restart(m)
		case key.Matches(msg, m.keymap.Open) && s.list.cursor < len(s.rows):
			t := &taskScreen{run: s.run, id: s.rows[s.list.cursor].ID}
			m.push(t)
			return t.read(m)
		}
	}
	s.list.move(msg, &m.keymap)
	if s.next > 0 && !s.reading && s.list.cursor > len(s.rows)-s.list.height*2 {
		return s.read(m, s.next)
	}
	return nil
}

// came takes a page in; one that answers an older question is dropped.
func (s *tasksScreen) came(msg pageMsg) {
	if msg.query.Text != s.query.Text || msg.query.Only != s.query.Only {
		return
	}
	s.reading, s.err = false, msg.err
	if msg.query.From == 0 {
		s.rows = nil
	}
	s.rows = append(s.rows, msg.page.Rows...)
	s.next = msg.page.Next
	s.list.setSize(s.list.height, len(s.rows))
}

func (s *tasksScreen) restart(m *Model) tea.Cmd {
	s.list.cursor, s.rows, s.next = 0, nil, 0
	return s.read(m, 0)
}

// edit takes the letters of the filter.
func (s *tasksScreen) edit(m *Model, msg tea.KeyMsg) tea.Cmd {
	switch msg.Type {
	case tea.KeyEnter:
		s.editing = false
		return nil
	case tea.KeyEsc:
		s.editing, s.query.Text = false, ""
	case tea.KeyBackspace:
		if r := []rune(s.query.Text); len(r) > 0 {
			s.query.Text = string(r[:len(r)-1])
		}
	case tea.KeyRunes, tea.KeySpace:
		s.query.Text += string(msg.Runes)
	default:
		return nil
	}
	return s.restart(m)
}

func (s *tasksScreen) view(m *Model, width, height int) []string {
	bar := m.styles.soft.Render(fmt.Sprintf("%d shown · only %s", len(s.rows), s.query.Only))
	if s.next > 0 {
		bar += m.styles.soft.Render(" · more follow")
	}
	if s.editing {
		bar = m.styles.accent.Render("/") + name(s.query.Text, 60) + m.styles.cursor.Render(" ") + m.styles.soft.Render("  enter keeps it, esc drops it")
	}
	out := []string{bar}
	switch {
	case s.err != nil:
		return append(out, m.styles.bad.Render("error: ")+name(s.err.Error(), 200))
	case len(s.rows) == 0 && s.reading:
		return append(out, "reading …")
	case len(s.rows) == 0:
		return append(out, "No task fits. f changes the kind, / the words.")
	}
	s.list.setSize(height-2, len(s.rows))
	s.list.first = 2
	from, to := s.list.rows()
	lines := make([][]string, 0, to-from)
	for i := from; i < to; i++ {
		r := &s.rows[i]
		cells := []string{name(r.ID, 30), name(r.Type, 20)}
		for k := range s.names {
			v := eval.Verdict("")
			if k < len(r.Verdicts) {
				v = r.Verdicts[k]
			}
			cells = append(cells, m.styles.verdict(v))
		}
		lines = append(lines, cells)
	}
	cols := []column{{head: "task"}, {head: "type", keep: 1}}
	for _, n := range s.names {
		cols = append(cols, column{head: name(n, max((width-44)/max(len(s.names), 1)-2, 3)), keep: 2})
	}
	laid := grid(cols, lines, width-1)
	out = append(out, m.styles.head.Render(" "+laid[0]))
	for i, line := range laid[1:] {
		if from+i == s.list.cursor {
			line = m.styles.cursor.Render(pointed(line))
		} else {
			line = " " + line
		}
		out = append(out, line)
	}
	return out
}
