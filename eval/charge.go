package eval

import (
	"regexp"
	"strings"
)

// Charge returns the row that a call is charged by, which asked for a model whose
// price is asked (nil = unknown) and was served another one, as providers do that
// fall back by themselves; nil = unknown. find returns the row of exactly that
// model, nil = none is known.
//
// What was served decides where its price is known, but a price of the project's
// own is not overruled by a public list, unless it says that the model is free. A
// public list's price holds for its model only: of a stranger that was served
// under that name nothing is known.
func Charge(asked *PriceRow, served string, find func(model string) *PriceRow) *PriceRow {
	if served == "" || asked != nil && served == asked.Model {
		return asked
	}
	if row := find(served); row != nil && (asked == nil || asked.Listed || !row.Listed || asked.free()) {
		return row
	}
	if asked != nil && asked.Listed && !sameModel(asked.Model, served) {
		return nil
	}
	return asked
}

// free reports whether the row says that input and output cost nothing.
func (r *PriceRow) free() bool { return r.In != nil && r.Out != nil && *r.In == 0 && *r.Out == 0 }

// version is what providers put behind a model's name to say which one of it.
var version = regexp.MustCompile(`-(\d{3,8}|\d{4}-\d{2}-\d{2}|\d{2}-\d{4}|latest)$`)

// sameModel reports whether two names are of one model, of which one may have a
// date or a version behind it.
func sameModel(a, b string) bool {
	base := func(s string) string {
		return version.ReplaceAllString(strings.TrimPrefix(strings.ToLower(s), "models/"), "")
	}
	return base(a) == base(b)
}

// PriceOf returns the stored price of a model that candidate number i calls: its
// own, or that of a policy's member (i < 0: only those); nil = unknown.
func (r *Run) PriceOf(i int, provider, model string) *PriceRow {
	if i >= 0 && i < len(r.Prices) && r.Prices[i].Provider == provider && r.Prices[i].Model == model {
		return &r.Prices[i]
	}
	for k := range r.MemberPrices {
		if p := &r.MemberPrices[k]; p.Provider == provider && p.Model == model {
			return p
		}
	}
	return nil
}

// SpentOn splits what calls cost by why they were made. The first earlier of them
// belong to trials that this one replaced: that money bought no answer of it. A
// retry belongs to what it retries.
func SpentOn(attempts []Attempt, earlier int) CostSplit {
	var s CostSplit
	chain := CauseFirst
	for i := range attempts {
		a := &attempts[i]
		if a.Cause == CauseJudge {
			continue
		}
		if a.Cause != CauseRetry {
			chain = a.Cause
		}
		part := &s.Answer
		switch {
		case a.Failure != nil || i < earlier:
			part = &s.Failed
		case chain == CauseFallback:
			part = &s.Fallback
		case chain == CauseRegenerate:
			part = &s.Regeneration
		case chain == CauseTool:
			part = &s.Tools
		case a.Cause == CauseRetry:
			part = &s.Retries
		}
		*part = part.Plus(a.Cost)
	}
	return s
}
