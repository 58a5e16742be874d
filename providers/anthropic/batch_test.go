package anthropic_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"infer/eval"
	"infer/providers"
	"infer/providers/anthropic"
)

func batchServer(t *testing.T, state, results string) (*anthropic.Client, *[]string) {
	t.Helper()
	var asked []string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		asked = append(asked, r.Method+" "+r.URL.RequestURI()+" "+string(b))
		if strings.HasSuffix(r.URL.Path, "/results") {
			_, _ = io.WriteString(w, results)
			return
		}
		_, _ = io.WriteString(w, state)
	}))
	t.Cleanup(srv.Close)
	c, err := anthropic.New(anthropic.Config{Name: "a", BaseURL: srv.URL, Key: providers.NewKey("sk-ant-secret")})
	if err != nil {
		t.Fatal(err)
	}
	return c, &asked
}

func TestBatchSubmit(t *testing.T) {
	t.Parallel()
	c, asked := batchServer(t, `{"id":"msgbatch_1","processing_status":"in_progress"}`, "")
	calls := []eval.BatchCall{
		{Key: eval.Digest{1}, Request: &eval.Request{Model: "m", System: "Be brief.", Stream: true, Messages: []eval.Message{eval.TextMessage("user", "hello")}}},
		{Key: eval.Digest{2}, Request: &eval.Request{Model: "m", Tools: []byte(`"none"`)}},
	}
	id, f := c.Batches().Submit(t.Context(), new(eval.Batch), calls)
	if f != nil || id != "msgbatch_1" || calls[0].Failure != nil || calls[1].Failure == nil {
		t.Fatal(id, f, calls[0].Failure, calls[1].Failure)
	}
	want := `POST /v1/messages/batches {"requests":[{"custom_id":"01000000000000000000000000000000","params":{"max_tokens":4096,"messages":[{"role":"user","content":[{"text":"hello","type":"text"}]}],"model":"m","system":"Be brief."}}]}`
	if (*asked)[0] != want {
		t.Errorf("asked %s\nwant  %s", (*asked)[0], want)
	}
	if id, f := c.Batches().Submit(t.Context(), new(eval.Batch), calls[1:]); id != "" || f != nil || len(*asked) != 1 {
		t.Errorf("a batch without a call: %q, %v, %d requests", id, f, len(*asked))
	}
}

func TestBatchFind(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 5, 1, 10, 0, 0, 0, time.UTC)
	one := func(id string, after time.Duration, n int) string {
		return fmt.Sprintf(`{"id":"%s","created_at":"%s","request_counts":{"processing":1,"succeeded":%d}}`, id, at.Add(after).Format(time.RFC3339), n-1)
	}
	for name, tc := range map[string]struct {
		list []string
		want string
	}{
		"it":                     {[]string{one("other", time.Second, 3), one("old", -time.Hour, 2), one("it", time.Second, 2)}, "it"},
		"two that may be it":     {[]string{one("a", time.Second, 2), one("b", time.Second, 2)}, ""},
		"none":                   {nil, ""},
		"one that came too late": {[]string{one("late", time.Hour, 2)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, _ := batchServer(t, `{"data":[`+strings.Join(tc.list, ",")+`],"has_more":false}`, "")
			if id, f := c.Batches().Find(t.Context(), &eval.Batch{SentAt: at, Calls: make([]eval.Digest, 2)}); f != nil || id != tc.want {
				t.Errorf("%q, %v; want %q", id, f, tc.want)
			}
		})
	}
}

func TestBatchCollect(t *testing.T) {
	t.Parallel()
	line := func(n byte, result string) string {
		return `{"custom_id":"` + (eval.Digest{n}).String() + `","result":` + result + `}`
	}
	results := strings.Join([]string{
		line(1, `{"type":"succeeded","message":{"id":"msg_1","type":"message","role":"assistant","model":"m-2","content":[{"type":"text","text":"four"}],"stop_reason":"end_turn","usage":{"input_tokens":11,"cache_read_input_tokens":5,"output_tokens":36,"service_tier":"batch"}}}`),
		line(2, `{"type":"errored","error":{"type":"error","error":{"type":"invalid_request_error","message":"max_tokens: too large"}}}`),
		line(3, `{"type":"errored","error":{"type":"error","error":{"type":"api_error","message":"Internal server error"}}}`),
		line(4, `{"type":"expired"}`), line(5, `{"type":"canceled"}`)}, "\n") + "\n"
	batch := &eval.Batch{ID: "msgbatch_1", Calls: []eval.Digest{{1}, {2}, {3}, {4}, {5}}}
	c, asked := batchServer(t, `{"processing_status":"ended","results_url":"https://elsewhere.example/results","request_counts":{"succeeded":1,"errored":2,"expired":1,"canceled":1}}`, results)
	got := make(map[byte]string)
	p, f := c.Batches().Collect(t.Context(), batch, func(key eval.Digest, r eval.Response) {
		if f := r.Failure; f != nil {
			got[key[0]] = fmt.Sprintf("%s/%s %t %s", f.Class, f.Sub, f.Retry, f.Billing)
			return
		}
		got[key[0]] = fmt.Sprintf("%s %s %s %d+%d→%d at %s", r.Text.Raw(), r.Finish, r.Model, r.Usage.InFresh, r.Usage.InCacheRead, r.Usage.OutText, r.Usage.Tier)
	})
	if f != nil || !p.Ended || p.Done != 5 || p.Last != 5 {
		t.Fatalf("%+v, %v", p, f)
	}
	want := map[byte]string{1: "four stop m-2 11+5→36 at batch", 2: "parameter/ false not_billed", 3: "provider_unavailable/ true not_billed",
		4: "provider_unavailable/batch_expired true not_billed", 5: "provider_unavailable/batch_expired true not_billed"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	// The key goes to no address that an answer names.
	if len(*asked) != 2 || (*asked)[1] != "GET /v1/messages/batches/msgbatch_1/results " {
		t.Errorf("asked %q", *asked)
	}
	batch.Calls = []eval.Digest{{9}}
	if p, f := c.Batches().Collect(t.Context(), batch, func(eval.Digest, eval.Response) {}); f == nil || f.Status != http.StatusNotFound || p.Ended {
		t.Errorf("another's batch: %+v, %v", p, f)
	}
}
