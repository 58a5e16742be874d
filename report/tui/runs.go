package tui

import (
	"fmt"
	"slices"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"infer/eval"
)

// runsScreen is the list of runs.
type runsScreen struct {
	*shell
	list
	width  int
	runs   []RunLine // as shown
	all    []RunLine
	marked []string // IDs, at most two
	filter input
	edits  bool
	table  table
	rows   [][]line
	err    error
}

// runsMsg is the list of runs as it was read.
type runsMsg struct {
	runs []RunLine
	err  error
}

func newRunsScreen(s *shell) *runsScreen {
	return &runsScreen{shell: s, table: table{columns: []column{{head: "run"}, {head: "name"}, {head: "state"}, {head: "trials", right: true}, {head: "accepted", right: true, keep: 2},
		{head: "candidates", right: true, keep: 4}, {head: "cost", right: true, keep: 3}, {head: "updated (UTC)", keep: 1}}}}
}

func (s *runsScreen) title() string {
	if s.filter.text != "" {
		return "runs /" + s.filter.text
	}
	return "runs"
}

func (s *runsScreen) command() []string { return []string{"runs", "list"} }
func (s *runsScreen) typing() bool      { return s.edits }

// Keys are those of the list.
func (s *runsScreen) Keys() []key.Binding {
	k := &s.keys
	return []key.Binding{k.Open, called(k.Mark, "mark"), called(k.Compare, "compare two"), k.Filter, k.Refresh}
}

func (s *runsScreen) copy() (string, any) {
	if !s.here() {
		return "", nil
	}
	r := s.runs[s.cursor]
	return fmt.Sprintf("%s %s: %s, %d of %d trials", r.ID, name(r.Name, 60), r.State, r.Trials, r.Planned), r
}

// SetSize says how many rows are seen.
func (s *runsScreen) SetSize(width, height int) {
	if width != s.width {
		s.width = width
		s.lay()
	}
	s.first = 1
	if s.edits {
		s.first++
	}
	s.setHeight(height - s.first)
}

// Update handles one message.
func (s *runsScreen) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case runsMsg:
		s.loading = false
		if s.all, s.err = msg.runs, msg.err; msg.err != nil {
			s.fail(msg.err)
		}
		s.pick()
		return nil
	case runMsg:
		if s.top() == screen(s) { // a run was opened from here
			s.push(newBoard(s.shell))
			return s.shell.top().Update(msg)
		}
		return nil
	case tea.KeyMsg:
		if s.edits {
			return s.typed(msg)
		}
		switch {
		case key.Matches(msg, s.keys.Open):
			return s.enter()
		case key.Matches(msg, s.keys.Filter):
			s.edits = true
			return nil
		case key.Matches(msg, s.keys.Mark) && s.here():
			s.mark(s.runs[s.cursor].ID)
			return nil
		case key.Matches(msg, s.keys.Compare):
			return s.compare()
		}
	}
	if hit, again := s.click(msg); hit {
		if again {
			return s.enter()
		}
		return nil
	}
	s.move(msg, &s.keys)
	return nil
}

func (s *runsScreen) enter() tea.Cmd {
	if !s.here() {
		return nil
	}
	s.loading = true
	return s.open(s.runs[s.cursor].ID)
}

func (s *runsScreen) mark(id string) {
	if i := slices.Index(s.marked, id); i >= 0 {
		s.marked = slices.Delete(s.marked, i, i+1)
	} else {
		s.marked = append(s.marked[max(0, len(s.marked)-1):len(s.marked):len(s.marked)], id)
	}
	s.lay()
}

// compare opens the marked runs side by side: two of them, or the marked one and
// the one under the cursor.
func (s *runsScreen) compare() tea.Cmd {
	pair := slices.Clone(s.marked)
	if len(pair) == 1 && s.here() && s.runs[s.cursor].ID != pair[0] {
		pair = append(pair, s.runs[s.cursor].ID)
	}
	if len(pair) != 2 {
		s.say(warn, "mark two runs first: space")
		return nil
	}
	c := newCompare(s.shell, pair[0], pair[1])
	s.push(c)
	return c.read()
}

// typed takes the letters of the filter.
func (s *runsScreen) typed(msg tea.KeyMsg) tea.Cmd {
	switch msg.Type {
	case tea.KeyEnter:
		s.edits = false
	case tea.KeyEsc:
		s.edits, s.filter.text = false, ""
	default:
		s.filter.edit(msg)
	}
	s.pick()
	return nil
}

// pick shows the runs that fit the filter.
func (s *runsScreen) pick() {
	s.runs = s.runs[:0]
	for _, r := range s.all {
		if contains(r.ID+" "+r.Name+" "+r.Dataset, s.filter.text) {
			s.runs = append(s.runs, r)
		}
	}
	s.setLen(len(s.runs))
	s.lay()
}

// lay makes the cells of the rows.
func (s *runsScreen) lay() {
	s.rows = make([][]line, len(s.runs))
	for i, r := range s.runs {
		id := text(r.ID)
		if slices.Contains(s.marked, r.ID) {
			id = id.and(span{" ◆", accent})
		}
		trials := text(count(r.Trials))
		if r.Trials < r.Planned {
			trials = trials.and(span{" of " + count(r.Planned), soft})
		}
		s.rows[i] = []line{id, text(name(r.Name, 30)), {stateSign(r.State)}, trials, text(count(r.Accepted)), text(fmt.Sprint(len(r.Candidates))), text(cost(r.Cost)),
			toned(r.Updated.UTC().Format("2006-01-02 15:04"), soft)}
	}
	s.table.layout(s.rows, s.width-1)
}

// Lines draws the list.
func (s *runsScreen) Lines() []line {
	var out []line
	if s.edits {
		out = append(out, s.filter.line(" /", "enter keeps it, esc drops it"))
	}
	switch {
	case s.err != nil:
		return append(out, line{{" error: ", bad}, {s.err.Error(), plain}}, toned(" "+eval.Hint(s.err), soft))
	case len(s.all) == 0:
		return append(out, nil, toned(" No run yet. These two make one, without a key or a server:", strong), nil,
			toned("   infer init --example", accent), toned("   infer eval quickstart", accent), nil, toned(" r looks again.", soft))
	case len(s.runs) == 0:
		return append(out, text(" No run is called so. / changes the filter."))
	}
	out = append(out, append(text(" "), s.table.header("", false)...))
	from, to := s.seen()
	for i := from; i < to; i++ {
		out = append(out, pointed(s.table.row(s.rows[i]), i == s.cursor, s.width))
	}
	if s.height-(to-from) > 4 && s.here() {
		out = append(out, nil)
		out = append(out, s.detail(&s.runs[s.cursor])...)
	}
	return out
}

// detail is more about the run under the cursor, where there is room.
func (s *runsScreen) detail(r *RunLine) []line {
	out := []line{rule(name(r.Name, 30)+" "+r.ID, s.width)}
	var names string
	for i, c := range r.Candidates {
		if i > 0 {
			names += ", "
		}
		names += name(c, 40)
	}
	out = append(out, line{{"   dataset     ", soft}, {fmt.Sprintf("%s · %s", name(r.Dataset, 60), plural(int64(r.Tasks), "task")), plain}})
	out = append(out, paragraph("   candidates", plain, names, 15, s.width-1)...)
	return append(out, line{{"   made        ", soft}, {r.Created.UTC().Format("2006-01-02 15:04:05") + " UTC", plain}})
}
