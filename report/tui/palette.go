package tui

import (
	"strings"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"
)

// palette is the list of what can be done here, filtered by typing.
type palette struct {
	text  string
	list  list
	items []key.Binding
}

func newPalette(m *Model) *palette {
	p := &palette{}
	seen := make(map[string]bool)
	for _, b := range append(m.top().keys(&m.keymap), m.keymap.everywhere()...) {
		if !seen[b.Help().Desc] {
			seen[b.Help().Desc] = true
			p.items = append(p.items, b)
		}
	}
	p.list.setSize(len(p.items), len(p.items))
	return p
}

// shown are the items whose description holds what was typed.
func (p *palette) shown() []key.Binding {
	var out []key.Binding
	for _, b := range p.items {
		if strings.Contains(strings.ToLower(b.Help().Desc), strings.ToLower(p.text)) {
			out = append(out, b)
		}
	}
	return out
}

func (p *palette) press(m *Model, msg tea.KeyMsg) tea.Cmd {
	switch msg.Type {
	case tea.KeyEsc, tea.KeyCtrlC:
		m.palette = nil
		return nil
	case tea.KeyEnter:
		items := p.shown()
		m.palette = nil
		if p.list.cursor < len(items) {
			return m.press(keyMsg(items[p.list.cursor].Keys()[0]))
		}
		return nil
	case tea.KeyUp, tea.KeyDown:
		p.list.move(msg, &m.keymap)
		return nil
	case tea.KeyBackspace:
		if r := []rune(p.text); len(r) > 0 {
			p.text = string(r[:len(r)-1])
		}
	case tea.KeyRunes, tea.KeySpace:
		p.text += string(msg.Runes)
	default:
		return nil
	}
	p.list.cursor = 0
	p.list.setSize(p.list.height, len(p.shown()))
	return nil
}

// keyMsg is a key as if it had been pressed.
func keyMsg(name string) tea.KeyMsg {
	for t, s := range map[tea.KeyType]string{tea.KeyEnter: "enter", tea.KeyEsc: "esc", tea.KeyCtrlU: "ctrl+u", tea.KeyCtrlD: "ctrl+d"} {
		if s == name {
			return tea.KeyMsg{Type: t}
		}
	}
	return tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(name)}
}

func (p *palette) view(m *Model, width, height int) []string {
	out := []string{m.styles.accent.Render(":") + name(p.text, 60) + m.styles.cursor.Render(" ") + m.styles.soft.Render("  enter does it, esc leaves")}
	items := p.shown()
	p.list.setSize(height-1, len(items))
	from, to := p.list.rows()
	for i := from; i < to; i++ {
		line := items[i].Help().Desc + m.styles.soft.Render("  "+items[i].Help().Key)
		if i == p.list.cursor {
			line = m.styles.cursor.Render("▸" + line)
		}
		out = append(out, line)
	}
	if len(items) == 0 {
		out = append(out, "nothing is called so")
	}
	return out
}
