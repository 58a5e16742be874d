package simulate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"infer/eval"
)

// Fault is one way in which an Upstream fails; "" = it answers.
type Fault string

// The faults of an upstream.
const (
	FaultNone       Fault = ""
	FaultRateLimit  Fault = "429"         // without Retry-After
	FaultRetryAfter Fault = "429_after"   // with Retry-After: 1
	FaultBalance    Fault = "429_balance" // insufficient_quota, as OpenAI reports it
	Fault500        Fault = "500"
	Fault503        Fault = "503"
	Fault529        Fault = "529"
	FaultHang       Fault = "hang"  // no byte ever comes
	FaultStall      Fault = "stall" // a stream that stops after two pieces
	FaultReset      Fault = "reset" // the connection is reset before any byte
	FaultCut        Fault = "cut"   // a stream whose connection is closed after two pieces
	FaultParameter  Fault = "400"   // a parameter that the model does not take
	FaultContext    Fault = "400_context"
	FaultFilter     Fault = "400_filter" // the prompt was blocked
	FaultRefusal    Fault = "refusal"    // 200 with a refusal for an answer
)

// maxUpstream bounds what one upstream keeps and how long it hangs.
const (
	maxUpstreamCalls = 10_000
	maxUpstreamBody  = 8 << 20
	maxHang          = 2 * time.Minute
)

// UpstreamCall is one call that an upstream received.
type UpstreamCall struct {
	At     time.Time // with the monotonic clock
	Model  string
	Stream bool
	System eval.Digest // of the text of the system messages
	Tools  eval.Digest // of the tools, as canonical JSON
	Params eval.Digest // of everything else but the messages, the model and what makes a stream
	Fault  Fault
}

// Upstream is a provider for drills: an OpenAI-style server that says its own
// name, fails as it is told, by model string, and keeps what it was sent.
type Upstream struct {
	name string
	mux  *http.ServeMux

	mu     sync.Mutex
	faults map[string]Fault
	calls  []UpstreamCall
}

var _ http.Handler = (*Upstream)(nil)

// NewUpstream returns an upstream that answers every model with Answer(name).
func NewUpstream(name string) *Upstream {
	u := &Upstream{name: name, mux: http.NewServeMux(), faults: make(map[string]Fault)}
	u.mux.HandleFunc("POST /v1/chat/completions", u.chat)
	u.mux.HandleFunc("GET /v1/models", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]any{"object": "list", "data": []any{}})
	})
	return u
}

// ServeHTTP serves one request.
func (u *Upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) { u.mux.ServeHTTP(w, r) }

// Answer is the text that an upstream of that name answers with.
func Answer(name string) string { return "answered by upstream " + name }

// Fail makes the upstream fail for a model from now on; FaultNone mends it.
func (u *Upstream) Fail(model string, f Fault) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.faults[model] = f
}

// Calls returns the calls for a model since the last Forget, in order.
func (u *Upstream) Calls(model string) []UpstreamCall {
	u.mu.Lock()
	defer u.mu.Unlock()
	var out []UpstreamCall
	for _, c := range u.calls {
		if c.Model == model {
			out = append(out, c)
		}
	}
	return out
}

// Forget forgets the calls for a model.
func (u *Upstream) Forget(model string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	kept := u.calls[:0]
	for _, c := range u.calls {
		if c.Model != model {
			kept = append(kept, c)
		}
	}
	u.calls = kept
}

// note keeps a call and returns the fault that it meets.
func (u *Upstream) note(c UpstreamCall) Fault {
	u.mu.Lock()
	defer u.mu.Unlock()
	c.Fault = u.faults[c.Model]
	if len(u.calls) < maxUpstreamCalls {
		u.calls = append(u.calls, c)
	}
	return c.Fault
}

func (u *Upstream) chat(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxUpstreamBody))
	call, readErr := readCall(body)
	if err != nil || readErr != nil {
		writeError(w, http.StatusBadRequest, "invalid_request_error", "", "a request needs model and messages")
		return
	}
	fault := u.note(call)
	switch fault {
	case FaultNone, FaultStall, FaultCut, FaultRefusal:
		u.answer(w, r, &call, fault)
	case FaultHang:
		pause(r, maxHang)
	case FaultReset:
		reset(w)
	default:
		refuse(w, fault)
	}
}

// readCall reads what a request asks for.
func readCall(body []byte) (UpstreamCall, error) {
	var req map[string]json.RawMessage
	if err := json.Unmarshal(body, &req); err != nil {
		return UpstreamCall{}, err
	}
	c := UpstreamCall{At: time.Now()}
	var messages []struct {
		Role    string          `json:"role"`
		Content json.RawMessage `json:"content"`
	}
	if err := json.Unmarshal(req["model"], &c.Model); err != nil {
		return c, err
	}
	if err := json.Unmarshal(req["messages"], &messages); err != nil || len(messages) == 0 {
		return c, fmt.Errorf("no messages: %w", err)
	}
	if raw, ok := req["stream"]; ok {
		if err := json.Unmarshal(raw, &c.Stream); err != nil {
			return c, err
		}
	}
	system := ""
	for _, m := range messages {
		if m.Role == "system" || m.Role == "developer" {
			system += textOf(m.Content)
		}
	}
	c.System, c.Tools = eval.DigestOf([]byte(system)), CanonicalDigest(req["tools"])
	for _, key := range []string{"model", "messages", "tools", "stream", "stream_options"} {
		delete(req, key)
	}
	rest, err := json.Marshal(req)
	if err != nil {
		return c, err
	}
	c.Params = CanonicalDigest(rest)
	return c, nil
}

// CanonicalDigest is the digest of a JSON value whatever its spacing and the order
// of its keys; that of nothing where there is none.
func CanonicalDigest(raw json.RawMessage) eval.Digest {
	var v any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return eval.DigestOf(nil)
	}
	return eval.DigestJSON(v)
}

// answer answers, whole or as a stream that may break off.
func (u *Upstream) answer(w http.ResponseWriter, r *http.Request, c *UpstreamCall, fault Fault) {
	text, key, message := Answer(u.name), "content", map[string]any{"role": "assistant", "content": Answer(u.name)}
	if fault == FaultRefusal {
		text, key = "I cannot help with that.", "refusal"
		message = map[string]any{"role": "assistant", "content": nil, "refusal": text}
	}
	head := map[string]any{"id": "chatcmpl-drill", "created": time.Now().Unix(), "model": c.Model}
	if !c.Stream {
		if fault == FaultStall || fault == FaultCut { // faults of a stream
			reset(w)
			return
		}
		head["object"] = "chat.completion"
		head["choices"] = []any{map[string]any{"index": 0, "finish_reason": "stop", "message": message}}
		head["usage"] = map[string]any{"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}
		writeJSON(w, http.StatusOK, head)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	head["object"] = "chat.completion.chunk"
	send := func(delta map[string]any, finish any) {
		head["choices"] = []any{map[string]any{"index": 0, "delta": delta, "finish_reason": finish}}
		sendEvent(w, head)
	}
	send(map[string]any{"role": "assistant", "content": ""}, nil)
	send(map[string]any{key: text[:8]}, nil)
	if fault == FaultStall {
		pause(r, maxHang)
		return
	}
	if fault == FaultCut {
		panic(http.ErrAbortHandler) // closes the connection without the end of the body
	}
	send(map[string]any{key: text[8:]}, nil)
	send(map[string]any{}, "stop")
	head["choices"], head["usage"] = []any{}, map[string]any{"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}
	sendEvent(w, head)
	_, _ = io.WriteString(w, "data: [DONE]\n\n")
}

func sendEvent(w http.ResponseWriter, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		return // plain data always encodes
	}
	_, _ = fmt.Fprintf(w, "data: %s\n\n", b)
	if f, ok := w.(http.Flusher); ok {
		f.Flush()
	}
}

// reset ends the connection with a TCP reset, where the transport allows.
func reset(w http.ResponseWriter) {
	h, ok := w.(http.Hijacker)
	if !ok {
		panic(http.ErrAbortHandler)
	}
	c, _, err := h.Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = c.Close()
}

// refuse answers with an error as OpenAI-style services write it.
func refuse(w http.ResponseWriter, f Fault) {
	switch f {
	case FaultRateLimit, FaultRetryAfter:
		if f == FaultRetryAfter {
			w.Header().Set("Retry-After", "1")
		}
		writeError(w, 429, "rate_limit_error", "rate_limit_exceeded", "Rate limit reached for requests")
	case FaultBalance:
		writeError(w, 429, "insufficient_quota", "insufficient_quota", "You exceeded your current quota, please check your plan and billing details.")
	case FaultParameter:
		writeError(w, 400, "invalid_request_error", "unsupported_parameter", "Unsupported parameter: 'top_k' is not supported with this model.")
	case FaultContext:
		writeError(w, 400, "invalid_request_error", "context_length_exceeded", "This model's maximum context length is 8192 tokens. However, your messages resulted in 9001 tokens.")
	case FaultFilter:
		writeError(w, 400, "invalid_request_error", "content_policy_violation", "Your request was rejected as a result of our safety system.")
	case Fault503:
		writeError(w, 503, "server_error", "", "The server is overloaded or not ready yet.")
	case Fault529:
		writeError(w, 529, "overloaded_error", "", "Overloaded")
	default:
		writeError(w, 500, "server_error", "", "The server had an error while processing your request.")
	}
}
