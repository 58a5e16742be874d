package providers

import (
	"bytes"
	"encoding/json"
	"strings"

	"infer/eval"
)

// FinishOf normalises a finish reason. It knows the words of every wire, since
// relays pass on those of the model behind them.
func FinishOf(raw string) eval.FinishReason {
	switch raw = strings.TrimPrefix(raw, "incomplete:"); raw {
	case "":
		return ""
	case "stop", "STOP", "eos", "end_turn", "stop_sequence", "COMPLETE", "completed":
		return eval.FinishStop
	case "length", "max_tokens", "MAX_TOKENS", "model_length", "model_context_window_exceeded", "max_output_tokens":
		return eval.FinishLength
	case "tool_calls", "function_call", "tool_use":
		return eval.FinishToolCalls
	case "content_filter", "content_filtered", "guardrail_intervened", "safety", "SAFETY", "PROHIBITED_CONTENT", "BLOCKLIST", "SPII", "RECITATION",
		"IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION":
		return eval.FinishFilter
	case "refusal":
		return eval.FinishRefusal
	}
	return eval.FinishOther
}

// Judge turns an answer that came whole but is none into a failure: one that was
// refused, filtered, cut at its cap with nothing in it, empty or malformed. An
// answer that was cut but holds text stays an answer: graders judge it, and its
// finish reason says why it is short. A failure that the wire has found stays.
func Judge(r *eval.Response) {
	if r.Failure != nil {
		return
	}
	empty := strings.TrimSpace(r.Text.Raw()) == "" && len(r.ToolCalls) == 0
	switch {
	case r.Refusal != "" || r.Finish == eval.FinishRefusal:
		r.Failure = Output(eval.ClassRefusal, "refusal", "the model refused")
	case r.Finish == eval.FinishFilter:
		r.Failure = Output(eval.ClassRefusal, "output_blocked", "a content filter stopped the answer")
	case r.FinishRaw == "error":
		r.Failure = Output(eval.ClassUnavailable, "finish_error", "the provider ended the answer with an error")
		r.Failure.Retry, r.Failure.Fallback, r.Failure.Billing = true, true, eval.Unbilled
	case malformedCall(r.FinishRaw):
		r.Failure = Output(eval.ClassInvalidOutput, "tool_call", "the model's tool call was malformed")
	case r.Finish == eval.FinishLength && (empty || cutCall(r)):
		r.Failure = Output(eval.ClassTruncated, "no_output", "the token cap was reached before any answer")
	case empty:
		r.Failure = Output(eval.ClassInvalidOutput, "empty", "the answer is empty")
	}
}

func malformedCall(raw string) bool {
	switch raw {
	case "MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS", "MALFORMED_RESPONSE", "malformed_tool_use", "malformed_model_output":
		return true
	}
	return false
}

// cutCall reports whether an answer without text ends in half a tool call.
func cutCall(r *eval.Response) bool {
	n := len(r.ToolCalls)
	return n > 0 && r.Text == "" && r.ToolCalls[n-1].Arguments[0] == '"'
}

// Arguments are a tool call's arguments as they are kept: the JSON that the
// model wrote, {} where it wrote nothing, and a JSON string where it is not JSON.
func Arguments(written []byte) json.RawMessage {
	switch written = bytes.TrimSpace(written); {
	case len(written) == 0:
		return json.RawMessage("{}") // a tool without parameters
	case json.Valid(written):
		return written
	}
	q, err := json.Marshal(string(written))
	if err != nil {
		return json.RawMessage(`""`) // a string always encodes
	}
	return q
}

// Given reports whether an optional JSON value is there: not missing, null or an
// empty list.
func Given(b json.RawMessage) bool {
	return len(b) > 0 && string(b) != "null" && string(b) != "[]"
}
