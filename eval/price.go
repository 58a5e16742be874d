package eval

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

	// Tiers replace prices by service tier as returned (batch, flex, priority).
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
}

// Cost returns the exact cost of a call, or an unknown cost where the usage is
// nil or implausible or a price that it needs is missing.
func (r *PriceRow) Cost(u *Usage) Cost {
	if r == nil || u == nil || !u.Plausible() {
		return UnknownCost()
	}
	p := *r
	if r.LongContext != nil && r.LongContextOver > 0 && u.Input() > r.LongContextOver {
		p = *r.LongContext
	}
	if u.Tier != "" {
		if t, ok := p.Tiers[u.Tier]; ok {
			p = t
		}
	}
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

// AtMost returns an upper bound on the cost of a call with at most so many
// input and output tokens, and false where a price or a bound is missing.
func (r *PriceRow) AtMost(input, output int64) (Money, bool) {
	if r == nil || input < 0 || output <= 0 {
		return 0, false
	}
	c := axisCost(input, maxPrice(r.In, r.CacheWrite5m, r.CacheWrite1h)).Plus(axisCost(output, maxPrice(r.Out, r.Reasoning)))
	return c.High, c.Known() && r.In != nil && r.Out != nil
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
