package openai

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"path"

	"infer/eval"
	"infer/providers"
)

// object is a JSON object.
type object = map[string]any

// encodeResponses writes the body of a request to the Responses API.
func encodeResponses(req *eval.Request) ([]byte, error) {
	body := object{"model": req.Model, "store": false}
	if req.Stream {
		body["stream"] = true
	}
	if req.System != "" {
		body["instructions"] = req.System
	}
	input := []object{}
	for i := range req.Messages {
		items, err := inputItems(&req.Messages[i])
		if err != nil {
			return nil, err
		}
		input = append(input, items...)
	}
	body["input"] = input
	tools, err := flatTools(req.Tools)
	if err != nil {
		return nil, err
	}
	if len(tools) > 0 {
		body["tools"] = tools
	}
	if err := responsesParams(body, req.Params); err != nil {
		return nil, err
	}
	if err := textFormat(body, req.ResponseFormat); err != nil {
		return nil, err
	}
	return json.Marshal(body)
}

// inputItems writes one message: as itself, as the result of a call, or as what
// the model said followed by what it called.
func inputItems(m *eval.Message) ([]object, error) {
	content, err := inputContent(m)
	if err != nil {
		return nil, err
	}
	if m.Role == "tool" {
		return []object{{"type": "function_call_output", "call_id": m.ToolCallID, "output": content}}, nil
	}
	var items []object
	if len(m.Parts) > 0 || len(m.ToolCalls) == 0 {
		items = append(items, object{"role": m.Role, "content": content})
	}
	for i := range m.ToolCalls {
		c := &m.ToolCalls[i]
		args := string(c.Arguments)
		var text string
		if args != "" && args[0] == '"' && json.Unmarshal(c.Arguments, &text) == nil {
			args = text // as the model wrote it, also where that was not JSON
		}
		items = append(items, object{"type": "function_call", "call_id": c.ID, "name": c.Name, "arguments": args})
	}
	return items, nil
}

// inputContent is a message's content: a text, or a list of parts.
func inputContent(m *eval.Message) (any, error) {
	if allText(m.Parts) {
		return m.Text(), nil
	}
	parts := make([]object, 0, len(m.Parts))
	for i := range m.Parts {
		p := &m.Parts[i]
		switch {
		case p.Type == eval.PartText:
			parts = append(parts, object{"type": "input_text", "text": p.Text})
		case p.Data == nil && p.URL == "":
			return nil, providers.Content("a %s part has no contents", p.Type)
		case p.Type == eval.PartFile && p.Data == nil:
			parts = append(parts, object{"type": "input_file", "file_url": p.URL})
		case p.Type == eval.PartFile:
			name := "attachment"
			if p.Path != "" {
				name = path.Base(p.Path)
			}
			parts = append(parts, object{"type": "input_file", "filename": name, "file_data": dataURL(p)})
		case p.Data != nil:
			parts = append(parts, object{"type": "input_image", "image_url": dataURL(p)})
		default:
			parts = append(parts, object{"type": "input_image", "image_url": p.URL})
		}
	}
	return parts, nil
}

func dataURL(p *eval.Part) string {
	return "data:" + providers.MIMEOf(p) + ";base64," + base64.StdEncoding.EncodeToString(p.Data)
}

// flatTools writes tools in the flat form of this API. It makes functions strict
// where nothing is said, unlike the chat API: so it is always said.
func flatTools(raw json.RawMessage) ([]any, error) {
	list, err := providers.ToolsOf(raw)
	if err != nil {
		return nil, err
	}
	out := make([]any, 0, len(list))
	for _, t := range list {
		if t.Raw != nil {
			out = append(out, t.Raw)
			continue
		}
		w := object{"type": "function", "name": t.Name, "strict": t.Strict != nil && *t.Strict, "parameters": json.RawMessage(`{"type":"object","properties":{}}`)}
		if t.Description != "" {
			w["description"] = t.Description
		}
		if t.Parameters != nil {
			w["parameters"] = t.Parameters
		}
		out = append(out, w)
	}
	return out, nil
}

// responsesParams writes the parameters, renamed where this API has them under
// another name.
func responsesParams(body object, ps eval.Params) error {
	names, err := providers.ParamNames(ps, "model", "input", "instructions", "stream", "tools", "messages", "response_format")
	if err != nil {
		return err
	}
	for _, name := range names {
		v := ps[name]
		switch name {
		case "max_tokens", "max_completion_tokens":
			body["max_output_tokens"] = v
		case "reasoning_effort":
			within(body, "reasoning", "effort", v)
		case "verbosity":
			within(body, "text", "verbosity", v)
		case "reasoning", "text":
			var fields map[string]json.RawMessage
			if err = json.Unmarshal(v, &fields); err == nil {
				for k, x := range fields {
					within(body, name, k, x)
				}
			}
		case "tool_choice":
			var mode, function string
			if mode, function, err = providers.ToolChoice(v); err == nil && mode == "function" {
				v = json.RawMessage(`{"type":"function","name":` + string(appendString(nil, function)) + `}`)
			} else if err != nil && v[0] == '{' {
				err = nil // a choice that the chat API does not have
			}
			body[name] = v
		case "stream_options": // the chat API's: usage always comes here
		default:
			body[name] = v
		}
		if err != nil {
			return fmt.Errorf("params: %s: %w", name, err)
		}
	}
	return nil
}

// within sets a field of an object of the body.
func within(body object, name, field string, value any) {
	o, ok := body[name].(object)
	if !ok {
		o = object{}
		body[name] = o
	}
	o[field] = value
}

// textFormat writes the answer's format into text, which may hold more.
func textFormat(body object, raw json.RawMessage) error {
	f, err := providers.FormatOf(raw)
	if err != nil || f.Kind == "" {
		return err
	}
	format := object{"type": f.Kind}
	if f.Schema != nil {
		format["schema"], format["name"] = f.Schema, "answer"
		if f.Name != "" {
			format["name"] = f.Name
		}
		if f.Strict != nil {
			format["strict"] = *f.Strict
		}
	}
	within(body, "text", "format", format)
	return nil
}
