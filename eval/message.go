package eval

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Message is one turn of a conversation.
type Message struct {
	Role       string     `json:"role"` // system, user, assistant or tool
	Parts      []Part     `json:"content,omitempty"`
	ToolCalls  []ToolCall `json:"tool_calls,omitempty"`   // of an assistant turn
	ToolCallID string     `json:"tool_call_id,omitempty"` // of a tool turn
	Name       string     `json:"name,omitempty"`
}

// PartType is the kind of one content part.
type PartType string

// The part types.
const (
	PartText       PartType = "text"
	PartImage      PartType = "image"
	PartFile       PartType = "file"
	PartVideoFrame PartType = "video_frame"
)

// Part is one piece of a message's content. Exactly one of Text, Path, URL and
// Data is set before a call; the dataset's opener turns Path into Data.
type Part struct {
	Type PartType `json:"type"`
	Text string   `json:"text,omitempty"`
	Path string   `json:"path,omitempty"` // below the dataset's folder
	URL  string   `json:"url,omitempty"`  // refused unless the user allows URLs
	Data []byte   `json:"data,omitempty"` // base64 in JSON
	MIME string   `json:"mime,omitempty"`
}

// ToolCall is a call of a tool that a model asked for.
type ToolCall struct {
	ID        string          `json:"id,omitempty"`
	Name      string          `json:"name"`
	Arguments json.RawMessage `json:"arguments"` // a JSON object; a JSON string where the model's text was not valid JSON
	// Signature is an opaque token that some providers want back with the call.
	Signature string `json:"signature,omitempty"`
}

// TextMessage is a message with one text part.
func TextMessage(role, text string) Message {
	return Message{Role: role, Parts: []Part{{Type: PartText, Text: text}}}
}

// Text returns the concatenated text parts of the message.
func (m *Message) Text() string {
	if len(m.Parts) == 1 {
		return m.Parts[0].Text
	}
	var b strings.Builder
	for _, p := range m.Parts {
		b.WriteString(p.Text)
	}
	return b.String()
}

// MarshalJSON writes content as a plain string when it is one text part.
func (m Message) MarshalJSON() ([]byte, error) {
	type bare Message
	if len(m.Parts) == 1 && m.Parts[0].Type == PartText {
		return json.Marshal(struct {
			bare
			Content string `json:"content"`
		}{bare(m), m.Parts[0].Text})
	}
	return json.Marshal(bare(m))
}

// UnmarshalJSON reads content as a string, as null or as a list of parts; it
// also reads the part and tool-call forms of OpenAI's chat API.
func (m *Message) UnmarshalJSON(b []byte) error {
	var w struct {
		Role       string          `json:"role"`
		Content    json.RawMessage `json:"content"`
		ToolCalls  []wireToolCall  `json:"tool_calls"`
		ToolCallID string          `json:"tool_call_id"`
		Name       string          `json:"name"`
	}
	if err := json.Unmarshal(b, &w); err != nil {
		return err
	}
	if w.Role == "" {
		return errors.New("a message without a role")
	}
	*m = Message{Role: w.Role, ToolCallID: w.ToolCallID, Name: w.Name}
	for i := range w.ToolCalls {
		m.ToolCalls = append(m.ToolCalls, w.ToolCalls[i].call())
	}
	content := bytes.TrimSpace(w.Content)
	switch {
	case len(content) == 0 || string(content) == "null":
		return nil
	case content[0] == '"':
		var s string
		if err := json.Unmarshal(content, &s); err != nil {
			return err
		}
		m.Parts = []Part{{Type: PartText, Text: s}}
		return nil
	}
	return json.Unmarshal(content, &m.Parts)
}

type wireToolCall struct {
	ID        string          `json:"id"`
	Name      string          `json:"name"`
	Arguments json.RawMessage `json:"arguments"`
	Signature string          `json:"signature"`
	Function  *struct {
		Name      string          `json:"name"`
		Arguments json.RawMessage `json:"arguments"`
	} `json:"function"`
}

func (w *wireToolCall) call() ToolCall {
	c := ToolCall{ID: w.ID, Name: w.Name, Arguments: w.Arguments, Signature: w.Signature}
	if w.Function != nil {
		c.Name, c.Arguments = w.Function.Name, w.Function.Arguments
	}
	c.Arguments = UnwrapJSON(c.Arguments)
	return c
}

// UnwrapJSON returns the JSON value inside b when b is a JSON string that
// itself holds JSON, as OpenAI's API writes tool arguments; otherwise b.
func UnwrapJSON(b json.RawMessage) json.RawMessage {
	var s string
	if len(b) > 0 && b[0] == '"' && json.Unmarshal(b, &s) == nil && json.Valid([]byte(s)) {
		return json.RawMessage(s)
	}
	return b
}

// UnmarshalJSON reads infer's own part form and OpenAI's image_url, input_text
// and file forms.
func (p *Part) UnmarshalJSON(b []byte) error {
	var w struct {
		Type     string          `json:"type"`
		Text     string          `json:"text"`
		Path     string          `json:"path"`
		URL      string          `json:"url"`
		Data     []byte          `json:"data"`
		MIME     string          `json:"mime"`
		ImageURL json.RawMessage `json:"image_url"`
	}
	if err := json.Unmarshal(b, &w); err != nil {
		return err
	}
	*p = Part{Type: PartType(w.Type), Text: w.Text, Path: w.Path, URL: w.URL, Data: w.Data, MIME: w.MIME}
	switch w.Type {
	case "text", "input_text", "output_text":
		p.Type = PartText
	case "image", "file", "video_frame":
		if p.Path == "" && p.URL == "" && p.Data == nil {
			return fmt.Errorf("a %s part needs path, url or data", w.Type)
		}
	case "image_url", "input_image":
		p.Type = PartImage
		var o struct {
			URL string `json:"url"`
		}
		if json.Unmarshal(w.ImageURL, &o) != nil && json.Unmarshal(w.ImageURL, &o.URL) != nil || o.URL == "" {
			return errors.New("an image_url part without a url")
		}
		p.URL = o.URL
	default:
		return fmt.Errorf("content part type %q is not one of text, image, file, video_frame", w.Type)
	}
	return nil
}
