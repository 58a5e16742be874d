package tui

import (
	"encoding/json"
	"strings"
	"unicode"

	"github.com/charmbracelet/x/ansi"

	"infer/eval"
)

// op is what becomes of a piece of text between two.
type op uint8

const (
	same op = iota
	gone    // only in the first
	come    // only in the second
)

// change is a piece of text and what becomes of it.
type change struct {
	op   op
	text string
}

// maxDiffCells bounds the work of a comparison; texts that differ in more are shown
// as replaced.
const maxDiffCells = 4 << 20

// compareTexts finds what was taken out of a and what was put in to get b, by words.
// JSON objects and lists are compared as such, whatever their spacing and the order
// of their fields.
func compareTexts(a, b string) []change {
	if x, ok := canonical(a); ok {
		if y, ok := canonical(b); ok {
			a, b = x, y
		}
	}
	return merged(diffWords(words(a), words(b)))
}

// canonical is a JSON object or list, indented and with sorted keys.
func canonical(s string) (string, bool) {
	var v any
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber()
	if d.Decode(&v) != nil || d.More() {
		return "", false
	}
	switch v.(type) {
	case map[string]any, []any:
	default:
		return "", false
	}
	b, err := json.MarshalIndent(v, "", "  ")
	return string(b), err == nil
}

// words cuts a text into words, spaces and signs; joined they are the text.
func words(s string) []string {
	var out []string
	begin := 0
	kind := func(r rune) int {
		switch {
		case r == '\n':
			return -1 // each for itself
		case unicode.IsSpace(r):
			return 1
		case unicode.IsLetter(r), unicode.IsDigit(r), unicode.IsMark(r):
			return 2
		}
		return -2
	}
	last := 0
	for i, r := range s {
		k := kind(r)
		if i > begin && (k != last || k < 0) {
			out, begin = append(out, s[begin:i]), i
		}
		last = k
	}
	if begin < len(s) {
		out = append(out, s[begin:])
	}
	return out
}

func diffWords(a, b []string) []change {
	var head, tail []change
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		head, a, b = append(head, change{same, a[0]}), a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		tail = append(tail, change{same, a[len(a)-1]})
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	out := append(head, middle(a, b)...)
	for i := len(tail) - 1; i >= 0; i-- {
		out = append(out, tail[i])
	}
	return out
}

// middle is the longest common subsequence by dynamic programming.
func middle(a, b []string) []change {
	n, m := len(a), len(b)
	var out []change
	if (n+1)*(m+1) > maxDiffCells {
		return append(append(out, change{gone, strings.Join(a, "")}), change{come, strings.Join(b, "")})
	}
	length := make([]int32, (n+1)*(m+1)) // of what is common from (i, j) on
	at := func(i, j int) *int32 { return &length[i*(m+1)+j] }
	for i := n - 1; i >= 0; i-- {
		for j := m - 1; j >= 0; j-- {
			if a[i] == b[j] {
				*at(i, j) = *at(i+1, j+1) + 1
			} else {
				*at(i, j) = max(*at(i+1, j), *at(i, j+1))
			}
		}
	}
	i, j := 0, 0
	for i < n || j < m {
		switch {
		case i < n && j < m && a[i] == b[j]:
			out, i, j = append(out, change{same, a[i]}), i+1, j+1
		case j == m || i < n && *at(i+1, j) >= *at(i, j+1):
			out, i = append(out, change{gone, a[i]}), i+1
		default:
			out, j = append(out, change{come, b[j]}), j+1
		}
	}
	return out
}

// merged joins neighbours to which the same happens, and draws changes together that
// only spaces stand between.
func merged(in []change) []change {
	var out []change
	for _, c := range in {
		if n := len(out); n > 0 && out[n-1].op == c.op {
			out[n-1].text += c.text
			continue
		}
		out = append(out, c)
	}
	return out
}

// inline draws changes in one text: [-gone-] and {+come+}.
func inline(changes []change, width int) []line {
	var l line
	for _, c := range changes {
		switch c.op {
		case gone:
			l = append(l, span{"[-" + c.text + "-]", bad})
		case come:
			l = append(l, span{"{+" + c.text + "+}", good})
		default:
			l = append(l, span{c.text, plain})
		}
	}
	return wrapSpans(l, width)
}

// halves draws changes in two texts, one for each side.
func halves(changes []change, left, right int) (a, b []line) {
	var l, r line
	for _, c := range changes {
		switch c.op {
		case gone:
			l = append(l, span{"[-" + c.text + "-]", bad})
		case come:
			r = append(r, span{"{+" + c.text + "+}", good})
		default:
			l, r = append(l, span{c.text, plain}), append(r, span{c.text, plain})
		}
	}
	return wrapSpans(l, left), wrapSpans(r, right)
}

// wrapSpans breaks a line with tones into lines of at most so many columns, at its
// line feeds and where it is full.
func wrapSpans(l line, columns int) []line {
	out := []line{nil}
	used := 0
	columns = max(columns, 4)
	for _, s := range l {
		for i, piece := range strings.Split(eval.Untrusted(s.text).Block(0), "\n") {
			if i > 0 {
				out, used = append(out, nil), 0
			}
			piece = strings.ReplaceAll(piece, "\t", "    ")
			for piece != "" {
				part := ansi.Truncate(piece, columns-used, "")
				if part == "" && used == 0 {
					break // a character wider than the screen
				}
				out[len(out)-1] = append(out[len(out)-1], span{part, s.tone})
				used += ansi.StringWidth(part)
				if piece = piece[len(part):]; piece != "" {
					out, used = append(out, nil), 0
				}
			}
		}
	}
	return out
}
