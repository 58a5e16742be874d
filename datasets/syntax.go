package datasets

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"infer/eval"
)

// maxDepth is how deep JSON may nest: deeper lines are refused before a
// recursive decoder sees them.
const maxDepth = 500

// key is one key of the line's own object.
type key struct {
	name  string // decoded
	value int    // where its value begins, from 0
}

// check looks at the bytes before they are decoded: UTF-8, NUL, nesting, halves of
// surrogate pairs, and keys that stand twice in one object, at any depth, since a
// decoder takes the last of them in silence. It returns the keys of the line's own
// object in their order.
func check(b []byte) ([]key, *LineError) {
	if !utf8.Valid(b) {
		return nil, &LineError{Column: badUTF8(b) + 1, Msg: "not valid UTF-8", Hint: "convert the file to UTF-8"}
	}
	if i := bytes.IndexByte(b, 0); i >= 0 {
		return nil, &LineError{Column: i + 1, Msg: "a NUL byte", Hint: "the file may be UTF-16 or damaged"}
	}
	if firstByte(b) == '[' {
		return nil, &LineError{Column: 1, Msg: "a JSON list, not a task", Hint: "a task is an object on one line: `jq -c '.[]' FILE` makes such lines of a file that is one list"}
	}
	s := scanner{b: b}
	for s.at < len(b) {
		if le := s.step(); le != nil {
			return nil, le
		}
	}
	if len(s.frames) > 0 {
		return nil, s.cutOff()
	}
	return s.top, nil
}

// scanner walks over JSON without checking its grammar, which the decoder does.
type scanner struct {
	b      []byte
	at     int
	frames []frame
	top    []key
}

// frame is one open object or list.
type frame struct {
	object    bool
	expectKey bool
	few       []string            // the keys so far, while they are few
	many      map[string]struct{} // the keys so far, once they are not
}

// fewKeys is how many keys of an object are compared one by one.
const fewKeys = 16

// has reports whether the object has the key already, and remembers it.
func (f *frame) has(name string) bool {
	if f.many != nil {
		_, twice := f.many[name]
		f.many[name] = struct{}{}
		return twice
	}
	for _, k := range f.few {
		if k == name {
			return true
		}
	}
	if f.few = append(f.few, name); len(f.few) > fewKeys {
		f.many = make(map[string]struct{}, 4*fewKeys)
		for _, k := range f.few {
			f.many[k] = struct{}{}
		}
		f.few = nil
	}
	return false
}

func (s *scanner) step() *LineError {
	c := s.b[s.at]
	s.at++
	switch c {
	case '"':
		return s.text()
	case '{', '[':
		if len(s.frames) >= maxDepth {
			return &LineError{Column: s.at, Msg: fmt.Sprintf("nested deeper than %d", maxDepth), Hint: "flatten the line"}
		}
		s.frames = append(s.frames, frame{object: c == '{', expectKey: c == '{'})
	case '}', ']':
		if len(s.frames) > 0 { // else the decoder complains
			s.frames = s.frames[:len(s.frames)-1]
		}
	case ',':
		if n := len(s.frames); n > 0 {
			s.frames[n-1].expectKey = s.frames[n-1].object
		}
	}
	return nil
}

// text reads a string to its end.
func (s *scanner) text() *LineError {
	start, escaped := s.at-1, false
	for ; s.at < len(s.b) && s.b[s.at] != '"'; s.at++ {
		if s.b[s.at] == '\\' {
			if le := loneSurrogate(s.b, s.at); le != nil {
				return le
			}
			s.at++
			escaped = true
		}
	}
	if s.at >= len(s.b) {
		return s.cutOff()
	}
	s.at++
	n := len(s.frames)
	if n == 0 || !s.frames[n-1].expectKey {
		return nil
	}
	s.frames[n-1].expectKey = false
	name := string(s.b[start+1 : s.at-1])
	if escaped {
		if err := json.Unmarshal(s.b[start:s.at], &name); err != nil {
			return nil // the decoder complains
		}
	}
	if s.frames[n-1].has(name) {
		return &LineError{Column: start + 1, Msg: fmt.Sprintf("the field %q stands twice", eval.Untrusted(name).Line(60)), Hint: "leave one of them out: which one counts is not defined"}
	}
	if n == 1 {
		s.top = append(s.top, key{name, s.valueAt()})
	}
	return nil
}

// valueAt is where the value of the key that was just read begins.
func (s *scanner) valueAt() int {
	i := s.at
	for i < len(s.b) && bytes.IndexByte([]byte(" \t\r\n:"), s.b[i]) >= 0 {
		i++
	}
	return i
}

func (s *scanner) cutOff() *LineError {
	return &LineError{Column: len(s.b), Msg: "the line ends in the middle of its JSON", Hint: "put each task on one line (`jq -c . FILE` does); or the file is cut off"}
}

// locate returns the column, from 1, at which the value at a path of keys begins,
// or that of the deepest value on the way to it; 0 where not even the first is
// there.
func locate(b []byte, path []string) int {
	column := 0
	for offset := 0; len(path) > 0; path = path[1:] {
		keys, le := check(b)
		if le != nil {
			return column
		}
		at := -1
		for _, k := range keys {
			if k.name == path[0] {
				at = k.value
			}
		}
		if at < 0 {
			return column
		}
		offset += at
		column = offset + 1
		var v json.RawMessage
		if json.NewDecoder(bytes.NewReader(b[at:])).Decode(&v) != nil || firstByte(v) != '{' {
			return column
		}
		b = v
	}
	return column
}

func badUTF8(b []byte) int {
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return len(b)
}

// loneSurrogate finds an escape at i that is half of a UTF-16 pair: decoders
// replace it in silence.
func loneSurrogate(b []byte, i int) *LineError {
	hi, ok := escape(b, i)
	if !ok || hi < 0xd800 || hi > 0xdfff {
		return nil
	}
	if lo, ok := escape(b, i+6); hi < 0xdc00 && ok && lo >= 0xdc00 && lo <= 0xdfff {
		return nil
	}
	if prev, ok := escape(b, i-6); hi >= 0xdc00 && ok && prev >= 0xd800 && prev < 0xdc00 {
		return nil
	}
	return &LineError{Column: i + 1, Msg: "half of a UTF-16 surrogate pair", Hint: "write the character itself, or both halves"}
}

func escape(b []byte, i int) (rune, bool) {
	if i < 0 || i+6 > len(b) || b[i] != '\\' || b[i+1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range b[i+2 : i+6] {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return r, true
}
