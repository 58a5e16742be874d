package grade

import (
	"bytes"
	"encoding/json"
	"strings"

	"infer/eval"
)

// Taking JSON out of talk is bounded: so many places are tried, over so many
// bytes in all.
const (
	maxPlaces  = 256
	maxScanned = 32 << 20
)

// extract returns the JSON in a text: the first whole value of the wanted kind
// ('{' or '[', 0 for either), those in code fences before those outside; else
// the first whole value of the other kind; else the text itself.
func extract(s string, want byte) string {
	trimmed := strings.TrimSpace(s)
	if json.Valid([]byte(trimmed)) {
		return trimmed
	}
	other := ""
	left, places := maxScanned, maxPlaces
	for _, text := range append(fences(s), s) {
		for from := 0; places > 0 && left > 0; places-- {
			i := strings.IndexAny(text[from:], "{[")
			if i < 0 {
				break
			}
			from += i
			var raw json.RawMessage
			d := json.NewDecoder(strings.NewReader(text[from:]))
			err := d.Decode(&raw)
			if err != nil {
				left -= len(text) - from
				from++
				continue
			}
			if want == 0 || raw[0] == want {
				return string(raw)
			}
			if other == "" {
				other = string(raw)
			}
			left -= len(raw)
			from += len(raw)
		}
	}
	if other != "" {
		return other
	}
	return trimmed
}

// fences returns the insides of the code fences of a text.
func fences(s string) []string {
	var out []string
	for len(out) < 16 {
		_, rest, ok := strings.Cut(s, "```")
		if !ok {
			break
		}
		body, after, ok := strings.Cut(rest, "```")
		if !ok {
			break
		}
		out, s = append(out, body), after
	}
	return out
}

// opening is the bracket that an expected JSON value begins with; 0 = none.
func opening(expected json.RawMessage) byte {
	b := bytes.TrimSpace(eval.UnwrapJSON(expected))
	if len(b) > 0 && (b[0] == '{' || b[0] == '[') {
		return b[0]
	}
	return 0
}
