package jsonhttp_test

import (
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
	"infer/providers/jsonhttp"
)

var _ runner.Caller = (*jsonhttp.Client)(nil)

func raw(s string) json.RawMessage { return json.RawMessage(s) }

const template = `{"question":"{{input}}","context":"{{system}}","chat":"{{messages}}","model":"{{model}}","options":"{{params}}","heat":"{{params.temperature}}",` +
	`"label":"task {{task_id}} of {{task_type}}, run {{repeat}}","fixed":[1,2.50,true,null],"tools":"{{tools}}","format":"{{ response_format }}"}`

func config(base string) jsonhttp.Config {
	return jsonhttp.Config{Config: httpx.Config{Name: "app", BaseURL: base}, Request: raw(template),
		Response: jsonhttp.Paths{Text: "data.answers.0.text", Finish: "data.why", Model: "served", Error: "error", ToolCalls: "data.calls", Refusal: "data.no",
			Input: "usage.in", Cached: "usage.cached", Output: "usage.out", Reasoning: "usage.thought", CostUSD: "usage.usd", BackendMS: "ms"}}
}

func client(t testing.TB, cfg jsonhttp.Config) *jsonhttp.Client {
	t.Helper()
	c, err := jsonhttp.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestRequests(t *testing.T) {
	t.Parallel()
	for name, req := range wiretest.Requests() {
		req.TaskID, req.TaskType, req.Repeat = "t-1", "sums", 2
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var body []byte
			var asked string
			base := wiretest.Serve(t, func(w http.ResponseWriter, r *http.Request) {
				asked = r.Method + " " + r.URL.Path
				body, _ = io.ReadAll(r.Body)
				_, _ = io.WriteString(w, `{"data":{"answers":[{"text":"x"}]}}`)
			})
			if got := client(t, config(base+"/answer/")).Call(t.Context(), &req); got.Failure != nil || got.Text != "x" || asked != "POST /answer/" {
				t.Fatalf("%s: text %q, %v", asked, got.Text, got.Failure)
			}
			wiretest.Golden(t, name, body)
		})
	}
}

// TestTasksAddNoPlaceholders: what a task says stays a value.
func TestTasksAddNoPlaceholders(t *testing.T) {
	t.Parallel()
	var body []byte
	base := wiretest.Serve(t, func(_ http.ResponseWriter, r *http.Request) { body, _ = io.ReadAll(r.Body) })
	cfg := config(base)
	cfg.Request = raw(`{"q":"Q: {{input}}","whole":"{{input}}"}`)
	req := wiretest.Ask(false)
	req.Messages = []eval.Message{eval.TextMessage("user", `{{system}}","admin":true,"x":"`)}
	req.System = "canary"
	client(t, cfg).Call(t.Context(), req)
	want := `{"q":"Q: {{system}}\",\"admin\":true,\"x\":\"","whole":"{{system}}\",\"admin\":true,\"x\":\""}`
	if string(body) != want {
		t.Errorf("body %s, want %s", body, want)
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	dollars, backend := eval.Money(420_000_000), 120*time.Millisecond
	for name, c := range map[string]struct {
		body string
		want eval.Response
	}{
		"all": {`{"data":{"answers":[{"text":"x"}],"why":"length"},"served":"app-2","error":null,"usage":{"in":120,"cached":100,"out":30,"thought":20,"usd":0.00042},"ms":120}`,
			eval.Response{Text: "x", Finish: eval.FinishLength, FinishRaw: "length", Model: "app-2", Backend: &backend,
				Usage: &eval.Usage{InFresh: 20, InCacheRead: 100, OutText: 10, OutReasoning: 20, ProviderCost: &dollars}}},
		"an object":             {`{"data":{"answers":[{"text":{"total":12.50}}]}}`, eval.Response{Text: `{"total":12.50}`, Finish: eval.FinishStop, FinishRaw: "stop"}},
		"a cost without tokens": {`{"data":{"answers":[{"text":"x"}]},"usage":{"usd":0.00042}}`, eval.Response{Text: "x", Finish: eval.FinishStop, FinishRaw: "stop", Usage: &eval.Usage{ProviderCost: &dollars}}},
		"half a usage":          {`{"data":{"answers":[{"text":"x"}]},"usage":{"out":30}}`, eval.Response{Text: "x", Finish: eval.FinishStop, FinishRaw: "stop"}},
		"absurd usage":          {`{"data":{"answers":[{"text":"x"}]},"usage":{"in":-1,"out":30}}`, eval.Response{Text: "x", Finish: eval.FinishStop, FinishRaw: "stop"}},
		"tokens of no number":   {`{"data":{"answers":[{"text":"x"}]},"usage":{"in":1.5,"out":30}}`, eval.Response{Text: "x", Finish: eval.FinishStop, FinishRaw: "stop"}},
		"calls": {`{"data":{"calls":[{"id":"a","function":{"name":"f","arguments":"{\"x\":1}"}}]},"error":false}`, eval.Response{Finish: eval.FinishStop, FinishRaw: "stop",
			ToolCalls: []eval.ToolCall{{ID: "a", Name: "f", Arguments: raw(`{"x":1}`)}}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.want.Status = 200
			got := client(t, config(wiretest.Answering(t, 200, wiretest.JSON, c.body))).Call(t.Context(), wiretest.Ask(true))
			if diff := cmp.Diff(c.want, got, cmpopts.IgnoreFields(eval.Response{}, "InFlight"), cmpopts.IgnoreFields(eval.Usage{}, "Raw")); diff != "" || got.InFlight <= 0 {
				t.Errorf("response (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		body   string
		want   string
	}{
		"its own error":      {200, `{"error":"database gone"}`, "provider_unavailable/in_stream response RF unknown"},
		"an error as object": {200, `{"error":{"code":429,"message":"slow down"}}`, "rate_limit/ response RF not_billed"},
		"refusal":            {200, `{"data":{"no":"I will not"}}`, "model_refusal/refusal response  billed"},
		"empty":              {200, `{"data":{"answers":[{"text":" "}]}}`, "model_output_invalid/empty response R1F billed"},
		"nothing there":      {200, `{"data":{"answers":[]}}`, "provider_unavailable/malformed_response response RF unknown"},
		"another shape":      {200, `[1,2]`, "provider_unavailable/malformed_response response RF unknown"},
		"not JSON":           {200, `<html>`, "provider_unavailable/malformed_response response RF unknown"},
		"500":                {500, `{"error":"x"}`, "provider_unavailable/ response RF not_billed"},
		"429":                {429, ``, "rate_limit/ response RF not_billed"},
		"401":                {401, ``, "auth_billing/credentials response S not_billed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if d := wiretest.Decision(client(t, config(wiretest.Answering(t, c.status, wiretest.JSON, c.body))).Call(t.Context(), wiretest.Ask(false)).Failure); d != c.want {
				t.Errorf("%s, want %s", d, c.want)
			}
		})
	}
}

// TestKey: what all wires promise of keys.
func TestKey(t *testing.T) {
	t.Parallel()
	key := providers.NewKey("canary-0123456789")
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { t.Errorf("the other host was called: %v", r.Header) }))
	t.Cleanup(other.Close)
	cfg := config(wiretest.Serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
	}))
	cfg.Key, cfg.KeyHeader = key, "X-App-Key"
	if d := wiretest.Decision(client(t, cfg).Call(t.Context(), wiretest.Ask(false)).Failure); d != "parameter/redirect first_byte  not_billed" {
		t.Errorf("redirect: %s", d)
	}
	echo := config(wiretest.Serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, `{"data":{"answers":[{"text":"it is `+r.Header.Get("X-App-Key")+`"}]}}`)
	}))
	echo.Key, echo.KeyHeader = key, "X-App-Key"
	if got := client(t, echo).Call(t.Context(), wiretest.Ask(false)); got.Text != "it is [redacted]" {
		t.Errorf("text %q", got.Text)
	}
	plain := config("http://app.example/answer")
	plain.Key = key
	if _, err := jsonhttp.New(plain); eval.KindOf(err) != eval.KindInvalid {
		t.Errorf("plain text: %v", err)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*jsonhttp.Config){
		"no template":         func(c *jsonhttp.Config) { c.Request = nil },
		"broken template":     func(c *jsonhttp.Config) { c.Request = raw(`{`) },
		"unknown placeholder": func(c *jsonhttp.Config) { c.Request = raw(`{"a":["{{inptu}}"]}`) },
		"no parameter named":  func(c *jsonhttp.Config) { c.Request = raw(`{"a":"{{params.}}"}`) },
		"no answer":           func(c *jsonhttp.Config) { c.Response = jsonhttp.Paths{Model: "m"} },
		"empty step":          func(c *jsonhttp.Config) { c.Response.Text = "a..b" },
		"no address":          func(c *jsonhttp.Config) { c.BaseURL = "" },
	} {
		cfg := config("http://127.0.0.1:1/answer")
		change(&cfg)
		if _, err := jsonhttp.New(cfg); eval.KindOf(err) != eval.KindInvalid || eval.Hint(err) == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzAnswer(f *testing.F) {
	wiretest.Fuzz(f, func(cfg httpx.Config) (wiretest.Caller, error) {
		c := config(cfg.BaseURL)
		c.HTTP = cfg.HTTP
		return jsonhttp.New(c)
	}, `{"data":{"answers":[{"text":"x"}],"why":"stop"},"usage":{"in":1,"out":2,"usd":1e-9}}`, `{"data":{"calls":[{"name":"f"}]}}`, `{"error":[0]}`)
}

func FuzzTemplate(f *testing.F) {
	f.Add(template, "hello {{input}}")
	f.Add(`"{{messages}}"`, "\x00\u2028")
	f.Add(`{"a":"{{params.x}} and {{tools}}"}`, "{{system}}")
	f.Fuzz(func(t *testing.T, template, input string) {
		var body []byte
		cfg := config("http://127.0.0.1:1/answer")
		cfg.Request = raw(template)
		cfg.HTTP = &http.Client{Transport: sink{&body}}
		c, err := jsonhttp.New(cfg)
		if err != nil {
			return
		}
		req := wiretest.Ask(false)
		req.Messages = []eval.Message{eval.TextMessage("user", input)}
		c.Call(t.Context(), req)
		if !json.Valid(body) {
			t.Fatalf("body %q", body)
		}
	})
}

// sink keeps what is sent to it.
type sink struct{ body *[]byte }

// RoundTrip keeps the body.
func (s sink) RoundTrip(r *http.Request) (*http.Response, error) {
	*s.body, _ = io.ReadAll(r.Body)
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("{}")), Request: r}, nil
}
