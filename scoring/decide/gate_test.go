package decide_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"infer/eval"
	"infer/scoring/decide"
)

// gates decides the gates of a world, all of its candidates.
func (w *world) gates(t *testing.T, outcomes []eval.Outcome, mustPass ...string) []eval.GateResult {
	t.Helper()
	in, err := w.input(outcomes)
	if err != nil {
		t.Fatal(err)
	}
	run := w.run()
	who := make([]int, len(run.Candidates))
	for i := range who {
		who[i] = i
	}
	return decide.Gate(decide.GateInput{Run: run, Evidence: in.Evidence, Candidates: who, Limits: func(string) eval.GateLimits { return w.limits },
		MustPass: mustPass, ID: func(seq int32) string { return fmt.Sprint("t", seq) }})
}

func find(results []eval.GateResult, gate string) eval.GateResult {
	for _, r := range results {
		if r.Gate == gate {
			return r
		}
	}
	return eval.GateResult{}
}

func TestGates(t *testing.T) {
	t.Parallel()
	slow := func(every int) func(*eval.Outcome) {
		return func(o *eval.Outcome) {
			if o.TaskSeq%int32(every) == 0 {
				o.LatencyUS = time.Minute.Microseconds()
			}
		}
	}
	for _, c := range []struct {
		name   string
		tasks  int
		ok     func(int) bool
		limits eval.GateLimits
		spoil  func(*eval.Outcome)
		gate   string
		want   eval.GateState
	}{
		{"60 of 60 pass a floor of 95 %", 60, share(1, 1), eval.GateLimits{MinAcceptance: ptr(0.95)}, nil, decide.GateAcceptance, eval.GatePass},
		{"58 of 58 do not", 58, share(1, 1), eval.GateLimits{MinAcceptance: ptr(0.95)}, nil, decide.GateAcceptance, eval.GateUnknown},
		{"half fails it", 60, share(1, 2), eval.GateLimits{MinAcceptance: ptr(0.95)}, nil, decide.GateAcceptance, eval.GateFail},
		{"9 tasks pass nothing", 9, share(1, 1), eval.GateLimits{MinAcceptance: ptr(0.5)}, nil, decide.GateAcceptance, eval.GateUnknown},
		{"4 of 200 may be slow", 200, share(1, 1), eval.GateLimits{SLO: time.Second}, slow(50), decide.GateSLO, eval.GatePass},
		{"5 of 200 are not decided", 200, share(1, 1), eval.GateLimits{SLO: time.Second}, slow(40), decide.GateSLO, eval.GateUnknown},
		{"20 of 200 are too many", 200, share(1, 1), eval.GateLimits{SLO: time.Second}, slow(10), decide.GateSLO, eval.GateFail},
		{"an unknown latency is left out, none is unknown", 200, share(1, 1), eval.GateLimits{SLO: time.Second}, func(o *eval.Outcome) { o.LatencyUS = -1 }, decide.GateSLO, eval.GateUnknown},
		{"no answer is slow", 200, share(1, 1), eval.GateLimits{SLO: time.Second}, func(o *eval.Outcome) {
			if o.TaskSeq%8 == 0 {
				o.Verdict, o.Class, o.LatencyUS = eval.Errored, eval.ClassTimeout, 1
			}
		}, decide.GateSLO, eval.GateFail},
		{"299 clean calls show 99 %", 299, share(1, 1), eval.GateLimits{MinReliability: ptr(0.99)}, nil, decide.GateReliability, eval.GatePass},
		{"298 do not", 298, share(1, 1), eval.GateLimits{MinReliability: ptr(0.99)}, nil, decide.GateReliability, eval.GateUnknown},
		{"below the ceiling", 100, share(1, 1), eval.GateLimits{MaxCostPerAccepted: ptr(2 * cent)}, nil, decide.GateCost, eval.GatePass},
		{"above it", 100, share(1, 1), eval.GateLimits{MaxCostPerAccepted: ptr(cent / 2)}, nil, decide.GateCost, eval.GateFail},
		{"an unknown cost passes nothing", 100, share(1, 1), eval.GateLimits{MaxCostPerAccepted: ptr(cent)}, func(o *eval.Outcome) { o.Cost = eval.UnknownCost() }, decide.GateCost, eval.GateUnknown},
		{"no critical failure in 100 shows 3 %", 100, share(1, 2), eval.GateLimits{MaxCritical: ptr(0.03)}, nil, decide.GateCritical, eval.GatePass},
		{"but not 2 %", 100, share(1, 2), eval.GateLimits{MaxCritical: ptr(0.02)}, nil, decide.GateCritical, eval.GateUnknown},
		{"a tenth fails critically", 100, share(1, 2), eval.GateLimits{MaxCritical: ptr(0.02)}, func(o *eval.Outcome) {
			o.Critical = o.Verdict == eval.Rejected && o.TaskSeq < 20
		}, decide.GateCritical, eval.GateFail},
		{"whole data", 100, share(1, 1), eval.GateLimits{}, nil, decide.GateData, eval.GatePass},
		{"unjudged data", 100, share(1, 1), eval.GateLimits{}, func(o *eval.Outcome) {
			if o.TaskSeq < 2 {
				o.Verdict = eval.Unscored
			}
		}, decide.GateData, eval.GateFail},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := world{tasks: c.tasks, kind: low(0.05), limits: c.limits, models: []model{{name: "m", ok: c.ok, price: cent, latency: time.Millisecond}}}
			all := w.outcomes()
			for i := range all {
				if c.spoil != nil {
					c.spoil(&all[i])
				}
			}
			if got := find(w.gates(t, all), c.gate); got.State != c.want {
				t.Errorf("%s is %q, want %q: %s", c.gate, got.State, c.want, got.Reason)
			}
		})
	}
}

// TestMissingTasks fails the gate on the data.
func TestMissingTasks(t *testing.T) {
	t.Parallel()
	w := world{tasks: 20, kind: low(0.05), models: []model{{name: "m", ok: share(1, 1), price: cent}}}
	if g := find(w.gates(t, w.outcomes()[:19]), decide.GateData); g.State != eval.GateFail || !strings.Contains(g.Reason, "1 of 20") {
		t.Errorf("%+v", g)
	}
}

// TestMustPass fails a task only after three failures of three.
func TestMustPass(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		repeats int
		ok      bool
		id      string
		want    eval.GateState
	}{{1, true, "t3", eval.GatePass}, {1, false, "t3", eval.GateUnknown}, {2, false, "t3", eval.GateUnknown}, {3, false, "t3", eval.GateFail}, {3, true, "t99", eval.GateFail}} {
		w := world{tasks: 20, repeats: c.repeats, kind: low(0.05), models: []model{{name: "m", ok: func(i int) bool { return c.ok || i != 3 }, price: cent}}}
		if g := find(w.gates(t, w.outcomes(), c.id), decide.GateMustPass); g.State != c.want {
			t.Errorf("%d repeats, accepted %v, %s: %s, want %s: %s", c.repeats, c.ok, c.id, g.State, c.want, g.Reason)
		}
	}
}

// TestJudgesPassNothing: an acceptance that rests on judges is undecided.
func TestJudgesPassNothing(t *testing.T) {
	t.Parallel()
	w := world{tasks: 100, kind: low(0.05), limits: eval.GateLimits{MinAcceptance: ptr(0.5)}, models: []model{{name: "m", ok: share(1, 1), price: cent}}}
	in, err := w.input(w.outcomes())
	if err != nil {
		t.Fatal(err)
	}
	run := w.run()
	run.Grading.Judged = []string{"work"}
	got := find(decide.Gate(decide.GateInput{Run: run, Evidence: in.Evidence, Candidates: []int{0}, Limits: in.Limits}), decide.GateAcceptance)
	if got.State != eval.GateUnknown || !strings.Contains(got.Reason, "judges") {
		t.Errorf("%+v", got)
	}
}

// TestCheckedByPeople: enough labels decide a floor that judges cannot, and a trial
// without an answer counts against it.
func TestCheckedByPeople(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		checked *decide.Checked
		failed  int // every so many trials got no answer; 0 = none
		want    eval.GateState
		say     string
	}{
		{nil, 0, eval.GateUnknown, "a sample of answers"},
		{&decide.Checked{Point: 1, Lo: 0.92, Hi: 1, Labels: 40, Alone: true}, 0, eval.GatePass, "40 labels alone"},
		{&decide.Checked{Point: 1, Lo: 0.92, Hi: 1, Labels: 8, Alone: true}, 0, eval.GateUnknown, "too few"},
		{&decide.Checked{Point: 0.95, Lo: 0.91, Hi: 0.98, Labels: 120}, 0, eval.GatePass, "120 labels"},
		{&decide.Checked{Point: 0.92, Lo: 0.88, Hi: 0.96, Labels: 120}, 0, eval.GateUnknown, "lower bound 88.0%"},
		{&decide.Checked{Point: 0.80, Lo: 0.74, Hi: 0.86, Labels: 120}, 0, eval.GateFail, "upper bound 86.0%"},
		{&decide.Checked{Point: 0.95, Lo: 0.91, Hi: 0.98, Labels: 120}, 5, eval.GateFail, "upper bound 78.4%"},
	} {
		w := world{tasks: 100, kind: low(0.05), limits: eval.GateLimits{MinAcceptance: ptr(0.9), MaxCostPerAccepted: ptr(2 * cent)},
			models: []model{{name: "m", ok: share(1, 1), price: cent}}}
		all := w.outcomes()
		for i := range all {
			if c.failed > 0 && i%c.failed == 0 {
				all[i].Verdict, all[i].Class = eval.Errored, eval.ClassTimeout
			}
		}
		in, err := w.input(all)
		if err != nil {
			t.Fatal(err)
		}
		run := w.run()
		run.Grading.Judged = []string{"work"}
		results := decide.Gate(decide.GateInput{Run: run, Evidence: in.Evidence, Candidates: []int{0}, Limits: in.Limits,
			Checked: func(string, int) *decide.Checked { return c.checked }})
		if got := find(results, decide.GateAcceptance); got.State != c.want || !strings.Contains(got.Reason, c.say) {
			t.Errorf("%+v: %s, want %s: %s", c.checked, got.State, c.want, got.Reason)
		}
		if got := find(results, decide.GateCost); got.State != eval.GateUnknown {
			t.Errorf("a cost per task that judges accepted: %+v", got)
		}
	}
}

// noisy draws m repeats of 200 tasks: 12 % flaky at 0.7, 8 % at 0.1, the rest always
// accepted; drop lowers every rate by so much on average.
func noisy(rng *rand.Rand, b *decide.Builder, t *testing.T, candidate int32, m int, drop float64) {
	for i := range int32(200) {
		rate := 1.0
		switch {
		case i < 24:
			rate = 0.7
		case i < 40:
			rate = 0.1
		}
		if i >= 40 && i < 40+int32(drop*200) {
			rate = 0
		}
		for r := range int32(m) {
			o := eval.Outcome{TaskSeq: i, Cluster: i, Candidate: candidate, Repeat: r, Verdict: eval.Rejected, LatencyUS: -1}
			if rng.Float64() < rate {
				o.Verdict = eval.Accepted
			}
			if err := b.Add(&o); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// stages runs the two-stage rule once: one repeat, and three where that does not
// decide.
func stages(t *testing.T, rng *rand.Rand, drop float64) eval.GateState {
	t.Helper()
	seed := rng.Uint64()
	var state eval.GateState
	for _, m := range []int{1, 3} {
		b := decide.NewBuilder([]string{"work"}, 2)
		draw := rand.New(rand.NewPCG(seed, 1)) // the first repeat is not drawn again
		noisyStages(draw, b, t, m, drop)
		e, err := b.Evidence()
		if err != nil {
			t.Fatal(err)
		}
		r := decide.Regression{Candidate: "new", Baseline: "old", Evidence: e, Margins: map[string]float64{decide.Overall: 0.05},
			SLO: func(string) eval.TaskType { return low(0.05) }, OnJudges: func(string) bool { return false }}
		if state = find(r.Gates(), decide.GateRegression).State; state != eval.GateUnknown {
			return state
		}
	}
	return state
}

// noisyStages draws three repeats and keeps the first m of the new candidate, so
// that the second stage goes on from the first.
func noisyStages(rng *rand.Rand, b *decide.Builder, t *testing.T, m int, drop float64) {
	t.Helper()
	noisy(rng, b, t, 1, 3, 0)
	all := decide.NewBuilder([]string{"work"}, 2)
	for r := range m {
		one := rand.New(rand.NewPCG(rng.Uint64(), uint64(r)))
		part := decide.NewBuilder([]string{"work"}, 2)
		noisyRepeat(one, part, t, int32(r), drop)
		if err := all.Merge(part); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Merge(all); err != nil {
		t.Fatal(err)
	}
}

func noisyRepeat(rng *rand.Rand, b *decide.Builder, t *testing.T, repeat int32, drop float64) {
	t.Helper()
	for i := range int32(200) {
		rate := 1.0
		switch {
		case i < 24:
			rate = 0.7
		case i < 40:
			rate = 0.1
		}
		if i >= 40 && i < 40+int32(drop*200) {
			rate = 0
		}
		o := eval.Outcome{TaskSeq: i, Cluster: i, Candidate: 0, Repeat: repeat, Verdict: eval.Rejected, LatencyUS: -1}
		if rng.Float64() < rate {
			o.Verdict = eval.Accepted
		}
		if err := b.Add(&o); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRegressionErrors: no change fails in 1 % at most, a drop of the margin passes
// in 5 % at most, one of twice the margin is nearly always caught.
func TestRegressionErrors(t *testing.T) {
	t.Parallel()
	n := 400
	if os.Getenv("INFER_MONTECARLO") == "full" {
		n = 6000
	}
	rng := rand.New(rand.NewPCG(21, 22))
	count := func(drop float64) map[eval.GateState]float64 {
		out := make(map[eval.GateState]float64)
		for range n {
			out[stages(t, rng, drop)] += 1 / float64(n)
		}
		t.Logf("drop of %.0f points: %v", 100*drop, out)
		return out
	}
	if got := count(0)[eval.GateFail]; got > 0.01+0.005 {
		t.Errorf("no change fails in %.4f", got)
	}
	if got := count(0.05)[eval.GatePass]; got > 0.05+0.02 {
		t.Errorf("a drop of the margin passes in %.4f", got)
	}
	if got := count(0.1)[eval.GateFail]; got < 0.95 {
		t.Errorf("a drop of twice the margin is caught in %.4f", got)
	}
}

// TestBaselineInvalid fails where the tasks are not the baseline's.
func TestBaselineInvalid(t *testing.T) {
	t.Parallel()
	b := decide.NewBuilder([]string{"work"}, 2)
	rng := rand.New(rand.NewPCG(1, 1))
	noisy(rng, b, t, 1, 1, 0)
	noisyRepeat(rng, b, t, 0, 0)
	if err := b.Add(&eval.Outcome{TaskSeq: 500, Cluster: 500, Verdict: eval.Accepted}); err != nil {
		t.Fatal(err)
	}
	e, err := b.Evidence()
	if err != nil {
		t.Fatal(err)
	}
	r := decide.Regression{Candidate: "new", Baseline: "old", Evidence: e, Margins: map[string]float64{decide.Overall: 0.05}}
	if g := r.Gates(); len(g) != 1 || g[0].State != eval.GateFail || !strings.Contains(g[0].Reason, "baseline invalid") {
		t.Errorf("%+v", g)
	}
}
