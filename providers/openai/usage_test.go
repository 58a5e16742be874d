package openai_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"infer/eval"
	"infer/providers/openai"
)

func TestUsage(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		usage string
		tier  string
		want  *eval.Usage
	}{
		"none":                {`null`, "", nil},
		"plain":               {`{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12}`, "default", &eval.Usage{InFresh: 9, OutText: 3}},
		"null details":        {`{"prompt_tokens":9,"completion_tokens":3,"prompt_tokens_details":null}`, "", &eval.Usage{InFresh: 9, OutText: 3}},
		"all axes":            {`{"prompt_tokens":100,"completion_tokens":50,"prompt_tokens_details":{"cached_tokens":40,"cache_write_tokens":20,"audio_tokens":5},"completion_tokens_details":{"reasoning_tokens":30,"audio_tokens":2}}`, "priority", &eval.Usage{InFresh: 35, InCacheRead: 40, InCacheWrite5m: 20, InAudio: 5, OutText: 18, OutReasoning: 30, OutAudio: 2, Tier: "priority"}},
		"DeepSeek":            {`{"prompt_tokens":100,"completion_tokens":5,"prompt_cache_hit_tokens":64,"prompt_cache_miss_tokens":36}`, "", &eval.Usage{InFresh: 36, InCacheRead: 64, OutText: 5}},
		"DeepSeek, twice":     {`{"prompt_tokens":100,"completion_tokens":5,"prompt_cache_hit_tokens":64,"prompt_tokens_details":{"cached_tokens":64}}`, "", &eval.Usage{InFresh: 36, InCacheRead: 64, OutText: 5}},
		"Moonshot":            {`{"prompt_tokens":100,"completion_tokens":5,"cached_tokens":10}`, "", &eval.Usage{InFresh: 90, InCacheRead: 10, OutText: 5}},
		"xAI":                 {`{"prompt_tokens":32,"completion_tokens":9,"total_tokens":135,"completion_tokens_details":{"reasoning_tokens":94}}`, "", &eval.Usage{InFresh: 32, OutText: 9, OutReasoning: 94}},
		"OpenRouter":          {`{"prompt_tokens":9,"completion_tokens":3,"cost":0.0000195}`, "", &eval.Usage{InFresh: 9, OutText: 3, ProviderCost: money(19500000)}},
		"OpenRouter, own key": {`{"prompt_tokens":9,"completion_tokens":3,"cost":0.000001,"is_byok":true}`, "", &eval.Usage{InFresh: 9, OutText: 3}},
		"noisy cost":          {`{"prompt_tokens":9,"completion_tokens":3,"cost":0.00045234999999999997}`, "", &eval.Usage{InFresh: 9, OutText: 3, ProviderCost: money(452350000)}},
		"negative cost":       {`{"prompt_tokens":9,"completion_tokens":3,"cost":-1}`, "", &eval.Usage{InFresh: 9, OutText: 3}},
		"cost of a kind":      {`{"prompt_tokens":9,"completion_tokens":3,"cost":{"total":1}}`, "", &eval.Usage{InFresh: 9, OutText: 3}},
		"absurd cost":         {`{"prompt_tokens":9,"completion_tokens":3,"cost":1e300}`, "", &eval.Usage{InFresh: 9, OutText: 3}},
		"half":                {`{"prompt_tokens":9}`, "", nil},
		"zeros":               {`{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}`, "", nil},
		"negative":            {`{"prompt_tokens":-9,"completion_tokens":3}`, "", nil},
		"absurd":              {`{"prompt_tokens":9000000000000,"completion_tokens":3}`, "", nil},
		"beyond int64":        {`{"prompt_tokens":99999999999999999999,"completion_tokens":3}`, "", nil},
		"more cached than in": {`{"prompt_tokens":9,"completion_tokens":3,"prompt_tokens_details":{"cached_tokens":10}}`, "", nil},
		"not numbers":         {`{"prompt_tokens":"9","completion_tokens":3}`, "", nil},
		"not an object":       {`[1]`, "", nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := `{"choices":[{"message":{"content":"ok"},"finish_reason":"stop"}],"usage":` + c.usage + `,"service_tier":"` + c.tier + `"}`
			got := client(t, openai.Config{BaseURL: serve(t, 200, asJSON, body)}).Call(t.Context(), ask(false))
			if got.Failure != nil {
				t.Fatal(got.Failure)
			}
			if diff := cmp.Diff(c.want, got.Usage, cmpopts.IgnoreFields(eval.Usage{}, "Raw")); diff != "" {
				t.Errorf("usage (-want +got):\n%s", diff)
			}
			if got.Usage != nil && string(got.Usage.Raw) != c.usage {
				t.Errorf("raw usage %s", got.Usage.Raw)
			}
		})
	}
}

// TestDialects: what relays do differently from OpenAI's documentation.
func TestDialects(t *testing.T) {
	t.Parallel()
	chunk := func(delta string) string {
		return `data: {"choices":[{"index":0,"delta":` + delta + `}]}` + "\n\n"
	}
	end := `data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\ndata: [DONE]\n\n"
	call := func(id, name, args string) string {
		return `{"id":"` + id + `","function":{"name":"` + name + `","arguments":` + args + `}}`
	}
	cases := map[string]struct {
		stream bool
		body   string
		text   string
		calls  string // "id name arguments; …"
	}{
		"content in parts":            {false, completion(`{"content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}`, "stop"), "ab", ""},
		"arguments as an object":      {false, completion(`{"tool_calls":[`+call("a", "f", `{"x":1}`)+`]}`, "tool_calls"), "", `a f {"x":1};`},
		"calls by position":           {false, completion(`{"tool_calls":[`+call("a", "f", `"{}"`)+`,`+call("b", "g", `"{}"`)+`]}`, "tool_calls"), "", `a f {};b g {};`},
		"arguments that are not JSON": {false, completion(`{"tool_calls":[`+call("a", "f", `"{x"`)+`]}`, "tool_calls"), "", `a f "{x";`},
		"calls without an index":      {true, chunk(`{"tool_calls":[`+call("a", "f", `"{}"`)+`]}`) + chunk(`{"tool_calls":[`+call("b", "g", `"{}"`)+`]}`) + end, "", `a f {};b g {};`},
		"id again in every piece":     {true, chunk(`{"tool_calls":[`+call("a", "f", `"{\"x\""`)+`]}`) + chunk(`{"tool_calls":[`+call("a", "", `":1}"`)+`]}`) + end, "", `a f {"x":1};`},
		"a call with a wild index":    {true, chunk(`{"tool_calls":[{"index":-1,"id":"a"},{"index":99999999,"id":"b"}]}`) + chunk(`{"content":"ok"}`) + end, "ok", ""},
		"another choice":              {true, `data: {"choices":[{"index":1,"delta":{"content":"no"}}]}` + "\n\n" + chunk(`{"content":"yes"}`) + end, "yes", ""},
		"no [DONE]":                   {true, chunk(`{"content":"a"}`) + `data: {"choices":[{"delta":{},"finish_reason":"stop"}]}` + "\n\n", "a", ""},
		"a field of another type":     {true, chunk(`{"content":"a","reasoning":{"x":1}}`) + end, "a", ""},
		"blank lines first":           {false, "\n\n   \n" + completion(`{"content":"a"}`, "stop"), "a", ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kind := asJSON
			if c.stream {
				kind = asSSE
			}
			got := client(t, openai.Config{BaseURL: serve(t, 200, kind, c.body), KeepBody: true}).Call(t.Context(), ask(c.stream))
			if got.Failure != nil {
				t.Fatal(got.Failure)
			}
			var calls strings.Builder
			for _, tc := range got.ToolCalls {
				calls.WriteString(tc.ID + " " + tc.Name + " " + string(tc.Arguments) + ";")
			}
			if got.Text.Raw() != c.text || calls.String() != c.calls {
				t.Errorf("text %q, calls %q", got.Text.Raw(), calls.String())
			}
			if !strings.HasPrefix(c.body, string(got.Body)) || len(got.Body) == 0 {
				t.Errorf("kept body %q", got.Body)
			}
		})
	}
}

func TestBackendOfLlamaCpp(t *testing.T) {
	t.Parallel()
	body := `{"choices":[{"message":{"content":"ok"},"finish_reason":"stop"}],"timings":{"prompt_ms":12.5,"predicted_ms":100}}`
	got := client(t, openai.Config{BaseURL: serve(t, 200, asJSON, body)}).Call(t.Context(), ask(false))
	if got.Backend == nil || *got.Backend != 112500*time.Microsecond {
		t.Errorf("backend time %v", got.Backend)
	}
}
