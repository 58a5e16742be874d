package runner_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"infer/eval"
	"infer/eval/runner"
)

func yes(b *bool) string {
	switch {
	case b == nil:
		return "unknown"
	case *b:
		return "yes"
	}
	return "no"
}

// TestAcceptance is the loop around the attempts: what is rejected is asked for
// again, then repaired or abandoned.
func TestAcceptance(t *testing.T) {
	t.Parallel()
	fixes := func(*eval.Task, *eval.Response, *eval.RepairRule) *bool { b := true; return &b }
	abandons := func(*eval.Task, *eval.Response, *eval.RepairRule) *bool { b := false; return &b }
	silent := func(*eval.Task, *eval.Response, *eval.RepairRule) *bool { return nil }
	type repair = func(*eval.Task, *eval.Response, *eval.RepairRule) *bool
	for _, tc := range []struct {
		name, words                 string
		regenerate                  int
		repair                      repair // nil = the type has no rule
		causes                      string
		verdict                     eval.Verdict
		final                       int
		first, after, fix, repaired string
	}{
		{"accepted at once", "ok", 2, fixes, "first", eval.Accepted, 0, "yes", "yes", "no", ""},
		{"accepted at the second answer", "bad ok", 2, fixes, "first regenerate", eval.Accepted, 1, "no", "yes", "no", ""},
		{"never accepted, no rule", "bad", 2, nil, "first regenerate regenerate", eval.Rejected, 2, "no", "no", "unknown", ""},
		{"never accepted, repaired", "bad", 1, fixes, "first regenerate", eval.Accepted, 1, "no", "no", "yes", "5m"},
		{"never accepted, abandoned", "bad", 1, abandons, "first regenerate", eval.Rejected, 1, "no", "no", "no", ""},
		{"the rule cannot say", "bad", 0, silent, "first", eval.Rejected, 0, "no", "no", "unknown", ""},
		{"what cannot be judged is not asked for again", "?", 2, fixes, "first", eval.Unscored, 0, "unknown", "unknown", "unknown", ""},
		{"a second answer that cannot be judged", "bad ?", 2, fixes, "first regenerate", eval.Unscored, 1, "no", "unknown", "unknown", ""},
		{"a regeneration that fails keeps the verdict", "bad 400", 2, nil, "first regenerate", eval.Rejected, 0, "no", "no", "unknown", ""},
		{"and is repaired by the answer that is there", "bad 500", 2, fixes, "first regenerate retry retry", eval.Accepted, 0, "no", "no", "yes", "5m"},
		{"a regeneration is retried", "bad 429 ok", 1, nil, "first regenerate retry", eval.Accepted, 2, "no", "yes", "no", ""},
		{"no answer, nothing to repair", "400", 2, fixes, "first", eval.Errored, -1, "unknown", "unknown", "unknown", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			o := plan(1, model("m", "p", scripted(strings.Fields(tc.words)...)))
			o.Run.TaskTypes[0].Regenerate = tc.regenerate
			o.Repair = tc.repair
			if tc.repair != nil {
				o.Run.TaskTypes[0].Repair = &eval.RepairRule{Minutes: 5, HourlyRate: 60 * eval.USD}
			}
			got := one(t, o)
			if causes(got) != tc.causes || got.Verdict != tc.verdict || got.Final != tc.final {
				t.Errorf("%s: %s, final %d; want %s: %s, final %d", causes(got), got.Verdict, got.Final, tc.causes, tc.verdict, tc.final)
			}
			if f, a, h := yes(got.FirstTry), yes(got.AfterRegen), yes(got.HumanFix); f != tc.first || a != tc.after || h != tc.fix {
				t.Errorf("accepted at first %s, without a person %s, repair %s; want %s, %s, %s", f, a, h, tc.first, tc.after, tc.fix)
			}
			if origin := got.HumanFixFrom; (origin == eval.Imputed) != (tc.fix != "unknown") {
				t.Errorf("repair %s is %s", tc.fix, origin)
			}
			var took time.Duration
			var cost eval.Money
			if tc.repaired != "" {
				took, cost = 5*time.Minute, 5*eval.USD
			}
			if got.HumanFixTime != took || got.Cost.Repair != eval.Exactly(cost) {
				t.Errorf("repair took %s and cost %v, want %s and $%s", got.HumanFixTime, got.Cost.Repair, took, cost)
			}
			if want := strings.Count(tc.causes, "regenerate"); got.Regenerations != want {
				t.Errorf("%d regenerations, want %d", got.Regenerations, want)
			}
		})
	}
}

// TestRepairSeesTheGradedAnswer: after a regeneration that failed, the repair
// rule looks at the answer that is there.
func TestRepairSeesTheGradedAnswer(t *testing.T) {
	t.Parallel()
	var seen eval.Untrusted
	o := plan(1, model("m", "p", scripted("bad", "400")))
	o.Run.TaskTypes[0].Regenerate = 1
	o.Run.TaskTypes[0].Repair = &eval.RepairRule{Minutes: 1}
	o.Repair = func(_ *eval.Task, r *eval.Response, _ *eval.RepairRule) *bool {
		seen = r.Text
		return nil
	}
	one(t, o)
	if seen != "bad" {
		t.Errorf("the rule saw %q", seen)
	}
}

// TestCostSplit: for any course of events the parts of the split add up to what
// all attempts and the repair cost, judging apart, and each attempt is in the
// part that its round belongs to.
func TestCostSplit(t *testing.T) {
	t.Parallel()
	words := rapid.SampledFrom([]string{"ok", "bad", "?", "429", "500", "408", "400", "refusal", "empty", "reset", "cut", "slow", "context"})
	rapid.Check(t, func(rt *rapid.T) {
		script := rapid.SliceOfN(words, 12, 12).Draw(rt, "script")
		n := 0
		c := &caller{answer: func(context.Context, *eval.Request) eval.Response {
			n++
			return say(script[min(n, len(script))-1])
		}}
		o := policy(c, c, c, outage)
		o.Lanes[0].Primary.Candidate.Retry.Max = rapid.IntRange(0, 3).Draw(rt, "retries")
		o.Run.TaskTypes[0].Regenerate = rapid.IntRange(0, 3).Draw(rt, "regenerate")
		o.Run.TaskTypes[0].Confirm = rapid.Bool().Draw(rt, "confirm")
		o.Run.TaskTypes[0].Repair = &eval.RepairRule{Minutes: 1, HourlyRate: eval.USD}
		if rapid.Bool().Draw(rt, "unpriced") {
			o.Lanes[0].Primary.Price = nil
		}
		fix := rapid.Bool().Draw(rt, "fix")
		o.Repair = func(*eval.Task, *eval.Response, *eval.RepairRule) *bool { return &fix }
		o.Grader = grader{cost: eval.Exactly(11)}
		got := one(t, o)

		sum, failed, graded := got.Cost.Repair, eval.Exactly(0), 0
		for i := range got.Attempts {
			a := &got.Attempts[i]
			sum = sum.Plus(a.Cost)
			if a.Failure != nil {
				failed = failed.Plus(a.Cost)
			}
			if a.Grade != nil {
				graded++
			}
		}
		if final := got.Cost.Final(); final != sum {
			rt.Fatalf("the parts add up to %v, the attempts and the repair to %v: %+v", final, sum, got.Cost)
		}
		if got.Cost.Failed != failed || got.Cost.Judge != eval.Exactly(eval.Money(11*graded)) {
			rt.Fatalf("failed %v of %v; judging %v for %d grades", got.Cost.Failed, failed, got.Cost.Judge, graded)
		}
		if len(got.Attempts) != n {
			rt.Fatalf("%d attempts of %d calls", len(got.Attempts), n)
		}
		check(rt, got)
	})
}

// check is what holds for every finished trial.
func check(rt *rapid.T, got *eval.Trial) {
	switch {
	case got.CutOff:
		rt.Fatal("cut off, but nobody stopped it")
	case got.Verdict == eval.Errored && got.Final != -1, got.Final == -1 && (got.Verdict == eval.Accepted || got.Verdict == eval.Rejected || got.Verdict == eval.Unscored):
		rt.Fatalf("%s with final answer %d", got.Verdict, got.Final)
	case got.Final >= 0 && got.Attempts[got.Final].Grade == nil:
		rt.Fatal("the answer that counts was not graded")
	case (got.Verdict == eval.NeedsConfirmation) != (got.Plan != ""):
		rt.Fatalf("%s with plan %q", got.Verdict, got.Plan)
	case got.ErrorClass() != "" && got.Verdict != eval.Errored && got.Verdict != eval.NeedsConfirmation:
		rt.Fatalf("%s of class %s", got.Verdict, got.ErrorClass())
	}
	fallbacks := 0
	for i := range got.Attempts {
		if got.Attempts[i].Cause == eval.CauseFallback {
			fallbacks++
		}
	}
	if fallbacks > 1 {
		rt.Fatalf("%d fallbacks: it must stop after the first", fallbacks)
	}
}

// TestSplitParts puts each answer's cost where it belongs.
func TestSplitParts(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		words string // of the default, by turns
		where func(eval.CostSplit) eval.Cost
	}{
		{"ok", func(s eval.CostSplit) eval.Cost { return s.Answer }},
		{"429 ok", func(s eval.CostSplit) eval.Cost { return s.Retries }},
		{"500 500 500 ok", func(s eval.CostSplit) eval.Cost { return s.Fallback }},
		{"500 500 500 429 ok", func(s eval.CostSplit) eval.Cost { return s.Fallback }},
	} {
		t.Run(tc.words, func(t *testing.T) {
			t.Parallel()
			c := turns(strings.Fields(tc.words)...)
			o := policy(c, c, nil, outage)
			o.Lanes[0].Backup.Price = price(3)
			if got := one(t, o); got.Verdict != eval.Accepted || tc.where(got.Cost) != eval.Exactly(36) || got.Cost.Final() != eval.Exactly(36) {
				t.Errorf("%s, split %+v", got.Verdict, got.Cost)
			}
		})
	}
	c := turns("bad", "429", "ok")
	o := plan(1, model("m", "p", c))
	o.Run.TaskTypes[0].Regenerate = 1
	if got := one(t, o); got.Cost.Answer != eval.Exactly(36) || got.Cost.Regeneration != eval.Exactly(36) || got.Cost.Retries != eval.Exactly(0) {
		t.Errorf("a retried regeneration: %+v", got.Cost)
	}
}

// TestBilling: what a failure costs follows from its class; what is unknown is a
// range and never 0.
func TestBilling(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		word    string
		price   *eval.PriceRow
		billing eval.Billing
		cost    eval.Cost
	}{
		{"ok", price(3), eval.Billed, eval.Exactly(36)},
		{"ok", nil, eval.Billed, eval.UnknownCost()},
		{"429", price(3), eval.NotBilled, eval.Exactly(0)},
		{"429", nil, eval.NotBilled, eval.Exactly(0)},
		{"refusal", price(3), eval.Billed, eval.Exactly(33)},
		{"told", nil, eval.Billed, eval.Exactly(7)},
		{"told", price(3), eval.Billed, eval.Exactly(7)}, // no token was counted
		{"told and counted", nil, eval.Billed, eval.Exactly(7)},
		{"told and counted", price(3), eval.Billed, eval.Exactly(33)},            // our own figure goes before the provider's
		{"slow", price(3), eval.Unbilled, eval.Between(0, 3*(9+17+16+5+64+100))}, // every byte of prompt and tools, the turn, a margin, and the cap
		{"slow", nil, eval.Unbilled, eval.UnknownCost()},
	} {
		target := model("m", "p", scripted(tc.word))
		target.Price, target.Candidate.Retry.Max = tc.price, 0
		got := one(t, plan(1, target))
		if a := got.Attempts[0]; a.Billing != tc.billing || a.Cost != tc.cost {
			t.Errorf("%s with price %v: %s, %v; want %s, %v", tc.word, tc.price != nil, a.Billing, a.Cost, tc.billing, tc.cost)
		}
	}
}

var _ runner.Grader = grader{}
