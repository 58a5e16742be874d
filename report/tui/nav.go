package tui

import (
	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"
)

// keyed takes letters apart that came together, as over a slow connection; a paste
// stays one.
func (m *Model) keyed(msg tea.KeyMsg) tea.Cmd {
	if msg.Type != tea.KeyRunes || len(msg.Runes) < 2 || msg.Paste || msg.Alt {
		return m.press(msg)
	}
	var cmds []tea.Cmd
	for _, r := range msg.Runes {
		cmds = append(cmds, m.press(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune{r}}))
	}
	return batch(cmds...)
}

// press handles one key: whatever lies over the screen first, then the screen
// while it takes letters, then the keys of every screen, then the screen's own.
func (m *Model) press(msg tea.KeyMsg) tea.Cmd {
	if msg.String() == "ctrl+c" {
		return tea.Quit
	}
	if m.palette != nil {
		return m.palette.press(m, msg)
	}
	if t, ok := m.top().(typing); ok && t.typing() {
		return m.top().Update(msg)
	}
	m.status = span{}
	if m.help != nil {
		if m.help.move(msg, &m.keys) {
			return nil
		}
		m.help = nil
		if !key.Matches(msg, m.keys.Quit) {
			return nil
		}
	}
	if cmd, ok := m.common(msg); ok {
		return cmd
	}
	return m.top().Update(msg)
}

// common handles the keys that every screen has; false = not one of them.
func (m *Model) common(msg tea.KeyMsg) (tea.Cmd, bool) {
	k := &m.keys
	switch {
	case key.Matches(msg, k.Quit):
		return tea.Quit, true
	case key.Matches(msg, k.Help):
		m.help = newHelp(m)
	case key.Matches(msg, k.Palette):
		m.palette = newPalette(m)
	case key.Matches(msg, k.Back):
		if !m.pop() {
			m.say(soft, "this is the first screen; q quits")
		}
	case key.Matches(msg, k.screens()...):
		return m.visit(msg), true
	case key.Matches(msg, k.Yank):
		words, _ := m.top().copy()
		return m.yank("the text", words), true
	case key.Matches(msg, k.YankJSON):
		return m.yankJSON(), true
	case key.Matches(msg, k.Command):
		return m.yank("`"+m.commandLine()+"`", m.commandLine()), true
	case key.Matches(msg, k.Refresh):
		return m.refresh(), true
	case key.Matches(msg, k.Theme):
		m.theme = (m.theme + 1) % len(m.themes)
		m.say(soft, "theme: "+m.themes[m.theme].name)
	case key.Matches(msg, k.Mouse):
		m.mouse = !m.mouse
		if m.mouse {
			m.say(soft, "mouse on: the wheel scrolls, a click chooses, a second one opens, one on a head sorts")
			return tea.EnableMouseCellMotion, true
		}
		m.say(soft, "mouse off: the terminal selects text itself")
		return tea.DisableMouse, true
	default:
		return nil, false
	}
	return nil, true
}

// refresh reads again what the screen shows.
func (m *Model) refresh() tea.Cmd {
	if _, ok := m.top().(*runsScreen); ok || m.report == nil {
		return m.readRuns()
	}
	return batch(m.open(m.report.Run.ID), m.tell(refreshMsg{}))
}

// refreshMsg asks the screens to read again what they read themselves.
type refreshMsg struct{}

// visit goes to one of the main screens.
func (m *Model) visit(msg tea.KeyMsg) tea.Cmd {
	k, s := &m.keys, &m.shell
	if key.Matches(msg, k.Runs) {
		m.stack = []screen{newRunsScreen(s)}
		return m.readRuns()
	}
	if m.report == nil {
		m.say(warn, "open a run first: enter")
		return nil
	}
	switch {
	case key.Matches(msg, k.Board):
		return m.jump(newBoard(s))
	case key.Matches(msg, k.Frontier):
		return m.jump(newFrontier(s))
	case key.Matches(msg, k.Tasks):
		return m.jump(newTasks(s, Query{}))
	case key.Matches(msg, k.Review):
		return m.jump(newReviewScreen(s))
	}
	return m.jump(newDecide(s))
}

// clicked hands a mouse event to the tabs or, with rows counted from the top of the
// body, to the screen.
func (m *Model) clicked(msg tea.MouseMsg) tea.Cmd {
	top := m.bodyTop()
	if m.palette != nil || m.help != nil {
		if m.help != nil {
			m.help.move(msg, &m.keys)
		}
		return nil
	}
	if r, ok := m.top().(*reviewScreen); ok && r.typing() {
		return nil // it is left by its own key, which closes it
	}
	if top > 1 && msg.Y == 1 && pressed(msg) {
		if b, ok := m.tabAt(msg.X); ok {
			m.status = span{}
			return m.visit(keyMsg(b.Keys()[0]))
		}
		return nil
	}
	if msg.Y < top || msg.Y >= top+m.bodyHeight() {
		return nil
	}
	msg.Y -= top
	return m.top().Update(msg)
}

// keyMsg is a key as if it had been pressed.
func keyMsg(name string) tea.KeyMsg {
	switch name {
	case "enter":
		return tea.KeyMsg{Type: tea.KeyEnter}
	case "esc":
		return tea.KeyMsg{Type: tea.KeyEsc}
	case "tab":
		return tea.KeyMsg{Type: tea.KeyTab}
	case "ctrl+u":
		return tea.KeyMsg{Type: tea.KeyCtrlU}
	case "ctrl+d":
		return tea.KeyMsg{Type: tea.KeyCtrlD}
	case " ":
		return tea.KeyMsg{Type: tea.KeySpace, Runes: []rune{' '}}
	}
	return tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(name)}
}
