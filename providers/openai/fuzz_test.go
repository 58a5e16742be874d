package openai_test

import (
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"infer/eval"
	"infer/providers/internal/wiretest"
	"infer/providers/openai"
)

// wire answers from memory, whole or a byte at a time.
type wire struct {
	kind, body string
	split      bool
}

func (w wire) RoundTrip(r *http.Request) (*http.Response, error) {
	_ = r.Body.Close()
	var body io.Reader = newBody(w.body)
	if w.split {
		body = iotest.OneByteReader(body)
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {w.kind}}, Body: io.NopCloser(body), Request: r}, nil
}

// FuzzStream: whatever a server streams, there is an answer or a failure, never
// neither; half an answer is no success; and it does not matter how the bytes
// arrive.
func FuzzStream(f *testing.F) {
	for _, name := range []string{"stream.sse", "tools.sse", "cut.sse", "error.sse", "plain.json"} {
		f.Add(wiretest.Fixture(f, name))
	}
	f.Add("data: {\"choices\":[{\"delta\":{\"content\":\"\\ud83c\"}}]}\n\ndata: [DONE]\n\n")
	f.Fuzz(func(t *testing.T, body string) {
		var got [2]eval.Response
		for i, split := range []bool{false, true} {
			c, err := openai.New(openai.Config{BaseURL: "http://127.0.0.1/v1", HTTP: &http.Client{Transport: wire{asSSE, body, split}}})
			if err != nil {
				t.Fatal(err)
			}
			got[i] = c.Call(t.Context(), ask(true))
		}
		if diff := cmp.Diff(got[0], got[1], stable, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("whole and split differ:\n%s", diff)
		}
		r := got[0]
		if r.Failure == nil && r.Text == "" && len(r.ToolCalls) == 0 {
			t.Fatalf("an empty success: %+v", r)
		}
		if r.Failure != nil && !r.Failure.Class.Valid() {
			t.Fatalf("class %q", r.Failure.Class)
		}
		if r.Usage != nil && !r.Usage.Plausible() {
			t.Fatalf("usage %+v", r.Usage)
		}
		for _, c := range r.ToolCalls {
			if !json.Valid(c.Arguments) {
				t.Fatalf("arguments %q", c.Arguments)
			}
		}
	})
}

// FuzzBatch: whatever a file of results holds, each call of ours comes to an answer
// or a failure, or the file is refused.
func FuzzBatch(f *testing.F) {
	const line = `{"custom_id":"01000000000000000000000000000000",`
	f.Add(line + `"response":{"status_code":200,"body":{"choices":[{"message":{"content":"a"},"finish_reason":"stop"}]}}}` + "\n")
	f.Add(line + `"response":{"status_code":429,"body":{"error":{"message":"slow"}}},"error":null}`)
	f.Add(line + `"response":null,"error":{"code":"batch_expired"}}`)
	f.Add("{}\n\n[]\n")
	f.Fuzz(func(t *testing.T, results string) {
		c, err := openai.New(openai.Config{Name: "o", BaseURL: "http://127.0.0.1/v1", HTTP: &http.Client{Transport: batchWire(results)}})
		if err != nil {
			t.Fatal(err)
		}
		p, failure := c.Batches().Collect(t.Context(), &eval.Batch{ID: "b"}, func(_ eval.Digest, r eval.Response) {
			if r.Failure == nil && r.Text == "" && len(r.ToolCalls) == 0 {
				t.Errorf("neither an answer nor a failure: %+v", r)
			}
		})
		if (failure == nil) != p.Ended {
			t.Errorf("ended %t with %v", p.Ended, failure)
		}
	})
}

// batchWire is a batch that has ended, with its results.
type batchWire string

func (w batchWire) RoundTrip(r *http.Request) (*http.Response, error) {
	body := string(w)
	if r.URL.Path == "/v1/batches/b" {
		body = `{"status":"completed","output_file_id":"out"}`
	}
	return &http.Response{StatusCode: http.StatusOK, Body: newBody(body), Request: r}, nil
}
