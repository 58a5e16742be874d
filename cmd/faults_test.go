package cmd_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"infer/eval"
	"infer/eval/store"
)

// faultRetries is how often a failed call is tried again in TestFaults, and the
// prices, in micro-USD a million tokens, what its server charges.
const (
	faultRetries = 2
	faultIn      = 3_000_000
	faultOut     = 15_000_000
)

// classOf is the class of each fault that the mock server injects; "" = an answer.
// Its log says of a call that hung until the client gave it up that it is gone.
var classOf = map[string]eval.Class{"ok": "", "429": eval.ClassRateLimit, "500": eval.ClassUnavailable, "reset": eval.ClassNetwork,
	"hang": eval.ClassTimeout, "gone": eval.ClassTimeout}

// TestFaults runs tasks against the mock server beside the project, which injects
// 10 % refusals, 5 % errors, 1 % resets and 1 % hangs, and holds what the store
// knows against what the server counted and logged: every call, the class of each,
// the end of every task, the tokens' cost, and the two kinds of latency.
//
// INFER_FAULTS sets the number of tasks (default 600).
func TestFaults(t *testing.T) {
	t.Parallel()
	tasks := 600
	if n, err := strconv.Atoi(os.Getenv("INFER_FAULTS")); err == nil {
		tasks = n
	}
	dir := t.TempDir()
	url := faultServer(t, dir)
	writeFaultProject(t, dir, url, tasks)
	db := filepath.Join(dir, "faults.db")
	began := time.Now()
	if out, err := program(t, dir, "eval", ".", "--store", db, "--concurrency", "64", "-q").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Logf("%d tasks in %.1f s", tasks, time.Since(began).Seconds())
	server, ours := served(t, url), storedCalls(t, db)
	ends := loggedEnds(t, filepath.Join(dir, "server.log"), server.Requests)

	t.Logf("%-26s %14s %14s", "calls", "infer", "server")
	row := func(what string, infer, server int64) {
		t.Logf("%-26s %14d %14d", what, infer, server)
		if infer != server {
			t.Errorf("%s: %d in the store, %d at the server", what, infer, server)
		}
	}
	row("all", ours.calls, server.Requests)
	row("answered", ours.by[""], server.OK)
	for _, fault := range []string{"429", "500", "reset", "hang"} {
		row(fault+" "+string(classOf[fault]), ours.by[classOf[fault]], server.Faults[fault])
	}
	row("cost in pico-USD", int64(ours.cost), server.PromptTokens*faultIn+server.CompletionTokens*faultOut)
	wrong := 0
	for task, class := range ours.ends {
		if class != classOf[ends[task]] {
			wrong++
			t.Errorf("task %s ended as %q, the server's last word was %q", task, class, ends[task])
		}
	}
	t.Logf("%d of %d tasks ended in the class of the server's last word", len(ours.ends)-wrong, tasks)
	if len(ours.ends) != tasks || len(ends) != tasks {
		t.Errorf("%d tasks in the store, %d at the server, want %d", len(ours.ends), len(ends), tasks)
	}
	t.Logf("%d tasks were tried again: their waits, %.1f s in all, are user-visible and in no call's time in flight", ours.retried, ours.waited.Seconds())
	if ours.retried == 0 {
		t.Error("no task was tried again")
	}
}

// faultServer builds and starts the mock server of the shared tools.
func faultServer(t *testing.T, dir string) string {
	t.Helper()
	src, err := filepath.Abs(filepath.FromSlash("../../shared/tools/mockserver"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(src); err != nil {
		t.Skip("the mock server of the shared tools is not beside the project")
	}
	bin := filepath.Join(dir, "mockserver")
	build := exec.Command("go", "build", "-o", bin, ".")
	build.Dir = src
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	srv := exec.Command(bin, "-addr", "127.0.0.1:0", "-model", "m:latency=5ms", "-rate-429", ".10", "-rate-500", ".05", "-rate-reset", ".01", "-rate-hang", ".01",
		"-fault-mode", "redraw", "-log", filepath.Join(dir, "server.log"))
	said, err := srv.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := srv.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = srv.Process.Kill()
		_ = srv.Wait() // killed: its error says so
	})
	address := regexp.MustCompile(`http://127\.0\.0\.1:\d+`)
	lines := bufio.NewScanner(said)
	for lines.Scan() {
		if url := address.FindString(lines.Text()); url != "" {
			return url
		}
	}
	t.Fatalf("the server named no address: %v", lines.Err())
	return ""
}

func writeFaultProject(t *testing.T, dir, url string, tasks int) {
	t.Helper()
	yaml := fmt.Sprintf(`dataset: tasks.jsonl
providers: {p: {base_url: "%s/v1"}}
candidates: [{name: m, provider: p, model: m, stream: false, timeout: 2s, retries: {max: %d}}]
prices: [{provider: p, model: m, in: %d, out: %d, source: invented, as_of: 2026-01-01, example_price: true}]
`, url, faultRetries, faultIn/1_000_000, faultOut/1_000_000)
	var b strings.Builder
	for i := range tasks {
		fmt.Fprintf(&b, "{\"id\":\"t%d\",\"input\":\"Say the label [[answer:L%d]] [[id:t%d]]\",\"expected\":\"L%d\"}\n", i, i%7, i, i%7)
	}
	writeFiles(t, dir, map[string]string{"infer.yaml": yaml, "tasks.jsonl": b.String()})
}

// serverStats is what the server says it was asked.
type serverStats struct {
	Requests         int64            `json:"requests"`
	OK               int64            `json:"ok"`
	Faults           map[string]int64 `json:"faults"`
	PromptTokens     int64            `json:"prompt_tokens"`
	CompletionTokens int64            `json:"completion_tokens"`
}

func served(t *testing.T, url string) serverStats {
	t.Helper()
	resp, err := http.Get(url + "/stats")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end
	var all struct {
		Models map[string]serverStats `json:"models"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&all); err != nil {
		t.Fatal(err)
	}
	return all.Models["m"]
}

// loggedEnds reads the server's log until it holds every request, and returns the
// last outcome of each task.
func loggedEnds(t *testing.T, path string, requests int64) map[string]string {
	t.Helper()
	type line struct {
		Task    string `json:"task"`
		Outcome string `json:"outcome"`
		Attempt int    `json:"attempt"`
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		last, n := make(map[string]line), int64(0)
		for l := range strings.Lines(string(b)) {
			var x line
			if json.Unmarshal([]byte(l), &x) != nil {
				break // half written
			}
			n++
			if x.Attempt > last[x.Task].Attempt {
				last[x.Task] = x
			}
		}
		if n == requests {
			ends := make(map[string]string, len(last))
			for task, x := range last {
				ends[task] = x.Outcome
			}
			return ends
		}
		if time.Now().After(deadline) {
			t.Fatalf("the server's log has %d lines of %d", n, requests)
		}
	}
}

// callSums are the calls of a run as the store knows them.
type callSums struct {
	calls   int64
	by      map[eval.Class]int64 // by class; "" = an answer came
	cost    eval.Money           // the lower end
	ends    map[string]eval.Class
	retried int
	waited  time.Duration
}

func storedCalls(t *testing.T, db string) callSums {
	t.Helper()
	ctx := context.Background()
	s, run := newestRun(t, db)
	defer s.Close() //nolint:errcheck // opened for reading only
	out := callSums{by: make(map[eval.Class]int64), ends: make(map[string]eval.Class)}
	for trial, err := range s.Trials(ctx, run.ID, store.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		var flight, waited time.Duration
		for i := range trial.Attempts {
			a := &trial.Attempts[i]
			out.calls++
			out.by[attemptClass(a)]++
			out.cost += a.Cost.Low
			flight, waited = flight+a.InFlight, waited+a.Backoff
			if i == 0 {
				continue
			}
			// The wait lies between the calls: it is no part of either one's time.
			before := &trial.Attempts[i-1]
			if gap := a.StartedAt.Sub(before.StartedAt) - before.InFlight; a.Backoff == 0 || gap < a.Backoff-time.Millisecond {
				t.Errorf("task %s: %s between the calls, of which %s is said to be a wait", trial.TaskID, gap, a.Backoff)
			}
		}
		if visible, ok := trial.UserVisible(); !ok || visible != flight+waited {
			t.Errorf("task %s: user-visible %s, in flight %s, waited %s", trial.TaskID, visible, flight, waited)
		}
		out.ends[trial.TaskID] = attemptClass(&trial.Attempts[len(trial.Attempts)-1])
		if len(trial.Attempts) > 1 {
			out.retried++
		}
		out.waited += waited
	}
	return out
}

func attemptClass(a *eval.Attempt) eval.Class {
	if a.Failure == nil {
		return ""
	}
	return a.Failure.Class
}
