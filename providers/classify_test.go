package providers_test

import (
	"compress/gzip"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"infer/eval"
	"infer/providers"
)

// decision is what a row decides, written shortly: R retry, 1 once, F fallback,
// S stop.
func decision(f *eval.Failure) string {
	var b strings.Builder
	for _, x := range []struct {
		on   bool
		mark string
	}{{f.Retry, "R"}, {f.RetryOnce, "1"}, {f.Fallback, "F"}, {f.Stop, "S"}} {
		if x.on {
			b.WriteString(x.mark)
		}
	}
	return fmt.Sprintf("%s/%s %s %s", f.Class, f.Sub, b.String(), f.Billing)
}

type classifyCase struct {
	row  string
	s    providers.Signal
	want string
}

func httpSignal(status int, body string) providers.Signal {
	s := providers.ParseError([]byte(body))
	s.Status, s.Phase = status, eval.PhaseResponse
	return s
}

func openAIError(typ, code, message string) string {
	return fmt.Sprintf(`{"error":{"message":%q,"type":%q,"param":null,"code":%q}}`, message, typ, code)
}

// bodyCases are refusals as providers word them, one at least for every row.
func bodyCases() []classifyCase {
	gemini := func(code int, status, message, details string) string {
		return fmt.Sprintf(`{"error":{"code":%d,"message":%q,"status":%q,"details":[%s]}}`, code, message, status, details)
	}
	return []classifyCase{
		{"in-flight budget", httpSignal(402, `{"error":{"code":402,"message":"in_flight_budget exceeded"}}`), "rate_limit/budget RF not_billed"},
		{"quota or balance exhausted", httpSignal(429, openAIError("insufficient_quota", "insufficient_quota", "You exceeded your current quota")), "auth_billing/balance S not_billed"},
		{"quota or balance exhausted", httpSignal(429, openAIError("insufficient_quota", "credit_balance_exhausted", "x")), "auth_billing/balance S not_billed"},
		{"quota or balance exhausted", httpSignal(429, openAIError("x", "organization_spend_limit_exceeded", "x")), "auth_billing/balance S not_billed"},
		{"quota or balance exhausted", httpSignal(402, ``), "auth_billing/balance S not_billed"},
		{"quota or balance exhausted", httpSignal(402, `{"type":"error","error":{"type":"billing_error","message":"x"}}`), "auth_billing/balance S not_billed"},
		{"quota or balance exhausted", httpSignal(400, `{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low to access the API."}}`), "auth_billing/balance S not_billed"},
		{"quota or balance exhausted", httpSignal(400, gemini(400, "FAILED_PRECONDITION", "Please enable billing.", "")), "auth_billing/balance S not_billed"},
		{"key refused", httpSignal(401, openAIError("invalid_request_error", "invalid_api_key", "Incorrect API key")), "auth_billing/credentials S not_billed"},
		{"key refused", httpSignal(401, `<html><title>401</title></html>`), "auth_billing/credentials S not_billed"},
		{"key refused", httpSignal(400, gemini(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", `{"reason":"API_KEY_INVALID"}`)), "auth_billing/credentials S not_billed"},
		{"moderated input", httpSignal(400, openAIError("invalid_request_error", "content_policy_violation", "x")), "model_refusal/input_blocked  not_billed"},
		{"moderated input", httpSignal(400, `{"error":{"code":"content_filter","message":"The response was filtered due to the prompt triggering Azure OpenAI's content management policy."}}`), "model_refusal/input_blocked  not_billed"},
		{"moderated input", httpSignal(403, `{"error":{"code":403,"message":"Input was flagged by moderation"}}`), "model_refusal/input_blocked  not_billed"},
		{"model not open to this key", httpSignal(403, `{"error":{"message":"Project p does not have access to model m","code":"model_not_found"}}`), "auth_billing/model_access  not_billed"},
		{"permission or region", httpSignal(403, openAIError("request_forbidden", "unsupported_country_region_territory", "x")), "auth_billing/permission S not_billed"},
		{"permission or region", httpSignal(400, gemini(400, "FAILED_PRECONDITION", "User location is not supported", "")), "auth_billing/permission S not_billed"},
		{"context window", httpSignal(400, openAIError("invalid_request_error", "context_length_exceeded", "This model's maximum context length is 8192 tokens.")), "user_input/context_window F not_billed"},
		{"context window", httpSignal(400, `{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 210000 tokens > 200000 maximum"}}`), "user_input/context_window F not_billed"},
		{"context window", httpSignal(400, gemini(400, "INVALID_ARGUMENT", "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).", "")), "user_input/context_window F not_billed"},
		{"context window", httpSignal(400, `{"message":"Input is too long for requested model.","__type":"ValidationException"}`), "user_input/context_window F not_billed"},
		{"context window", httpSignal(400, `{"error":{"code":400,"message":"the request exceeds the available context size","type":"exceed_context_size_error","n_ctx":2048}}`), "user_input/context_window F not_billed"},
		{"request larger than the rate limit", httpSignal(429, openAIError("tokens", "rate_limit_exceeded", "Request too large for m on tokens per min (TPM): Limit 30000, Requested 40000.")), "rate_limit/request_over_limit F not_billed"},
		{"request too large", httpSignal(413, `{"type":"error","error":{"type":"request_too_large","message":"x"}}`), "user_input/too_large  not_billed"},
		{"attachment or empty message", httpSignal(400, openAIError("invalid_request_error", "invalid_image_url", "Failed to download image")), "user_input/content  not_billed"},
		{"attachment or empty message", httpSignal(400, openAIError("invalid_request_error", "empty_array", "Invalid 'messages': empty array.")), "user_input/content  not_billed"},
		{"model's own tool call was malformed", httpSignal(400, `{"error":{"message":"Failed to call a function.","type":"invalid_request_error","code":"tool_use_failed","failed_generation":"<f>"}}`), "model_output_invalid/tool_call R1F unknown"},
		{"no such address", httpSignal(404, "404 page not found\n"), "parameter/address  not_billed"},
		{"model missing", httpSignal(404, openAIError("invalid_request_error", "model_not_found", "The model x does not exist")), "parameter/model_missing  not_billed"},
		{"model missing", httpSignal(404, `{"type":"error","error":{"type":"not_found_error","message":"model: x"}}`), "parameter/model_missing  not_billed"},
		{"model missing", httpSignal(404, gemini(404, "NOT_FOUND", "models/x is not found", "")), "parameter/model_missing  not_billed"},
		{"model not ready", httpSignal(409, openAIError("conflict_error", "", "x")), "provider_unavailable/not_ready RF not_billed"},
		{"model not ready", httpSignal(429, `{"type":"ModelNotReadyException","message":"x"}`), "provider_unavailable/not_ready RF not_billed"},
		{"daily quota", httpSignal(429, gemini(429, "RESOURCE_EXHAUSTED", "quota", `{"quotaId":"GenerateRequestsPerDayPerProject"}`)), "rate_limit/daily F not_billed"},
		{"daily quota", httpSignal(429, openAIError("tokens", "rate_limit_exceeded", "Rate limit reached on tokens per day (TPD)")), "rate_limit/daily F not_billed"},
		{"rate limit", httpSignal(429, openAIError("requests", "rate_limit_exceeded", "Rate limit reached on requests per min (RPM)")), "rate_limit/ RF not_billed"},
		{"rate limit", httpSignal(429, ``), "rate_limit/ RF not_billed"},
		{"rate limit", httpSignal(200, `{"type":"error","error":{"type":"rate_limit_error","message":"x"}}`), "rate_limit/ RF not_billed"},
		{"rate limit", httpSignal(400, `{"type":"ThrottlingException","message":"Too many requests"}`), "rate_limit/ RF not_billed"},
		{"provider timeout", httpSignal(504, gemini(504, "DEADLINE_EXCEEDED", "x", "")), "timeout/provider R1F not_billed"},
		{"provider timeout", httpSignal(408, ``), "timeout/provider R1F not_billed"},
		{"TLS between gateway and provider", httpSignal(525, `<html>`), "network/config  not_billed"},
		{"cancelled", httpSignal(499, gemini(499, "CANCELLED", "x", "")), "caller_cancelled/  unknown"},
		{"provider down or overloaded", httpSignal(500, openAIError("server_error", "", "x")), "provider_unavailable/ RF not_billed"},
		{"provider down or overloaded", httpSignal(503, openAIError("x", "server_is_overloaded", "x")), "provider_unavailable/ RF not_billed"},
		{"provider down or overloaded", httpSignal(529, `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`), "provider_unavailable/ RF not_billed"},
		{"provider down or overloaded", httpSignal(524, `<html><title>524: A timeout occurred</title>`), "provider_unavailable/ RF not_billed"},
		{"provider down or overloaded", httpSignal(424, `{"type":"ModelErrorException"}`), "provider_unavailable/ RF not_billed"},
		{"provider down or overloaded", httpSignal(200, `{"error":{"code":502,"message":"Provider returned error"}}`), "provider_unavailable/ RF not_billed"},
		{"parameter", httpSignal(400, openAIError("invalid_request_error", "unsupported_parameter", "Unsupported parameter: 'max_tokens'")), "parameter/  not_billed"},
		{"parameter", httpSignal(422, `{"detail":[{"loc":["body","temperature"],"msg":"value is not a valid float"}]}`), "parameter/  not_billed"},
		{"parameter", httpSignal(400, openAIError("invalid_request_error", "string_above_max_length", "longer than the context length of the field")), "parameter/  not_billed"},
		{"redirect", httpSignal(302, ``), "parameter/redirect  not_billed"},
		{"error inside an answer", httpSignal(200, `{"error":{"message":"something broke"}}`), "provider_unavailable/in_stream RF unknown"},
		{"unknown", providers.Signal{Status: 200, Phase: eval.PhaseResponse}, "unknown/  unknown"},
	}
}

func TestClassifyBodies(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for _, c := range bodyCases() {
		seen[c.row] = true
		t.Run(fmt.Sprintf("%s/%d %s", c.row, c.s.Status, c.s.Code), func(t *testing.T) {
			t.Parallel()
			if got := providers.RowName(c.s); got != c.row {
				t.Errorf("row %q, want %q", got, c.row)
			}
			if diff := cmp.Diff(c.want, decision(providers.Classify(c.s))); diff != "" {
				t.Errorf("decision (-want +got):\n%s", diff)
			}
		})
	}
	for _, name := range providers.RowNames() {
		if !seen[name] {
			t.Errorf("row %q has no case", name)
		}
	}
}

func TestClassifyTransport(t *testing.T) {
	t.Parallel()
	post := func(err error) error { return &url.Error{Op: "Post", URL: "https://h/?key=secret", Err: err} }
	cases := []struct {
		row   string
		err   error
		phase eval.Phase
		want  string
	}{
		{"connection refused", post(&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}), eval.PhaseConnect, "network/refused F not_billed"},
		{"host not found", post(&net.DNSError{Err: "no such host", IsNotFound: true}), eval.PhaseConnect, "network/config  not_billed"},
		{"connection lost", post(&net.DNSError{Err: "server misbehaving", IsTemporary: true}), eval.PhaseConnect, "network/ RF not_billed"},
		{"TLS", post(x509.UnknownAuthorityError{}), eval.PhaseConnect, "network/config  not_billed"},
		{"TLS", errors.New("http: server gave HTTP response to HTTPS client"), eval.PhaseConnect, "network/config  not_billed"},
		{"connection lost", post(syscall.ECONNRESET), eval.PhaseFirstByte, "network/ RF unknown"},
		{"connection lost", post(io.EOF), eval.PhaseFirstByte, "network/ RF unknown"},
		{"connection lost", errors.New("http2: server sent GOAWAY and closed the connection"), eval.PhaseFirstByte, "network/ RF unknown"},
		{"answer cut", io.ErrUnexpectedEOF, eval.PhaseMidStream, "network/incomplete_stream RF unknown"},
		{"incomplete stream", providers.ErrIncomplete, eval.PhaseFirstToken, "network/incomplete_stream RF unknown"},
		{"connect timeout", &providers.TimeoutError{What: "connect"}, eval.PhaseConnect, "timeout/connect R1F not_billed"},
		{"connect timeout", post(&net.DNSError{Err: "i/o timeout", IsTimeout: true}), eval.PhaseConnect, "timeout/connect R1F not_billed"},
		{"deadline before the first token", &providers.TimeoutError{What: "first_token"}, eval.PhaseFirstToken, "timeout/ttft R1F unknown"},
		{"deadline before the first token", &providers.TimeoutError{What: "total"}, eval.PhaseFirstByte, "timeout/ttft R1F unknown"},
		{"deadline during the answer", &providers.TimeoutError{What: "total"}, eval.PhaseMidStream, "timeout/total F unknown"},
		{"deadline during the answer", &providers.TimeoutError{What: "idle"}, eval.PhaseMidStream, "timeout/idle F unknown"},
		{"deadline during the answer", context.DeadlineExceeded, eval.PhaseMidStream, "timeout/total F unknown"},
		{"caller cancelled", post(context.Canceled), eval.PhaseFirstByte, "caller_cancelled/  unknown"},
		{"caller cancelled", context.Canceled, eval.PhaseConnect, "caller_cancelled/  not_billed"},
		{"redirect refused", post(fmt.Errorf("%w: to evil", providers.ErrRedirect)), eval.PhaseFirstByte, "parameter/redirect  not_billed"},
		{"malformed response", fmt.Errorf("list: %w", providers.ErrMalformed), eval.PhaseResponse, "provider_unavailable/malformed_response RF unknown"},
		{"malformed response", gzip.ErrHeader, eval.PhaseMidStream, "provider_unavailable/malformed_response RF unknown"},
		{"response too large", providers.ErrTooLarge, eval.PhaseMidStream, "model_output_invalid/too_large  unknown"},
	}
	for _, c := range cases {
		t.Run(c.row+"/"+string(c.phase)+"/"+c.err.Error(), func(t *testing.T) {
			t.Parallel()
			s := providers.Signal{Err: c.err, Phase: c.phase}
			if got := providers.RowName(s); got != c.row {
				t.Errorf("row %q, want %q", got, c.row)
			}
			f := providers.Classify(s)
			if diff := cmp.Diff(c.want, decision(f)); diff != "" {
				t.Errorf("decision (-want +got):\n%s", diff)
			}
			if strings.Contains(f.Message.Raw(), "secret") {
				t.Errorf("the message holds the URL: %s", f.Message)
			}
		})
	}
}

func TestClassifyKeepsLittleAndRedacts(t *testing.T) {
	t.Parallel()
	key := "canary-0123456789"
	s := providers.Signal{Status: 500, Type: "t " + key, Code: "c " + key, Message: strings.Repeat("é", 3000) + key,
		Phase: eval.PhaseResponse, Redactor: providers.NewRedactor(providers.NewKey(key))}
	f := providers.Classify(s)
	if n := len(f.Message); n > 2048 {
		t.Errorf("message of %d bytes", n)
	}
	if all := f.Type + f.Code + f.Message.Raw(); strings.Contains(all, "canary") {
		t.Errorf("the key is in %q", all)
	}
	if f := providers.Classify(httpSignal(404, "404 page not found")); !strings.Contains(f.Message.Raw(), "base_url") {
		t.Errorf("no hint in %q", f.Message)
	}
	s.Phase, s.Status, s.Code = eval.PhaseMidStream, 0, "503"
	if f := providers.Classify(s); f.Billing != eval.Unbilled || f.Status != 0 {
		t.Errorf("an error after output is billed %q with status %d", f.Billing, f.Status)
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	at := func(d time.Duration) *time.Duration { return &d }
	date := "Wed, 21 Oct 2026 07:28:00 GMT"
	cases := map[string]struct {
		header map[string]string
		body   string
		want   *time.Duration
	}{
		"none":               {},
		"seconds":            {header: map[string]string{"Retry-After": "7"}, want: at(7 * time.Second)},
		"fraction":           {header: map[string]string{"Retry-After": " 0.25 "}, want: at(250 * time.Millisecond)},
		"negative":           {header: map[string]string{"Retry-After": "-5"}, want: at(0)},
		"huge":               {header: map[string]string{"Retry-After": "1000000000"}, want: at(time.Minute)},
		"exponent":           {header: map[string]string{"Retry-After": "1e9"}, want: at(time.Minute)},
		"infinite":           {header: map[string]string{"Retry-After": "Inf"}, want: at(time.Minute)},
		"not a number":       {header: map[string]string{"Retry-After": "NaN"}},
		"garbage":            {header: map[string]string{"Retry-After": "soon\x00"}},
		"date":               {header: map[string]string{"Retry-After": "Wed, 21 Oct 2026 07:28:30 GMT", "Date": date}, want: at(30 * time.Second)},
		"date in the past":   {header: map[string]string{"Retry-After": "Wed, 21 Oct 2015 07:28:30 GMT", "Date": date}, want: at(0)},
		"date, no reference": {header: map[string]string{"Retry-After": date}},
		"milliseconds":       {header: map[string]string{"Retry-After-Ms": "1500", "Retry-After": "9"}, want: at(1500 * time.Millisecond)},
		"azure":              {header: map[string]string{"X-Ms-Retry-After-Ms": "20"}, want: at(20 * time.Millisecond)},
		"bad ms, good s":     {header: map[string]string{"Retry-After-Ms": "x", "Retry-After": "2"}, want: at(2 * time.Second)},
		"gemini":             {body: `{"error":{"details":[{"retryDelay":"31s"}]}}`, want: at(31 * time.Second)},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := make(http.Header)
			for k, v := range c.header {
				h.Set(k, v)
			}
			if diff := cmp.Diff(c.want, providers.RetryAfter(h, c.body)); diff != "" {
				t.Errorf("wait (-want +got):\n%s", diff)
			}
		})
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"x-request-id", "request-id", "apim-request-id", "x-amzn-requestid", "x-generation-id"} {
		h := make(http.Header)
		h.Set(name, "id-1")
		if got := providers.RequestID(h); got != "id-1" {
			t.Errorf("%s: request id %q", name, got)
		}
	}
	h := http.Header{}
	h.Set("X-Ratelimit-Remaining-Requests", "9")
	h.Set("Anthropic-Ratelimit-Tokens-Reset", "2026-01-01T00:00:00Z")
	h.Set("Openai-Processing-Ms", "123")
	want := map[string]string{"x-ratelimit-remaining-requests": "9", "anthropic-ratelimit-tokens-reset": "2026-01-01T00:00:00Z"}
	if diff := cmp.Diff(want, providers.RateLimits(h)); diff != "" {
		t.Errorf("rate limits (-want +got):\n%s", diff)
	}
	if d := providers.BackendTime(h); d == nil || *d != 123*time.Millisecond {
		t.Errorf("backend time %v", d)
	}
	h.Set("Openai-Processing-Ms", "-1")
	if d := providers.BackendTime(h); d != nil {
		t.Errorf("a negative backend time is %v", *d)
	}
}
