package tui

import (
	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"
)

// list is a cursor over rows of which a stretch is seen. It keeps its place when
// rows or sizes change.
type list struct {
	cursor, off int
	height, n   int
	first       int // line of the screen's body on which the first row stands
}

// setHeight says how many rows are seen.
func (l *list) setHeight(height int) {
	l.height = max(height, 0)
	l.settle()
}

// setLen says how many rows there are.
func (l *list) setLen(n int) {
	l.n = n
	l.settle()
}

func (l *list) settle() {
	l.cursor = max(min(l.cursor, l.n-1), 0)
	h := max(l.height, 1)
	l.off = min(max(l.off, l.cursor-h+1), l.cursor)
	l.off = max(min(l.off, l.n-h), 0)
}

// seen is the range of rows that are seen.
func (l *list) seen() (from, to int) { return l.off, min(l.off+l.height, l.n) }

// here reports whether there is a row under the cursor.
func (l *list) here() bool { return l.cursor < l.n }

// move handles the keys that move a cursor and the wheel; false = not one of them.
func (l *list) move(msg tea.Msg, k *keyMap) bool {
	page := max(l.height-1, 1)
	to := l.cursor
	switch m := msg.(type) {
	case tea.KeyMsg:
		switch {
		case key.Matches(m, k.Up):
			to--
		case key.Matches(m, k.Down):
			to++
		case key.Matches(m, k.PageUp):
			to -= page
		case key.Matches(m, k.PageDown):
			to += page
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
		default:
			return false
		}
	default:
		return false
	}
	l.cursor = to
	l.settle()
	return true
}

// click chooses the row that was clicked on; again reports that it had the cursor
// already, which opens it.
func (l *list) click(msg tea.Msg) (hit, again bool) {
	m, ok := msg.(tea.MouseMsg)
	if !ok || !pressed(m) {
		return false, false
	}
	row := m.Y - l.first
	if row < 0 || row >= l.height || l.off+row >= l.n {
		return false, false
	}
	again = l.cursor == l.off+row
	l.cursor = l.off + row
	return true, again
}

// pressed reports whether a mouse event is a press of its left button.
func pressed(m tea.MouseMsg) bool {
	return m.Button == tea.MouseButtonLeft && m.Action == tea.MouseActionPress
}

// scroll is a text longer than its place.
type scroll struct{ off, height, n int }

func (s *scroll) set(height, n int) {
	s.height, s.n = max(height, 0), n
	s.off = max(min(s.off, s.n-s.height), 0)
}

// move handles the keys and the wheel that scroll; false = not one of them.
func (s *scroll) move(msg tea.Msg, k *keyMap) bool {
	l := list{cursor: s.off, n: max(s.n-s.height+1, 1), height: s.height}
	if !l.move(msg, k) {
		return false
	}
	s.off = l.cursor
	return true
}
