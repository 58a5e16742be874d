package openai_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"infer/eval"
	"infer/providers"
	"infer/providers/internal/wiretest"
	"infer/providers/openai"
)

// batchServer answers what is asked about one batch: its state and its files.
func batchServer(t *testing.T, state string, files map[string]string) (*openai.Client, *[]string) {
	t.Helper()
	var asked []string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		asked = append(asked, r.Method+" "+r.URL.RequestURI()+" "+string(b))
		for id, content := range files {
			if r.URL.Path == "/v1/files/"+id+"/content" {
				_, _ = io.WriteString(w, content)
				return
			}
		}
		_, _ = io.WriteString(w, state)
	}))
	t.Cleanup(srv.Close)
	c, err := openai.New(openai.Config{Name: "o", BaseURL: srv.URL + "/v1", Key: providers.NewKey("sk-secret-secret")})
	if err != nil {
		t.Fatal(err)
	}
	return c, &asked
}

func TestBatchSubmit(t *testing.T) {
	t.Parallel()
	c, asked := batchServer(t, `{"id":"file-or-batch"}`, nil)
	calls := []eval.BatchCall{
		{Key: eval.Digest{1}, Request: &eval.Request{Model: "m", Stream: true, Messages: []eval.Message{eval.TextMessage("user", "hello")}}},
		{Key: eval.Digest{2}, Request: &eval.Request{Model: "m", Params: eval.Params{"model": json.RawMessage(`"x"`)}}},
	}
	id, f := c.Batches().Submit(t.Context(), &eval.Batch{Key: "ours"}, calls)
	if f != nil || id != "file-or-batch" {
		t.Fatal(id, f)
	}
	if calls[0].Failure != nil || calls[1].Failure == nil || calls[1].Failure.Class != eval.ClassParameter {
		t.Errorf("failures %v and %v", calls[0].Failure, calls[1].Failure)
	}
	if len(*asked) != 2 || !strings.Contains((*asked)[0], `{"custom_id":"01000000000000000000000000000000","method":"POST","url":"/v1/chat/completions","body":{"model":"m","messages":[{"role":"user","content":"hello"}]}}`+"\n") ||
		strings.Count((*asked)[0], "custom_id") != 1 {
		t.Errorf("uploaded: %q", *asked)
	}
	if want := `POST /v1/batches {"completion_window":"24h","endpoint":"/v1/chat/completions","input_file_id":"file-or-batch","metadata":{"infer_batch":"ours"}}`; (*asked)[1] != want {
		t.Errorf("asked %q, want %q", (*asked)[1], want)
	}
}

func TestBatchFind(t *testing.T) {
	t.Parallel()
	c, asked := batchServer(t, `{"data":[{"id":"b1","metadata":null},{"id":"b2","metadata":{"infer_batch":"ours"}}],"has_more":true}`, nil)
	for _, tc := range [][2]string{{"ours", "b2"}, {"another", ""}} {
		if id, f := c.Batches().Find(t.Context(), &eval.Batch{Key: tc[0]}); f != nil || id != tc[1] {
			t.Errorf("%s: %q, %v; want %q", tc[0], id, f, tc[1])
		}
	}
	if last := (*asked)[len(*asked)-1]; len(*asked) < 3 || last != "GET /v1/batches?after=b2&limit=100 " {
		t.Errorf("%d pages, the last %q", len(*asked), last)
	}
}

func TestBatchCollect(t *testing.T) {
	t.Parallel()
	const counts = `"request_counts":{"total":4,"completed":2,"failed":1}`
	key := func(n byte) string { return (eval.Digest{n}).String() }
	out := strings.Join([]string{
		`{"id":"x","custom_id":"` + key(1) + `","response":{"status_code":200,"request_id":"req_1","body":{"model":"m-2","service_tier":"default","choices":[{"index":0,"message":{"role":"assistant","content":"sk-secret-secret four"},"finish_reason":"stop"}],"usage":{"prompt_tokens":24,"completion_tokens":15}}},"error":null}`,
		`{"id":"x","custom_id":"` + key(2) + `","response":{"status_code":200,"request_id":"req_2","body":{"model":"m-2","choices":[{"index":0,"message":{"role":"assistant","content":"half"},"finish_reason":"length"}],"usage":{"prompt_tokens":24,"completion_tokens":15}}},"error":null}`,
		``, `{"id":"x","custom_id":"somebody-else","response":null,"error":null}`, ``}, "\n")
	failed := strings.Join([]string{
		`{"id":"x","custom_id":"` + key(3) + `","response":{"status_code":400,"request_id":"req_3","body":{"error":{"message":"maximum context length","type":"invalid_request_error","code":"context_length_exceeded"}}},"error":null}`,
		`{"id":"x","custom_id":"` + key(4) + `","response":null,"error":{"code":"batch_expired","message":"This request could not be executed before the completion window expired."}}`}, "\n")
	batch := &eval.Batch{ID: "b/1", Calls: []eval.Digest{{1}, {2}, {3}, {4}}}
	for _, tc := range []struct {
		name, state string
		ended       bool
		want        map[byte]string
	}{
		{"under way", `{"status":"in_progress",` + counts + `}`, false, map[byte]string{}},
		{"completed", `{"status":"completed","output_file_id":"out","error_file_id":"err",` + counts + `}`, true, map[byte]string{
			1: "[redacted] four stop req_1 billed at batch", 2: "half length req_2 billed at batch",
			3: "user_input/context_window not_billed", 4: "provider_unavailable/batch_expired R not_billed"}},
		{"expired, with a part", `{"status":"expired","output_file_id":"out",` + counts + `}`, true, map[byte]string{
			1: "[redacted] four stop req_1 billed at batch", 2: "half length req_2 billed at batch"}},
		{"refused", `{"status":"failed","errors":{"data":[{"code":"model_not_found","message":"no such model"}]}}`, true, map[byte]string{
			1: "parameter/model_missing not_billed", 2: "parameter/model_missing not_billed", 3: "parameter/model_missing not_billed", 4: "parameter/model_missing not_billed"}},
		{"too much waits", `{"status":"failed","errors":{"data":[{"code":"token_limit_exceeded","message":"Enqueued token limit reached"}]}}`, true, map[byte]string{
			1: "rate_limit/ R not_billed", 2: "rate_limit/ R not_billed", 3: "rate_limit/ R not_billed", 4: "rate_limit/ R not_billed"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c, asked := batchServer(t, tc.state, map[string]string{"out": out, "err": failed})
			got := make(map[byte]string)
			p, f := c.Batches().Collect(t.Context(), batch, func(key eval.Digest, r eval.Response) { got[key[0]] = outcomeOf(&r) })
			if f != nil || p.Ended != tc.ended {
				t.Fatalf("%+v, %v", p, f)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if (*asked)[0] != "GET /v1/batches/b%2F1 " {
				t.Errorf("asked %q", (*asked)[0])
			}
		})
	}
	c, _ := batchServer(t, `{"status":"completed","output_file_id":"out"}`, map[string]string{"out": "{]\n"})
	if _, f := c.Batches().Collect(t.Context(), batch, func(eval.Digest, eval.Response) {}); f == nil || f.Sub != "malformed_response" || !f.Retry {
		t.Errorf("results that are no JSON: %v", f)
	}
}

// outcomeOf says in a word what came of a call.
func outcomeOf(r *eval.Response) string {
	if f := r.Failure; f != nil {
		s := string(f.Class) + "/" + f.Sub
		if f.Retry {
			s += " R"
		}
		return s + " " + string(f.Billing)
	}
	return fmt.Sprintf("%s %s %s billed at %s", r.Text.Raw(), r.Finish, r.RequestID, r.Usage.Tier)
}

// TestBatchOutputRecorded reads a line of results as the provider documents it.
func TestBatchOutputRecorded(t *testing.T) {
	t.Parallel()
	b := wiretest.Format(t, "openai-batch/batch_output_openapi_example.jsonl")
	line := strings.Replace(string(b), `"request-2"`, `"`+(eval.Digest{7}).String()+`"`, 1)
	c, _ := batchServer(t, `{"status":"completed","output_file_id":"out"}`, map[string]string{"out": line})
	got := ""
	if _, f := c.Batches().Collect(t.Context(), &eval.Batch{ID: "b"}, func(_ eval.Digest, r eval.Response) {
		got = outcomeOf(&r) + fmt.Sprintf(" %d %d %s", r.Usage.InFresh, r.Usage.OutText, r.Model)
	}); f != nil || got != "2 + 2 equals 4. stop req_c187b3 billed at batch 24 15 gpt-4o-mini" {
		t.Errorf("%q, %v", got, f)
	}
}
