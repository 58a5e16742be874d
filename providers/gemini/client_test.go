package gemini_test

import (
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"infer/eval"
	"infer/eval/runner"
	"infer/providers"
	"infer/providers/gemini"
	"infer/providers/httpx"
	"infer/providers/internal/wiretest"
)

var _ runner.Caller = (*gemini.Client)(nil)

func newCaller(cfg httpx.Config) (wiretest.Caller, error) { return gemini.New(cfg) }

func client(t testing.TB, cfg gemini.Config) *gemini.Client {
	t.Helper()
	c, err := gemini.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func answer(t testing.TB, kind, body string, stream bool) eval.Response {
	t.Helper()
	return client(t, gemini.Config{BaseURL: wiretest.Answering(t, 200, kind, body)}).Call(t.Context(), wiretest.Ask(stream))
}

func TestConform(t *testing.T) {
	t.Parallel()
	wiretest.Conform(t, wiretest.Wire{
		New: newCaller, Header: "X-Goog-Api-Key", Whole: wiretest.Fixture(t, "whole.json"), Stream: wiretest.Fixture(t, "stream.sse"),
		Echo: `{"candidates":[{"content":{"parts":[{"text":"it is KEY"},{"functionCall":{"id":"KEY","name":"KEY","args":{"a":"KEY"}}}]},"finishReason":"KEY"}],` +
			`"usageMetadata":{"promptTokenCount":1,"note":"KEY"},"modelVersion":"KEY"}`,
	})
}

var noClock = cmpopts.IgnoreFields(eval.Response{}, "InFlight", "TTFT")

func TestAnswers(t *testing.T) {
	t.Parallel()
	whole := func(parts, finish, usage string) string {
		return `{"candidates":[{"content":{"parts":[` + parts + `]},"finishReason":"` + finish + `"}],"usageMetadata":{` + usage + `},"modelVersion":"m-1"}`
	}
	text := `{"text":"x"}`
	cases := map[string]struct {
		stream     bool
		kind, body string
		want       eval.Response
	}{
		"stream": {true, wiretest.SSE, wiretest.Fixture(t, "stream.sse"), eval.Response{Text: wiretest.Text, Finish: eval.FinishStop, FinishRaw: "STOP",
			Usage: &eval.Usage{InFresh: 16, InCacheRead: 100, InAudio: 4, OutText: 10, OutReasoning: 20}}},
		"a stream as a list": {true, wiretest.JSON, "[" + whole(`{"text":"Flor"}`, "", `"promptTokenCount":3`) + "," + whole(`{"text":"ence"}`, "STOP", `"promptTokenCount":3,"candidatesTokenCount":2`) + "]",
			eval.Response{Text: "Florence", Finish: eval.FinishStop, FinishRaw: "STOP", Usage: &eval.Usage{InFresh: 3, OutText: 2}}},
		"tools": {false, wiretest.JSON, wiretest.Fixture(t, "tools.json"), eval.Response{Finish: eval.FinishToolCalls, FinishRaw: "STOP", Usage: &eval.Usage{InFresh: 306, OutText: 32},
			ToolCalls: []eval.ToolCall{{ID: "wxv", Name: "weather", Arguments: json.RawMessage(`{"city":"Florence"}`), Signature: "Es8K"}, {Name: "now", Arguments: json.RawMessage(`{}`)}}}},
		"cut at the cap": {false, wiretest.JSON, whole(text, "MAX_TOKENS", `"promptTokenCount":1,"candidatesTokenCount":2`), eval.Response{Text: "x", Finish: eval.FinishLength, FinishRaw: "MAX_TOKENS", Usage: &eval.Usage{InFresh: 1, OutText: 2}}},
		"sound and pictures": {false, wiretest.JSON, whole(text, "STOP", `"promptTokenCount":300,"cachedContentTokenCount":50,"candidatesTokenCount":1300,"promptTokensDetails":[{"modality":"IMAGE","tokenCount":258},{"modality":"AUDIO","tokenCount":40}],`+
			`"cacheTokensDetails":[{"modality":"AUDIO","tokenCount":30},{"modality":"TEXT","tokenCount":20}],"candidatesTokensDetails":[{"modality":"IMAGE","tokenCount":1290}]`),
			eval.Response{Text: "x", Finish: eval.FinishStop, FinishRaw: "STOP", Usage: &eval.Usage{InFresh: 240, InCacheRead: 50, InAudio: 10, OutText: 10, OutImage: 1290}}},
		"impossible usage is unknown": {false, wiretest.JSON, whole(text, "STOP", `"promptTokenCount":1,"cachedContentTokenCount":2`), eval.Response{Text: "x", Finish: eval.FinishStop, FinishRaw: "STOP"}},
		"another finish":              {false, wiretest.JSON, whole(text, "LANGUAGE", `"promptTokenCount":1`), eval.Response{Text: "x", Finish: eval.FinishOther, FinishRaw: "LANGUAGE", Usage: &eval.Usage{InFresh: 1}}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.want.Status, c.want.Model = 200, "m-1"
			got := answer(t, c.kind, c.body, c.stream)
			if diff := cmp.Diff(c.want, got, noClock, cmpopts.IgnoreFields(eval.Usage{}, "Raw")); diff != "" {
				t.Errorf("response (-want +got):\n%s", diff)
			}
		})
	}
}

// TestTierOfAHeader: this API says in a header which tier it billed.
func TestTierOfAHeader(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]string{"flex": "flex", "standard": "", "PRIORITY": "priority"} {
		base := wiretest.Serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Gemini-Service-Tier", said)
			_, _ = io.WriteString(w, wiretest.Fixture(t, "whole.json"))
		})
		if got := client(t, gemini.Config{BaseURL: base}).Call(t.Context(), wiretest.Ask(false)); got.Usage == nil || got.Usage.Tier != want {
			t.Errorf("%s: usage %+v", said, got.Usage)
		}
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	finish := func(reason, parts string) string {
		return `{"candidates":[{"content":{"parts":[` + parts + `]},"finishReason":"` + reason + `"}],"usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":2}}`
	}
	half := `{"text":"half"}`
	for name, c := range map[string]struct {
		stream bool
		body   string
		want   string
	}{
		"prompt blocked":           {false, `{"promptFeedback":{"blockReason":"PROHIBITED_CONTENT"},"usageMetadata":{"promptTokenCount":9}}`, "model_refusal/input_blocked response  unknown"},
		"prompt blocked, streamed": {true, `data: {"promptFeedback":{"blockReason":"SAFETY"}}` + "\n\n", "model_refusal/input_blocked response  unknown"},
		"safety":                   {false, finish("SAFETY", half), "model_refusal/output_blocked response  billed"},
		"recitation":               {false, finish("RECITATION", ""), "model_refusal/output_blocked response  billed"},
		"prohibited":               {false, finish("PROHIBITED_CONTENT", ""), "model_refusal/output_blocked response  billed"},
		"blocklist":                {false, finish("BLOCKLIST", ""), "model_refusal/output_blocked response  billed"},
		"personal data":            {false, finish("SPII", ""), "model_refusal/output_blocked response  billed"},
		"malformed call":           {false, finish("MALFORMED_FUNCTION_CALL", ""), "model_output_invalid/tool_call response R1F billed"},
		"unexpected call":          {false, finish("UNEXPECTED_TOOL_CALL", ""), "model_output_invalid/tool_call response R1F billed"},
		"only thoughts":            {false, finish("MAX_TOKENS", `{"text":"hm","thought":true}`), "model_output_truncated/no_output response  billed"},
		"empty":                    {false, finish("STOP", ""), "model_output_invalid/empty response R1F billed"},
		"error in a stream":        {true, `data: {"candidates":[{"content":{"parts":[` + half + `]}}]}` + "\n\n" + `data: {"error":{"code":503,"message":"The model is overloaded.","status":"UNAVAILABLE"}}` + "\n\n", "provider_unavailable/ mid_stream RF unknown"},
		"error as a list":          {true, `[{"error":{"code":429,"message":"Resource has been exhausted","status":"RESOURCE_EXHAUSTED"}}]`, "rate_limit/ response RF not_billed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kind := wiretest.JSON
			if c.stream && c.body[0] == 'd' {
				kind = wiretest.SSE
			}
			if d := wiretest.Decision(answer(t, kind, c.body, c.stream).Failure); d != c.want {
				t.Errorf("%s, want %s", d, c.want)
			}
		})
	}
}

// TestWaitInTheBody: this API says how long to wait in the error's details.
func TestWaitInTheBody(t *testing.T) {
	t.Parallel()
	body := `{"error":{"code":429,"message":"You exceeded your current quota","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.QuotaFailure",` +
		`"violations":[{"quotaMetric":"generativelanguage.googleapis.com/generate_content_free_tier_requests","quotaId":"PERIOD"}]},{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"31.5s"}]}}`
	for period, want := range map[string]string{
		"GenerateRequestsPerMinutePerProjectPerModel-FreeTier": "rate_limit/ response RF not_billed",
		"GenerateRequestsPerDayPerProjectPerModel-FreeTier":    "rate_limit/daily response F not_billed",
	} {
		base := wiretest.Answering(t, 429, wiretest.JSON, replace(body, "PERIOD", period))
		f := client(t, gemini.Config{BaseURL: base}).Call(t.Context(), wiretest.Ask(false)).Failure
		if d := wiretest.Decision(f); d != want || f.RetryAfter == nil || *f.RetryAfter != 31500*time.Millisecond {
			t.Errorf("%s: %s, wait %v", period, d, f.RetryAfter)
		}
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		path, model string
		stream      bool
		want        string
	}{
		"bare":       {"/v1beta", "gemini-2.5-flash", false, "/v1beta/models/gemini-2.5-flash:generateContent"},
		"stream":     {"", "gemini-2.5-flash", true, "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse"},
		"tuned":      {"/v1beta/", "tunedModels/x 1", false, "/v1beta/tunedModels/x%201:generateContent"},
		"Vertex":     {"/v1/projects/p/locations/l/publishers/google", "gemini-3-pro", false, "/v1/projects/p/locations/l/publishers/google/models/gemini-3-pro:generateContent"},
		"no climber": {"/v1beta", "a?key=x#y", false, "/v1beta/models/a%3Fkey=x%23y:generateContent"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked string
			base := wiretest.Serve(t, func(w http.ResponseWriter, r *http.Request) {
				asked = r.URL.RequestURI()
				_, _ = io.WriteString(w, wiretest.Fixture(t, "whole.json"))
			})
			req := wiretest.Ask(c.stream)
			req.Model = c.model
			if got := client(t, gemini.Config{BaseURL: base + c.path}).Call(t.Context(), req); got.Failure != nil || asked != c.want {
				t.Errorf("asked %s, want %s: %v", asked, c.want, got.Failure)
			}
		})
	}
}

// TestVertexKey: at Vertex the key is an access token.
func TestVertexKey(t *testing.T) {
	t.Parallel()
	var got string
	base := wiretest.Serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Get("Authorization")
		_, _ = io.WriteString(w, wiretest.Fixture(t, "whole.json"))
	})
	client(t, gemini.Config{BaseURL: base, Key: providers.NewKey("canary-0123456789"), KeyHeader: "Authorization"}).Call(t.Context(), wiretest.Ask(false))
	if got != "Bearer canary-0123456789" {
		t.Errorf("authorization %q", got)
	}
}

func TestModelsAndPing(t *testing.T) {
	t.Parallel()
	list := client(t, gemini.Config{BaseURL: wiretest.Answering(t, 200, wiretest.JSON, `{"models":[{"name":"models/gemini-a"},{"name":"tunedModels/b"}]}`)})
	names, err := list.Models(t.Context())
	if diff := cmp.Diff([]string{"gemini-a", "tunedModels/b"}, names); err != nil || diff != "" {
		t.Errorf("models: %v %s", err, diff)
	}
	for status, ok := range map[int]bool{200: true, 404: true, 401: false, 503: false} {
		if err := client(t, gemini.Config{BaseURL: wiretest.Answering(t, status, wiretest.JSON, `{"models":[]}`)}).Ping(t.Context()); (err == nil) != ok {
			t.Errorf("%d: %v", status, err)
		}
	}
}
