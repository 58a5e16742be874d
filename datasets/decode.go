package datasets

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"infer/eval"
)

// line is the JSON form of a task: schema/task.schema.json describes it.
type line struct {
	ID             json.RawMessage   `json:"id"`
	TaskType       *string           `json:"task_type"`
	Group          *string           `json:"group"`
	Input          json.RawMessage   `json:"input"`
	System         *string           `json:"system"`
	Tools          json.RawMessage   `json:"tools"`
	Params         eval.Params       `json:"params"`
	ResponseFormat json.RawMessage   `json:"response_format"`
	Expected       json.RawMessage   `json:"expected"`
	Graders        []json.RawMessage `json:"graders"`
	Tags           []string          `json:"tags"`
	Recorded       *eval.Recorded    `json:"recorded"`
}

// known are the fields of line.
var known = [...]string{"id", "task_type", "group", "input", "system", "tools", "params", "response_format", "expected", "graders", "tags", "recorded"}

func isKnown(name string) bool {
	for _, k := range known {
		if k == name {
			return true
		}
	}
	return false
}

// decode reads one line. The position in the error is filled in by the caller.
func (s *Source) decode(b []byte) (*eval.Task, *LineError) {
	if le := check(b); le != nil {
		return nil, le
	}
	raw := bytes.Clone(b)
	body := raw
	if len(s.opts.Fields) > 0 {
		mapped, le := remap(raw, s.opts.Fields)
		if le != nil {
			return nil, le
		}
		body = mapped
	}
	var l line
	if err := json.Unmarshal(body, &l); err != nil {
		return nil, explain(err)
	}
	t := &eval.Task{Digest: eval.DigestOf(raw), Raw: raw, Type: eval.DefaultTaskType, Tools: drop(l.Tools), Params: l.Params,
		ResponseFormat: drop(l.ResponseFormat), Expected: drop(l.Expected), Graders: l.Graders, Tags: l.Tags, Recorded: l.Recorded}
	if l.TaskType != nil && *l.TaskType != "" {
		t.Type = *l.TaskType
	}
	if l.Group != nil {
		t.Group = *l.Group
	}
	if l.System != nil {
		t.System = *l.System
	}
	if le := setID(t, l.ID); le != nil {
		return nil, le
	}
	if le := setInput(t, l.Input); le != nil {
		return nil, le
	}
	return t, keepExtra(t, body)
}

// drop turns an explicit null into nothing.
func drop(b json.RawMessage) json.RawMessage {
	if string(b) == "null" {
		return nil
	}
	return b
}

func setID(t *eval.Task, id json.RawMessage) *LineError {
	id = drop(id)
	switch {
	case len(id) == 0:
		t.ID = t.Digest.Short()
	case id[0] == '"':
		if err := json.Unmarshal(id, &t.ID); err != nil {
			return explain(err)
		}
		if t.ID == "" {
			t.ID = t.Digest.Short()
		}
	case id[0] == '-' || id[0] >= '0' && id[0] <= '9':
		t.ID = string(id)
	default:
		return &LineError{Msg: "id is neither text nor a number", Hint: `give each task an id such as "ticket-1", or none`}
	}
	return nil
}

func setInput(t *eval.Task, input json.RawMessage) *LineError {
	const hint = "`input` is a text or a list of chat messages; `fields:` in infer.yaml maps another name to it"
	input = drop(input)
	if len(input) == 0 {
		return &LineError{Msg: "no input", Hint: hint}
	}
	switch input[0] {
	case '"':
		var text string
		if err := json.Unmarshal(input, &text); err != nil {
			return explain(err)
		}
		if strings.TrimSpace(text) == "" {
			return &LineError{Msg: "input is empty", Hint: hint}
		}
		t.Messages = []eval.Message{eval.TextMessage("user", text)}
	case '[':
		if err := json.Unmarshal(input, &t.Messages); err != nil {
			le := explain(err)
			le.Msg = "input: " + le.Msg
			return le
		}
		for len(t.Messages) > 0 && t.Messages[0].Role == "system" {
			if t.System != "" {
				t.System += "\n\n"
			}
			t.System += t.Messages[0].Text()
			t.Messages = t.Messages[1:]
		}
		if len(t.Messages) == 0 {
			return &LineError{Msg: "input has no message that a model could answer", Hint: hint}
		}
	default:
		return &LineError{Msg: "input is neither a text nor a list of messages", Hint: hint}
	}
	return nil
}

// keepExtra keeps the fields that infer does not know.
func keepExtra(t *eval.Task, body []byte) *LineError {
	for _, name := range keys(body) {
		if isKnown(name) {
			continue
		}
		var all map[string]json.RawMessage
		if err := json.Unmarshal(body, &all); err != nil {
			return explain(err)
		}
		for _, k := range known {
			delete(all, k)
		}
		t.Extra = all
		return nil
	}
	return nil
}

// explain turns an error of encoding/json into words and a column.
func explain(err error) *LineError {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return &LineError{Column: int(syntax.Offset), Msg: "not valid JSON: " + syntax.Error(), Hint: "each line must be one whole JSON object"}
	case errors.As(err, &kind):
		field := kind.Field
		if field == "" {
			return &LineError{Column: 1, Msg: "the line is not a JSON object", Hint: `a task looks like {"input": "…", "expected": "…"}`}
		}
		return &LineError{Column: int(kind.Offset), Msg: fmt.Sprintf("%s is a %s, want %s", field, kind.Value, kindName(kind.Type.String())), Hint: "`infer datasets schema` prints what a line may hold"}
	}
	return &LineError{Msg: eval.Untrusted(err.Error()).Line(200), Hint: "`infer datasets schema` prints what a line may hold"}
}

func kindName(goType string) string {
	switch {
	case strings.Contains(goType, "string") || strings.Contains(goType, "Untrusted"):
		return "text"
	case strings.Contains(goType, "bool"):
		return "true or false"
	case strings.Contains(goType, "int"), strings.Contains(goType, "float"), strings.Contains(goType, "Number"):
		return "a number"
	case strings.HasPrefix(goType, "[]"):
		return "a list"
	}
	return "an object"
}

// maxDepth is how deep JSON may nest: deeper lines are refused before a
// recursive decoder sees them.
const maxDepth = 500

// check looks at the bytes before they are decoded: UTF-8, NUL, nesting, and
// keys that stand twice in the line's own object.
func check(b []byte) *LineError {
	if !utf8.Valid(b) {
		return &LineError{Column: badUTF8(b) + 1, Msg: "not valid UTF-8", Hint: "convert the file to UTF-8"}
	}
	depth, inString := 0, false
	for i := 0; i < len(b); i++ {
		c := b[i]
		if inString {
			switch c {
			case '\\':
				if le := loneSurrogate(b, i); le != nil {
					return le
				}
				i++
			case '"':
				inString = false
			}
			continue
		}
		switch c {
		case '"':
			inString = true
		case '{', '[':
			if depth++; depth > maxDepth {
				return &LineError{Column: i + 1, Msg: fmt.Sprintf("nested deeper than %d", maxDepth), Hint: "flatten the line"}
			}
		case '}', ']':
			depth--
		case 0:
			return &LineError{Column: i + 1, Msg: "a NUL byte", Hint: "the file may be UTF-16 or damaged"}
		}
	}
	if firstByte(b) == '[' {
		return &LineError{Column: 1, Msg: "a JSON list, not a task", Hint: "a task is an object on one line: `jq -c '.[]' FILE` makes such lines of a file that is one list"}
	}
	if inString || depth > 0 {
		return &LineError{Column: len(b), Msg: "the line ends in the middle of its JSON", Hint: "put each task on one line (`jq -c . FILE` does); or the file is cut off"}
	}
	seen := make(map[string]struct{}, 8)
	for _, k := range keys(b) {
		if _, ok := seen[k]; ok {
			return &LineError{Msg: fmt.Sprintf("the field %q stands twice", eval.Untrusted(k).Line(60)), Hint: "leave one of them out: which one counts is not defined"}
		}
		seen[k] = struct{}{}
	}
	return nil
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

// keys returns the keys of the line's own object, in order, as they are
// written; of a line that is not an object, nothing.
func keys(b []byte) []string {
	var out []string
	depth, inString, start, expectKey := 0, false, 0, false
	for i := 0; i < len(b); i++ {
		c := b[i]
		if inString {
			switch c {
			case '\\':
				i++
			case '"':
				inString = false
				if expectKey && depth == 1 {
					out = append(out, string(b[start:i]))
					expectKey = false
				}
			}
			continue
		}
		switch c {
		case '"':
			inString, start = true, i+1
		case '{', '[':
			depth++
			expectKey = c == '{' && depth == 1
		case '}', ']':
			depth--
		case ',':
			if depth == 1 && len(b) > 0 && firstByte(b) == '{' {
				expectKey = true
			}
		}
	}
	return out
}

func firstByte(b []byte) byte {
	for _, c := range b {
		if c != ' ' && c != '\t' {
			return c
		}
	}
	return 0
}

// ParseLine reads one dataset line by itself, such as a stored one. The error is
// a *LineError.
func ParseLine(b []byte, fields map[string]string) (*eval.Task, error) {
	s := &Source{opts: Options{Fields: fields}}
	t, le := s.decode(b)
	if le != nil {
		return nil, le
	}
	return t, nil
}
