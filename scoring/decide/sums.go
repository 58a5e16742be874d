package decide

import (
	"math"
	"slices"

	"infer/eval"
	"infer/scoring/stats"
)

// candSums are the sums of one candidate on one task type.
type candSums struct {
	trials, judged, accepted int64
	unjudged                 int64 // trials that the harness could not judge
	missing                  int64 // tasks without a trial
	unpriced                 int64 // trials whose cost has no upper end
	inexact                  int64 // trials whose cost is only known as a range
	untimed                  int64 // answered trials without a latency
	retried, retriedOK       int64 // trials with retries, and those of them that got an answer
	attempts                 int64
	outages, faults          int64 // judged trials that were not accepted: unreachable, and rejected or unusable

	rate     stats.ClusterSums // accepted of judged
	answered stats.ClusterSums // trials with an answer of those that the harness could run
	critical stats.ClusterSums // critical failures of judged trials
	over     stats.ClusterSums // trials above the service level; empty where there is none
	low      stats.CostSums    // lower ends of cost in dollars, and accepted
	high     stats.CostSums    // upper ends
	p95      float64           // µs of user-visible latency, nearest rank; −1 unknown
	shape    stats.CostShape   // zero where nothing cost anything
	skewed   bool              // few clusters with heavy-tailed costs
}

// ratio is the cost of an accepted task; +Inf where nothing was accepted.
func ratio(cost, accepted float64) float64 {
	if accepted <= 0 {
		return math.Inf(1)
	}
	return cost / accepted
}

// meanCost is dollars a trial by the upper ends, and whether they are known.
func (c *candSums) meanCost() (float64, bool) {
	return c.high.C / math.Max(1, float64(c.trials)), c.unpriced == 0 && c.trials > 0
}

// pairSums are the sums of a pair of candidates A and B over the tasks that both
// have judged trials of.
type pairSums struct {
	stats.PairSums
	both             float64            // Σ a·b
	cost             stats.CostPairSums // upper ends
	onlyA, onlyB     int64              // tasks accepted more often than not from the one and not from the other
	rescueA, rescueB float64            // Σ a × quality failures of B, Σ b × those of A
	qualityA         float64            // Σ quality failures of A
	qualityB         float64
	over             stats.PairSums // of values above the service level
}

// swap is B against A.
func (p *pairSums) swap() pairSums {
	return pairSums{PairSums: p.Swap(), both: p.both, cost: p.cost.Swap(), onlyA: p.onlyB, onlyB: p.onlyA,
		rescueA: p.rescueB, rescueB: p.rescueA, qualityA: p.qualityB, qualityB: p.qualityA, over: p.over.Swap()}
}

// typeSums are the sums of one task type over the candidates that are compared.
type typeSums struct {
	tasks, clusters int
	cand            []candSums
	pairs           []pairSums // by pairIndex
	columns         *columns
}

// pairIndex is the place of the pair i < j among the pairs of k candidates.
func pairIndex(i, j, k int) int { return i*(2*k-i-1)/2 + j - i - 1 }

// pair is candidate i against candidate j.
func (s *typeSums) pair(i, j int) pairSums {
	if i < j {
		return s.pairs[pairIndex(i, j, len(s.cand))]
	}
	return s.pairs[pairIndex(j, i, len(s.cand))].swap()
}

// taskSum is what one task, or one cluster of them, says of one candidate.
type taskSum struct {
	tasks, mean                       float64 // tasks with a judged trial, and the sum of their mean acceptances
	judged, accepted, counted, answer float64
	timed, over                       float64
	low, high                         float64
	faults, critical                  float64
}

func (t *taskSum) add(o *taskSum) {
	t.tasks, t.mean = t.tasks+o.tasks, t.mean+o.mean
	t.judged, t.accepted = t.judged+o.judged, t.accepted+o.accepted
	t.counted, t.answer = t.counted+o.counted, t.answer+o.answer
	t.timed, t.over = t.timed+o.timed, t.over+o.over
	t.low, t.high = t.low+o.low, t.high+o.high
	t.critical += o.critical
}

const usd = float64(eval.USD)

// task reduces one candidate's trials of a task; slo is in µs, 0 = none.
func (c *candSums) task(rows []row, slo int64) taskSum {
	var t taskSum
	for i := range rows {
		r := &rows[i]
		k := r.kind()
		c.attempts += int64(r.attempts)
		c.price(&t, r)
		if r.retries > 0 {
			c.retried++
			if !k.failed {
				c.retriedOK++
			}
		}
		if !k.failed || k.judged { // else the harness itself failed, which says nothing
			t.counted++
			if !k.failed {
				t.answer++
			}
			if slo > 0 {
				c.time(&t, r, k, slo)
			}
		}
		switch {
		case !k.judged:
			c.unjudged++
			continue
		case k.accepted:
			t.accepted++
		case k.outage:
			c.outages++
		default:
			c.faults++
			t.faults++
		}
		t.judged++
		if r.flags&flagCritical != 0 {
			t.critical++
		}
	}
	if t.judged > 0 {
		t.tasks, t.mean = 1, t.accepted/t.judged
	}
	if len(rows) == 0 {
		c.missing++
	}
	c.trials += int64(len(rows))
	c.judged, c.accepted = c.judged+int64(t.judged), c.accepted+int64(t.accepted)
	return t
}

func (c *candSums) price(t *taskSum, r *row) {
	t.low += float64(r.low) / usd
	switch {
	case r.high < 0:
		c.unpriced++
		t.high += float64(r.low) / usd
		return
	case r.high != r.low:
		c.inexact++
	}
	t.high += float64(r.high) / usd
}

// time counts a trial against the service level. One that never got an answer is
// above it, whatever its clock says.
func (c *candSums) time(t *taskSum, r *row, k *kind, slo int64) {
	switch {
	case k.failed || r.latency > slo:
		t.timed++
		t.over++
	case r.latency >= 0:
		t.timed++
	default:
		c.untimed++
	}
}

// closeCluster adds what one cluster says.
func (c *candSums) closeCluster(t *taskSum) {
	c.rate.Add(t.accepted, t.judged)
	c.answered.Add(t.answer, t.counted)
	c.critical.Add(t.critical, t.judged)
	c.over.Add(t.over, t.timed)
	if t.counted > 0 || t.high > 0 {
		c.low.Add(t.low, t.accepted)
		c.high.Add(t.high, t.accepted)
	}
}

// finish computes what needs all values at once.
func (c *candSums) finish(rows []row, costs, accepted []float64) {
	var latencies []int64
	for i := range rows {
		if rows[i].latency >= 0 {
			latencies = append(latencies, rows[i].latency)
		}
	}
	c.p95 = -1
	if n := len(latencies); n > 0 {
		slices.Sort(latencies)
		c.p95 = float64(latencies[(95*n+99)/100-1])
	}
	c.skewed = skewed(costs, accepted)
	slices.SortFunc(costs, func(a, b float64) int {
		switch {
		case a > b:
			return -1
		case a < b:
			return 1
		}
		return 0
	})
	c.shape, _ = stats.ShapeOf(costs)
}

// skewed reports whether costs are so heavy-tailed on so few clusters that the
// upper limit of the cost of an accepted task is missed about 5–9 % of the time
// instead of 2.5 %: fewer than 100 clusters and skew(z)/√n above 0.2.
func skewed(costs, accepted []float64) bool {
	n := float64(len(costs))
	var sumC, sumA float64
	for i := range costs {
		sumC, sumA = sumC+costs[i], sumA+accepted[i]
	}
	if n < 3 || n >= 100 || sumC <= 0 || sumA <= 0 {
		return false
	}
	var m2, m3 float64
	for i := range costs {
		z := costs[i]*n/sumC - accepted[i]*n/sumA
		m2, m3 = m2+z*z/n, m3+z*z*z/n
	}
	return m2 > 0 && m3/math.Pow(m2, 1.5)/math.Sqrt(n) > 0.2
}
