package store_test

import (
	"context"
	"testing"
	"time"

	"infer/eval"
	"infer/eval/store"
)

// TestReviewCost: people's time on a review costs its hourly rate, mending apart, is
// no part of the final cost, and is unknown where nobody measured it.
func TestReviewCost(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := openNew(t)
	run := answers(t, s, 2)
	rate := 60 * eval.USD // a dollar a minute
	r, err := s.StartReview(ctx, run, eval.Review{ID: "v1", Mode: eval.ReviewSingle, Seed: 1, HourlyRate: &rate})
	if err != nil {
		t.Fatal(err)
	}
	items, err := s.ReviewItems(ctx, "v1")
	if err != nil {
		t.Fatal(err)
	}
	say := func(task, candidate int, kind eval.LabelKind, took, fix *time.Duration) {
		t.Helper()
		l := &eval.Label{Item: itemOf(t, items, task, candidate), Reviewer: "ana", Kind: kind, Took: took, FixTime: fix}
		if err := s.AddLabel(ctx, run, r, l); err != nil {
			t.Fatal(err)
		}
		if err := s.Reroll(ctx, "r1"); err != nil {
			t.Fatal(err)
		}
	}
	minutes := func(n int) *time.Duration { d := time.Duration(n) * time.Minute; return &d }
	before := reviewedCell(t, s, 0).Cost()
	say(0, 0, eval.LabelAccept, minutes(2), nil)
	say(1, 0, eval.LabelAccept, minutes(1), nil)
	if got := reviewedCell(t, s, 0); got.Review != eval.Exactly(3*eval.USD) || got.Cost() != before {
		t.Errorf("review %+v of a cost of %+v, want $3 beside %+v", got.Review, got.Cost(), before)
	}
	say(0, 1, eval.LabelFix, minutes(5), minutes(4))
	if got := reviewedCell(t, s, 1); got.Review != eval.Exactly(eval.USD) || got.Split.Repair.Low < 4*eval.USD {
		t.Errorf("review %+v, repair %+v: want $1 of reading, and $4 of mending at least", got.Review, got.Split.Repair)
	}
	say(1, 1, eval.LabelAccept, nil, nil)
	if got := reviewedCell(t, s, 1); got.Review.Known() || got.Review.Low != eval.USD {
		t.Errorf("review %+v: a time that nobody measured is unknown", got.Review)
	}
}

func reviewedCell(t *testing.T, s *store.Store, candidate int) *eval.Cell {
	t.Helper()
	cells, err := s.Cells(context.Background(), "r1")
	if err != nil {
		t.Fatal(err)
	}
	for i := range cells {
		if cells[i].TaskType == "*" && cells[i].Candidate == candidate {
			return &cells[i]
		}
	}
	t.Fatalf("no cell of candidate %d", candidate)
	return nil
}
