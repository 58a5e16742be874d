package bedrock_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"infer/eval"
	"infer/providers/bedrock"
	"infer/providers/internal/wiretest"
)

// sent returns the address and the body that a request becomes.
func sent(t *testing.T, req *eval.Request) (string, []byte, eval.Response) {
	t.Helper()
	var asked string
	var body []byte
	base := wiretest.Serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.EscapedPath()
		body, _ = io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, whole)
	})
	got := client(t, bedrock.Config{BaseURL: base}).Call(t.Context(), req)
	return asked, body, got
}

func TestRequests(t *testing.T) {
	t.Parallel()
	for name, req := range wiretest.Requests() {
		delete(req.Params, "parallel_tool_calls") // a model's own parameter here
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked, body, _ := sent(t, &req)
			if want := "/model/m-1/converse"; asked != want && asked != want+"-stream" {
				t.Errorf("asked %s", asked)
			}
			wiretest.Golden(t, name, sorted(t, body))
		})
	}
}

// sorted writes JSON with its keys in order: the SDK does not.
func sorted(t *testing.T, b []byte) []byte {
	t.Helper()
	return []byte(canonical(t, b))
}

func raw(s string) json.RawMessage { return json.RawMessage(s) }

func TestParams(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ param, value, want string }{
		"cap":       {"max_completion_tokens", "9", `"inferenceConfig":{"maxTokens":9}`},
		"zero":      {"temperature", "0", `"inferenceConfig":{"temperature":0}`},
		"stop word": {"stop", `"END"`, `"inferenceConfig":{"stopSequences":["END"]}`},
		"the model": {"thinking", `{"type":"enabled","budget_tokens":2000,"on":false,"none":null,"empty":{}}`, `"additionalModelRequestFields":{"thinking":{"budget_tokens":2000,"empty":{},"none":null,"on":false,"type":"enabled"}}`},
		"tier":      {"service_tier", `"flex"`, `"serviceTier":{"type":"flex"}`},
		"guardrail": {"guardrailConfig", `{"guardrailIdentifier":"g","guardrailVersion":"1"}`, `"guardrailConfig":{"guardrailIdentifier":"g","guardrailVersion":"1"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req := wiretest.Ask(false)
			req.Params = eval.Params{c.param: raw(c.value)}
			_, body, got := sent(t, req)
			if got.Failure != nil || !strings.Contains(string(sorted(t, body)), c.want) {
				t.Errorf("%s, want %s in it (%v)", body, c.want, got.Failure)
			}
		})
	}
}

// TestModelNames: profiles and ARNs hold characters that an address must not.
func TestModelNames(t *testing.T) {
	t.Parallel()
	req := wiretest.Ask(false)
	req.Model = "arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-haiku-4-5-20251001-v1:0"
	asked, _, got := sent(t, req)
	if got.Failure != nil || asked != "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fus.anthropic.claude-haiku-4-5-20251001-v1%3A0/converse" {
		t.Errorf("asked %s: %v", asked, got.Failure)
	}
}

// TestRefusedRequests: a request that this wire cannot carry is never sent.
func TestRefusedRequests(t *testing.T) {
	t.Parallel()
	user := []eval.Message{eval.TextMessage("user", "q")}
	part := func(p eval.Part) []eval.Message { return []eval.Message{{Role: "user", Parts: []eval.Part{p}}} }
	for name, c := range map[string]struct {
		req  eval.Request
		want string
	}{
		"params hold messages":   {eval.Request{Messages: user, Params: eval.Params{"messages": raw(`[]`)}}, "parameter/"},
		"cap is no number":       {eval.Request{Messages: user, Params: eval.Params{"max_tokens": raw(`"x"`)}}, "parameter/"},
		"a provider's own tool":  {eval.Request{Messages: user, Tools: raw(`[{"type":"web_search"}]`)}, "parameter/"},
		"a choice without tools": {eval.Request{Messages: user, Params: eval.Params{"tool_choice": raw(`"auto"`)}}, "parameter/"},
		"any JSON":               {eval.Request{Messages: user, ResponseFormat: raw(`{"type":"json_object"}`)}, "parameter/"},
		"role":                   {eval.Request{Messages: []eval.Message{eval.TextMessage("function", "q")}}, "parameter/"},
		"no messages":            {eval.Request{}, "user_input/content"},
		"image by URL":           {eval.Request{Messages: part(eval.Part{Type: eval.PartImage, URL: "https://h/i.png"})}, "user_input/content"},
		"a picture that is none": {eval.Request{Messages: part(eval.Part{Type: eval.PartImage, Data: []byte("x"), MIME: "text/plain"})}, "user_input/content"},
		"a file of another kind": {eval.Request{Messages: part(eval.Part{Type: eval.PartFile, Data: []byte("PK"), MIME: "application/zip"})}, "user_input/content"},
		"arguments are not JSON": {eval.Request{Messages: []eval.Message{{Role: "assistant", ToolCalls: []eval.ToolCall{{Name: "f", Arguments: raw(`"{oops"`)}}}}}, "parameter/"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, body, got := sent(t, &c.req)
			f := got.Failure
			if body != nil || f == nil || string(f.Class)+"/"+f.Sub != c.want || f.Phase != eval.PhaseConnect || f.Billing != eval.NotBilled || f.Status != 0 {
				t.Errorf("sent %q, failure %+v", body, f)
			}
		})
	}
}

// TestFileFormats: the wire has names of its own for files, and allows few
// characters in theirs.
func TestFileFormats(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		part eval.Part
		want string
	}{
		"markdown":  {eval.Part{Type: eval.PartFile, Path: "a/Notes, 3.md", Data: []byte("# x"), MIME: "text/plain"}, `"format":"md","name":"Notes- 3"`},
		"no name":   {eval.Part{Type: eval.PartFile, Data: []byte("x"), MIME: "text/csv"}, `"format":"csv","name":"attachment"`},
		"no letter": {eval.Part{Type: eval.PartFile, Path: "été.docx", Data: []byte("PK"), MIME: "application/zip"}, `"format":"docx","name":"-t-"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, body, got := sent(t, &eval.Request{Model: "m", Messages: []eval.Message{{Role: "user", Parts: []eval.Part{c.part}}}})
			if got.Failure != nil || !strings.Contains(string(sorted(t, body)), c.want) {
				t.Errorf("%s, want %s in it (%v)", body, c.want, got.Failure)
			}
		})
	}
}
