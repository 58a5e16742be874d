package cmd_test

import (
	"context"
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
// trial that a reader had seen before it; in the end every task was answered, and
// no kill repeated more calls than may have been in flight.
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
	args := []string{"eval", "tasks.jsonl", "-m", "m=" + srv + "/v1/m", "--store", db, "--concurrency", strconv.Itoa(killConcurrency), "--format", "csv", "-q"}
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
		problems := check(t, db)
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
	if want := fmt.Sprintf(",*,m,%d,%d,1,", tasks, tasks); !strings.Contains(string(out), want) {
		t.Errorf("the report lacks %q:\n%s", want, out)
	}
	calls, repeated := seen.count()
	t.Logf("done: %d tasks, %d calls, %d of them repeats after %d kills with %d in flight", tasks, calls, repeated, kills, killConcurrency)
	if calls-repeated != tasks || repeated > kills*killConcurrency {
		t.Errorf("%d calls, %d repeats, want %d tasks and at most %d repeats", calls, repeated, tasks, kills*killConcurrency)
	}
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
		_, _ = fmt.Fprintf(w, `{"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"A%s"},"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":1}}`, m[1])
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

func check(t *testing.T, db string) string {
	t.Helper()
	if _, err := os.Stat(db); os.IsNotExist(err) {
		return "ok" // it was killed before there was a store
	}
	s, err := store.OpenReadOnly(context.Background(), db)
	if err != nil && strings.Contains(err.Error(), "stopped before it wrote anything") {
		return "ok" // killed while the store was being made
	}
	if err != nil {
		return err.Error()
	}
	defer s.Close() //nolint:errcheck // opened for reading only
	problems, err := s.Check(context.Background())
	if err != nil {
		return err.Error()
	}
	if len(problems) > 0 {
		return strings.Join(problems, "; ")
	}
	return "ok"
}
