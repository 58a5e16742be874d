package cmd_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"infer/eval"
	"infer/eval/store"
)

// doneMark is how much of all is done, in the view of an evaluation.
var doneMark = regexp.MustCompile(`([0-9]+) of [0-9]+ trials`)

// TestLive runs an evaluation on a pseudo-terminal: it is held, goes on, and one of
// its candidates is dropped; the other is run to its end, and what was held is in no
// time. Then the same command is stopped by a key, and continues without a terminal.
func TestLive(t *testing.T) {
	t.Parallel()
	const tasks = 150
	var calls atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		time.Sleep(20 * time.Millisecond)
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprint(w, `{"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"A"},"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":1}}`)
	}))
	t.Cleanup(srv.Close)
	dir := t.TempDir()
	var lines strings.Builder
	for i := range tasks {
		fmt.Fprintf(&lines, "{\"id\":\"t%d\",\"input\":\"Task %d\",\"expected\":\"A\"}\n", i, i)
	}
	yaml := fmt.Sprintf(`dataset: tasks.jsonl
concurrency: 1
providers: {a: {base_url: "%[1]s/v1"}, b: {base_url: "%[1]s/v1"}}
candidates: [{name: one, provider: a, model: m, stream: false}, {name: two, provider: b, model: m, stream: false}]
`, srv.URL)
	writeFiles(t, dir, map[string]string{"tasks.jsonl": lines.String(), "infer.yaml": yaml})
	db := filepath.Join(dir, "live.db")
	o := start(t, dir, "eval", ".", "--store", db)
	o.wait("pause").press("p").wait("paused")
	time.Sleep(300 * time.Millisecond) // what was in flight has ended
	before := calls.Load()
	time.Sleep(1200 * time.Millisecond)
	if now := calls.Load(); now != before {
		t.Errorf("%d calls began while it was held", now-before)
	}
	o.press("p").press("j").press("d").wait("drop two").press("y").wait("dropped")
	err := o.cmd.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 3 {
		t.Fatalf("it ended with %v, not with 3:\n%q", err, o.screen.all())
	}
	o.wait("was dropped after").wait("the same command continues it")
	done, slowest := liveTrials(t, db)
	if done[0] != tasks || done[1] == 0 || done[1] >= tasks {
		t.Errorf("%d and %d trials are done", done[0], done[1])
	}
	if slowest > time.Second {
		t.Errorf("a wait or a call of %s: the time that it was held is in it", slowest)
	}

	o = start(t, dir, "eval", ".", "--store", db)
	o.wait("pause").press("q")
	if err = o.cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 130 {
		t.Fatalf("stopped, it ended with %v, not with 130:\n%q", err, o.screen.all())
	}
	if out, err := program(t, dir, "eval", ".", "--store", db).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if done, _ = liveTrials(t, db); done[0] != tasks || done[1] != tasks {
		t.Errorf("%d and %d trials are done in the end", done[0], done[1])
	}
	if doneMark.FindString(o.screen.all()) == "" {
		t.Error("the view never said how much is done")
	}
}

// liveTrials counts the trials of each candidate that have an outcome, and finds the
// longest wait or call.
func liveTrials(t *testing.T, db string) (done [2]int, slowest time.Duration) {
	t.Helper()
	s, run := newestRun(t, db)
	defer s.Close() //nolint:errcheck // opened for reading only
	for trial, err := range s.Trials(context.Background(), run.ID, store.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		if trial.CutOff || trial.Verdict != eval.Accepted {
			continue
		}
		done[trial.Candidate]++
		for i := range trial.Attempts {
			slowest = max(slowest, trial.Attempts[i].QueueWait, trial.Attempts[i].InFlight)
		}
	}
	return done, slowest
}
