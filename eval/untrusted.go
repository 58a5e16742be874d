package eval

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Untrusted is text from outside: a dataset, a model, a provider. It reaches a
// terminal, a page, a CSV file or a CI log only through Line, Block or String,
// which make every character that could act on a terminal or mislead a reader
// visible instead. Raw gives the text as it came, for storage and grading.
type Untrusted string

// Raw returns the text unchanged. Never print it.
func (u Untrusted) Raw() string { return string(u) }

// String returns the text on one line with dangerous characters made visible,
// so that a careless %s or %v is safe.
func (u Untrusted) String() string { return u.Line(0) }

// Format implements fmt.Formatter for every verb: whatever the verb, the
// sanitised line is written.
func (u Untrusted) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(u.Line(0))) }

// Line returns the text on one line, at most limit characters long (0 means no
// limit); a text that was cut ends in "…".
func (u Untrusted) Line(limit int) string { return sanitise(string(u), limit, false) }

// Block returns the text with line feeds and tabs kept and everything else
// dangerous made visible, at most limit characters long (0 means no limit).
func (u Untrusted) Block(limit int) string { return sanitise(string(u), limit, true) }

// MarshalJSON writes the raw text with every character that String would make
// visible written as a JSON escape: the value is unchanged, and the bytes are
// safe on a terminal.
func (u Untrusted) MarshalJSON() ([]byte, error) {
	b, err := json.Marshal(string(u))
	if err != nil {
		return nil, err
	}
	return EscapeJSON(b), nil
}

// EscapeJSON returns the JSON text b with dangerous non-ASCII characters (C1
// controls, bidirectional overrides, zero-width and tag characters) replaced
// by \u escapes. Inside JSON they can only stand in strings, so the value is
// unchanged. Bytes that are not UTF-8, which JSON cannot hold, become U+FFFD.
func EscapeJSON(b []byte) []byte {
	clean := utf8.Valid(b)
	for _, r := range string(b) {
		if r == 0x7f || r >= 0x80 && dangerous(r) {
			clean = false
			break
		}
	}
	if clean {
		return b
	}
	var s strings.Builder
	for _, r := range string(b) {
		switch {
		case r > 0xffff && dangerous(r):
			r -= 0x10000
			fmt.Fprintf(&s, `\u%04x\u%04x`, 0xd800+(r>>10), 0xdc00+(r&0x3ff))
		case r == 0x7f || r >= 0x80 && dangerous(r):
			fmt.Fprintf(&s, `\u%04x`, r)
		default:
			s.WriteRune(r)
		}
	}
	return []byte(s.String())
}

// dangerous reports whether r can move a terminal's cursor, change how other
// text is shown, or hide.
func dangerous(r rune) bool {
	switch {
	case r < 0x20 || r == 0x7f || r >= 0x80 && r <= 0x9f: // C0 and C1
		return true
	case r < 0xad:
		return false
	case r == 0x2028 || r == 0x2029 || r >= 0xe0000 && r <= 0xe0fff: // line ends; tags
		return true
	case r >= 0xfdd0 && r <= 0xfdef || r&0xfffe == 0xfffe: // no characters; YAML and XML refuse the last two
		return true
	case r >= 0x2060 && r <= 0x206f || r >= 0xfff0 && r <= 0xfff8: // given or kept for what is not shown
		return true
	case r == 0x034f || r == 0x115f || r == 0x1160 || r == 0x17b4 || r == 0x17b5 || r == 0x3164 || r == 0xffa0: // shown as nothing
		return true
	case r == 0x200d: // joins emoji; a run of them is a tower, see maxMarks
		return false
	case r >= 0x0600 && r <= 0x0605 || r == 0x06dd || r == 0x070f || r == 0x0890 || r == 0x0891 || r == 0x08e2 || r == 0x110bd || r == 0x110cd:
		return false // number and verse signs, which are seen
	}
	return unicode.Is(unicode.Cf, r) // bidirectional, zero-width, annotations, shorthand and musical controls
}

// maxMarks is how many combining marks may follow one another; more are made
// visible, since a tower of them overprints the lines above.
const maxMarks = 4

func sanitise(s string, limit int, block bool) string {
	if plain(s) && (limit <= 0 || len(s) <= limit) {
		return s
	}
	var b strings.Builder
	n, marks := 0, 0
	for i := 0; i < len(s); {
		if limit > 0 && n >= limit {
			b.WriteString("…")
			break
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		n++
		if r >= 0x300 && (unicode.In(r, unicode.Mn, unicode.Me) || r == 0x200d) {
			marks++
		} else {
			marks = 0
		}
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case block && (r == '\n' || r == '\t'):
			b.WriteRune(r)
		case r < 0x20:
			b.WriteRune(0x2400 + r) // the control pictures: ␛ for escape
		case r == 0x7f:
			b.WriteRune('␡')
		case dangerous(r) || marks > maxMarks:
			fmt.Fprintf(&b, "<U+%04X>", r)
		default:
			b.WriteRune(r)
		}
		i += size
	}
	return b.String()
}

// plain reports whether s is printable ASCII only: the fast path.
func plain(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < 0x20 || s[i] > 0x7e {
			return false
		}
	}
	return true
}
