package jsonhttp

import (
	"encoding/base64"
	"encoding/json"

	"infer/eval"
	"infer/providers"
)

type object = map[string]any

// messages writes the conversation, with the system prompt, in the form of
// OpenAI's chat API, which most applications take.
func messages(req *eval.Request) ([]object, error) {
	out := make([]object, 0, len(req.Messages)+1)
	if req.System != "" {
		out = append(out, object{"role": "system", "content": req.System})
	}
	for i := range req.Messages {
		m := &req.Messages[i]
		content, err := content(m)
		if err != nil {
			return nil, err
		}
		o := object{"role": m.Role, "content": content}
		if m.ToolCallID != "" {
			o["tool_call_id"] = m.ToolCallID
		}
		if m.Name != "" {
			o["name"] = m.Name
		}
		var calls []object
		for _, c := range m.ToolCalls {
			args := string(c.Arguments)
			var text string
			if args != "" && args[0] == '"' && json.Unmarshal(c.Arguments, &text) == nil {
				args = text
			}
			calls = append(calls, object{"id": c.ID, "type": "function", "function": object{"name": c.Name, "arguments": args}})
		}
		if calls != nil {
			o["tool_calls"] = calls
		}
		out = append(out, o)
	}
	return out, nil
}

// content is a text where it is one, else a list of parts.
func content(m *eval.Message) (any, error) {
	if len(m.Parts) == 0 {
		return nil, nil
	}
	if len(m.Parts) == 1 && m.Parts[0].Type == eval.PartText {
		return m.Parts[0].Text, nil
	}
	parts := make([]object, 0, len(m.Parts))
	for i := range m.Parts {
		p := &m.Parts[i]
		address := p.URL
		if p.Data != nil {
			address = "data:" + providers.MIMEOf(p) + ";base64," + base64.StdEncoding.EncodeToString(p.Data)
		}
		switch {
		case p.Type == eval.PartText:
			parts = append(parts, object{"type": "text", "text": p.Text})
		case address == "":
			return nil, providers.Content("a %s part has no contents", p.Type)
		case p.Type == eval.PartFile:
			parts = append(parts, object{"type": "file", "file": object{"file_data": address}})
		default:
			parts = append(parts, object{"type": "image_url", "image_url": object{"url": address}})
		}
	}
	return parts, nil
}
