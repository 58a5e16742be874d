package openai

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"

	"infer/eval"
	"infer/providers"
	"infer/providers/httpx"
)

const (
	maxCalls  = 256      // tool calls of one answer
	maxDetail = 64 << 10 // bytes of a failing piece that are looked at
)

// chunk is a whole completion or one piece of a stream: they differ in whether
// a choice holds a message or a delta.
type chunk struct {
	Model       string          `json:"model"`
	Choices     []choice        `json:"choices"`
	Usage       json.RawMessage `json:"usage"`
	ServiceTier string          `json:"service_tier"`
	Error       json.RawMessage `json:"error"`
	Timings     *struct {       // llama.cpp's own
		PromptMS    float64 `json:"prompt_ms"`
		PredictedMS float64 `json:"predicted_ms"`
	} `json:"timings"`
}

type choice struct {
	Index        int             `json:"index"`
	Message      *wireMessage    `json:"message"`
	Delta        *wireMessage    `json:"delta"`
	FinishReason string          `json:"finish_reason"`
	Error        json.RawMessage `json:"error"` // OpenRouter: this choice broke off
}

type wireMessage struct {
	Content          json.RawMessage `json:"content"` // text, null, or a list of parts
	Refusal          string          `json:"refusal"`
	Reasoning        string          `json:"reasoning"`         // OpenRouter, Groq
	ReasoningContent string          `json:"reasoning_content"` // DeepSeek, llama.cpp, vLLM
	ToolCalls        []readCall      `json:"tool_calls"`
}

// readCall is a tool call, or a piece of one, as it is read.
type readCall struct {
	Index    *int   `json:"index"`
	ID       string `json:"id"`
	Function struct {
		Name      string          `json:"name"`
		Arguments json.RawMessage `json:"arguments"` // a string; some relays send the object
	} `json:"function"`
}

// text returns a message's text; a list of parts is joined.
func (m *wireMessage) text() string {
	c := m.Content // encoding/json has trimmed it
	if len(c) == 0 || c[0] == 'n' {
		return ""
	}
	var s string
	if c[0] == '"' && json.Unmarshal(c, &s) == nil {
		return s
	}
	var parts []struct {
		Text string `json:"text"`
	}
	if json.Unmarshal(c, &parts) != nil {
		return ""
	}
	var b strings.Builder
	for _, p := range parts {
		b.WriteString(p.Text)
	}
	return b.String()
}

// assembly puts a streamed completion together; a whole one is one piece.
type assembly struct {
	text    strings.Builder
	refusal strings.Builder
	calls   []madeCall
	model   string
	finish  string
	usage   json.RawMessage
	tier    string
	backend *time.Duration
	begun   bool // output has come
}

// madeCall is a tool call under assembly.
type madeCall struct {
	id, name  string
	arguments []byte
}

var _ httpx.Answer = (*assembly)(nil)

// Whole takes a completion that was not streamed.
func (a *assembly) Whole(b []byte) *providers.Signal {
	if s := a.add(b); s != nil {
		return s
	}
	if a.finish == "" && !a.begun {
		return &providers.Signal{Err: providers.ErrMalformed, Message: "no choices in the answer"}
	}
	return nil
}

// Event takes one event of a stream. A finish reason makes an answer whole, also
// where [DONE] does not follow.
func (a *assembly) Event(ev httpx.Event) (httpx.Progress, *providers.Signal) {
	if string(bytes.TrimSpace(ev.Data)) == "[DONE]" {
		return httpx.Progress{Begun: a.begun, Finished: true, Ended: true}, nil
	}
	s := a.add(ev.Data)
	return httpx.Progress{Begun: a.begun, Finished: a.finish != ""}, s
}

// add takes one piece. It reports a failure where the piece is an error or is
// not JSON. A field of a type that the wire does not know counts as absent.
func (a *assembly) add(b []byte) *providers.Signal {
	var c chunk
	if s := readJSON(b, &c); s != nil {
		return s
	}
	if present(c.Error) {
		s := providers.ParseError(b)
		return &s
	}
	if c.Model != "" {
		a.model = c.Model
	}
	if present(c.Usage) {
		a.usage = c.Usage // a copy already; the last one counts, since some relays send running totals
	}
	if c.ServiceTier != "" {
		a.tier = c.ServiceTier
	}
	if t := c.Timings; t != nil && t.PromptMS >= 0 && t.PredictedMS >= 0 && t.PromptMS+t.PredictedMS < 1e8 {
		d := time.Duration((t.PromptMS + t.PredictedMS) * float64(time.Millisecond))
		a.backend = &d
	}
	for i := range c.Choices {
		ch := &c.Choices[i]
		if ch.Index != 0 {
			continue // n > 1 was asked for: the first choice is the answer
		}
		if present(ch.Error) {
			s := providers.ParseError(ch.Error)
			s.Detail = string(b[:min(len(b), maxDetail)])
			return &s
		}
		if ch.FinishReason != "" {
			a.finish = ch.FinishReason
		}
		for _, m := range []*wireMessage{ch.Message, ch.Delta} {
			if m != nil {
				a.merge(m)
			}
		}
		break
	}
	return nil
}

func present(b json.RawMessage) bool { return len(b) > 0 && string(b) != "null" }

func (a *assembly) merge(m *wireMessage) {
	text := m.text()
	a.text.WriteString(text)
	a.refusal.WriteString(m.Refusal)
	if text != "" || m.Refusal != "" || m.Reasoning != "" || m.ReasoningContent != "" || len(m.ToolCalls) > 0 {
		a.begun = true
	}
	for i := range m.ToolCalls {
		a.mergeCall(&m.ToolCalls[i], i)
	}
}

// mergeCall takes a tool call, or a piece of one. A piece belongs to the call of
// its index; whole messages number their calls by position, and relays that
// number nothing begin each call with a new id.
func (a *assembly) mergeCall(c *readCall, position int) {
	at := position
	if c.Index != nil {
		at = *c.Index
	}
	if at < 0 || at >= maxCalls {
		return
	}
	if at < len(a.calls) && c.ID != "" && a.calls[at].id != "" && a.calls[at].id != c.ID {
		if at = len(a.calls); at >= maxCalls {
			return
		}
	}
	for len(a.calls) <= at {
		a.calls = append(a.calls, madeCall{})
	}
	t := &a.calls[at]
	if c.ID != "" {
		t.id = c.ID
	}
	t.name += c.Function.Name
	var piece string
	switch args := c.Function.Arguments; {
	case !present(args):
	case args[0] == '"' && json.Unmarshal(args, &piece) == nil:
		t.arguments = append(t.arguments, piece...)
	default:
		t.arguments = append(t.arguments, args...)
	}
}

// Into writes what was put together into the response.
func (a *assembly) Into(r *eval.Response) {
	r.Text, r.Refusal, r.Model = eval.Untrusted(a.text.String()), eval.Untrusted(a.refusal.String()), a.model
	r.FinishRaw, r.Finish = a.finish, providers.FinishOf(a.finish)
	for i := range a.calls {
		r.ToolCalls = append(r.ToolCalls, eval.ToolCall{ID: a.calls[i].id, Name: a.calls[i].name, Arguments: providers.Arguments(a.calls[i].arguments)})
	}
	r.Usage = usage(a.usage, a.tier)
	if a.backend != nil && r.Backend == nil {
		r.Backend = a.backend
	}
}
