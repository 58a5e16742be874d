package runner_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"infer/eval"
	"infer/eval/runner"
)

// started runs a plan one call at a time and returns the trials in the order in
// which they began.
func started(t testing.TB, seed uint64, n, repeats int, providers ...string) []string {
	t.Helper()
	var mu sync.Mutex
	var order []string
	c := &caller{answer: func(_ context.Context, req *eval.Request) eval.Response {
		mu.Lock()
		defer mu.Unlock()
		order = append(order, fmt.Sprintf("%s/%s/%d", req.Model, req.TaskID, req.Repeat))
		return say("ok")
	}}
	var targets []runner.Target
	for i, p := range providers {
		targets = append(targets, model(fmt.Sprintf("m%d", i), p, c))
	}
	o := plan(n, targets...)
	o.Run.Seed, o.Run.Repeats, o.Concurrency = seed, repeats, 1
	run(t, o)
	return order
}

// TestOrder: the order is a function of the seed, shuffled, complete, and
// interleaved across candidates.
func TestOrder(t *testing.T) {
	t.Parallel()
	a, again, other := started(t, 1, 100, 2, "p", "p"), started(t, 1, 100, 2, "p", "p"), started(t, 2, 100, 2, "p", "p")
	if !slices.Equal(a, again) {
		t.Error("the same seed gave another order")
	}
	if slices.Equal(a, other) {
		t.Error("another seed gave the same order")
	}
	sorted, rest := slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(other))
	if len(a) != 400 || !slices.Equal(sorted, rest) || len(slices.Compact(sorted)) != 400 {
		t.Errorf("%d trials of 400, or some twice", len(a))
	}
	if slices.IsSorted(a) {
		t.Error("not shuffled")
	}
	// A slow hour must hit all candidates alike: each has about half of every
	// stretch. 100 of 400 drawn without order lie within 35…65 but for 1 in 1,000.
	for at := 0; at < len(a); at += 100 {
		n := 0
		for _, s := range a[at : at+100] {
			if strings.HasPrefix(s, "m0-1/") {
				n++
			}
		}
		if n < 35 || n > 65 {
			t.Errorf("%d of the trials from %d on are the first candidate's", n, at)
		}
	}
}

// TestProvidersApart: a provider whose limiter lets nobody in holds up nobody
// else, and no slot.
func TestProvidersApart(t *testing.T) {
	t.Parallel()
	open := make(chan struct{})
	stuck, quick := model("a", "stuck", scripted("ok")), model("b", "quick", scripted("ok"))
	stuck.Limiter = gate(open)
	o := plan(40, stuck, quick)
	o.Concurrency = 2
	var mu sync.Mutex
	n := 0
	o.OnTrial = func(trial *eval.Trial) {
		mu.Lock()
		defer mu.Unlock()
		if trial.Candidate == 1 {
			if n++; n == 40 {
				close(open) // only now may the other provider be called
			}
		}
	}
	if res, _ := run(t, o); res.Trials != 80 {
		t.Errorf("%d trials, want 80", res.Trials)
	}
}

// gate is a limiter that lets calls in once it is closed.
type gate chan struct{}

func (g gate) Acquire(ctx context.Context, _ int64) (func(*eval.Response), error) {
	select {
	case <-g:
		return func(*eval.Response) {}, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// TestConcurrency: no more calls are in flight than allowed, and all of those.
func TestConcurrency(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	now, most := 0, 0
	full := make(chan struct{})
	c := &caller{answer: func(context.Context, *eval.Request) eval.Response {
		mu.Lock()
		now++
		if most = max(most, now); most == 5 {
			select {
			case <-full:
			default:
				close(full)
			}
		}
		mu.Unlock()
		<-full // the first calls wait for one another
		mu.Lock()
		now--
		mu.Unlock()
		return say("ok")
	}}
	o := plan(60, model("m", "p", c))
	o.Concurrency = 5
	run(t, o)
	if most != 5 {
		t.Errorf("%d calls in flight at most, want 5", most)
	}
}

// TestResume: a run that was stopped anywhere and continued has the trials of
// one that was not, each with one outcome.
func TestResume(t *testing.T) {
	t.Parallel()
	words := []string{"ok", "bad", "429", "500", "?", "reset", "400"}
	answer := func(_ context.Context, req *eval.Request) eval.Response {
		d := eval.DigestOf([]byte(req.Model), []byte(req.TaskID), []byte{byte(req.Repeat), byte(req.Draw)})
		return say(words[int(d[0])%len(words)])
	}
	fresh := func() runner.Options {
		c := &caller{answer: answer}
		o := plan(12, model("a", "p", c), model("b", "q", c))
		o.Run.Repeats, o.Run.TaskTypes[0].Regenerate, o.Concurrency = 2, 1, 3
		return o
	}
	_, whole := run(t, fresh())
	want := outcomes(whole.finished())
	rapid.Check(t, func(rt *rapid.T) {
		o := fresh()
		done := make(map[string]bool)
		o.Done = func(seq, candidate, repeat int) bool {
			return done[fmt.Sprintf("%03d/%06d/%03d", candidate, seq, repeat)]
		}
		j := o.Journal.(*journal)
		for parts := 0; ; parts++ {
			o.Stop, o.OnAttempt = nil, nil
			if parts < 4 {
				o.Stop, o.OnAttempt = stopAfter(rapid.IntRange(1, 30).Draw(rt, "calls before the stop"))
			}
			before := len(j.trials)
			res, err := runner.Run(context.Background(), o)
			if err != nil {
				rt.Fatal(err)
			}
			for _, trial := range j.trials[before:] {
				if trial.CutOff {
					if trial.Verdict != eval.Errored || trial.ErrorClass() != eval.ClassCancelled || trial.Final != -1 || len(trial.Attempts) == 0 {
						rt.Fatalf("a trial that was cut off: %s %s, final %d, %d attempts", trial.Verdict, trial.ErrorClass(), trial.Final, len(trial.Attempts))
					}
					continue
				}
				done[key(trial)] = true
			}
			if res.Stopped == "" {
				break
			}
		}
		if got := outcomes(j.finished()); !slices.Equal(got, want) {
			rt.Fatalf("stopped and continued: %d outcomes, differing from the %d of a run at one go", len(got), len(want))
		}
	})
}

func stopAfter(n int) (<-chan struct{}, func(*eval.Attempt)) {
	stop := make(chan struct{})
	var once sync.Once
	var mu sync.Mutex
	return stop, func(*eval.Attempt) {
		mu.Lock()
		defer mu.Unlock()
		if n--; n <= 0 {
			once.Do(func() { close(stop) })
		}
	}
}

func outcomes(trials []*eval.Trial) []string {
	var out []string
	for _, t := range trials {
		out = append(out, fmt.Sprintf("%s %s %s %d %s %v", key(t), t.Verdict, t.ErrorClass(), t.Final, causes(t), t.Cost))
	}
	return out
}

// TestSkips counts what has its outcome already.
func TestSkips(t *testing.T) {
	t.Parallel()
	c := scripted("ok")
	o := plan(10, model("m", "p", c))
	o.Done = func(seq, _, _ int) bool { return seq%2 == 0 }
	res, _ := run(t, o)
	if res.Skipped != 5 || res.Trials != 5 || c.calls() != 5 || res.Calls != 5 {
		t.Errorf("skipped %d, ran %d in %d calls", res.Skipped, res.Trials, c.calls())
	}
}

// TestHarnessFails: what the harness itself cannot do is an error, not an
// outcome.
func TestHarnessFails(t *testing.T) {
	t.Parallel()
	bad := errors.New("broken")
	for name, set := range map[string]func(*runner.Options){
		"a task that cannot be read": func(o *runner.Options) {
			o.Tasks = func(yield func(*eval.Task, error) bool) {
				_ = yield(task(0), nil) && yield(nil, bad)
			}
		},
		"a block that cannot be prepared": func(o *runner.Options) {
			o.Prepare = func(context.Context, []*eval.Task) error { return bad }
		},
		"a journal that cannot write": func(o *runner.Options) { o.Journal = &journal{err: bad} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := plan(3, model("m", "p", scripted("ok")))
			set(&o)
			if _, err := runner.Run(t.Context(), o); !errors.Is(err, bad) {
				t.Errorf("error %v, want %v", err, bad)
			}
		})
	}
	if _, err := runner.Run(t.Context(), runner.Options{Run: &eval.Run{}}); !errors.Is(err, runner.ErrNoLanes) {
		t.Errorf("a plan without candidates: %v", err)
	}
}

// TestLimit runs the first tasks only.
func TestLimit(t *testing.T) {
	t.Parallel()
	o := plan(10, model("m", "p", scripted("ok")))
	o.Run.Limit = 3
	_, j := run(t, o)
	for _, trial := range j.trials {
		if trial.TaskSeq >= 3 {
			t.Errorf("task %d was run", trial.TaskSeq)
		}
	}
	if len(j.trials) != 3 {
		t.Errorf("%d trials, want 3", len(j.trials))
	}
}
