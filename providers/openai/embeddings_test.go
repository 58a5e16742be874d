package openai_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"infer/eval"
	"infer/providers"
	"infer/providers/openai"
)

func TestEmbeddings(t *testing.T) {
	t.Parallel()
	answer := ""
	var asked struct {
		Model, Input    string
		EncodingFormat  string `json:"encoding_format"`
		Dimensions      int
		Path, Authorize string
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		_ = json.Unmarshal(b, &asked)
		asked.Path, asked.Authorize = r.URL.Path, r.Header.Get("Authorization")
		w.Header().Set("Content-Type", "application/json")
		if answer == "" {
			w.WriteHeader(http.StatusInternalServerError)
		}
		_, _ = io.WriteString(w, answer)
	}))
	defer srv.Close()
	c, err := openai.NewEmbeddings(openai.Config{Name: "e", BaseURL: srv.URL + "/v1", Key: providers.NewKey("k")})
	if err != nil {
		t.Fatal(err)
	}
	req := &eval.Request{Model: "small", Messages: []eval.Message{eval.TextMessage("user", "two words")}, Params: eval.Params{"dimensions": json.RawMessage("2")}}
	answer = `{"object":"list","model":"small-1","data":[{"object":"embedding","index":0,"embedding":[0.5,-1e-3]}],"usage":{"prompt_tokens":2,"total_tokens":2}}`
	r := c.Call(context.Background(), req)
	if r.Failure != nil || r.Text != "[0.5,-0.001]" || r.Model != "small-1" || r.Usage == nil || r.Usage.InFresh != 2 || r.Usage.OutText != 0 {
		t.Errorf("%+v %v", r, r.Failure)
	}
	if asked.Path != "/v1/embeddings" || asked.Input != "two words" || asked.Model != "small" || asked.EncodingFormat != "float" || asked.Dimensions != 2 || asked.Authorize != "Bearer k" {
		t.Errorf("asked %+v", asked)
	}
	for _, bad := range []string{`{}`, `{"data":[]}`, `{"data":[{"embedding":[]}]}`, `{"data":[{"embedding":["x"]}]}`, `{"data":[{"embedding":[1]},{"embedding":[1]}]}`, `[`} {
		answer = bad
		if r := c.Call(context.Background(), req); r.Failure == nil || r.Failure.Class != eval.ClassUnavailable || r.Failure.Sub != "malformed_response" {
			t.Errorf("%s: %+v", bad, r.Failure)
		}
	}
	answer = ""
	if r := c.Call(context.Background(), req); r.Failure == nil || r.Failure.Class != eval.ClassUnavailable {
		t.Errorf("a failing server: %+v", r.Failure)
	}
}
