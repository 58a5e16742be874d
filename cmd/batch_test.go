package cmd_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"infer/eval"
	"infer/eval/store"
	"infer/providers/simulate"
)

// TestBatch runs an evaluation in batches over both wires, kills it (SIGKILL) and
// interrupts it at moments before a batch is sent, while it is under way and while
// its retries are, and continues it. In the end every trial has its outcome, the
// store has exactly the calls that the server made, none of them twice, for half the
// price and without a time.
func TestBatch(t *testing.T) {
	t.Parallel()
	const tasks = 400
	server := simulate.NewServer(simulate.ServerOptions{Seed: 3, Batch: 900 * time.Millisecond, Models: map[string]simulate.Model{
		"good":  {Accuracy: 0.9, Faults: map[string]float64{"429": 0.03}, FaultCalls: 1},
		"flaky": {Accuracy: 0.8, Faults: map[string]float64{"429": 0.05, "500": 0.05, "400": 0.02, "hang": 0.03}, FaultCalls: 1},
	}})
	srv := httptest.NewServer(server)
	t.Cleanup(srv.Close)
	dir := t.TempDir()
	var lines strings.Builder
	for i := range tasks {
		fmt.Fprintf(&lines, "{\"id\":\"t%d\",\"input\":\"Task %d. [[answer:A%d]]\",\"expected\":\"A%d\"}\n", i, i, i, i)
	}
	yaml := fmt.Sprintf(`dataset: tasks.jsonl
providers:
  o: {type: openai, base_url: "%[1]s/v1"}
  a: {type: anthropic, base_url: "%[1]s/v1"}
candidates:
  - {name: open, provider: o, model: good, params: {max_tokens: 9}}
  - {name: anth, provider: a, model: flaky, params: {max_tokens: 9}}
prices:
  - {provider: o, model: good, in: 2, out: 8, tiers: {batch: {in: 1, out: 4}}, source: test, as_of: 2026-01-01}
  - {provider: a, model: flaky, in: 2, out: 8, tiers: {batch: {in: 1, out: 4}}, source: test, as_of: 2026-01-01}
`, srv.URL)
	writeFiles(t, dir, map[string]string{"tasks.jsonl": lines.String(), "infer.yaml": yaml})
	db := filepath.Join(dir, "batch.db")
	args := []string{"eval", ".", "--store", db, "--batch", "--batch-poll", "150ms", "-q"}
	for i, after := range []time.Duration{300 * time.Millisecond, 1400 * time.Millisecond, 1100 * time.Millisecond, 1600 * time.Millisecond, 1800 * time.Millisecond} {
		cmd := program(t, dir, args...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(after)
		how := os.Kill
		if i%2 == 1 {
			how = os.Interrupt
		}
		_ = cmd.Process.Signal(how) // it may have ended by itself
		_ = cmd.Wait()
		t.Logf("%s after %s: the server made %d calls in %d batches; %d trials are stored", how, after, server.Stats().Requests, server.Stats().Batches, trialsIn(t, db))
	}
	// While a batch is under way, its calls are not made one by one.
	if _, calls := openIn(t, db); calls > 0 {
		out, err := program(t, dir, "eval", ".", "--store", db, "-q").CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 2 || !strings.Contains(string(out), "add --batch to collect them") {
			t.Errorf("without --batch: %v: %s", err, out)
		}
	}
	if out, err := program(t, dir, args...).CombinedOutput(); err != nil {
		t.Fatalf("the last run: %v: %s", err, out)
	}
	if out := check(t, dir, db); out != "ok" {
		t.Errorf("the store: %s", out)
	}
	s, run := newestRun(t, db)
	defer s.Close() //nolint:errcheck // opened for reading only
	trials, calls, spent := 0, 0, eval.Exactly(0)
	for trial, err := range s.Trials(context.Background(), run.ID, store.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		trials++
		calls += len(trial.Attempts)
		spent = spent.Plus(trial.Cost.Final())
		if _, timed := trial.UserVisible(); timed || trial.CutOff {
			t.Errorf("%s: it has a time, or no outcome", trial.TaskID)
		}
		for i := range trial.Attempts {
			if a := &trial.Attempts[i]; a.Batch == "" || a.Failure == nil && a.Usage.Tier != "batch" {
				t.Errorf("%s: attempt %d was made in batch %q at the %q tier", trial.TaskID, i, a.Batch, a.Usage.Tier)
			}
		}
	}
	stats := server.Stats()
	half := eval.Exactly(eval.Money(stats.InputTokens)*eval.USD/1e6 + 4*eval.Money(stats.OutputTokens)*eval.USD/1e6)
	t.Logf("%d trials; %d calls stored, %d made; %v spent, %v by the server's tokens", trials, calls, stats.Requests, spent, half)
	if trials != 2*tasks || int64(calls) != stats.Requests || run.Lost != 0 || run.State != eval.RunComplete {
		t.Errorf("%d trials, %d calls stored, %d made, %d lost, run %s", trials, calls, stats.Requests, run.Lost, run.State)
	}
	if spent != half {
		t.Errorf("%v spent, %v by the server's tokens at half the price", spent, half)
	}
	if open, _ := openIn(t, db); open != 0 {
		t.Errorf("%d batches are not known to have ended", open)
	}
}

// openIn counts the batches of the newest run that are not known to have ended, and
// their calls.
func openIn(t *testing.T, db string) (batches, calls int) {
	t.Helper()
	s, run := newestRun(t, db)
	defer s.Close() //nolint:errcheck // opened for reading only
	list, err := s.Batches(context.Background(), run.ID)
	if err != nil {
		t.Fatal(err)
	}
	for i := range list {
		if b := &list[i]; b.State == eval.BatchSending || b.State == eval.BatchSent {
			batches, calls = batches+1, calls+len(b.Calls)
		}
	}
	return batches, calls
}
