package decide

import (
	"fmt"
	"math"
	"slices"

	"infer/eval"
	"infer/scoring/stats"
)

// tally collects what a policy achieves, task by task or in whole sums.
type tally struct {
	rate      stats.ClusterSums
	cost      stats.CostSums
	calls     float64
	trials    float64
	latencies []float64 // µs
	untimed   bool      // some trial has no latency
	unpriced  bool
}

// addCandidate counts one candidate on one task type as it was measured.
func (y *tally) addCandidate(t *typeData, s *typeSums, i, place int) {
	c := &s.cand[i]
	y.rate.Merge(c.rate)
	y.cost.Merge(c.high)
	y.calls += float64(c.attempts)
	y.trials += float64(c.trials)
	y.unpriced = y.unpriced || c.unpriced > 0
	for k := range t.trials[place] {
		y.addLatency(t.trials[place][k].latency)
	}
}

func (y *tally) addLatency(us int64) {
	if us < 0 {
		y.untimed = true
		return
	}
	y.latencies = append(y.latencies, float64(us))
}

// value is the tally as a policy's figures.
func (y *tally) value(name string) eval.PolicyValue {
	v := eval.PolicyValue{Name: name, Acceptance: rateFigure(y.rate)}
	if y.trials > 0 {
		v.CallsPer = y.calls / y.trials
	}
	if !y.unpriced {
		if r, ok := stats.CostPerAccepted(y.cost, confidence); ok {
			v.Cost = &eval.Figure{Point: &r.Point, Lo: &r.Lo}
			if !r.Unbounded {
				v.Cost.Hi = &r.Hi
			}
		}
	}
	if n := len(y.latencies); n > 0 && !y.untimed {
		slices.Sort(y.latencies)
		p95 := int64(math.Round(y.latencies[(95*n+99)/100-1]))
		v.LatencyP95 = &p95
	}
	return v
}

// rateFigure is a rate with Wilson's interval on effective counts; nil where
// nothing was judged.
func rateFigure(s stats.ClusterSums) *eval.Figure {
	p, ok := s.Rate()
	if !ok {
		return nil
	}
	iv, _ := stats.WilsonClustered(s, confidence)
	return &eval.Figure{Point: &p, Lo: &iv.Lo, Hi: &iv.Hi}
}

// static compares the table of per-type defaults with the single candidate of the
// highest acceptance (the cheaper one of equal ones) and with an oracle that for
// each task takes the cheapest candidate among those with the highest acceptance
// on it. nil and the reason where a type has no default, or not all candidates
// tried every type.
func static(e *Evidence, sums []*typeSums, picks, cand []int, names []string) (*eval.StaticComparison, string) {
	var table, oracle tally
	singles := make([]tally, len(cand))
	for t, s := range sums {
		if picks[t] < 0 {
			return nil, fmt.Sprintf("no per-type table: %s has no default", named(e.types[t].name))
		}
		table.addCandidate(e.types[t], s, picks[t], cand[picks[t]])
		for i := range cand {
			if s.cand[i].trials == 0 {
				return nil, fmt.Sprintf("no per-type table: %s was not tried on %s", named(names[i]), named(e.types[t].name))
			}
			singles[i].addCandidate(e.types[t], s, i, cand[i])
		}
		oracle.addOracle(e.types[t], cand)
	}
	best := -1
	for i := range singles {
		if best < 0 || better(&singles[i], &singles[best]) {
			best = i
		}
	}
	if best < 0 {
		return nil, "no per-type table: there is no outcome"
	}
	return &eval.StaticComparison{Table: table.value("per-type table"), BestSingle: singles[best].value(names[best]), Oracle: oracle.value("oracle")}, ""
}

func better(a, b *tally) bool {
	pa, _ := a.rate.Rate()
	pb, _ := b.rate.Rate()
	if pa != pb {
		return pa > pb
	}
	return !a.unpriced && (b.unpriced || ratio(a.cost.C, a.cost.A) < ratio(b.cost.C, b.cost.A))
}

// addOracle counts one task type as a clairvoyant would have done it.
func (y *tally) addOracle(t *typeData, cand []int) {
	var cluster taskSum
	scratch := new(candSums)
	for v := range t.tasks {
		best := taskSum{mean: -1}
		var rows []row
		for _, c := range cand {
			now := scratch.task(v.trials[c], 0)
			if now.judged > 0 && (best.mean < 0 || now.mean > best.mean || now.mean == best.mean && now.high < best.high) {
				best, rows = now, v.trials[c]
			}
		}
		if best.mean >= 0 {
			cluster.add(&best)
			y.trials += float64(len(rows))
			for i := range rows {
				y.calls += float64(rows[i].attempts)
				y.addLatency(rows[i].latency)
				y.unpriced = y.unpriced || rows[i].high < 0
			}
		}
		if v.last {
			y.rate.Add(cluster.accepted, cluster.judged)
			y.cost.Add(cluster.high, cluster.accepted)
			cluster = taskSum{}
		}
	}
}
