package eval_test

import (
	"strings"
	"testing"
	"time"

	"infer/eval"
)

func TestOverrule(t *testing.T) {
	t.Parallel()
	rescue := 0.5
	known := []eval.CandidateEvidence{{Candidate: "a"}, {Candidate: "b"}, {Candidate: "c"}}
	rec := &eval.Recommendation{Types: []eval.TypeDecision{
		{TaskType: "x", Verdict: eval.Selected, Default: "a", Backup: &eval.Backup{Candidate: "b", Rescue: &rescue}, Candidates: known, Reasons: []string{"cheapest"}},
		{TaskType: "y", Verdict: eval.InsufficientEvidence, Candidates: known, More: &eval.MoreTasks{Tasks: 9}},
		{TaskType: "z", Verdict: eval.Selected, Default: "a", Candidates: known}}}
	at := time.Date(2026, 5, 2, 0, 0, 0, 0, time.UTC)
	got := rec.Overrule([]eval.Overruling{{TaskType: "x", Default: "b", Reason: "legal", At: at}, {TaskType: "y", Default: "c", Reason: "trust", At: at},
		{TaskType: "z", Default: "", Reason: "taken back", At: at}, {TaskType: "z", Default: "nobody", Reason: "?", At: at}, {TaskType: "none", Default: "a", At: at}})
	x, y, z := got.Types[0], got.Types[1], got.Types[2]
	if x.Verdict != eval.Overruled || x.Default != "b" || x.Backup != nil || x.NoBackup == "" || x.Reasons[0] != "b, by a person on 2026-05-02: legal (the evidence alone: selected, default a)" || x.Reasons[1] != "cheapest" {
		t.Errorf("%+v", x)
	}
	if y.Verdict != eval.Overruled || y.Default != "c" || y.More != nil || !strings.Contains(y.NoBackup, "a person") {
		t.Errorf("%+v", y)
	}
	if z.Verdict != eval.Selected || z.Default != "a" {
		t.Errorf("%+v", z)
	}
	kept := rec.Overrule([]eval.Overruling{{TaskType: "x", Default: "c", Reason: "legal", At: at}}).Types[0]
	if kept.Backup == nil || kept.Backup.Candidate != "b" || kept.Backup.Rescue != nil {
		t.Errorf("a backup beside another default: %+v", kept.Backup)
	}
	if rec.Types[0].Default != "a" || rec.Types[0].Backup.Rescue == nil || len(rec.Types[0].Reasons) != 1 {
		t.Error("the recommendation itself was changed")
	}
}
