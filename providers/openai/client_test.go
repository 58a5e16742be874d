package openai_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"infer/eval"
	"infer/eval/runner"
	"infer/providers"
	"infer/providers/httpx"
	"infer/providers/internal/wiretest"
	"infer/providers/openai"
)

var _ runner.Caller = (*openai.Client)(nil)

// serve answers every request with status and body.
func serve(t testing.TB, status int, contentType, body string) string {
	t.Helper()
	return handle(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("X-Request-Id", "req-1")
		w.Header().Set("X-Ratelimit-Remaining-Requests", "7")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	})
}

func handle(t testing.TB, h http.HandlerFunc) string {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv.URL + "/v1"
}

func client(t testing.TB, cfg openai.Config) *openai.Client {
	t.Helper()
	c, err := openai.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func ask(stream bool) *eval.Request {
	return &eval.Request{Model: "m-1", Messages: []eval.Message{eval.TextMessage("user", "Where is Florence?")}, Stream: stream}
}

const (
	asJSON = "application/json"
	asSSE  = "text/event-stream; charset=utf-8"
)

// stable leaves out what a clock decides.
var stable = cmpopts.IgnoreFields(eval.Response{}, "InFlight", "TTFT")

func money(m eval.Money) *eval.Money { return &m }

func TestCallAnswers(t *testing.T) {
	t.Parallel()
	limits := map[string]string{"x-ratelimit-remaining-requests": "7"}
	cases := map[string]struct {
		stream     bool
		kind, file string
		want       eval.Response
	}{
		"plain": {false, asJSON, "plain.json", eval.Response{Text: "Florence is in Italy.", Finish: eval.FinishStop, FinishRaw: "stop", Model: "m-1-2026-01-01",
			Usage: &eval.Usage{InFresh: 16, InCacheRead: 100, InAudio: 4, OutText: 10, OutReasoning: 20, Tier: "flex"}}},
		"a stream answered whole": {true, asJSON, "plain.json", eval.Response{Text: "Florence is in Italy.", Finish: eval.FinishStop, FinishRaw: "stop", Model: "m-1-2026-01-01",
			Usage: &eval.Usage{InFresh: 16, InCacheRead: 100, InAudio: 4, OutText: 10, OutReasoning: 20, Tier: "flex"}}},
		"stream": {true, asSSE, "stream.sse", eval.Response{Text: "Florence is in 🇮🇹", Finish: eval.FinishStop, FinishRaw: "stop", Model: "m-1",
			Usage: &eval.Usage{InFresh: 12, OutText: 5, ProviderCost: money(123456789)}}},
		"stream without a type": {true, "text/plain", "stream.sse", eval.Response{Text: "Florence is in 🇮🇹", Finish: eval.FinishStop, FinishRaw: "stop", Model: "m-1",
			Usage: &eval.Usage{InFresh: 12, OutText: 5, ProviderCost: money(123456789)}}},
		"tools": {true, asSSE, "tools.sse", eval.Response{Finish: eval.FinishToolCalls, FinishRaw: "tool_calls", Model: "m-1", ToolCalls: []eval.ToolCall{
			{ID: "call_a", Name: "weather", Arguments: json.RawMessage(`{"city":"Florence"}`)}, {ID: "call_b", Name: "now", Arguments: json.RawMessage(`{}`)}}}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := client(t, openai.Config{BaseURL: serve(t, 200, c.kind, wiretest.Fixture(t, c.file))}).Call(t.Context(), ask(c.stream))
			c.want.Status, c.want.RequestID, c.want.RateLimits = 200, "req-1", limits
			if got.Usage != nil {
				if !json.Valid(got.Usage.Raw) {
					t.Errorf("raw usage %q", got.Usage.Raw)
				}
				got.Usage.Raw = nil
			}
			if diff := cmp.Diff(c.want, got, stable, cmpopts.IgnoreFields(eval.Usage{}, "Raw")); diff != "" {
				t.Errorf("response (-want +got):\n%s", diff)
			}
			if got.InFlight <= 0 || (got.TTFT != nil) != strings.HasSuffix(c.file, ".sse") || got.TTFT != nil && *got.TTFT > got.InFlight {
				t.Errorf("in flight %s, first token %v", got.InFlight, got.TTFT)
			}
		})
	}
}

func completion(message, finish string) string {
	return `{"model":"m-1","choices":[{"index":0,"message":` + message + `,"finish_reason":"` + finish + `"}],"usage":{"prompt_tokens":9,"completion_tokens":3}}`
}

// TestCallFailures: what is no answer is a failure of the right class, at the
// right phase, and keeps the evidence that came.
func TestCallFailures(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		stream  bool
		status  int
		kind    string
		body    string
		class   eval.Class
		sub     string
		phase   eval.Phase
		billing eval.Billing
		usage   bool
	}{
		"refused":                {false, 429, asJSON, wiretest.Fixture(t, "error.json"), eval.ClassRateLimit, "", eval.PhaseResponse, eval.NotBilled, false},
		"401":                    {false, 401, asJSON, `{"error":"no"}`, eval.ClassAuthBilling, "credentials", eval.PhaseResponse, eval.NotBilled, false},
		"529":                    {true, 529, asJSON, `{"type":"error","error":{"type":"overloaded_error"}}`, eval.ClassUnavailable, "", eval.PhaseResponse, eval.NotBilled, false},
		"408":                    {false, 408, asJSON, ``, eval.ClassTimeout, "provider", eval.PhaseResponse, eval.NotBilled, false},
		"error in a 200":         {false, 200, asJSON, `{"error":{"message":"no","code":503}}`, eval.ClassUnavailable, "", eval.PhaseResponse, eval.NotBilled, false},
		"page in a 200":          {false, 200, "text/html", `<html><title>Sorry</title></html>`, eval.ClassUnavailable, "malformed_response", eval.PhaseResponse, eval.Unbilled, false},
		"page for a stream":      {true, 200, "text/html", `<html><title>Sorry</title></html>`, eval.ClassUnavailable, "malformed_response", eval.PhaseResponse, eval.Unbilled, false},
		"error for a stream":     {true, 200, "", `{"error":{"message":"Rate limit reached","code":429}}`, eval.ClassRateLimit, "", eval.PhaseResponse, eval.NotBilled, false},
		"half JSON":              {false, 200, asJSON, `{"choices":[{"message":`, eval.ClassUnavailable, "malformed_response", eval.PhaseResponse, eval.Unbilled, false},
		"no choices":             {false, 200, asJSON, `{"choices":[]}`, eval.ClassUnavailable, "malformed_response", eval.PhaseResponse, eval.Unbilled, false},
		"not an object":          {false, 200, asJSON, `[1,2]`, eval.ClassUnavailable, "malformed_response", eval.PhaseResponse, eval.Unbilled, false},
		"refusal":                {false, 200, asJSON, completion(`{"content":null,"refusal":"I can't."}`, "stop"), eval.ClassRefusal, "refusal", eval.PhaseResponse, eval.Billed, true},
		"filtered":               {false, 200, asJSON, completion(`{"content":"Half"}`, "content_filter"), eval.ClassRefusal, "output_blocked", eval.PhaseResponse, eval.Billed, true},
		"empty":                  {false, 200, asJSON, completion(`{"content":" \n"}`, "stop"), eval.ClassInvalidOutput, "empty", eval.PhaseResponse, eval.Billed, true},
		"cut at the cap, empty":  {false, 200, asJSON, completion(`{"content":"","reasoning_content":"hm"}`, "length"), eval.ClassTruncated, "no_output", eval.PhaseResponse, eval.Billed, true},
		"cut in a tool call":     {false, 200, asJSON, completion(`{"content":null,"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{\"a\":"}}]}`, "length"), eval.ClassTruncated, "no_output", eval.PhaseResponse, eval.Billed, true},
		"malformed tool call":    {false, 200, asJSON, completion(`{"content":"x"}`, "MALFORMED_FUNCTION_CALL"), eval.ClassInvalidOutput, "tool_call", eval.PhaseResponse, eval.Billed, true},
		"finish error":           {false, 200, asJSON, completion(`{"content":"x"}`, "error"), eval.ClassUnavailable, "finish_error", eval.PhaseResponse, eval.Unbilled, true},
		"stream cut":             {true, 200, asSSE, wiretest.Fixture(t, "cut.sse"), eval.ClassNetwork, "incomplete_stream", eval.PhaseMidStream, eval.Unbilled, false},
		"stream cut in a line":   {true, 200, asSSE, wiretest.Fixture(t, "cut.sse") + `data: {"choi`, eval.ClassNetwork, "incomplete_stream", eval.PhaseMidStream, eval.Unbilled, false},
		"stream without events":  {true, 200, asSSE, ``, eval.ClassNetwork, "incomplete_stream", eval.PhaseFirstToken, eval.Unbilled, false},
		"error in a stream":      {true, 200, asSSE, wiretest.Fixture(t, "error.sse"), eval.ClassRateLimit, "", eval.PhaseMidStream, eval.Unbilled, false},
		"error event":            {true, 200, asSSE, "event: error\ndata: {\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}\n\n", eval.ClassUnavailable, "", eval.PhaseFirstToken, eval.NotBilled, false},
		"bad chunk":              {true, 200, asSSE, wiretest.Fixture(t, "cut.sse") + "data: {oops}\n\ndata: [DONE]\n\n", eval.ClassUnavailable, "malformed_response", eval.PhaseMidStream, eval.Unbilled, false},
		"[DONE] without answer":  {true, 200, asSSE, "data: [DONE]\n\n", eval.ClassInvalidOutput, "empty", eval.PhaseResponse, eval.Billed, false},
		"404 from a wrong base":  {false, 404, "text/plain", "404 page not found", eval.ClassParameter, "address", eval.PhaseResponse, eval.NotBilled, false},
		"error inside a choice":  {false, 200, asJSON, `{"choices":[{"error":{"code":502,"message":"x"},"message":{"content":"half"},"finish_reason":"error"}]}`, eval.ClassUnavailable, "", eval.PhaseResponse, eval.NotBilled, false},
		"redirect to an unknown": {false, 307, asJSON, ``, eval.ClassParameter, "redirect", eval.PhaseResponse, eval.NotBilled, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := client(t, openai.Config{BaseURL: serve(t, c.status, c.kind, c.body)}).Call(t.Context(), ask(c.stream))
			f := got.Failure
			if f == nil {
				t.Fatalf("a success: %+v", got)
			}
			if f.Class != c.class || f.Sub != c.sub || f.Phase != c.phase || f.Billing != c.billing {
				t.Errorf("%s/%s at %s, %s: %s", f.Class, f.Sub, f.Phase, f.Billing, f.Message)
			}
			if (got.Usage != nil) != c.usage {
				t.Errorf("usage %+v", got.Usage)
			}
			if got.Status != c.status || got.RequestID != "req-1" || f.Message == "" {
				t.Errorf("status %d, request %q, message %q", got.Status, got.RequestID, f.Message)
			}
		})
	}
}

// TestTruncatedTextIsAnAnswer: graders judge it; the finish reason says why it
// is short.
func TestTruncatedTextIsAnAnswer(t *testing.T) {
	t.Parallel()
	got := client(t, openai.Config{BaseURL: serve(t, 200, asJSON, completion(`{"content":"Florence is"}`, "length"))}).Call(t.Context(), ask(false))
	if got.Failure != nil || got.Text != "Florence is" || got.Finish != eval.FinishLength {
		t.Errorf("response %+v", got)
	}
}

// TestCutAfterFinish: the answer had come whole; only its usage is unknown.
func TestCutAfterFinish(t *testing.T) {
	t.Parallel()
	base := handle(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", asSSE)
		_, _ = io.WriteString(w, `data: {"choices":[{"delta":{"content":"ok"},"finish_reason":"stop"}]}`+"\n\n")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	got := client(t, openai.Config{BaseURL: base}).Call(t.Context(), ask(true))
	if got.Failure != nil || got.Text != "ok" || got.Usage != nil {
		t.Errorf("response %+v, failure %v", got, got.Failure)
	}
}

func TestConnectionFaults(t *testing.T) {
	t.Parallel()
	abort := func(body string) string {
		return handle(t, func(w http.ResponseWriter, _ *http.Request) {
			if body != "" {
				w.Header().Set("Content-Type", asSSE)
				_, _ = io.WriteString(w, body)
				_ = http.NewResponseController(w).Flush()
			}
			panic(http.ErrAbortHandler)
		})
	}
	closed := wiretest.Closed(t)
	gzipped := handle(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = io.WriteString(w, "not gzip at all")
	})
	cases := map[string]struct {
		base   string
		stream bool
		want   string
	}{
		"refused":          {closed, false, "network/refused connect F not_billed"},
		"reset":            {abort(""), false, "network/ first_byte RF unknown"},
		"reset mid stream": {abort(wiretest.Fixture(t, "cut.sse")), true, "network/incomplete_stream mid_stream RF unknown"},
		"gzip garbage":     {gzipped, false, "provider_unavailable/malformed_response mid_stream RF unknown"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := client(t, openai.Config{BaseURL: c.base}).Call(t.Context(), ask(c.stream))
			f := got.Failure
			if f == nil {
				t.Fatal("a success")
			}
			flags := ""
			if f.Retry {
				flags += "R"
			}
			if f.Fallback {
				flags += "F"
			}
			if s := string(f.Class) + "/" + f.Sub + " " + string(f.Phase) + " " + flags + " " + string(f.Billing); s != c.want {
				t.Errorf("got %s (%s), want %s", s, f.Message, c.want)
			}
			if got.InFlight <= 0 {
				t.Errorf("in flight %s", got.InFlight)
			}
		})
	}
}

func TestLimitsAndCancel(t *testing.T) {
	t.Parallel()
	base := handle(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if strings.HasPrefix(r.URL.Path, "/v1/drip") {
			w.Header().Set("Content-Type", asSSE)
			_, _ = io.WriteString(w, wiretest.Fixture(t, "cut.sse"))
			_ = http.NewResponseController(w).Flush()
		}
		<-r.Context().Done()
	})
	const short = 400 * time.Millisecond // long enough for the first piece on a busy machine
	cases := map[string]struct {
		path   string
		limits eval.Limits
		times  httpx.Timeouts
		cancel bool
		want   string
	}{
		"hang":         {"", eval.Limits{Timeout: short}, httpx.Timeouts{}, false, "timeout/ttft first_byte"},
		"first token":  {"", eval.Limits{FirstToken: short}, httpx.Timeouts{}, false, "timeout/ttft first_byte"},
		"idle":         {"/drip", eval.Limits{}, httpx.Timeouts{Idle: short}, false, "timeout/idle mid_stream"},
		"total":        {"/drip", eval.Limits{Timeout: short}, httpx.Timeouts{}, false, "timeout/total mid_stream"},
		"the user":     {"", eval.Limits{}, httpx.Timeouts{}, true, "caller_cancelled/ first_byte"},
		"user, stream": {"/drip", eval.Limits{}, httpx.Timeouts{}, true, "caller_cancelled/ mid_stream"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if c.cancel {
				time.AfterFunc(short, cancel)
			}
			req := ask(true)
			req.Limits = c.limits
			got := client(t, openai.Config{BaseURL: base + c.path, Timeouts: c.times}).Call(ctx, req)
			f := got.Failure
			if f == nil {
				t.Fatal("a success")
			}
			if s := string(f.Class) + "/" + f.Sub + " " + string(f.Phase); s != c.want || f.Billing != eval.Unbilled {
				t.Errorf("got %s, %s (%s), want %s", s, f.Billing, f.Message, c.want)
			}
			if got.InFlight < short/2 {
				t.Errorf("in flight only %s", got.InFlight)
			}
		})
	}
}

// TestKeyIsNowhere: a server that echoes the key in every field that it can.
func TestKeyIsNowhere(t *testing.T) {
	t.Parallel()
	const key = "canary-0123456789abcdef"
	echo := func(status int, body string) string {
		return handle(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "Bearer "+key || r.Header.Get("X-Team") != "a" {
				t.Errorf("headers %v", r.Header)
			}
			w.Header().Set("X-Request-Id", key)
			w.Header().Set("X-Ratelimit-Limit-Requests", key)
			w.Header().Set("Content-Type", asJSON)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, strings.ReplaceAll(body, "KEY", key))
		})
	}
	bases := map[string]string{
		"error": echo(400, `{"error":{"message":"bad KEY","type":"KEY","code":"KEY"}}`),
		"text":  echo(500, strings.Repeat("x", 290)+"KEY"),
		"answer": echo(200, `{"model":"KEY","service_tier":"KEY","choices":[{"message":{"content":"it is KEY","tool_calls":[{"id":"KEY","function":{"name":"KEY","arguments":"{\"a\":\"KEY\"}"}}]},`+
			`"finish_reason":"KEY"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"note":"KEY"}}`),
		"refusal": echo(200, completion(`{"refusal":"not KEY"}`, "stop")),
	}
	for name, base := range bases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := client(t, openai.Config{Name: "p", BaseURL: base, Key: providers.NewKey(key), Headers: map[string]string{"X-Team": "a"}, KeepBody: true})
			got := c.Call(t.Context(), ask(false))
			wiretest.Redacted(t, name, &got)
			if _, err := c.Models(t.Context()); err != nil && strings.Contains(err.Error(), "canary") {
				t.Errorf("error %v", err)
			}
		})
	}
}
