package runner_test

import (
	"testing"

	"infer/eval"
	"infer/eval/runner"
)

// TestPrice: what a provider says of a call's cost stands beside ours, and is
// never taken for it.
func TestPrice(t *testing.T) {
	t.Parallel()
	row := func(in eval.Price, listed bool) *eval.PriceRow {
		return &eval.PriceRow{Model: "asked", In: &in, Out: &in, Listed: listed}
	}
	money := func(m eval.Money) *eval.Money { return &m }
	paid := row(9, true)
	paid.Model = "paid"
	find := func(m string) *eval.PriceRow {
		if m == "paid" {
			return paid
		}
		return nil
	}
	for _, c := range []struct {
		name    string
		asked   *eval.PriceRow
		served  string
		usage   *eval.Usage
		billing eval.Billing
		want    eval.Cost
	}{
		{"by the row", row(2, true), "asked", &eval.Usage{InFresh: 10}, eval.Billed, eval.Exactly(20)},
		{"theirs is beside ours", row(2, true), "asked", &eval.Usage{InFresh: 10, ProviderCost: money(19)}, eval.Billed, eval.Exactly(20)},
		{"without a price theirs counts", nil, "asked", &eval.Usage{InFresh: 10, ProviderCost: money(19)}, eval.Billed, eval.Exactly(19)},
		{"… but a 0 is nobody's knowledge", nil, "asked", &eval.Usage{InFresh: 10, ProviderCost: money(0)}, eval.Billed, eval.UnknownCost()},
		{"an application that counts no tokens may cost nothing", nil, "asked", &eval.Usage{ProviderCost: money(0)}, eval.Billed, eval.Exactly(0)},
		{"a price is missing for an axis: at least theirs", row(2, true), "asked", &eval.Usage{InAudio: 10, ProviderCost: money(19)}, eval.Billed, eval.Cost{Low: 19, Unbounded: true}},
		{"a paid model behind a free name", row(0, false), "paid", &eval.Usage{InFresh: 10}, eval.Billed, eval.Exactly(90)},
		{"… of which the provider says that it was free", row(0, false), "paid", &eval.Usage{InFresh: 10, ProviderCost: money(0)}, eval.Billed, eval.Between(0, 90)},
		{"a stranger", row(2, true), "stranger", &eval.Usage{InFresh: 10}, eval.Billed, eval.UnknownCost()},
		{"not charged at all", row(2, true), "paid", &eval.Usage{InFresh: 10}, eval.NotBilled, eval.Exactly(0)},
		{"nothing said, nothing to bound it by", row(2, true), "", nil, eval.Unbilled, eval.UnknownCost()},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := &eval.Attempt{Served: c.served, Usage: c.usage, Billing: c.billing}
			if got := runner.Price(a, nil, c.asked, find); got != c.want {
				t.Errorf("cost is %+v, want %+v", got, c.want)
			}
		})
	}
}
