package cmd_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"infer/eval"
	"infer/eval/store"
)

// TestPrimaryDies kills the server of a policy's default in the middle of a run: every
// task is answered, from then on by the backup, which was asked the same; the store
// says why, and its calls are those that the servers counted.
func TestPrimaryDies(t *testing.T) {
	t.Parallel()
	const tasks, alive = 300, 120
	var primary, backup atomic.Int64
	answer := func(w http.ResponseWriter, n *atomic.Int64) {
		n.Add(1)
		time.Sleep(2 * time.Millisecond)
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprint(w, `{"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"A"},"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":1}}`)
	}
	first, firstURL := listen(t, func(w http.ResponseWriter, r *http.Request) {
		answer(w, &primary)
		if primary.Load() >= alive {
			go r.Context().Value(http.ServerContextKey).(*http.Server).Close() //nolint:errcheck // it dies, with what is in flight
		}
	})
	defer first.Close() //nolint:errcheck // it is dead already
	second, secondURL := listen(t, func(w http.ResponseWriter, _ *http.Request) { answer(w, &backup) })
	defer second.Close() //nolint:errcheck // the test is over
	dir := t.TempDir()
	var lines strings.Builder
	for i := range tasks {
		fmt.Fprintf(&lines, "{\"id\":\"t%d\",\"input\":\"Task %d\",\"system\":\"Say A.\",\"expected\":\"A\"}\n", i, i)
	}
	yaml := fmt.Sprintf(`dataset: tasks.jsonl
concurrency: 8
providers: {a: {base_url: "%s/v1"}, b: {base_url: "%s/v1"}}
candidates:
  - {name: one, provider: a, model: m, stream: false, params: {max_tokens: 5}}
  - {name: two, provider: b, model: m, stream: false}
  - name: policy
    policy: {default: one, backup: two, on: [rate_limit, timeout, provider_unavailable, network], retries: {max: 1}}
prices:
  - {provider: a, model: m, in: 1, out: 2, source: test, as_of: 2026-01-01}
  - {provider: b, model: m, in: 3, out: 4, source: test, as_of: 2026-01-01}
`, firstURL, secondURL)
	writeFiles(t, dir, map[string]string{"tasks.jsonl": lines.String(), "infer.yaml": yaml})
	db := filepath.Join(dir, "policy.db")
	if out, err := program(t, dir, "eval", ".", "-m", "policy", "--store", db, "-q").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	s, run := newestRun(t, db)
	defer s.Close() //nolint:errcheck // opened for reading only
	accepted, handedOver, answeredBy := 0, 0, map[string]int64{}
	for trial, err := range s.Trials(context.Background(), run.ID, store.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		if trial.Verdict == eval.Accepted {
			accepted++
		}
		for i := range trial.Attempts {
			a := &trial.Attempts[i]
			if a.Failure == nil {
				answeredBy[a.Candidate]++
			}
			if a.SystemHash != trial.Attempts[0].SystemHash || a.ParamsHash != trial.Attempts[0].ParamsHash || a.ToolsHash != trial.Attempts[0].ToolsHash {
				t.Errorf("%s: the backup was asked something else", trial.TaskID)
			}
			if a.Cause != eval.CauseFallback {
				continue
			}
			handedOver++
			if before := trial.Attempts[i-1].Failure; a.Reason == "" || before == nil || before.Class != eval.ClassNetwork {
				t.Errorf("%s: handed over for %q after %v", trial.TaskID, a.Reason, before)
			}
		}
	}
	t.Logf("%d of %d accepted; %d handed over; answers by default %d, by backup %d; the servers answered %d and %d", accepted, tasks, handedOver, answeredBy["one"], answeredBy["two"], primary.Load(), backup.Load())
	if accepted != tasks || handedOver < tasks-alive-8 || answeredBy["two"] != backup.Load() {
		t.Errorf("%d accepted, %d handed over, %d answers of the backup in the store and %d at the server", accepted, handedOver, answeredBy["two"], backup.Load())
	}
	// The last answers of the server that died may have been lost on the way.
	if lost := primary.Load() - answeredBy["one"]; lost < 0 || lost > 8 {
		t.Errorf("%d answers of the default in the store, %d at its server, 8 in flight", answeredBy["one"], primary.Load())
	}
}

func listen(t *testing.T, serve http.HandlerFunc) (*http.Server, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: serve, ReadHeaderTimeout: time.Second}
	go srv.Serve(l) //nolint:errcheck // it says that it was closed
	return srv, "http://" + l.Addr().String()
}
