package providers

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"infer/eval"
)

// Tool is one tool of a request, out of the form that tasks give it in.
type Tool struct {
	Name        string
	Description string
	Parameters  json.RawMessage // JSON Schema; nil = none
	Strict      *bool
	// Raw is set for what is not a function (a tool that the provider runs, or
	// one in a wire's own form): it goes out as it is.
	Raw json.RawMessage
}

// ToolsOf reads a request's tools in the form of OpenAI's chat or Responses API.
// Whatever else is in the list is kept as it is.
func ToolsOf(raw json.RawMessage) ([]Tool, error) {
	if !Given(raw) {
		return nil, nil
	}
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, errors.New("tools are not a list")
	}
	type function struct {
		Name        string          `json:"name"`
		Description string          `json:"description"`
		Parameters  json.RawMessage `json:"parameters"`
		Strict      *bool           `json:"strict"`
	}
	out := make([]Tool, 0, len(list))
	for _, item := range list {
		var w struct {
			Type     string    `json:"type"`
			Function *function `json:"function"`
			function
		}
		if err := json.Unmarshal(item, &w); err != nil {
			return nil, fmt.Errorf("a tool is not an object: %w", err)
		}
		f := w.Function
		if f == nil && w.Type == "function" {
			f = &w.function
		}
		if f == nil {
			out = append(out, Tool{Name: w.Name, Raw: item})
			continue
		}
		out = append(out, Tool{Name: f.Name, Description: f.Description, Parameters: optional(f.Parameters), Strict: f.Strict})
	}
	return out, nil
}

// optional is a JSON value with null as nil.
func optional(b json.RawMessage) json.RawMessage {
	if string(b) == "null" {
		return nil
	}
	return b
}

// Format is how an answer must be formed, out of OpenAI's response_format.
type Format struct {
	Kind   string // "", "json_object" or "json_schema"
	Name   string
	Schema json.RawMessage
	Strict *bool
}

// FormatOf reads a request's response format. A plain text format is none.
func FormatOf(raw json.RawMessage) (Format, error) {
	if !Given(raw) {
		return Format{}, nil
	}
	var w struct {
		Type       string `json:"type"`
		JSONSchema struct {
			Name   string          `json:"name"`
			Schema json.RawMessage `json:"schema"`
			Strict *bool           `json:"strict"`
		} `json:"json_schema"`
	}
	if err := json.Unmarshal(raw, &w); err != nil {
		return Format{}, fmt.Errorf("response_format is not an object: %w", err)
	}
	switch w.Type {
	case "", "text":
		return Format{}, nil
	case "json_object":
		return Format{Kind: w.Type}, nil
	case "json_schema":
		if !Given(w.JSONSchema.Schema) {
			return Format{}, errors.New("response_format json_schema has no schema")
		}
		return Format{Kind: w.Type, Name: w.JSONSchema.Name, Schema: w.JSONSchema.Schema, Strict: w.JSONSchema.Strict}, nil
	}
	return Format{}, fmt.Errorf("response_format type %q is not one of text, json_object, json_schema", eval.Untrusted(w.Type).Line(40))
}

// ToolChoice reads OpenAI's tool_choice: auto, none, required, or the name of
// one function.
func ToolChoice(raw json.RawMessage) (mode, function string, err error) {
	if json.Unmarshal(raw, &mode) == nil {
		if mode == "auto" || mode == "none" || mode == "required" {
			return mode, "", nil
		}
		return "", "", fmt.Errorf("tool_choice %q is not one of auto, none, required", eval.Untrusted(mode).Line(40))
	}
	var w struct {
		Name     string `json:"name"`
		Function struct {
			Name string `json:"name"`
		} `json:"function"`
	}
	if err := json.Unmarshal(raw, &w); err != nil || w.Name+w.Function.Name == "" {
		return "", "", errors.New("tool_choice is neither a word nor names a function")
	}
	if w.Function.Name != "" {
		return "function", w.Function.Name, nil
	}
	return "function", w.Name, nil
}

// StringList reads a parameter that is a text or a list of texts, such as stop.
func StringList(raw json.RawMessage) ([]string, error) {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		return []string{one}, nil
	}
	var list []string
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, errors.New("neither a text nor a list of texts")
	}
	return list, nil
}

// ParamNames returns the names of parameters in order. A name among reserved
// belongs to the request itself and is an error, as is a parameter without a
// value.
func ParamNames(params eval.Params, reserved ...string) ([]string, error) {
	names := make([]string, 0, len(params))
	for name, value := range params {
		if slices.Contains(reserved, name) {
			return nil, fmt.Errorf("params may not hold %q", name)
		}
		if len(value) == 0 {
			return nil, fmt.Errorf("params: %q has no value", name)
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return names, nil
}

// MIMEOf is the media type of a part with data, without parameters: as given, or
// by what the data looks like.
func MIMEOf(p *eval.Part) string {
	kind := p.MIME
	if kind == "" {
		kind = http.DetectContentType(p.Data)
	}
	kind, _, _ = strings.Cut(kind, ";")
	return strings.TrimSpace(kind)
}

// JSONObject returns a tool call's arguments where they are a JSON object, as
// the wires other than OpenAI's want them.
func JSONObject(c *eval.ToolCall) (json.RawMessage, error) {
	args := c.Arguments
	if len(args) == 0 {
		return json.RawMessage("{}"), nil
	}
	if args[0] != '{' || !json.Valid(args) {
		return nil, fmt.Errorf("the arguments of an earlier call of tool %q are not a JSON object, and this wire takes nothing else", eval.Untrusted(c.Name).Line(60))
	}
	return args, nil
}

// ContentError says that a part of a message cannot be sent over a wire: it is
// the input's fault and not a parameter's.
type ContentError struct{ Reason string }

// Error returns the reason.
func (e *ContentError) Error() string { return e.Reason }

// Content makes a ContentError.
func Content(format string, args ...any) error {
	return &ContentError{fmt.Sprintf(format, args...)}
}
