package wiretest

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"infer/eval"
	"infer/providers/httpx"
)

// canned answers from memory, whole or a byte at a time.
type canned struct {
	kind, body string
	split      bool
}

// RoundTrip answers.
func (c canned) RoundTrip(r *http.Request) (*http.Response, error) {
	_ = r.Body.Close()
	var body io.Reader = strings.NewReader(c.body)
	if c.split {
		body = iotest.OneByteReader(body)
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {c.kind}}, Body: io.NopCloser(body), Request: r}, nil
}

// Fuzz feeds whatever a server may send to a wire, as a stream (in one piece and
// byte by byte) and as a whole body: there is an answer or a failure, never
// neither, and never a panic; half an answer is no success; and it does not
// matter how the bytes arrive.
func Fuzz(f *testing.F, newClient func(cfg httpx.Config) (Caller, error), seeds ...string) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		call := func(kind string, split bool) eval.Response {
			c, err := newClient(httpx.Config{BaseURL: "http://127.0.0.1/v1", HTTP: &http.Client{Transport: canned{kind, body, split}}})
			if err != nil {
				t.Fatal(err)
			}
			return c.Call(t.Context(), Ask(kind == SSE))
		}
		whole, split := call(SSE, false), call(SSE, true)
		if diff := cmp.Diff(whole, split, cmpopts.IgnoreFields(eval.Response{}, "InFlight", "TTFT"), cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("whole and split differ:\n%s", diff)
		}
		for _, r := range []eval.Response{whole, call(JSON, false)} {
			if r.Failure == nil && strings.TrimSpace(r.Text.Raw()) == "" && len(r.ToolCalls) == 0 {
				t.Fatalf("an empty success: %+v", r)
			}
			if r.Failure != nil && !r.Failure.Class.Valid() {
				t.Fatalf("class %q", r.Failure.Class)
			}
			if r.Usage != nil && (!r.Usage.Plausible() || !json.Valid(r.Usage.Raw)) {
				t.Fatalf("usage %+v, raw %q", r.Usage, r.Usage.Raw)
			}
			for _, c := range r.ToolCalls {
				if !json.Valid(c.Arguments) {
					t.Fatalf("arguments %q", c.Arguments)
				}
			}
		}
	})
}

// Bench measures one call without a network, whole and streamed.
func Bench(b *testing.B, newClient func(cfg httpx.Config) (Caller, error), whole, stream string) {
	for name, c := range map[string]canned{"whole": {JSON, whole, false}, "stream": {SSE, stream, false}} {
		b.Run(name, func(b *testing.B) {
			cl, err := newClient(httpx.Config{BaseURL: "http://127.0.0.1/v1", HTTP: &http.Client{Transport: c}})
			if err != nil {
				b.Fatal(err)
			}
			req := Ask(name == "stream")
			b.ReportAllocs()
			for b.Loop() {
				if r := cl.Call(b.Context(), req); r.Failure != nil {
					b.Fatal(r.Failure)
				}
			}
		})
	}
}
