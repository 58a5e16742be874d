package providers

import (
	"strings"

	"infer/eval"
)

// row is one row of the failure table.
type row struct {
	name     string
	match    func(s Signal, text string) bool // text is type, code, message and detail in lower case
	class    eval.Class
	sub      string
	retry    bool
	once     bool
	fallback bool
	stop     bool
	billing  eval.Billing
	words    string // the message where the provider has none
	hint     string // follows the message
}

func has(text string, any ...string) bool {
	for _, a := range any {
		if strings.Contains(text, a) {
			return true
		}
	}
	return false
}

// code reports whether the failure's type or code is one of those.
func code(s Signal, any ...string) bool {
	for _, a := range any {
		if strings.EqualFold(s.Type, a) || strings.EqualFold(s.Code, a) {
			return true
		}
	}
	return false
}

func status(s Signal, any ...int) bool {
	for _, a := range any {
		if s.Status == a {
			return true
		}
	}
	return false
}

// rows is the failure table for answers that came over HTTP, most specific
// first. Status 0 stands for an error inside an answer that began with 200.
var rows = []row{
	// Money and credentials, whatever status a provider wraps them in.
	{name: "in-flight budget", class: eval.ClassRateLimit, sub: "budget", retry: true, fallback: true, billing: eval.NotBilled,
		match: func(s Signal, text string) bool { return s.Status == 402 && has(text, "in_flight_budget") }},
	{name: "quota or balance exhausted", class: eval.ClassAuthBilling, sub: "balance", stop: true, billing: eval.NotBilled,
		match: func(s Signal, text string) bool {
			return s.Status == 402 || code(s, "insufficient_quota", "billing_error", "credit_balance_exhausted", "organization_spend_limit_exceeded",
				"project_spend_limit_exceeded", "organization_usage_limit_exceeded", "billing_not_active", "billing_hard_limit_reached") ||
				status(s, 400, 403) && has(text, "credit balance is too low", "spend limit", "spending limit") ||
				status(s, 400, 403) && code(s, "FAILED_PRECONDITION") && has(text, "billing")
		}},
	{name: "key refused", class: eval.ClassAuthBilling, sub: "credentials", stop: true, billing: eval.NotBilled,
		match: func(s Signal, text string) bool {
			return s.Status == 401 || code(s, "authentication_error", "invalid_api_key", "UNAUTHENTICATED", "UnrecognizedClientException", "ExpiredTokenException") ||
				s.Status == 400 && has(text, "api_key_invalid", "api key not valid")
		}},
	{name: "moderated input", class: eval.ClassRefusal, sub: "input_blocked", billing: eval.NotBilled,
		match: func(s Signal, text string) bool {
			return code(s, "content_policy_violation", "content_filter", "moderation_blocked", "invalid_prompt", "image_content_policy_violation") ||
				status(s, 400, 403) && has(text, "moderation", "content management policy", "responsibleaipolicyviolation", "promptfeedback.blockreason")
		}},
	// One model that is not open to a key says nothing of the provider's others.
	{name: "model not open to this key", class: eval.ClassAuthBilling, sub: "model_access", billing: eval.NotBilled,
		match: func(s Signal, text string) bool {
			return forbidden(s) && has(text, "access to model", "access to the model", "model_not_available", "model access", "not allowed to access model", "access to the requested model")
		}},
	{name: "permission or region", class: eval.ClassAuthBilling, sub: "permission", stop: true, billing: eval.NotBilled,
		match: func(s Signal, _ string) bool {
			return forbidden(s) || s.Status == 400 && code(s, "FAILED_PRECONDITION")
		}},

	// The request.
	{name: "context window", class: eval.ClassUserInput, sub: "context_window", fallback: true, billing: eval.NotBilled,
		match: func(s Signal, text string) bool {
			return code(s, "context_length_exceeded", "exceed_context_size_error") ||
				status(s, 0, 400, 413, 422) && has(text, "prompt is too long", "context length", "context window", "maximum context", "context size",
					"input token count", "too many tokens", "input is too long", "exceeds the maximum number of tokens") && !has(text, "string_above_max_length")
		}},
	{name: "request larger than the rate limit", class: eval.ClassRateLimit, sub: "request_over_limit", fallback: true, billing: eval.NotBilled,
		match: func(s Signal, text string) bool {
			// A single request above the per-minute limit never fits, however long one waits.
			return (limited(s) || s.Status == 413 && code(s, "rate_limit_exceeded")) && has(text, "request too large")
		}},
	{name: "request too large", class: eval.ClassUserInput, sub: "too_large", billing: eval.NotBilled,
		match: func(s Signal, _ string) bool { return s.Status == 413 || code(s, "request_too_large") }},
	{name: "attachment or empty message", class: eval.ClassUserInput, sub: "content", billing: eval.NotBilled,
		match: func(s Signal, text string) bool {
			return status(s, 0, 400, 422) && badContent(s) ||
				status(s, 400, 422) && (code(s, "empty_array") && has(text, "messages") ||
					has(text, "could not process image", "unable to process input image", "image is not valid", "invalid image", "unsupported image", "failed to download", "unable to download",
						"failed to decode image", "must be non-empty", "at least one message", "empty content", "no content"))
		}},
	{name: "model's own tool call was malformed", class: eval.ClassInvalidOutput, sub: "tool_call", retry: true, once: true, fallback: true, billing: eval.Unbilled,
		match: func(s Signal, text string) bool {
			return status(s, 0, 400) && has(text, "failed_generation", "tool_use_failed", "json_validate_failed", "invalid tool call arguments")
		}},
	{name: "no such address", class: eval.ClassParameter, sub: "address", billing: eval.NotBilled, hint: "is base_url right? it usually ends in /v1",
		match: func(s Signal, text string) bool {
			// A 404 that does not speak of a model comes from a wrong base URL.
			return status(s, 404, 405) && s.Type == "" && s.Code == "" && !has(text, "model")
		}},
	{name: "model missing", class: eval.ClassParameter, sub: "model_missing", billing: eval.NotBilled,
		match: func(s Signal, _ string) bool {
			return s.Status == 404 || code(s, "model_not_found", "not_found_error", "NOT_FOUND", "DeploymentNotFound", "ResourceNotFoundException")
		}},

	// Limits.
	{name: "model not ready", class: eval.ClassUnavailable, sub: "not_ready", retry: true, fallback: true, billing: eval.NotBilled,
		match: func(s Signal, _ string) bool { return s.Status == 409 || code(s, "ModelNotReadyException") }},
	{name: "daily quota", class: eval.ClassRateLimit, sub: "daily", fallback: true, billing: eval.NotBilled,
		match: func(s Signal, text string) bool {
			return limited(s) && has(text, "perday", "per day", "requests per day", "tokens per day", "(tpd)", "(rpd)", "daily")
		}},
	{name: "rate limit", class: eval.ClassRateLimit, retry: true, fallback: true, billing: eval.NotBilled,
		match: func(s Signal, _ string) bool { return limited(s) }},

	// The provider.
	{name: "provider timeout", class: eval.ClassTimeout, sub: "provider", retry: true, once: true, fallback: true, billing: eval.NotBilled,
		match: func(s Signal, _ string) bool {
			return status(s, 408, 504) || code(s, "timeout_error", "DEADLINE_EXCEEDED", "ModelTimeoutException")
		}},
	{name: "TLS between gateway and provider", class: eval.ClassNetwork, sub: "config", billing: eval.NotBilled,
		match: func(s Signal, _ string) bool { return status(s, 525, 526) }},
	{name: "cancelled", class: eval.ClassCancelled, billing: eval.Unbilled,
		match: func(s Signal, _ string) bool { return s.Status == 499 || code(s, "CANCELLED") }},
	{name: "provider down or overloaded", class: eval.ClassUnavailable, retry: true, fallback: true, billing: eval.NotBilled,
		match: func(s Signal, _ string) bool {
			return s.Status >= 500 || s.Status == 424 || code(s, "api_error", "server_error", "overloaded_error", "server_is_overloaded", "INTERNAL", "UNAVAILABLE",
				"InternalServerException", "ServiceUnavailableException", "ModelErrorException", "ModelStreamErrorException", "internal_server_error", "overloaded")
		}},

	// Whatever else the request was refused for: a mistake in the configuration,
	// which a fallback would hide.
	{name: "parameter", class: eval.ClassParameter, billing: eval.NotBilled,
		match: func(s Signal, _ string) bool {
			return s.Status >= 400 || code(s, "invalid_request_error", "INVALID_ARGUMENT", "ValidationException", "unsupported_parameter", "invalid_value")
		}},
	{name: "redirect", class: eval.ClassParameter, sub: "redirect", billing: eval.NotBilled,
		match: func(s Signal, _ string) bool { return s.Status >= 300 }},
	{name: "error inside an answer", class: eval.ClassUnavailable, sub: "in_stream", retry: true, fallback: true, billing: eval.Unbilled,
		match: func(s Signal, text string) bool { return s.Status == 0 && strings.TrimSpace(text) != "" }},
}

func badContent(s Signal) bool {
	return code(s, "invalid_content", "invalid_image", "image_parse_error", "invalid_image_url", "invalid_base64_image", "empty_message",
		"invalid_image_format", "invalid_image_mode", "image_too_large", "image_too_small", "image_file_too_large", "image_file_not_found",
		"empty_image_file", "unsupported_image_media_type", "failed_to_download_image")
}

func forbidden(s Signal) bool {
	return s.Status == 403 || code(s, "permission_error", "PERMISSION_DENIED", "AccessDeniedException")
}

func limited(s Signal) bool {
	return s.Status == 429 || s.Status < 500 && code(s, "rate_limit_exceeded", "rate_limit_error", "slow_down", "RESOURCE_EXHAUSTED", "ThrottlingException", "ServiceQuotaExceededException") ||
		s.Status == 0 && code(s, "tokens", "requests") // OpenAI's types of a rate limit
}

// Output is the failure of an answer that came whole but is none: refused,
// filtered, cut at its cap with nothing in it, empty or malformed. Its tokens
// are billed as usual.
func Output(class eval.Class, sub, words string) *eval.Failure {
	f := &eval.Failure{Class: class, Sub: sub, Phase: eval.PhaseResponse, Status: 200, Message: eval.Untrusted(words), Billing: eval.Billed}
	if class == eval.ClassInvalidOutput {
		f.Retry, f.RetryOnce, f.Fallback = true, true, true
	}
	return f
}
