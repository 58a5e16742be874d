package gemini

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"infer/eval"
	"infer/providers"
	"infer/providers/httpx"
)

const (
	maxCalls  = 256      // function calls of one answer
	maxChunks = 16 << 10 // pieces of an answer that came as a list
)

// chunk is a whole answer or one piece of a stream: they are alike.
type chunk struct {
	Candidates []candidate `json:"candidates"`
	Feedback   *struct {
		BlockReason string `json:"blockReason"`
		Message     string `json:"blockReasonMessage"`
	} `json:"promptFeedback"`
	Usage json.RawMessage `json:"usageMetadata"`
	Model string          `json:"modelVersion"`
	Error json.RawMessage `json:"error"`
}

type candidate struct {
	Index   int `json:"index"`
	Content struct {
		Parts []part `json:"parts"`
	} `json:"content"`
	FinishReason  string `json:"finishReason"`
	FinishMessage string `json:"finishMessage"`
}

// part is one piece of content. Thoughts are no part of the answer.
type part struct {
	Text         string `json:"text"`
	Thought      bool   `json:"thought"`
	FunctionCall *struct {
		ID   string          `json:"id"`
		Name string          `json:"name"`
		Args json.RawMessage `json:"args"`
	} `json:"functionCall"`
	Signature  string          `json:"thoughtSignature"`
	InlineData json.RawMessage `json:"inlineData"`
}

// assembly puts an answer together.
type assembly struct {
	text    strings.Builder
	calls   []eval.ToolCall
	model   string
	finish  string
	blocked string // why the prompt was blocked; "" = it was not
	usage   json.RawMessage
	begun   bool
}

var _ httpx.Answer = (*assembly)(nil)

// Whole takes an answer that was not streamed. A stream that was asked for and
// did not come as events is a list of its pieces.
func (a *assembly) Whole(b []byte) *providers.Signal {
	pieces := []json.RawMessage{b}
	if t := bytes.TrimSpace(b); len(t) > 0 && t[0] == '[' {
		if err := json.Unmarshal(t, &pieces); err != nil || len(pieces) > maxChunks {
			return &providers.Signal{Err: providers.ErrMalformed, Message: "not a list of answers"}
		}
	}
	for _, p := range pieces {
		if s := a.add(p); s != nil {
			return s
		}
	}
	if !a.begun && a.finish == "" && a.blocked == "" {
		return &providers.Signal{Err: providers.ErrMalformed, Message: "no candidates in the answer"}
	}
	return nil
}

// Event takes one event of a stream. A finish reason, or a blocked prompt, makes
// the answer whole; the stream then ends by itself.
func (a *assembly) Event(ev httpx.Event) (httpx.Progress, *providers.Signal) {
	s := a.add(ev.Data)
	return httpx.Progress{Begun: a.begun, Finished: a.finish != "" || a.blocked != ""}, s
}

// add takes one piece. A field of a type that the wire does not know counts as
// absent.
func (a *assembly) add(b []byte) *providers.Signal {
	var c chunk
	var kind *json.UnmarshalTypeError
	if err := json.Unmarshal(b, &c); err != nil && !errors.As(err, &kind) {
		return &providers.Signal{Err: providers.ErrMalformed, Message: "not JSON: " + err.Error()}
	}
	if providers.Given(c.Error) {
		s := providers.ParseError(b)
		return &s
	}
	if c.Model != "" {
		a.model = c.Model
	}
	if providers.Given(c.Usage) {
		a.usage = c.Usage // running totals: the last one counts
	}
	if f := c.Feedback; f != nil && f.BlockReason != "" {
		a.blocked = strings.TrimSpace(f.BlockReason + " " + f.Message)
	}
	for i := range c.Candidates {
		if c.Candidates[i].Index == 0 {
			a.merge(&c.Candidates[i])
			break // several were asked for: the first is the answer
		}
	}
	return nil
}

func (a *assembly) merge(c *candidate) {
	for i := range c.Content.Parts {
		p := &c.Content.Parts[i]
		if p.Text != "" || p.FunctionCall != nil || providers.Given(p.InlineData) {
			a.begun = true
		}
		if f := p.FunctionCall; f != nil && len(a.calls) < maxCalls {
			a.calls = append(a.calls, eval.ToolCall{ID: f.ID, Name: f.Name, Arguments: providers.Arguments(f.Args), Signature: p.Signature})
		}
		if !p.Thought {
			a.text.WriteString(p.Text)
		}
	}
	if c.FinishReason != "" && c.FinishReason != "FINISH_REASON_UNSPECIFIED" {
		a.finish = c.FinishReason
	}
}

// Into writes what was put together into the response.
func (a *assembly) Into(r *eval.Response) {
	r.Text, r.ToolCalls, r.Model = eval.Untrusted(a.text.String()), a.calls, a.model
	r.FinishRaw, r.Finish = a.finish, providers.FinishOf(a.finish)
	if r.Finish == eval.FinishStop && len(a.calls) > 0 {
		r.Finish = eval.FinishToolCalls
	}
	r.Usage = usage(a.usage)
	if a.blocked != "" && a.finish == "" {
		r.Failure = providers.Output(eval.ClassRefusal, "input_blocked", fmt.Sprintf("the prompt was blocked: %s", a.blocked))
		r.Failure.Billing = eval.Unbilled // the API counts its tokens and does not say whether they cost
	}
}
