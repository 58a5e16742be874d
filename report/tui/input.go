package tui

import (
	"strings"
	"unicode"

	tea "github.com/charmbracelet/bubbletea"
)

// input is one line of text that the user types.
type input struct{ text string }

// edit takes a key; false = it is none that edits.
func (i *input) edit(msg tea.KeyMsg) bool {
	switch msg.Type {
	case tea.KeyBackspace:
		if r := []rune(i.text); len(r) > 0 {
			i.text = string(r[:len(r)-1])
		}
	case tea.KeyCtrlU:
		i.text = ""
	case tea.KeyCtrlW:
		t := strings.TrimRight(i.text, " ")
		i.text = t[:strings.LastIndex(t, " ")+1]
	case tea.KeyRunes, tea.KeySpace:
		for _, r := range msg.Runes { // what is pasted may hold anything
			if unicode.IsPrint(r) {
				i.text += string(r)
			}
		}
	default:
		return false
	}
	return true
}

// line draws the text after a prompt, with the place where typing goes on.
func (i *input) line(prompt, hint string) line {
	return line{{prompt, accent}, {i.text, plain}, {" ", cursor}, {"  " + hint, soft}}
}
