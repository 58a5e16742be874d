package tui

import (
	"fmt"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"
)

// runsScreen is the list of runs.
type runsScreen struct {
	list list
	runs []RunLine
	err  error
}

func (s *runsScreen) title() string   { return "runs" }
func (s *runsScreen) command() string { return "infer runs list" }

func (s *runsScreen) keys(k *keyMap) []key.Binding { return []key.Binding{k.Open} }

func (s *runsScreen) yank() (string, any) {
	if s.list.cursor >= len(s.runs) {
		return "", nil
	}
	return s.runs[s.list.cursor].ID, s.runs[s.list.cursor]
}

func (s *runsScreen) update(m *Model, msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case runsMsg:
		m.loading = false
		s.runs, s.err = msg.runs, msg.err
		s.list.setSize(s.list.height, len(s.runs))
	case openMsg:
		m.push(&boardScreen{})
		return m.top().update(m, msg)
	case tea.KeyMsg:
		if key.Matches(msg, m.keymap.Open) && s.list.cursor < len(s.runs) {
			m.loading = true
			return m.open(s.runs[s.list.cursor].ID)
		}
	}
	s.list.move(msg, &m.keymap)
	return nil
}

func (s *runsScreen) view(m *Model, width, height int) []string {
	if s.err != nil {
		return []string{m.styles.bad.Render("error: ") + name(s.err.Error(), 200)}
	}
	if len(s.runs) == 0 {
		return []string{"No run yet. This makes one, without a key or a server:", "", "  infer init --example && infer eval quickstart"}
	}
	rows := make([][]string, len(s.runs))
	for i, r := range s.runs {
		rows[i] = []string{r.ID, name(r.Name, 30), string(r.State), fmt.Sprint(r.Tasks), fmt.Sprint(r.Candidates), fmt.Sprintf("%d/%d", r.Trials, r.Planned), r.Updated.UTC().Format("2006-01-02 15:04")}
	}
	lines := grid([]column{{head: "run"}, {head: "name"}, {head: "state", keep: 2}, {head: "tasks", right: true, keep: 3}, {head: "candidates", right: true, keep: 4}, {head: "trials", right: true}, {head: "updated", keep: 1}}, rows, width)
	return s.list.draw(m, lines, 0, height)
}

// draw shows the head and the visible rows of a grid with the cursor; so many
// lines of the screen stand above it.
func (l *list) draw(m *Model, lines []string, above, height int) []string {
	l.setSize(height-1, len(lines)-1)
	l.first = above + 1
	out := []string{m.styles.head.Render(" " + lines[0])}
	from, to := l.rows()
	for i := from; i < to; i++ {
		if i == l.cursor {
			out = append(out, m.styles.cursor.Render(pointed(lines[i+1])))
		} else {
			out = append(out, " "+lines[i+1])
		}
	}
	return out
}

// pointed marks the row under the cursor, so that it is seen without colour too.
func pointed(line string) string { return "▸" + line }
