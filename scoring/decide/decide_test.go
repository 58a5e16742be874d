package decide_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"infer/eval"
	"infer/scoring/decide"
)

// model is one synthetic candidate: what it gets accepted of n tasks, and at what
// price.
type model struct {
	name, provider, host string
	ok                   func(task int) bool
	price                eval.Money
	latency              time.Duration
	errors               func(task int) eval.Class // "" = it answers; nil = always answers
}

func share(of, every int) func(int) bool { return func(i int) bool { return i%every < of } }

// world is a run of one task type over synthetic candidates.
type world struct {
	tasks   int
	repeats int
	kind    eval.TaskType
	models  []model
	rule    eval.Rule
	limits  eval.GateLimits
}

func (w *world) run() *eval.Run {
	r := &eval.Run{ID: "r1", Dataset: eval.Dataset{Name: "synthetic", Tasks: w.tasks}, Repeats: max(1, w.repeats), TaskTypes: []eval.TaskType{w.kind},
		UpdatedAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Grading: eval.Grading{Number: 1}}
	for _, m := range w.models {
		r.Candidates = append(r.Candidates, eval.Candidate{Name: m.name, Provider: m.provider, Host: m.host, Model: m.name})
	}
	return r
}

func (w *world) outcomes() []eval.Outcome {
	var out []eval.Outcome
	for c, m := range w.models {
		for i := range w.tasks {
			for r := range max(1, w.repeats) {
				o := eval.Outcome{TaskSeq: int32(i), Cluster: int32(i), Candidate: int32(c), Repeat: int32(r), Verdict: eval.Rejected, Attempts: 1,
					Cost: eval.Exactly(m.price), LatencyUS: m.latency.Microseconds(), TTFTUS: -1}
				if m.price < 0 {
					o.Cost = eval.UnknownCost()
				}
				if m.ok(i) {
					o.Verdict = eval.Accepted
				}
				if m.errors != nil && m.errors(i) != "" {
					o.Verdict, o.Class = eval.Errored, m.errors(i)
				}
				out = append(out, o)
			}
		}
	}
	return out
}

func (w *world) input(outcomes []eval.Outcome) (decide.Input, error) {
	b := decide.NewBuilder([]string{w.kind.Name}, len(w.models))
	for i := range outcomes {
		if err := b.Add(&outcomes[i]); err != nil {
			return decide.Input{}, err
		}
	}
	e, err := b.Evidence()
	rule := w.rule
	if rule.Alpha == 0 {
		incumbent := rule.Incumbent
		rule = decide.DefaultRule(1)
		rule.Incumbent = incumbent
	}
	return decide.Input{Run: w.run(), Evidence: e, Rule: rule, Limits: func(string) eval.GateLimits { return w.limits }}, err
}

func (w *world) decide(t *testing.T) eval.TypeDecision {
	t.Helper()
	in, err := w.input(w.outcomes())
	if err != nil {
		t.Fatal(err)
	}
	r, err := decide.Recommend(in)
	if err != nil {
		t.Fatal(err)
	}
	return r.Types[0]
}

func low(margin float64) eval.TaskType {
	return eval.TaskType{Name: "work", Class: eval.LowRisk, Margin: margin}
}

const cent = eval.USD / 100

func ptr[T any](v T) *T { return &v }

// TestVerdicts are the four verdicts, each for its own reason.
func TestVerdicts(t *testing.T) {
	t.Parallel()
	dear := model{name: "dear", provider: "p", ok: share(19, 20), price: 10 * cent, latency: time.Second}
	cheap := model{name: "cheap", provider: "q", ok: share(19, 20), price: cent, latency: time.Second}
	worse := model{name: "worse", provider: "q", ok: share(15, 20), price: cent, latency: time.Second}
	fair := model{name: "fair", provider: "q", ok: share(18, 20), price: cent, latency: time.Second}
	down := func(i int) eval.Class {
		if i%5 == 0 {
			return eval.ClassUnavailable
		}
		return ""
	}
	for _, c := range []struct {
		name    string
		w       world
		verdict eval.DecisionVerdict
		def     string
		reason  string
	}{
		{"the cheapest within the margin", world{tasks: 400, kind: low(0.05), models: []model{dear, cheap}}, eval.Selected, "cheap", "cheapest of 2"},
		{"a cheaper one that is worse is not chosen", world{tasks: 400, kind: low(0.05), models: []model{dear, worse}}, eval.Selected, "dear", "only one of 2"},
		{"a dearer incumbent goes", world{tasks: 400, kind: low(0.05), models: []model{dear, cheap}, rule: eval.Rule{Incumbent: "dear"}}, eval.Selected, "cheap", "cheapest"},
		{"the incumbent keeps a tie", world{tasks: 400, kind: low(0.05), models: []model{
			{name: "inc", provider: "p", ok: share(19, 20), price: 102 * cent / 100}, cheap}, rule: eval.Rule{Incumbent: "inc"}}, eval.SelectedTie, "inc", "stays"},
		{"quality first where the risk is high", world{tasks: 400, kind: eval.TaskType{Name: "work", Class: eval.HighRisk, Margin: 0.05}, models: []model{
			{name: "good", provider: "p", ok: share(20, 20), price: 90 * cent}, {name: "fair", provider: "q", ok: share(19, 20), price: cent}}}, eval.Selected, "good", "best quality"},
		{"an unknown price does not matter where the risk is high", world{tasks: 400, kind: eval.TaskType{Name: "work", Class: eval.HighRisk, Margin: 0.05}, models: []model{
			{name: "good", provider: "p", ok: share(20, 20), price: -1}, {name: "fair", provider: "q", ok: share(19, 20), price: cent}}}, eval.Selected, "good", "best quality"},
		{"an unknown price cannot be ranked", world{tasks: 400, kind: low(0.05), models: []model{dear, {name: "free?", provider: "q", ok: share(19, 20), price: -1}}}, eval.Selected, "dear", "only one"},
		{"too few tasks", world{tasks: 9, kind: low(0.05), models: []model{dear, cheap}}, eval.InsufficientEvidence, "dear", "too few"},
		{"too few to tell", world{tasks: 40, kind: low(0.01), models: []model{dear, cheap}}, eval.InsufficientEvidence, "dear", "no candidate"},
		{"the incumbent stays meanwhile", world{tasks: 40, kind: low(0.01), models: []model{dear, fair}, rule: eval.Rule{Incumbent: "fair"}}, eval.InsufficientEvidence, "fair", "no candidate"},
		{"none answers reliably", world{tasks: 400, kind: low(0.05), limits: eval.GateLimits{MinReliability: ptr(0.99)}, models: []model{
			{name: "a", provider: "p", ok: share(1, 1), price: cent, errors: down}, {name: "b", provider: "q", ok: share(1, 1), price: cent, errors: down}}}, eval.NoneEligible, "", "fail a hard gate"},
		{"a floor not yet shown", world{tasks: 100, kind: low(0.05), limits: eval.GateLimits{MinReliability: ptr(0.99)}, models: []model{cheap}}, eval.InsufficientEvidence, "cheap", "does not yet pass"},
		{"a floor shown", world{tasks: 300, kind: low(0.05), limits: eval.GateLimits{MinReliability: ptr(0.99)}, models: []model{cheap}}, eval.Selected, "cheap", "only candidate"},
		{"all too slow", world{tasks: 300, kind: low(0.05), limits: eval.GateLimits{SLO: 100 * time.Millisecond}, models: []model{cheap, dear}}, eval.NoneEligible, "", "fail a hard gate"},
		{"all too dear", world{tasks: 300, kind: low(0.05), limits: eval.GateLimits{MaxCostPerAccepted: ptr(cent / 2)}, models: []model{cheap, dear}}, eval.NoneEligible, "", "fail a hard gate"},
		{"one acceptable enough", world{tasks: 300, kind: low(0.30), limits: eval.GateLimits{MinAcceptance: ptr(0.9)}, models: []model{dear, worse}}, eval.Selected, "dear", "only one"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := c.w.decide(t)
			if d.Verdict != c.verdict || d.Default != c.def {
				t.Errorf("%s %q, want %s %q: %v", d.Verdict, d.Default, c.verdict, c.def, d.Reasons)
			}
			if len(d.Reasons) == 0 || !strings.Contains(strings.Join(d.Reasons, "; "), c.reason) {
				t.Errorf("reasons %q lack %q", d.Reasons, c.reason)
			}
			if c.verdict == eval.InsufficientEvidence && (d.More == nil || d.More.Hint == "") {
				t.Error("it does not say what would settle it")
			}
			if decided := c.verdict == eval.Selected || c.verdict == eval.SelectedTie; !decided && d.Backup != nil {
				t.Error("a backup without a default")
			}
		})
	}
}

// TestBackup chooses by what a backup does where the default fails, not by its
// overall rate, and only elsewhere.
func TestBackup(t *testing.T) {
	t.Parallel()
	def := model{name: "default", provider: "p", host: "h1", ok: share(45, 50), price: cent}                                          // fails 45…49
	twin := model{name: "twin", provider: "q", host: "h2", ok: share(45, 50), price: 5 * cent}                                        // fails the same
	other := model{name: "other", provider: "r", host: "h3", ok: func(i int) bool { return i%50 >= 5 || i%50 == 0 }, price: 5 * cent} // fails 1…4
	worse := model{name: "other", provider: "r", host: "h3", ok: func(i int) bool { return i%50 >= 6 }, price: 5 * cent}              // fails 0…5: less overall
	same := model{name: "same", provider: "p", host: "h9", ok: func(i int) bool { return i%50 >= 5 }, price: 5 * cent}                // same provider
	shared := model{name: "shared", provider: "s", host: "h1", ok: func(i int) bool { return i%50 >= 5 }, price: 5 * cent}            // same host
	poor := model{name: "poor", provider: "s", host: "h4", ok: func(i int) bool { return i%50 >= 45 || i%50 < 20 }, price: 5 * cent}  // below the bar
	unreliable := model{name: "flaky", provider: "s", host: "h4", ok: share(45, 50), price: 5 * cent, errors: func(i int) eval.Class {
		if i%10 == 0 {
			return eval.ClassTimeout
		}
		return ""
	}}
	for _, c := range []struct {
		name   string
		models []model
		limits eval.GateLimits
		want   string
		why    string
	}{
		{"the complement, not the twin", []model{def, twin, other}, eval.GateLimits{}, "other", "of the 50 tasks"},
		{"though it is worse overall", []model{def, twin, worse}, eval.GateLimits{}, "other", "of the 50 tasks"},
		{"not at the same provider", []model{def, same}, eval.GateLimits{}, "", "no candidate is at another provider"},
		{"not at the same host", []model{def, shared}, eval.GateLimits{}, "", "no candidate is at another provider"},
		{"not below the quality bar", []model{def, poor}, eval.GateLimits{}, "", "within 20 points"},
		{"not past its gates", []model{def, unreliable}, eval.GateLimits{MinReliability: ptr(0.95)}, "", "do not pass the hard gates"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := world{tasks: 500, kind: low(0.1), models: c.models, limits: c.limits}
			d := w.decide(t)
			if d.Default != "default" {
				t.Fatalf("default is %q: %v", d.Default, d.Reasons)
			}
			got, why := "", d.NoBackup
			if d.Backup != nil {
				got, why = d.Backup.Candidate, d.Backup.Reason
			}
			if got != c.want || !strings.Contains(why, c.why) {
				t.Errorf("backup %q (%s), want %q (…%s…)", got, why, c.want, c.why)
			}
			if b := d.Backup; b != nil && (*b.RescueLo > *b.Rescue || *b.RescueHi < *b.Rescue || *b.Combined+*b.BothFail != 1) {
				t.Errorf("figures of the backup: %+v", b)
			}
		})
	}
}

// TestFewFailures ranks backups by their rate where the default hardly failed.
func TestFewFailures(t *testing.T) {
	t.Parallel()
	w := world{tasks: 500, kind: low(0.05), models: []model{
		{name: "default", provider: "p", ok: share(499, 500), price: cent},
		{name: "good", provider: "q", ok: share(490, 500), price: 2 * cent},
		{name: "lucky", provider: "r", ok: func(i int) bool { return i >= 20 }, price: 2 * cent}}}
	d := w.decide(t)
	if d.Backup == nil || d.Backup.Candidate != "good" || d.Backup.Rescue != nil || !strings.Contains(d.Backup.Reason, "too few default failures") {
		t.Errorf("%+v", d.Backup)
	}
}

// TestUnequal refuses candidates with different tasks, unless the common ones are
// asked for.
func TestUnequal(t *testing.T) {
	t.Parallel()
	w := world{tasks: 200, kind: low(0.1), models: []model{{name: "a", provider: "p", ok: share(9, 10), price: cent}, {name: "b", provider: "q", ok: share(9, 10), price: 2 * cent}}}
	all := w.outcomes()
	var some []eval.Outcome
	for _, o := range all {
		if o.Candidate == 0 || o.TaskSeq >= 50 {
			some = append(some, o)
		}
	}
	in, err := w.input(some)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = decide.Recommend(in); !errors.Is(err, decide.ErrUnequal) || !strings.Contains(err.Error(), "b lacks 50") || eval.KindOf(err) != eval.KindIncomplete {
		t.Fatalf("%v", err)
	}
	in.AllowPartial = true
	r, err := decide.Recommend(in)
	if err != nil {
		t.Fatal(err)
	}
	if d := r.Types[0]; d.Tasks != 150 || d.Candidates[0].N != 150 || len(r.Warnings) == 0 || !strings.Contains(r.Warnings[0], "50 tasks are left out") {
		t.Errorf("%d tasks, %d trials of a, warnings %q", d.Tasks, d.Candidates[0].N, r.Warnings)
	}
}

// TestUnjudged caps the verdict where the harness could not judge more than 1 %.
func TestUnjudged(t *testing.T) {
	t.Parallel()
	w := world{tasks: 400, kind: low(0.05), models: []model{{name: "a", provider: "p", ok: share(19, 20), price: cent}, {name: "b", provider: "q", ok: share(19, 20), price: 5 * cent}}}
	for _, c := range []struct {
		spoil int32
		want  eval.DecisionVerdict
	}{{4, eval.Selected}, {5, eval.InsufficientEvidence}} {
		all := w.outcomes()
		for i := range all {
			if all[i].TaskSeq < c.spoil && all[i].Candidate == 1 {
				all[i].Verdict = eval.Unscored
			}
		}
		in, err := w.input(all)
		if err != nil {
			t.Fatal(err)
		}
		r, err := decide.Recommend(in)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Types[0].Verdict; got != c.want {
			t.Errorf("%d unscored: %s, want %s", c.spoil, got, c.want)
		}
	}
}

// TestOrderAndShards: the same outcomes in any order and in any parts give the
// same bytes.
func TestOrderAndShards(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 60).Draw(t, "tasks")
		k := rapid.IntRange(1, 4).Draw(t, "candidates")
		w := world{tasks: n, repeats: rapid.IntRange(1, 3).Draw(t, "repeats"), kind: low(0.1)}
		w.rule = decide.DefaultRule(3)
		w.rule.Resamples, w.rule.Splits = 20, 3
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		for i := range k {
			p := rng.IntN(100)
			w.models = append(w.models, model{name: fmt.Sprint("m", i), provider: fmt.Sprint("p", i%2), price: eval.Money(rng.Int64N(1e9)) * eval.PicoUSD, latency: time.Millisecond,
				ok: func(int) bool { return rng.IntN(100) < p }})
		}
		all := w.outcomes()
		for i := range all { // clusters of up to three tasks
			all[i].Cluster = all[i].TaskSeq / 3
		}
		want := bytesOf(t, &w, [][]eval.Outcome{all})
		shuffled := rapid.Permutation(all).Draw(t, "order")
		if diff := cmp.Diff(want, bytesOf(t, &w, [][]eval.Outcome{shuffled})); diff != "" {
			t.Fatalf("another order decides otherwise:\n%s", diff)
		}
		cut := rapid.IntRange(0, len(all)).Draw(t, "cut")
		if diff := cmp.Diff(want, bytesOf(t, &w, [][]eval.Outcome{shuffled[cut:], shuffled[:cut]})); diff != "" {
			t.Fatalf("other shards decide otherwise:\n%s", diff)
		}
	})
}

func bytesOf(t *rapid.T, w *world, shards [][]eval.Outcome) string {
	b := decide.NewBuilder([]string{w.kind.Name}, len(w.models))
	for _, shard := range shards {
		one := decide.NewBuilder([]string{w.kind.Name}, len(w.models))
		for i := range shard {
			if err := one.Add(&shard[i]); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.Merge(one); err != nil {
			t.Fatal(err)
		}
	}
	e, err := b.Evidence()
	if err != nil {
		t.Fatal(err)
	}
	r, err := decide.Recommend(decide.Input{Run: w.run(), Evidence: e, Rule: w.rule})
	if err != nil {
		t.Fatal(err)
	}
	out, err := json.MarshalIndent(r, "", " ") // fails on NaN and infinities
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// TestDuplicates refuses a trial that is there twice.
func TestDuplicates(t *testing.T) {
	t.Parallel()
	b := decide.NewBuilder([]string{"work"}, 1)
	for range 2 {
		if err := b.Add(&eval.Outcome{Verdict: eval.Accepted}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Evidence(); err == nil {
		t.Error("a trial counted twice")
	}
	if err := b.Add(&eval.Outcome{Candidate: 1}); err == nil {
		t.Error("an unknown candidate was taken")
	}
}

// TestRepeatsAreNotSamples: five identical repeats of 40 tasks are 40 facts.
func TestRepeatsAreNotSamples(t *testing.T) {
	t.Parallel()
	models := []model{{name: "a", provider: "p", ok: share(9, 10), price: cent}, {name: "b", provider: "q", ok: func(i int) bool { return i%10 > 0 }, price: 2 * cent}}
	once := world{tasks: 40, kind: low(0.05), models: models}
	five := world{tasks: 40, repeats: 5, kind: low(0.05), models: models}
	a, b := once.decide(t), five.decide(t)
	if a.Candidates[0].Versus[0].NIP != b.Candidates[0].Versus[0].NIP || a.Verdict != b.Verdict {
		t.Errorf("p %v once, %v five times", a.Candidates[0].Versus[0].NIP, b.Candidates[0].Versus[0].NIP)
	}
	// The cluster-robust variance divides by G−1, so the intervals differ a little.
	x, y := a.Candidates[0].Acceptance, b.Candidates[0].Acceptance
	if math.Abs(*x.Lo-*y.Lo) > 0.005 || math.Abs(*x.Hi-*y.Hi) > 0.005 {
		t.Errorf("interval %v–%v once, %v–%v five times", *x.Lo, *x.Hi, *y.Lo, *y.Hi)
	}
}

// TestUnmeasuredLatency: a limit on a latency that was never measured is settled by no
// number of tasks, and the decision says so.
func TestUnmeasuredLatency(t *testing.T) {
	t.Parallel()
	w := world{tasks: 400, kind: low(0.05), limits: eval.GateLimits{SLO: time.Second},
		models: []model{{name: "a", provider: "p", ok: share(9, 10), price: cent}, {name: "b", provider: "q", ok: share(9, 10), price: 2 * cent}}}
	for _, measured := range []bool{true, false} {
		outcomes := w.outcomes()
		for i := range outcomes {
			if !measured {
				outcomes[i].LatencyUS = -1
			}
		}
		in, err := w.input(outcomes)
		if err != nil {
			t.Fatal(err)
		}
		r, err := decide.Recommend(in)
		if err != nil {
			t.Fatal(err)
		}
		d := r.Types[0]
		if measured != (d.Verdict == eval.Selected) {
			t.Fatalf("measured %t: %s, %v", measured, d.Verdict, d.Reasons)
		}
		if !measured && (d.More == nil || d.More.Tasks != 0 || !strings.Contains(d.More.Hint, "no number of tasks") || !strings.Contains(d.Reasons[0], "no latency was measured")) {
			t.Errorf("%v, %+v", d.Reasons, d.More)
		}
	}
}
