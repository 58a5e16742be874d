package cmd_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"infer/eval"
	"infer/eval/store"
)

// killConcurrency is how many calls the killed run has in flight, tasksPerKill how
// many tasks it has for each kill: more than it gets done before one.
const (
	killConcurrency = 32
	tasksPerKill    = 1100
)

// TestKill kills a run with SIGKILL at random moments and continues it, again and
// again until it is done. After each kill the store must be whole and hold every
// trial that a reader had seen before it. In the end every task was answered, the
// report is that of a run that nobody killed, and the calls that were made twice
// are no more than were in flight and are among those that the store knows to have
// been lost.
//
// INFER_KILLS sets how often it kills (default 4).
func TestKill(t *testing.T) {
	t.Parallel()
	kills := 4
	if n, err := strconv.Atoi(os.Getenv("INFER_KILLS")); err == nil {
		kills = n
	}
	tasks := kills * tasksPerKill
	srv, seen := countingServer(t)
	dir := t.TempDir()
	writeKillTasks(t, filepath.Join(dir, "tasks.jsonl"), tasks)
	db := filepath.Join(dir, "kill.db")
	writeKillProject(t, dir, srv)
	args := []string{"eval", ".", "--store", db, "--concurrency", strconv.Itoa(killConcurrency), "--format", "json", "-q"}
	rng := rand.New(rand.NewPCG(7, uint64(kills)))
	for k := range kills {
		cmd := program(t, dir, args...)
		var errs strings.Builder
		cmd.Stderr = &errs
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(60*time.Millisecond + time.Duration(rng.IntN(240))*time.Millisecond)
		before := trialsIn(t, db)
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // killed: its error says so
		if errs.Len() > 0 {
			t.Fatalf("kill %d: it had ended by itself: %s", k+1, &errs)
		}
		calls, repeated := seen.count()
		after := trialsIn(t, db)
		problems := check(t, dir, db)
		t.Logf("kill %2d: %d trials seen before, %d after; %d calls made, %d of them repeats; integrity %s", k+1, before, after, calls, repeated, problems)
		if problems != "ok" {
			t.Fatalf("kill %d: %s", k+1, problems)
		}
		if after < before {
			t.Fatalf("kill %d: %d trials were there before it, %d after", k+1, before, after)
		}
		if repeated > (k+1)*killConcurrency {
			t.Fatalf("kill %d: %d repeated calls after %d kills with %d in flight", k+1, repeated, k+1, killConcurrency)
		}
	}
	out, err := program(t, dir, args...).Output()
	if err != nil {
		t.Fatalf("the last run: %v", err)
	}
	calls, repeated := seen.count()
	lost := lostIn(t, db)
	t.Logf("done: %d tasks, %d calls, %d of them repeats after %d kills with %d in flight; %d calls lost by the store's count", tasks, calls, repeated, kills, killConcurrency, lost)
	if calls-repeated != tasks || repeated > kills*killConcurrency || int64(repeated) > lost || lost > int64(kills*killConcurrency) {
		t.Errorf("%d calls, %d repeats, %d lost; want %d tasks, at most %d lost, and no repeat that is not among them", calls, repeated, lost, tasks, kills*killConcurrency)
	}
	whole, err := program(t, dir, "eval", ".", "--store", filepath.Join(dir, "whole.db"), "--concurrency", strconv.Itoa(killConcurrency), "--format", "json", "-q").Output()
	if err != nil {
		t.Fatalf("the run that nobody killed: %v", err)
	}
	if diff := cmp.Diff(cellsOf(t, whole), cellsOf(t, out)); diff != "" {
		t.Errorf("the report differs from that of a run that nobody killed (-whole +killed):\n%s", diff)
	}
}

// cellsOf are the cells of a report without what was measured in time.
func cellsOf(t *testing.T, report []byte) []map[string]any {
	t.Helper()
	var r struct {
		Cells []map[string]any `json:"cells"`
	}
	if err := json.Unmarshal(report, &r); err != nil || len(r.Cells) == 0 {
		t.Fatalf("a report of %d cells: %v", len(r.Cells), err)
	}
	for _, c := range r.Cells {
		for name, v := range c {
			if q, ok := v.(map[string]any); ok && strings.HasSuffix(name, "_ms") {
				c[name] = q["n"]
			}
		}
	}
	return r.Cells
}

func lostIn(t *testing.T, db string) int64 {
	t.Helper()
	s, run := newestRun(t, db)
	defer s.Close() //nolint:errcheck // opened for reading only
	return run.Lost
}

// callCounts counts calls by task.
type callCounts struct {
	mu sync.Mutex
	by map[string]int
}

func (c *callCounts) count() (calls, repeated int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range c.by {
		calls, repeated = calls+n, repeated+n-1
	}
	return calls, repeated
}

var taskMark = regexp.MustCompile(`Task (\d+)\.`)

func countingServer(t *testing.T) (string, *callCounts) {
	t.Helper()
	c := &callCounts{by: make(map[string]int)}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := make([]byte, 4096)
		n, _ := r.Body.Read(body)
		m := taskMark.FindSubmatch(body[:n])
		if m == nil {
			http.Error(w, "no task", http.StatusBadRequest)
			return
		}
		c.mu.Lock()
		c.by[string(m[1])]++
		c.mu.Unlock()
		time.Sleep(2 * time.Millisecond)
		w.Header().Set("Content-Type", "application/json")
		n, _ = strconv.Atoi(string(m[1]))
		switch {
		case n%50 == 7:
			w.WriteHeader(http.StatusBadRequest)
			_, _ = fmt.Fprint(w, `{"error":{"message":"no","type":"invalid_request_error","code":"invalid_value"}}`)
		case n%3 == 0:
			n = -1 // a wrong answer
			fallthrough
		default:
			_, _ = fmt.Fprintf(w, `{"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"A%d"},"finish_reason":"stop"}],"usage":{"prompt_tokens":%d,"completion_tokens":1}}`, n, len(m[1]))
		}
	}))
	t.Cleanup(srv.Close)
	return srv.URL, c
}

func writeKillTasks(t *testing.T, path string, tasks int) {
	t.Helper()
	var b strings.Builder
	for i := range tasks {
		fmt.Fprintf(&b, "{\"id\":\"t%d\",\"input\":\"Task %d. Say it.\",\"expected\":\"A%d\"}\n", i, i, i)
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}

func writeKillProject(t *testing.T, dir, srv string) {
	t.Helper()
	yaml := fmt.Sprintf(`dataset: tasks.jsonl
providers: {p: {base_url: "%s/v1"}}
candidates: [{name: m, provider: p, model: m, stream: false}]
prices: [{provider: p, model: m, in: 3, out: 15, source: invented, as_of: 2026-01-01, example_price: true}]
`, srv)
	if err := os.WriteFile(filepath.Join(dir, "infer.yaml"), []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
}

// program is the program itself: the test binary under its name.
func program(t *testing.T, dir string, args ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(dir, "infer")
	if _, err := os.Lstat(bin); err != nil {
		if err := os.Symlink(exe, bin); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(bin, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_CONFIG_HOME="+filepath.Join(dir, "config"))
	return cmd
}

// newestRun opens a store for reading, which the caller closes, and finds its newest run.
func newestRun(t *testing.T, db string) (*store.Store, *eval.Run) {
	t.Helper()
	s, err := store.OpenReadOnly(context.Background(), db)
	if err != nil {
		t.Fatal(err)
	}
	run, err := s.Run(context.Background(), "")
	if err != nil {
		_ = s.Close()
		t.Fatal(err)
	}
	return s, run
}

func trialsIn(t *testing.T, db string) int64 {
	t.Helper()
	s, err := store.OpenReadOnly(context.Background(), db)
	if err != nil {
		return 0 // not there yet
	}
	defer s.Close() //nolint:errcheck // opened for reading only
	runs, err := s.Runs(context.Background())
	if err != nil || len(runs) == 0 {
		return 0
	}
	return runs[0].Trials
}

// check is what infer db check says of the store.
func check(t *testing.T, dir, db string) string {
	t.Helper()
	if _, err := os.Stat(db); os.IsNotExist(err) {
		return "ok" // it was killed before there was a store
	}
	out, err := program(t, dir, "db", "check", "--store", db).CombinedOutput()
	if err != nil {
		return fmt.Sprintf("%v: %s", err, out)
	}
	return strings.TrimPrefix(strings.TrimSpace(string(out)), db+": ")
}
