package openai

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"sort"

	"infer/eval"
	"infer/providers"
)

// encode writes the request body. It is written by hand where every call
// passes, since reflection over maps would cost more than the rest of a call.
func encode(req *eval.Request) ([]byte, error) {
	b := make([]byte, 0, 512+len(req.System)+len(req.Tools)+size(req.Messages))
	b = append(b, `{"model":`...)
	b = appendString(b, req.Model)
	b = append(b, `,"messages":[`...)
	if req.System != "" {
		b = append(b, `{"role":"system","content":`...)
		b = appendString(b, req.System)
		b = append(b, '}')
	}
	for i := range req.Messages {
		if i > 0 || req.System != "" {
			b = append(b, ',')
		}
		var err error
		if b, err = appendMessage(b, &req.Messages[i]); err != nil {
			return nil, err
		}
	}
	b = append(b, ']')
	if providers.Given(req.Tools) {
		b = append(append(b, `,"tools":`...), req.Tools...)
	}
	if providers.Given(req.ResponseFormat) {
		b = append(append(b, `,"response_format":`...), req.ResponseFormat...)
	}
	b, err := appendParams(b, req.Params, req.Stream)
	if err != nil {
		return nil, err
	}
	return append(b, '}'), nil
}

// appendParams writes the parameters as they are, in the order of their names,
// and what a stream needs. stream_options may be among them, for the servers
// that refuse ours: null leaves them out.
func appendParams(b []byte, params eval.Params, stream bool) ([]byte, error) {
	names := make([]string, 0, len(params))
	for name, value := range params {
		switch name {
		case "model", "messages", "stream", "tools", "response_format":
			return nil, fmt.Errorf("params may not hold %q", name)
		case "stream_options":
			continue
		}
		if len(value) == 0 {
			return nil, fmt.Errorf("params: %q has no value", name)
		}
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		b = append(b, ',')
		b = appendString(b, name)
		b = append(append(b, ':'), params[name]...)
	}
	if !stream {
		return b, nil
	}
	b = append(b, `,"stream":true`...)
	options, given := params["stream_options"]
	if !given {
		options = json.RawMessage(`{"include_usage":true}`)
	}
	if providers.Given(options) {
		b = append(append(b, `,"stream_options":`...), options...)
	}
	return b, nil
}

func size(messages []eval.Message) int {
	n := 0
	for i := range messages {
		n += 64
		for _, p := range messages[i].Parts {
			n += len(p.Text) + len(p.Data)*4/3
		}
	}
	return n
}

// appendString writes s as a JSON string.
func appendString(b []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < 0x20 || c == '"' || c == '\\' || c >= 0x80 {
			q, err := json.Marshal(s)
			if err != nil {
				return append(b, `""`...) // a string always encodes
			}
			return append(b, q...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

func appendMessage(b []byte, m *eval.Message) ([]byte, error) {
	b = append(b, `{"role":`...)
	b = appendString(b, m.Role)
	b = append(b, `,"content":`...)
	switch {
	case len(m.Parts) == 0 && len(m.ToolCalls) > 0:
		b = append(b, `null`...)
	case allText(m.Parts):
		b = appendString(b, m.Text())
	default:
		b = append(b, '[')
		for i := range m.Parts {
			if i > 0 {
				b = append(b, ',')
			}
			var err error
			if b, err = appendPart(b, &m.Parts[i]); err != nil {
				return nil, err
			}
		}
		b = append(b, ']')
	}
	if len(m.ToolCalls) > 0 {
		b = appendCalls(b, m.ToolCalls)
	}
	if m.ToolCallID != "" {
		b = append(b, `,"tool_call_id":`...)
		b = appendString(b, m.ToolCallID)
	}
	if m.Name != "" {
		b = append(b, `,"name":`...)
		b = appendString(b, m.Name)
	}
	return append(b, '}'), nil
}

// appendCalls writes the tool calls of an assistant turn. Arguments go out as
// the text that the model wrote, also where that was not JSON.
func appendCalls(b []byte, calls []eval.ToolCall) []byte {
	b = append(b, `,"tool_calls":[`...)
	for i := range calls {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"id":`...)
		b = appendString(b, calls[i].ID)
		b = append(b, `,"type":"function","function":{"name":`...)
		b = appendString(b, calls[i].Name)
		b = append(b, `,"arguments":`...)
		args := string(calls[i].Arguments)
		var text string
		if args != "" && args[0] == '"' && json.Unmarshal(calls[i].Arguments, &text) == nil {
			args = text
		}
		b = appendString(b, args)
		b = append(b, "}}"...)
	}
	return append(b, ']')
}

func allText(parts []eval.Part) bool {
	for i := range parts {
		if parts[i].Type != eval.PartText {
			return false
		}
	}
	return true
}

func appendPart(b []byte, p *eval.Part) ([]byte, error) {
	switch {
	case p.Type == eval.PartText:
		b = append(b, `{"type":"text","text":`...)
		b = appendString(b, p.Text)
		return append(b, '}'), nil
	case p.Type == eval.PartFile && p.Data != nil:
		name := "attachment"
		if p.Path != "" {
			name = path.Base(p.Path)
		}
		b = append(b, `{"type":"file","file":{"filename":`...)
		b = appendString(b, name)
		b = append(b, `,"file_data":`...)
		return append(appendData(b, p), "}}"...), nil
	case p.Type == eval.PartFile:
		return nil, providers.Content("a file part must hold its data: this wire takes no URL")
	case p.Data != nil:
		b = append(b, `{"type":"image_url","image_url":{"url":`...)
		return append(appendData(b, p), "}}"...), nil
	case p.URL != "":
		b = append(b, `{"type":"image_url","image_url":{"url":`...)
		b = appendString(b, p.URL)
		return append(b, "}}"...), nil
	}
	return nil, providers.Content("a %s part has no contents", p.Type)
}

// appendData writes a data URL as a JSON string.
func appendData(b []byte, p *eval.Part) []byte {
	mime := p.MIME
	if mime == "" {
		mime = http.DetectContentType(p.Data)
	}
	b = appendString(b, "data:"+mime+";base64,")
	b = base64.StdEncoding.AppendEncode(b[:len(b)-1], p.Data)
	return append(b, '"')
}
