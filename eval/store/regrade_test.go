package store_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"infer/eval"
	"infer/eval/store"
)

// judge grades stored answers by a function of their text.
type judge struct {
	verdict func(text string) eval.Verdict
	fix     *bool
	err     error
	n       int // fails at the n-th answer
}

func (j *judge) Grade(_ context.Context, _ *eval.Trial, a *eval.Attempt) (eval.Grade, error) {
	if j.n--; j.n == 0 {
		return eval.Grade{}, j.err
	}
	return eval.Grade{Verdict: j.verdict(a.Output.Raw()), Scores: []eval.Score{{Grader: "new"}}}, nil
}

func (j *judge) Repair(*eval.Trial, *eval.Attempt) (*eval.RepairRule, *bool) {
	return &eval.RepairRule{Minutes: 1, HourlyRate: 60 * eval.USD}, j.fix
}

func said(text string) eval.Verdict {
	switch text {
	case "good":
		return eval.Accepted
	case "?":
		return eval.Unscored
	}
	return eval.Rejected
}

func (j *judge) Workers() int { return 1 }

// told is a trial whose answers were said one after another: each but the last
// was rejected.
func told(i int, texts ...string) *eval.Trial {
	t := plain(i, 0, false, 10)
	first := t.Attempts[0]
	t.Attempts, t.Cost = nil, eval.CostSplit{}
	for n, text := range texts {
		a := first
		a.Seq, a.Output, a.Cause = n, eval.Untrusted(text), eval.CauseRegenerate
		if n == 0 {
			a.Cause = eval.CauseFirst
		}
		a.Grade = &eval.Grade{Verdict: said(text)}
		t.Attempts = append(t.Attempts, a)
		if n == 0 {
			t.Cost.Answer = t.Cost.Answer.Plus(a.Cost)
		} else {
			t.Cost.Regeneration = t.Cost.Regeneration.Plus(a.Cost)
		}
	}
	t.Regenerations = len(texts) - 1
	t.Conclude()
	return t
}

// TestRegradeVerdicts: verdicts follow the new grades as they followed the old ones.
func TestRegradeVerdicts(t *testing.T) {
	t.Parallel()
	better := func(text string) eval.Verdict { // "fair" counts now
		if text == "fair" {
			return eval.Accepted
		}
		return said(text)
	}
	for _, tc := range []struct {
		name         string
		trial        *eval.Trial
		verdict      func(string) eval.Verdict
		fix          *bool
		want         eval.Verdict
		final        int
		first, after *bool
		repaired     *bool
		cost         eval.Money
	}{
		{"the first answer counts now", told(0, "fair", "good"), better, nil, eval.Accepted, 0, ptr(true), ptr(true), ptr(false), 20},
		{"the second one does", told(0, "bad", "fair"), better, nil, eval.Accepted, 1, ptr(false), ptr(true), ptr(false), 20},
		{"none does", told(0, "bad", "bad"), better, nil, eval.Rejected, 1, ptr(false), ptr(false), nil, 20},
		{"none does, but a person would repair it", told(0, "bad", "bad"), better, ptr(true), eval.Accepted, 1, ptr(false), ptr(false), ptr(true), 20 + 1e12},
		{"nor would a person", told(0, "bad"), better, ptr(false), eval.Rejected, 0, ptr(false), ptr(false), ptr(false), 10},
		{"it cannot be judged any more", told(0, "good"), func(string) eval.Verdict { return eval.Unscored }, ptr(true), eval.Unscored, 0, nil, nil, nil, 10},
		{"an error stays an error", failed(0, 0, eval.ClassTimeout, eval.Exactly(4)), better, ptr(true), eval.Errored, -1, nil, nil, nil, 4},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := fresh(t)
			run := newRun("r1", "a")
			j := begin(t, s, run, 1)
			record(t, j, tc.trial)
			if err := s.FinishRun(t.Context(), "r1", eval.RunComplete); err != nil {
				t.Fatal(err)
			}
			if _, _, err := s.Regrade(t.Context(), run, eval.Grading{Number: 2, Note: "why"}, &judge{verdict: tc.verdict, fix: tc.fix}); err != nil {
				t.Fatal(err)
			}
			got := trials(t, s, "r1", store.Filter{})[0]
			if got.Verdict != tc.want || got.Final != tc.final || got.Cost.Final() != eval.Exactly(tc.cost) {
				t.Errorf("%s, final %d, $%s; want %s, final %d, $%s", got.Verdict, got.Final, got.Cost.Final().Low, tc.want, tc.final, tc.cost)
			}
			if diff := cmp.Diff([]*bool{tc.first, tc.after, tc.repaired}, []*bool{got.FirstTry, got.AfterRegen, got.HumanFix}); diff != "" {
				t.Errorf("accepted at first, without a person, repaired (-want +got):\n%s", diff)
			}
			if c := overall(t, s, "r1", 0); c.N != 1 || c.Cost() != eval.Exactly(tc.cost) || (c.Accepted == 1) != (tc.want == eval.Accepted) {
				t.Errorf("the cell: %d accepted, %v", c.Accepted, c.Cost())
			}
			if again, err := s.Run(t.Context(), "r1"); err != nil || again.Grading.Number != 2 || again.State != eval.RunComplete {
				t.Errorf("the run: grading %d, %s, %v", again.Grading.Number, again.State, err)
			}
		})
	}
}

// TestRegradeSame: grading by the same rules changes nothing, whatever the run
// holds.
func TestRegradeSame(t *testing.T) {
	t.Parallel()
	s := fresh(t)
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		run := newRun(fmt.Sprintf("r%d", n), "a")
		j := begin(t, s, run, 5)
		fix := rapid.SampledFrom([]*bool{nil, ptr(true), ptr(false)}).Draw(rt, "fix")
		for i := range 5 {
			texts := rapid.SliceOfN(rapid.SampledFrom([]string{"bad", "poor"}), 0, 2).Draw(rt, "rejected")
			trial := told(i, append(texts, rapid.SampledFrom([]string{"bad", "good", "?"}).Draw(rt, "last"))...)
			if rapid.IntRange(0, 5).Draw(rt, "errored") == 0 {
				trial = failed(i, 0, eval.ClassNetwork, eval.Between(0, 3))
			}
			trial.CutOff = rapid.IntRange(0, 5).Draw(rt, "cut off") == 0
			if trial.CutOff {
				trial.Verdict, trial.Final, trial.FirstTry, trial.AfterRegen = eval.Errored, -1, nil, nil
			} else if trial.Final >= 0 {
				trial.Mend(&eval.RepairRule{Minutes: 1, HourlyRate: 60 * eval.USD}, fix)
			}
			if err := j.Record(context.Background(), trial); err != nil {
				rt.Fatal(err)
			}
		}
		if err := errors.Join(j.Flush(context.Background()), s.FinishRun(context.Background(), run.ID, eval.RunComplete)); err != nil {
			rt.Fatal(err)
		}
		strip := func() string {
			all := trials(t, s, run.ID, store.Filter{})
			for _, trial := range all {
				for i := range trial.Attempts {
					if g := trial.Attempts[i].Grade; g != nil {
						g.Scores = nil
					}
				}
			}
			cells, err := s.Cells(context.Background(), run.ID)
			if err != nil {
				rt.Fatal(err)
			}
			return asJSON(t, all) + asJSON(t, cells)
		}
		before := strip()
		_, changed, err := s.Regrade(context.Background(), run, eval.Grading{Number: 2}, &judge{verdict: said, fix: fix})
		if err != nil || changed != 0 {
			rt.Fatalf("%d verdicts changed: %v", changed, err)
		}
		if diff := cmp.Diff(before, strip()); diff != "" {
			rt.Fatalf("(-before +after):\n%s", diff)
		}
	})
}

// TestRegradeAborted: a re-grading that fails leaves the run as it was, can be
// begun anew, and lets go of the run.
func TestRegradeAborted(t *testing.T) {
	t.Parallel()
	s := fresh(t)
	run := newRun("r1", "a")
	j := begin(t, s, run, 600)
	for i := range 600 { // more than two pages
		record2(t, j, told(i, "good"))
	}
	if err := errors.Join(j.Flush(t.Context()), s.FinishRun(t.Context(), "r1", eval.RunComplete)); err != nil {
		t.Fatal(err)
	}
	before := asJSON(t, overall(t, s, "r1", 0)) + asJSON(t, trials(t, s, "r1", store.Filter{}))
	nothing := func(string) eval.Verdict { return eval.Rejected }
	bad := errors.New("the judge is gone")
	if _, _, err := s.Regrade(t.Context(), run, eval.Grading{Number: 2}, &judge{verdict: nothing, err: bad, n: 400}); !errors.Is(err, bad) {
		t.Fatalf("%v", err)
	}
	if after := asJSON(t, overall(t, s, "r1", 0)) + asJSON(t, trials(t, s, "r1", store.Filter{})); after != before || run.Grading.Number != 1 {
		t.Error("half a re-grading counts")
	}
	graded, changed, err := s.Regrade(t.Context(), run, eval.Grading{Number: 2}, &judge{verdict: nothing})
	if err != nil || graded != 600 || changed != 600 {
		t.Errorf("begun anew: %d graded, %d changed, %v", graded, changed, err)
	}
	if c := overall(t, s, "r1", 0); c.Rejected != 600 {
		t.Errorf("%d rejected", c.Rejected)
	}
	if _, err := s.StartRun(t.Context(), newRun("r1", "a")); err != nil {
		t.Errorf("the run is still held: %v", err)
	}
}

// TestObservedRepair: what a person really did is not undone by a rule.
func TestObservedRepair(t *testing.T) {
	t.Parallel()
	s := fresh(t)
	run := newRun("r1", "a")
	j := begin(t, s, run, 1)
	trial := told(0, "bad")
	trial.Verdict, trial.HumanFix, trial.HumanFixFrom, trial.HumanFixTime = eval.Accepted, ptr(true), eval.Observed, 95*time.Second
	trial.Cost.Repair = eval.Exactly(77)
	record(t, j, trial)
	if err := s.FinishRun(t.Context(), "r1", eval.RunComplete); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Regrade(t.Context(), run, eval.Grading{Number: 2}, &judge{verdict: said, fix: ptr(false)}); err != nil {
		t.Fatal(err)
	}
	got := trials(t, s, "r1", store.Filter{})[0]
	if got.Verdict != eval.Accepted || got.HumanFixFrom != eval.Observed || got.HumanFixTime != 95*time.Second || got.Cost.Repair != eval.Exactly(77) {
		t.Errorf("%s, %s, %s, %v", got.Verdict, got.HumanFixFrom, got.HumanFixTime, got.Cost.Repair)
	}
}
