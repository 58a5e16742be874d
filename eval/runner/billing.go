package runner

import "infer/eval"

// bill decides what an attempt cost. An answer is charged for the usage that
// was reported; a failure by the rule of its class. Where the usage or the rule
// is unknown, the cost is a range: from what is certain to the most that the
// call can have cost, or without upper end where even that is unknown.
func bill(a *eval.Attempt, req *eval.Request, target *Target) {
	a.Billing = eval.Billed
	if a.Failure != nil {
		a.Billing = a.Failure.Billing
	}
	a.Cost = Price(a, req, target.Price, target.Served)
}

// Price is what an attempt costs by the row of the model that was asked for (nil =
// unknown) and by those of models that may have been served in its place. req is
// needed where the usage is not known; nil leaves such a cost without upper end.
func Price(a *eval.Attempt, req *eval.Request, asked *eval.PriceRow, find func(model string) *eval.PriceRow) eval.Cost {
	if a.Billing == eval.NotBilled {
		return eval.Exactly(0)
	}
	row := asked
	if find != nil {
		row = eval.Charge(asked, a.Served, find)
	}
	if a.Usage == nil || a.Billing == eval.Unbilled {
		if req == nil || row == nil {
			return eval.UnknownCost()
		}
		return bound(req, row)
	}
	c := row.Cost(a.Usage)
	told := a.Usage.ProviderCost
	if told == nil || *told < 0 {
		return c
	}
	switch {
	case !a.Usage.Counted() || row == nil && *told > 0:
		// Where there is no row, or no token was counted, what the provider itself
		// says counts: an application of the user's own knows what it spent, and has
		// no price list. A 0 where tokens were counted means that it does not know.
		return eval.Exactly(*told)
	case !c.Known():
		c.Low = max(c.Low, *told)
	case row != asked && (asked == nil || free(asked, a.Usage)): // its name alone says that something was charged
		return eval.Between(min(c.Low, *told), max(c.High, *told))
	}
	return c
}

func free(p *eval.PriceRow, u *eval.Usage) bool {
	c := p.Cost(u)
	return c.Known() && c.Low == 0
}

// bound is the range of a call whose usage is unknown: nothing at least; at
// most every byte of the prompt as a token and every output token that the cap
// allows. Inputs that are not text have no such bound.
func bound(req *eval.Request, price *eval.PriceRow) eval.Cost {
	in, ok := promptBytes(req)
	if !ok {
		return eval.UnknownCost()
	}
	out, _ := outputCap(req, price)
	top, ok := price.AtMost(in+64, out)
	if !ok {
		return eval.UnknownCost()
	}
	return eval.Between(0, top)
}

// promptBytes is how long the prompt is, with an allowance for each turn; false
// where it holds something that is not text.
func promptBytes(req *eval.Request) (int64, bool) {
	n := int64(len(req.System) + len(req.Tools) + len(req.ResponseFormat))
	for i := range req.Messages {
		n += 16 // the turn's own tokens
		for _, p := range req.Messages[i].Parts {
			if p.Type != eval.PartText {
				return 0, false
			}
			n += int64(len(p.Text))
		}
		for _, c := range req.Messages[i].ToolCalls {
			n += int64(len(c.Name) + len(c.Arguments) + 16)
		}
	}
	return n, true
}

// outputCap is the most output tokens that a call may have: by its parameters,
// else by what the model can write.
func outputCap(req *eval.Request, price *eval.PriceRow) (int64, bool) {
	if n, ok := req.Params.MaxTokens(); ok {
		return n, true
	}
	if price != nil && price.MaxOutput > 0 {
		return price.MaxOutput, true
	}
	return 0, false
}

// bytesPerToken is how long a token is at most, on average over a prompt: texts in
// Latin script have about 4 bytes a token, so 8 is a safe lower bound of tokens.
const bytesPerToken = 8

// Estimate is what one call may take, before it is made.
type Estimate struct {
	InLow, InHigh int64     // input tokens: one for eight bytes, and one for each byte
	OutHigh       *int64    // output tokens at most; nil = nothing caps them
	Cost          eval.Cost // from the cheapest reading of the input without any output to the cap
}

// EstimateCall bounds one call without making it; ok is false where the input is
// not text, of which nothing is known.
func EstimateCall(req *eval.Request, price *eval.PriceRow) (e Estimate, ok bool) {
	n, ok := promptBytes(req)
	if !ok {
		return Estimate{Cost: eval.UnknownCost()}, false
	}
	e = Estimate{InLow: n / bytesPerToken, InHigh: n + 64, Cost: eval.UnknownCost()}
	if most, ok := outputCap(req, price); ok {
		e.OutHigh = &most
	}
	if price == nil || price.In == nil {
		return e, true
	}
	cheapest := *price.In
	if price.CacheRead != nil && *price.CacheRead < cheapest {
		cheapest = *price.CacheRead
	}
	low, err := cheapest.For(e.InLow)
	if err != nil {
		return e, true
	}
	e.Cost.Low = low
	if high := bound(req, price); !high.Unbounded {
		e.Cost = eval.Between(low, max(high.High, low))
	}
	return e, true
}
