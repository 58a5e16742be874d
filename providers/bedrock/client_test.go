package bedrock_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"infer/eval"
	"infer/eval/runner"
	"infer/providers"
	"infer/providers/bedrock"
	"infer/providers/httpx"
	"infer/providers/internal/wiretest"
)

var _ runner.Caller = (*bedrock.Client)(nil)

const (
	secret  = "canary-secret-0123456789abcdef"
	session = "canary-session-0123456789abcdef"
)

func client(t testing.TB, cfg bedrock.Config) *bedrock.Client {
	t.Helper()
	cfg.Name, cfg.Region = "b", "us-east-1"
	if cfg.Chain == nil {
		cfg.Chain = credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", secret, session)
	}
	c, err := bedrock.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// frame is one event of an event stream.
func frame(t testing.TB, kind, name, payload string) []byte {
	t.Helper()
	var b bytes.Buffer
	m := eventstream.Message{Payload: []byte(payload)}
	m.Headers.Set(":message-type", eventstream.StringValue(kind))
	m.Headers.Set(":"+kind+"-type", eventstream.StringValue(name))
	m.Headers.Set(":content-type", eventstream.StringValue("application/json"))
	if err := eventstream.NewEncoder().Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// events are the frames of a streamed answer of wiretest.Text.
func events(t testing.TB) [][]byte {
	t.Helper()
	return [][]byte{
		frame(t, "event", "messageStart", `{"role":"assistant"}`),
		frame(t, "event", "contentBlockDelta", `{"contentBlockIndex":0,"delta":{"reasoningContent":{"text":"A city."}}}`),
		frame(t, "event", "contentBlockDelta", `{"contentBlockIndex":1,"delta":{"text":"Flor"}}`),
		frame(t, "event", "contentBlockDelta", `{"contentBlockIndex":1,"delta":{"text":"ence is in 🇮🇹"}}`),
		frame(t, "event", "contentBlockStop", `{"contentBlockIndex":1}`),
		frame(t, "event", "messageStop", `{"stopReason":"end_turn"}`),
		frame(t, "event", "metadata", `{"usage":`+usage+`,"metrics":{"latencyMs":321},"serviceTier":{"type":"flex"}}`),
	}
}

const usage = `{"inputTokens":25,"outputTokens":15,"totalTokens":170,"cacheReadInputTokens":100,"cacheWriteInputTokens":30,"cacheDetails":[{"ttl":"5m","inputTokens":10},{"ttl":"1h","inputTokens":20}]}`

const whole = `{"output":{"message":{"role":"assistant","content":[{"text":"Florence is in 🇮🇹"}]}},"stopReason":"end_turn","usage":` + usage + `,"metrics":{"latencyMs":321},"serviceTier":{"type":"flex"}}`

// serve answers as Bedrock does.
func serve(t testing.TB, status int, exception string, body []byte) string {
	t.Helper()
	return wiretest.Serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Amzn-Requestid", "req-1")
		w.Header().Set("Content-Type", "application/json")
		if strings.HasSuffix(r.URL.Path, "converse-stream") && status == 200 {
			w.Header().Set("Content-Type", "application/vnd.amazon.eventstream")
		}
		if exception != "" {
			w.Header().Set("X-Amzn-Errortype", exception+":http://internal.amazon.com/coral/com.amazon.bedrock/")
		}
		w.WriteHeader(status)
		_, _ = w.Write(body)
	})
}

var noClock = cmpopts.IgnoreFields(eval.Response{}, "InFlight", "TTFT")

func TestAnswers(t *testing.T) {
	t.Parallel()
	tools := `{"output":{"message":{"role":"assistant","content":[{"reasoningContent":{"reasoningText":{"text":"hm","signature":"s"}}},{"text":"I will look."},` +
		`{"toolUse":{"toolUseId":"t1","name":"weather","input":{"city":"Florence","days":3}}},{"toolUse":{"toolUseId":"t2","name":"now","input":{}}}]}},"stopReason":"tool_use","usage":{"inputTokens":9,"outputTokens":3,"totalTokens":12}}`
	toolFrames := [][]byte{
		frame(t, "event", "contentBlockDelta", `{"contentBlockIndex":0,"delta":{"text":"I will look."}}`),
		frame(t, "event", "contentBlockStart", `{"contentBlockIndex":1,"start":{"toolUse":{"toolUseId":"t1","name":"weather"}}}`),
		frame(t, "event", "contentBlockDelta", `{"contentBlockIndex":1,"delta":{"toolUse":{"input":"{\"city\":"}}}`),
		frame(t, "event", "contentBlockDelta", `{"contentBlockIndex":1,"delta":{"toolUse":{"input":"\"Florence\",\"days\":3}"}}}`),
		frame(t, "event", "contentBlockStart", `{"contentBlockIndex":2,"start":{"toolUse":{"toolUseId":"t2","name":"now"}}}`),
		frame(t, "event", "messageStop", `{"stopReason":"tool_use"}`),
		frame(t, "event", "metadata", `{"usage":{"inputTokens":9,"outputTokens":3,"totalTokens":12}}`),
	}
	backend := 321 * time.Millisecond
	text := eval.Response{Text: wiretest.Text, Finish: eval.FinishStop, FinishRaw: "end_turn", Backend: &backend,
		Usage: &eval.Usage{InFresh: 25, InCacheRead: 100, InCacheWrite5m: 10, InCacheWrite1h: 20, OutText: 15, Tier: "flex", Raw: json.RawMessage(usage)}}
	called := eval.Response{Text: "I will look.", Finish: eval.FinishToolCalls, FinishRaw: "tool_use", Usage: &eval.Usage{InFresh: 9, OutText: 3, Raw: json.RawMessage(`{"inputTokens":9,"outputTokens":3,"totalTokens":12}`)},
		ToolCalls: []eval.ToolCall{{ID: "t1", Name: "weather", Arguments: json.RawMessage(`{"city":"Florence","days":3}`)}, {ID: "t2", Name: "now", Arguments: json.RawMessage(`{}`)}}}
	for name, c := range map[string]struct {
		stream bool
		body   []byte
		want   eval.Response
	}{
		"whole":          {false, []byte(whole), text},
		"stream":         {true, bytes.Join(events(t), nil), text},
		"tools":          {false, []byte(tools), called},
		"tools streamed": {true, bytes.Join(toolFrames, nil), called},
		"no usage is unknown": {false, []byte(`{"output":{"message":{"role":"assistant","content":[{"text":"x"}]}},"stopReason":"max_tokens"}`),
			eval.Response{Text: "x", Finish: eval.FinishLength, FinishRaw: "max_tokens"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.want.Status, c.want.RequestID = 200, "req-1"
			got := client(t, bedrock.Config{BaseURL: serve(t, 200, "", c.body)}).Call(t.Context(), wiretest.Ask(c.stream))
			if diff := cmp.Diff(c.want, got, noClock, cmp.Transformer("json", func(b json.RawMessage) string { return canonical(t, b) })); diff != "" {
				t.Errorf("response (-want +got):\n%s", diff)
			}
			if got.InFlight <= 0 || (got.TTFT != nil) != c.stream {
				t.Errorf("in flight %s, first token %v", got.InFlight, got.TTFT)
			}
		})
	}
}

func canonical(t *testing.T, b []byte) string {
	t.Helper()
	if len(b) == 0 {
		return ""
	}
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatalf("%q: %v", b, err)
	}
	c, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(c)
}

// TestCutStreams ends the stream behind each of its events, and inside each.
func TestCutStreams(t *testing.T) {
	t.Parallel()
	all := events(t)
	var sent []byte
	for i, ev := range all {
		for _, part := range [][]byte{ev[:len(ev)*2/3], ev} {
			body := append(bytes.Clone(sent), part...)
			got := client(t, bedrock.Config{BaseURL: serve(t, 200, "", body)}).Call(t.Context(), wiretest.Ask(true))
			whole := i > 5 || i == 5 && len(part) == len(ev)
			switch f := got.Failure; {
			case whole && (f != nil || got.Text != wiretest.Text):
				t.Errorf("whole after event %d: %v, text %q", i, f, got.Text)
			case !whole && (f == nil || f.Class != eval.ClassNetwork || f.Sub != "incomplete_stream" || f.Billing != eval.Unbilled):
				t.Errorf("cut in event %d: %s (%v)", i, wiretest.Decision(f), f)
			}
		}
		sent = append(sent, ev...)
	}
}

// TestFailures: every exception of the service, by its name and not its status
// alone, is the row of the failure table that it belongs to.
func TestFailures(t *testing.T) {
	t.Parallel()
	message := func(s string) []byte { return []byte(`{"message":"` + s + `"}`) }
	half := frame(t, "event", "contentBlockDelta", `{"contentBlockIndex":0,"delta":{"text":"half"}}`)
	stop := func(reason string) []byte {
		return []byte(`{"output":{"message":{"role":"assistant","content":[{"text":"half"}]}},"stopReason":"` + reason + `","usage":{"inputTokens":1,"outputTokens":2,"totalTokens":3}}`)
	}
	for name, c := range map[string]struct {
		status    int
		exception string
		body      []byte
		stream    bool
		want      string
	}{
		"throttled":               {429, "ThrottlingException", message("Too many requests"), false, "rate_limit/ response RF not_billed"},
		"throttled for the day":   {429, "ThrottlingException", message("Too many tokens per day, please wait before trying again."), false, "rate_limit/daily response F not_billed"},
		"quota":                   {400, "ServiceQuotaExceededException", message("The number of requests exceeds the service quota."), false, "rate_limit/ response RF not_billed"},
		"not ready":               {429, "ModelNotReadyException", message("loading"), false, "provider_unavailable/not_ready response RF not_billed"},
		"model timeout":           {408, "ModelTimeoutException", message("x"), false, "timeout/provider response R1F not_billed"},
		"model error":             {424, "ModelErrorException", message("x"), false, "provider_unavailable/ response RF not_billed"},
		"internal":                {500, "InternalServerException", message("x"), true, "provider_unavailable/ response RF not_billed"},
		"unavailable":             {503, "ServiceUnavailableException", message("x"), true, "provider_unavailable/ response RF not_billed"},
		"denied":                  {403, "AccessDeniedException", message("User is not authorized to perform bedrock:InvokeModel"), false, "auth_billing/permission response S not_billed"},
		"model not open":          {403, "AccessDeniedException", message("You don't have access to the model with the specified model ID."), false, "auth_billing/model_access response  not_billed"},
		"unknown key":             {403, "UnrecognizedClientException", message("The security token included in the request is invalid."), false, "auth_billing/credentials response S not_billed"},
		"expired":                 {403, "ExpiredTokenException", message("x"), true, "auth_billing/credentials response S not_billed"},
		"no such model":           {404, "ResourceNotFoundException", message("Could not resolve the foundation model"), false, "parameter/model_missing response  not_billed"},
		"too long":                {400, "ValidationException", message("Input is too long for requested model."), false, "user_input/context_window response F not_billed"},
		"invalid":                 {400, "ValidationException", message("The provided model identifier is invalid."), false, "parameter/ response  not_billed"},
		"a load balancer's page":  {503, "", []byte("<html><title>503</title></html>"), false, "provider_unavailable/ response RF not_billed"},
		"an empty refusal":        {401, "", nil, false, "auth_billing/credentials response S not_billed"},
		"overloaded":              {529, "", nil, true, "provider_unavailable/ response RF not_billed"},
		"not JSON":                {200, "", []byte("<html>"), false, "provider_unavailable/malformed_response mid_stream RF unknown"},
		"an empty object":         {200, "", []byte("{}"), false, "provider_unavailable/malformed_response response RF unknown"},
		"no event stream":         {200, "", []byte("{oops}"), true, "network/incomplete_stream first_token RF unknown"},
		"throttled in the stream": {200, "", append(bytes.Clone(half), frame(t, "exception", "throttlingException", `{"message":"x"}`)...), true, "rate_limit/ mid_stream RF unknown"},
		"broken in the stream":    {200, "", append(bytes.Clone(half), frame(t, "exception", "modelStreamErrorException", `{"message":"x"}`)...), true, "provider_unavailable/ mid_stream RF unknown"},
		"invalid in the stream":   {200, "", frame(t, "exception", "validationException", `{"message":"x"}`), true, "parameter/ first_token  not_billed"},
		"filtered":                {200, "", stop("content_filtered"), false, "model_refusal/output_blocked response  billed"},
		"guardrail":               {200, "", stop("guardrail_intervened"), false, "model_refusal/output_blocked response  billed"},
		"malformed tool use":      {200, "", stop("malformed_tool_use"), false, "model_output_invalid/tool_call response R1F billed"},
		"malformed output":        {200, "", stop("malformed_model_output"), false, "model_output_invalid/tool_call response R1F billed"},
		"empty":                   {200, "", []byte(`{"output":{"message":{"role":"assistant","content":[]}},"stopReason":"end_turn"}`), false, "model_output_invalid/empty response R1F billed"},
		"window exceeded, empty":  {200, "", []byte(`{"output":{"message":{"role":"assistant","content":[]}},"stopReason":"model_context_window_exceeded"}`), false, "model_output_truncated/no_output response  billed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := client(t, bedrock.Config{BaseURL: serve(t, c.status, c.exception, c.body)}).Call(t.Context(), wiretest.Ask(c.stream))
			if d := wiretest.Decision(got.Failure); d != c.want {
				t.Errorf("%s (%v), want %s", d, got.Failure, c.want)
			}
			if got.Status != c.status || got.RequestID != "req-1" || got.Failure != nil && got.Failure.Status != c.status {
				t.Errorf("status %d, request %q, failure %+v", got.Status, got.RequestID, got.Failure)
			}
		})
	}
}

// TestOneCallIsOneRequest: the SDK's own retries are off.
func TestOneCallIsOneRequest(t *testing.T) {
	t.Parallel()
	for _, stream := range []bool{false, true} {
		calls := make(chan struct{}, 10)
		base := wiretest.Serve(t, func(w http.ResponseWriter, _ *http.Request) {
			calls <- struct{}{}
			w.WriteHeader(503)
		})
		client(t, bedrock.Config{BaseURL: base}).Call(t.Context(), wiretest.Ask(stream))
		if len(calls) != 1 {
			t.Errorf("%d requests for one call", len(calls))
		}
	}
}

func TestConnectionsAndLimits(t *testing.T) {
	t.Parallel()
	closed := wiretest.Closed(t)
	half := frame(t, "event", "contentBlockDelta", `{"contentBlockIndex":0,"delta":{"text":"half"}}`)
	base := wiretest.Serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if strings.HasPrefix(r.URL.Path, "/drip") {
			w.Header().Set("Content-Type", "application/vnd.amazon.eventstream")
			_, _ = w.Write(half)
			_ = http.NewResponseController(w).Flush()
		}
		<-r.Context().Done()
	})
	const short = 400 * time.Millisecond
	for name, c := range map[string]struct {
		base   string
		limits eval.Limits
		times  httpx.Timeouts
		cancel bool
		want   string
	}{
		"refused":      {closed, eval.Limits{}, httpx.Timeouts{}, false, "network/refused connect F not_billed"},
		"hang":         {base, eval.Limits{Timeout: short}, httpx.Timeouts{}, false, "timeout/ttft first_byte R1F unknown"},
		"first token":  {base, eval.Limits{FirstToken: short}, httpx.Timeouts{}, false, "timeout/ttft first_byte R1F unknown"},
		"idle":         {base + "/drip", eval.Limits{}, httpx.Timeouts{Idle: short}, false, "timeout/idle mid_stream F unknown"},
		"total":        {base + "/drip", eval.Limits{Timeout: short}, httpx.Timeouts{}, false, "timeout/total mid_stream F unknown"},
		"the user":     {base, eval.Limits{}, httpx.Timeouts{}, true, "caller_cancelled/ first_byte  unknown"},
		"user, stream": {base + "/drip", eval.Limits{}, httpx.Timeouts{}, true, "caller_cancelled/ mid_stream  unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if c.cancel {
				time.AfterFunc(short, cancel)
			}
			req := wiretest.Ask(true)
			req.Limits = c.limits
			got := client(t, bedrock.Config{BaseURL: c.base, Timeouts: c.times}).Call(ctx, req)
			if d := wiretest.Decision(got.Failure); d != c.want {
				t.Errorf("%s (%v), want %s", d, got.Failure, c.want)
			}
		})
	}
}

// TestSecrets: neither the secret key, the session token nor an API key is kept
// of an answer that echoes it, and none goes to another host or in plain text.
func TestSecrets(t *testing.T) {
	t.Parallel()
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the other host was called: %s %v", r.URL, r.Header)
	}))
	t.Cleanup(other.Close)
	echo := func(status int) string {
		return wiretest.Serve(t, func(w http.ResponseWriter, r *http.Request) {
			sent, _ := io.ReadAll(r.Body)
			if !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/") || strings.Contains(r.URL.String()+string(sent), "canary") {
				t.Errorf("request %s %v %s", r.URL, r.Header, sent)
			}
			w.Header().Set("X-Amzn-Requestid", session)
			w.Header().Set("X-Amzn-Errortype", "ValidationException")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, `{"message":"bad `+session+` `+secret+`","output":{"message":{"role":"assistant","content":[{"text":"it is `+secret+`"},{"toolUse":{"toolUseId":"a","name":"f","input":{"x":"`+session+`"}}}]}},"stopReason":"end_turn"}`)
		})
	}
	for _, status := range []int{200, 400} {
		got := client(t, bedrock.Config{BaseURL: echo(status)}).Call(t.Context(), wiretest.Ask(false))
		b, err := json.Marshal(got)
		if err != nil || strings.Contains(string(b), "canary") || !strings.Contains(string(b), "[redacted]") {
			t.Errorf("%d: %s (%v)", status, b, err)
		}
	}
	redirect := wiretest.Serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
	})
	if d := wiretest.Decision(client(t, bedrock.Config{BaseURL: redirect}).Call(t.Context(), wiretest.Ask(false)).Failure); d != "parameter/redirect first_byte  not_billed" {
		t.Errorf("redirect: %s", d)
	}
	_, err := bedrock.New(t.Context(), bedrock.Config{Region: "us-east-1", BaseURL: "http://10.0.0.1"})
	if err == nil || eval.KindOf(err) != eval.KindInvalid {
		t.Errorf("plain text: %v", err)
	}
}

func TestKeyInsteadOfCredentials(t *testing.T) {
	t.Parallel()
	var got string
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Get("Authorization")
		w.WriteHeader(400)
		_, _ = io.WriteString(w, `{"message":"bad `+secret+`"}`)
	}))
	t.Cleanup(srv.Close)
	r := client(t, bedrock.Config{BaseURL: srv.URL, HTTP: srv.Client(), Key: providers.NewKey(secret)}).Call(t.Context(), wiretest.Ask(false))
	if got != "Bearer "+secret || r.Failure == nil || strings.Contains(r.Failure.Error(), "canary") {
		t.Errorf("authorization %q, failure %v", got, r.Failure)
	}
}

func TestNoCredentials(t *testing.T) {
	t.Parallel()
	none := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return aws.Credentials{}, io.EOF })
	_, err := bedrock.New(t.Context(), bedrock.Config{Name: "b", Region: "us-east-1", Chain: none})
	if eval.KindOf(err) != eval.KindCredentials || eval.Hint(err) == "" {
		t.Errorf("error %v", err)
	}
}
