package datasets

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

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

// decode reads one line. The place in the error is filled in by the caller, but
// for the column.
func (s *Source) decode(b []byte) (*eval.Task, *LineError) {
	keys, le := check(b)
	if le != nil {
		return nil, le
	}
	raw := bytes.Clone(b)
	t, le := s.task(raw, keys)
	if le != nil && le.Column == 0 && le.field != "" {
		le.Column = locate(raw, s.origin(le.field))
	}
	return t, le
}

func (s *Source) task(raw []byte, keys []key) (*eval.Task, *LineError) {
	body := raw
	if len(s.opts.Fields) > 0 {
		mapped, le := remap(raw, s.opts.Fields)
		if le != nil {
			return nil, le
		}
		body = mapped
		if keys, le = check(body); le != nil {
			return nil, le
		}
	}
	extra, body, le := unknown(body, keys)
	if le != nil {
		return nil, le
	}
	var l line
	if err := json.Unmarshal(body, &l); err != nil {
		return nil, explain(err)
	}
	t := &eval.Task{Digest: eval.DigestOf(raw), Raw: raw, Type: eval.DefaultTaskType, Tools: drop(l.Tools), Params: l.Params,
		ResponseFormat: drop(l.ResponseFormat), Expected: drop(l.Expected), Graders: l.Graders, Tags: l.Tags, Recorded: l.Recorded, Extra: extra}
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
	return t, nil
}

// origin is the path in a line that a task's field is read from.
func (s *Source) origin(field string) []string {
	if from, ok := s.opts.Fields[field]; ok {
		return strings.Split(from, ".")
	}
	top, rest, deep := strings.Cut(field, ".")
	if from, ok := s.opts.Fields[top]; ok && deep {
		return strings.Split(from+"."+rest, ".")
	}
	return strings.Split(field, ".")
}

// unknown returns the fields that infer does not know, to be kept, and the line
// without those of them that a decoder, which does not care for case, would take
// for ones that it does.
func unknown(body []byte, keys []key) (map[string]json.RawMessage, []byte, *LineError) {
	var odd, folds bool
	for _, k := range keys {
		if !isKnown(k.name) {
			odd, folds = true, folds || foldsToKnown(k.name)
		}
	}
	if !odd {
		return nil, body, nil
	}
	var extra map[string]json.RawMessage
	if err := json.Unmarshal(body, &extra); err != nil {
		return nil, nil, explain(err)
	}
	ours := make(map[string]json.RawMessage, len(known))
	for _, k := range known {
		if v, ok := extra[k]; ok {
			ours[k] = v
			delete(extra, k)
		}
	}
	if !folds {
		return extra, body, nil
	}
	body, err := json.Marshal(ours)
	if err != nil {
		return nil, nil, explain(err)
	}
	return extra, body, nil
}

func foldsToKnown(name string) bool {
	for _, k := range known {
		if strings.EqualFold(k, name) {
			return true
		}
	}
	return false
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
			return inside("id", err)
		}
		if t.ID == "" {
			t.ID = t.Digest.Short()
		}
	case id[0] == '-' || id[0] >= '0' && id[0] <= '9':
		t.ID = string(id)
	default:
		return &LineError{field: "id", Msg: "id is neither text nor a number", Hint: `give each task an id such as "ticket-1", or none`}
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
			return inside("input", err)
		}
		if strings.TrimSpace(text) == "" {
			return &LineError{field: "input", Msg: "input is empty", Hint: hint}
		}
		t.Messages = []eval.Message{eval.TextMessage("user", text)}
	case '[':
		if err := json.Unmarshal(input, &t.Messages); err != nil {
			return inside("input", err)
		}
		for len(t.Messages) > 0 && t.Messages[0].Role == "system" {
			if t.System != "" {
				t.System += "\n\n"
			}
			t.System += t.Messages[0].Text()
			t.Messages = t.Messages[1:]
		}
		if len(t.Messages) == 0 {
			return &LineError{field: "input", Msg: "input has no message that a model could answer", Hint: hint}
		}
	default:
		return &LineError{field: "input", Msg: "input is neither a text nor a list of messages", Hint: hint}
	}
	return nil
}

// inside is explain for an error in the value of one field, to which its own
// position means nothing.
func inside(field string, err error) *LineError {
	le := explain(err)
	le.Msg, le.Column, le.field, le.Hint = field+": "+le.Msg, 0, field, schemaHint
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) && kind.Field == "" {
		le.Msg = fmt.Sprintf("%s: %s, want %s", field, found(kind.Value), wanted(kind.Type))
	}
	return le
}

// explain turns an error of encoding/json into words, with the column or the field
// that it is about.
func explain(err error) *LineError {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return &LineError{Column: int(syntax.Offset), Msg: "not valid JSON: " + syntax.Error(), Hint: "each line must be one whole JSON object"}
	case errors.As(err, &kind):
		if kind.Field == "" {
			return &LineError{Column: 1, Msg: "the line is not a JSON object", Hint: `a task looks like {"input": "…", "expected": "…"}`}
		}
		return &LineError{field: kind.Field, Msg: fmt.Sprintf("%s is %s, want %s", kind.Field, found(kind.Value), wanted(kind.Type)), Hint: schemaHint}
	}
	return &LineError{Msg: eval.Untrusted(err.Error()).Line(200), Hint: schemaHint}
}

const schemaHint = "`infer datasets schema` prints what a line may hold"

// found names what encoding/json says it found.
func found(value string) string {
	if n, ok := strings.CutPrefix(value, "number "); ok {
		return n
	}
	if name, ok := map[string]string{"string": "a text", "number": "a number", "array": "a list", "object": "an object", "bool": "true or false"}[value]; ok {
		return name
	}
	return value
}

func wanted(t reflect.Type) string {
	if t == reflect.TypeFor[json.Number]() {
		return "a number"
	}
	switch t.Kind() {
	case reflect.String:
		return "a text"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64:
		return "a whole number"
	case reflect.Float64:
		return "a number of at most 64 bits"
	case reflect.Slice:
		return "a list"
	}
	return "an object"
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
