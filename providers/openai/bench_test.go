package openai_test

import (
	"net/http"
	"net/http/httptest"
	"sort"
	"strconv"
	"sync"
	"testing"
	"time"

	"infer/eval"
	"infer/providers"
	"infer/providers/openai"
)

const plainBody = `{"id":"chatcmpl-1","object":"chat.completion","model":"m-1","choices":[{"index":0,"message":{"role":"assistant","content":"Florence is in Italy."},"finish_reason":"stop"}],"usage":{"prompt_tokens":20,"completion_tokens":6,"total_tokens":26,"prompt_tokens_details":{"cached_tokens":0},"completion_tokens_details":{"reasoning_tokens":0}}}`

// cannedTransport answers without a network, so that the benchmark counts this
// package's work and net/http's client, not a server on the same machine.
type cannedTransport struct{ body string }

func (t cannedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	_ = r.Body.Close()
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: newBody(t.body), Request: r}, nil
}

func benchRequest(i int) *eval.Request {
	return &eval.Request{Model: "m-1", System: "You answer in one sentence.",
		Messages: []eval.Message{eval.TextMessage("user", "Where is Florence? [[id:"+strconv.Itoa(i)+"]]")},
		Params:   eval.Params{"temperature": []byte("0"), "max_tokens": []byte("100")}}
}

// BenchmarkCall is the cost of one plain call: whole over loopback (client and
// server share the machine) and this package's own part of it.
func BenchmarkCall(b *testing.B) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(plainBody))
	}))
	defer srv.Close()
	for name, httpClient := range map[string]*http.Client{"loopback": nil, "no network": {Transport: cannedTransport{plainBody}}} {
		b.Run(name, func(b *testing.B) {
			c, err := openai.New(openai.Config{BaseURL: srv.URL + "/v1", Key: providers.NewKey("canary-key-0123456789"), HTTP: httpClient})
			if err != nil {
				b.Fatal(err)
			}
			req := benchRequest(0)
			b.ReportAllocs()
			for b.Loop() {
				if r := c.Call(b.Context(), req); r.Failure != nil {
					b.Fatal(r.Failure)
				}
			}
		})
	}
}

// BenchmarkClock reports how far the client's in-flight time lies from the
// server's own, with 64 calls at once and 20 ms of latency: the middle and the
// 99th percentile of the difference, in microseconds.
func BenchmarkClock(b *testing.B) {
	const latency, workers = 20 * time.Millisecond, 64
	var served sync.Map
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		time.Sleep(latency)
		id := strconv.FormatInt(began.UnixNano(), 10) + r.RemoteAddr
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Request-Id", id)
		_, _ = w.Write([]byte(plainBody))
		served.Store(id, time.Since(began))
	}))
	defer srv.Close()
	c, err := openai.New(openai.Config{BaseURL: srv.URL})
	if err != nil {
		b.Fatal(err)
	}
	var mu sync.Mutex
	var got []eval.Response
	work := make(chan int)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for i := range work {
				r := c.Call(b.Context(), benchRequest(i))
				mu.Lock()
				got = append(got, r)
				mu.Unlock()
			}
		})
	}
	for i := 0; b.Loop(); i++ {
		work <- i
	}
	close(work)
	wg.Wait()
	srv.Close() // waits for the handlers, and with them for their last times
	var diff []float64
	for i := range got {
		if d, ok := served.Load(got[i].RequestID); ok {
			diff = append(diff, float64((got[i].InFlight - d.(time.Duration)).Microseconds()))
		}
	}
	sort.Float64s(diff)
	if len(diff) > 0 {
		b.ReportMetric(diff[len(diff)/2], "p50-diff-µs")
		b.ReportMetric(diff[len(diff)*99/100], "p99-diff-µs")
	}
}
