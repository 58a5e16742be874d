package anthropic

import (
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"

	"infer/eval"
	"infer/providers"
)

// defaultMaxTokens is what every model of the API allows.
const defaultMaxTokens = "4096"

// object is a JSON object with its keys in order.
type object = map[string]any

// turn is one message of the conversation.
type turn struct {
	Role    string   `json:"role"`
	Content []object `json:"content"`
}

// encode writes the request body.
func encode(req *eval.Request) ([]byte, error) {
	body := object{"model": req.Model}
	if req.Stream {
		body["stream"] = true
	}
	turns, system, err := turns(req)
	if err != nil {
		return nil, err
	}
	body["messages"] = turns
	if system != "" {
		body["system"] = system
	}
	tools, err := tools(req.Tools)
	if err != nil {
		return nil, err
	}
	if len(tools) > 0 {
		body["tools"] = tools
	}
	if err := params(body, req.Params); err != nil {
		return nil, err
	}
	if err := format(body, req.ResponseFormat); err != nil {
		return nil, err
	}
	return json.Marshal(body)
}

// turns writes the conversation. Turns of one role that follow each other become
// one: the results of parallel tool calls must stand in a single turn. System
// messages inside the conversation join the system prompt, their only place.
func turns(req *eval.Request) ([]turn, string, error) {
	var out []turn
	system := []string{}
	if req.System != "" {
		system = append(system, req.System)
	}
	for i := range req.Messages {
		m := &req.Messages[i]
		if m.Role == "system" || m.Role == "developer" {
			system = append(system, m.Text())
			continue
		}
		role, blocks, err := blocks(m)
		if err != nil {
			return nil, "", err
		}
		if n := len(out); n > 0 && out[n-1].Role == role {
			out[n-1].Content = append(out[n-1].Content, blocks...)
			continue
		}
		out = append(out, turn{role, blocks})
	}
	if len(out) == 0 {
		return nil, "", providers.Content("there are no messages")
	}
	return out, strings.Join(system, "\n\n"), nil
}

// blocks writes the content of one message.
func blocks(m *eval.Message) (role string, out []object, err error) {
	parts := make([]object, 0, len(m.Parts)+len(m.ToolCalls))
	for i := range m.Parts {
		p := &m.Parts[i]
		if p.Type == eval.PartText && p.Text == "" {
			continue // the API refuses empty text
		}
		b, err := block(p)
		if err != nil {
			return "", nil, err
		}
		parts = append(parts, b)
	}
	switch m.Role {
	case "tool":
		return "user", []object{{"type": "tool_result", "tool_use_id": m.ToolCallID, "content": parts}}, nil
	case "assistant":
		for i := range m.ToolCalls {
			input, err := providers.JSONObject(&m.ToolCalls[i])
			if err != nil {
				return "", nil, err
			}
			parts = append(parts, object{"type": "tool_use", "id": m.ToolCalls[i].ID, "name": m.ToolCalls[i].Name, "input": input})
		}
		return "assistant", parts, nil
	case "user":
		return "user", parts, nil
	}
	return "", nil, fmt.Errorf("a message has the role %q, which this wire does not know", eval.Untrusted(m.Role).Line(40))
}

// block writes one content part.
func block(p *eval.Part) (object, error) {
	switch {
	case p.Type == eval.PartText:
		return object{"type": "text", "text": p.Text}, nil
	case p.Data == nil && p.URL == "":
		return nil, providers.Content("a %s part has no contents", p.Type)
	case p.Type == eval.PartFile:
		return document(p)
	case p.Data != nil:
		return object{"type": "image", "source": object{"type": "base64", "media_type": providers.MIMEOf(p), "data": p.Data}}, nil
	}
	return object{"type": "image", "source": object{"type": "url", "url": p.URL}}, nil
}

// document writes a file: PDF, or text in any form.
func document(p *eval.Part) (object, error) {
	d := object{"type": "document"}
	if p.Path != "" {
		d["title"] = path.Base(p.Path)
	}
	switch kind := providers.MIMEOf(p); {
	case p.Data == nil:
		d["source"] = object{"type": "url", "url": p.URL}
	case kind == "application/pdf":
		d["source"] = object{"type": "base64", "media_type": kind, "data": p.Data}
	case strings.HasPrefix(kind, "text/") || kind == "application/json":
		d["source"] = object{"type": "text", "media_type": "text/plain", "data": string(p.Data)}
	default:
		return nil, providers.Content("a file of type %s: this wire takes PDF and text", eval.Untrusted(kind).Line(60))
	}
	return d, nil
}

func tools(raw json.RawMessage) ([]any, error) {
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
		w := object{"name": t.Name, "input_schema": json.RawMessage(`{"type":"object","properties":{}}`)}
		if t.Description != "" {
			w["description"] = t.Description
		}
		if t.Parameters != nil {
			w["input_schema"] = t.Parameters
		}
		if t.Strict != nil {
			w["strict"] = *t.Strict
		}
		out = append(out, w)
	}
	return out, nil
}

// params writes the parameters, renamed where the API has them under another
// name.
func params(body object, ps eval.Params) error {
	names, err := providers.ParamNames(ps, "model", "messages", "stream", "tools", "system", "response_format")
	if err != nil {
		return err
	}
	body["max_tokens"] = json.RawMessage(defaultMaxTokens)
	choice := object{}
	for _, name := range names {
		v := ps[name]
		switch name {
		case "max_completion_tokens", "max_output_tokens":
			body["max_tokens"] = v
		case "stop":
			stops, err := providers.StringList(v)
			if err != nil {
				return fmt.Errorf("params: stop: %w", err)
			}
			body["stop_sequences"] = stops
		case "user":
			body["metadata"] = object{"user_id": v}
		case "tool_choice":
			if err := toolChoice(choice, v); err != nil {
				return err
			}
		case "parallel_tool_calls":
			if string(v) == "false" {
				choice["disable_parallel_tool_use"] = true
			}
		case "stream_options": // OpenAI's alone: usage always comes here
		default:
			body[name] = v
		}
	}
	if len(choice) > 0 {
		if choice["type"] == nil {
			choice["type"] = "auto"
		}
		body["tool_choice"] = choice
	}
	return nil
}

// toolChoice translates OpenAI's tool_choice; one in the API's own form stays.
func toolChoice(choice object, raw json.RawMessage) error {
	var own struct {
		Type string `json:"type"`
		Name string `json:"name"`
	}
	if json.Unmarshal(raw, &own) == nil && (own.Type == "auto" || own.Type == "any" || own.Type == "tool" || own.Type == "none") {
		choice["type"] = own.Type
		if own.Name != "" {
			choice["name"] = own.Name
		}
		return nil
	}
	mode, function, err := providers.ToolChoice(raw)
	switch {
	case err != nil:
		return err
	case mode == "function":
		choice["type"], choice["name"] = "tool", function
	case mode == "required":
		choice["type"] = "any"
	default:
		choice["type"] = mode
	}
	return nil
}

// format writes the answer's format into output_config, which may hold more.
func format(body object, raw json.RawMessage) error {
	f, err := providers.FormatOf(raw)
	if err != nil || f.Kind == "" {
		return err
	}
	if f.Kind == "json_object" {
		return errors.New("this wire has no response_format json_object: give a json_schema, or ask for JSON in the prompt")
	}
	config := object{}
	if given, ok := body["output_config"].(json.RawMessage); ok {
		if err := json.Unmarshal(given, &config); err != nil {
			return fmt.Errorf("params: output_config: %w", err)
		}
	}
	config["format"] = object{"type": "json_schema", "schema": f.Schema}
	body["output_config"] = config
	return nil
}
