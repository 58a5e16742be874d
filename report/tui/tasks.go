package tui

import (
	"slices"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"infer/eval"
	"infer/report"
)

// tasksScreen lists tasks with every candidate's verdict. It holds the rows around
// the cursor only, whatever the run's size.
type tasksScreen struct {
	*shell
	list
	width, body int
	query       Query
	rows        map[int]TaskLine // by place in the list
	page        Page             // the last one: how many fit, and how far was looked
	asked       int              // number of the last question
	reading     bool
	edits       bool
	filter      input
	table       table
	drawn       [][]line // the cells of the rows that are seen
	err         error
}

// pageMsg is a page that came.
type pageMsg struct {
	to    *tasksScreen
	asked int
	page  Page
	err   error
}

// keptRows is how many rows are remembered at most.
const keptRows = 2000

func newTasks(s *shell, q Query) *tasksScreen {
	return &tasksScreen{shell: s, query: q, rows: make(map[int]TaskLine), table: table{sticky: true}}
}

func (s *tasksScreen) title() string {
	only := ""
	if s.query.Only != OnlyAll {
		only = s.query.Only.String()
	}
	return title("tasks", only, string(s.query.Class), name(s.query.Type, 24), s.query.Text)
}

func (s *tasksScreen) command() []string { return []string{"report", s.run(), "--format", "jsonl"} }
func (s *tasksScreen) typing() bool      { return s.edits }

// Keys are those of the list.
func (s *tasksScreen) Keys() []key.Binding {
	k := &s.keys
	return []key.Binding{k.Open, k.Filter, called(k.Only, "only "+s.nextOnly().String()), k.Sort, called(k.Class, "by error"), called(k.Type, "by type"), k.Reverse}
}

func (s *tasksScreen) nextOnly() Only { return (s.query.Only + 1) % (OnlyErrors + 1) }

// row is the row under the cursor; false = it is not there yet.
func (s *tasksScreen) row() (TaskLine, bool) {
	r, ok := s.rows[s.cursor]
	return r, ok && s.here()
}

func (s *tasksScreen) copy() (string, any) {
	r, ok := s.row()
	if !ok {
		return "", nil
	}
	return r.ID, r
}

// SetSize says how many rows are seen, and lays them out.
func (s *tasksScreen) SetSize(width, height int) {
	s.width, s.body = width, height
	s.first = min(3, max(height-1, 1))
	s.setHeight(height - s.first)
	from, to := s.seen()
	s.drawn = s.drawn[:0]
	s.table.columns = s.columns()
	for i := from; i < to; i++ {
		r, ok := s.rows[i]
		s.drawn = append(s.drawn, s.cells(&r, ok))
	}
	s.table.layout(s.drawn, s.leftWidth()-2)
}

// leftWidth is how wide the list is.
func (s *tasksScreen) leftWidth() int {
	if s.width >= paneFrom {
		return s.width * 60 / 100
	}
	return s.width
}

// Update handles one message.
func (s *tasksScreen) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case runMsg, refreshMsg:
		return s.ask()
	case pageMsg:
		if msg.to != s || msg.asked != s.asked {
			return nil
		}
		return s.came(msg)
	case tea.KeyMsg:
		if s.edits {
			return s.typed(msg)
		}
		if cmd, ok := s.press(msg); ok {
			return cmd
		}
	case tea.MouseMsg:
		if o := s.table.clicked(msg, 1, s.first-1); o != "" {
			return s.sortBy(Order(o))
		}
	}
	if hit, again := s.click(msg); hit {
		if again {
			return s.enter()
		}
		return nil
	}
	if s.move(msg, &s.keys) {
		return s.need()
	}
	return nil
}

func (s *tasksScreen) press(msg tea.KeyMsg) (tea.Cmd, bool) {
	k := &s.keys
	switch {
	case key.Matches(msg, k.Open):
		return s.enter(), true
	case key.Matches(msg, k.Filter):
		s.edits, s.filter.text = true, s.query.Text
	case key.Matches(msg, k.Only):
		s.query.Only = s.nextOnly()
		return s.restart(), true
	case key.Matches(msg, k.Class):
		s.query.Class = s.nextClass()
		return s.restart(), true
	case key.Matches(msg, k.Type):
		kinds := append([]string{""}, s.types()[1:]...)
		s.query.Type = kinds[(indexOf(kinds, s.query.Type)+1)%len(kinds)]
		return s.restart(), true
	case key.Matches(msg, k.Sort):
		orders := Orders()
		return s.sortBy(orders[(slices.Index(orders, s.query.Order)+1)%len(orders)]), true
	case key.Matches(msg, k.Reverse):
		s.query.Back = !s.query.Back
		return s.restart(), true
	default:
		return nil, false
	}
	return nil, true
}

// nextClass goes through the classes of error that there are in the run.
func (s *tasksScreen) nextClass() eval.Class {
	there := []eval.Class{""}
	for _, class := range eval.Classes() {
		if slices.ContainsFunc(s.report.Cells, func(c report.Cell) bool { return c.Errors[class] > 0 }) {
			there = append(there, class)
		}
	}
	if len(there) == 1 {
		s.say(soft, "no trial ended in an error")
	}
	return there[(slices.Index(there, s.query.Class)+1)%len(there)]
}

func (s *tasksScreen) sortBy(o Order) tea.Cmd {
	if s.query.Order == o && o != OrderDataset {
		s.query.Back = !s.query.Back
	} else {
		s.query.Order, s.query.Back = o, false
	}
	words := string(o)
	if o == OrderDataset {
		words = "the dataset's order"
	}
	s.say(soft, "sorted by "+words)
	return s.restart()
}

func (s *tasksScreen) enter() tea.Cmd {
	r, ok := s.row()
	if !ok {
		return nil
	}
	t := newTask(s.shell, s, r.Seq, r.ID)
	s.push(t)
	return t.read()
}

// typed takes the letters of the filter.
func (s *tasksScreen) typed(msg tea.KeyMsg) tea.Cmd {
	switch msg.Type {
	case tea.KeyEnter:
		s.edits = false
		return nil
	case tea.KeyEsc:
		s.edits, s.filter.text = false, ""
	default:
		if !s.filter.edit(msg) {
			return nil
		}
	}
	if s.filter.text == s.query.Text {
		return nil
	}
	s.query.Text = s.filter.text
	return s.restart()
}

// restart asks anew from the top.
func (s *tasksScreen) restart() tea.Cmd {
	clear(s.rows)
	s.page, s.cursor, s.off = Page{}, 0, 0
	s.setLen(0)
	return s.ask()
}

// ask asks for the rows around those that are seen.
func (s *tasksScreen) ask() tea.Cmd {
	s.asked++
	s.reading = true
	q, src, ctx, run, asked := s.query, s.o.Tasks, s.ctx, s.run(), s.asked
	h := max(s.height, 20)
	q.From, q.Size = max(s.off-h, 0), 3*h
	q.Among = slices.Clone(q.Among)
	return func() tea.Msg {
		page, err := src.Tasks(ctx, run, q)
		return pageMsg{s, asked, page, err}
	}
}

// need asks where rows that are seen are not there.
func (s *tasksScreen) need() tea.Cmd {
	if s.reading {
		return nil // what comes asks again
	}
	from, to := s.seen()
	for i := from; i < to; i++ {
		if _, ok := s.rows[i]; !ok {
			return s.ask()
		}
	}
	return nil
}

// came takes a page in, and goes on asking while the source is not done.
func (s *tasksScreen) came(msg pageMsg) tea.Cmd {
	s.reading, s.err = false, msg.err
	if msg.err != nil {
		s.fail(msg.err)
		return nil
	}
	if len(s.rows) > keptRows {
		clear(s.rows)
	}
	s.page = msg.page
	for i, r := range msg.page.Rows {
		s.rows[msg.page.From+i] = r
	}
	s.setLen(msg.page.Total)
	if !msg.page.Done() {
		return s.ask()
	}
	return s.need()
}
