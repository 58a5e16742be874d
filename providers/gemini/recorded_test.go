package gemini_test

import (
	"bufio"
	"encoding/json"
	"strings"
	"testing"

	"infer/providers/gemini"
	"infer/providers/internal/wiretest"
)

// TestRecorded reads what the Gemini API and Vertex AI really answered, and
// compares it with what the bytes say.
func TestRecorded(t *testing.T) {
	t.Parallel()
	all := wiretest.Recordings(t, func(address string) bool {
		return strings.HasSuffix(address, ":generateContent") || strings.HasSuffix(address, ":streamGenerateContent")
	})
	for name, list := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for i := range list {
				r := &list[i]
				got := client(t, gemini.Config{BaseURL: wiretest.Serve(t, r.ServeHTTP)}).Call(t.Context(), wiretest.Ask(r.Streamed()))
				if got.Failure != nil {
					t.Errorf("exchange %d: %v", i, got.Failure)
					continue
				}
				want := tell(t, r)
				calls := make([]string, 0, len(got.ToolCalls))
				for _, c := range got.ToolCalls {
					calls = append(calls, c.ID+" "+c.Name+" "+canonical(t, c.Arguments))
				}
				if got.Text.Raw() != want.text || strings.Join(calls, "\n") != strings.Join(want.calls, "\n") || got.FinishRaw != want.finish || got.Model != want.model {
					t.Errorf("exchange %d: text %q, calls %q, finish %q, model %q; want %+v", i, got.Text, calls, got.FinishRaw, got.Model, want)
				}
				u := got.Usage
				if u == nil || u.Input() != want.usage["promptTokenCount"] || u.InCacheRead != want.usage["cachedContentTokenCount"] || u.OutText != want.usage["candidatesTokenCount"] ||
					u.OutReasoning != want.usage["thoughtsTokenCount"] || u.Input()+u.Output() != want.usage["totalTokenCount"] {
					t.Errorf("exchange %d: usage %+v, want %v", i, u, want.usage)
				}
			}
		})
	}
}

// told is what the bytes of a recording say, read without this package.
type told struct {
	text, finish, model string
	calls               []string
	usage               map[string]int64
}

func tell(t *testing.T, r *wiretest.Recording) told {
	t.Helper()
	var out told
	pieces := []string{r.Response.Body}
	if r.Streamed() {
		pieces = nil
		sc := bufio.NewScanner(strings.NewReader(r.Response.Body))
		sc.Buffer(nil, 1<<20)
		for sc.Scan() {
			if data, ok := strings.CutPrefix(sc.Text(), "data:"); ok {
				pieces = append(pieces, data)
			}
		}
	}
	for _, p := range pieces {
		var v struct {
			Candidates []struct {
				Content struct {
					Parts []struct {
						Text         string `json:"text"`
						Thought      bool   `json:"thought"`
						FunctionCall *struct {
							ID   string          `json:"id"`
							Name string          `json:"name"`
							Args json.RawMessage `json:"args"`
						} `json:"functionCall"`
					} `json:"parts"`
				} `json:"content"`
				FinishReason string `json:"finishReason"`
			} `json:"candidates"`
			Usage map[string]json.RawMessage `json:"usageMetadata"`
			Model string                     `json:"modelVersion"`
		}
		if err := json.Unmarshal([]byte(p), &v); err != nil {
			t.Fatal(err)
		}
		out.model, out.usage = v.Model, make(map[string]int64)
		for name, raw := range v.Usage {
			var n int64
			if json.Unmarshal(raw, &n) == nil {
				out.usage[name] = n
			}
		}
		for _, c := range v.Candidates {
			out.finish += c.FinishReason
			for _, part := range c.Content.Parts {
				if !part.Thought {
					out.text += part.Text
				}
				if f := part.FunctionCall; f != nil {
					out.calls = append(out.calls, f.ID+" "+f.Name+" "+canonical(t, f.Args))
				}
			}
		}
	}
	return out
}

func canonical(t *testing.T, b []byte) string {
	t.Helper()
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatalf("%q: %v", b, err)
	}
	c, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(c)
}
