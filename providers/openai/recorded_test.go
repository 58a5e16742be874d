package openai_test

import (
	"path/filepath"
	"strings"
	"testing"

	"infer/eval"
	"infer/providers/internal/wiretest"
	"infer/providers/openai"
)

// TestRecorded reads what OpenAI, Azure, OpenRouter, Groq, xAI, Vercel, Z.ai,
// Hugging Face and llama.cpp really answered.
func TestRecorded(t *testing.T) {
	t.Parallel()
	all := wiretest.Recordings(t, func(address string) bool { return strings.HasSuffix(address, "/chat/completions") })
	refused := map[string]string{"chat-bad-request": "parameter/", "chat-unknown-model": "parameter/model_missing", "chat-no-messages": "user_input/content"}
	for name, list := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for i := range list {
				r := &list[i]
				got := client(t, openai.Config{BaseURL: handle(t, r.ServeHTTP)}).Call(t.Context(), ask(r.Streamed()))
				if want := refused[strings.TrimSuffix(filepath.Base(name), ".yaml")]; want != "" {
					if f := got.Failure; f == nil || string(f.Class)+"/"+f.Sub != want {
						t.Errorf("exchange %d: %v, want %s", i, got.Failure, want)
					}
					continue
				}
				checkRecorded(t, i, r, &got)
			}
		})
	}
}

func checkRecorded(t *testing.T, i int, r *wiretest.Recording, got *eval.Response) {
	t.Helper()
	body := r.Response.Body
	if f := got.Failure; f != nil {
		// The only failures among them are answers that ran out of tokens while
		// the model was thinking.
		if f.Class != eval.ClassTruncated || !strings.Contains(body, `"length"`) {
			t.Errorf("exchange %d: %v\n%s", i, f, body)
		}
		return
	}
	if got.Text == "" && len(got.ToolCalls) == 0 || got.Model == "" || got.Finish == "" || got.Finish == eval.FinishOther {
		t.Errorf("exchange %d: text %q, %d calls, model %q, finish %q", i, got.Text, len(got.ToolCalls), got.Model, got.FinishRaw)
	}
	for _, c := range got.ToolCalls {
		if c.Name == "" || c.ID == "" || c.Arguments[0] != '{' {
			t.Errorf("exchange %d: call %+v", i, c)
		}
	}
	if strings.Contains(body, `"prompt_tokens"`) != (got.Usage != nil) {
		t.Errorf("exchange %d: usage %+v", i, got.Usage)
	}
	if u := got.Usage; u != nil && (u.Input() <= 0 || u.Output() <= 0) {
		t.Errorf("exchange %d: usage %+v", i, u)
	}
	if strings.Contains(body, `"predicted_ms"`) && got.Backend == nil {
		t.Errorf("exchange %d: llama.cpp's own time is lost", i)
	}
}
