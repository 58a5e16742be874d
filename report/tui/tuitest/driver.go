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
	t    testing.TB
	m    tea.Model
	quit bool
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
func (d *Driver) Resize(width, height int) *Driver {
	return d.Send(tea.WindowSizeMsg{Width: width, Height: height})
}

// Send hands over one message and runs the commands that follow from it.
func (d *Driver) Send(msg tea.Msg) *Driver {
	m, cmd := d.m.Update(msg)
	d.m = m
	d.run(cmd, 0)
	return d
}

// named are the keys that have a name.
var named = map[string]tea.KeyType{"enter": tea.KeyEnter, "esc": tea.KeyEsc, "up": tea.KeyUp, "down": tea.KeyDown, "left": tea.KeyLeft, "right": tea.KeyRight, "tab": tea.KeyTab,
	"pgdown": tea.KeyPgDown, "pgup": tea.KeyPgUp, "home": tea.KeyHome, "end": tea.KeyEnd, "ctrl+d": tea.KeyCtrlD, "ctrl+u": tea.KeyCtrlU, "ctrl+p": tea.KeyCtrlP, "ctrl+c": tea.KeyCtrlC,
	"ctrl+w": tea.KeyCtrlW, "backspace": tea.KeyBackspace}

// Press presses keys, by name or as letters; several letters come in one message.
func (d *Driver) Press(names ...string) *Driver {
	d.t.Helper()
	for _, n := range names {
		switch t, ok := named[n]; {
		case ok:
			d.Send(tea.KeyMsg{Type: t})
		case n == "space":
			d.Send(tea.KeyMsg{Type: tea.KeySpace, Runes: []rune{' '}})
		default:
			d.Send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(n)})
		}
	}
	return d
}

// Type types a text, letter by letter.
func (d *Driver) Type(text string) *Driver {
	d.t.Helper()
	for _, r := range text {
		d.Press(strings.ReplaceAll(string(r), " ", "space"))
	}
	return d
}

// Click presses the left button of the mouse.
func (d *Driver) Click(x, y int) *Driver {
	return d.Send(tea.MouseMsg{X: x, Y: y, Button: tea.MouseButtonLeft, Action: tea.MouseActionPress})
}

// Wheel turns the wheel of the mouse.
func (d *Driver) Wheel(down bool) *Driver {
	b := tea.MouseButtonWheelUp
	if down {
		b = tea.MouseButtonWheelDown
	}
	return d.Send(tea.MouseMsg{Y: 5, Button: b, Action: tea.MouseActionPress})
}

// maxDepth bounds commands that follow from commands.
const maxDepth = 200

// run runs a command and what follows from it. Timers are waited for.
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
		d.quit = true
	default:
		m, next := d.m.Update(msg)
		d.m = m
		d.run(next, depth+1)
	}
}

// Quit reports whether the model has quit.
func (d *Driver) Quit() bool { return d.quit }

// View is the screen.
func (d *Driver) View() string { return d.m.View() }

// lines are those of the screen.
func (d *Driver) lines() []string { return strings.Split(d.View(), "\n") }

// Line returns the first line of the screen that holds every text, and its number;
// -1 = none does.
func (d *Driver) Line(texts ...string) (string, int) {
	for i, l := range d.lines() {
		all := true
		for _, t := range texts {
			all = all && strings.Contains(l, t)
		}
		if all {
			return l, i
		}
	}
	return "", -1
}

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

// ExpectLine fails unless one line of the screen holds every text.
func (d *Driver) ExpectLine(texts ...string) *Driver {
	d.t.Helper()
	if _, i := d.Line(texts...); i < 0 {
		d.t.Fatalf("no line of the screen holds %q:\n%s", texts, d.View())
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
