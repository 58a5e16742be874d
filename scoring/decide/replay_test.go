package decide_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"infer/eval"
	"infer/scoring/decide"
)

func (w *world) replay(t *testing.T) *decide.Replay {
	t.Helper()
	in, err := w.input(w.outcomes())
	if err != nil {
		t.Fatal(err)
	}
	r := &decide.Replay{Evidence: in.Evidence, Seed: 1, Splits: 5, Triggers: []eval.Class{eval.ClassTimeout}}
	for _, m := range w.models {
		r.Names, r.Providers = append(r.Names, m.name), append(r.Providers, m.provider)
	}
	return r
}

func value(t *testing.T, r *decide.Replay, text string) eval.PolicyValue {
	t.Helper()
	p, err := decide.ParsePolicy(text, r.Names)
	if err != nil {
		t.Fatal(err)
	}
	v, err := r.Value(&p, "")
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func isAbout(t *testing.T, what string, got *eval.Figure, want float64) {
	t.Helper()
	if got == nil || got.Point == nil || math.Abs(*got.Point-want) > 1e-9 {
		t.Errorf("%s: %+v, want %v", what, got, want)
	}
}

// TestReplay counts policies by hand: 100 tasks, cheap fails 20 of them, 10 of which
// time out; strong fails 5, two of which cheap fails too.
func TestReplay(t *testing.T) {
	t.Parallel()
	w := world{tasks: 100, kind: low(0.05), models: []model{
		{name: "cheap", provider: "p", price: cent, ok: func(i int) bool { return i >= 20 }, errors: func(i int) eval.Class {
			if i < 10 {
				return eval.ClassTimeout
			}
			return ""
		}},
		{name: "strong", provider: "q", price: 10 * cent, ok: func(i int) bool { return i < 18 || i >= 23 }},
	}}
	r := w.replay(t)
	v := value(t, r, "cheap")
	isAbout(t, "cheap", v.Acceptance, 0.80)
	isAbout(t, "cost of cheap", v.Cost, 1.00/80)
	v = value(t, r, "cheap,strong") // ten timeouts go on
	isAbout(t, "cheap,strong", v.Acceptance, 0.90)
	isAbout(t, "cost of cheap,strong", v.Cost, (1.00+10*0.1)/90)
	if math.Abs(v.CallsPer-1.1) > 1e-9 {
		t.Errorf("%v calls a task, want 1.1", v.CallsPer)
	}
	v = value(t, r, "cheap>strong") // twenty failures go on, two fail again
	isAbout(t, "cheap>strong", v.Acceptance, 0.98)
	isAbout(t, "cost of cheap>strong", v.Cost, (1.00+20*0.1)/98)
	p, err := decide.ParsePolicy("cheap,strong", r.Names)
	if err != nil {
		t.Fatal(err)
	}
	ifs, err := r.WhatIf(&p, "p", 0.1)
	if err != nil {
		t.Fatal(err)
	}
	isAbout(t, "while p is down", ifs[1].Acceptance, 0.95)
	isAbout(t, "a tenth of the time", ifs[2].Acceptance, 0.9*0.90+0.1*0.95)
	for _, bad := range []string{"nobody", "cheap*0", "cheap*x", "cheap>cheap", "", "cheap,>strong"} {
		if _, err := decide.ParsePolicy(bad, r.Names); eval.KindOf(err) != eval.KindInvalid {
			t.Errorf("policy %q: %v", bad, err)
		}
	}
}

// TestReplayRepeats uses distinct repeats: three of which two fail both fail in one
// third of the pairs, not in 4/9.
func TestReplayRepeats(t *testing.T) {
	t.Parallel()
	b := decide.NewBuilder([]string{"work"}, 1)
	for task := range int32(30) {
		for rep := range int32(3) {
			o := eval.Outcome{TaskSeq: task, Cluster: task, Repeat: rep, Verdict: eval.Rejected, Cost: eval.Exactly(cent), LatencyUS: 1000}
			if rep == 0 && task < 20 || task < 10 {
				o.Verdict = eval.Accepted
			}
			if err := b.Add(&o); err != nil {
				t.Fatal(err)
			}
		}
	}
	e, err := b.Evidence()
	if err != nil {
		t.Fatal(err)
	}
	r := &decide.Replay{Evidence: e, Names: []string{"a"}, Providers: []string{"p"}}
	p := decide.Policy{Name: "a>a", Steps: []decide.Step{{Candidate: 0, Calls: 2}}, Check: decide.OnReject}
	v, err := r.Value(&p, "")
	if err != nil {
		t.Fatal(err)
	}
	isAbout(t, "one retry", v.Acceptance, (10+10*2.0/3)/30)
	p.Steps[0].Calls = 5
	if v, err = r.Value(&p, ""); err != nil || !v.Extrapolated {
		t.Errorf("five calls of three repeats: %+v, %v", v, err)
	}
	w := world{tasks: 30, kind: low(0.05), models: []model{{name: "a", price: cent, ok: share(1, 2)}}}
	if _, err := w.replay(t).Value(&decide.Policy{Name: "a*2", Steps: []decide.Step{{Candidate: 0, Calls: 2}}, Check: decide.OnReject}, ""); !errors.Is(err, decide.ErrRepeats) {
		t.Errorf("two calls of one repeat: %v", err)
	}
}

// TestSearch finds the cascade that is as good as the strong candidate at a fraction
// of its cost, and measures it honestly.
func TestSearch(t *testing.T) {
	t.Parallel()
	w := world{tasks: 200, kind: low(0.05), models: []model{
		{name: "cheap", provider: "p", price: cent, ok: share(8, 10)}, {name: "strong", provider: "q", price: 20 * cent, ok: share(10, 10)}}}
	found, err := w.replay(t).Search()
	if err != nil {
		t.Fatal(err)
	}
	if best := found[0]; best.Name != "cheap > strong" || best.Honest == nil || math.Abs(best.Honest.Acceptance-1) > 1e-9 || !strings.Contains(best.Notes, "check") {
		t.Errorf("%+v", found[0])
	}
}
