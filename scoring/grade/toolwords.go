package grade

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxCallText is how long a text may be to be read as calls.
const maxCallText = 256 << 10

// callsInText reads the calls that a text consists of: JSON of any of the usual
// forms (also in <tool_call> tags or a code fence), or calls as Python would
// write them, f(a=1, b="x"), alone or in a list. A text that says more than its
// calls holds none.
func callsInText(s string) []given {
	s = strings.TrimSpace(s)
	if len(s) > maxCallText || s == "" {
		return nil
	}
	if calls := tagged(s); calls != nil {
		return calls
	}
	if f := fences(s); len(f) == 1 && strings.HasPrefix(s, "```") && strings.HasSuffix(s, "```") {
		s = f[0]
		if i := strings.IndexByte(s, '\n'); i >= 0 && !strings.ContainsAny(s[:i], "([{") {
			s = s[i:] // the fence's language
		}
		s = strings.TrimSpace(s)
	}
	if calls := jsonCalls(s); calls != nil {
		return calls
	}
	p := &pyReader{s: s}
	calls, err := p.program()
	if err != nil {
		return nil
	}
	return calls
}

// tagged reads the calls in <tool_call> tags; nil where there are none or one
// does not parse.
func tagged(s string) []given {
	var out []given
	for {
		_, rest, ok := strings.Cut(s, "<tool_call>")
		if !ok {
			return out
		}
		body, after, _ := strings.Cut(rest, "</tool_call>")
		calls := jsonCalls(strings.TrimSpace(body))
		if calls == nil {
			return nil
		}
		out, s = append(out, calls...), after
	}
}

// jsonCalls reads one call or a list of calls written as JSON.
func jsonCalls(s string) []given {
	v, err := decode(s)
	if err != nil {
		return nil
	}
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	var out []given
	for _, item := range list {
		m, ok := item.(map[string]any)
		if !ok {
			return nil
		}
		if wrapped, ok := m["tool_calls"].([]any); ok && len(m) == 1 && len(list) == 1 {
			b, err := json.Marshal(wrapped)
			if err != nil {
				return nil
			}
			return jsonCalls(string(b))
		}
		if name, args, ok := plainCall(m); ok {
			out = append(out, given{wireName(name), args})
			continue
		}
		if len(m) != 1 {
			return nil
		}
		for name, v := range m {
			args, ok := v.(map[string]any)
			if !ok {
				return nil
			}
			out = append(out, given{wireName(name), args})
		}
	}
	return out
}

// pyReader reads calls in Python's notation: literals only, named arguments only.
// It never evaluates anything.
type pyReader struct {
	s     string
	depth int
}

var errPy = errors.New("not a call")

func (p *pyReader) space() { p.s = strings.TrimLeftFunc(p.s, unicode.IsSpace) }

func (p *pyReader) take(c string) bool {
	p.space()
	if strings.HasPrefix(p.s, c) {
		p.s = p.s[len(c):]
		return true
	}
	return false
}

// program is one call, several set apart by line ends or semicolons, or a list.
func (p *pyReader) program() ([]given, error) {
	var out []given
	list := p.take("[")
	for {
		p.space()
		if list && p.take("]") || p.s == "" {
			break
		}
		c, err := p.call()
		if err != nil {
			return nil, err
		}
		out = append(out, c)
		if list {
			if p.take(",") {
				continue
			}
			if !p.take("]") {
				return nil, errPy
			}
			break
		}
		p.take(";")
	}
	p.space()
	if p.s != "" || len(out) == 0 {
		return nil, errPy
	}
	return out, nil
}

func (p *pyReader) name(dots bool) string {
	p.space()
	end := strings.IndexFunc(p.s, func(r rune) bool {
		return !(unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' || dots && r == '.')
	})
	if end < 0 {
		end = len(p.s)
	}
	n := p.s[:end]
	if n == "" || unicode.IsDigit(rune(n[0])) || n[0] == '.' {
		return ""
	}
	p.s = p.s[end:]
	return n
}

func (p *pyReader) call() (given, error) {
	name := p.name(true)
	if name == "" || !p.take("(") {
		return given{}, errPy
	}
	g := given{wireName(name), map[string]any{}}
	for !p.take(")") {
		arg := p.name(false)
		if arg == "" || !p.take("=") {
			return given{}, errPy
		}
		v, err := p.value()
		if err != nil {
			return given{}, err
		}
		if _, twice := g.args[arg]; twice {
			return given{}, errPy
		}
		g.args[arg] = v
		if !p.take(",") {
			if !p.take(")") {
				return given{}, errPy
			}
			break
		}
	}
	return g, nil
}

// value is a Python literal as JSON decodes it: tuples and lists are lists.
func (p *pyReader) value() (any, error) {
	if p.depth++; p.depth > 64 {
		return nil, errPy
	}
	defer func() { p.depth-- }()
	p.space()
	if p.s == "" {
		return nil, errPy
	}
	switch c := p.s[0]; {
	case c == '[' || c == '(':
		p.s = p.s[1:]
		return p.sequence(map[byte]string{'[': "]", '(': ")"}[c])
	case c == '{':
		p.s = p.s[1:]
		return p.dict()
	case c == '"' || c == '\'':
		return p.text()
	case c == '-' || c == '+' || c == '.' || c >= '0' && c <= '9':
		return p.number()
	}
	switch p.name(false) {
	case "True", "true":
		return true, nil
	case "False", "false":
		return false, nil
	case "None", "null":
		return nil, nil
	}
	return nil, errPy
}

func (p *pyReader) sequence(end string) (any, error) {
	out := []any{}
	for !p.take(end) {
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		out = append(out, v)
		if !p.take(",") {
			if !p.take(end) {
				return nil, errPy
			}
			break
		}
	}
	return out, nil
}

func (p *pyReader) dict() (any, error) {
	out := map[string]any{}
	for !p.take("}") {
		p.space()
		k, err := p.text()
		if err != nil || !p.take(":") {
			return nil, errPy
		}
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		out[k] = v
		if !p.take(",") {
			if !p.take("}") {
				return nil, errPy
			}
			break
		}
	}
	return out, nil
}

func (p *pyReader) number() (any, error) {
	end := strings.IndexFunc(p.s[1:], func(r rune) bool { return !strings.ContainsRune("0123456789._eE+-", r) })
	if end < 0 {
		end = len(p.s) - 1
	}
	raw := strings.TrimPrefix(strings.ReplaceAll(p.s[:end+1], "_", ""), "+")
	if strings.HasPrefix(raw, ".") || strings.HasPrefix(raw, "-.") {
		raw = strings.Replace(raw, ".", "0.", 1)
	}
	if strings.HasSuffix(raw, ".") {
		raw += "0"
	}
	if !json.Valid([]byte(raw)) {
		return nil, errPy
	}
	p.s = p.s[end+1:]
	return json.Number(raw), nil
}

// text is a quoted text with Python's escapes; three quotes are not read.
func (p *pyReader) text() (string, error) {
	if p.s == "" || p.s[0] != '"' && p.s[0] != '\'' {
		return "", errPy
	}
	quote := p.s[0]
	var b strings.Builder
	s := p.s[1:]
	for s != "" {
		switch c := s[0]; {
		case c == quote:
			p.s = s[1:]
			return b.String(), nil
		case c == '\n':
			return "", errPy
		case c != '\\':
			_, n := utf8.DecodeRuneInString(s)
			b.WriteString(s[:n])
			s = s[n:]
			continue
		}
		r, _, rest, err := strconv.UnquoteChar(s, quote)
		if err != nil && len(s) > 1 { // \' in a text of double quotes, which Go's rules refuse
			b.WriteByte(s[1])
			s = s[2:]
			continue
		}
		if err != nil {
			return "", errPy
		}
		b.WriteRune(r) // \xe9 is a character in Python's texts
		s = rest
	}
	return "", errPy
}
