package tui

import (
	"fmt"
	"strings"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"
)

// part is a text under a head.
type part struct{ head, text string }

// maxRead is how much of one text is shown; what is longer is said to be cut.
const maxRead = 256 << 10

// reader shows texts whole, one below the other.
type reader struct {
	*shell
	scroll
	crumb string
	args  []string
	parts []part
	value any
	width int
	lines []line
}

func newReader(s *shell, crumb string, args []string, parts []part, value any) *reader {
	r := &reader{shell: s, crumb: crumb, args: args, value: value}
	for _, p := range parts {
		if p.text == "" {
			continue
		}
		if n := len(p.text); n > maxRead {
			p.text = p.text[:maxRead] + fmt.Sprintf("\n… cut: %s of %s are shown", plural(maxRead, "byte"), plural(int64(n), "byte"))
		}
		r.parts = append(r.parts, p)
	}
	return r
}

func (r *reader) title() string     { return r.crumb }
func (r *reader) command() []string { return r.args }

// Keys are those that scroll.
func (r *reader) Keys() []key.Binding {
	return []key.Binding{r.keys.Down, r.keys.Up, r.keys.PageDown, r.keys.PageUp, r.keys.Back, r.keys.Yank}
}

func (r *reader) copy() (string, any) {
	var b strings.Builder
	for _, p := range r.parts {
		b.WriteString(p.head + "\n" + p.text + "\n\n")
	}
	return strings.TrimRight(b.String(), "\n"), r.value
}

// SetSize breaks the texts into lines.
func (r *reader) SetSize(width, height int) {
	if width != r.width {
		r.width, r.lines = width, nil
		for i, p := range r.parts {
			if i > 0 {
				r.lines = append(r.lines, nil)
			}
			r.lines = append(r.lines, rule(p.head, width))
			for _, w := range fold(p.text, max(width-2, 8)) {
				r.lines = append(r.lines, text(" "+w))
			}
		}
	}
	r.set(height, len(r.lines))
}

// Update scrolls.
func (r *reader) Update(msg tea.Msg) tea.Cmd {
	r.move(msg, &r.keys)
	return nil
}

// Lines draws what is seen.
func (r *reader) Lines() []line {
	if len(r.lines) == 0 {
		return []line{toned(" nothing is stored of it", soft)}
	}
	return r.lines[r.off:min(r.off+r.height, len(r.lines))]
}
