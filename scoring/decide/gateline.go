package decide

import (
	"math"

	"infer/eval"
	"infer/scoring/stats"
)

// sloShare is the share of values that may lie above a p95 limit.
const sloShare = 0.05

// gateLine holds, for one candidate and one share of the data, the rates at which
// the gates pass and fail, so that resampling need not invert the beta
// distribution each time.
type gateLine struct {
	acceptance, reliability, over line
}

// line is passed at or beyond pass, and failed beyond fail; both are rates.
type line struct {
	set        bool
	pass, fail float64
}

// atLeast is the state of a rate that must be high.
func (l line) atLeast(rate float64) stats.Tri {
	switch {
	case !l.set || rate >= l.pass:
		return stats.Pass
	case rate < l.fail:
		return stats.Fail
	}
	return stats.Unknown
}

// atMost is the state of a rate that must be low.
func (l line) atMost(rate float64) stats.Tri {
	switch {
	case !l.set || rate <= l.pass:
		return stats.Pass
	case rate > l.fail:
		return stats.Fail
	}
	return stats.Unknown
}

// edge is the smallest x in [0, n] for which holds does, which is monotone; just
// above n where it nowhere does.
func edge(n float64, holds func(x float64) bool) float64 {
	if !holds(n) {
		return n + 1
	}
	lo, hi := 0.0, n
	for range 50 {
		if mid := (lo + hi) / 2; holds(mid) {
			hi = mid
		} else {
			lo = mid
		}
	}
	return hi
}

func floorLine(floor *float64, n float64) line {
	if floor == nil {
		return line{}
	}
	if n <= 0 {
		return line{set: true, pass: 2, fail: -1}
	}
	const slack = 1e-9 // counts are whole, so nothing lies between
	return line{set: true,
		pass: (edge(n, func(x float64) bool { return stats.ClopperPearsonLower(x, n, confidence) >= *floor }) - slack) / n,
		fail: (edge(n, func(x float64) bool { return stats.ClopperPearsonUpper(x, n, confidence) >= *floor }) - slack) / n}
}

func ceilingLine(limit, n float64) line {
	if n <= 0 {
		return line{set: true, pass: -1, fail: 2}
	}
	const slack = 1e-9
	return line{set: true,
		pass: (edge(n, func(x float64) bool { return stats.ClopperPearsonUpper(x, n, confidence) > limit }) - slack) / n,
		fail: (edge(n, func(x float64) bool { return stats.ClopperPearsonLower(x, n, confidence) > limit }) - slack) / n}
}

// linesAt are the lines of all candidates for a share of the data.
func (d *decider) linesAt(part float64) []gateLine {
	if l, ok := d.lines[part]; ok {
		return l
	}
	out := make([]gateLine, d.k)
	for i := range out {
		c := &d.s.cand[i]
		out[i].acceptance = floorLine(d.limits.MinAcceptance, d.n[i]*part)
		out[i].reliability = floorLine(d.limits.MinReliability, stats.GateN(c.answered, confidence)*part)
		if d.limits.SLO > 0 {
			out[i].over = ceilingLine(sloShare, stats.GateN(c.over, confidence)*part)
		}
	}
	d.lines[part] = out
	return out
}

// priced reports whether every trial's cost has an upper end.
func (d *decider) priced(i int) bool { return d.s.cand[i].unpriced == 0 && d.s.cand[i].trials > 0 }

// gate is the state of all hard gates of a candidate: a failure decides, then
// what is unknown. Cost does not matter for high-risk work.
func (d *decider) gate(v *view, i int, part float64) stats.Tri {
	l := &d.linesAt(part)[i]
	states := [5]stats.Tri{l.acceptance.atLeast(v.rate(i, colAccepted, colJudged)), l.reliability.atLeast(v.rate(i, colAnswer, colCounted)),
		l.over.atMost(v.rate(i, colOver, colTimed)), stats.Pass, d.critical(i)}
	if !d.high() {
		states[3] = d.ceiling(v, i)
	}
	worst := stats.Pass
	for _, s := range states {
		if s == stats.Fail {
			return stats.Fail
		}
		if s == stats.Unknown {
			worst = stats.Unknown
		}
	}
	return worst
}

// critical is the state of a candidate's critical failures. They are rare, so all
// of them count, also where a part of the data is looked at.
func (d *decider) critical(i int) stats.Tri {
	if d.limits.MaxCritical == nil {
		return stats.Pass
	}
	switch criticalGate(d.s.cand[i].critical, *d.limits.MaxCritical).State {
	case eval.GatePass:
		return stats.Pass
	case eval.GateFail:
		return stats.Fail
	}
	return stats.Unknown
}

// ceiling is the state of what a candidate may cost: its price must be known, and
// the cost of an accepted task must lie below the ceiling.
func (d *decider) ceiling(v *view, i int) stats.Tri {
	if !d.priced(i) {
		return stats.Fail
	}
	if d.limits.MaxCostPerAccepted == nil {
		return stats.Pass
	}
	r := d.costs[i]
	if r.Point <= 0 {
		return costAtMost(r, d.limits.MaxCostPerAccepted.Float())
	}
	scale := v.costPer(i) / r.Point
	r.Point, r.Lo, r.Hi = r.Point*scale, r.Lo*scale, r.Hi*scale
	return costAtMost(r, d.limits.MaxCostPerAccepted.Float())
}

// costAtMost is the state of a cost of an accepted task: the whole interval must lie at or
// below the limit, or above it.
func costAtMost(r stats.Ratio, limit float64) stats.Tri {
	switch {
	case math.IsInf(r.Point, 0) || r.Lo > limit:
		return stats.Fail
	case r.Unbounded || r.Hi > limit:
		return stats.Unknown
	}
	return stats.Pass
}
