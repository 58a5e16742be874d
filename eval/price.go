package eval

import "strings"

// PriceRow is the dated price of one model at one provider. Prices are in
// micro-USD per million tokens; nil means that no price is known for that
// axis, which makes the cost of a call that used it unknown.
type PriceRow struct {
	Provider     string `json:"provider"`
	Model        string `json:"model"`
	In           *Price `json:"in"`
	Out          *Price `json:"out"`
	CacheRead    *Price `json:"cache_read,omitempty"`
	CacheWrite5m *Price `json:"cache_write_5m,omitempty"`
	CacheWrite1h *Price `json:"cache_write_1h,omitempty"`
	Reasoning    *Price `json:"reasoning,omitempty"` // nil = billed as output, as all published tables do
	InAudio      *Price `json:"in_audio,omitempty"`
	OutAudio     *Price `json:"out_audio,omitempty"`
	InImage      *Price `json:"in_image,omitempty"`
	OutImage     *Price `json:"out_image,omitempty"`

	// ServerTools are prices per million calls of a tool that the provider runs.
	ServerTools map[string]Price `json:"server_tools,omitempty"`

	// Tiers replace all prices by service tier as returned (batch, flex, priority).
	Tiers map[string]PriceRow `json:"tiers,omitempty"`
	// LongContext replaces the prices of the whole request when its input is
	// larger than LongContextOver tokens.
	LongContext     *PriceRow `json:"long_context,omitempty"`
	LongContextOver int64     `json:"long_context_over,omitempty"`

	ContextWindow int64  `json:"context_window,omitempty"` // tokens; 0 = unknown
	MaxOutput     int64  `json:"max_output,omitempty"`     // tokens; 0 = unknown
	Source        string `json:"source"`
	AsOf          string `json:"as_of"`                   // YYYY-MM-DD
	Example       bool   `json:"example_price,omitempty"` // invented for illustration
	// Listed is a price of a public list: it holds for this model, not for what a
	// provider serves in its place.
	Listed bool `json:"list_price,omitempty"`
}

// Cost returns the exact cost of a call, or an unknown cost where the usage is
// nil or implausible or a price that it needs is missing. The tier that was
// returned decides, whichever was asked for; the long-context price holds for the
// whole request; and a tier beyond the long-context limit is priced by the tiers
// of LongContext alone. What the row has no prices for is unknown, never charged
// as if it were usual.
func (r *PriceRow) Cost(u *Usage) Cost {
	if r == nil || u == nil || !u.Plausible() {
		return UnknownCost()
	}
	p := r
	if r.LongContext != nil && r.LongContextOver > 0 && u.Input() > r.LongContextOver {
		p = r.LongContext
	}
	if !UsualTier(u.Tier) {
		t, ok := p.Tiers[u.Tier]
		if !ok {
			return UnknownCost()
		}
		p = &t
	}
	return p.sum(u)
}

// UsualTier reports whether a service tier as returned is the one that list prices
// are for; "" is a provider that names none.
func UsualTier(tier string) bool {
	switch strings.ToLower(tier) {
	case "", "default", "auto", "standard", "on_demand":
		return true
	}
	return false
}

// sum prices every axis by this row alone.
func (r *PriceRow) sum(u *Usage) Cost {
	p := r
	reasoning := p.Reasoning
	if reasoning == nil {
		reasoning = p.Out
	}
	total := Exactly(0)
	for _, axis := range []struct {
		n     int64
		price *Price
	}{
		{u.InFresh, p.In}, {u.InCacheRead, p.CacheRead}, {u.InCacheWrite5m, p.CacheWrite5m},
		{u.InCacheWrite1h, p.CacheWrite1h}, {u.InAudio, p.InAudio}, {u.InImage, p.InImage},
		{u.OutText, p.Out}, {u.OutReasoning, reasoning}, {u.OutAudio, p.OutAudio}, {u.OutImage, p.OutImage},
	} {
		total = total.Plus(axisCost(axis.n, axis.price))
	}
	for tool, n := range u.ServerTools {
		var price *Price
		if v, ok := p.ServerTools[tool]; ok {
			price = &v
		}
		total = total.Plus(axisCost(n, price))
	}
	return total
}

func axisCost(n int64, p *Price) Cost {
	if n == 0 {
		return Exactly(0)
	}
	if p == nil {
		return UnknownCost()
	}
	m, err := p.For(n)
	if err != nil {
		return UnknownCost()
	}
	return Exactly(m)
}

// Tiered returns the row of one service tier alone, nil where it has none. Where the
// tier has no long-context prices, beyond the limit none is known.
func (r *PriceRow) Tiered(tier string) *PriceRow {
	t, ok := r.Tiers[tier]
	if !ok {
		return nil
	}
	t.Provider, t.Model, t.MaxOutput, t.ContextWindow = r.Provider, r.Model, r.MaxOutput, r.ContextWindow
	if r.LongContext != nil {
		long := r.LongContext.Tiers[tier]
		t.LongContext, t.LongContextOver = &long, r.LongContextOver
	}
	return &t
}

// AtMost returns an upper bound on the cost of a call with at most so many
// input and output tokens at whichever tier, and false where a price or a bound is
// missing.
func (r *PriceRow) AtMost(input, output int64) (Money, bool) {
	if r == nil || input < 0 || output <= 0 {
		return 0, false
	}
	top, ok := r.most(input, output)
	if ok && r.LongContext != nil && input > r.LongContextOver {
		var long Money
		long, ok = r.LongContext.most(input, output)
		top = max(top, long)
	}
	return top, ok
}

// most is AtMost by this row and its tiers, without its long-context prices.
func (r *PriceRow) most(input, output int64) (Money, bool) {
	c := axisCost(input, maxPrice(r.In, r.CacheWrite5m, r.CacheWrite1h)).Plus(axisCost(output, maxPrice(r.Out, r.Reasoning)))
	if !c.Known() || r.In == nil || r.Out == nil {
		return 0, false
	}
	top := c.High
	for _, t := range r.Tiers {
		m, ok := t.most(input, output)
		if !ok {
			return 0, false
		}
		top = max(top, m)
	}
	return top, true
}

func maxPrice(ps ...*Price) *Price {
	var top *Price
	for _, p := range ps {
		if p != nil && (top == nil || *p > *top) {
			top = p
		}
	}
	return top
}
