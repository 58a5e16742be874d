package simulate

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// refused answers with the error that the fault names.
func refused(w http.ResponseWriter, fault string) bool {
	switch fault {
	case "429":
		w.Header().Set("Retry-After", "1")
		writeError(w, 429, "rate_limit_error", "rate_limit_exceeded", "too many requests")
	case "401":
		writeError(w, 401, "invalid_request_error", "invalid_api_key", "the key is not valid")
	case "402":
		writeError(w, 402, "insufficient_quota", "insufficient_quota", "the balance is exhausted")
	case "400":
		writeError(w, 400, "invalid_request_error", "invalid_value", "a parameter is not valid")
	case "context":
		writeError(w, 400, "invalid_request_error", "context_length_exceeded", "the context window is exceeded")
	case "500", "503", "529":
		status, err := strconv.Atoi(fault)
		if err != nil {
			status = 500
		}
		writeError(w, status, "server_error", "", "the server had an error")
	default:
		return false
	}
	return true
}

// final is the answer's text and finish reason.
func (d *draw) final() (text, finish string) {
	switch d.fault {
	case "filter":
		return "", "content_filter"
	case "refusal":
		return "", "refusal"
	case "length":
		return "", "length"
	case "empty":
		return "", "stop"
	}
	return d.answer, "stop"
}

func usageOf(d *draw) map[string]int64 {
	return map[string]int64{"prompt_tokens": d.in, "completion_tokens": d.out, "total_tokens": d.in + d.out}
}

func completion(model, text, finish string, d *draw) map[string]any {
	return map[string]any{"object": "chat.completion", "model": model, "usage": usageOf(d),
		"choices": []any{map[string]any{"index": 0, "finish_reason": finish, "message": map[string]any{"role": "assistant", "content": text}}}}
}

// stream writes the answer word by word.
func stream(w http.ResponseWriter, r *http.Request, req *chatRequest, d draw, tokenTime time.Duration) {
	w.Header().Set("Content-Type", "text/event-stream")
	flush := func() {
		if f, ok := w.(http.Flusher); ok {
			f.Flush()
		}
	}
	send := func(v any) {
		b, err := json.Marshal(v)
		if err == nil {
			_, _ = fmt.Fprintf(w, "data: %s\n\n", b)
			flush()
		}
	}
	piece := func(delta map[string]any, finish any) map[string]any {
		return map[string]any{"object": "chat.completion.chunk", "model": req.Model,
			"choices": []any{map[string]any{"index": 0, "delta": delta, "finish_reason": finish}}}
	}
	text, finish := d.final()
	send(piece(map[string]any{"role": "assistant", "content": ""}, nil))
	words := strings.SplitAfter(text, " ")
	for i, word := range words {
		if d.fault == "cut" && i >= len(words)/2 {
			return
		}
		if word != "" {
			send(piece(map[string]any{"content": word}, nil))
		}
		if !pause(r, tokenTime*time.Duration(tokens(word))) {
			return
		}
	}
	if d.fault == "cut" {
		return
	}
	send(piece(map[string]any{}, finish))
	if req.StreamOptions.IncludeUsage {
		send(map[string]any{"object": "chat.completion.chunk", "model": req.Model, "choices": []any{}, "usage": usageOf(&d)})
	}
	_, _ = fmt.Fprint(w, "data: [DONE]\n\n")
	flush()
}

func textOf(content json.RawMessage) string {
	var s string
	if json.Unmarshal(content, &s) == nil {
		return s
	}
	var parts []struct {
		Text string `json:"text"`
	}
	if json.Unmarshal(content, &parts) != nil {
		return ""
	}
	var b strings.Builder
	for _, p := range parts {
		b.WriteString(p.Text)
	}
	return b.String()
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func writeError(w http.ResponseWriter, status int, kind, code, message string) {
	writeJSON(w, status, map[string]any{"error": map[string]any{"message": message, "type": kind, "code": code}})
}
