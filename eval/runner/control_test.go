package runner_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"infer/eval"
	"infer/eval/runner"
)

// TestHold holds a run for an hour in the middle, with retries under way: no call
// begins meanwhile, and the hour is in no time of any attempt.
func TestHold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		from, to := 2*time.Second+50*time.Millisecond, time.Hour
		var c runner.Control
		caller := &caller{answer: func(ctx context.Context, req *eval.Request) eval.Response {
			if at := time.Since(begun); at > from && at < to {
				t.Errorf("a call began %s after the start", at)
			}
			_ = runner.Sleep(ctx, 100*time.Millisecond)
			if req.Draw == 0 && req.TaskID[len(req.TaskID)-1]%2 == 0 {
				return say("500")
			}
			return say("ok")
		}}
		target := model("m", "p", caller)
		target.Virtual = false
		time.AfterFunc(from, c.Hold)
		time.AfterFunc(to, c.Release)
		j := new(journal)
		res, err := runner.Run(t.Context(), runner.Options{Run: &eval.Run{Candidates: []eval.Candidate{*target.Candidate}, Repeats: 1}, Lanes: []runner.Lane{{Primary: target}},
			Tasks: tasks(80), Grader: grader{}, Journal: j, Concurrency: 2, Control: &c})
		if err != nil || res.Trials != 80 || res.Calls != 120 {
			t.Fatalf("%+v, %v", res, err)
		}
		if time.Since(begun) < to {
			t.Fatal("it was over before the hold was")
		}
		for _, tr := range j.finished() {
			for i := range tr.Attempts {
				if a := &tr.Attempts[i]; a.QueueWait > 30*time.Second || a.InFlight > time.Second || a.Backoff > time.Minute {
					t.Errorf("task %d: queue %s, in flight %s, back-off %s", tr.TaskSeq, a.QueueWait, a.InFlight, a.Backoff)
				}
			}
		}
	})
}

// TestHoldStopped stops a run that is held: it ends.
func TestHoldStopped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var c runner.Control
		c.Hold()
		stop := make(chan struct{})
		time.AfterFunc(time.Minute, func() { close(stop) })
		target := model("m", "p", scripted("ok"))
		res, err := runner.Run(t.Context(), runner.Options{Run: &eval.Run{Candidates: []eval.Candidate{*target.Candidate}, Repeats: 1}, Lanes: []runner.Lane{{Primary: target}},
			Tasks: tasks(3), Grader: grader{}, Journal: new(journal), Concurrency: 2, Control: &c, Stop: stop})
		if err != nil || res.Calls != 0 || res.Stopped != "interrupted" {
			t.Errorf("%+v, %v", res, err)
		}
	})
}

// TestDrop drops a candidate: no trial of it begins any more, and the other is run to
// the end.
func TestDrop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var c runner.Control
		slow := func() *caller {
			return &caller{answer: func(ctx context.Context, _ *eval.Request) eval.Response {
				_ = runner.Sleep(ctx, time.Second)
				return say("ok")
			}}
		}
		a, b := slow(), slow()
		one, two := model("a", "p", a), model("b", "q", b)
		time.AfterFunc(10*time.Second+time.Millisecond, func() { c.Drop(1) })
		j := new(journal)
		res, err := runner.Run(t.Context(), runner.Options{Run: &eval.Run{Candidates: []eval.Candidate{*one.Candidate, *two.Candidate}, Repeats: 1}, Lanes: []runner.Lane{{Primary: one}, {Primary: two}},
			Tasks: tasks(100), Grader: grader{}, Journal: j, Concurrency: 4, Control: &c})
		if err != nil || res.Stopped != "" {
			t.Fatalf("%+v, %v", res, err)
		}
		if a.calls() != 100 || b.calls() >= 60 || b.calls() == 0 || len(j.finished()) != a.calls()+b.calls() {
			t.Errorf("%d and %d calls, %d trials", a.calls(), b.calls(), len(j.finished()))
		}
		if !c.Dropped(1) || c.Dropped(0) {
			t.Error("the wrong candidate was dropped")
		}
	})
}
