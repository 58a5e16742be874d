package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"infer/eval"
	"infer/eval/store"
)

// TestStartRun: the same run is continued, and another candidate is added to it
// without moving or re-pricing those it has.
func TestStartRun(t *testing.T) {
	t.Parallel()
	s := fresh(t)
	run := newRun("r1", "a", "b")
	run.Seed, run.Limit = 7, 10
	run.Prices[1] = eval.PriceRow{Model: "b-model", Source: "old"}
	begin(t, s, run, 5)
	if err := s.FinishRun(t.Context(), "r1", eval.RunComplete); err != nil {
		t.Fatal(err)
	}
	again := newRun("r1", "c", "b")
	again.Seed, again.Repeats, again.Limit = 99, 3, 4 // fewer than the run has
	again.Prices[1] = eval.PriceRow{Model: "b-model", Source: "new"}
	resumed, err := s.StartRun(t.Context(), again)
	if err != nil || !resumed {
		t.Fatal(resumed, err)
	}
	var names []string
	for i := range again.Candidates {
		names = append(names, again.Candidates[i].Name+" "+again.Prices[i].Source)
	}
	if got := strings.Join(names, ", "); got != "a , b old, c " {
		t.Errorf("candidates and prices: %q", got)
	}
	if again.Seed != 7 || again.Repeats != 3 || again.Limit != 10 {
		t.Errorf("seed %d, repeats %d, limit %d", again.Seed, again.Repeats, again.Limit)
	}
	got, err := s.Run(t.Context(), "r1")
	if err != nil || got.State != eval.RunRunning || len(got.Candidates) != 3 {
		t.Errorf("the store has %d candidates, state %s: %v", len(got.Candidates), got.State, err)
	}
}

// TestHolder: one live process writes a run; a dead, a silent or an ended one is
// no obstacle.
func TestHolder(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "infer.db")
	c := newClock()
	c.at = time.Now()
	s, err := store.Open(t.Context(), path, store.Options{Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // the test has read what it needs
	start := func() error {
		_, err := s.StartRun(t.Context(), newRun("r1", "a"))
		return err
	}
	pid, end := otherProcess(t, path)
	for what, err := range map[string]error{"start": start(), "delete": s.DeleteRun(t.Context(), "r1"),
		"re-grade": func() error { _, _, err := s.Regrade(t.Context(), newRun("r1"), eval.Grading{}, nil); return err }()} {
		if eval.KindOf(err) != eval.KindStore || !strings.Contains(err.Error(), fmt.Sprintf("process %d", pid)) {
			t.Errorf("%s a run that another process writes: %v", what, err)
		}
	}
	if _, err := s.StartRun(t.Context(), newRun("r2", "a")); err != nil {
		t.Errorf("another run of the same file: %v", err)
	}
	end(false)
	if err := start(); err != nil {
		t.Errorf("after the other one ended: %v", err)
	}
	if err := s.FinishRun(t.Context(), "r1", eval.RunIncomplete); err != nil {
		t.Fatal(err)
	}
	_, end = otherProcess(t, path)
	end(true)
	if err := start(); err != nil {
		t.Errorf("after the other one was killed: %v", err)
	}
	if err := s.FinishRun(t.Context(), "r1", eval.RunIncomplete); err != nil {
		t.Fatal(err)
	}
	_, end = otherProcess(t, path)
	c.at = c.at.Add(2 * time.Minute)
	if err := start(); err != nil {
		t.Errorf("after the other one was silent for two minutes: %v", err)
	}
	end(true)
}

// TestOtherHost: a process of another machine or container cannot be seen; it
// holds its run until it has been silent for a minute.
func TestOtherHost(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "infer.db")
	a := open(t, path)
	store.Identify(a, "elsewhere/0011")
	if _, err := a.StartRun(t.Context(), newRun("r1", "a")); err != nil {
		t.Fatal(err)
	}
	c := newClock()
	b, err := store.Open(t.Context(), path, store.Options{Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close() //nolint:errcheck // the test has read what it needs
	c.at = c.at.Add(50 * time.Second)
	if _, err := b.StartRun(t.Context(), newRun("r1", "a")); eval.KindOf(err) != eval.KindStore || !strings.Contains(err.Error(), "on elsewhere") {
		t.Errorf("%v", err)
	}
	c.at = c.at.Add(20 * time.Second)
	if _, err := b.StartRun(t.Context(), newRun("r1", "a")); err != nil {
		t.Errorf("after a minute of silence: %v", err)
	}
}

// TestRunNames finds a run by what people type.
func TestRunNames(t *testing.T) {
	t.Parallel()
	c := newClock()
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "infer.db"), store.Options{Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // the test has read what it needs
	for _, ref := range []string{"", "latest", "r1"} {
		if _, err := s.Run(t.Context(), ref); eval.KindOf(err) != eval.KindInvalid || eval.Hint(err) == "" {
			t.Errorf("%q in an empty store: %v", ref, err)
		}
	}
	for _, id := range []string{"rabc", "rabd", "rxyz"} {
		c.at = c.at.Add(time.Second)
		begin(t, s, newRun(id, "a"), 1)
	}
	for ref, want := range map[string]string{"": "rxyz", "latest": "rxyz", "rabc": "rabc", "rx": "rxyz", "name of rabd": "rabd"} {
		if got, err := s.Run(t.Context(), ref); err != nil || got.ID != want {
			t.Errorf("%q is %v, %v; want %s", ref, got, err, want)
		}
	}
	for _, ref := range []string{"rab", "nothing", "%", "_abc"} {
		if _, err := s.Run(t.Context(), ref); eval.KindOf(err) != eval.KindInvalid || eval.Hint(err) == "" {
			t.Errorf("%q: %v", ref, err)
		}
	}
	infos, err := s.Runs(t.Context())
	if err != nil || len(infos) != 3 || infos[0].ID != "rxyz" || infos[2].ID != "rabc" {
		t.Errorf("the list: %+v, %v", infos, err)
	}
}

// TestDelete leaves nothing of a run in the file or beside it, and everything of
// the others.
func TestDelete(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "infer.db")
	s := open(t, path)
	keep := begin(t, s, newRun("rkeep", "a"), 3)
	record(t, keep, plain(0, 0, true, 1), plain(1, 0, true, 1))
	run := newRun("rgone", "CANARY-candidate")
	run.Name = "CANARY-run"
	run.Candidates[0].Prompt.System = "CANARY-prompt"
	run.Dataset.Tasks = 20
	if _, err := s.StartRun(t.Context(), run); err != nil {
		t.Fatal(err)
	}
	j, err := s.Journal(t.Context(), run)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		task := task(i)
		task.ID, task.Type, task.File = fmt.Sprintf("CANARY-task-%d", i), "CANARY-type", "CANARY-file"
		task.Raw = fmt.Appendf(nil, `{"input":"CANARY-line %d"}`, i)
		task.Digest = eval.DigestOf(task.Raw)
		trial := plain(i, 0, true, 1)
		a := &trial.Attempts[0]
		trial.TaskID, trial.TaskType = task.ID, task.Type
		a.Candidate, a.Provider, a.Model, a.Served, a.RequestID, a.Output = "CANARY-candidate", "CANARY-provider", "CANARY-model", "CANARY-served", "CANARY-request", eval.Untrusted(fmt.Sprintf("CANARY-answer-%d", i))
		a.Grade.Scores[0].Explanation = "CANARY-explanation"
		a.RateLimits = map[string]string{"x": "CANARY-header"}
		if i == 0 {
			a.Output = "answer 0" // the other run's text too
			trial.Plan = "CANARY-plan"
		}
		err := errors.Join(j.AddTasks(t.Context(), []*eval.Task{task}), j.Intend(t.Context(), eval.Intent{TaskSeq: i, At: newClock().at}), j.Record(t.Context(), trial))
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(j.Flush(t.Context()), s.FinishRun(t.Context(), "rgone", eval.RunComplete)); err != nil {
		t.Fatal(err)
	}
	before := asJSON(t, trials(t, s, "rkeep", store.Filter{}))
	if err := s.DeleteRun(t.Context(), "rgone"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Run(t.Context(), "rgone"); err == nil {
		t.Error("the run is still there")
	}
	for _, file := range []string{path, path + "-wal"} {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if at := bytes.Index(b, []byte("CANARY")); at >= 0 {
			t.Errorf("%s still holds %q", filepath.Base(file), b[at:min(at+40, len(b))])
		}
	}
	if diff := cmp.Diff(before, asJSON(t, trials(t, s, "rkeep", store.Filter{}))); diff != "" {
		t.Errorf("the other run changed:\n%s", diff)
	}
	if problems, err := s.Check(t.Context()); err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", problems, err)
	}
	record(t, keep, plain(2, 0, true, 1)) // what the writer remembered is still right
	if n := overall(t, s, "rkeep", 0).N; n != 3 {
		t.Errorf("%d trials", n)
	}
	if err := s.DeleteRun(t.Context(), "rgone"); err == nil {
		t.Error("a run that is gone was deleted again")
	}
}

// TestRecords are the ten fields, in order, with what is unknown left out.
func TestRecords(t *testing.T) {
	t.Parallel()
	s := fresh(t)
	run := newRun("r1", "a", "b")
	j := begin(t, s, run, 600)
	for i := range 600 { // more than two pages
		record2(t, j, plain(i, 0, true, eval.Money(i)))
	}
	auth := failed(0, 1, eval.ClassAuthBilling, eval.Exactly(0))
	auth.Attempts[0].Billing = eval.NotBilled
	record(t, j, auth, failed(1, 1, eval.ClassTimeout, eval.Between(0, 9)))
	var got []eval.Record
	for r, err := range s.Records(context.Background(), run) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, r)
	}
	if len(got) != 602 {
		t.Fatalf("%d records, want 602", len(got))
	}
	for i := range 600 {
		r := got[i]
		if r.TaskID != fmt.Sprintf("t%d", i) || r.Model != "a-model" || r.Accepted == nil || !*r.Accepted || r.FinalCost == nil || *r.FinalCost != eval.Money(i) || *r.Latency.User != 120_000 {
			t.Fatalf("record %d: %+v", i, r)
		}
	}
	if r := got[600]; r.Accepted != nil || r.Class != eval.ClassAuthBilling || r.FinalCost == nil || r.Origins["accepted_result"] != eval.UnknownOrigin {
		t.Errorf("refused credentials say nothing of the answer: %+v", r)
	}
	if r := got[601]; r.Accepted == nil || *r.Accepted || r.FinalCost != nil || r.Origins["final_cost"] != eval.UnknownOrigin {
		t.Errorf("a timeout is not accepted, and its cost is unknown: %+v", r)
	}
}

func record2(t testing.TB, j *store.Journal, trial *eval.Trial) {
	t.Helper()
	if err := j.Record(t.Context(), trial); err != nil {
		t.Fatal(err)
	}
}

// TestOutcomes are the trials as statistics see them: those with an outcome, with
// their clusters numbered.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	s := fresh(t)
	j := begin(t, s, newRun("r1", "a"), 4)
	cut := plain(2, 0, false, 5)
	cut.CutOff, cut.Verdict, cut.Final = true, eval.Errored, -1
	same := plain(3, 0, true, 7)
	same.Cluster = "t0"
	record(t, j, plain(0, 0, true, 7), failed(1, 0, eval.ClassTimeout, eval.UnknownCost()), cut, same)
	types, err := s.TaskTypes(t.Context(), "r1")
	if err != nil || strings.Join(types, " ") != "label title" {
		t.Fatal(types, err)
	}
	var got []eval.Outcome
	for o, err := range s.Outcomes(t.Context(), "r1", types) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, o)
	}
	want := []eval.Outcome{
		{TaskSeq: 0, Cluster: 0, TaskType: 0, Verdict: eval.Accepted, Attempts: 1, FirstTry: true, Cost: eval.Exactly(7), LatencyUS: 120_000, TTFTUS: 40_000},
		{TaskSeq: 1, Cluster: 1, TaskType: 1, Verdict: eval.Errored, Class: eval.ClassTimeout, Attempts: 1, Cost: eval.UnknownCost(), LatencyUS: 120_000, TTFTUS: -1},
		{TaskSeq: 3, Cluster: 0, TaskType: 1, Verdict: eval.Accepted, Attempts: 1, FirstTry: true, Cost: eval.Exactly(7), LatencyUS: 120_000, TTFTUS: 40_000},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestWindows counts calls and outages by candidate and stretch of time; what was
// recorded elsewhere has no time of its own.
func TestWindows(t *testing.T) {
	t.Parallel()
	s := fresh(t)
	run := newRun("r1", "x", "y")
	j := begin(t, s, run, 4)
	at := func(trial *eval.Trial, later time.Duration) *eval.Trial {
		trial.Attempts[0].StartedAt = newClock().at.Add(later)
		return trial
	}
	old := plain(3, 1, true, 5)
	old.Attempts[0].Recorded = true
	record(t, j, at(plain(0, 0, true, 5), 0), at(failed(1, 0, eval.ClassTimeout, eval.Exactly(0)), time.Minute),
		at(failed(2, 0, eval.ClassRateLimit, eval.Exactly(0)), 6*time.Minute), at(failed(0, 1, eval.ClassNetwork, eval.Exactly(0)), 0), old)
	got, err := s.Windows(t.Context(), "r1", 5*time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	first := newClock().at.Unix() / 300
	want := []store.Window{{Candidate: 0, At: first, Calls: 2, Down: 1}, {Candidate: 0, At: first + 1, Calls: 1}, {Candidate: 1, At: first, Calls: 1, Down: 1}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
