package openai

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"infer/eval"
	"infer/providers"
	"infer/providers/httpx"
)

// maxItems bounds the output items of one answer.
const maxItems = 1024

// response is a whole answer of the Responses API, and what the first and the
// last event of a stream hold.
type response struct {
	Status     string          `json:"status"`
	Model      string          `json:"model"`
	Output     []item          `json:"output"`
	Usage      json.RawMessage `json:"usage"`
	Tier       string          `json:"service_tier"`
	Error      json.RawMessage `json:"error"`
	Incomplete struct {
		Reason string `json:"reason"`
	} `json:"incomplete_details"`
}

// item is one output item: a message, a function call, or what else the model
// or the provider's own tools did.
type item struct {
	Type      string `json:"type"`
	CallID    string `json:"call_id"`
	Name      string `json:"name"`
	Arguments string `json:"arguments"`
	Content   []struct {
		Type    string `json:"type"`
		Text    string `json:"text"`
		Refusal string `json:"refusal"`
	} `json:"content"`
	Action struct {
		Type string `json:"type"`
	} `json:"action"`
}

// outputEvent is one event of a stream.
type outputEvent struct {
	Type     string    `json:"type"`
	Index    int       `json:"output_index"`
	Delta    string    `json:"delta"`
	Item     *item     `json:"item"`
	Response *response `json:"response"`
}

// output is an output item under assembly.
type output struct {
	item
	text, refusal, arguments strings.Builder
}

// outputs puts an answer of the Responses API together.
type outputs struct {
	items []*output
	last  response // what the first and the last event say of the whole
	begun bool
}

var _ httpx.Answer = (*outputs)(nil)

// Whole takes an answer that was not streamed.
func (o *outputs) Whole(b []byte) *providers.Signal {
	var r response
	if s := readJSON(b, &r); s != nil {
		return s
	}
	if present(r.Error) {
		s := providers.ParseError(b)
		return &s
	}
	o.take(&r)
	if r.Status != "completed" && r.Status != "incomplete" && !o.begun {
		return &providers.Signal{Err: providers.ErrMalformed, Message: "not a finished response: status " + r.Status}
	}
	return nil
}

// readJSON decodes one JSON value. A field of a type that the wire does not know
// counts as absent.
func readJSON(b []byte, v any) *providers.Signal {
	var kind *json.UnmarshalTypeError
	if err := json.Unmarshal(b, v); err != nil && !errors.As(err, &kind) {
		return &providers.Signal{Err: providers.ErrMalformed, Message: "not JSON: " + err.Error()}
	}
	return nil
}

// Event takes one event of a stream. Only the event with the finished response
// makes it whole; what that holds goes before what was put together.
func (o *outputs) Event(ev httpx.Event) (httpx.Progress, *providers.Signal) {
	if string(ev.Data) == "[DONE]" { // relays that end every stream so
		return httpx.Progress{Begun: o.begun}, nil
	}
	var e outputEvent
	if s := readJSON(ev.Data, &e); s != nil {
		return httpx.Progress{}, s
	}
	switch e.Type {
	case "response.created", "response.in_progress", "response.queued":
		if e.Response != nil {
			o.last.Model, o.last.Tier = e.Response.Model, e.Response.Tier
		}
	case "response.output_item.added", "response.output_item.done":
		o.item(&e)
	case "response.output_text.delta", "response.refusal.delta", "response.function_call_arguments.delta":
		o.delta(&e)
	case "response.reasoning_text.delta", "response.reasoning_summary_text.delta":
		o.begun = o.begun || e.Delta != ""
	case "response.completed", "response.incomplete", "response.done":
		if e.Response == nil {
			return httpx.Progress{}, &providers.Signal{Err: providers.ErrMalformed, Message: e.Type + " without a response"}
		}
		o.take(e.Response)
		return httpx.Progress{Begun: o.begun, Finished: true, Ended: true}, nil
	case "response.failed", "response.cancelled", "error":
		return httpx.Progress{}, o.failed(&e, ev.Data)
	}
	return httpx.Progress{Begun: o.begun}, nil
}

// failed is the failure that an event tells of.
func (o *outputs) failed(e *outputEvent, data []byte) *providers.Signal {
	if e.Response == nil {
		s := providers.ParseError(data)
		return &s
	}
	o.take(e.Response)
	s := providers.ParseError([]byte(`{"error":` + string(e.Response.Error) + `}`))
	if !present(e.Response.Error) {
		s = providers.Signal{Type: e.Type, Message: "the response ended as " + e.Response.Status, Detail: e.Type}
	}
	return &s
}

// take takes a finished response. Some servers send the last one without output.
func (o *outputs) take(r *response) {
	model, tier := o.last.Model, o.last.Tier
	o.last = *r
	if o.last.Model == "" {
		o.last.Model = model
	}
	if o.last.Tier == "" {
		o.last.Tier = tier
	}
	if len(r.Output) == 0 {
		return
	}
	o.items = o.items[:0]
	for i := range r.Output[:min(len(r.Output), maxItems)] {
		o.item(&outputEvent{Type: "response.output_item.done", Index: i, Item: &r.Output[i]})
	}
}

// at returns the item at an index, nil where it is not a sensible one.
func (o *outputs) at(index int) *output {
	if index < 0 || index >= maxItems {
		return nil
	}
	for len(o.items) <= index {
		o.items = append(o.items, &output{})
	}
	return o.items[index]
}

// item takes an item that begins or is done; one that is done is whole.
func (o *outputs) item(e *outputEvent) {
	at := o.at(e.Index)
	if at == nil || e.Item == nil {
		return
	}
	at.item = *e.Item
	if e.Item.Type == "function_call" {
		o.begun = true
	}
	if e.Type != "response.output_item.done" {
		return
	}
	if e.Item.Arguments != "" {
		at.arguments.Reset()
		at.arguments.WriteString(e.Item.Arguments)
	}
	var text, refusal strings.Builder
	for _, c := range e.Item.Content {
		if c.Type != "reasoning_text" {
			text.WriteString(c.Text)
			refusal.WriteString(c.Refusal)
		}
	}
	if e.Item.Type == "message" && text.Len()+refusal.Len() > 0 {
		o.begun = true
		at.text, at.refusal = strings.Builder{}, strings.Builder{}
		at.text.WriteString(text.String())
		at.refusal.WriteString(refusal.String())
	}
}

func (o *outputs) delta(e *outputEvent) {
	at := o.at(e.Index)
	if at == nil || e.Delta == "" {
		return
	}
	o.begun = true
	switch e.Type {
	case "response.output_text.delta":
		at.text.WriteString(e.Delta)
	case "response.refusal.delta":
		at.refusal.WriteString(e.Delta)
	default:
		at.arguments.WriteString(e.Delta)
	}
}

// perCall are tools of the provider that are billed by the call.
var perCall = []string{"web_search", "file_search"}

// Into writes what was put together into the response.
func (o *outputs) Into(r *eval.Response) {
	var text, refusal strings.Builder
	ran := make(map[string]int64)
	for _, it := range o.items {
		text.WriteString(it.text.String())
		refusal.WriteString(it.refusal.String())
		if it.Type == "function_call" {
			r.ToolCalls = append(r.ToolCalls, eval.ToolCall{ID: it.CallID, Name: it.Name, Arguments: providers.Arguments([]byte(it.arguments.String()))})
		}
		if tool, ok := strings.CutSuffix(it.Type, "_call"); ok && slices.Contains(perCall, tool) && (it.Action.Type == "" || it.Action.Type == "search") {
			ran[tool]++
		}
	}
	r.Text, r.Refusal, r.Model = eval.Untrusted(text.String()), eval.Untrusted(refusal.String()), o.last.Model
	switch o.last.Status {
	case "completed", "incomplete":
		r.FinishRaw = o.last.Status
		if o.last.Incomplete.Reason != "" {
			r.FinishRaw += ":" + o.last.Incomplete.Reason
		}
		r.Finish = providers.FinishOf(r.FinishRaw)
		if r.Finish == eval.FinishStop && len(r.ToolCalls) > 0 {
			r.Finish = eval.FinishToolCalls
		}
	}
	r.Usage = usageOfResponse(o.last.Usage, o.last.Tier)
	if r.Usage != nil && len(ran) > 0 {
		r.Usage.ServerTools = ran
	}
}
