package eval_test

import (
	"testing"

	"infer/eval"
)

func perMillion(usd int64) *eval.Price {
	p := eval.Price(usd * 1_000_000)
	return &p
}

// full is a row with every kind of price, each of its own.
func full() *eval.PriceRow {
	return &eval.PriceRow{Provider: "p", Model: "m", In: perMillion(2), Out: perMillion(10), CacheRead: perMillion(1), CacheWrite5m: perMillion(3), CacheWrite1h: perMillion(4),
		InImage: perMillion(6), ServerTools: map[string]eval.Price{"web_search": 10_000_000_000},
		Tiers:           map[string]eval.PriceRow{"batch": {In: perMillion(1), Out: perMillion(5)}, "priority": {In: perMillion(4), Out: perMillion(20)}},
		LongContextOver: 200_000,
		LongContext: &eval.PriceRow{In: perMillion(5), Out: perMillion(15),
			Tiers: map[string]eval.PriceRow{"batch": {In: perMillion(3), Out: perMillion(8)}}},
	}
}

func TestPriceRowCost(t *testing.T) {
	t.Parallel()
	paid := eval.Money(123)
	for _, c := range []struct {
		name  string
		usage *eval.Usage
		want  string // dollars; "" = unknown
	}{
		{"input and output", &eval.Usage{InFresh: 1000, OutText: 100}, "0.003"},
		{"reads of a cache are neither fresh nor counted twice", &eval.Usage{InFresh: 1000, InCacheRead: 1000}, "0.003"},
		{"a write to a cache is charged once, at its own price", &eval.Usage{InCacheWrite5m: 1000}, "0.003"},
		{"an hour's write costs more", &eval.Usage{InCacheWrite1h: 1000}, "0.004"},
		{"reasoning without a price of its own is output", &eval.Usage{OutText: 100, OutReasoning: 100}, "0.002"},
		{"image tokens have their own price", &eval.Usage{InFresh: 1000, InImage: 1000}, "0.008"},
		{"audio has none here", &eval.Usage{InFresh: 1000, InAudio: 1}, ""},
		{"a server's tool is charged by the call", &eval.Usage{InFresh: 1000, ServerTools: map[string]int64{"web_search": 2}}, "0.022"},
		{"another tool has no price", &eval.Usage{InFresh: 1000, ServerTools: map[string]int64{"code": 1}}, ""},
		{"the tier that was returned decides", &eval.Usage{InFresh: 1000, OutText: 100, Tier: "priority"}, "0.006"},
		{"usual tiers have several names", &eval.Usage{InFresh: 1000, Tier: "on_demand"}, "0.002"},
		{"a tier without prices is unknown, not usual", &eval.Usage{InFresh: 1000, Tier: "scale"}, ""},
		{"a tier replaces every price: none for its cache", &eval.Usage{InFresh: 1000, InCacheRead: 1, Tier: "batch"}, ""},
		{"up to the limit the usual price holds", &eval.Usage{InFresh: 200_000, OutText: 100}, "0.401"},
		{"above it the whole request costs more", &eval.Usage{InFresh: 200_001, OutText: 100}, "1.001505"},
		{"cached input counts towards the limit", &eval.Usage{InFresh: 1, InCacheRead: 200_000}, ""},
		{"a tier above the limit has prices of its own", &eval.Usage{InFresh: 300_000, OutText: 100, Tier: "batch"}, "0.9008"},
		{"and is unknown without them", &eval.Usage{InFresh: 300_000, Tier: "priority"}, ""},
		{"what the provider says it cost is kept beside", &eval.Usage{InFresh: 1000, ProviderCost: &paid}, "0.002"},
		{"no usage", nil, ""},
		{"negative usage", &eval.Usage{InFresh: -1}, ""},
		{"absurd usage", &eval.Usage{InFresh: 2_000_000_000}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := full().Cost(c.usage)
			if c.want == "" {
				if got.Known() {
					t.Fatalf("cost is %s, want unknown", got.Low)
				}
				return
			}
			if want, err := eval.ParseUSD(c.want); err != nil || !got.Known() || got.Low != want {
				t.Errorf("cost is %+v, want %s", got, c.want)
			}
		})
	}
	var none *eval.PriceRow
	if c := none.Cost(&eval.Usage{InFresh: 1}); c.Known() {
		t.Error("a model without a price costs nothing")
	}
}

// TestPriceRowAtMost: a bound holds at every tier and beyond the long-context limit.
func TestPriceRowAtMost(t *testing.T) {
	t.Parallel()
	r := full()
	for _, in := range []int64{0, 10, 200_000, 200_001, 900_000} {
		top, ok := r.AtMost(in, 1000)
		if !ok {
			t.Fatalf("no bound for %d tokens", in)
		}
		for _, u := range []eval.Usage{{InFresh: in, OutText: 1000}, {InCacheWrite1h: min(in, 200_000), OutReasoning: 1000}, {InFresh: in, OutText: 1000, Tier: "priority"}, {InFresh: in, OutText: 1000, Tier: "batch"}} {
			if c := r.Cost(&u); c.Known() && c.High > top {
				t.Errorf("%d tokens cost %s, more than at most %s", in, c.High, top)
			}
		}
	}
	r.LongContext.In = nil
	if _, ok := r.AtMost(200_001, 10); ok {
		t.Error("a bound without a price")
	}
	if _, ok := r.AtMost(200_000, 10); !ok {
		t.Error("no bound below the limit")
	}
}
