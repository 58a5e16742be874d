package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"infer/eval"
	"infer/eval/store"
)

// openNew opens a new store in a folder of the test.
func openNew(t *testing.T) *store.Store {
	t.Helper()
	s, err := store.Open(context.Background(), filepath.Join(t.TempDir(), "infer.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// answers is a run of two candidates over n tasks of type "a", each answered
// twice: a rejected answer "bad", and after regenerating "good", which was
// accepted for the first candidate and repaired by rule for the second.
func answers(t *testing.T, s *store.Store, n int) *eval.Run {
	t.Helper()
	ctx := context.Background()
	one := 1
	rule := eval.RepairRule{MaxMissingFields: &one, Minutes: 1, HourlyRate: 36 * eval.USD}
	run := &eval.Run{ID: "r1", Name: "test", Dataset: eval.Dataset{Name: "d", Tasks: n}, Repeats: 1, Seed: 1,
		Candidates: []eval.Candidate{{Name: "x", Provider: "p", Model: "m"}, {Name: "y", Provider: "p", Model: "n"}},
		TaskTypes:  []eval.TaskType{{Name: "a", Regenerate: 1, Repair: &rule}},
		Prices:     make([]eval.PriceRow, 2), Grading: eval.Grading{Number: 1, Rules: map[string]json.RawMessage{"*": json.RawMessage(`"exact"`)}}}
	if _, err := s.StartRun(ctx, run); err != nil {
		t.Fatal(err)
	}
	j, err := s.Journal(ctx, run)
	if err != nil {
		t.Fatal(err)
	}
	var tasks []*eval.Task
	for i := range n {
		raw := []byte(fmt.Sprintf(`{"id":"t%03d","input":"question %d","expected":"good"}`, i, i))
		tasks = append(tasks, &eval.Task{Seq: i, ID: fmt.Sprintf("t%03d", i), Type: "a", Raw: raw, Digest: eval.DigestOf(raw), Messages: []eval.Message{eval.TextMessage("user", "q")}})
	}
	if err := j.AddTasks(ctx, tasks); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		for c := range run.Candidates {
			if err := j.Record(ctx, answered(i, c)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := j.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	if err := s.FinishRun(ctx, run.ID, eval.RunComplete); err != nil {
		t.Fatal(err)
	}
	return run
}

func answered(task, candidate int) *eval.Trial {
	yes, no := true, false
	attempt := func(seq int, cause eval.Cause, text string, v eval.Verdict) eval.Attempt {
		return eval.Attempt{Seq: seq, Cause: cause, Candidate: "x", Provider: "p", Model: "m", StartedAt: time.Unix(int64(task), 0), InFlight: time.Second, Billing: eval.Billed,
			Cost: eval.Exactly(10), Finish: eval.FinishStop, Output: eval.Untrusted(text), Grade: &eval.Grade{Verdict: v, Scores: []eval.Score{{Grader: "exact", Explanation: "x"}}}}
	}
	tr := &eval.Trial{TaskSeq: task, TaskID: fmt.Sprintf("t%03d", task), TaskType: "a", Cluster: fmt.Sprintf("t%03d", task), InputType: eval.InputText, Candidate: candidate,
		Verdict: eval.Accepted, Final: 1, Regenerations: 1, FirstTry: &no, AfterRegen: &yes, HumanFix: &no, HumanFixFrom: eval.Imputed,
		Attempts: []eval.Attempt{attempt(0, eval.CauseFirst, "bad", eval.Rejected), attempt(1, eval.CauseRegenerate, "good", eval.Accepted)},
		Cost:     eval.CostSplit{Answer: eval.Exactly(10), Regeneration: eval.Exactly(10)}}
	if candidate == 1 {
		tr.Attempts[1].Grade.Verdict, tr.Attempts[1].Output = eval.Rejected, "fair"
		tr.AfterRegen, tr.HumanFix, tr.HumanFixTime, tr.Cost.Repair = &no, &yes, time.Minute, eval.Exactly(600*eval.USD/1000)
	}
	return tr
}

// grader accepts answers that are one of the given texts.
func grader(cost eval.Money, accept ...string) func(context.Context, *eval.Trial, *eval.Attempt) (eval.Grade, error) {
	return func(_ context.Context, _ *eval.Trial, a *eval.Attempt) (eval.Grade, error) {
		g := eval.Grade{Verdict: eval.Rejected, Scores: []eval.Score{{Grader: "test"}}, Cost: eval.Exactly(cost)}
		for _, s := range accept {
			if string(a.Output) == s {
				g.Verdict = eval.Accepted
			}
		}
		return g, nil
	}
}

// regrader is a store.Regrader of functions.
type regrader struct {
	grade   func(context.Context, *eval.Trial, *eval.Attempt) (eval.Grade, error)
	repair  func(a *eval.Attempt) bool
	rule    *eval.RepairRule
	workers int
}

func (r *regrader) Grade(ctx context.Context, t *eval.Trial, a *eval.Attempt) (eval.Grade, error) {
	return r.grade(ctx, t, a)
}

func (r *regrader) Repair(_ *eval.Trial, a *eval.Attempt) (*eval.RepairRule, *bool) {
	if r.repair == nil {
		return nil, nil
	}
	fix := r.repair(a)
	return r.rule, &fix
}

func (r *regrader) Workers() int { return r.workers }

// figures are what the overall cells of both candidates say.
type figures struct {
	Accepted, Rejected, FirstTry, Regenerations, HumanFixes int64
	Cost, Repair, Judge                                     eval.Money
}

func figuresOf(t *testing.T, cells []eval.Cell) [2]figures {
	t.Helper()
	var out [2]figures
	for _, c := range cells {
		if c.TaskType == "*" {
			out[c.Candidate] = figures{c.Accepted, c.Rejected, c.FirstTry, c.Regenerations, c.HumanFixes, c.Cost().Low, c.Split.Repair.Low, c.Split.Judge.Low}
		}
	}
	return out
}

func cellsAt(t *testing.T, s *store.Store, ref string) [2]figures {
	t.Helper()
	ctx := context.Background()
	run, at, err := s.Graded(ctx, ref)
	if err != nil {
		t.Fatal(err)
	}
	cells, err := s.CellsAt(ctx, run.ID, at)
	if err != nil {
		t.Fatal(err)
	}
	// What the outcomes and the records say must be the same.
	var accepted [2]int64
	for o, err := range s.OutcomesAt(ctx, run.ID, []string{"a"}, at) {
		if err != nil {
			t.Fatal(err)
		}
		if o.Verdict == eval.Accepted {
			accepted[o.Candidate]++
		}
	}
	for rec, err := range s.RecordsAt(ctx, run, at) {
		if err != nil {
			t.Fatal(err)
		}
		if rec.Verdict == eval.Accepted {
			accepted[map[string]int{"x": 0, "y": 1}[rec.Candidate]]--
		}
	}
	f := figuresOf(t, cells)
	if accepted != [2]int64{} {
		t.Errorf("%s: outcomes and records differ by %v", ref, accepted)
	}
	return f
}

const repair = 600_000_000_000 // one minute at 36 dollars an hour, in pico-USD

func TestRegrade(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := openNew(t)
	run := answers(t, s, 10)
	first := [2]figures{{Accepted: 10, Regenerations: 10, Cost: 200}, {Accepted: 10, Regenerations: 10, HumanFixes: 10, Cost: 10 * (20 + repair), Repair: 10 * repair}}
	if diff := cmp.Diff(first, cellsAt(t, s, "r1")); diff != "" {
		t.Fatalf("before (-want +got):\n%s", diff)
	}

	// A rule that accepts the first answers: the regenerations stay paid for, the
	// repairs that were imputed go, judging is apart.
	graded, changed, err := s.Regrade(ctx, run, eval.Grading{Number: 2, Note: "lenient"}, &regrader{grade: grader(3, "bad", "good"), workers: 3})
	if err != nil {
		t.Fatal(err)
	}
	if run.Grading.Number != 2 || graded != 40 || changed != 0 {
		t.Errorf("grading %d: %d graded, %d changed", run.Grading.Number, graded, changed)
	}
	second := [2]figures{{Accepted: 10, FirstTry: 10, Regenerations: 10, Cost: 200, Judge: 60}, {Accepted: 10, FirstTry: 10, Regenerations: 10, Cost: 200, Judge: 60}}
	if diff := cmp.Diff(second, cellsAt(t, s, "r1")); diff != "" {
		t.Errorf("lenient (-want +got):\n%s", diff)
	}

	if calls, cost, err := s.Spent(ctx, "r1"); err != nil || calls != 40 || cost != 400+120 {
		t.Errorf("spent %d calls, %s, %v", calls, cost, err)
	}

	// A rule that accepts nothing: the run's own repair rule is applied again.
	run, err = s.Run(ctx, "r1")
	if err != nil {
		t.Fatal(err)
	}
	_, changed, err = s.Regrade(ctx, run, eval.Grading{Number: 3, Note: "strict"}, &regrader{grade: grader(0), rule: run.TaskTypes[0].Repair,
		repair: func(a *eval.Attempt) bool { return a.Output == "fair" }})
	if err != nil {
		t.Fatal(err)
	}
	if changed != 10 {
		t.Errorf("%d verdicts changed, want 10", changed)
	}
	third := [2]figures{{Rejected: 10, Regenerations: 10, Cost: 200, Judge: 60}, {Accepted: 10, Regenerations: 10, HumanFixes: 10, Cost: 10 * (20 + repair), Repair: 10 * repair, Judge: 60}}
	for ref, want := range map[string][2]figures{"r1": third, "r1@3": third, "r1@2": second, "r1@1": first, "latest@1": first} {
		if diff := cmp.Diff(want, cellsAt(t, s, ref)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", ref, diff)
		}
	}
	gradings, err := s.Gradings(ctx, "r1")
	if err != nil || len(gradings) != 3 || gradings[1].Note != "lenient" {
		t.Errorf("gradings %+v, %v", gradings, err)
	}
	for _, ref := range []string{"r1@4", "r1@0", "r1@x"} {
		if _, _, err := s.Graded(ctx, ref); err == nil || eval.KindOf(err) != eval.KindInvalid {
			t.Errorf("%s: %v", ref, err)
		}
	}
}

// TestRegradeIsWhole: a re-grading that fails midway leaves the run as it was,
// and one after it starts clean.
func TestRegradeIsWhole(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := openNew(t)
	run := answers(t, s, 300)
	before := cellsAt(t, s, "r1")
	n, boom := 0, errors.New("boom")
	_, _, err := s.Regrade(ctx, run, eval.Grading{Number: 2}, &regrader{grade: func(ctx context.Context, tr *eval.Trial, a *eval.Attempt) (eval.Grade, error) {
		if n++; n > 1000 {
			return eval.Grade{}, boom
		}
		return grader(0)(ctx, tr, a)
	}})
	if !errors.Is(err, boom) {
		t.Fatalf("%v", err)
	}
	if diff := cmp.Diff(before, cellsAt(t, s, "r1")); diff != "" {
		t.Errorf("after a failure (-want +got):\n%s", diff)
	}
	if run, err = s.Run(ctx, "r1"); err != nil || run.Grading.Number != 1 {
		t.Fatalf("grading %d, %v", run.Grading.Number, err)
	}
	if _, _, err := s.Regrade(ctx, run, eval.Grading{Number: 2}, &regrader{grade: grader(0)}); err != nil {
		t.Fatal(err)
	}
	if got := cellsAt(t, s, "r1"); got[0].Rejected != 300 || got[1].Rejected != 300 {
		t.Errorf("%+v", got)
	}
	problems, err := s.Check(ctx)
	if err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
}

func TestReviewSample(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := openNew(t)
	run := answers(t, s, 50)
	plan := eval.Review{ID: "v1", Mode: eval.ReviewSingle, Seed: 7, Size: 20}
	r, err := s.StartReview(ctx, run, plan)
	if err != nil {
		t.Fatal(err)
	}
	items, err := s.ReviewItems(ctx, "v1")
	if err != nil || len(items) != 20 || r.Population != 100 || r.Items != 20 {
		t.Fatalf("%d items of %+v, %v", len(items), r, err)
	}
	seen := make(map[[2]int]bool)
	for i, it := range items {
		if it.Seq != i || it.Probability != 0.2 || it.Second != nil || it.First.Machine != [2]eval.Verdict{eval.Accepted, eval.Rejected}[it.First.Candidate] || it.First.TaskType != "a" {
			t.Errorf("item %d: %+v", i, it)
		}
		seen[[2]int{it.First.TaskSeq, it.First.Candidate}] = true
	}
	if len(seen) != 20 {
		t.Errorf("%d different answers, want 20", len(seen))
	}
	again, err := s.StartReview(ctx, run, plan)
	if err != nil || again.CreatedAt != r.CreatedAt {
		t.Errorf("a review of the same ID is continued: %+v, %v", again, err)
	}
	// The same seed draws the same, another one does not.
	for id, seed := range map[string]uint64{"v2": 7, "v3": 8} {
		plan.ID, plan.Seed = id, seed
		if _, err := s.StartReview(ctx, run, plan); err != nil {
			t.Fatal(err)
		}
		other, err := s.ReviewItems(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		if same := cmp.Diff(items, other) == ""; same != (seed == 7) {
			t.Errorf("seed %d draws the same as 7: %v", seed, same)
		}
	}
	cells, err := s.StartReview(ctx, run, eval.Review{ID: "v4", Mode: eval.ReviewSingle, Seed: 1, Size: 10, PerCell: true})
	if err != nil || cells.Items != 20 {
		t.Errorf("10 of each of 2 cells: %+v, %v", cells, err)
	}
	pairs, err := s.StartReview(ctx, run, eval.Review{ID: "v5", Mode: eval.ReviewPairs, Seed: 1, Size: 40, Candidates: []int{0, 1}})
	if err != nil || pairs.Population != 50 || pairs.Items != 40 {
		t.Fatalf("%+v, %v", pairs, err)
	}
	if items, err = s.ReviewItems(ctx, "v5"); err != nil {
		t.Fatal(err)
	}
	swapped := 0
	for i := range items {
		if err := s.FillAnswers(ctx, "r1", &items[i]); err != nil {
			t.Fatal(err)
		}
		if items[i].Second == nil || items[i].First.Text != "good" || items[i].Second.Text != "fair" || items[i].Probability != 0.8 {
			t.Fatalf("%+v", items[i])
		}
		if items[i].Swapped {
			swapped++
		}
	}
	if swapped < 8 || swapped > 32 {
		t.Errorf("%d of 40 pairs are swapped", swapped)
	}
	if _, err := s.StartReview(ctx, run, eval.Review{ID: "v6", Mode: eval.ReviewSingle, TaskType: "none"}); eval.KindOf(err) != eval.KindInvalid {
		t.Errorf("nothing to review: %v", err)
	}
	if _, err := s.Review(ctx, "nosuch"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("%v", err)
	}
}

// itemOf finds the item of a task and a candidate.
func itemOf(t *testing.T, items []eval.ReviewItem, task, candidate int) int {
	t.Helper()
	for _, it := range items {
		if it.First.TaskSeq == task && it.First.Candidate == candidate {
			return it.Seq
		}
	}
	t.Fatalf("no item of task %d, candidate %d", task, candidate)
	return -1
}

// TestLabels: a real repair replaces an imputed one, what a person says of it
// survives re-grading, and undoing brings back what the machine said.
func TestLabels(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := openNew(t)
	run := answers(t, s, 3)
	r, err := s.StartReview(ctx, run, eval.Review{ID: "v1", Mode: eval.ReviewSingle, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	items, err := s.ReviewItems(ctx, "v1")
	if err != nil || len(items) != 6 {
		t.Fatalf("%d items, %v", len(items), err)
	}
	say := func(reviewer string, task, candidate int, kind eval.LabelKind, fix time.Duration) {
		t.Helper()
		l := &eval.Label{Item: itemOf(t, items, task, candidate), Reviewer: reviewer, Kind: kind, Reasons: []string{"format"}, Note: "n"}
		if fix > 0 {
			edit := eval.Untrusted("mended")
			l.FixTime, l.Edit = &fix, &edit
		}
		if err := s.AddLabel(ctx, run, r, l); err != nil {
			t.Fatal(err)
		}
	}
	say("ana", 0, 1, eval.LabelFix, 10*time.Second) // imputed a minute, really ten seconds
	say("ana", 1, 1, eval.LabelAccept, 0)           // imputed, not needed
	say("ana", 2, 1, eval.LabelReject, 0)           // imputed, but nobody would mend it
	say("ana", 0, 0, eval.LabelReject, 0)           // a word against the graders' leaves the verdict
	say("ben", 0, 1, eval.LabelFix, 20*time.Second) // a later word counts
	if err := s.Reroll(ctx, "r1"); err != nil {
		t.Fatal(err)
	}
	want := [2]figures{{Accepted: 3, Regenerations: 3, Cost: 60}, {Accepted: 2, Rejected: 1, Regenerations: 3, HumanFixes: 1, Cost: 60 + repair/3, Repair: repair / 3}}
	machine := [2]figures{{Accepted: 3, Regenerations: 3, Cost: 60}, {Accepted: 3, Regenerations: 3, HumanFixes: 3, Cost: 60 + 3*repair, Repair: 3 * repair}}
	for ref, w := range map[string][2]figures{"r1": want, "r1@1": machine} {
		if diff := cmp.Diff(w, cellsAt(t, s, ref)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", ref, diff)
		}
	}
	for rec, err := range s.Records(ctx, run) {
		if err != nil {
			t.Fatal(err)
		}
		if rec.TaskID == "t000" && rec.Candidate == "y" && (rec.Origins["human_fix_required"] != eval.Observed || rec.Origins["final_cost"] != eval.Observed) {
			t.Errorf("a real repair is observed: %v", rec.Origins)
		}
	}
	labels, err := s.Labels(ctx, "v1")
	if err != nil || len(labels) != 5 || labels[4].Reviewer != "ben" || labels[4].Edit.Raw() != "mended" || *labels[4].FixTime != 20*time.Second || labels[0].Reasons[0] != "format" {
		t.Errorf("%+v, %v", labels, err)
	}

	// The same rule again: the machine's part is made anew, people's stays on top.
	if _, _, err := s.Regrade(ctx, run, eval.Grading{Number: 2}, &regrader{grade: grader(0, "good"), rule: run.TaskTypes[0].Repair, repair: func(*eval.Attempt) bool { return true }}); err != nil {
		t.Fatal(err)
	}
	for ref, w := range map[string][2]figures{"r1": want, "r1@1": machine, "r1@2": machine} {
		if diff := cmp.Diff(w, cellsAt(t, s, ref)); diff != "" {
			t.Errorf("after re-grading, %s (-want +got):\n%s", ref, diff)
		}
	}
	if run, err = s.Run(ctx, "r1"); err != nil {
		t.Fatal(err)
	}
	for _, reviewer := range []string{"ben", "ana", "ana", "ana", "ana"} {
		if _, ok, err := s.Undo(ctx, run, r, reviewer); !ok || err != nil {
			t.Fatalf("undo of %s: %v %v", reviewer, ok, err)
		}
	}
	if _, ok, err := s.Undo(ctx, run, r, "ana"); ok || err != nil {
		t.Errorf("undone what was not done: %v %v", ok, err)
	}
	if err := s.Reroll(ctx, "r1"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(machine, cellsAt(t, s, "r1")); diff != "" {
		t.Errorf("all undone (-want +got):\n%s", diff)
	}
	if err := s.AddLabel(ctx, run, r, &eval.Label{Item: 99, Reviewer: "ana", Kind: eval.LabelAccept}); err == nil || !strings.Contains(err.Error(), "no item 99") {
		t.Errorf("%v", err)
	}
}
