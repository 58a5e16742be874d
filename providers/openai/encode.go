package openai

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"sort"

	"infer/eval"
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
	if len(req.Tools) > 0 {
		b = append(append(b, `,"tools":`...), req.Tools...)
	}
	if len(req.ResponseFormat) > 0 {
		b = append(append(b, `,"response_format":`...), req.ResponseFormat...)
	}
	names := make([]string, 0, len(req.Params))
	for name := range req.Params {
		switch name {
		case "model", "messages", "stream", "stream_options", "tools", "response_format":
			return nil, fmt.Errorf("params may not hold %q", name)
		}
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		b = append(b, ',')
		b = appendString(b, name)
		b = append(append(b, ':'), req.Params[name]...)
	}
	if req.Stream {
		b = append(b, `,"stream":true,"stream_options":{"include_usage":true}`...)
	}
	return append(b, '}'), nil
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
		calls := make([]wireCall, len(m.ToolCalls))
		for i, c := range m.ToolCalls {
			calls[i] = wireCall{ID: c.ID, Type: "function"}
			calls[i].Function.Name, calls[i].Function.Arguments = c.Name, string(c.Arguments)
		}
		q, err := json.Marshal(calls)
		if err != nil {
			return nil, err
		}
		b = append(append(b, `,"tool_calls":`...), q...)
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

func allText(parts []eval.Part) bool {
	for i := range parts {
		if parts[i].Type != eval.PartText {
			return false
		}
	}
	return true
}

func appendPart(b []byte, p *eval.Part) ([]byte, error) {
	data := func() string { return "data:" + p.MIME + ";base64," + base64.StdEncoding.EncodeToString(p.Data) }
	switch {
	case p.Type == eval.PartText:
		b = append(b, `{"type":"text","text":`...)
		b = appendString(b, p.Text)
		return append(b, '}'), nil
	case p.Type == eval.PartFile && p.Data != nil:
		b = append(b, `{"type":"file","file":{"filename":"attachment","file_data":`...)
		b = appendString(b, data())
		return append(b, "}}"...), nil
	case p.Data != nil || p.URL != "":
		url := p.URL
		if p.Data != nil {
			url = data()
		}
		b = append(b, `{"type":"image_url","image_url":{"url":`...)
		b = appendString(b, url)
		return append(b, "}}"...), nil
	}
	return nil, fmt.Errorf("a %s part has no contents", p.Type)
}

// traceSent notes in phase that the request went out.
func traceSent(hr *http.Request, phase *eval.Phase) *http.Request {
	return hr.WithContext(httptrace.WithClientTrace(hr.Context(), &httptrace.ClientTrace{
		WroteHeaders: func() { *phase = eval.PhaseFirstByte },
	}))
}
