package decide

import (
	"math"

	"infer/eval"
	"infer/scoring/stats"
)

// confidence of every interval, and of the one-sided bounds of gates.
const confidence = 0.95

// minClusters is how many independent tasks a decision needs: with fewer, no gate
// may pass and nothing is selected.
const minClusters = 10

// sameCost is how far two costs may differ and still be called equal.
const sameCost = 0.05

// decider holds the rule of one task type and what the whole data say of its
// precision, so that the rule can be run again on parts of them.
type decider struct {
	kind      eval.TaskType
	limits    eval.GateLimits
	alpha     float64
	factor    float64 // of the margin, for backups
	incumbent int     // place among the candidates; −1 = none
	providers []string

	s     *typeSums
	k     int
	deff  []float64     // by pairIndex
	se    []float64     // of the logarithm of the paired cost ratio, by pairIndex; NaN = the data bound no ratio
	t     float64       // t quantile of the cost ratios
	n     []float64     // effective number of judged trials, by candidate
	costs []stats.Ratio // of an accepted task, by candidate; Point +Inf where nothing was accepted
	lines map[float64][]gateLine
}

// choice is what the rule says of one set of sums.
type choice struct {
	verdict  eval.DecisionVerdict
	pick     int // −1 = none
	lead     int // the candidate that ties were resolved against; −1 = none
	adjusted []float64
	ok       []bool // non-inferior to the best, by Holm and Shaffer
	gates    []stats.Tri
	inferior []bool
}

func (d *decider) high() bool { return d.kind.Class == eval.HighRisk }

func newDecider(kind eval.TaskType, limits eval.GateLimits, alpha, factor float64, incumbent int, providers []string, s *typeSums) *decider {
	d := &decider{kind: kind, limits: limits, alpha: alpha, factor: factor, incumbent: incumbent, providers: providers, s: s, k: len(s.cand),
		lines: make(map[float64][]gateLine)}
	for i := range s.pairs {
		p := &s.pairs[i]
		d.deff = append(d.deff, p.DesignEffect())
		r, ok := stats.PairedCostRatio(p.cost, confidence)
		if !ok || r.Unbounded {
			r.SELog = math.NaN()
		}
		d.se = append(d.se, r.SELog)
	}
	if s.clusters > 1 {
		d.t = stats.TQuantile(1-(1-confidence)/2, float64(s.clusters-1))
	}
	for i := range s.cand {
		d.n = append(d.n, stats.GateN(s.cand[i].rate, confidence))
		r, ok := stats.CostPerAccepted(s.cand[i].high, confidence)
		if !ok {
			r = stats.Ratio{Point: math.Inf(1), Unbounded: true}
		}
		d.costs = append(d.costs, r)
	}
	return d
}

func (d *decider) newChoice() *choice {
	return &choice{adjusted: make([]float64, d.k), ok: make([]bool, d.k), gates: make([]stats.Tri, d.k), inferior: make([]bool, d.k)}
}

// pair are the effective counts of i against j.
func (d *decider) pair(v *view, i, j int) stats.Pairs {
	return v.pair(i, j).Scaled(d.deff[pairIndex(min(i, j), max(i, j), d.k)])
}

// nonInferior fills in the intersection–union test of every candidate against all
// rivals at a margin: the largest of its p-values, which needs no correction
// inside (Berger 1982), then Holm's with Shaffer's bound over the candidates.
func (d *decider) nonInferior(v *view, margin float64) []float64 {
	p := make([]float64, d.k)
	for i := range p {
		for j := range d.k {
			if j != i {
				p[i] = math.Max(p[i], stats.NonInferiority(d.pair(v, i, j), margin))
			}
		}
	}
	return stats.HolmShaffer(p)
}

// choose runs the rule on the sums that v has loaded; part is the share of the
// data that they are of, for the precision of what is not recomputed.
func (d *decider) choose(v *view, part float64, c *choice) {
	c.verdict, c.pick, c.lead = eval.InsufficientEvidence, -1, -1
	copy(c.adjusted, d.nonInferior(v, d.kind.Margin))
	any, open := false, false
	for i := range d.k {
		c.ok[i] = c.adjusted[i] <= d.alpha
		c.gates[i] = d.gate(v, i, part)
		c.inferior[i] = !c.ok[i] && d.isInferior(v, i)
		any = any || c.ok[i] && c.gates[i] == stats.Pass
		open = open || !c.inferior[i] && c.gates[i] != stats.Fail
	}
	switch {
	case any && d.high():
		d.bestQuality(v, c)
	case any:
		d.cheapest(v, part, c)
	case open:
		c.pick = d.provisional(v, part, c)
	default:
		c.verdict = eval.NoneEligible
	}
}

func (c *choice) eligible(i int) bool { return c.ok[i] && c.gates[i] == stats.Pass }

// isInferior reports whether some rival is better by more than the margin, at α
// over all rivals.
func (d *decider) isInferior(v *view, i int) bool {
	for j := range d.k {
		if j != i && stats.Inferiority(d.pair(v, i, j), d.kind.Margin) <= d.alpha/float64(max(1, d.k-1)) {
			return true
		}
	}
	return false
}

// cheapest picks the lowest cost of an accepted task among the eligible, and lets
// the incumbent keep ties.
func (d *decider) cheapest(v *view, part float64, c *choice) {
	best := -1
	for i := range d.k {
		if c.eligible(i) && (best < 0 || v.costPer(i) < v.costPer(best)) {
			best = i
		}
	}
	c.verdict, c.pick, c.lead = eval.Selected, best, best
	if inc := d.incumbent; inc >= 0 && c.eligible(inc) {
		if inc != best && d.sameCost(v, best, inc, part) {
			c.verdict, c.pick = eval.SelectedTie, inc
		}
		return
	}
	for i := range d.k {
		if i != best && c.eligible(i) && d.sameCost(v, best, i, part) && d.preferred(v, i, c.pick, c) {
			c.pick = i
		}
	}
}

// preferred orders candidates of the same cost: higher acceptance, then lower
// p95, then the one for which a backup elsewhere exists.
func (d *decider) preferred(v *view, i, j int, c *choice) bool {
	a, b := v.rate(i, colAccepted, colJudged), v.rate(j, colAccepted, colJudged)
	if a != b {
		return a > b
	}
	if x, y := d.s.cand[i].p95, d.s.cand[j].p95; x != y && x >= 0 && y >= 0 {
		return x < y
	}
	return d.independent(i, c) > d.independent(j, c)
}

// independent counts the other eligible candidates at other providers.
func (d *decider) independent(i int, c *choice) int {
	n := 0
	for j := range d.k {
		if j != i && c.eligible(j) && d.providers[i] != d.providers[j] {
			n++
		}
	}
	return n
}

// sameCost reports whether the costs of an accepted task of two candidates cannot
// be told apart: the paired ratio's interval holds 1, or it is within 5 %.
func (d *decider) sameCost(v *view, i, j int, part float64) bool {
	a, b := v.costPer(i), v.costPer(j)
	if a == b {
		return true
	}
	if a <= 0 || b <= 0 || math.IsInf(a, 0) || math.IsInf(b, 0) {
		return false
	}
	if r := a / b; math.Abs(r-1) < sameCost {
		return true
	}
	se := d.se[pairIndex(min(i, j), max(i, j), d.k)]
	return math.IsNaN(se) || math.Abs(math.Log(a/b)) <= d.t*se/math.Sqrt(part)
}

// bestQuality picks the highest acceptance among the eligible and ignores cost.
// What cannot be separated from it is a tie, which the incumbent keeps; else
// reliability decides, then p95, only then cost.
func (d *decider) bestQuality(v *view, c *choice) {
	lead := -1
	for i := range d.k {
		if c.eligible(i) && (lead < 0 || v.rate(i, colAccepted, colJudged) > v.rate(lead, colAccepted, colJudged)) {
			lead = i
		}
	}
	c.verdict, c.pick, c.lead = eval.Selected, lead, lead
	separate := d.separation(v)
	tied := func(i int) bool {
		return i != lead && c.eligible(i) && separate[pairIndex(min(i, lead), max(i, lead), d.k)] > d.alpha
	}
	if inc := d.incumbent; inc >= 0 && (inc == lead || tied(inc)) {
		if inc != lead {
			c.verdict, c.pick = eval.SelectedTie, inc
		}
		return
	}
	for i := range d.k {
		if tied(i) && d.safer(v, i, c.pick) {
			c.pick = i
		}
	}
}

func (d *decider) safer(v *view, i, j int) bool {
	if a, b := v.rate(i, colAnswer, colCounted), v.rate(j, colAnswer, colCounted); a != b {
		return a > b
	}
	if x, y := d.s.cand[i].p95, d.s.cand[j].p95; x != y && x >= 0 && y >= 0 {
		return x < y
	}
	return d.priced(i) && d.priced(j) && v.costPer(i) < v.costPer(j)
}

// separation are the p-values of all pairs being equal, adjusted by Holm, by
// pairIndex.
func (d *decider) separation(v *view) []float64 {
	p := make([]float64, 0, len(d.s.pairs))
	for i := range d.k {
		for j := i + 1; j < d.k; j++ {
			p = append(p, stats.Superiority(d.pair(v, i, j)))
		}
	}
	return stats.Holm(p)
}

// provisional is what to go on with while nothing is shown: the incumbent, else
// the highest exact lower bound of acceptance among those that no gate has
// failed.
func (d *decider) provisional(v *view, part float64, c *choice) int {
	if d.incumbent >= 0 {
		return d.incumbent
	}
	best, bound := -1, -1.0
	for i := range d.k {
		if c.gates[i] == stats.Fail {
			continue
		}
		n := d.n[i] * part
		if lo := stats.ClopperPearsonLower(v.rate(i, colAccepted, colJudged)*n, n, confidence); lo > bound {
			best, bound = i, lo
		}
	}
	return best
}
