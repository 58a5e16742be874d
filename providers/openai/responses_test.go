package openai_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"infer/eval"
	"infer/eval/runner"
	"infer/providers/httpx"
	"infer/providers/internal/wiretest"
	"infer/providers/openai"
)

var _ runner.Caller = (*openai.Responses)(nil)

func newResponses(cfg httpx.Config) (wiretest.Caller, error) { return openai.NewResponses(cfg) }

func responses(t testing.TB, base string) *openai.Responses {
	t.Helper()
	c, err := openai.NewResponses(openai.Config{BaseURL: base})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestConform(t *testing.T) {
	t.Parallel()
	t.Run("chat", func(t *testing.T) {
		t.Parallel()
		wiretest.Conform(t, wiretest.Wire{
			New:    func(cfg httpx.Config) (wiretest.Caller, error) { return openai.New(cfg) },
			Header: "Authorization", Prefix: "Bearer ", Needed: 2, // the usage and [DONE] follow the finish reason
			Whole:  strings.ReplaceAll(wiretest.Fixture(t, "stream_whole.json"), "\n", ""),
			Stream: strings.TrimPrefix(wiretest.Fixture(t, "stream.sse"), ": OPENROUTER PROCESSING\n\n"),
			Echo: `{"model":"KEY","service_tier":"KEY","choices":[{"message":{"content":"it is KEY","tool_calls":[{"id":"KEY","function":{"name":"KEY","arguments":"{\"a\":\"KEY\"}"}}]},` +
				`"finish_reason":"KEY"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"note":"KEY"}}`,
		})
	})
	t.Run("responses", func(t *testing.T) {
		t.Parallel()
		wiretest.Conform(t, wiretest.Wire{
			New: newResponses, Header: "Authorization", Prefix: "Bearer ", Whole: wiretest.Fixture(t, "response.json"), Stream: wiretest.Fixture(t, "response.sse"),
			Echo: `{"status":"completed","model":"KEY","service_tier":"KEY","output":[{"type":"message","content":[{"type":"output_text","text":"it is KEY"}]},` +
				`{"type":"function_call","call_id":"KEY","name":"KEY","arguments":"{\"a\":\"KEY\"}"}],"usage":{"input_tokens":1,"output_tokens":1,"note":"KEY"}}`,
		})
	})
}

// TestRequests compares what goes out on both wires with golden files.
func TestRequests(t *testing.T) {
	t.Parallel()
	for name, req := range wiretest.Requests() {
		for wire, newCaller := range map[string]func(httpx.Config) (wiretest.Caller, error){
			"chat": func(cfg httpx.Config) (wiretest.Caller, error) { return openai.New(cfg) }, "responses": newResponses,
		} {
			t.Run(wire+"_"+name, func(t *testing.T) {
				t.Parallel()
				var body []byte
				base := handle(t, func(w http.ResponseWriter, r *http.Request) {
					if want := map[string]string{"chat": "/v1/chat/completions", "responses": "/v1/responses"}[wire]; r.URL.Path != want {
						t.Errorf("asked %s, want %s", r.URL, want)
					}
					body, _ = io.ReadAll(r.Body)
				})
				c, err := newCaller(openai.Config{BaseURL: base})
				if err != nil {
					t.Fatal(err)
				}
				c.Call(t.Context(), &req)
				wiretest.Golden(t, wire+"_"+name, body)
			})
		}
	}
}

func responseOf(output, more string) string {
	return `{"status":"completed","model":"m-1","output":[` + output + `],"usage":{"input_tokens":9,"output_tokens":3}` + more + `}`
}

func said(content string) string { return `{"type":"message","content":[` + content + `]}` }

func TestResponses(t *testing.T) {
	t.Parallel()
	text := said(`{"type":"output_text","text":"x"}`)
	usage := &eval.Usage{InFresh: 9, OutText: 3}
	for name, c := range map[string]struct {
		stream bool
		body   string
		want   eval.Response
	}{
		"stream": {true, wiretest.Fixture(t, "response.sse"), eval.Response{Text: wiretest.Text, Finish: eval.FinishStop, FinishRaw: "completed",
			Usage: &eval.Usage{InFresh: 20, InCacheRead: 100, OutText: 10, OutReasoning: 20, Tier: "flex"}}},
		"calls, and a last event without output": {true, wiretest.Fixture(t, "response_tools.sse"), eval.Response{Finish: eval.FinishToolCalls, FinishRaw: "completed", Usage: &eval.Usage{InFresh: 12, OutText: 5},
			ToolCalls: []eval.ToolCall{{ID: "call_a", Name: "weather", Arguments: json.RawMessage(`{"city":"Florence"}`)}, {ID: "call_b", Name: "now", Arguments: json.RawMessage(`{}`)}}}},
		"cut at the cap": {false, `{"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},` + responseOf(text, "")[len(`{"status":"completed",`):],
			eval.Response{Text: "x", Finish: eval.FinishLength, FinishRaw: "incomplete:max_output_tokens", Usage: usage}},
		"the provider's own tools": {false, responseOf(`{"type":"web_search_call","action":{"type":"search"}},{"type":"web_search_call","action":{"type":"open_page"}},{"type":"file_search_call"},`+text, ""),
			eval.Response{Text: "x", Finish: eval.FinishStop, FinishRaw: "completed", Usage: &eval.Usage{InFresh: 9, OutText: 3, ServerTools: map[string]int64{"web_search": 1, "file_search": 1}}}},
		"reasoning is no answer": {false, responseOf(`{"type":"reasoning","content":[{"type":"reasoning_text","text":"hm"}]},`+text, ""),
			eval.Response{Text: "x", Finish: eval.FinishStop, FinishRaw: "completed", Usage: usage}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.want.Status, c.want.Model = 200, "m-1"
			kind := wiretest.JSON
			if c.stream {
				kind = wiretest.SSE
			}
			got := responses(t, wiretest.Answering(t, 200, kind, c.body)).Call(t.Context(), wiretest.Ask(c.stream))
			if diff := cmp.Diff(c.want, got, stable, cmpopts.IgnoreFields(eval.Usage{}, "Raw")); diff != "" {
				t.Errorf("response (-want +got):\n%s", diff)
			}
		})
	}
}

func TestResponsesFailures(t *testing.T) {
	t.Parallel()
	incomplete := func(reason, output string) string {
		return `{"status":"incomplete","incomplete_details":{"reason":"` + reason + `"},` + responseOf(output, "")[len(`{"status":"completed",`):]
	}
	begun := `data: {"type":"response.output_text.delta","output_index":0,"delta":"half"}` + "\n\n"
	failed := func(code, message string) string {
		return `data: {"type":"response.failed","response":{"status":"failed","error":{"code":"` + code + `","message":"` + message + `"},"usage":null}}` + "\n\n"
	}
	for name, c := range map[string]struct {
		stream bool
		body   string
		want   string
	}{
		"refusal":                    {false, responseOf(said(`{"type":"refusal","refusal":"I can't."}`), ""), "model_refusal/refusal response  billed"},
		"filtered":                   {false, incomplete("content_filter", said(`{"type":"output_text","text":"half"}`)), "model_refusal/output_blocked response  billed"},
		"only reasoning":             {false, incomplete("max_output_tokens", `{"type":"reasoning"}`), "model_output_truncated/no_output response  billed"},
		"empty":                      {false, responseOf("", ""), "model_output_invalid/empty response R1F billed"},
		"failed":                     {false, `{"status":"failed","error":{"code":"server_error","message":"x"}}`, "provider_unavailable/ response RF not_billed"},
		"still running":              {false, `{"status":"in_progress"}`, "provider_unavailable/malformed_response response RF unknown"},
		"failed in the stream":       {true, begun + failed("rate_limit_exceeded", "Rate limit reached"), "rate_limit/ mid_stream RF unknown"},
		"failed before a token":      {true, failed("server_error", "x"), "provider_unavailable/ first_token RF not_billed"},
		"prompt refused in a stream": {true, failed("invalid_prompt", "flagged"), "model_refusal/input_blocked first_token  not_billed"},
		"image in a stream":          {true, failed("invalid_image_format", "x"), "user_input/content first_token  not_billed"},
		"cancelled":                  {true, begun + `data: {"type":"response.cancelled","response":{"status":"cancelled","error":null}}` + "\n\n", "provider_unavailable/in_stream mid_stream RF unknown"},
		"error event":                {true, begun + `data: {"type":"error","code":"server_error","message":"x","param":null}` + "\n\n", "provider_unavailable/ mid_stream RF unknown"},
		"completed without response": {true, `data: {"type":"response.completed"}` + "\n\n", "provider_unavailable/malformed_response first_token RF unknown"},
		"[DONE] alone":               {true, begun + "data: [DONE]\n\n", "network/incomplete_stream mid_stream RF unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kind := wiretest.JSON
			if c.stream {
				kind = wiretest.SSE
			}
			got := responses(t, wiretest.Answering(t, 200, kind, c.body)).Call(t.Context(), wiretest.Ask(c.stream))
			if d := wiretest.Decision(got.Failure); d != c.want {
				t.Errorf("%s (%v), want %s", d, got.Failure, c.want)
			}
		})
	}
}

func TestResponsesParams(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ params, want string }{
		"cap":       {`{"max_completion_tokens":9}`, `"max_output_tokens":9`},
		"effort":    {`{"reasoning_effort":"low","reasoning":{"summary":"auto"}}`, `"reasoning":{"effort":"low","summary":"auto"}`},
		"verbosity": {`{"verbosity":"low"}`, `"text":{"verbosity":"low"}`},
		"function":  {`{"tool_choice":{"type":"function","function":{"name":"f"}}}`, `"tool_choice":{"type":"function","name":"f"}`},
		"own form":  {`{"tool_choice":{"type":"web_search"}}`, `"tool_choice":{"type":"web_search"}`},
		"stored":    {`{"store":true}`, `"store":true`},
		"unknown":   {`{"stop":["x"]}`, `"stop":["x"]`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req := wiretest.Ask(false)
			if err := json.Unmarshal([]byte(c.params), &req.Params); err != nil {
				t.Fatal(err)
			}
			var body []byte
			base := handle(t, func(w http.ResponseWriter, r *http.Request) {
				body, _ = io.ReadAll(r.Body)
				_, _ = io.WriteString(w, wiretest.Fixture(t, "response.json"))
			})
			if got := responses(t, base).Call(t.Context(), req); got.Failure != nil || !strings.Contains(string(body), c.want) {
				t.Errorf("%s, want %s in it (%v)", body, c.want, got.Failure)
			}
		})
	}
}

// TestRecordedResponses reads what OpenAI's and Azure's Responses API really
// answered, and compares it with what the last event or the body says.
func TestRecordedResponses(t *testing.T) {
	t.Parallel()
	for name, list := range wiretest.Recordings(t, func(address string) bool { return strings.HasSuffix(address, "/responses") }) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for i := range list {
				r := &list[i]
				got := responses(t, wiretest.Serve(t, r.ServeHTTP)).Call(t.Context(), wiretest.Ask(r.Streamed()))
				if got.Failure != nil {
					t.Errorf("exchange %d: %v", i, got.Failure)
					continue
				}
				checkResponse(t, i, r, &got)
			}
		})
	}
}

func checkResponse(t *testing.T, i int, r *wiretest.Recording, got *eval.Response) {
	t.Helper()
	body := strings.TrimSpace(r.Response.Body)
	if r.Streamed() {
		_, last, _ := strings.Cut(body[strings.LastIndex(body, "data: "):], "data: ")
		body = last
	}
	var v struct {
		Response json.RawMessage `json:"response"`
	}
	if json.Unmarshal([]byte(body), &v) == nil && len(v.Response) > 0 {
		body = string(v.Response)
	}
	var want struct {
		Model  string `json:"model"`
		Output []struct {
			Type, Name, Arguments string
			CallID                string `json:"call_id"`
			Content               []struct{ Text string }
		} `json:"output"`
		Usage struct {
			In      int64 `json:"input_tokens"`
			Out     int64 `json:"output_tokens"`
			Details struct {
				Reasoning int64 `json:"reasoning_tokens"`
			} `json:"output_tokens_details"`
		} `json:"usage"`
	}
	if err := json.Unmarshal([]byte(body), &want); err != nil {
		t.Fatal(err)
	}
	text, calls := "", 0
	for _, it := range want.Output {
		for _, c := range it.Content {
			text += c.Text
		}
		if it.Type == "function_call" {
			if c := got.ToolCalls[calls]; c.ID != it.CallID || c.Name != it.Name || string(c.Arguments) != it.Arguments {
				t.Errorf("exchange %d: call %+v, want %+v", i, c, it)
			}
			calls++
		}
	}
	if got.Text.Raw() != text || len(got.ToolCalls) != calls || got.Model != want.Model || text == "" && calls == 0 {
		t.Errorf("exchange %d: text %q, %d calls, model %q; want %q, %d, %q", i, got.Text, len(got.ToolCalls), got.Model, text, calls, want.Model)
	}
	if u := got.Usage; u == nil || u.Input() != want.Usage.In || u.Output() != want.Usage.Out || u.OutReasoning != want.Usage.Details.Reasoning {
		t.Errorf("exchange %d: usage %+v, want %+v", i, u, want.Usage)
	}
}

func FuzzResponses(f *testing.F) {
	wiretest.Fuzz(f, newResponses, wiretest.Fixture(f, "response.sse"), wiretest.Fixture(f, "response.json"), wiretest.Fixture(f, "response_tools.sse"),
		`data: {"type":"response.failed","response":{"error":{"code":"x"}}}`, `data: {"type":"response.output_text.delta","output_index":-3,"delta":"x"}`)
}

func BenchmarkResponses(b *testing.B) {
	wiretest.Bench(b, newResponses, wiretest.Fixture(b, "response.json"), wiretest.Fixture(b, "response.sse"))
}
