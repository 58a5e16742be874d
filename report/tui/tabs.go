package tui

import (
	tea "github.com/charmbracelet/bubbletea"

	"infer/report"
)

// tabs are the task types of a run, all of them together first. One is chosen.
type tabs struct {
	names []string
	at    int
	off   int // the first that is drawn
}

// set gives the names; what was chosen stays chosen.
func (t *tabs) set(names []string) {
	chosen := t.kind()
	t.names = names
	t.choose(chosen)
}

func (t *tabs) choose(name string) {
	if i := indexOf(t.names, name); i >= 0 {
		t.at = i
	}
	t.at = max(min(t.at, len(t.names)-1), 0)
}

// kind is the chosen task type.
func (t *tabs) kind() string {
	if t.at >= len(t.names) {
		return report.Overall
	}
	return t.names[t.at]
}

func (t *tabs) overall() bool { return t.kind() == report.Overall }

// turn goes to the next one or the one before.
func (t *tabs) turn(next bool) {
	if n := len(t.names); n > 0 {
		t.at = (t.at + n + 1) % n
		if !next {
			t.at = (t.at + n - 2) % n
		}
	}
}

// label is one tab as it is drawn.
func (t *tabs) label(i int) line {
	n := typeName(t.names[i], 24)
	if i == t.at {
		return line{{"[" + n + "]", strong}}
	}
	return line{{" " + n + " ", plain}}
}

// fit settles which tab is drawn first, so that the chosen one is seen.
func (t *tabs) fit(width int) {
	t.off = min(t.off, t.at)
	for ; t.off < t.at; t.off++ {
		n := 3
		for i := t.off; i <= t.at; i++ {
			n += t.label(i).width() + 1
		}
		if n <= width {
			return
		}
	}
}

// line draws the tabs.
func (t *tabs) line(width int) line {
	l := text(" ")
	if t.off > 0 {
		l = toned("‹", soft)
	}
	for i := t.off; i < len(t.names); i++ {
		tab := t.label(i)
		if l.width()+tab.width()+2 > width && i > t.off {
			return l.and(span{"›", soft})
		}
		l = append(append(l, tab...), span{" ", plain})
	}
	return l
}

// click chooses the tab that was clicked on; they stand on line y.
func (t *tabs) click(m tea.MouseMsg, y int) bool {
	if m.Y != y || !pressed(m) {
		return false
	}
	x := 1
	for i := t.off; i < len(t.names); i++ {
		n := t.label(i).width()
		if m.X >= x && m.X < x+n {
			t.at = i
			return true
		}
		x += n + 1
	}
	return false
}
