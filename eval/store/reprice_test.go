package store_test

import (
	"errors"
	"path/filepath"
	"testing"

	"infer/eval"
)

// TestAddPrice: the price of a model that was served in another's place is kept
// with the run, once, and survives its continuation.
func TestAddPrice(t *testing.T) {
	t.Parallel()
	s := fresh(t)
	run := newRun("r1", "a")
	begin(t, s, run, 1)
	one, two := eval.Price(1), eval.Price(2)
	for _, p := range []*eval.Price{&one, &two} {
		if err := s.AddPrice(t.Context(), run.ID, eval.PriceRow{Provider: "p", Model: "served", In: p}); err != nil {
			t.Fatal(err)
		}
	}
	again := newRun("r1", "a")
	again.MemberPrices = []eval.PriceRow{{Provider: "p", Model: "served", In: &two}, {Provider: "p", Model: "other", In: &two}}
	begin(t, s, again, 1)
	got, err := s.Run(t.Context(), "r1")
	if err != nil {
		t.Fatal(err)
	}
	if m := got.MemberPrices; len(m) != 2 || m[0].Model != "served" || *m[0].In != one || m[1].Model != "other" {
		t.Errorf("member prices are %+v", m)
	}
}

// TestRepriceWhole: a repricing that fails changes nothing, and one that does not
// keeps what is not a call's cost.
func TestRepriceWhole(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "infer.db"))
	run := newRun("r1", "a")
	j := begin(t, s, run, 4)
	for i := range 4 {
		trial := plain(i, 0, true, 10)
		trial.Cost.Repair, trial.Cost.Judge = eval.Exactly(1000), eval.Exactly(7)
		if err := j.Record(t.Context(), trial); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.FinishRun(t.Context(), run.ID, eval.RunComplete); err != nil {
		t.Fatal(err)
	}
	total := func() eval.Cost {
		cells, err := s.Cells(t.Context(), run.ID)
		if err != nil {
			t.Fatal(err)
		}
		for i := range cells {
			if cells[i].TaskType == "*" {
				return cells[i].Cost()
			}
		}
		return eval.UnknownCost()
	}
	if got := total(); got != eval.Exactly(4040) {
		t.Fatalf("the run costs %+v", got)
	}
	calls := 0
	broken := errors.New("no price today")
	_, err := s.Reprice(t.Context(), run, nil, nil, "", func(*eval.Trial, *eval.Attempt) (eval.Cost, error) {
		if calls++; calls == 3 {
			return eval.Cost{}, broken
		}
		return eval.Exactly(99), nil
	})
	if !errors.Is(err, broken) || total() != eval.Exactly(4040) || len(run.Repriced) != 0 {
		t.Fatalf("a failed repricing: %v, cost %+v, %d in the history", err, total(), len(run.Repriced))
	}
	price := eval.Price(5)
	done, err := s.Reprice(t.Context(), run, []eval.PriceRow{{Provider: "p", Model: "a-model", In: &price}}, nil, "why", func(_ *eval.Trial, a *eval.Attempt) (eval.Cost, error) {
		return eval.Between(a.Cost.Low, a.Cost.Low+5), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if done.Changed != 4 || done.Before != eval.Exactly(4040) || done.After != eval.Between(4040, 4060) || total() != done.After {
		t.Errorf("repriced: %+v, cells say %+v", done, total())
	}
	got, err := s.Run(t.Context(), "r1")
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Repriced) != 1 || got.Repriced[0].Note != "why" || got.Repriced[0].After != done.After || got.Prices[0].Model != "a-model" {
		t.Errorf("the run keeps %+v and %+v", got.Repriced, got.Prices)
	}
}
