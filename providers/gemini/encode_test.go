package gemini_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"infer/eval"
	"infer/providers/gemini"
	"infer/providers/internal/wiretest"
)

func replace(s, old, with string) string { return strings.ReplaceAll(s, old, with) }

// sent returns the body that a request becomes; nil = it was not sent.
func sent(t *testing.T, req *eval.Request) ([]byte, eval.Response) {
	t.Helper()
	var body []byte
	base := wiretest.Serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ = io.ReadAll(r.Body)
		_, _ = io.WriteString(w, wiretest.Fixture(t, "whole.json"))
	})
	got := client(t, gemini.Config{BaseURL: base}).Call(t.Context(), req)
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

func raw(s string) json.RawMessage { return json.RawMessage(s) }

func TestParams(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ param, value, want string }{
		"cap":          {"max_completion_tokens", "9", `"generationConfig":{"maxOutputTokens":9}`},
		"stop word":    {"stop", `"END"`, `"generationConfig":{"stopSequences":["END"]}`},
		"seed":         {"seed", `7`, `"generationConfig":{"seed":7}`},
		"penalty":      {"presence_penalty", `0.5`, `"generationConfig":{"presencePenalty":0.5}`},
		"any tool":     {"tool_choice", `"required"`, `"toolConfig":{"functionCallingConfig":{"mode":"ANY"}}`},
		"no tool":      {"tool_choice", `"none"`, `"toolConfig":{"functionCallingConfig":{"mode":"NONE"}}`},
		"thinking":     {"thinkingConfig", `{"thinkingBudget":0}`, `"generationConfig":{"thinkingConfig":{"thinkingBudget":0}}`},
		"own form":     {"generationConfig", `{"topK":3}`, `"generationConfig":{"topK":3}`},
		"outside":      {"safetySettings", `[]`, `"safetySettings":[]`},
		"tier":         {"service_tier", `"flex"`, `"service_tier":"flex"`},
		"OpenAI's own": {"stream_options", `{}`, `{"contents":[{"role":"user","parts":[{"text":"Where is Florence?"}]}]}`},
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
	call := func(c eval.ToolCall) eval.Message {
		return eval.Message{Role: "assistant", ToolCalls: []eval.ToolCall{c}}
	}
	result := func(id, name, text string) eval.Message {
		m := eval.TextMessage("tool", text)
		m.ToolCallID, m.Name = id, name
		return m
	}
	f := eval.ToolCall{ID: "a", Name: "f", Arguments: raw(`{}`)}
	for name, c := range map[string]struct {
		model    string
		messages []eval.Message
		want     string
	}{
		"system turns join the system prompt": {"m", []eval.Message{eval.TextMessage("system", "A"), eval.TextMessage("user", "q"), eval.TextMessage("developer", "B")}, `"systemInstruction":{"parts":[{"text":"A\n\nB"}]}`},
		"a file by URL":                       {"m", []eval.Message{{Role: "user", Parts: []eval.Part{{Type: eval.PartFile, URL: "gs://b/f.pdf", MIME: "application/pdf"}}}}, `{"fileData":{"fileUri":"gs://b/f.pdf","mimeType":"application/pdf"}}`},
		"the model's own signature":           {"gemini-3-pro", []eval.Message{call(eval.ToolCall{Name: "f", Arguments: raw(`{}`), Signature: "Es8K"})}, `{"functionCall":{"args":{},"name":"f"},"thoughtSignature":"Es8K"}`},
		"another model's call":                {"gemini-3-pro", []eval.Message{call(f)}, `"thoughtSignature":"skip_thought_signature_validator"`},
		"an older model wants none":           {"gemini-2.5-pro", []eval.Message{call(f)}, `{"functionCall":{"args":{},"id":"a","name":"f"}}]`},
		"a result by its call's id":           {"m", []eval.Message{{Role: "assistant", ToolCalls: []eval.ToolCall{{ID: "x", Name: "g", Arguments: raw(`{}`)}, f}}, result("a", "", "1")}, `{"functionResponse":{"id":"a","name":"f","response":{"result":"1"}}}`},
		"a result by order":                   {"m", []eval.Message{call(eval.ToolCall{Name: "f", Arguments: raw(`{}`)}), result("", "", `{"n":1}`)}, `{"functionResponse":{"name":"f","response":{"n":1}}}`},
		"a result by its name":                {"m", []eval.Message{result("", "f", "1")}, `{"functionResponse":{"name":"f","response":{"result":"1"}}}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if body, got := sent(t, &eval.Request{Model: c.model, Messages: c.messages}); got.Failure != nil || !strings.Contains(string(body), c.want) {
				t.Errorf("%s, want %s in it (%v)", body, c.want, got.Failure)
			}
		})
	}
}

// TestRefusedRequests: a request that this wire cannot carry is never sent.
func TestRefusedRequests(t *testing.T) {
	t.Parallel()
	user := []eval.Message{eval.TextMessage("user", "q")}
	for name, c := range map[string]struct {
		req  eval.Request
		want string
	}{
		"params hold contents":   {eval.Request{Messages: user, Params: eval.Params{"contents": raw(`[]`)}}, "parameter/"},
		"a broken parameter":     {eval.Request{Messages: user, Params: eval.Params{"x": raw(`{`)}}, "parameter/"},
		"tools are no list":      {eval.Request{Messages: user, Tools: raw(`{}`)}, "parameter/"},
		"schema without schema":  {eval.Request{Messages: user, ResponseFormat: raw(`{"type":"json_schema"}`)}, "parameter/"},
		"role":                   {eval.Request{Messages: []eval.Message{eval.TextMessage("function", "q")}}, "parameter/"},
		"no messages":            {eval.Request{}, "user_input/content"},
		"part without data":      {eval.Request{Messages: []eval.Message{{Role: "user", Parts: []eval.Part{{Type: eval.PartImage}}}}}, "user_input/content"},
		"a result of no call":    {eval.Request{Messages: []eval.Message{eval.TextMessage("tool", "1")}}, "user_input/content"},
		"arguments are not JSON": {eval.Request{Messages: []eval.Message{{Role: "assistant", ToolCalls: []eval.ToolCall{{Name: "f", Arguments: raw(`"{oops"`)}}}}}, "parameter/"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body, got := sent(t, &c.req)
			f := got.Failure
			if body != nil || f == nil || string(f.Class)+"/"+f.Sub != c.want || f.Phase != eval.PhaseConnect || f.Billing != eval.NotBilled || f.Status != 0 {
				t.Errorf("sent %q, failure %+v", body, f)
			}
		})
	}
}
