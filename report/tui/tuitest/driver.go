// Package tuitest presses keys on a browser and reads its screen, without a
// terminal: messages go to Update, commands are run to their end, and the screen
// is what View returns.
package tuitest

import (
	"strings"
	"testing"

	tea "github.com/charmbracelet/bubbletea"
)

// Driver drives one model.
type Driver struct {
	t testing.TB
	m tea.Model
}

// New starts a model at a size and runs its first commands.
func New(t testing.TB, m tea.Model, width, height int) *Driver {
	t.Helper()
	d := &Driver{t: t, m: m}
	d.Resize(width, height)
	d.run(m.Init(), 0)
	return d
}

// Resize gives the screen another size.
func (d *Driver) Resize(width, height int) { d.Send(tea.WindowSizeMsg{Width: width, Height: height}) }

// Send hands over one message and runs the commands that follow from it.
func (d *Driver) Send(msg tea.Msg) {
	m, cmd := d.m.Update(msg)
	d.m = m
	d.run(cmd, 0)
}

// keys are those that have a name.
var keys = map[string]tea.KeyType{"enter": tea.KeyEnter, "esc": tea.KeyEsc, "up": tea.KeyUp, "down": tea.KeyDown, "left": tea.KeyLeft, "right": tea.KeyRight,
	"pgdown": tea.KeyPgDown, "pgup": tea.KeyPgUp, "ctrl+d": tea.KeyCtrlD, "ctrl+u": tea.KeyCtrlU, "ctrl+p": tea.KeyCtrlP, "backspace": tea.KeyBackspace}

// Press presses keys, by name or as letters.
func (d *Driver) Press(names ...string) *Driver {
	d.t.Helper()
	for _, n := range names {
		if t, ok := keys[n]; ok {
			d.Send(tea.KeyMsg{Type: t})
			continue
		}
		d.Send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(n)})
	}
	return d
}

// maxDepth bounds commands that follow from commands.
const maxDepth = 20

// run runs a command and what follows from it. Timers are not waited for.
func (d *Driver) run(cmd tea.Cmd, depth int) {
	if cmd == nil || depth > maxDepth {
		return
	}
	switch msg := cmd().(type) {
	case nil:
	case tea.BatchMsg:
		for _, c := range msg {
			d.run(c, depth+1)
		}
	case tea.QuitMsg:
	default:
		m, next := d.m.Update(msg)
		d.m = m
		d.run(next, depth+1)
	}
}

// View is the screen.
func (d *Driver) View() string { return d.m.View() }

// Expect fails unless the screen holds every text.
func (d *Driver) Expect(texts ...string) *Driver {
	d.t.Helper()
	for _, s := range texts {
		if !strings.Contains(d.View(), s) {
			d.t.Fatalf("the screen lacks %q:\n%s", s, d.View())
		}
	}
	return d
}

// ExpectNot fails if the screen holds any of the texts.
func (d *Driver) ExpectNot(texts ...string) *Driver {
	d.t.Helper()
	for _, s := range texts {
		if strings.Contains(d.View(), s) {
			d.t.Fatalf("the screen holds %q:\n%s", s, d.View())
		}
	}
	return d
}
