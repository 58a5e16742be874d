package anthropic_test

import (
	"encoding/json"
	"io"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"infer/eval"
	"infer/eval/runner"
	"infer/providers"
	"infer/providers/anthropic"
	"infer/providers/httpx"
	"infer/providers/internal/wiretest"
)

var _ runner.Caller = (*anthropic.Client)(nil)

func client(t testing.TB, cfg anthropic.Config) *anthropic.Client {
	t.Helper()
	c, err := anthropic.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func answer(t testing.TB, kind, body string, stream bool) eval.Response {
	t.Helper()
	return client(t, anthropic.Config{BaseURL: wiretest.Answering(t, 200, kind, body)}).Call(t.Context(), wiretest.Ask(stream))
}

func TestConform(t *testing.T) {
	t.Parallel()
	wiretest.Conform(t, wiretest.Wire{
		New:    func(cfg httpx.Config) (wiretest.Caller, error) { return anthropic.New(cfg) },
		Header: "X-Api-Key", Whole: wiretest.Fixture(t, "whole.json"), Stream: wiretest.Fixture(t, "stream.sse"),
		Echo: `{"type":"message","model":"KEY","content":[{"type":"text","text":"it is KEY"},{"type":"tool_use","id":"KEY","name":"KEY","input":{"a":"KEY"}}],` +
			`"stop_reason":"KEY","usage":{"input_tokens":1,"output_tokens":1,"service_tier":"KEY"}}`,
	})
}

var noClock = cmpopts.IgnoreFields(eval.Response{}, "InFlight", "TTFT")

// TestAnswers: text, thinking, tool calls and usage on disjoint axes.
func TestAnswers(t *testing.T) {
	t.Parallel()
	whole := func(content, stop, usage string) string {
		return `{"type":"message","model":"m-1","content":[` + content + `],"stop_reason":"` + stop + `","usage":{` + usage + `}}`
	}
	cases := map[string]struct {
		stream     bool
		kind, body string
		want       eval.Response
	}{
		"stream": {true, wiretest.SSE, wiretest.Fixture(t, "stream.sse"), eval.Response{Text: wiretest.Text, Finish: eval.FinishStop, FinishRaw: "end_turn",
			Usage: &eval.Usage{InFresh: 25, InCacheRead: 100, InCacheWrite5m: 10, InCacheWrite1h: 20, OutText: 15}}},
		"tools and thinking": {true, wiretest.SSE, wiretest.Fixture(t, "tools.sse"), eval.Response{Text: "I will look.", Finish: eval.FinishToolCalls, FinishRaw: "tool_use",
			ToolCalls: []eval.ToolCall{{ID: "toolu_a", Name: "weather", Arguments: json.RawMessage(`{"city": "Florence"}`)}, {ID: "toolu_b", Name: "now", Arguments: json.RawMessage(`{}`)}},
			Usage:     &eval.Usage{InFresh: 394, OutText: 77, OutReasoning: 12}}},
		"tiers, server tools, cache without lifetimes": {false, wiretest.JSON, whole(`{"type":"server_tool_use","id":"s","name":"web_search","input":{}},{"type":"text","text":"a"},{"type":"text","text":"b"}`, "stop_sequence",
			`"input_tokens":1,"output_tokens":2,"cache_creation_input_tokens":7,"service_tier":"priority","inference_geo":"us","server_tool_use":{"web_search_requests":3,"web_fetch_requests":0}`),
			eval.Response{Text: "ab", Finish: eval.FinishStop, FinishRaw: "stop_sequence", Usage: &eval.Usage{InFresh: 1, InCacheWrite5m: 7, OutText: 2, Tier: "priority+us", ServerTools: map[string]int64{"web_search": 3}}}},
		"cut at the cap": {false, wiretest.JSON, whole(`{"type":"text","text":"half"}`, "max_tokens", `"input_tokens":1,"output_tokens":2`),
			eval.Response{Text: "half", Finish: eval.FinishLength, FinishRaw: "max_tokens", Usage: &eval.Usage{InFresh: 1, OutText: 2}}},
		"cut at the window": {false, wiretest.JSON, whole(`{"type":"text","text":"half"}`, "model_context_window_exceeded", `"input_tokens":1,"output_tokens":2`),
			eval.Response{Text: "half", Finish: eval.FinishLength, FinishRaw: "model_context_window_exceeded", Usage: &eval.Usage{InFresh: 1, OutText: 2}}},
		"absurd usage is unknown": {false, wiretest.JSON, whole(`{"type":"text","text":"x"}`, "end_turn", `"input_tokens":-1,"output_tokens":2`), eval.Response{Text: "x", Finish: eval.FinishStop, FinishRaw: "end_turn"}},
		"no usage is unknown":     {false, wiretest.JSON, whole(`{"type":"text","text":"x"}`, "end_turn", ``), eval.Response{Text: "x", Finish: eval.FinishStop, FinishRaw: "end_turn"}},
		"fields of other types":   {false, wiretest.JSON, whole(`{"type":"text","text":"x"},{"type":7}`, "end_turn", `"input_tokens":1,"output_tokens":2`), eval.Response{Text: "x", Finish: eval.FinishStop, FinishRaw: "end_turn", Usage: &eval.Usage{InFresh: 1, OutText: 2}}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.want.Status, c.want.Model = 200, "m-1"
			got := answer(t, c.kind, c.body, c.stream)
			if got.Usage != nil && !json.Valid(got.Usage.Raw) {
				t.Errorf("raw usage %q", got.Usage.Raw)
			}
			if diff := cmp.Diff(c.want, got, noClock, cmpopts.IgnoreFields(eval.Usage{}, "Raw")); diff != "" {
				t.Errorf("response (-want +got):\n%s", diff)
			}
		})
	}
}

// TestOutputFailures: answers that came whole and are none.
func TestOutputFailures(t *testing.T) {
	t.Parallel()
	whole := func(content, stop string) string {
		return `{"type":"message","model":"m-1","content":[` + content + `],"stop_reason":"` + stop + `","usage":{"input_tokens":1,"output_tokens":2}}`
	}
	text := `{"type":"text","text":"half"}`
	for name, c := range map[string]struct{ body, want string }{
		"refusal":               {whole(text, "refusal"), "model_refusal/refusal response  billed"},
		"refusal, empty":        {whole(``, "refusal"), "model_refusal/refusal response  billed"},
		"empty":                 {whole(``, "end_turn"), "model_output_invalid/empty response R1F billed"},
		"only thinking":         {whole(`{"type":"thinking","thinking":"hm"}`, "max_tokens"), "model_output_truncated/no_output response  billed"},
		"paused":                {whole(text, "pause_turn"), "model_output_truncated/paused response  billed"},
		"paused, empty":         {whole(`{"type":"server_tool_use","id":"s","name":"web_search","input":{}}`, "pause_turn"), "model_output_truncated/paused response  billed"},
		"error inside a 200":    {`{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`, "provider_unavailable/ response RF not_billed"},
		"cut in a tool's input": {whole(`{"type":"tool_use","id":"a","name":"f","input":"{\"a\":"}`, "max_tokens"), "model_output_truncated/no_output response  billed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := answer(t, wiretest.JSON, c.body, false)
			if d := wiretest.Decision(got.Failure); d != c.want {
				t.Errorf("%s, want %s", d, c.want)
			}
		})
	}
}

// TestUsageOfABrokenStream: what message_start said of the input is known,
// whatever became of the stream.
func TestUsageOfABrokenStream(t *testing.T) {
	t.Parallel()
	got := answer(t, wiretest.SSE, wiretest.Fixture(t, "stream.sse")[:900], true)
	if got.Failure == nil || got.Usage == nil || got.Usage.InCacheRead != 100 || got.Usage.InFresh != 25 {
		t.Errorf("failure %v, usage %+v", got.Failure, got.Usage)
	}
}

func TestHeadersAndAddresses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		path    string
		headers map[string]string
		want    string
		version string
	}{
		"version":     {"/v1", nil, "/v1/messages", "2023-06-01"},
		"none":        {"", nil, "/v1/messages", "2023-06-01"},
		"whole":       {"/v1/messages", nil, "/v1/messages", "2023-06-01"},
		"a relay":     {"/anthropic/v1/", nil, "/anthropic/v1/messages", "2023-06-01"},
		"own version": {"/v1", map[string]string{"Anthropic-Version": "2099-01-01", "anthropic-beta": "x"}, "/v1/messages", "2099-01-01"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked, version string
			base := wiretest.Serve(t, func(w http.ResponseWriter, r *http.Request) {
				asked, version = r.URL.RequestURI(), r.Header.Get("Anthropic-Version")
				_, _ = io.WriteString(w, wiretest.Fixture(t, "whole.json"))
			})
			got := client(t, anthropic.Config{BaseURL: base + c.path, Headers: c.headers}).Call(t.Context(), wiretest.Ask(false))
			if got.Failure != nil || asked != c.want || version != c.version {
				t.Errorf("asked %s with version %s: %v", asked, version, got.Failure)
			}
		})
	}
}

func TestModelsAndPing(t *testing.T) {
	t.Parallel()
	list := client(t, anthropic.Config{BaseURL: wiretest.Answering(t, 200, wiretest.JSON, `{"data":[{"type":"model","id":"claude-a"},{"id":"claude-b"}],"has_more":false}`)})
	names, err := list.Models(t.Context())
	if diff := cmp.Diff([]string{"claude-a", "claude-b"}, names); err != nil || diff != "" {
		t.Errorf("models: %v %s", err, diff)
	}
	for status, ok := range map[int]bool{200: true, 404: true, 401: false, 503: false} {
		c := client(t, anthropic.Config{BaseURL: wiretest.Answering(t, status, wiretest.JSON, `{"data":[]}`), Key: providers.NewKey("canary-0123456789")})
		if err := c.Ping(t.Context()); (err == nil) != ok {
			t.Errorf("%d: %v", status, err)
		}
	}
}
