package tui

import (
	"strings"

	"github.com/charmbracelet/x/ansi"

	"infer/eval"
)

// span is a piece of text with its tone. The text is sanitised when it is drawn,
// whatever it is and wherever it comes from: there is no way around render.
type span struct {
	text string
	tone tone
}

// line is one line of the screen.
type line []span

func text(s string) line             { return line{{s, plain}} }
func toned(s string, t tone) line    { return line{{s, t}} }
func (l line) and(more ...span) line { return append(l, more...) }

// clean makes a text fit for a terminal, on one line.
func clean(s string) string { return eval.Untrusted(s).Line(0) }

// name is a name of somebody else's choosing, cut to so many characters.
func name(s string, limit int) string { return eval.Untrusted(s).Line(limit) }

// cols is how many columns a text takes once it is drawn.
func cols(s string) int { return ansi.StringWidth(clean(s)) }

func (l line) width() (n int) {
	for _, s := range l {
		n += cols(s.text)
	}
	return n
}

// pad fills a line up to so many columns.
func (l line) pad(columns int) line {
	if n := columns - l.width(); n > 0 {
		return append(l[:len(l):len(l)], span{strings.Repeat(" ", n), plain})
	}
	return l
}

// left fills a line up at its beginning, so that it ends at the right.
func (l line) left(columns int) line {
	if n := columns - l.width(); n > 0 {
		return append(line{{strings.Repeat(" ", n), plain}}, l...)
	}
	return l
}

// cut shortens a line to so many columns.
func (l line) cut(columns int) line {
	if l.width() <= columns {
		return l
	}
	var out line
	for _, s := range l {
		t := clean(s.text)
		n := ansi.StringWidth(t)
		if n < columns {
			out, columns = append(out, s), columns-n
			continue
		}
		return append(out, span{ansi.Truncate(t+"…", max(columns, 0), "…"), s.tone})
	}
	return out
}

// in gives every span of a line one tone.
func (l line) in(t tone) line {
	out := make(line, len(l))
	for i, s := range l {
		out[i] = span{s.text, t}
	}
	return out
}

// render draws a line. It is the one way to the terminal.
func (t *theme) render(l line) string {
	var b strings.Builder
	for _, s := range l {
		text := clean(s.text)
		if s.tone == plain || text == "" {
			b.WriteString(text)
			continue
		}
		b.WriteString(t.styles[s.tone].Inline(true).Render(text))
	}
	return b.String()
}

// screenful draws lines into exactly so many rows of at most so many columns.
func (t *theme) screenful(lines []line, width, height int) string {
	if width <= 0 || height <= 0 {
		return ""
	}
	var b strings.Builder
	for i := range height {
		if i > 0 {
			b.WriteByte('\n')
		}
		if i < len(lines) {
			b.WriteString(t.render(lines[i].cut(width)))
		}
	}
	return b.String()
}

// pointed is a row with the cursor before it, or with the room for it. The row
// under the cursor has one tone and is as wide as the screen.
func pointed(l line, here bool, width int) line {
	if !here {
		return append(line{{" ", plain}}, l...)
	}
	return append(line{{"▸", cursor}}, l.cut(width-1).pad(width-1).in(cursor)...)
}

// beside sets two columns of lines next to each other.
func beside(left []line, leftWidth int, right []line, height int) []line {
	out := make([]line, 0, height)
	for i := range min(height, max(len(left), len(right))) {
		var l, r line
		if i < len(left) {
			l = left[i].cut(leftWidth)
		}
		if i < len(right) {
			r = right[i]
		}
		out = append(out, append(l.pad(leftWidth).and(span{"│ ", soft}), r...))
	}
	return out
}

// rule is the head of a section.
func rule(title string, columns int) line {
	l := line{{"── ", soft}, {title, head}, {" ", plain}}
	if n := columns - l.width(); n > 0 {
		l = append(l, span{strings.Repeat("─", n), soft})
	}
	return l
}

// fold breaks a text into lines of at most so many columns; words stay whole where
// they can.
func fold(s string, columns int) []string {
	if columns < 1 {
		return nil
	}
	s = strings.ReplaceAll(eval.Untrusted(s).Block(0), "\t", "    ")
	return strings.Split(ansi.Wrap(s, columns, ""), "\n")
}

// paragraph is a text under a head: the head stands at the first line's left.
func paragraph(label string, t tone, s string, labelWidth, columns int) []line {
	var out []line
	for i, w := range fold(s, max(columns-labelWidth, 8)) {
		l := toned(label, head)
		if i > 0 {
			l = nil
		}
		out = append(out, l.pad(labelWidth).and(span{w, t}))
	}
	return out
}
