package anthropic

import (
	"encoding/json"
	"errors"
	"strings"

	"infer/eval"
	"infer/providers"
	"infer/providers/httpx"
)

// maxBlocks bounds the content blocks of one answer.
const maxBlocks = 1024

// message is a whole answer, and the head of a streamed one.
type message struct {
	Type       string          `json:"type"`
	Model      string          `json:"model"`
	Content    []content       `json:"content"`
	StopReason string          `json:"stop_reason"`
	Usage      json.RawMessage `json:"usage"`
	Error      json.RawMessage `json:"error"`
}

// content is one block of an answer. Blocks of types that are not named here
// (thinking, and what the provider's own tools did) hold no part of the answer.
type content struct {
	Type  string          `json:"type"` // text, tool_use, thinking, …
	Text  string          `json:"text"`
	ID    string          `json:"id"`
	Name  string          `json:"name"`
	Input json.RawMessage `json:"input"`
}

// event is one event of a stream.
type event struct {
	Type    string   `json:"type"`
	Index   int      `json:"index"`
	Message *message `json:"message"`       // message_start
	Block   *content `json:"content_block"` // content_block_start
	Delta   struct {
		Text        string `json:"text"`
		Thinking    string `json:"thinking"`
		PartialJSON string `json:"partial_json"`
		StopReason  string `json:"stop_reason"` // message_delta
	} `json:"delta"`
	Usage json.RawMessage `json:"usage"` // message_delta
}

// assembly puts an answer together.
type assembly struct {
	model  string
	stop   string
	usage  map[string]json.RawMessage // fields of usage objects; later ones replace earlier ones
	raw    json.RawMessage            // usage as it came, where it came once
	blocks []*openBlock
	begun  bool
}

// openBlock is a content block under assembly.
type openBlock struct {
	content
	text    strings.Builder
	partial []byte // of a tool call's input
}

var _ httpx.Answer = (*assembly)(nil)

// Whole takes an answer that was not streamed.
func (a *assembly) Whole(b []byte) *providers.Signal {
	var m message
	if s := read(b, &m); s != nil {
		return s
	}
	if m.Type == "error" || providers.Given(m.Error) {
		s := providers.ParseError(b)
		return &s
	}
	a.head(&m)
	for i := range m.Content {
		a.open(i, &m.Content[i])
	}
	if m.StopReason == "" && len(m.Content) == 0 {
		return &providers.Signal{Err: providers.ErrMalformed, Message: "no content in the answer"}
	}
	return nil
}

// read decodes one JSON value. A field of a type that the wire does not know
// counts as absent.
func read(b []byte, v any) *providers.Signal {
	var kind *json.UnmarshalTypeError
	if err := json.Unmarshal(b, v); err != nil && !errors.As(err, &kind) {
		return &providers.Signal{Err: providers.ErrMalformed, Message: "not JSON: " + err.Error()}
	}
	return nil
}

// Event takes one event of a stream. Only message_stop makes it whole.
func (a *assembly) Event(ev httpx.Event) (httpx.Progress, *providers.Signal) {
	var e event
	if s := read(ev.Data, &e); s != nil {
		return httpx.Progress{}, s
	}
	switch e.Type {
	case "message_start":
		if e.Message != nil {
			a.head(e.Message)
		}
	case "content_block_start":
		if e.Block != nil {
			a.open(e.Index, e.Block)
		}
	case "content_block_delta":
		a.delta(&e)
	case "message_delta":
		if e.Delta.StopReason != "" {
			a.stop = e.Delta.StopReason
		}
		a.count(e.Usage)
	case "message_stop":
		return httpx.Progress{Begun: a.begun, Finished: true, Ended: true}, nil
	case "error":
		s := providers.ParseError(ev.Data)
		return httpx.Progress{}, &s
	}
	return httpx.Progress{Begun: a.begun}, nil
}

func (a *assembly) head(m *message) {
	a.model, a.stop = m.Model, m.StopReason
	a.count(m.Usage)
}

// count takes a usage object. A stream sends one at its start, with the input,
// and one at its end; the fields of the later one replace those of the first.
func (a *assembly) count(raw json.RawMessage) {
	var fields map[string]json.RawMessage
	if len(raw) == 0 || json.Unmarshal(raw, &fields) != nil || fields == nil {
		return
	}
	if a.usage == nil {
		a.usage, a.raw = fields, raw
		return
	}
	for name, v := range fields {
		if providers.Given(v) {
			a.usage[name] = v
		}
	}
	if merged, err := json.Marshal(a.usage); err == nil {
		a.raw = merged
	}
}

// open begins a content block.
func (a *assembly) open(index int, c *content) {
	b := a.block(index)
	if b == nil {
		return
	}
	b.content = *c
	b.text.WriteString(c.Text)
	if c.Type == "text" && c.Text != "" || c.Type == "tool_use" {
		a.begun = true
	}
}

func (a *assembly) delta(e *event) {
	b := a.block(e.Index)
	if b == nil {
		return
	}
	b.text.WriteString(e.Delta.Text)
	b.partial = append(b.partial, e.Delta.PartialJSON...)
	if e.Delta.Text != "" || e.Delta.Thinking != "" || e.Delta.PartialJSON != "" {
		a.begun = true
	}
}

func (a *assembly) block(index int) *openBlock {
	if index < 0 || index >= maxBlocks {
		return nil
	}
	for len(a.blocks) <= index {
		a.blocks = append(a.blocks, &openBlock{})
	}
	return a.blocks[index]
}

// Into writes what was put together into the response.
func (a *assembly) Into(r *eval.Response) {
	var text strings.Builder
	for _, b := range a.blocks {
		switch b.Type {
		case "text", "": // a delta whose block was never opened is text
			text.WriteString(b.text.String())
		case "tool_use":
			written := b.partial
			if len(written) == 0 {
				written = b.Input
			}
			r.ToolCalls = append(r.ToolCalls, eval.ToolCall{ID: b.ID, Name: b.Name, Arguments: providers.Arguments(written)})
		}
	}
	r.Text, r.Model = eval.Untrusted(text.String()), a.model
	r.FinishRaw, r.Finish = a.stop, providers.FinishOf(a.stop)
	r.Usage = usage(a.raw)
	if a.stop == "pause_turn" {
		// What the model would say after its tool has run is missing.
		r.Failure = providers.Output(eval.ClassTruncated, "paused", "the provider paused the turn for a tool of its own, and it was not continued")
	}
}
