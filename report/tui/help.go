package tui

import (
	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"
)

// helpPage lists every key of a screen, from the key map.
type helpPage struct {
	scroll
	lines []line
}

func newHelp(m *Model) *helpPage {
	h := &helpPage{}
	h.lines = append(h.lines, line{{" the same as a command: ", soft}, {m.commandLine(), plain}}, nil)
	seen := make(map[string]bool)
	section := func(title string, keys []key.Binding) {
		h.lines = append(h.lines, toned(" "+title, strong))
		var row line
		for _, b := range keys {
			if seen[b.Help().Key+b.Help().Desc] {
				continue
			}
			seen[b.Help().Key+b.Help().Desc] = true
			item := line{{"   ", plain}, {b.Help().Key, head}}.pad(12).and(span{b.Help().Desc, plain})
			if row == nil && item.width() < 40 {
				row = item.pad(40)
				continue
			}
			h.lines = append(h.lines, append(row, item...))
			row = nil
		}
		if row != nil {
			h.lines = append(h.lines, row)
		}
		h.lines = append(h.lines, nil)
	}
	section("on this screen", m.top().Keys())
	section("screens", m.keys.screens())
	section("everywhere", m.keys.everywhere())
	h.lines = append(h.lines, toned(" signs", strong), append(text("   "), timelineLegend()...),
		line{{"   ", plain}, {"●", good}, {" default  ", plain}, {"○", warn}, {" stays meanwhile  ", plain}, {"◆", accent}, {" backup, or marked  ", plain}, {"#", plain}, {" rank group, = is shared", plain}},
		line{{"   ", plain}, verdictSign("accepted"), {" accepted  ", plain}, verdictSign("rejected"), {" rejected  ", plain}, verdictSign("errored"), {" errored  ", plain},
			verdictSign("unscored"), {" not judged  ", plain}, verdictSign("needs_confirmation"), {" waits for a person  ", plain}, verdictSign(""), {" no outcome  ", plain}, {unknown, plain}, {" unknown", plain}},
		nil, toned(" any other key closes this", soft))
	return h
}

// SetSize says how much of the page is seen.
func (h *helpPage) SetSize(_, height int) { h.set(height, len(h.lines)) }

// Lines draws the page.
func (h *helpPage) Lines() []line { return h.lines[h.off:min(h.off+h.height, len(h.lines))] }

// move scrolls; false = the key does not.
func (h *helpPage) move(msg tea.Msg, k *keyMap) bool { return h.scroll.move(msg, k) }
