package store_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"infer/eval"
	"infer/eval/store"
)

func ptr[T any](v T) *T { return &v }

// rich is a trial with everything that one can have.
func rich() *eval.Trial {
	t := plain(0, 0, false, 100)
	price := eval.Money(42)
	first := t.Attempts[0]
	broken := failed(0, 0, eval.ClassRateLimit, eval.Between(0, 70)).Attempts[0]
	broken.Failure = &eval.Failure{Class: eval.ClassRateLimit, Sub: "daily", Phase: eval.PhaseResponse, Status: 429, Type: "requests", Code: "rate_limit_exceeded",
		Message: "slow \x1b[2J down", RetryAfter: ptr(2 * time.Second), Retry: true, Fallback: true, Billing: eval.NotBilled}
	broken.RateLimits = map[string]string{"x-ratelimit-remaining-requests": "0"}
	broken.Seq = 0
	first.Seq, first.Cause, first.Backoff, first.QueueWait, first.Backend = 1, eval.CauseRetry, 1500*time.Millisecond, 7*time.Microsecond, ptr(90*time.Millisecond)
	first.Usage = &eval.Usage{InFresh: 5, InCacheRead: 7, InCacheWrite1h: 3, OutText: 9, OutReasoning: 4, Tier: "flex", ProviderCost: &price,
		ServerTools: map[string]int64{"web_search": 2}, Raw: json.RawMessage(`{"prompt_tokens":15}`)}
	first.FinishRaw, first.Output = "end_turn", eval.Untrusted(strings.Repeat("long ", 200))
	first.Grade = &eval.Grade{Verdict: eval.Rejected, Scores: []eval.Score{{Grader: "exact", Pass: ptr(false), Value: ptr(0.25), Explanation: "not \"yes\""}, {Grader: "judge", Error: "it said nothing"}}}
	back := plain(0, 0, true, 300).Attempts[0]
	back.Seq, back.Cause, back.Candidate, back.Provider, back.Reason = 2, eval.CauseFallback, "b", "q", "network after 1 attempts of a triggers b"
	back.ToolCalls = []eval.ToolCall{{ID: "c1", Name: "look", Arguments: json.RawMessage(`{"at":1}`)}}
	back.Output, back.Recorded, back.Finish, back.FinishRaw, back.Usage, back.Cost, back.Billing = "", true, eval.FinishToolCalls, "tool_calls", nil, eval.UnknownCost(), eval.Unbilled
	t.Attempts = []eval.Attempt{broken, first, back}
	t.Verdict, t.Final, t.FirstTry, t.AfterRegen = eval.Accepted, 2, ptr(false), ptr(true)
	t.Regenerations, t.HumanFix, t.HumanFixFrom, t.HumanFixTime = 1, ptr(true), eval.Imputed, 5*time.Minute
	t.Cost = eval.CostSplit{Retries: eval.Exactly(100), Failed: eval.Between(0, 70), Fallback: eval.UnknownCost(), Repair: eval.Exactly(eval.USD), Judge: eval.Exactly(9)}
	t.Plan, t.Lag = `{"candidate":"b"}`, ptr(70*time.Millisecond)
	return t
}

// TestRoundTrip: a trial comes back as it was written.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	s := fresh(t)
	j := begin(t, s, newRun("r1", "a", "b"), 2)
	want, plain, broken := rich(), plain(1, 0, true, 7), failed(0, 1, eval.ClassTimeout, eval.Between(0, 5))
	record(t, j, rich(), plain, broken)
	got := trials(t, s, "r1", store.Filter{})
	for i, w := range []*eval.Trial{want, plain, broken} {
		w.Cluster = "" // kept as a number
		if diff := cmp.Diff(w, got[i]); diff != "" {
			t.Errorf("trial %d (-written +read):\n%s", i, diff)
		}
	}
	for name, f := range map[string]struct {
		store.Filter
		n int
	}{
		"a task": {store.Filter{TaskID: "t0"}, 2}, "a type": {store.Filter{TaskType: "title"}, 1}, "a candidate": {store.Filter{Candidate: ptr(1)}, 1},
		"a repeat": {store.Filter{Repeat: ptr(1)}, 0}, "a verdict": {store.Filter{Verdict: eval.Accepted}, 2}, "two": {store.Filter{Verdict: eval.Accepted, TaskID: "t1"}, 1},
	} {
		if n := len(trials(t, s, "r1", f.Filter)); n != f.n {
			t.Errorf("by %s: %d trials, want %d", name, n, f.n)
		}
	}
	if _, err := s.Text(t.Context(), eval.DigestOf([]byte("never written"))); err == nil {
		t.Error("a text that nobody wrote was found")
	}
}

// TestSupersede: a trial that is run again replaces the outcome and keeps the
// attempts and the money of the ones before it, and none of their time.
func TestSupersede(t *testing.T) {
	t.Parallel()
	s := fresh(t)
	run := newRun("r1", "a")
	j := begin(t, s, run, 1)
	first := failed(0, 0, eval.ClassUnavailable, eval.Between(3, 70))
	first.Cost.Judge = eval.Exactly(5)
	cut := failed(0, 0, eval.ClassRateLimit, eval.Exactly(2))
	cut.CutOff = true
	record(t, j, first)
	if err := s.FinishRun(t.Context(), "r1", eval.RunIncomplete); err != nil {
		t.Fatal(err)
	}
	for _, trial := range []*eval.Trial{cut, plain(0, 0, true, 100)} {
		if resumed, err := s.StartRun(t.Context(), run); err != nil || !resumed {
			t.Fatal(resumed, err)
		}
		j, err := s.Journal(t.Context(), run)
		if err != nil {
			t.Fatal(err)
		}
		before := trial.Cost
		record(t, j, trial)
		if trial.Cost != before {
			t.Errorf("the caller's trial was changed to %+v", trial.Cost)
		}
		if trial.CutOff {
			got := trials(t, s, "r1", store.Filter{})[0]
			c := overall(t, s, "r1", 0)
			if !got.CutOff || got.ErrorClass() != eval.ClassCancelled || c.N != 0 || c.Errored != 0 || c.Attempts != 2 || c.Cost() != eval.Between(5, 72) {
				t.Errorf("cut off %v, class %s; the cell counts %d trials, %d attempts, %v", got.CutOff, got.ErrorClass(), c.N, c.Attempts, c.Cost())
			}
			if done, err := s.Done(t.Context(), "r1", nil); err != nil || done.Has(0, 0, 0) || done.Len() != 0 {
				t.Errorf("a trial that was cut off counts as done: %v", err)
			}
		}
	}
	got := trials(t, s, "r1", store.Filter{})[0]
	if got.Earlier != 2 || len(got.Attempts) != 3 || got.Final != 2 || got.Verdict != eval.Accepted || got.CutOff {
		t.Fatalf("%d attempts, %d of them earlier, final %d, %s", len(got.Attempts), got.Earlier, got.Final, got.Verdict)
	}
	for i := range got.Attempts {
		if got.Attempts[i].Seq != i {
			t.Errorf("attempt %d has number %d", i, got.Attempts[i].Seq)
		}
	}
	want := eval.CostSplit{Answer: eval.Exactly(100), Failed: eval.Between(5, 72), Judge: eval.Exactly(5)}
	if got.Cost != want {
		t.Errorf("split %+v, want %+v", got.Cost, want)
	}
	sum := eval.Exactly(0)
	for i := range got.Attempts {
		sum = sum.Plus(got.Attempts[i].Cost)
	}
	if got.Cost.Final() != sum {
		t.Errorf("final cost %v, the attempts add up to %v", got.Cost.Final(), sum)
	}
	if d, ok := got.UserVisible(); !ok || d != 120*time.Millisecond {
		t.Errorf("user-visible %s, %v: earlier trials are in it", d, ok)
	}
	c := overall(t, s, "r1", 0)
	if us, _ := c.Latency.Quantile(1); c.Latency.N() != 1 || us < 119_000 || us > 121_000 || c.Attempts != 3 || c.N != 1 || c.Accepted != 1 || c.FirstTry != 1 {
		t.Errorf("latency %v of %d, %d attempts, %d trials", us, c.Latency.N(), c.Attempts, c.N)
	}
	if calls, cost, err := s.Spent(t.Context(), "r1"); err != nil || calls != 3 || cost != 177 {
		t.Errorf("spent %d in %d calls, %v; want 177 in 3", cost, calls, err)
	}
}

// TestDone is what a continued run leaves out.
func TestDone(t *testing.T) {
	t.Parallel()
	s := fresh(t)
	j := begin(t, s, newRun("r1", "a", "b"), 200)
	record(t, j, plain(0, 0, true, 1), plain(130, 1, false, 1), failed(64, 0, eval.ClassTimeout, eval.Exactly(0)))
	for name, tc := range map[string]struct {
		again func(eval.Verdict, eval.Class) bool
		n     int64
	}{
		"everything":      {nil, 3},
		"all but errors":  {func(v eval.Verdict, _ eval.Class) bool { return v == eval.Errored }, 2},
		"all but a class": {func(_ eval.Verdict, c eval.Class) bool { return c == eval.ClassTimeout }, 2},
	} {
		d, err := s.Done(t.Context(), "r1", tc.again)
		if err != nil {
			t.Fatal(err)
		}
		if d.Len() != tc.n || !d.Has(0, 0, 0) || !d.Has(130, 1, 0) || d.Has(64, 0, 0) != (tc.again == nil) {
			t.Errorf("%s: %d trials", name, d.Len())
		}
		for _, no := range [][3]int{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}, {100_000, 0, 0}, {0, 5, 0}} {
			if d.Has(no[0], no[1], no[2]) {
				t.Errorf("%s: has %v, which never ran", name, no)
			}
		}
	}
}

// TestIntents: what a process was about to send and left no outcome of is kept
// for good, once each; what has an outcome is not in it.
func TestIntents(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "infer.db")
	run := newRun("r1", "a")
	at := newClock().at
	die := func(intend ...int) { // a process that dies with its calls in flight
		s := open(t, path)
		if _, err := s.StartRun(t.Context(), run); err != nil {
			t.Fatal(err)
		}
		j, err := s.Journal(t.Context(), run)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range intend {
			if err := j.Intend(t.Context(), eval.Intent{TaskSeq: i, At: at.Add(time.Duration(i) * time.Millisecond)}); err != nil {
				t.Fatal(err)
			}
		}
		done := plain(0, 0, true, 1)
		done.Attempts[0].StartedAt = at.Add(time.Second)
		record(t, j, done)
		store.LetGo(s)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	s := open(t, path)
	begin(t, s, run, 10)
	store.LetGo(s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	die(0, 1, 2)
	r, err := store.OpenReadOnly(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if left, err := r.Unresolved(t.Context(), "r1"); err != nil || len(left) != 2 || left[0].TaskSeq != 1 || left[1].TaskSeq != 2 {
		t.Errorf("after the first death: %v, %v", left, err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	die(0, 2)
	s = open(t, path)
	if _, err := s.StartRun(t.Context(), run); err != nil {
		t.Fatal(err)
	}
	j, err := s.Journal(t.Context(), run)
	if err != nil {
		t.Fatal(err)
	}
	record(t, j, plain(1, 0, true, 1), plain(2, 0, true, 1))
	if err := s.FinishRun(t.Context(), "r1", eval.RunComplete); err != nil {
		t.Fatal(err)
	}
	left, err := s.Unresolved(t.Context(), "r1")
	if err != nil || len(left) != 2 {
		t.Errorf("%v, %v; want the calls of tasks 1 and 2, each lost with its own time", left, err)
	}
	if got, err := s.Run(t.Context(), "r1"); err != nil || got.Lost != int64(len(left)) {
		t.Errorf("the run counts %d lost calls: %v", got.Lost, err)
	}
}

// TestCommitted: a trial is acknowledged after it is durable, each one once.
func TestCommitted(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "infer.db")
	s := open(t, path)
	j := begin(t, s, newRun("r1", "a"), 300)
	reader, err := store.OpenReadOnly(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close() //nolint:errcheck // opened for reading only
	seen := make(map[int]int)
	j.OnCommit = func(trial *eval.Trial) {
		seen[trial.TaskSeq]++
		if trial.TaskSeq%50 == 0 {
			done, err := reader.Done(context.Background(), "r1", nil)
			if err != nil || !done.Has(trial.TaskSeq, 0, 0) {
				t.Errorf("trial %d was acknowledged before another connection saw it: %v", trial.TaskSeq, err)
			}
		}
	}
	for i := range 300 {
		if err := j.Record(t.Context(), plain(i, 0, true, 1)); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range 300 {
		if seen[i] != 1 {
			t.Errorf("trial %d was acknowledged %d times", i, seen[i])
		}
	}
}

// TestFailedGroup: what fails is undone whole, later records are refused, and
// nothing of the failed group is acknowledged.
func TestFailedGroup(t *testing.T) {
	t.Parallel()
	s := fresh(t)
	j := begin(t, s, newRun("r1", "a"), 3)
	record(t, j, plain(0, 0, true, 1))
	bad := errors.New("it broke")
	if err := store.Fail(s, bad); !errors.Is(err, bad) {
		t.Fatalf("%v", err)
	}
	record(t, j, plain(1, 0, true, 1)) // one job's failure that was waited for is its own
	acknowledged := 0
	j.OnCommit = func(*eval.Trial) { acknowledged++ }
	orphan := plain(2, 0, true, 1)
	orphan.Verdict = "no such verdict"
	if err := errors.Join(j.Record(t.Context(), orphan), j.Flush(t.Context())); err == nil || !strings.Contains(err.Error(), "store trial of task t2") {
		t.Errorf("a trial that cannot be stored: %v", err)
	}
	if err := j.Record(t.Context(), plain(2, 0, true, 1)); err == nil {
		t.Error("a record after a failure was taken")
	}
	if n := len(trials(t, s, "r1", store.Filter{})); n != 2 || acknowledged != 0 {
		t.Errorf("%d trials, want 2; %d acknowledged", n, acknowledged)
	}
}

// TestManyWriters: many goroutines write and read at once; each gets through.
func TestManyWriters(t *testing.T) {
	t.Parallel()
	s := fresh(t)
	const n = 400
	j := begin(t, s, newRun("r1", "a"), n)
	var wg sync.WaitGroup
	for w := range 16 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := w; i < n; i += 16 {
				err := errors.Join(j.Intend(context.Background(), eval.Intent{TaskSeq: i, At: newClock().at}), j.Record(context.Background(), plain(i, 0, i%2 == 0, 1)))
				if err != nil {
					t.Error(err)
				}
				if i%40 == 0 {
					if _, err := s.Cells(context.Background(), "r1"); err != nil {
						t.Error(err)
					}
				}
			}
		}()
	}
	wg.Wait()
	if err := j.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c := overall(t, s, "r1", 0); c.N != n || c.Accepted != n/2 {
		t.Errorf("%d trials, %d accepted", c.N, c.Accepted)
	}
}

// TestNestedStreams: readers that ask something else while they read do not wait
// for one another, however many there are.
func TestNestedStreams(t *testing.T) {
	t.Parallel()
	s := fresh(t)
	run := newRun("r1", "a")
	j := begin(t, s, run, 30)
	for i := range 30 {
		record(t, j, plain(i, 0, true, 1))
	}
	var wg sync.WaitGroup
	var all sync.WaitGroup // every reader is inside its stream before any asks
	all.Add(12)
	for range 12 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			first := true
			for o, err := range s.Outcomes(context.Background(), "r1", []string{"label", "title"}) {
				if first {
					first = false
					all.Done()
					all.Wait()
				}
				if err == nil {
					_, err = s.Text(context.Background(), eval.DigestOf(fmt.Appendf(nil, "answer %d", o.TaskSeq)))
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		}()
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("the readers wait for one another")
	}
}

// TestTexts: a text is kept once, however often it was answered, and compressed
// where that pays.
func TestTexts(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "infer.db")
	s := open(t, path)
	j := begin(t, s, newRun("r1", "a"), 300)
	long := eval.Untrusted(strings.Repeat("the same long answer, again and again; ", 2000)) // 80 kB
	for i := range 300 {
		trial := plain(i, 0, true, 1)
		trial.Attempts[0].Output = long
		record(t, j, trial)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Size() > 400_000 {
		t.Errorf("300 times the same 80 kB take %d bytes: %v", info.Size(), err)
	}
	s = open(t, path)
	if got, err := s.Text(t.Context(), eval.DigestOf([]byte(long))); err != nil || string(got) != long.Raw() {
		t.Errorf("read back %d of %d bytes: %v", len(got), len(long), err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		i := rapid.IntRange(0, 299).Draw(rt, "task")
		text := rapid.SliceOfN(rapid.Byte(), 0, 2000).Draw(rt, "text")
		trial := plain(i, 0, true, 1)
		trial.Attempts[0].Output = eval.Untrusted(text)
		j, err := s.Journal(t.Context(), newRun("r1"))
		if err != nil {
			rt.Fatal(err)
		}
		if err := errors.Join(j.Record(t.Context(), trial), j.Flush(t.Context())); err != nil {
			rt.Fatal(err)
		}
		got := trials(t, s, "r1", store.Filter{TaskID: trial.TaskID})[0].Attempts
		if !bytes.Equal([]byte(got[len(got)-1].Output), text) {
			rt.Fatalf("%q came back as %q", text, got[len(got)-1].Output)
		}
	})
}

// TestBomb: a stored text cannot make a reader allocate without end.
func TestBomb(t *testing.T) {
	t.Parallel()
	s := fresh(t)
	d := store.PlantBomb(s, 300<<20)
	if b, err := s.Text(t.Context(), d); err == nil {
		t.Errorf("unpacked %d bytes", len(b))
	}
}

// TestThrottles: the history of a provider's limits comes back in its order.
func TestThrottles(t *testing.T) {
	t.Parallel()
	s := fresh(t)
	j := begin(t, s, newRun("r1", "a"), 1)
	want := []eval.Throttle{
		{At: newClock().at, Provider: "p", Cause: eval.ThrottleStart, Calls: 4},
		{At: newClock().at.Add(time.Second), Provider: "q", Cause: eval.ThrottleGrow, Calls: 8},
		{At: newClock().at.Add(time.Second), Provider: "p", Cause: eval.ThrottleRateLimit, Calls: 6, PerMinute: ptr(287.5), Wait: 1500 * time.Millisecond},
	}
	for _, c := range want {
		if err := j.Throttle(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	got, err := s.Throttles(t.Context(), "r1")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
