package openai

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"

	"infer/eval"
	"infer/providers"
)

type wireCall struct {
	Index    int    `json:"index,omitempty"`
	ID       string `json:"id,omitempty"`
	Type     string `json:"type,omitempty"`
	Function struct {
		Name      string `json:"name"`
		Arguments string `json:"arguments"`
	} `json:"function"`
}

// chunk is a whole completion or one piece of a stream: they differ in whether
// a choice holds a message or a delta.
type chunk struct {
	Model   string `json:"model"`
	Choices []struct {
		Message      *wireMessage `json:"message"`
		Delta        *wireMessage `json:"delta"`
		FinishReason *string      `json:"finish_reason"`
	} `json:"choices"`
	Usage       json.RawMessage `json:"usage"`
	ServiceTier string          `json:"service_tier"`
	Error       json.RawMessage `json:"error"`
	Timings     *struct {       // llama.cpp's own
		PromptMS    float64 `json:"prompt_ms"`
		PredictedMS float64 `json:"predicted_ms"`
	} `json:"timings"`
}

type wireMessage struct {
	Content   json.RawMessage `json:"content"` // text, null, or a list of parts
	Refusal   string          `json:"refusal"`
	Reasoning string          `json:"reasoning_content"`
	ToolCalls []wireCall      `json:"tool_calls"`
}

func (m *wireMessage) text() string {
	c := bytes.TrimSpace(m.Content)
	if len(c) == 0 || string(c) == "null" {
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
	calls   []wireCall
	model   string
	finish  string
	usage   json.RawMessage
	tier    string
	backend *time.Duration
	begun   bool // output has come
	done    bool // the stream's end marker has come
}

// add takes one piece. It reports a failure where the piece is an error or is
// not JSON.
func (a *assembly) add(b []byte) (providers.Signal, bool) {
	var c chunk
	if err := json.Unmarshal(b, &c); err != nil {
		return providers.Signal{Err: providers.ErrMalformed, Message: "not JSON: " + err.Error()}, true
	}
	if e := bytes.TrimSpace(c.Error); len(e) > 0 && string(e) != "null" {
		return parseError(b), true
	}
	if c.Model != "" {
		a.model = c.Model
	}
	if u := bytes.TrimSpace(c.Usage); len(u) > 0 && string(u) != "null" {
		a.usage = bytes.Clone(u)
	}
	if c.ServiceTier != "" {
		a.tier = c.ServiceTier
	}
	if t := c.Timings; t != nil && t.PromptMS >= 0 && t.PredictedMS >= 0 && t.PromptMS+t.PredictedMS < 1e8 {
		d := time.Duration((t.PromptMS + t.PredictedMS) * float64(time.Millisecond))
		a.backend = &d
	}
	if len(c.Choices) == 0 {
		return providers.Signal{}, false
	}
	choice := &c.Choices[0]
	if choice.FinishReason != nil && *choice.FinishReason != "" {
		a.finish = *choice.FinishReason
	}
	for _, m := range []*wireMessage{choice.Message, choice.Delta} {
		if m != nil {
			a.merge(m)
		}
	}
	return providers.Signal{}, false
}

func (a *assembly) merge(m *wireMessage) {
	text := m.text()
	a.text.WriteString(text)
	a.refusal.WriteString(m.Refusal)
	if text != "" || m.Refusal != "" || m.Reasoning != "" || len(m.ToolCalls) > 0 {
		a.begun = true
	}
	for i, c := range m.ToolCalls {
		at := c.Index
		if at == 0 && i > 0 {
			at = i // whole messages number their calls by position
		}
		if at < 0 || at > 255 {
			continue
		}
		for len(a.calls) <= at {
			a.calls = append(a.calls, wireCall{})
		}
		t := &a.calls[at]
		if c.ID != "" {
			t.ID = c.ID
		}
		t.Function.Name += c.Function.Name
		t.Function.Arguments += c.Function.Arguments
	}
}

// into writes what was put together into the response.
func (a *assembly) into(r *eval.Response) {
	r.Text, r.Refusal, r.Model = eval.Untrusted(a.text.String()), eval.Untrusted(a.refusal.String()), a.model
	r.FinishRaw, r.Finish = a.finish, finish(a.finish)
	for i := range a.calls {
		c := eval.ToolCall{ID: a.calls[i].ID, Name: a.calls[i].Function.Name}
		if args := a.calls[i].Function.Arguments; json.Valid([]byte(args)) {
			c.Arguments = json.RawMessage(args)
		} else {
			c.Arguments = appendString(nil, args)
		}
		r.ToolCalls = append(r.ToolCalls, c)
	}
	r.Usage = usage(a.usage, a.tier)
	if a.backend != nil && r.Backend == nil {
		r.Backend = a.backend
	}
}

// whole reads a completion that was not streamed.
func (c *Client) whole(b []byte, r *eval.Response) {
	c.keep(b, r)
	var a assembly
	if s, bad := a.add(b); bad {
		s.Status, s.Phase = r.Status, eval.PhaseResponse
		r.Failure = c.classify(s)
		return
	}
	a.into(r)
	if a.finish == "" && !a.begun {
		r.Failure = c.classify(providers.Signal{Status: r.Status, Err: providers.ErrMalformed, Message: "no choices in the answer", Phase: eval.PhaseResponse})
		return
	}
	judgeFinish(r)
}

func finish(raw string) eval.FinishReason {
	switch raw {
	case "":
		return ""
	case "stop", "eos", "end_turn", "COMPLETE":
		return eval.FinishStop
	case "length", "max_tokens", "model_length":
		return eval.FinishLength
	case "tool_calls", "function_call", "tool_use":
		return eval.FinishToolCalls
	case "content_filter", "safety":
		return eval.FinishFilter
	case "refusal":
		return eval.FinishRefusal
	}
	return eval.FinishOther
}

// judgeFinish turns an answer that is none into a failure. An answer that was
// cut at its cap but holds text stays an answer: graders judge it, and its
// finish reason says why it is short.
func judgeFinish(r *eval.Response) {
	empty := strings.TrimSpace(r.Text.Raw()) == "" && len(r.ToolCalls) == 0
	switch {
	case r.Refusal != "" || r.Finish == eval.FinishRefusal:
		r.Failure = providers.Output(eval.ClassRefusal, "refusal", "the model refused")
	case r.Finish == eval.FinishFilter:
		r.Failure = providers.Output(eval.ClassRefusal, "output_blocked", "a content filter stopped the answer")
	case r.FinishRaw == "error":
		r.Failure = providers.Output(eval.ClassUnavailable, "finish_error", "the provider ended the answer with an error")
		r.Failure.Retry, r.Failure.Fallback, r.Failure.Billing = true, true, eval.Unbilled
	case empty && r.Finish == eval.FinishLength:
		r.Failure = providers.Output(eval.ClassTruncated, "no_output", "the token cap was reached before any answer")
	case empty:
		r.Failure = providers.Output(eval.ClassInvalidOutput, "empty", "the answer is empty")
	}
}

// usage maps OpenAI's usage onto disjoint axes: there prompt_tokens includes
// cached and audio tokens, completion_tokens reasoning and audio.
func usage(raw json.RawMessage, tier string) *eval.Usage {
	if len(raw) == 0 {
		return nil
	}
	var w struct {
		Prompt     *int64 `json:"prompt_tokens"`
		Completion *int64 `json:"completion_tokens"`
		In         struct {
			Cached     int64 `json:"cached_tokens"`
			CacheWrite int64 `json:"cache_write_tokens"`
			Audio      int64 `json:"audio_tokens"`
		} `json:"prompt_tokens_details"`
		Out struct {
			Reasoning int64 `json:"reasoning_tokens"`
			Audio     int64 `json:"audio_tokens"`
		} `json:"completion_tokens_details"`
		Cost *json.Number `json:"cost"` // OpenRouter: US dollars
	}
	if json.Unmarshal(raw, &w) != nil || w.Prompt == nil || w.Completion == nil {
		return nil
	}
	u := &eval.Usage{InCacheRead: w.In.Cached, InCacheWrite5m: w.In.CacheWrite, InAudio: w.In.Audio, OutReasoning: w.Out.Reasoning, OutAudio: w.Out.Audio, Raw: raw}
	u.InFresh = *w.Prompt - w.In.Cached - w.In.CacheWrite - w.In.Audio
	u.OutText = *w.Completion - w.Out.Reasoning - w.Out.Audio
	if tier != "" && tier != "default" && tier != "auto" {
		u.Tier = tier
	}
	if w.Cost != nil {
		if m, err := eval.ParseUSD(w.Cost.String()); err == nil && m >= 0 {
			u.ProviderCost = &m
		}
	}
	if !u.Plausible() {
		return nil
	}
	return u
}

// parseError reads the error bodies that relays send: {"error": {…}}, {"error":
// "…"}, a bare object, a list with one of these, or something that is not JSON.
func parseError(b []byte) providers.Signal {
	s := providers.Signal{Detail: string(b[:min(len(b), 4000)])}
	body := bytes.TrimSpace(b)
	if len(body) > 0 && body[0] == '[' {
		var list []json.RawMessage
		if json.Unmarshal(body, &list) == nil && len(list) > 0 {
			body = list[0]
		}
	}
	var w struct {
		Error   json.RawMessage `json:"error"`
		Message string          `json:"message"`
		Type    string          `json:"type"`
		Code    json.RawMessage `json:"code"`
		Status  string          `json:"status"`
		Detail  json.RawMessage `json:"detail"`
	}
	if json.Unmarshal(body, &w) != nil {
		s.Message = strings.TrimSpace(string(b[:min(len(b), 300)]))
		return s
	}
	if e := bytes.TrimSpace(w.Error); len(e) > 0 && e[0] == '{' {
		inner := parseError(e)
		inner.Detail = s.Detail
		return inner
	} else if len(e) > 0 && e[0] == '"' && json.Unmarshal(e, &s.Message) == nil {
		return s
	}
	s.Message, s.Type = w.Message, w.Type
	if s.Type == "" {
		s.Type = w.Status
	}
	if s.Message == "" && len(w.Detail) > 0 {
		s.Message = strings.Trim(string(w.Detail), `"`)
	}
	if code := strings.Trim(string(w.Code), `"`); code != "null" {
		s.Code = code
	}
	return s
}
