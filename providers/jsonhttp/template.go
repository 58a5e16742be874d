package jsonhttp

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"infer/eval"
)

var placeholder = regexp.MustCompile(`\{\{\s*([^{}]*?)\s*\}\}`)

// known are the placeholders; params.NAME is one too.
var known = map[string]bool{"input": true, "system": true, "messages": true, "model": true, "task_id": true, "task_type": true, "repeat": true,
	"tools": true, "response_format": true, "params": true}

// parseTemplate decodes a template and checks its placeholders.
func parseTemplate(raw json.RawMessage) (any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber() // numbers go out as they were written
	var t any
	if err := d.Decode(&t); err != nil {
		return nil, err
	}
	return t, check(t)
}

func check(t any) error {
	switch t := t.(type) {
	case string:
		for _, m := range placeholder.FindAllStringSubmatch(t, -1) {
			if name, param := strings.CutPrefix(m[1], "params."); !known[m[1]] && (!param || name == "") {
				return fmt.Errorf("unknown placeholder %q", eval.Untrusted(m[0]).Line(60))
			}
		}
	case []any:
		for _, v := range t {
			if err := check(v); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, v := range t {
			if err := check(v); err != nil {
				return err
			}
		}
	}
	return nil
}

// fill writes a request by the template. What a task says is only ever put into
// values, never into the template: a task cannot add placeholders.
func fill(t any, req *eval.Request) ([]byte, error) {
	v, err := filled(t, req)
	if err != nil {
		return nil, err
	}
	return json.Marshal(v)
}

func filled(t any, req *eval.Request) (any, error) {
	switch t := t.(type) {
	case string:
		return text(t, req)
	case []any:
		out := make([]any, len(t))
		for i := range t {
			var err error
			if out[i], err = filled(t[i], req); err != nil {
				return nil, err
			}
		}
		return out, nil
	case map[string]any:
		out := make(map[string]any, len(t))
		for k := range t {
			var err error
			if out[k], err = filled(t[k], req); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	return t, nil
}

// text fills one text of the template.
func text(t string, req *eval.Request) (any, error) {
	if m := placeholder.FindStringSubmatch(t); m != nil && m[0] == t {
		return value(m[1], req)
	}
	var failed error
	s := placeholder.ReplaceAllStringFunc(t, func(p string) string {
		v, err := value(placeholder.FindStringSubmatch(p)[1], req)
		if err != nil {
			failed = err
			return ""
		}
		if s, ok := v.(string); ok {
			return s
		}
		b, err := json.Marshal(v)
		if err != nil {
			failed = err
		}
		return string(b)
	})
	return s, failed
}

// value is what a placeholder stands for.
func value(name string, req *eval.Request) (any, error) {
	switch name {
	case "input":
		for i := len(req.Messages) - 1; i >= 0; i-- {
			if req.Messages[i].Role == "user" {
				return req.Messages[i].Text(), nil
			}
		}
		return "", nil
	case "system":
		return req.System, nil
	case "messages":
		return messages(req)
	case "model":
		return req.Model, nil
	case "task_id":
		return req.TaskID, nil
	case "task_type":
		return req.TaskType, nil
	case "repeat":
		return req.Repeat, nil
	case "tools":
		return orNull(req.Tools), nil
	case "response_format":
		return orNull(req.ResponseFormat), nil
	case "params":
		if req.Params == nil {
			return eval.Params{}, nil
		}
		return req.Params, nil
	}
	return orNull(req.Params[strings.TrimPrefix(name, "params.")]), nil
}

func orNull(b json.RawMessage) json.RawMessage {
	if len(b) == 0 {
		return json.RawMessage("null")
	}
	return b
}
