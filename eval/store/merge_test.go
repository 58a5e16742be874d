package store_test

import (
	"testing"

	"infer/eval"
)

// TestMergeLost: calls that nobody knows the outcome of are counted in the merged run
// too, once however often it is merged.
func TestMergeLost(t *testing.T) {
	t.Parallel()
	from, to := fresh(t), fresh(t)
	run := newRun("r1", "a")
	j := begin(t, from, run, 3)
	for task := range 2 {
		if err := j.Intend(t.Context(), eval.Intent{TaskSeq: task, At: newClock().at}); err != nil {
			t.Fatal(err)
		}
	}
	if err := from.FinishRun(t.Context(), "r1", eval.RunIncomplete); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		part, err := from.Run(t.Context(), "r1")
		if err != nil || part.Lost != 2 {
			t.Fatalf("%v lost, %v", part, err)
		}
		if _, err := to.MergeRun(t.Context(), from, part); err != nil {
			t.Fatal(err)
		}
		whole, err := to.Run(t.Context(), "r1")
		if err != nil || whole.Lost != 2 {
			t.Errorf("%d calls lost after the merge, %v; want 2", whole.Lost, err)
		}
	}
}
