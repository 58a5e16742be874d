package openai_test

import (
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"infer/eval"
	"infer/providers/openai"
)

// sharedData finds the folder of real recordings, which are not part of this
// project; the test is skipped without them.
func sharedData(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("INFER_SHARED"); dir != "" {
		return filepath.Join(dir, "data", "formats")
	}
	dir, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(filepath.Dir(dir), "shared", "data", "formats")
		}
	}
	return ""
}

// recording is one exchange of a go-vcr cassette.
type recording struct {
	Request struct {
		URL string `yaml:"url"`
	} `yaml:"request"`
	Response struct {
		Body    string              `yaml:"body"`
		Headers map[string][]string `yaml:"headers"`
		Code    int                 `yaml:"code"`
	} `yaml:"response"`
}

func recordings(t *testing.T) map[string][]recording {
	t.Helper()
	root := sharedData(t)
	out := make(map[string][]recording)
	for _, folder := range []string{"fantasy-vcr", filepath.Join("envoy-ai-gateway", "cassettes")} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(path) != ".yaml" {
				return err
			}
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			var cassette struct {
				Interactions []recording `yaml:"interactions"`
			}
			if err := yaml.Unmarshal(b, &cassette); err != nil {
				return err
			}
			for _, r := range cassette.Interactions {
				if address, _, _ := strings.Cut(r.Request.URL, "?"); strings.HasSuffix(address, "/chat/completions") {
					name, _ := filepath.Rel(root, path)
					out[name] = append(out[name], r)
				}
			}
			return nil
		})
		if errors.Is(err, fs.ErrNotExist) {
			t.Skipf("no recordings in %s", folder)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// replayed answers with one recording.
func replayed(r *recording) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for k, v := range r.Response.Headers {
			if len(v) > 0 && !strings.EqualFold(k, "Content-Length") && !strings.EqualFold(k, "Content-Encoding") && !strings.EqualFold(k, "Transfer-Encoding") {
				w.Header().Set(k, v[0])
			}
		}
		w.WriteHeader(r.Response.Code)
		_, _ = w.Write([]byte(r.Response.Body))
	}
}

// TestRecorded reads what OpenAI, Azure, OpenRouter, Groq, xAI, Vercel, Z.ai,
// Hugging Face and llama.cpp really answered.
func TestRecorded(t *testing.T) {
	t.Parallel()
	all := recordings(t)
	if len(all) == 0 {
		t.Skip("no recordings of chat completions")
	}
	refused := map[string]string{"chat-bad-request": "parameter/", "chat-unknown-model": "parameter/model_missing", "chat-no-messages": "user_input/content"}
	for name, list := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for i := range list {
				r := &list[i]
				stream := strings.HasPrefix(strings.TrimSpace(r.Response.Body), "data:")
				got := client(t, openai.Config{BaseURL: handle(t, replayed(r))}).Call(t.Context(), ask(stream))
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

func checkRecorded(t *testing.T, i int, r *recording, got *eval.Response) {
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
