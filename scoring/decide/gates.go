package decide

import (
	"fmt"
	"math"
	"time"

	"infer/eval"
	"infer/scoring/stats"
)

// The names of gates.
const (
	GateAcceptance  = "acceptance"
	GateReliability = "reliability"
	GateCritical    = "critical_failures"
	GateSLO         = "slo_p95"
	GateCost        = "cost_per_accepted"
	GatePrice       = "price"
	GateRegression  = "regression"
	GateMustPass    = "must_pass"
	GateData        = "data"

	GateCostRegression = "cost_regression"
	GateSLORegression  = "slo_regression"
)

func state(t stats.Tri) eval.GateState {
	switch t {
	case stats.Pass:
		return eval.GatePass
	case stats.Fail:
		return eval.GateFail
	}
	return eval.GateUnknown
}

// tooFew turns a pass on too few independent tasks into an unknown.
func tooFew(s eval.GateState, clusters float64) (eval.GateState, string) {
	if s == eval.GatePass && clusters < minClusters {
		return eval.GateUnknown, fmt.Sprintf("; %.0f independent tasks are too few to pass", clusters)
	}
	return s, ""
}

// floorGate decides whether a clustered rate is at least floor.
func floorGate(gate, what string, s stats.ClusterSums, floor float64) eval.GateResult {
	p, ok := s.Rate()
	r := eval.GateResult{Gate: gate, State: eval.GateUnknown, Limit: &floor}
	if !ok {
		r.Reason = "no trial says anything about " + what
		return r
	}
	n := stats.GateN(s, confidence)
	t, lo, hi := stats.ShareAtLeast(p*n, n, floor, confidence)
	bound, name := lo, "lower"
	if t == stats.Fail {
		bound, name = hi, "upper"
	}
	r.Measured = &bound
	var why string
	r.State, why = tooFew(state(t), s.G)
	r.Reason = fmt.Sprintf("%s: 95%% %s bound %s, the floor is %s (%s of %.0f trials, %.0f independent tasks)%s",
		what, name, percent(bound), percent(floor), percent(p), s.N, s.G, why)
	return r
}

// criticalGate decides whether critical failures keep to a share: wrong answers to
// tasks where that is one.
func criticalGate(s stats.ClusterSums, limit float64) eval.GateResult {
	r := eval.GateResult{Gate: GateCritical, State: eval.GateUnknown, Limit: &limit}
	p, ok := s.Rate()
	if !ok {
		r.Reason = "no trial says anything about critical failures"
		return r
	}
	n := stats.GateN(s, confidence)
	t, lo, hi := stats.ShareAtMost(p*n, n, limit, confidence)
	bound, name := hi, "upper"
	if t == stats.Fail {
		bound, name = lo, "lower"
	}
	r.Measured = &bound
	var why string
	r.State, why = tooFew(state(t), s.G)
	r.Reason = fmt.Sprintf("%.0f of %.0f trials failed critically: 95%% %s bound %s, %s may%s", s.T, s.N, name, percent(bound), percent(limit), why)
	return r
}

// sloGate decides whether p95 of user-visible latency keeps to a limit, by
// counting the values above it; a trial without an answer is above it.
func sloGate(s stats.ClusterSums, untimed int64, slo time.Duration) eval.GateResult {
	limit := sloShare
	r := eval.GateResult{Gate: GateSLO, State: eval.GateUnknown, Limit: &limit}
	p, ok := s.Rate()
	if !ok {
		r.Reason = "no latency was measured"
		return r
	}
	n := stats.GateN(s, confidence)
	t, lo, hi := stats.ShareAtMost(p*n, n, limit, confidence)
	bound, name := hi, "upper"
	if t == stats.Fail {
		bound, name = lo, "lower"
	}
	r.Measured = &bound
	var why string
	r.State, why = tooFew(state(t), s.G)
	if untimed > 0 {
		why += fmt.Sprintf("; %d answers without a latency are left out", untimed)
	}
	r.Reason = fmt.Sprintf("%.0f of %.0f trials took longer than %s or got no answer: 95%% %s bound %s, 5%% may%s", s.T, s.N, slo, name, percent(bound), why)
	return r
}

// costGate decides whether the cost of an accepted task keeps to a ceiling.
func costGate(c *candSums, ceiling eval.Money) eval.GateResult {
	limit := ceiling.Float()
	r := eval.GateResult{Gate: GateCost, State: eval.GateUnknown, Limit: &limit}
	if c.unpriced > 0 {
		r.Reason = "its cost has no upper end: a price or a usage is missing"
		return r
	}
	ratio, ok := stats.CostPerAccepted(c.high, confidence)
	if !ok {
		r.Reason = "nothing was accepted, so no cost of an accepted task is known"
		if bound, _, ok := stats.CostWithoutAccepted(c.high.C, c.trials, confidence); ok && bound > limit {
			r.State, r.Measured, r.Reason = eval.GateFail, &bound, fmt.Sprintf("nothing was accepted: an accepted task costs %s at least, the ceiling is %s", dollars(bound), dollars(limit))
		}
		return r
	}
	t := costAtMost(ratio, limit)
	var why string
	r.State, why = tooFew(state(t), c.high.G)
	switch {
	case t == stats.Fail:
		r.Measured = &ratio.Lo
		r.Reason = fmt.Sprintf("an accepted task costs %s, 95%% lower bound %s; the ceiling is %s", dollars(ratio.Point), dollars(ratio.Lo), dollars(limit))
	case ratio.Unbounded:
		r.Reason = fmt.Sprintf("an accepted task costs %s, without an upper bound: too few were accepted; the ceiling is %s", dollars(ratio.Point), dollars(limit))
	default:
		r.Measured = &ratio.Hi
		r.Reason = fmt.Sprintf("an accepted task costs %s, 95%% upper bound %s; the ceiling is %s%s", dollars(ratio.Point), dollars(ratio.Hi), dollars(limit), why)
	}
	return r
}

// priceGate decides whether a candidate can be ranked by cost.
func priceGate(c *candSums) eval.GateResult {
	r := eval.GateResult{Gate: GatePrice, State: eval.GatePass, Reason: "every cost is known"}
	switch {
	case c.unpriced > 0:
		r.State, r.Reason = eval.GateFail, fmt.Sprintf("the cost of %d of %d trials has no upper end: it cannot be ranked by cost", c.unpriced, c.trials)
	case c.inexact > 0:
		r.Reason = fmt.Sprintf("%d of %d costs are known as a range only; the upper ends are compared", c.inexact, c.trials)
	}
	return r
}

// results are the hard gates of candidate i.
func (d *decider) results(name string, i int) []eval.GateResult {
	c := &d.s.cand[i]
	var out []eval.GateResult
	if f := d.limits.MinAcceptance; f != nil {
		out = append(out, floorGate(GateAcceptance, "acceptance", c.rate, *f))
	}
	if f := d.limits.MinReliability; f != nil {
		out = append(out, floorGate(GateReliability, "share with an answer", c.answered, *f))
	}
	if m := d.limits.MaxCritical; m != nil {
		out = append(out, criticalGate(c.critical, *m))
	}
	if slo := d.limits.SLO; slo > 0 {
		out = append(out, sloGate(c.over, c.untimed, slo))
	}
	if m := d.limits.MaxCostPerAccepted; m != nil && !d.high() {
		out = append(out, costGate(c, *m))
	}
	if !d.high() {
		out = append(out, priceGate(c))
	}
	for k := range out {
		out[k].TaskType, out[k].Candidate = d.kind.Name, name
	}
	return out
}

func percent(p float64) string { return fmt.Sprintf("%.1f%%", 100*p) }

// points writes a difference of shares with its sign.
func points(d float64) string { return fmt.Sprintf("%+.1f points", 100*d) }

// dollars writes an amount with three significant digits.
func dollars(v float64) string {
	switch {
	case v == 0:
		return "$0"
	case math.IsInf(v, 0):
		return "$∞"
	case v >= 1000:
		return fmt.Sprintf("$%.0f", v)
	case v >= 1:
		return fmt.Sprintf("$%.2f", v)
	}
	digits := int(2 - math.Floor(math.Log10(math.Abs(v))))
	return fmt.Sprintf("$%.*f", min(max(digits, 2), 12), v)
}
