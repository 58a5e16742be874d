package decide

import (
	"fmt"
	"math"

	"infer/eval"
	"infer/scoring/stats"
)

// named makes a name from outside fit for a sentence.
func named(s string) string { return eval.Untrusted(s).Line(60) }

// comparison is candidate a against candidate b on the same tasks. holm is the
// p-value of a difference adjusted over the family, alpha the error of a claim
// and planAlpha the one that further tasks are planned with.
func comparison(a, b string, p *pairSums, margin, alpha, planAlpha, holm float64, priced bool) eval.Comparison {
	eff := p.Effective()
	iv := stats.TangoCI(eff, confidence)
	c := eval.Comparison{Rival: b, Pairs: int64(p.N), Clusters: int64(p.G), Difference: eff.Difference(), Lo: iv.Lo, Hi: iv.Hi,
		NIP: stats.NonInferiority(eff, margin), McNemarP: stats.McNemarMidP(eff.B, eff.C), HolmP: holm,
		OnlyThis: p.onlyA, OnlyRival: p.onlyB}
	if priced {
		if r, ok := stats.PairedCostRatio(p.cost, confidence); ok {
			c.CostRatio = ratioFigure(r)
		}
	}
	c.Sentence, c.MoreTasks = sentence(named(a), named(b), p, &c, margin, alpha, planAlpha)
	return c
}

func ratioFigure(r stats.Ratio) *eval.Figure {
	f := &eval.Figure{Point: &r.Point}
	if !r.Unbounded {
		f.Lo, f.Hi = &r.Lo, &r.Hi
	}
	return f
}

// sentence is one of three: better, within the margin, or undecided. Nothing is
// ever called equal.
func sentence(a, b string, p *pairSums, c *eval.Comparison, margin, alpha, planAlpha float64) (string, *int64) {
	figures := fmt.Sprintf("%s, 95%% CI %+.1f to %+.1f", points(c.Difference), 100*c.Lo, 100*c.Hi)
	switch {
	case c.Pairs == 0:
		return fmt.Sprintf("undecided: %s and %s have no task in common", a, b), nil
	case c.HolmP <= alpha && c.Difference > 0:
		return fmt.Sprintf("%s is better than %s by %.1f points (95%% CI %+.1f to %+.1f)", a, b, 100*c.Difference, 100*c.Lo, 100*c.Hi), nil
	case c.HolmP <= alpha:
		return fmt.Sprintf("%s is better than %s by %.1f points (95%% CI %+.1f to %+.1f)", b, a, -100*c.Difference, -100*c.Hi, -100*c.Lo), nil
	case c.NIP <= alpha && p.G >= minClusters:
		return fmt.Sprintf("%s is within %s of %s (%s)", a, margins(margin), b, figures), nil
	}
	more := stats.MoreForNonInferiority(p.PairSums, margin, planAlpha)
	if more.Hopeless {
		return fmt.Sprintf("undecided: n=%d, %s; more tasks are not expected to show that %s is within %s of %s", c.Pairs, figures, a, margins(margin), b), nil
	}
	n := int64(math.Max(more.Tasks, minClusters-p.G))
	n = max(n, 1)
	return fmt.Sprintf("undecided: n=%d, %s; about %d more tasks to settle whether %s is within %s of %s, with 80%% power", c.Pairs, figures, n, a, margins(margin), b), &n
}

func margins(m float64) string {
	if v := 100 * m; v != math.Trunc(v) {
		return fmt.Sprintf("%.1f points", v)
	}
	if m == 0.01 {
		return "1 point"
	}
	return fmt.Sprintf("%.0f points", 100*m)
}

// groups gives every candidate its rank group: the best acceptance leads group 1,
// and a candidate that can be separated from the leader of a group begins the
// next one.
func (d *decider) groups(v *view, separate []float64) []int {
	order := d.byAcceptance(v)
	out := make([]int, d.k)
	group, leader := 0, -1
	for _, i := range order {
		if leader < 0 || separate[pairIndex(min(i, leader), max(i, leader), d.k)] <= d.alpha {
			group, leader = group+1, i
		}
		out[i] = group
	}
	return out
}

// byAcceptance orders the candidates, the highest acceptance first.
func (d *decider) byAcceptance(v *view) []int {
	order := make([]int, d.k)
	for i := range order {
		order[i] = i
	}
	for i := 1; i < d.k; i++ { // few, and the order of the plan decides ties
		for j := i; j > 0 && v.rate(order[j], colAccepted, colJudged) > v.rate(order[j-1], colAccepted, colJudged); j-- {
			order[j], order[j-1] = order[j-1], order[j]
		}
	}
	return order
}

// pareto returns the candidates on the front of acceptance and cost of an accepted
// task.
func (d *decider) pareto(v *view) []int {
	var front []int
	for i := range d.k {
		if !d.priced(i) || math.IsInf(v.costPer(i), 0) {
			continue
		}
		on := true
		for j := range d.k {
			a, b := v.rate(j, colAccepted, colJudged)-v.rate(i, colAccepted, colJudged), v.costPer(i)-v.costPer(j)
			on = on && (!d.priced(j) || a < 0 || b < 0 || a == 0 && b == 0)
		}
		if on {
			front = append(front, i)
		}
	}
	return front
}

// dominated says of each candidate whether another one is at least as good in
// acceptance, cost, p95 and reliability: "shown" where acceptance and cost are
// better with evidence adjusted over all pairs, else "possibly".
func (d *decider) dominated(v *view, separate []float64) []string {
	cheaper := d.cheaper()
	out := make([]string, d.k)
	for i := range d.k {
		for j := range d.k {
			if j == i || !d.coversAll(v, j, i) {
				continue
			}
			p := pairIndex(min(i, j), max(i, j), d.k)
			if out[i] = "possibly"; separate[p] <= d.alpha && cheaper[p] <= d.alpha {
				out[i] = "shown"
				break
			}
		}
	}
	return out
}

// coversAll reports whether j is at least as good as i in everything and better
// in something.
func (d *decider) coversAll(v *view, j, i int) bool {
	if !d.priced(i) || !d.priced(j) {
		return false
	}
	a, b := &d.s.cand[j], &d.s.cand[i]
	better := false
	for _, pair := range [][2]float64{
		{v.rate(j, colAccepted, colJudged), v.rate(i, colAccepted, colJudged)}, {-v.costPer(j), -v.costPer(i)},
		{-a.p95, -b.p95}, {v.rate(j, colAnswer, colCounted), v.rate(i, colAnswer, colCounted)},
	} {
		if pair[0] < pair[1] {
			return false
		}
		better = better || pair[0] > pair[1]
	}
	return better
}

// cheaper are the p-values of all pairs costing the same, adjusted by Holm.
func (d *decider) cheaper() []float64 {
	p := make([]float64, len(d.s.pairs))
	for i := range p {
		p[i] = 1
		if r, ok := stats.PairedCostRatio(d.s.pairs[i].cost, confidence); ok && !r.Unbounded && r.SELog > 0 {
			p[i] = stats.TwoSidedT(math.Log(r.Point)/r.SELog, d.s.pairs[i].cost.A.G-1)
		}
	}
	return stats.Holm(p)
}
