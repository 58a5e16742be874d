package tui

import (
	"strings"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"
)

// list is a cursor over rows that scroll. It keeps its place when rows change.
type list struct {
	cursor, top, height int
	n                   int
	first               int // line of the screen's content on which the first row stands
}

// headerLines stand above a screen's content.
const headerLines = 2

// setSize sets how many rows are visible, and how many there are.
func (l *list) setSize(height, n int) {
	l.height, l.n = max(height, 1), n
	l.cursor = min(max(l.cursor, 0), max(n-1, 0))
	l.top = min(max(l.top, l.cursor-l.height+1), l.cursor)
	l.top = max(min(l.top, n-l.height), 0)
}

// move handles the keys and the wheel that move a cursor; false = not one of
// them.
func (l *list) move(msg tea.Msg, k *keyMap) bool {
	to := l.cursor
	switch m := msg.(type) {
	case tea.KeyMsg:
		switch {
		case key.Matches(m, k.Up):
			to--
		case key.Matches(m, k.Down):
			to++
		case key.Matches(m, k.PageUp):
			to -= l.height
		case key.Matches(m, k.PageDown):
			to += l.height
		case key.Matches(m, k.Top):
			to = 0
		case key.Matches(m, k.Bottom):
			to = l.n - 1
		default:
			return false
		}
	case tea.MouseMsg:
		switch m.Button {
		case tea.MouseButtonWheelUp:
			to -= 3
		case tea.MouseButtonWheelDown:
			to += 3
		case tea.MouseButtonLeft:
			row := m.Y - headerLines - l.first
			if m.Action != tea.MouseActionPress || row < 0 || row >= l.height || l.top+row >= l.n {
				return false
			}
			to = l.top + row
		default:
			return false
		}
	default:
		return false
	}
	l.cursor = to
	l.setSize(l.height, l.n)
	return true
}

// rows returns the visible range.
func (l *list) rows() (from, to int) { return l.top, min(l.top+l.height, l.n) }

// column is one column of a table.
type column struct {
	head  string
	right bool
	keep  int // 0 = always; higher ones go first where the screen is narrow
}

// grid lays rows of cells out in columns that fit the width; the first line is
// the head. Cells may be styled; their width is measured without that.
func grid(cols []column, rows [][]string, width int) []string {
	shown := make([]bool, len(cols))
	widths := make([]int, len(cols))
	for i := range cols {
		shown[i] = true
		widths[i] = ansi.StringWidth(cols[i].head)
		for _, r := range rows {
			widths[i] = max(widths[i], ansi.StringWidth(r[i]))
		}
	}
	total := func() (n int) {
		for i := range cols {
			if shown[i] {
				n += widths[i] + 2
			}
		}
		return n
	}
	for total() > width+2 {
		worst := -1
		for i := range cols {
			if shown[i] && cols[i].keep > 0 && (worst < 0 || cols[i].keep >= cols[worst].keep) {
				worst = i
			}
		}
		if worst < 0 {
			break
		}
		shown[worst] = false
	}
	line := func(cells []string) string {
		var b strings.Builder
		for i, c := range cells {
			if !shown[i] {
				continue
			}
			pad := strings.Repeat(" ", max(widths[i]-ansi.StringWidth(c), 0))
			if cols[i].right {
				b.WriteString(pad + c + "  ")
			} else {
				b.WriteString(c + pad + "  ")
			}
		}
		return ansi.Truncate(strings.TrimRight(b.String(), " "), max(width, 0), "…")
	}
	head := make([]string, len(cols))
	for i := range cols {
		head[i] = cols[i].head
	}
	out := []string{line(head)}
	for _, r := range rows {
		out = append(out, line(r))
	}
	return out
}

// fit cuts or fills text to exactly so many lines of at most so many columns.
func fit(lines []string, width, height int) string {
	if width <= 0 || height <= 0 {
		return ""
	}
	out := make([]string, height)
	for i := range out {
		if i < len(lines) {
			out[i] = ansi.Truncate(lines[i], width, "…")
		}
	}
	return strings.Join(out, "\n")
}

// wrap breaks a text into lines of at most so many columns.
func wrap(s string, width int) []string {
	if width < 1 {
		return nil
	}
	return strings.Split(ansi.Wrap(s, width, ""), "\n")
}
