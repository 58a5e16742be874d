package eval_test

import (
	"errors"
	"math"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"infer/eval"
)

func TestParseUSD(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]eval.Money{
		"0": 0, "0.0": 0, "-0": 0, "1": eval.USD, "12": 12 * eval.USD, "1.5": 1_500_000_000_000, "0.0042": 4_200_000_000, ".5": eval.USD / 2, "5.": 5 * eval.USD,
		"0.000000000001": 1, "1e-12": 1, "1E-6": eval.MicroUSD, "1.5e-6": 1_500_000, "1.25e+2": 125 * eval.USD, "15e-1": 1_500_000_000_000, "1.500": 1_500_000_000_000,
		"-2.5": -2_500_000_000_000, "0.0000000000010000": 1, "9223372.036854775807": math.MaxInt64, "-9223372.036854775808": math.MinInt64, "000012": 12 * eval.USD,
	} {
		if got, err := eval.ParseUSD(in); err != nil || got != want {
			t.Errorf("%s is %d pico-USD (%v), want %d", in, got, err, want)
		}
	}
	for _, in := range []string{"", "-", ".", "-.", "e5", "1e", "1e1.5", "1.2.3", "$1", "1,5", " 1", "1 ", "+1", "--1", "0x10", "1_000", "NaN", "Inf", "∞", "١",
		"0.0000000000001", "1e-13", "1e31", "9223372.036854775808", "-9223372.036854775809", "1e7", "1e999999999999", strings.Repeat("9", 400)} {
		if got, err := eval.ParseUSD(in); !errors.Is(err, eval.ErrMoneyRange) {
			t.Errorf("%q is read as %d (%v)", in, got, err)
		}
	}
}

// TestMoneyRoundTrip prints and reads any amount exactly.
func TestMoneyRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := eval.Money(rapid.Int64().Draw(t, "pico-USD"))
		got, err := eval.ParseUSD(m.String())
		if err != nil || got != m {
			t.Fatalf("%d is printed %s, which is read as %d (%v)", m, m, got, err)
		}
		if s := m.String(); strings.Contains(s, ".") && strings.HasSuffix(s, "0") || strings.HasSuffix(s, ".") {
			t.Fatalf("%d is printed %s", m, s)
		}
	})
}

// TestParseAgainstRationals reads decimals as rational arithmetic does.
func TestParseAgainstRationals(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`-?[0-9]{0,9}(\.[0-9]{0,15})?([eE][+-]?[0-9]{1,2})?`).Draw(t, "amount")
		r, ok := new(big.Rat).SetString(s)
		var want *big.Int
		if ok {
			if r.Mul(r, new(big.Rat).SetInt64(int64(eval.USD))); r.IsInt() && r.Num().IsInt64() {
				want = r.Num()
			}
		}
		got, err := eval.ParseUSD(s)
		switch {
		case err != nil && want != nil && !strings.ContainsAny(s, "eE"): // exponents beyond ±30 are refused, whatever they make of it
			t.Fatalf("%q is %s pico-USD, and refused: %v", s, want, err)
		case err == nil && (want == nil || want.Cmp(big.NewInt(int64(got))) != 0):
			t.Fatalf("%q is read as %d, want %s", s, got, want)
		}
	})
}

// TestPriceFor multiplies exactly or refuses.
func TestPriceFor(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p, n := rapid.Int64().Draw(t, "price"), rapid.Int64().Draw(t, "units")
		got, err := eval.Price(p).For(n)
		want := new(big.Int).Mul(big.NewInt(p), big.NewInt(n))
		if fits := p >= 0 && n >= 0 && want.IsInt64(); fits != (err == nil) || fits && want.Cmp(big.NewInt(int64(got))) != 0 {
			t.Fatalf("%d × %d = %d (%v), want %s", p, n, got, err, want)
		}
	})
	if m, err := eval.Price(3_000_000).For(1_000_000); err != nil || m != 3*eval.USD {
		t.Errorf("a million tokens at 3 USD a million are %s (%v)", m, err)
	}
	if p, err := eval.ParsePrice("0.15"); err != nil || p != 150_000 {
		t.Errorf("0.15 USD a million is %d (%v)", p, err)
	}
	if _, err := eval.ParsePrice("0.0000001"); err == nil {
		t.Error("a price finer than a micro-USD is rounded")
	}
}

func cost(t *rapid.T, name string) eval.Cost {
	switch rapid.IntRange(0, 2).Draw(t, name+" kind") {
	case 0:
		return eval.Exactly(eval.Money(rapid.Int64Range(0, math.MaxInt64).Draw(t, name)))
	case 1:
		low := rapid.Int64Range(0, math.MaxInt64).Draw(t, name+" low")
		return eval.Between(eval.Money(low), eval.Money(rapid.Int64Range(low, math.MaxInt64).Draw(t, name+" high")))
	}
	return eval.Cost{Low: eval.Money(rapid.Int64Range(0, 1e15).Draw(t, name+" low")), Unbounded: true}
}

// TestCostAlgebra: sums are commutative, zero changes nothing, bounds only ever
// hold more, and unknown stays unknown. Sums that fit are exact and associative.
func TestCostAlgebra(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := cost(t, "a"), cost(t, "b"), cost(t, "c")
		if a.Plus(b) != b.Plus(a) {
			t.Fatalf("%+v + %+v = %+v, but turned round %+v", a, b, a.Plus(b), b.Plus(a))
		}
		if a.Plus(eval.Exactly(0)) != a {
			t.Fatalf("%+v + 0 = %+v", a, a.Plus(eval.Exactly(0)))
		}
		s := a.Plus(b)
		if s.Low < max(a.Low, b.Low) {
			t.Fatalf("%+v + %+v has the lower end %d", a, b, s.Low)
		}
		if (a.Unbounded || b.Unbounded) && !s.Unbounded {
			t.Fatalf("%+v + %+v = %+v is bounded", a, b, s)
		}
		if s.Known() && (!a.Known() || !b.Known()) {
			t.Fatalf("%+v + %+v = %+v is known", a, b, s)
		}
		if !s.Unbounded {
			high := new(big.Int).Add(big.NewInt(int64(a.High)), big.NewInt(int64(b.High)))
			if high.Cmp(big.NewInt(int64(s.High))) != 0 {
				t.Fatalf("%+v + %+v = %+v: the upper end is %s", a, b, s, high)
			}
			if left, right := s.Plus(c), a.Plus(b.Plus(c)); !left.Unbounded && left != right {
				t.Fatalf("(a+b)+c = %+v, a+(b+c) = %+v", left, right)
			}
		}
	})
}

// TestCostOverflow ends in an unbounded cost, never in a smaller or negative one.
func TestCostOverflow(t *testing.T) {
	t.Parallel()
	most := eval.Exactly(math.MaxInt64)
	s := most.Plus(most)
	if !s.Unbounded || s.Low != math.MaxInt64 || s.Known() {
		t.Errorf("the sum is %+v", s)
	}
	if s = eval.Between(0, math.MaxInt64).Plus(eval.Exactly(1)); !s.Unbounded || s.Low != 1 {
		t.Errorf("the sum is %+v", s)
	}
	if eval.UnknownCost().Known() || !eval.Exactly(0).Known() || eval.Between(1, 2).Known() || !eval.Between(2, 2).Known() {
		t.Error("what is known is mistaken")
	}
}

// TestCostSplit adds up to the final cost, judging apart.
func TestCostSplit(t *testing.T) {
	t.Parallel()
	s := eval.CostSplit{Answer: eval.Exactly(1), Retries: eval.Exactly(2), Failed: eval.Exactly(4), Fallback: eval.Exactly(8), Regeneration: eval.Exactly(16),
		Tools: eval.Exactly(32), Repair: eval.Exactly(64), Judge: eval.Exactly(1000)}
	if got := s.Final(); got != eval.Exactly(127) {
		t.Errorf("the final cost is %+v", got)
	}
	if got := s.Plus(s); got.Final() != eval.Exactly(254) || got.Judge != eval.Exactly(2000) {
		t.Errorf("twice that is %+v", got)
	}
}

func price(n int64) *eval.Price { p := eval.Price(n); return &p }

// TestPriceRow prices each axis by its own price, and does not know what a call
// cost where it lacks one that was used.
func TestPriceRow(t *testing.T) {
	t.Parallel()
	row := eval.PriceRow{In: price(1), Out: price(10), CacheRead: price(100), CacheWrite5m: price(1_000), CacheWrite1h: price(10_000), Reasoning: price(100_000),
		InAudio: price(1_000_000), OutAudio: price(10_000_000), InImage: price(100_000_000), OutImage: price(1_000_000_000), ServerTools: map[string]eval.Price{"search": 5}}
	all := eval.Usage{InFresh: 1, OutText: 2, InCacheRead: 3, InCacheWrite5m: 4, InCacheWrite1h: 5, OutReasoning: 6, InAudio: 7, OutAudio: 8, InImage: 9, OutImage: 1, ServerTools: map[string]int64{"search": 2}}
	if got := row.Cost(&all); got != eval.Exactly(1_987_654_321+10) {
		t.Errorf("it costs %+v", got)
	}
	var none *eval.PriceRow
	for name, c := range map[string]struct {
		row  *eval.PriceRow
		u    *eval.Usage
		want eval.Cost
	}{
		"no row":                 {none, &all, eval.UnknownCost()},
		"no usage":               {&row, nil, eval.UnknownCost()},
		"nothing used":           {&eval.PriceRow{}, &eval.Usage{}, eval.Exactly(0)},
		"an axis without price":  {&eval.PriceRow{In: price(1), Out: price(1)}, &eval.Usage{InFresh: 5, InCacheRead: 1}, eval.Cost{Low: 5, Unbounded: true}},
		"reasoning as output":    {&eval.PriceRow{In: price(1), Out: price(3)}, &eval.Usage{OutReasoning: 2}, eval.Exactly(6)},
		"a tool without price":   {&eval.PriceRow{In: price(1)}, &eval.Usage{InFresh: 1, ServerTools: map[string]int64{"search": 1}}, eval.Cost{Low: 1, Unbounded: true}},
		"a tool that was idle":   {&eval.PriceRow{In: price(1)}, &eval.Usage{InFresh: 1, ServerTools: map[string]int64{"search": 0}}, eval.Exactly(1)},
		"tokens below 0":         {&row, &eval.Usage{InFresh: -1}, eval.UnknownCost()},
		"absurdly many tokens":   {&row, &eval.Usage{InFresh: 1e9 + 1}, eval.UnknownCost()},
		"a product out of range": {&eval.PriceRow{In: price(math.MaxInt64)}, &eval.Usage{InFresh: 2}, eval.UnknownCost()},
		"at the long limit":      {&eval.PriceRow{In: price(1), LongContext: &eval.PriceRow{In: price(2)}, LongContextOver: 10}, &eval.Usage{InFresh: 10}, eval.Exactly(10)},
		"above it, all of it":    {&eval.PriceRow{In: price(1), LongContext: &eval.PriceRow{In: price(2)}, LongContextOver: 10}, &eval.Usage{InFresh: 6, InCacheRead: 5}, eval.Cost{Low: 12, Unbounded: true}},
		"the tier returned":      {&eval.PriceRow{In: price(4), Tiers: map[string]eval.PriceRow{"batch": {In: price(2)}}}, &eval.Usage{InFresh: 10, Tier: "batch"}, eval.Exactly(20)},
		"the usual tier":         {&eval.PriceRow{In: price(4), Tiers: map[string]eval.PriceRow{"batch": {In: price(2)}}}, &eval.Usage{InFresh: 10, Tier: "default"}, eval.Exactly(40)},
	} {
		if got := c.row.Cost(c.u); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}
