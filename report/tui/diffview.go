package tui

import (
	"fmt"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"
)

// side is one of two texts that are compared.
type side struct{ label, text string }

// diffScreen shows what differs between a text and one of several others.
type diffScreen struct {
	*shell
	scroll
	args   []string
	a      side
	others []side
	at     int
	width  int
	lines  []line
}

// sidesFrom is the width from which the two texts stand side by side.
const sidesFrom = 100

func newDiff(s *shell, args []string, a side, others []side) *diffScreen {
	return &diffScreen{shell: s, args: args, a: a, others: others}
}

func (s *diffScreen) b() *side          { return &s.others[s.at] }
func (s *diffScreen) title() string     { return title("diff") }
func (s *diffScreen) command() []string { return s.args }

// Keys are those of the comparison.
func (s *diffScreen) Keys() []key.Binding {
	k := []key.Binding{s.keys.Down, s.keys.Up, s.keys.Back, s.keys.Yank}
	if len(s.others) > 1 {
		k = append([]key.Binding{called(s.keys.Other, "next candidate")}, k...)
	}
	return k
}

func (s *diffScreen) copy() (string, any) {
	out := fmt.Sprintf("--- %s\n+++ %s\n", s.a.label, s.b().label)
	for _, c := range compareTexts(s.a.text, s.b().text) {
		switch c.op {
		case gone:
			out += "[-" + c.text + "-]"
		case come:
			out += "{+" + c.text + "+}"
		default:
			out += c.text
		}
	}
	return out, map[string]string{s.a.label: s.a.text, s.b().label: s.b().text}
}

// SetSize lays the comparison out.
func (s *diffScreen) SetSize(width, height int) {
	if width != s.width {
		s.width, s.lines = width, nil
	}
	if s.lines == nil {
		s.lay()
	}
	s.set(height-2, len(s.lines))
}

func (s *diffScreen) lay() {
	a, b := cutText(s.a.text), cutText(s.b().text)
	if a == b {
		s.lines = []line{toned(" The two are the same.", good), nil}
		for _, w := range fold(a, s.width-2) {
			s.lines = append(s.lines, text(" "+w))
		}
		return
	}
	changes := compareTexts(a, b)
	if s.width < sidesFrom {
		for _, l := range inline(changes, s.width-2) {
			s.lines = append(s.lines, append(text(" "), l...))
		}
		return
	}
	half := s.width/2 - 2
	l, r := halves(changes, half-2, s.width-half-4)
	for i := range l {
		l[i] = append(text(" "), l[i]...)
	}
	s.lines = beside(l, half, r, max(len(l), len(r)))
}

// cutText bounds what is compared.
func cutText(s string) string {
	if len(s) > maxRead {
		return s[:maxRead] + "…"
	}
	return s
}

// Update scrolls, and goes to the next of the others.
func (s *diffScreen) Update(msg tea.Msg) tea.Cmd {
	if k, ok := msg.(tea.KeyMsg); ok && key.Matches(k, s.keys.Other, s.keys.Diff) {
		s.at, s.off, s.lines = (s.at+1)%len(s.others), 0, nil
		return nil
	}
	s.move(msg, &s.keys)
	return nil
}

// Lines draws what is seen.
func (s *diffScreen) Lines() []line {
	head := line{{" " + s.a.label, bad}, {"  against  ", soft}, {s.b().label, good}}
	if len(s.others) > 1 {
		head = head.and(span{fmt.Sprintf("   %d of %d", s.at+1, len(s.others)), soft})
	}
	return append([]line{head, nil}, s.lines[s.off:min(s.off+s.height, len(s.lines))]...)
}
