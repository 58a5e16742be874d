package anthropic_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"infer/eval"
	"infer/providers/anthropic"
	"infer/providers/internal/wiretest"
)

// sent returns the body that a request becomes; nil = it was not sent.
func sent(t *testing.T, req *eval.Request) ([]byte, eval.Response) {
	t.Helper()
	var body []byte
	base := wiretest.Serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ = io.ReadAll(r.Body)
		_, _ = io.WriteString(w, wiretest.Fixture(t, "whole.json"))
	})
	got := client(t, anthropic.Config{BaseURL: base}).Call(t.Context(), req)
	return body, got
}

func TestRequests(t *testing.T) {
	t.Parallel()
	for name, req := range wiretest.Requests() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body, got := sent(t, &req)
			if got.Failure != nil {
				t.Fatal(got.Failure)
			}
			wiretest.Golden(t, name, body)
		})
	}
}

// TestParams: what has another name in this API is renamed, the rest passes.
func TestParams(t *testing.T) {
	t.Parallel()
	raw := func(s string) json.RawMessage { return json.RawMessage(s) }
	for name, c := range map[string]struct{ param, value, want string }{
		"cap":            {"max_completion_tokens", "9", `"max_tokens":9`},
		"stop word":      {"stop", `"END"`, `"stop_sequences":["END"]`},
		"user":           {"user", `"u-1"`, `"metadata":{"user_id":"u-1"}`},
		"any tool":       {"tool_choice", `"required"`, `"tool_choice":{"type":"any"}`},
		"no tool":        {"tool_choice", `"none"`, `"tool_choice":{"type":"none"}`},
		"own choice":     {"tool_choice", `{"type":"tool","name":"f"}`, `"tool_choice":{"name":"f","type":"tool"}`},
		"one at a time":  {"parallel_tool_calls", `false`, `"tool_choice":{"disable_parallel_tool_use":true,"type":"auto"}`},
		"thinking":       {"thinking", `{"type":"enabled","budget_tokens":2000}`, `"thinking":{"type":"enabled","budget_tokens":2000}`},
		"no cap given":   {"temperature", `1`, `"max_tokens":4096`},
		"stream options": {"stream_options", `{}`, `{"max_tokens":4096,"messages":[{"role":"user","content":[{"text":"Where is Florence?","type":"text"}]}],"model":"m-1"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req := wiretest.Ask(false)
			req.Params = eval.Params{c.param: raw(c.value)}
			if body, got := sent(t, req); got.Failure != nil || !strings.Contains(string(body), c.want) {
				t.Errorf("%s, want %s in it (%v)", body, c.want, got.Failure)
			}
		})
	}
}

func TestMessages(t *testing.T) {
	t.Parallel()
	part := func(p eval.Part) []eval.Message { return []eval.Message{{Role: "user", Parts: []eval.Part{p}}} }
	for name, c := range map[string]struct {
		messages []eval.Message
		want     string
	}{
		"system turns join the system prompt": {[]eval.Message{eval.TextMessage("system", "A"), eval.TextMessage("user", "q"), eval.TextMessage("developer", "B")}, `"system":"A\n\nB"`},
		"text file":                           {part(eval.Part{Type: eval.PartFile, Path: "a/n.csv", Data: []byte("a,b"), MIME: "text/csv"}), `{"source":{"data":"a,b","media_type":"text/plain","type":"text"},"title":"n.csv","type":"document"}`},
		"image by URL":                        {part(eval.Part{Type: eval.PartImage, URL: "https://h/i.png"}), `{"source":{"type":"url","url":"https://h/i.png"},"type":"image"}`},
		"file by URL":                         {part(eval.Part{Type: eval.PartFile, URL: "https://h/f.pdf"}), `{"source":{"type":"url","url":"https://h/f.pdf"},"type":"document"}`},
		"turns of one role join":              {[]eval.Message{eval.TextMessage("user", "a"), eval.TextMessage("user", "b")}, `"messages":[{"role":"user","content":[{"text":"a","type":"text"},{"text":"b","type":"text"}]}]`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if body, got := sent(t, &eval.Request{Model: "m", Messages: c.messages}); got.Failure != nil || !strings.Contains(string(body), c.want) {
				t.Errorf("%s, want %s in it (%v)", body, c.want, got.Failure)
			}
		})
	}
}

// TestRefusedRequests: a request that this wire cannot carry is never sent.
func TestRefusedRequests(t *testing.T) {
	t.Parallel()
	raw := func(s string) json.RawMessage { return json.RawMessage(s) }
	user := []eval.Message{eval.TextMessage("user", "q")}
	part := func(p eval.Part) []eval.Message { return []eval.Message{{Role: "user", Parts: []eval.Part{p}}} }
	for name, c := range map[string]struct {
		req  eval.Request
		want string
	}{
		"params hold the model":  {eval.Request{Messages: user, Params: eval.Params{"model": raw(`"x"`)}}, "parameter/"},
		"params without a value": {eval.Request{Messages: user, Params: eval.Params{"x": nil}}, "parameter/"},
		"tools are no list":      {eval.Request{Messages: user, Tools: raw(`{}`)}, "parameter/"},
		"any JSON":               {eval.Request{Messages: user, ResponseFormat: raw(`{"type":"json_object"}`)}, "parameter/"},
		"tool choice":            {eval.Request{Messages: user, Params: eval.Params{"tool_choice": raw(`"perhaps"`)}}, "parameter/"},
		"role":                   {eval.Request{Messages: []eval.Message{eval.TextMessage("function", "q")}}, "parameter/"},
		"no messages":            {eval.Request{}, "user_input/content"},
		"part without data":      {eval.Request{Messages: part(eval.Part{Type: eval.PartImage})}, "user_input/content"},
		"a file of another kind": {eval.Request{Messages: part(eval.Part{Type: eval.PartFile, Data: []byte("PK"), MIME: "application/zip"})}, "user_input/content"},
		"arguments are not JSON": {eval.Request{Messages: []eval.Message{{Role: "assistant", ToolCalls: []eval.ToolCall{{Name: "f", Arguments: raw(`"{oops"`)}}}}}, "parameter/"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body, got := sent(t, &c.req)
			f := got.Failure
			if body != nil || f == nil || string(f.Class)+"/"+f.Sub != c.want || f.Phase != eval.PhaseConnect || f.Billing != eval.NotBilled || f.Status != 0 || f.Retry || f.Fallback {
				t.Errorf("sent %q, failure %+v", body, f)
			}
		})
	}
}
