package openai_test

import (
	"encoding/json"
	"io"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"infer/eval"
	"infer/providers/openai"
)

// sent returns the body that a request becomes.
func sent(t *testing.T, req *eval.Request) (map[string]any, eval.Response) {
	t.Helper()
	var body map[string]any
	base := handle(t, func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err == nil {
			err = json.Unmarshal(b, &body)
		}
		if err != nil {
			t.Errorf("body %q: %v", b, err)
		}
		_, _ = io.WriteString(w, plainBody)
	})
	got := client(t, openai.Config{BaseURL: base}).Call(t.Context(), req)
	return body, got
}

func TestEncode(t *testing.T) {
	t.Parallel()
	png := []byte("\x89PNG\r\n\x1a\n")
	user := func(parts ...eval.Part) []eval.Message { return []eval.Message{{Role: "user", Parts: parts}} }
	raw := func(s string) json.RawMessage { return json.RawMessage(s) }
	cases := map[string]struct {
		req  eval.Request
		want string
	}{
		"text": {eval.Request{Model: "m", Messages: []eval.Message{eval.TextMessage("user", "a \"b\" <c>\n\u2028\x01 é 🇮🇹")}},
			`{"model":"m","messages":[{"role":"user","content":"a \"b\" <c>\n\u2028\u0001 é 🇮🇹"}]}`},
		"system, params, format": {eval.Request{Model: "m", System: "S", Messages: []eval.Message{eval.TextMessage("user", "q")}, ResponseFormat: raw(`{"type":"json_object"}`),
			Params: eval.Params{"temperature": raw("0"), "max_completion_tokens": raw("10"), "reasoning": raw(`{"effort":"low"}`)}},
			`{"model":"m","messages":[{"role":"system","content":"S"},{"role":"user","content":"q"}],"response_format":{"type":"json_object"},"max_completion_tokens":10,"reasoning":{"effort":"low"},"temperature":0}`},
		"stream": {eval.Request{Model: "m", Stream: true, Messages: []eval.Message{eval.TextMessage("user", "q")}},
			`{"model":"m","messages":[{"role":"user","content":"q"}],"stream":true,"stream_options":{"include_usage":true}}`},
		"stream without options": {eval.Request{Model: "m", Stream: true, Messages: []eval.Message{eval.TextMessage("user", "q")}, Params: eval.Params{"stream_options": raw("null")}},
			`{"model":"m","messages":[{"role":"user","content":"q"}],"stream":true}`},
		"image": {eval.Request{Model: "m", Messages: user(eval.Part{Type: eval.PartText, Text: "what?"}, eval.Part{Type: eval.PartImage, Data: png, MIME: "image/webp"}, eval.Part{Type: eval.PartVideoFrame, Data: png}, eval.Part{Type: eval.PartImage, URL: "https://h/i.png"})},
			`{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"what?"},{"type":"image_url","image_url":{"url":"data:image/webp;base64,iVBORw0KGgo="}},{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgo="}},{"type":"image_url","image_url":{"url":"https://h/i.png"}}]}]}`},
		"file": {eval.Request{Model: "m", Messages: user(eval.Part{Type: eval.PartFile, Data: []byte("%PDF-1"), Path: "a/b.pdf"})},
			`{"model":"m","messages":[{"role":"user","content":[{"type":"file","file":{"filename":"b.pdf","file_data":"data:application/pdf;base64,JVBERi0x"}}]}]}`},
		"tools": {eval.Request{Model: "m", Tools: raw(`[{"type":"function"}]`), Messages: []eval.Message{eval.TextMessage("user", "q"),
			{Role: "assistant", ToolCalls: []eval.ToolCall{{ID: "a", Name: "f", Arguments: raw(`{"x":1}`)}, {ID: "b", Name: "g", Arguments: raw(`"{oops"`)}}},
			{Role: "tool", ToolCallID: "a", Parts: []eval.Part{{Type: eval.PartText, Text: "1"}}}}},
			`{"model":"m","messages":[{"role":"user","content":"q"},{"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}},{"id":"b","type":"function","function":{"name":"g","arguments":"{oops"}}]},{"role":"tool","content":"1","tool_call_id":"a"}],"tools":[{"type":"function"}]}`},
		"no tools": {eval.Request{Model: "m", Tools: raw(`[]`), ResponseFormat: raw(`null`), Messages: []eval.Message{eval.TextMessage("user", "q")}},
			`{"model":"m","messages":[{"role":"user","content":"q"}]}`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, resp := sent(t, &c.req)
			if resp.Failure != nil {
				t.Fatal(resp.Failure)
			}
			var want map[string]any
			if err := json.Unmarshal([]byte(c.want), &want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
		})
	}
}

// TestEncodeRefuses: a request that cannot be written is never sent, and is the
// caller's mistake.
func TestEncodeRefuses(t *testing.T) {
	t.Parallel()
	part := func(p eval.Part) []eval.Message { return []eval.Message{{Role: "user", Parts: []eval.Part{p}}} }
	cases := map[string]struct {
		req   eval.Request
		class eval.Class
	}{
		"params hold the model":  {eval.Request{Params: eval.Params{"model": json.RawMessage(`"x"`)}}, eval.ClassParameter},
		"params hold messages":   {eval.Request{Params: eval.Params{"messages": json.RawMessage(`[]`)}}, eval.ClassParameter},
		"params without a value": {eval.Request{Params: eval.Params{"x": nil}}, eval.ClassParameter},
		"a part without data":    {eval.Request{Messages: part(eval.Part{Type: eval.PartImage})}, eval.ClassUserInput},
		"a file by URL":          {eval.Request{Messages: part(eval.Part{Type: eval.PartFile, URL: "https://h/f"})}, eval.ClassUserInput},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body, got := sent(t, &c.req)
			if body != nil {
				t.Errorf("%v was sent", body)
			}
			f := got.Failure
			if f == nil || f.Class != c.class || f.Phase != eval.PhaseConnect || f.Billing != eval.NotBilled || f.Status != 0 || f.Retry || f.Fallback {
				t.Errorf("failure %+v", f)
			}
		})
	}
}
