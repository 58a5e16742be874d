package store_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"infer/eval"
	"infer/eval/store"
)

func TestBatchesAreKept(t *testing.T) {
	t.Parallel()
	s := fresh(t)
	run := newRun("r1", "a")
	j := begin(t, s, run, 3)
	at := time.Date(2026, 3, 1, 12, 0, 0, 5000, time.UTC)
	b := eval.Batch{Key: "k", Candidate: "a", Provider: "p", Model: "a-model", State: eval.BatchSending, Calls: []eval.Digest{{1}, {2, 3}}, SentAt: at}
	for _, step := range []func(){
		func() {},
		func() { b.ID, b.State = "theirs", eval.BatchSent },
		func() { ended := at.Add(time.Hour); b.State, b.EndedAt = eval.BatchEnded, &ended },
	} {
		step()
		if err := j.SaveBatch(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
		got, err := s.Batches(t.Context(), "r1")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]eval.Batch{b}, got); diff != "" {
			t.Errorf("%s: -want +got:\n%s", b.State, diff)
		}
	}
	trial := &eval.Trial{TaskSeq: 1, TaskID: "t1", TaskType: "x", Candidate: 0, Verdict: eval.Errored, Final: -1, HumanFixFrom: eval.UnknownOrigin,
		Attempts: []eval.Attempt{{Cause: eval.CauseFirst, Candidate: "a", Provider: "p", Model: "m", StartedAt: at, Billing: eval.NotBilled, Batch: "theirs",
			Failure: &eval.Failure{Class: eval.ClassUnavailable}}}}
	if err := j.Record(t.Context(), trial); err != nil {
		t.Fatal(err)
	}
	if err := j.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for got, err := range s.Trials(t.Context(), "r1", store.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		if _, timed := got.UserVisible(); timed || got.Attempts[0].Batch != "theirs" {
			t.Errorf("batch %q, timed %t", got.Attempts[0].Batch, timed)
		}
	}
	cells, err := s.Cells(t.Context(), "r1")
	if err != nil {
		t.Fatal(err)
	}
	for i := range cells {
		if n := cells[i].Flight.N(); n != 0 {
			t.Errorf("%s: %d times of calls that have none", cells[i].TaskType, n)
		}
	}
	for name, again := range map[string]bool{"again": true, "not again": false} {
		begun, err := s.Begun(t.Context(), "r1", func(eval.Verdict, eval.Class) bool { return again })
		if err != nil {
			t.Fatal(err)
		}
		want := map[store.Cell]int{}
		if again {
			want[store.Cell{Task: 1}] = 1
		}
		if diff := cmp.Diff(want, begun); diff != "" {
			t.Errorf("%s: -want +got:\n%s", name, diff)
		}
	}
	if err := s.FinishRun(t.Context(), "r1", eval.RunIncomplete); err != nil {
		t.Fatal(err)
	}
	if err := s.DeleteRun(t.Context(), "r1"); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Batches(t.Context(), "r1"); err != nil || len(got) != 0 {
		t.Errorf("%d batches of a run that is gone, %v", len(got), err)
	}
}
