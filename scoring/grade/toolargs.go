package grade

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
)

// differ says how a made call differs from an expected one; "" = it does not.
func (g *ToolCall) differ(w *wanted, c *given, defaults map[string]map[string]any) string {
	if w.name != c.name {
		return "called " + c.name
	}
	if g.NamesOnly {
		return ""
	}
	skip := make(map[string]bool, len(g.Ignore))
	for _, a := range g.Ignore {
		skip[a] = true
	}
	usual := defaults[w.name]
	for _, a := range sortedKeys(w.args) {
		v, ok := c.args[a]
		switch {
		case skip[a]:
		case !ok:
			if d, has := usual[a]; has && g.fits(w.args[a], d, w.allowed) || w.allowed && mayLack(w.args[a]) {
				continue
			}
			return "argument " + a + " is missing"
		case !g.fits(w.args[a], v, w.allowed):
			return fmt.Sprintf("argument %s is %s, expected %s", a, brief(v), expectation(w.args[a], w.allowed))
		}
	}
	if g.Subset {
		return ""
	}
	for _, a := range sortedKeys(c.args) {
		if _, ok := w.args[a]; ok || skip[a] {
			continue
		}
		if d, has := usual[a]; has && g.equal(d, c.args[a]) {
			continue
		}
		return fmt.Sprintf("argument %s was not expected (%s)", a, brief(c.args[a]))
	}
	return ""
}

func expectation(v any, allowed bool) string {
	if list, ok := v.([]any); ok && allowed {
		if len(list) == 1 {
			return brief(list[0])
		}
		return "one of " + brief(v)
	}
	return brief(v)
}

// mayLack reports whether "" or null is among the allowed values.
func mayLack(v any) bool {
	list, ok := v.([]any)
	if !ok {
		return false
	}
	for _, x := range list {
		if x == nil || x == "" {
			return true
		}
	}
	return false
}

// fits compares a value with the expected one, or with the allowed ones.
func (g *ToolCall) fits(want, got any, allowed bool) bool {
	list, ok := want.([]any)
	if !allowed || !ok {
		return g.equal(want, got)
	}
	for _, w := range list {
		if g.nested(w, got) {
			return true
		}
	}
	return false
}

// nested compares with one allowed value. The fields of an object inside it are
// lists of allowed values again, as the leaderboard writes them.
func (g *ToolCall) nested(want, got any) bool {
	switch w := want.(type) {
	case map[string]any:
		m, ok := got.(map[string]any)
		if !ok {
			return false
		}
		for k, v := range w {
			if x, has := m[k]; has && !g.fits(v, x, true) || !has && !mayLack(v) {
				return false
			}
		}
		for k := range m {
			if _, ok := w[k]; !ok {
				return false
			}
		}
		return true
	case []any:
		l, ok := got.([]any)
		if !ok || len(l) != len(w) {
			return false
		}
		for i := range w {
			if !g.nested(w[i], l[i]) {
				return false
			}
		}
		return true
	}
	return g.equal(want, got)
}

// equal compares two decoded values.
func (g *ToolCall) equal(want, got any) bool {
	switch w := want.(type) {
	case string:
		s, ok := got.(string)
		return ok && (s == w || g.Loose && loose(s) == loose(w))
	case []any:
		l, ok := got.([]any)
		if !ok || len(l) != len(w) {
			return false
		}
		for i := range w {
			if !g.equal(w[i], l[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		m, ok := got.(map[string]any)
		if !ok || len(m) != len(w) {
			return false
		}
		for k := range w {
			if v, has := m[k]; !has || !g.equal(w[k], v) {
				return false
			}
		}
		return true
	case json.Number:
		n, ok := got.(json.Number)
		return ok && sameNumber(w, n, g.Tolerance)
	}
	return want == got
}

// loose reduces a text to what the leaderboard compares.
func loose(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r) || strings.ContainsRune(",./-_*^", r):
			return -1
		case r == '\'':
			return '"'
		}
		return unicode.ToLower(r)
	}, s)
}

// defaultsOf reads the defaults of the tools' arguments out of their schemas, by
// the tool's name on the wire.
func defaultsOf(tools json.RawMessage) map[string]map[string]any {
	type schema struct {
		Properties map[string]map[string]json.RawMessage `json:"properties"`
	}
	type declared struct {
		Name        string  `json:"name"`
		Parameters  *schema `json:"parameters"`
		InputSchema *schema `json:"input_schema"`
	}
	var list []struct {
		declared
		Function *declared `json:"function"`
	}
	if json.Unmarshal(tools, &list) != nil {
		return nil
	}
	out := make(map[string]map[string]any)
	for i := range list {
		d := &list[i].declared
		if list[i].Function != nil {
			d = list[i].Function
		}
		s := d.Parameters
		if s == nil {
			s = d.InputSchema
		}
		if s == nil {
			continue
		}
		for arg, p := range s.Properties {
			v, err := decode(string(p["default"]))
			if p["default"] == nil || err != nil {
				continue
			}
			name := wireName(d.Name)
			if out[name] == nil {
				out[name] = make(map[string]any)
			}
			out[name][arg] = v
		}
	}
	return out
}
