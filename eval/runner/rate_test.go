package runner_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"infer/eval"
	"infer/eval/runner"
)

// TestRate: at a fixed rate trials begin at their times whatever became of those
// before, and a time that was missed is in the user-visible latency.
func TestRate(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name        string
		concurrency int
		late        []time.Duration // of the five trials, in their order
	}{
		{"room for all", 10, []time.Duration{0, 0, 0, 0, 0}},
		{"one at a time, two seconds each", 1, []time.Duration{0, time.Second, 2 * time.Second, 3 * time.Second, 4 * time.Second}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				c := &caller{answer: func(context.Context, *eval.Request) eval.Response {
					time.Sleep(2 * time.Second)
					r := say("ok")
					r.InFlight = 2 * time.Second
					return r
				}}
				o := plan(5, model("m", "p", c))
				o.Run.Rate, o.Concurrency = 1, tc.concurrency
				_, j := run(t, o)
				for _, trial := range j.trials {
					k := int(trial.Attempts[0].StartedAt.Add(-trial.Attempts[0].QueueWait).Sub(began) / time.Second) // its turn
					d, _ := trial.UserVisible()
					if trial.Lag == nil || *trial.Lag != tc.late[k] || d != tc.late[k]+2*time.Second || trial.Attempts[0].QueueWait != tc.late[k] {
						t.Errorf("trial %d: lag %v, user-visible %s, queue %s; want %s late", k, trial.Lag, d, trial.Attempts[0].QueueWait, tc.late[k])
					}
					if first, ok := trial.FirstToken(); !ok || first != tc.late[k]+4*time.Millisecond {
						t.Errorf("trial %d: first token after %s", k, first)
					}
				}
			})
		})
	}
	o := plan(1, model("m", "p", scripted("ok")))
	if got := one(t, o); got.Lag != nil {
		t.Error("a lag without a rate")
	}
}

// TestDeadline: the run stops at its deadline, lets calls in flight end for a
// while and then cuts them off. That is no error.
func TestDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &caller{answer: func(ctx context.Context, req *eval.Request) eval.Response {
			d := 4 * time.Second
			if req.TaskID == "t0" {
				d = time.Hour
			}
			select {
			case <-time.After(d):
				return say("ok")
			case <-ctx.Done():
				r := say("slow")
				r.Failure.Class = eval.ClassCancelled
				return r
			}
		}}
		o := plan(100, model("m", "p", c))
		o.Concurrency, o.Deadline, o.Grace = 4, 10*time.Second, 5*time.Second
		began := time.Now()
		res, j := run(t, o)
		if took := time.Since(began); took > 15*time.Second {
			t.Errorf("it took %s", took)
		}
		if res.Stopped != "deadline of 10s reached" {
			t.Errorf("stopped: %q", res.Stopped)
		}
		cut := 0
		for _, trial := range j.trials {
			if trial.CutOff {
				cut++
			}
		}
		if hanging := started(t, 7, 100, 1, "p")[:12]; strings.Contains(strings.Join(hanging, " "), "/t0/") != (cut == 1) || res.Trials+int64(cut) != res.Calls {
			t.Errorf("%d trials, %d cut off, %d calls", res.Trials, cut, res.Calls)
		}
	})
}

// TestUnderWay: trials that wait for their retries do not pile up without end.
func TestUnderWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := model("m", "p", scripted("500"))
		m.Virtual = false
		o := plan(1000, m)
		o.Concurrency = 5
		stop := make(chan struct{})
		o.Stop = stop
		time.AfterFunc(200*time.Millisecond, func() { close(stop) }) // before any first wait is over
		if _, j := run(t, o); len(j.trials) != 20 {
			t.Errorf("%d trials were under way at once, want 4 for each of 5 calls", len(j.trials))
		}
	})
}

// TestOutage: when call after call fails, a provider's trials are held back and at
// last it is given up; its other trials have no outcome rather than an error. A
// policy with a backup goes on.
func TestOutage(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		down   func(since time.Duration) bool // whether a call fails, so long after the start
		trials bool                           // all trials have an outcome
		most   int                            // calls to it at most
		took   time.Duration                  // at least
		causes string                         // of the changes, each once
	}{
		{"never there", func(time.Duration) bool { return true }, false, 20 + 8 + 1, 5 * time.Second, "start outage"},
		{"gone for good", func(d time.Duration) bool { return d > time.Second }, false, 800 + 20 + 8 + 3, 35 * time.Second, "start grow outage"},
		{"gone for a while", func(d time.Duration) bool { return d > time.Second && d < 4*time.Second }, true, 3000, 5 * time.Second, "start grow outage recovery"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				c := &caller{answer: func(context.Context, *eval.Request) eval.Response {
					time.Sleep(10 * time.Millisecond)
					if tc.down(time.Since(began)) {
						return say("refused") // not retried: each failure is a trial's
					}
					return say("ok")
				}}
				var causes []string
				var throttles []eval.Throttle
				g := runner.NewGovernor(8, runner.GovernorOptions{Provider: "p", OnChange: func(th eval.Throttle) {
					causes, throttles = append(causes, string(th.Cause)), append(throttles, th)
				}})
				m := model("m", "p", c)
				m.Virtual, m.Limiter = false, g
				o := plan(3000, m)
				o.Concurrency = 8
				res, j := run(t, o)
				if got := strings.Join(slices.Compact(causes), " "); got != tc.causes {
					t.Errorf("changes: %s; want %s", got, tc.causes)
				}
				if c.calls() > tc.most || time.Since(began) < tc.took {
					t.Errorf("%d calls in %s; want at most %d in at least %s", c.calls(), time.Since(began), tc.most, tc.took)
				}
				if whole := res.Trials == 3000; whole != tc.trials || whole != (res.Halted["p"] == nil) {
					t.Errorf("%d trials with an outcome; halted %v", res.Trials, res.Halted)
				}
				for _, trial := range j.trials {
					if trial.CutOff {
						t.Errorf("task %s was cut off after %d attempts", trial.TaskID, len(trial.Attempts))
					}
				}
				if last := throttles[len(throttles)-1]; tc.trials && (last.Calls < 1 || last.PerMinute != nil) {
					t.Errorf("the last change: %+v", last)
				}
			})
		})
	}
}

// TestPolicyInOutage: a policy asks its default to the end, and what the default
// does not answer its backup does.
func TestPolicyInOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		down, backup := scripted("refused"), scripted("ok")
		o := policy(down, backup, nil, outage)
		g := runner.NewGovernor(4, runner.GovernorOptions{Provider: "p"})
		o.Lanes[0].Primary.Limiter = g.Insistent()
		alone := model("alone", "p", down)
		alone.Limiter = g
		o.Run.Candidates = append(o.Run.Candidates, *alone.Candidate)
		o.Lanes = append(o.Lanes, runner.Lane{Primary: alone})
		o.Tasks = tasks(200)
		res, j := run(t, o)
		answered := 0
		for _, trial := range j.trials {
			if trial.Candidate == 0 && trial.Verdict == eval.Accepted && causes(trial) == "first fallback" {
				answered++
			}
		}
		if answered != 200 || res.Halted["p"] == nil || backup.calls() != 200 {
			t.Errorf("%d of 200 trials of the policy were answered by its backup; halted %v", answered, res.Halted)
		}
	})
}
