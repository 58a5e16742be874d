package providers_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"infer/eval"
	"infer/providers/anthropic"
	"infer/providers/bedrock"
	"infer/providers/gemini"
	"infer/providers/httpx"
	"infer/providers/internal/wiretest"
	"infer/providers/openai"
)

// wires are all wires, by name, as clients of one address.
var wires = map[string]func(t *testing.T, base string) (wiretest.Caller, error){
	"chat": func(_ *testing.T, base string) (wiretest.Caller, error) {
		return openai.New(httpx.Config{BaseURL: base})
	},
	"responses": func(_ *testing.T, base string) (wiretest.Caller, error) {
		return openai.NewResponses(httpx.Config{BaseURL: base})
	},
	"anthropic": func(_ *testing.T, base string) (wiretest.Caller, error) {
		return anthropic.New(httpx.Config{BaseURL: base})
	},
	"gemini": func(_ *testing.T, base string) (wiretest.Caller, error) {
		return gemini.New(httpx.Config{BaseURL: base})
	},
	"bedrock": func(t *testing.T, base string) (wiretest.Caller, error) {
		return bedrock.New(t.Context(), bedrock.Config{Region: "us-east-1", BaseURL: base, Chain: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret-0123456789", "")})
	},
}

func anthropicError(kind, message string) string {
	return fmt.Sprintf(`{"type":"error","error":{"type":%q,"message":%q},"request_id":"req_1"}`, kind, message)
}

func googleError(code int, status, message, details string) string {
	return fmt.Sprintf(`{"error":{"code":%d,"message":%q,"status":%q,"details":[%s]}}`, code, message, status, details)
}

// refusals are refusals as each wire words them, under the rows of the vocabulary
// that the wire can produce. For Bedrock the body is the exception's name and its
// message.
func refusals() map[string][]struct {
	wire   string
	status int
	body   string
} {
	type r = struct {
		wire   string
		status int
		body   string
	}
	const google = `{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID","domain":"googleapis.com"}`
	const perDay = `{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaId":"GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]}`
	const perMinute = `{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaId":"GenerateRequestsPerMinutePerProjectPerModel"}]}`
	return map[string][]r{
		"user_input/context_window response F not_billed": {
			{"chat", 400, openAIError("invalid_request_error", "context_length_exceeded", "This model's maximum context length is 8192 tokens.")},
			{"responses", 400, openAIError("invalid_request_error", "context_length_exceeded", "Your input exceeds the context window of this model.")},
			{"anthropic", 400, anthropicError("invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum")},
			{"gemini", 400, googleError(400, "INVALID_ARGUMENT", "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).", "")},
			{"bedrock", 400, "ValidationException: Input is too long for requested model."}},
		"model_refusal/input_blocked response  not_billed": {
			{"chat", 400, `{"error":{"code":"content_filter","message":"The response was filtered due to the prompt triggering Azure OpenAI's content management policy.","status":400}}`},
			{"chat", 400, openAIError("invalid_request_error", "content_policy_violation", "x")},
			{"chat", 403, `{"error":{"code":403,"message":"Input was flagged by moderation","metadata":{"reasons":["violence"]}}}`},
			{"responses", 400, openAIError("invalid_request_error", "invalid_prompt", "Your prompt was flagged")}},
		"user_input/content response  not_billed": {
			{"chat", 400, openAIError("invalid_request_error", "invalid_image_url", "Failed to download image")},
			{"chat", 400, openAIError("invalid_request_error", "empty_array", "Invalid 'messages': empty array.")},
			{"responses", 400, openAIError("invalid_request_error", "image_parse_error", "x")},
			{"anthropic", 400, anthropicError("invalid_request_error", "Could not process image")},
			{"anthropic", 400, anthropicError("invalid_request_error", "messages: at least one message is required")},
			{"gemini", 400, googleError(400, "INVALID_ARGUMENT", "Unable to process input image. Please retry or report.", "")},
			{"bedrock", 400, "ValidationException: Could not process image"}},
		"user_input/too_large response  not_billed": {
			{"anthropic", 413, anthropicError("request_too_large", "Request exceeds the maximum size")}, {"chat", 413, ``}},
		"parameter/ response  not_billed": {
			{"chat", 400, openAIError("invalid_request_error", "unsupported_parameter", "Unsupported parameter: 'max_tokens'")},
			{"chat", 422, `{"detail":[{"loc":["body","temperature"],"msg":"value is not a valid float"}]}`},
			{"responses", 400, openAIError("invalid_request_error", "invalid_value", "x")},
			{"anthropic", 400, anthropicError("invalid_request_error", "tools.0.custom.input_schema: JSON schema is invalid")},
			{"gemini", 400, googleError(400, "INVALID_ARGUMENT", "Invalid JSON payload received. Unknown name \"x\"", "")},
			{"bedrock", 400, "ValidationException: The provided model identifier is invalid."}},
		"model_output_invalid/tool_call response R1F unknown": {
			{"chat", 400, `{"error":{"message":"Failed to call a function.","type":"invalid_request_error","code":"tool_use_failed","failed_generation":"<f>"}}`}},
		"auth_billing/credentials response S not_billed": {
			{"chat", 401, openAIError("invalid_request_error", "invalid_api_key", "Incorrect API key")},
			{"responses", 401, ``},
			{"anthropic", 401, anthropicError("authentication_error", "invalid x-api-key")},
			{"gemini", 400, googleError(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", google)},
			{"gemini", 401, googleError(401, "UNAUTHENTICATED", "x", "")},
			{"bedrock", 403, "UnrecognizedClientException: The security token included in the request is invalid."}},
		"auth_billing/permission response S not_billed": {
			{"chat", 403, openAIError("request_forbidden", "unsupported_country_region_territory", "x")},
			{"anthropic", 403, anthropicError("permission_error", "Your API key does not have permission to use the specified resource.")},
			{"gemini", 403, googleError(403, "PERMISSION_DENIED", "x", "")},
			{"gemini", 400, googleError(400, "FAILED_PRECONDITION", "User location is not supported for the API use.", "")},
			{"bedrock", 403, "AccessDeniedException: User is not authorized to perform: bedrock:InvokeModel"}},
		"auth_billing/balance response S not_billed": {
			{"chat", 429, openAIError("insufficient_quota", "insufficient_quota", "You exceeded your current quota, please check your plan and billing details.")},
			{"chat", 429, openAIError("insufficient_quota", "credit_balance_exhausted", "x")},
			{"responses", 429, openAIError("insufficient_quota", "project_spend_limit_exceeded", "x")},
			{"responses", 429, openAIError("insufficient_quota", "organization_usage_limit_exceeded", "x")},
			{"chat", 402, `{"error":{"code":402,"message":"Insufficient credits"}}`},
			{"anthropic", 402, anthropicError("billing_error", "x")},
			{"anthropic", 400, anthropicError("invalid_request_error", "Your credit balance is too low to access the Anthropic API.")},
			{"anthropic", 400, anthropicError("invalid_request_error", "You have reached your specified API usage limits: spend limit.")},
			{"gemini", 402, googleError(402, "RESOURCE_EXHAUSTED", "Your prepayment credits are depleted.", "")},
			{"gemini", 400, googleError(400, "FAILED_PRECONDITION", "Gemini API free tier is not available in your country. Please enable billing.", "")}},
		"rate_limit/budget response RF not_billed": {{"chat", 402, `{"error":{"code":402,"message":"in_flight_budget exceeded"}}`}},
		"parameter/model_missing response  not_billed": {
			{"chat", 404, openAIError("invalid_request_error", "model_not_found", "The model x does not exist")},
			{"anthropic", 404, anthropicError("not_found_error", "model: claude-x")},
			{"gemini", 404, googleError(404, "NOT_FOUND", "models/x is not found for API version v1beta", "")},
			{"bedrock", 404, "ResourceNotFoundException: Could not resolve the foundation model from the provided model identifier."}},
		"provider_unavailable/not_ready response RF not_billed": {{"chat", 409, openAIError("conflict_error", "", "x")}, {"bedrock", 429, "ModelNotReadyException: loading"}},
		"rate_limit/ response RF not_billed": {
			{"chat", 429, openAIError("requests", "rate_limit_exceeded", "Rate limit reached on requests per min (RPM)")},
			{"responses", 429, openAIError("slow_down", "slow_down", "x")},
			{"anthropic", 429, anthropicError("rate_limit_error", "This request would exceed your organization's rate limit of 50 requests per minute.")},
			{"gemini", 429, googleError(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota.", perMinute)},
			{"bedrock", 429, "ThrottlingException: Too many requests, please wait before trying again."}},
		"rate_limit/daily response F not_billed": {
			{"chat", 429, openAIError("tokens", "rate_limit_exceeded", "Rate limit reached on tokens per day (TPD)")},
			{"gemini", 429, googleError(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota.", perDay)},
			{"bedrock", 429, "ThrottlingException: Too many tokens per day, please wait before trying again."}},
		"timeout/provider response R1F not_billed": {
			{"chat", 408, ``}, {"anthropic", 504, anthropicError("timeout_error", "x")}, {"gemini", 504, googleError(504, "DEADLINE_EXCEEDED", "x", "")}, {"bedrock", 408, "ModelTimeoutException: x"}},
		"provider_unavailable/ response RF not_billed": {
			{"chat", 503, openAIError("server_error", "server_is_overloaded", "x")}, {"chat", 502, ``}, {"chat", 520, ``}, {"responses", 500, openAIError("server_error", "server_error", "x")},
			{"anthropic", 500, anthropicError("api_error", "Internal server error")}, {"anthropic", 529, anthropicError("overloaded_error", "Overloaded")},
			{"gemini", 500, googleError(500, "INTERNAL", "x", "")}, {"gemini", 503, googleError(503, "UNAVAILABLE", "The model is overloaded.", "")},
			{"bedrock", 500, "InternalServerException: x"}, {"bedrock", 503, "ServiceUnavailableException: x"}, {"bedrock", 424, "ModelErrorException: x"}},
		"network/config response  not_billed":                 {{"chat", 525, ``}, {"anthropic", 526, ``}},
		"caller_cancelled/ response  unknown":                 {{"gemini", 499, googleError(499, "CANCELLED", "The operation was cancelled.", "")}},
		"rate_limit/request_over_limit response F not_billed": {{"chat", 429, openAIError("tokens", "rate_limit_exceeded", "Request too large for m on tokens per min (TPM): Limit 30000, Requested 40000.")}},
	}
}

// TestVocabulary: one vocabulary for every wire. Each refusal goes through the
// wire itself, asked plainly and for a stream.
func TestVocabulary(t *testing.T) {
	t.Parallel()
	seen := make(map[eval.Class]bool)
	for want, list := range refusals() {
		seen[eval.Class(want[:strings.IndexByte(want, '/')])] = true
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			for _, r := range list {
				c, err := wires[r.wire](t, wiretest.Serve(t, refuse(r.wire, r.status, r.body)))
				if err != nil {
					t.Fatal(err)
				}
				for _, stream := range []bool{false, true} {
					f := c.Call(t.Context(), wiretest.Ask(stream)).Failure
					if d := wiretest.Decision(f); d != want || f.Status != r.status || f.Message == "" {
						t.Errorf("%s %d %s: %s (%v)", r.wire, r.status, r.body, d, f)
					}
				}
			}
		})
	}
	for _, c := range eval.Classes() {
		if !seen[c] && c != eval.ClassTruncated && c != eval.ClassUnknown && c != eval.ClassNetwork {
			t.Errorf("no wire produces %s", c)
		}
	}
}

// refuse answers as the wire's own server would.
func refuse(wire string, status int, body string) http.HandlerFunc {
	exception, message, ok := strings.Cut(body, ": ")
	if ok = ok && wire == "bedrock"; ok {
		body = fmt.Sprintf(`{"message":%q}`, message)
	}
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if ok {
			w.Header().Set("X-Amzn-Errortype", exception)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}
