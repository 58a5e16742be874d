package tui

import "github.com/charmbracelet/bubbles/key"

// keyMap are all keys, in one place; help, the line of hints and the palette are
// made from it.
type keyMap struct {
	Up, Down, PageUp, PageDown, Top, Bottom, Left, Right key.Binding
	Turn                                                 key.Binding // Left and Right, for people
	Open, Back, Focus, Mark                              key.Binding

	Board, Frontier, Tasks, Decide, Review, Runs key.Binding

	Filter, Only, Class, Type, Sort, Reverse, Next, Previous, Compare key.Binding
	Diff, Other, Read                                                 key.Binding
	Field, More, Less, Undo, Overrule, Export, Format, Write, Axis    key.Binding

	Yank, YankJSON, Command, Palette, Help, Refresh, Mouse, Theme, Quit key.Binding
}

func newKeys() keyMap {
	bind := func(help, what string, keys ...string) key.Binding {
		return key.NewBinding(key.WithKeys(keys...), key.WithHelp(help, what))
	}
	return keyMap{
		Up: bind("↑", "up", "k", "up"), Down: bind("↓", "down", "j", "down"),
		PageUp: bind("^u", "page up", "ctrl+u", "pgup"), PageDown: bind("^d", "page down", "ctrl+d", "pgdown"),
		Top: bind("g", "to the top", "g", "home"), Bottom: bind("G", "to the bottom", "G", "end"),
		Left: bind("←", "left", "h", "left"), Right: bind("→", "right", "l", "right"),
		Turn: bind("←→", "type", "right", "left", "h", "l"),
		Open: bind("enter", "open", "enter"), Back: bind("esc", "back", "esc", "backspace"),
		Focus: bind("tab", "other pane", "tab", "shift+tab"), Mark: bind("space", "mark", " "),

		Board: bind("1", "board", "1"), Frontier: bind("2", "frontier", "2"), Tasks: bind("3", "tasks", "3"),
		Decide: bind("4", "decide", "4"), Review: bind("5", "review", "5"), Runs: bind("0", "runs", "0"),

		Filter: bind("/", "filter", "/"), Only: bind("f", "failures, different, errors", "f"), Class: bind("e", "one class of error", "e"),
		Type: bind("t", "one task type", "t"), Sort: bind("s", "sort", "s"), Reverse: bind("S", "sort the other way", "S"),
		Next: bind("n", "next task", "n"), Previous: bind("p", "previous task", "p"), Compare: bind("c", "compare the marked", "c"),
		Diff: bind("d", "diff with the expected", "d"), Other: bind("D", "diff with another candidate", "D"), Read: bind("v", "read the whole text", "v"),

		Field: bind("w", "what-if", "w"), More: bind("+", "more", "+", "="), Less: bind("-", "less", "-", "_"), Undo: bind("u", "undo what-ifs", "u"),
		Overrule: bind("o", "overrule", "o"), Export: bind("x", "export", "x"), Format: bind("tab", "next format", "tab"),
		Write: bind("w", "write the file", "w"), Axis: bind("x", "other axis", "x"),

		Yank: bind("y", "copy as text", "y"), YankJSON: bind("J", "copy as JSON", "J"), Command: bind("Y", "copy the equivalent command", "Y"),
		Palette: bind(":", "commands", ":", "ctrl+p"), Help: bind("?", "help", "?"), Refresh: bind("r", "read again", "r"),
		Mouse: bind("m", "mouse on or off", "m"), Theme: bind("T", "next theme", "T"), Quit: bind("q", "quit", "q", "ctrl+c"),
	}
}

// screens are the keys that lead to the main screens, in the order of the tabs.
func (k *keyMap) screens() []key.Binding {
	return []key.Binding{k.Board, k.Frontier, k.Tasks, k.Decide, k.Review, k.Runs}
}

// everywhere are the keys that every screen has, beyond those of screens.
func (k *keyMap) everywhere() []key.Binding {
	return []key.Binding{k.Up, k.Down, k.PageUp, k.PageDown, k.Top, k.Bottom, k.Open, k.Back, k.Yank, k.YankJSON, k.Command, k.Palette, k.Refresh, k.Mouse, k.Theme, k.Help, k.Quit}
}

// called is a binding under another description: what it does on this screen.
func called(b key.Binding, what string) key.Binding {
	b.SetHelp(b.Help().Key, what)
	return b
}
