package cmd

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"infer/eval"
	"infer/eval/runner"
)

// openLoop is how many calls may be in flight at a fixed rate where nobody says:
// a provider that is slow must not slow the rate.
const openLoop = 256

// checkLimits refuses limits that are none.
func (o *evalOptions) checkLimits() error {
	switch {
	case o.limit < 0 || o.maxCalls < 0:
		return eval.Invalid(errors.New("--limit and --max-calls are counts"), "leave them out for no limit")
	case o.deadline < 0:
		return eval.Invalid(fmt.Errorf("--deadline %s is in the past", o.deadline), "write it like 30m; leave it out for no deadline")
	case !(o.rate >= 0) || math.IsInf(o.rate, 0):
		return eval.Invalid(fmt.Errorf("--rate %v is not a number of trials a second", o.rate), "write it like 2.5; leave it out to send as fast as there is room")
	}
	for _, r := range o.retry {
		if r != "errors" && r != "unscored" {
			return eval.Invalid(fmt.Errorf("--retry %s is no outcome that can be tried again", eval.Untrusted(r).Line(40)), "it may be errors, unscored or both")
		}
	}
	if o.rate > 0 && o.flags.Concurrency == 0 {
		o.flags.Concurrency = openLoop
	}
	return nil
}

// limits are the limits of the whole run.
func (o *evalOptions) limits() (runner.Options, error) {
	l := runner.Options{MaxCalls: o.maxCalls, Deadline: o.deadline}
	if o.maxCost != "" {
		m, err := eval.ParseUSD(strings.TrimPrefix(o.maxCost, "$"))
		if err != nil || m <= 0 {
			return l, eval.Invalid(fmt.Errorf("--max-cost %s is not an amount of dollars", eval.Untrusted(o.maxCost).Line(40)), "write it like 2.50")
		}
		l.MaxCost = m
	}
	return l, nil
}

// costHolds refuses a limit on money where no price is known of a model that is
// paid for: nobody could say when it is reached.
func (p *plan) costHolds(lanes []runner.Lane) error {
	if p.limits.MaxCost == 0 {
		return nil
	}
	for i := range lanes {
		for _, t := range []*runner.Target{&lanes[i].Primary, lanes[i].Backup, lanes[i].ContextBackup} {
			if t != nil && t.Paid && t.Price == nil {
				return eval.Invalid(fmt.Errorf("--max-cost cannot hold: no price is known of %s at %s", eval.Untrusted(t.Candidate.Model).Line(60), eval.Untrusted(t.Candidate.Provider).Line(60)),
					"add its price under prices: in infer.yaml, or limit the run with --max-calls")
			}
		}
	}
	return nil
}
