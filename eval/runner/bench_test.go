package runner_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"infer/eval"
	"infer/eval/runner"
	"infer/eval/store"
	"infer/providers/openai"
	"infer/scoring"
)

// benchConcurrency is how many calls are in flight in the throughput benchmarks.
const benchConcurrency = 64

// target is the server that the benchmarks call: the one that INFER_BENCH_URL
// names, or one inside this process.
func target(b *testing.B) string {
	b.Helper()
	if url := os.Getenv("INFER_BENCH_URL"); url != "" {
		return url
	}
	answer := []byte(`{"id":"x","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"yes"},"finish_reason":"stop"}],"usage":{"prompt_tokens":20,"completion_tokens":1,"total_tokens":21}}`)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(answer)
	}))
	b.Cleanup(srv.Close)
	return srv.URL + "/v1"
}

// BenchmarkRun is the whole path: HTTP calls over the OpenAI wire, exact grading,
// an intent and a trial durable in SQLite for each. One op is one task.
func BenchmarkRun(b *testing.B) {
	url := target(b)
	ctx := context.Background()
	s, err := store.Open(ctx, filepath.Join(b.TempDir(), "bench.db"), store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	client, err := openai.New(openai.Config{Name: "bench", BaseURL: url})
	if err != nil {
		b.Fatal(err)
	}
	rules, err := scoring.Compile(nil)
	if err != nil {
		b.Fatal(err)
	}
	run := &eval.Run{ID: "rbench", Name: "bench", Repeats: 1, Seed: 1, Grading: eval.Grading{Number: 1}, Prices: make([]eval.PriceRow, 1),
		Dataset: eval.Dataset{Name: "bench", Tasks: b.N}, Candidates: []eval.Candidate{{Name: "m", Provider: "bench", Model: "m"}}}
	if _, err := s.StartRun(ctx, run); err != nil {
		b.Fatal(err)
	}
	j, err := s.Journal(ctx, run)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	res, err := runner.Run(ctx, runner.Options{Run: run, Lanes: []runner.Lane{{Primary: runner.Target{Candidate: &run.Candidates[0], Caller: client, Paid: true}}},
		Tasks: benchTasks(b.N), Grader: rules, Journal: j, Concurrency: benchConcurrency, Now: time.Now, Sleep: noSleep,
		Prepare: func(ctx context.Context, block []*eval.Task) error { return j.AddTasks(ctx, block) }})
	if err == nil {
		err = j.Flush(ctx)
	}
	b.StopTimer()
	if err != nil || res.Trials != int64(b.N) {
		b.Fatalf("%d of %d trials: %v", res.Trials, b.N, err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tasks/s")
}

func benchTasks(n int) func(func(*eval.Task, error) bool) {
	return func(yield func(*eval.Task, error) bool) {
		for i := range n {
			raw := fmt.Appendf(nil, `{"id":"t%d","input":"Task %d: say yes.","expected":"yes"}`, i, i)
			t := &eval.Task{Seq: i, ID: fmt.Sprintf("t%d", i), Type: eval.DefaultTaskType, Raw: raw, Digest: eval.DigestOf(raw),
				Messages: []eval.Message{eval.TextMessage("user", fmt.Sprintf("Task %d: say yes.", i))}, Expected: json.RawMessage(`"yes"`)}
			if !yield(t, nil) {
				return
			}
		}
	}
}

func noSleep(context.Context, time.Duration) error { return nil }

// BenchmarkBareLoop is what a program does that only calls and reads: the same
// requests from as many goroutines, the answer decoded and compared, nothing kept.
// BenchmarkRun is to be seen beside it.
func BenchmarkBareLoop(b *testing.B) {
	url := target(b) + "/chat/completions"
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: benchConcurrency}}
	var next, right atomic.Int64
	var wg sync.WaitGroup
	b.ReportAllocs()
	b.ResetTimer()
	for range benchConcurrency {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
				if bareCall(client, url, i) {
					right.Add(1)
				}
			}
		}()
	}
	wg.Wait()
	b.StopTimer()
	if os.Getenv("INFER_BENCH_URL") == "" && right.Load() != int64(b.N) {
		b.Fatalf("%d of %d answers", right.Load(), b.N)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tasks/s")
}

func bareCall(client *http.Client, url string, i int64) bool {
	body := fmt.Appendf(nil, `{"model":"m","messages":[{"role":"user","content":"Bare %d: say yes."}]}`, i)
	res, err := client.Post(url, "application/json", bytes.NewReader(body))
	if err != nil {
		return false
	}
	defer res.Body.Close() //nolint:errcheck // read to its end
	var out struct {
		Choices []struct {
			Message struct {
				Content string `json:"content"`
			} `json:"message"`
		} `json:"choices"`
	}
	if err := json.NewDecoder(res.Body).Decode(&out); err != nil || len(out.Choices) == 0 {
		return false
	}
	_, _ = io.Copy(io.Discard, res.Body)
	return out.Choices[0].Message.Content == "yes"
}
