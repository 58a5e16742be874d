package runner

import "infer/eval"

// bill decides what an attempt cost. An answer is charged for the usage that
// was reported; a failure by the rule of its class. Where the usage or the rule
// is unknown, the cost is a range: from what is certain to the most that the
// call can have cost, or without upper end where even that is unknown.
func bill(a *eval.Attempt, req *eval.Request, price *eval.PriceRow) {
	a.Billing = eval.Billed
	if a.Failure != nil {
		a.Billing = a.Failure.Billing
	}
	switch {
	case a.Billing == eval.NotBilled:
		a.Cost = eval.Exactly(0)
	case a.Usage != nil && a.Billing != eval.Unbilled:
		a.Cost = price.Cost(a.Usage)
	default:
		a.Cost = bound(req, price)
	}
}

// bound is the range of a call whose usage is unknown: nothing at least; at
// most every byte of the prompt as a token and every output token that the cap
// allows. Inputs that are not text have no such bound.
func bound(req *eval.Request, price *eval.PriceRow) eval.Cost {
	out, ok := req.Params.MaxTokens()
	if !ok && price != nil {
		out = price.MaxOutput
	}
	in := int64(len(req.System) + len(req.Tools) + len(req.ResponseFormat))
	for i := range req.Messages {
		in += 16 // the turn's own tokens
		for _, p := range req.Messages[i].Parts {
			if p.Type != eval.PartText {
				return eval.UnknownCost()
			}
			in += int64(len(p.Text))
		}
		for _, c := range req.Messages[i].ToolCalls {
			in += int64(len(c.Name) + len(c.Arguments) + 16)
		}
	}
	top, ok := price.AtMost(in+64, out)
	if !ok {
		return eval.UnknownCost()
	}
	return eval.Between(0, top)
}
