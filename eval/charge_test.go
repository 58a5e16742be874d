package eval_test

import (
	"testing"

	"infer/eval"
)

func TestCharge(t *testing.T) {
	t.Parallel()
	row := func(model string, usd int64, listed bool) *eval.PriceRow {
		return &eval.PriceRow{Model: model, In: perMillion(usd), Out: perMillion(usd), Listed: listed}
	}
	known := map[string]*eval.PriceRow{"paid": row("paid", 9, true), "gpt-x-2024-05-13": row("gpt-x-2024-05-13", 5, true), "mine": row("mine", 4, false)}
	for _, c := range []struct {
		name   string
		asked  *eval.PriceRow
		served string
		want   int64 // dollars; -1 = unknown
	}{
		{"nothing said", row("gpt-x", 2, true), "", 2},
		{"the same", row("gpt-x", 2, true), "gpt-x", 2},
		{"a dated snapshot of it", row("gpt-x", 2, true), "gpt-x-2025-08-07", 2},
		{"a snapshot with a price of its own", row("gpt-x", 2, true), "gpt-x-2024-05-13", 5},
		{"the name asked for is the dated one", row("gpt-x-2025-08-07", 2, true), "gpt-x", 2},
		{"a version in digits", row("grok-4", 2, true), "grok-4-0709", 2},
		{"Google's prefix", row("gemini-2", 2, true), "models/gemini-2-001", 2},
		{"a paid model behind a free name", row("paid:free", 0, false), "paid", 9},
		{"another model that is known", row("gpt-x", 2, true), "paid", 9},
		{"a stranger behind a listed name", row("gpt-x", 2, true), "gpt-x-mini", -1},
		{"whatever a relay serves under a price of the project's own", row("alias", 2, false), "vendor/model-7b.gguf", 2},
		{"a list does not overrule the project", row("contract", 2, false), "paid", 2},
		{"the project's own price of what was served does", row("contract", 2, false), "mine", 4},
		{"no price asked for, a known one served", nil, "paid", 9},
		{"neither is known", nil, "stranger", -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := eval.Charge(c.asked, c.served, func(m string) *eval.PriceRow { return known[m] })
			if c.want < 0 {
				if got != nil {
					t.Fatalf("charged by %+v, want unknown", got)
				}
				return
			}
			if got == nil || *got.In != *perMillion(c.want) {
				t.Errorf("charged by %+v, want %d", got, c.want)
			}
		})
	}
}

func TestSpentOn(t *testing.T) {
	t.Parallel()
	failed := &eval.Failure{Class: eval.ClassTimeout}
	a := func(cause eval.Cause, f *eval.Failure, cost eval.Money) eval.Attempt {
		return eval.Attempt{Cause: cause, Failure: f, Cost: eval.Exactly(cost)}
	}
	attempts := []eval.Attempt{
		a(eval.CauseFirst, nil, 1), // of a trial that was replaced
		a(eval.CauseFirst, failed, 2), a(eval.CauseRetry, nil, 4), a(eval.CauseRegenerate, failed, 8), a(eval.CauseRetry, nil, 16),
		a(eval.CauseFallback, failed, 32), a(eval.CauseRetry, nil, 64), a(eval.CauseJudge, nil, 128), a(eval.CauseFirst, nil, 256),
	}
	want := eval.CostSplit{Answer: eval.Exactly(256), Retries: eval.Exactly(4), Failed: eval.Exactly(1 + 2 + 8 + 32), Regeneration: eval.Exactly(16), Fallback: eval.Exactly(64)}
	if got := eval.SpentOn(attempts, 1); got != want {
		t.Errorf("split is\n%+v, want\n%+v", got, want)
	}
}
