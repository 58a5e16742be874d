package eval_test

import (
	"testing"
	"time"

	"infer/eval"
)

const ms = time.Millisecond

func at(d time.Duration) *time.Duration { return &d }

// TestClocks adds the times of a trial up by hand: the user waits for every call
// and every back-off, not for our queue and not for judges.
func TestClocks(t *testing.T) {
	t.Parallel()
	failed := eval.Attempt{Cause: eval.CauseFirst, QueueWait: 500 * ms, InFlight: 30 * ms, Failure: &eval.Failure{Class: eval.ClassRateLimit}, Backend: at(20 * ms)}
	retry := eval.Attempt{Cause: eval.CauseRetry, Backoff: 100 * ms, InFlight: 40 * ms, TTFT: at(15 * ms), Backend: at(35 * ms)}
	judge := eval.Attempt{Cause: eval.CauseJudge, InFlight: 1000 * ms}
	again := eval.Attempt{Cause: eval.CauseRegenerate, InFlight: 50 * ms, TTFT: at(20 * ms), Backend: at(45 * ms)}
	for name, c := range map[string]struct {
		trial                eval.Trial
		user, first, backend time.Duration // below 0 = unknown
		retries              int
		fallback             bool
	}{
		"a retry, judged, and another answer": {eval.Trial{Attempts: []eval.Attempt{failed, retry, judge, again}, Final: 3}, 220 * ms, 190 * ms, 100 * ms, 1, false},
		"the first of two answers counts":     {eval.Trial{Attempts: []eval.Attempt{failed, retry, judge, again}, Final: 1}, 220 * ms, 145 * ms, 100 * ms, 1, false},
		"no answer":                           {eval.Trial{Attempts: []eval.Attempt{failed}, Final: -1}, 30 * ms, -1, 20 * ms, 0, false},
		"not streamed":                        {eval.Trial{Attempts: []eval.Attempt{{Cause: eval.CauseFirst, InFlight: 7 * ms}}, Final: 0}, 7 * ms, -1, -1, 0, false},
		"a server that does not say":          {eval.Trial{Attempts: []eval.Attempt{failed, {Cause: eval.CauseRetry, InFlight: 5 * ms}}, Final: 1}, 35 * ms, -1, -1, 1, false},
		"no call":                             {eval.Trial{Final: -1}, -1, -1, -1, 0, false},
		"only a judge":                        {eval.Trial{Attempts: []eval.Attempt{judge}, Final: -1}, -1, -1, -1, 0, false},
		"a fallback": {eval.Trial{Attempts: []eval.Attempt{failed, {Cause: eval.CauseFallback, InFlight: 60 * ms, TTFT: at(10 * ms), Backend: at(1 * ms)}}, Final: 1},
			90 * ms, 40 * ms, 21 * ms, 0, true},
		"what an earlier trial took is not its time": {eval.Trial{Attempts: []eval.Attempt{failed, retry, again}, Earlier: 2, Final: 2}, 50 * ms, 20 * ms, 45 * ms, 1, false},
		"cut off": {eval.Trial{Attempts: []eval.Attempt{failed, retry}, Final: 1, CutOff: true}, -1, -1, -1, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check := func(what string, got time.Duration, known bool, want time.Duration) {
				if known != (want >= 0) || known && got != want {
					t.Errorf("%s is %v, known %v, want %v", what, got, known, want)
				}
			}
			d, ok := c.trial.UserVisible()
			check("the user's time", d, ok, c.user)
			d, ok = c.trial.FirstToken()
			check("the first token", d, ok, c.first)
			d, ok = c.trial.Backend()
			check("the server's time", d, ok, c.backend)
			if c.trial.Retries() != c.retries || c.trial.FallbackUsed() != c.fallback {
				t.Errorf("%d retries, fallback %v", c.trial.Retries(), c.trial.FallbackUsed())
			}
		})
	}
}

// TestJudged says of every verdict and class whether a rate is taken over it: the
// user who got nothing counts, what the harness could not do does not.
func TestJudged(t *testing.T) {
	t.Parallel()
	out := map[eval.Verdict]bool{eval.Unscored: true, eval.Diverged: true}
	harness := map[eval.Class]bool{eval.ClassAuthBilling: true, eval.ClassCancelled: true}
	for _, v := range eval.Verdicts() {
		for _, c := range append(eval.Classes(), "") {
			want := !out[v] && (v != eval.Errored || !harness[c])
			if got := eval.Judged(v, c); got != want {
				t.Errorf("%s, %s: %v", v, c, got)
			}
		}
	}
}

// TestErrorClass is that of the last failure, and of errored trials alone.
func TestErrorClass(t *testing.T) {
	t.Parallel()
	fail := func(c eval.Class) eval.Attempt { return eval.Attempt{Failure: &eval.Failure{Class: c}} }
	for name, c := range map[string]struct {
		trial eval.Trial
		want  eval.Class
	}{
		"the last":            {eval.Trial{Verdict: eval.Errored, Attempts: []eval.Attempt{fail(eval.ClassTimeout), fail(eval.ClassNetwork)}}, eval.ClassNetwork},
		"an accepted trial":   {eval.Trial{Verdict: eval.Accepted, Attempts: []eval.Attempt{fail(eval.ClassTimeout), {}}}, ""},
		"without a failure":   {eval.Trial{Verdict: eval.Errored, Attempts: []eval.Attempt{{}}}, eval.ClassUnknown},
		"cut off":             {eval.Trial{Verdict: eval.Errored, CutOff: true, Attempts: []eval.Attempt{fail(eval.ClassTimeout)}}, eval.ClassCancelled},
		"of an earlier trial": {eval.Trial{Verdict: eval.Errored, Earlier: 1, Attempts: []eval.Attempt{fail(eval.ClassTimeout), {}}}, eval.ClassUnknown},
		"for a confirmation":  {eval.Trial{Verdict: eval.NeedsConfirmation, Attempts: []eval.Attempt{fail(eval.ClassUnavailable)}}, eval.ClassUnavailable},
	} {
		if got := c.trial.ErrorClass(); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestClasses: every class is valid and rolls up to one of the questions that a
// team asks.
func TestClasses(t *testing.T) {
	t.Parallel()
	faults := map[string]bool{"model": true, "parameter": true, "provider": true, "user_input": true, "credentials": true, "caller": true, "unknown": true}
	for _, c := range eval.Classes() {
		if !c.Valid() || !faults[c.Fault()] {
			t.Errorf("%s: valid %v, fault %q", c, c.Valid(), c.Fault())
		}
	}
	if eval.Class("gremlins").Valid() || eval.Class("").Valid() {
		t.Error("any class is valid")
	}
}

// TestRepairCost is time times rate.
func TestRepairCost(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		minutes float64
		rate    eval.Money
		want    string
	}{{2, 45 * eval.USD, "1.5"}, {0.5, 60 * eval.USD, "0.5"}, {10, 50 * eval.USD, "8.333333333333"}, {0, 50 * eval.USD, "0"}, {1, 1, "0"}} {
		r := eval.RepairRule{Minutes: c.minutes, HourlyRate: c.rate}
		if got := r.Cost().String(); got != c.want {
			t.Errorf("%v minutes at %s an hour cost %s, want %s", c.minutes, c.rate, got, c.want)
		}
	}
}

// TestPlanned: how many tasks a plan has is how many of them it holds, whatever
// the limit and the part.
func TestPlanned(t *testing.T) {
	t.Parallel()
	for tasks := range 12 {
		for limit := range 14 {
			for of := range 5 {
				for index := 1; index <= max(of, 1); index++ {
					r := eval.Run{Dataset: eval.Dataset{Tasks: tasks}, Limit: limit, Candidates: make([]eval.Candidate, 3), Repeats: 2}
					if of > 0 {
						r.Shard = &eval.Shard{Index: index, Of: of}
					}
					held := 0
					for seq := range tasks {
						if r.Holds(seq) {
							held++
						}
					}
					if r.Tasks() != held || r.Planned() != held*6 {
						t.Errorf("of %d tasks, limit %d, part %d/%d: %d tasks, %d planned, %d held", tasks, limit, index, of, r.Tasks(), r.Planned(), held)
					}
				}
			}
		}
	}
}
