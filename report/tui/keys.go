package tui

import "github.com/charmbracelet/bubbles/key"

// keyMap are all keys, in one place; help is made from it.
type keyMap struct {
	Up, Down, PageUp, PageDown, Top, Bottom, Left, Right          key.Binding
	Open, Back, Help, Palette, Filter, Only, Sort, Next, Previous key.Binding
	Board, Frontier, Tasks, Decide, Runs, Yank, YankJSON, Command key.Binding
	Refresh, Mouse, More, Less, Quit                              key.Binding
}

func newKeys() keyMap {
	bind := func(help, what string, keys ...string) key.Binding {
		return key.NewBinding(key.WithKeys(keys...), key.WithHelp(help, what))
	}
	return keyMap{
		Up: bind("k", "up", "k", "up"), Down: bind("j", "down", "j", "down"),
		PageUp: bind("^u", "page up", "ctrl+u", "pgup"), PageDown: bind("^d", "page down", "ctrl+d", "pgdown"),
		Top: bind("g", "top", "g", "home"), Bottom: bind("G", "bottom", "G", "end"),
		Left: bind("h", "left", "h", "left"), Right: bind("l", "right", "l", "right"),
		Open: bind("enter", "open", "enter"), Back: bind("esc", "back", "esc", "backspace"),
		Help: bind("?", "help", "?"), Palette: bind(":", "commands", ":", "ctrl+p"),
		Filter: bind("/", "filter", "/"), Only: bind("f", "only all/failures/different/errors", "f"), Sort: bind("s", "sort", "s"),
		Next: bind("n", "next", "n"), Previous: bind("p", "previous", "p"),
		Board: bind("1", "board", "1"), Frontier: bind("2", "frontier", "2"), Tasks: bind("3", "tasks", "3"), Decide: bind("4", "decide", "4"), Runs: bind("5", "runs", "5"),
		Yank: bind("y", "copy as text", "y"), YankJSON: bind("J", "copy as JSON", "J"), Command: bind("Y", "copy the equivalent command", "Y"),
		Refresh: bind("r", "read again", "r"), Mouse: bind("m", "mouse on/off", "m"),
		More: bind("+", "what if: more", "+", "="), Less: bind("-", "what if: less", "-"),
		Quit: bind("q", "quit", "q", "ctrl+c"),
	}
}

// everywhere are the keys that every screen has.
func (k *keyMap) everywhere() []key.Binding {
	return []key.Binding{k.Board, k.Frontier, k.Tasks, k.Decide, k.Runs, k.Up, k.Down, k.PageUp, k.PageDown, k.Top, k.Bottom, k.Open, k.Back,
		k.Yank, k.YankJSON, k.Command, k.Palette, k.Refresh, k.Mouse, k.Help, k.Quit}
}
