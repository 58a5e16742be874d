package runner_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"infer/eval"
	"infer/eval/runner"
)

// TestMaxCalls: no call is made beyond the limit, whatever is retried, and a
// trial that would have needed one has no outcome.
func TestMaxCalls(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		limit := rapid.Int64Range(1, 60).Draw(rt, "limit")
		before := rapid.Int64Range(0, limit+3).Draw(rt, "calls of earlier invocations")
		c := scripted("429", "ok")
		o := plan(20, model("m", "p", c))
		o.Concurrency = rapid.IntRange(1, 8).Draw(rt, "concurrency")
		o.MaxCalls, o.Calls = limit, before
		res, err := runner.Run(context.Background(), o)
		if err != nil {
			rt.Fatal(err)
		}
		allowed := max(0, limit-before)
		if n := int64(c.calls()); n > allowed || n != res.Calls || n < min(allowed, 40) {
			rt.Fatalf("%d calls counted as %d, of %d allowed", n, res.Calls, allowed)
		}
		if stopped := res.Stopped != ""; stopped != (allowed < 40) {
			rt.Fatalf("stopped: %q with %d of 40 calls allowed", res.Stopped, allowed)
		}
		attempts := 0
		for _, trial := range o.Journal.(*journal).trials {
			attempts += len(trial.Attempts)
			if trial.CutOff != (trial.Verdict != eval.Accepted) {
				rt.Fatalf("%s, cut off %v: the limit must not make an error", trial.Verdict, trial.CutOff)
			}
		}
		if attempts != c.calls() {
			rt.Fatalf("%d attempts stored of %d calls made", attempts, c.calls())
		}
	})
}

// TestMaxCost: once the money is spent no call begins; what was in flight then
// is all that comes on top.
func TestMaxCost(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		o := plan(50, model("m", "p", scripted("ok")))
		o.Concurrency = rapid.IntRange(1, 8).Draw(rt, "concurrency")
		o.MaxCost = eval.Money(rapid.Int64Range(1, 2000).Draw(rt, "limit"))
		o.Cost = eval.Money(rapid.Int64Range(0, 300).Draw(rt, "spent earlier"))
		res, err := runner.Run(context.Background(), o)
		if err != nil {
			rt.Fatal(err)
		}
		spent := o.Cost + eval.Money(36*res.Calls) // 12 tokens at 3
		if over := spent - o.MaxCost; res.Calls > 0 && over >= eval.Money(36*o.Concurrency) {
			rt.Fatalf("spent %d of %d with %d in flight", spent, o.MaxCost, o.Concurrency)
		}
		if stopped := res.Stopped != ""; stopped != (spent >= o.MaxCost) {
			rt.Fatalf("stopped: %q; spent %d of %d", res.Stopped, spent, o.MaxCost)
		}
		if o.Cost >= o.MaxCost && res.Calls != 0 {
			rt.Fatalf("%d calls although the money was spent before", res.Calls)
		}
	})
}

// TestMaxCostOfUnknown: a call that may have been billed counts as if it was.
func TestMaxCostOfUnknown(t *testing.T) {
	t.Parallel()
	m := model("m", "p", scripted("slow"))
	m.Candidate.Retry.Max = 0
	o := plan(50, m)
	o.Concurrency, o.MaxCost = 1, 2000 // one such call costs 633 at most
	if res, _ := run(t, o); res.Calls != 4 || !strings.HasPrefix(res.Stopped, "cost limit") {
		t.Errorf("%d calls, stopped: %q", res.Calls, res.Stopped)
	}
}

// TestStop: on a stop no call begins, calls in flight end and count, and trials
// that waited for another call are cut off at once, with what they spent.
func TestStop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stop := make(chan struct{})
		c := &caller{answer: func(_ context.Context, req *eval.Request) eval.Response {
			if req.TaskID == "t1" {
				return say("429/50")
			}
			time.Sleep(10 * time.Second)
			return say("ok")
		}}
		m := model("m", "p", c)
		m.Virtual = false
		o := plan(10, m)
		o.Concurrency, o.Stop = 3, stop
		go func() {
			time.Sleep(15 * time.Second)
			close(stop)
		}()
		began := time.Now()
		res, j := run(t, o)
		if took := time.Since(began); took != 20*time.Second {
			t.Errorf("ended %s after the start: the calls in flight end at 20 s, the wait of 50 s is not waited for", took)
		}
		if res.Stopped != "interrupted" || res.Trials == 0 || res.Calls != int64(c.calls()) {
			t.Errorf("stopped %q after %d trials", res.Stopped, res.Trials)
		}
		for _, trial := range j.trials {
			if trial.CutOff != (trial.TaskID == "t1") {
				t.Errorf("task %s: cut off %v, %s", trial.TaskID, trial.CutOff, trial.Verdict)
			}
		}
	})
}

// TestCancel: cutting the calls off flushes what is done and keeps what the
// trials had spent; the call that was cut is an attempt of unknown cost.
func TestCancel(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		why := errors.New("interrupted")
		ctx, cancel := context.WithCancelCause(t.Context())
		c := &caller{answer: func(ctx context.Context, req *eval.Request) eval.Response {
			if req.TaskID == "t0" {
				return say("ok")
			}
			if req.Draw == 0 {
				return say("bad")
			}
			<-ctx.Done()
			r := say("slow")
			r.Failure.Class, r.Failure.Retry = eval.ClassCancelled, false
			return r
		}}
		o := plan(3, model("m", "p", c))
		o.Run.TaskTypes[0].Regenerate = 1
		go func() {
			time.Sleep(time.Minute)
			cancel(why)
		}()
		res, err := runner.Run(ctx, o)
		if !errors.Is(err, why) || res.Trials != 1 {
			t.Errorf("%v after %d trials", err, res.Trials)
		}
		j := o.Journal.(*journal)
		if len(j.trials) != 3 {
			t.Fatalf("%d trials handed over, want all 3", len(j.trials))
		}
		for _, trial := range j.trials {
			if trial.TaskID == "t0" {
				continue
			}
			if !trial.CutOff || causes(trial) != "first regenerate" || trial.Final != -1 || trial.FirstTry != nil {
				t.Errorf("task %s: cut off %v, %s", trial.TaskID, trial.CutOff, causes(trial))
			}
			if trial.Cost.Answer != eval.Exactly(36) || trial.Cost.Failed.Known() {
				t.Errorf("task %s: split %+v", trial.TaskID, trial.Cost)
			}
			if _, ok := trial.UserVisible(); ok {
				t.Errorf("task %s has a time to a result that never came", trial.TaskID)
			}
		}
	})
}

// TestCancelWhileQueued: trials that wait for a slot or for a limiter end with
// the run and leave nothing behind.
func TestCancelWhileQueued(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		m := model("m", "p", scripted("ok"))
		m.Limiter = gate(make(chan struct{}))
		o := plan(9000, m) // more than a queue holds
		go func() {
			time.Sleep(time.Second)
			cancel()
		}()
		res, err := runner.Run(ctx, o)
		if !errors.Is(err, context.Canceled) || res.Calls != 0 || len(o.Journal.(*journal).trials) != 0 {
			t.Errorf("%v, %d calls", err, res.Calls)
		}
	})
}

// TestBackoffHoldsNoSlot: while one trial waits, others call.
func TestBackoffHoldsNoSlot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var late atomic.Int64
		began := time.Now()
		c := &caller{answer: func(_ context.Context, req *eval.Request) eval.Response {
			time.Sleep(time.Second)
			if req.TaskID == "t0" && req.Draw == 0 {
				return say("429/30")
			}
			if req.TaskID != "t0" {
				late.Store(int64(time.Since(began)))
			}
			return say("ok")
		}}
		m := model("m", "p", c)
		m.Virtual = false
		o := plan(10, m)
		o.Concurrency = 1
		_, j := run(t, o)
		if d := time.Duration(late.Load()); d != 10*time.Second {
			t.Errorf("the other nine ended after %s, want 10 s", d)
		}
		for _, trial := range j.trials {
			if d, _ := trial.UserVisible(); trial.TaskID == "t0" && d != 30*time.Second+20*time.Millisecond {
				t.Errorf("the one that waited took %s", d)
			}
		}
	})
}
