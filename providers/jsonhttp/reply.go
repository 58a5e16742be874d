package jsonhttp

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"infer/eval"
	"infer/providers"
	"infer/providers/httpx"
)

// path is a dotted path, taken apart; nil = none.
type path []string

func parsePath(name, s string) (path, error) {
	if s == "" {
		return nil, nil
	}
	p := path(strings.Split(s, "."))
	for _, step := range p {
		if step == "" {
			return nil, fmt.Errorf("%s: %q has an empty step", name, eval.Untrusted(s).Line(60))
		}
	}
	return p, nil
}

// in returns what stands at the path in v, nil where nothing does.
func (p path) in(v any) any {
	if p == nil {
		return nil
	}
	for _, step := range p {
		switch x := v.(type) {
		case map[string]any:
			v = x[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(x) {
				return nil
			}
			v = x[i]
		default:
			return nil
		}
	}
	return v
}

type paths struct {
	text, calls, refusal, finish, model, failure, input, cached, output, reasoning, cost, backend path
}

// parse takes the paths apart.
func (s Paths) parse() (paths, error) {
	var p paths
	if s.Text == "" && s.ToolCalls == "" {
		return p, errors.New("there is no path to the answer's text")
	}
	for _, x := range []struct {
		name, path string
		to         *path
	}{{"text", s.Text, &p.text}, {"tool_calls", s.ToolCalls, &p.calls}, {"refusal", s.Refusal, &p.refusal}, {"finish", s.Finish, &p.finish}, {"model", s.Model, &p.model},
		{"error", s.Error, &p.failure}, {"input_tokens", s.Input, &p.input}, {"cached_tokens", s.Cached, &p.cached}, {"output_tokens", s.Output, &p.output},
		{"reasoning_tokens", s.Reasoning, &p.reasoning}, {"cost_usd", s.CostUSD, &p.cost}, {"backend_ms", s.BackendMS, &p.backend}} {
		var err error
		if *x.to, err = parsePath(x.name, x.path); err != nil {
			return p, err
		}
	}
	return p, nil
}

// reply reads one answer by the paths.
type reply struct {
	paths *paths
	body  any
}

var _ httpx.Answer = (*reply)(nil)

// Event is never called: answers are not streamed.
func (*reply) Event(httpx.Event) (httpx.Progress, *providers.Signal) {
	return httpx.Progress{}, &providers.Signal{Err: providers.ErrMalformed}
}

// Whole takes an answer. One without a text, or calls, at the path is not what
// the configuration says.
func (r *reply) Whole(b []byte) *providers.Signal {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := d.Decode(&r.body); err != nil {
		return &providers.Signal{Err: providers.ErrMalformed, Message: "not JSON: " + err.Error()}
	}
	if said := r.paths.failure.in(r.body); isError(said) {
		e, err := json.Marshal(map[string]any{"error": said})
		if err != nil {
			return &providers.Signal{Err: providers.ErrMalformed, Message: err.Error()}
		}
		s := providers.ParseError(e)
		return &s
	}
	if r.paths.text.in(r.body) == nil && r.paths.calls.in(r.body) == nil && r.paths.refusal.in(r.body) == nil {
		return &providers.Signal{Err: providers.ErrMalformed, Message: "the answer has nothing at response.text: " + strings.Join(r.paths.text, ".")}
	}
	return nil
}

// isError reports whether what stands at the error's path says that there is one.
func isError(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case bool:
		return v
	case string:
		return v != ""
	case json.Number:
		return v != "0"
	case []any:
		return len(v) > 0
	}
	return true
}

// Into writes what the paths lead to into the response.
func (r *reply) Into(out *eval.Response) {
	p := r.paths
	out.Text, out.Refusal = eval.Untrusted(words(p.text.in(r.body))), eval.Untrusted(words(p.refusal.in(r.body)))
	out.Model, out.FinishRaw = words(p.model.in(r.body)), words(p.finish.in(r.body))
	out.Finish = providers.FinishOf(out.FinishRaw)
	if out.FinishRaw == "" {
		out.Finish, out.FinishRaw = eval.FinishStop, "stop" // an application that answers has finished
	}
	if calls := p.calls.in(r.body); calls != nil {
		out.ToolCalls = toolCalls(calls)
	}
	out.Usage = r.usage()
	if ms, ok := p.backend.in(r.body).(json.Number); ok {
		if f, err := ms.Float64(); err == nil && f >= 0 && f < 1e8 {
			d := time.Duration(f * float64(time.Millisecond))
			out.Backend = &d
		}
	}
}

// words are a text as it is, and any other value as JSON: an application may
// answer with an object, which graders of JSON read.
func words(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	}
	b, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(b)
}

func toolCalls(v any) []eval.ToolCall {
	b, err := json.Marshal(map[string]any{"role": "assistant", "tool_calls": v})
	var m eval.Message
	if err != nil || json.Unmarshal(b, &m) != nil {
		return nil
	}
	for i := range m.ToolCalls {
		m.ToolCalls[i].Arguments = providers.Arguments(m.ToolCalls[i].Arguments)
	}
	return m.ToolCalls
}

// usage maps the counts onto disjoint axes. Tokens are known where both input and
// output are; a cost without tokens is a usage too.
func (r *reply) usage() *eval.Usage {
	p, found := r.paths, make(map[string]any)
	count := func(name string, at path) int64 {
		n, ok := at.in(r.body).(json.Number)
		if !ok {
			return 0
		}
		found[name] = n
		if i, err := n.Int64(); err == nil {
			return i
		}
		return -1 // no count of tokens: it makes all of them unknown
	}
	input, cached := count("input_tokens", p.input), count("cached_tokens", p.cached)
	output, reasoning := count("output_tokens", p.output), count("reasoning_tokens", p.reasoning)
	u := &eval.Usage{InFresh: input - cached, InCacheRead: cached, OutText: output - reasoning, OutReasoning: reasoning}
	if found["input_tokens"] == nil || found["output_tokens"] == nil || !u.Plausible() || u.Input()+u.Output() == 0 {
		u = &eval.Usage{}
	}
	if n, ok := p.cost.in(r.body).(json.Number); ok {
		if m, err := eval.ParseUSD(n.String()); err == nil && m >= 0 {
			u.ProviderCost, found["cost_usd"] = &m, n
		}
	}
	if u.Input()+u.Output() == 0 && u.ProviderCost == nil {
		return nil
	}
	raw, err := json.Marshal(found)
	if err == nil {
		u.Raw = raw
	}
	return u
}
