package decide

import (
	"fmt"
	"math"
	"sort"
	"strings"

	"infer/eval"
	"infer/scoring/stats"
)

// downgrades are the cheaper candidates that stay within the margin, or within
// the wider one of a backup.
func (d *decider) downgrades(v *view, c *choice, names []string) []eval.Alternative {
	wide := d.nonInferior(v, d.kind.Margin*d.factor)
	var out []eval.Alternative
	for _, i := range d.byCost(v) {
		if i == c.pick || c.gates[i] != stats.Pass || !d.priced(i) || !d.priced(c.pick) || v.costPer(i) >= v.costPer(c.pick) {
			continue
		}
		saved := 1 - v.costPer(i)/v.costPer(c.pick)
		switch {
		case c.ok[i]:
			out = append(out, eval.Alternative{Candidate: names[i], Rule: fmt.Sprintf("when the budget rules: %s an accepted task, %.0f%% less, and shown to be within %s of the best",
				dollars(v.costPer(i)), 100*saved, margins(d.kind.Margin))})
		case wide[i] <= d.alpha:
			out = append(out, eval.Alternative{Candidate: names[i], Rule: fmt.Sprintf("only when the budget rules over quality: %s an accepted task, %.0f%% less, and shown to be within %s of the best, not within %s",
				dollars(v.costPer(i)), 100*saved, margins(d.kind.Margin*d.factor), margins(d.kind.Margin))})
		}
	}
	return out
}

func (d *decider) byCost(v *view) []int {
	order := d.byAcceptance(v)
	sort.SliceStable(order, func(a, b int) bool { return v.costPer(order[a]) < v.costPer(order[b]) })
	return order
}

// maxEscalations is how many stronger candidates are named.
const maxEscalations = 2

// escalations are the candidates that are stronger where the default falls short:
// at least as good overall, and accepted on tasks that it fails.
func (d *decider) escalations(v *view, c *choice, names []string) []eval.Alternative {
	type found struct {
		i int
		r rescue
	}
	var all []found
	for i := range d.k {
		if i == c.pick || c.gates[i] == stats.Fail && d.priced(i) || v.rate(i, colAccepted, colJudged) < v.rate(c.pick, colAccepted, colJudged) {
			continue
		}
		if r := d.rescued(c.pick, i); r.failures >= 1 && r.rescued >= 1 {
			all = append(all, found{i, r})
		}
	}
	sort.SliceStable(all, func(a, b int) bool { return all[a].r.shrunk > all[b].r.shrunk })
	var out []eval.Alternative
	for _, f := range all[:min(len(all), maxEscalations)] {
		price := "at an unknown cost"
		if d.priced(f.i) && d.s.cand[f.i].trials > 0 {
			mean, _ := d.s.cand[f.i].meanCost()
			price = fmt.Sprintf("at %s a task", dollars(mean))
		}
		out = append(out, eval.Alternative{Candidate: names[f.i], Rule: fmt.Sprintf("for answers of %s that are rejected: it gets %s of those %.0f tasks accepted (95%% CI %s to %s), %s",
			named(names[c.pick]), percent(f.r.rescued/f.r.failures), f.r.failures, percent(f.r.interval.Lo), percent(f.r.interval.Hi), price)})
	}
	return out
}

// retryRule writes the retry rule out, with what it did in this run.
func (d *decider) retryRule(rule eval.Rule, i int) string {
	if rule.Retry.Max <= 0 {
		return "no retries"
	}
	on := "errors that pass"
	if rule.Retry.On != nil {
		on = classList(rule.Retry.On)
	}
	s := fmt.Sprintf("at most %d retries on the same model, on %s, with jittered back-off", rule.Retry.Max, on)
	if rule.Limits.Timeout > 0 {
		s += fmt.Sprintf(", %s a call", rule.Limits.Timeout)
	}
	if i < 0 {
		return s
	}
	c := &d.s.cand[i]
	if c.retried == 0 {
		return s + fmt.Sprintf("; none of %d trials needed one", c.trials)
	}
	return s + fmt.Sprintf("; %d of %d trials needed one and %d of those got an answer", c.retried, c.trials, c.retriedOK)
}

func classList(classes []eval.Class) string {
	names := make([]string, len(classes))
	for i, c := range classes {
		names[i] = string(c)
	}
	return strings.Join(names, ", ")
}

// reviewRule says what people look at: the team's own rule, else a sample that
// shows a drop of the margin.
func (d *decider) reviewRule(v *view, i int) string {
	if d.kind.Review != "" {
		return eval.Untrusted(d.kind.Review).Line(400)
	}
	if i < 0 {
		return "a person reviews every answer until a default is selected"
	}
	p := v.rate(i, colAccepted, colJudged)
	n := dropSample(p, d.kind.Margin)
	if d.high() {
		return fmt.Sprintf("a person reviews every answer before it counts; about %.0f of 100 were not accepted in this run", 100*(1-p))
	}
	return fmt.Sprintf("a person reviews every answer that a check rejects, and a random %d answers a month: as many show a drop of %s below %s with 80%% power", n, margins(d.kind.Margin), percent(p))
}

// dropSample is how many answers show a drop of delta below a rate p at one-sided
// 5 % with 80 % power: ((z_{.95}√(p(1−p)) + z_{.8}√(q(1−q)))/δ)² with q = p−δ.
func dropSample(p, delta float64) int64 {
	p = math.Min(p, 0.99)
	q := math.Max(p-delta, 0)
	root := (stats.Z(0.95)*math.Sqrt(p*(1-p)) + stats.Z(0.8)*math.Sqrt(q*(1-q))) / delta
	return int64(math.Min(1e9, math.Ceil(root*root)))
}

// regressionMargin is the largest drop that a rollback watches for.
const regressionMargin = 0.05

// rollback writes the condition under which a change is taken back.
func (d *decider) rollback(names []string, c *choice, since string) string {
	if c.pick < 0 {
		return "no default is selected, so there is nothing to roll back"
	}
	old := "the earlier default"
	other := c.lead
	if d.incumbent >= 0 && d.incumbent != c.pick {
		old, other = named(names[d.incumbent]), d.incumbent
	} else if d.incumbent == c.pick {
		return fmt.Sprintf("%s stays, so there is nothing to roll back; a new default rolls back to it", named(names[c.pick]))
	}
	s := fmt.Sprintf("Roll back %s from %s to %s when, on paired shadow tasks since %s, E ≥ 100 against p_new − p_old ≥ −%s (an anytime-valid bound of 1%% on false alarms over the whole life of the release, look as often as you like), or the lower 97.5%% bound of the cost ratio exceeds 1.10 at a scheduled look",
		named(d.kind.Name), named(names[c.pick]), old, since, fmt.Sprintf("%.2f", regressionMargin))
	if d.limits.SLO > 0 {
		s += fmt.Sprintf(", or calls slower than %s are above 5%% with their lower bound", d.limits.SLO)
	}
	s += ". The absence of a trigger is not evidence of no regression"
	if other >= 0 && other != c.pick {
		p := d.s.pair(c.pick, other)
		s += fmt.Sprintf("; the smallest drop that %.0f tasks can detect is %.1f points", p.N, 100*(stats.Z(0.975)+stats.Z(0.8))*math.Sqrt(p.Variance()))
	}
	return s + "."
}

// unmeasured says which gate no number of tasks settles: one on what was never
// measured of any candidate that is still in question; "" = there is none such.
func (d *decider) unmeasured(c *choice) string {
	if d.limits.SLO == 0 {
		return ""
	}
	open := false
	for i := range d.k {
		if c.gates[i] == stats.Fail || c.inferior[i] {
			continue
		}
		open = true
		if _, measured := d.s.cand[i].over.Rate(); measured {
			return ""
		}
	}
	if !open {
		return ""
	}
	return fmt.Sprintf("nobody can say whether p95 keeps to %s: no latency was measured", d.limits.SLO)
}

// more says how many further tasks would settle the decision, and their price.
func (d *decider) more(c *choice) *eval.MoreTasks {
	if d.unmeasured(c) != "" {
		return &eval.MoreTasks{Hint: "no number of tasks settles it as they were called: measure the latency, or take the limit on it out"}
	}
	best, hopeless := math.Inf(1), 0
	var open []int
	for i := range d.k {
		if c.gates[i] == stats.Fail || c.inferior[i] {
			continue
		}
		open = append(open, i)
		n, ok := d.need(i)
		if !ok {
			hopeless++
			continue
		}
		best = math.Min(best, n)
	}
	if len(open) == 0 {
		return nil
	}
	if math.IsInf(best, 0) {
		return &eval.MoreTasks{Hint: "more tasks are not expected to help: no candidate is likely to be shown within the margin of all others; widen the margin before the next run, or add a candidate"}
	}
	m := &eval.MoreTasks{Tasks: int64(math.Max(best, 1))}
	total, known := 0.0, true
	for _, i := range open {
		mean, ok := d.s.cand[i].meanCost()
		total, known = total+mean*float64(d.s.cand[i].trials)/math.Max(1, float64(d.s.tasks)), known && ok
	}
	m.Hint = fmt.Sprintf("about %d more tasks for the %d candidates still in question", m.Tasks, len(open))
	if known {
		cost := total * float64(m.Tasks)
		m.CostUSD = &cost
		m.Hint += ", at about " + dollars(cost)
	} else {
		m.Hint += ", at an unknown price"
	}
	return m
}

// need is how many more tasks would probably make candidate i eligible: shown
// within the margin of every rival, and past the gates that are open.
func (d *decider) need(i int) (float64, bool) {
	n := math.Max(0, minClusters-float64(d.s.clusters))
	alpha := d.alpha / float64(max(1, d.k-1))
	for j := range d.k {
		if j == i {
			continue
		}
		p := d.s.pair(i, j)
		m := stats.MoreForNonInferiority(p.PairSums, d.kind.Margin, alpha)
		if m.Hopeless {
			return 0, false
		}
		n = math.Max(n, m.Tasks)
	}
	c := &d.s.cand[i]
	for _, floor := range []struct {
		at *float64
		s  stats.ClusterSums
	}{{d.limits.MinAcceptance, c.rate}, {d.limits.MinReliability, c.answered}} {
		if floor.at == nil {
			continue
		}
		p, _ := floor.s.Rate()
		m, ok := moreForShare(p, floor.s.G, *floor.at)
		if !ok {
			return 0, false
		}
		n = math.Max(n, m)
	}
	if d.limits.SLO > 0 {
		p, _ := c.over.Rate()
		m, ok := moreForShare(1-p, c.over.G, 1-sloShare)
		if !ok {
			return 0, false
		}
		n = math.Max(n, m)
	}
	return n, true
}

// moreForShare is how many more tasks bring the one-sided lower bound of a share
// that stays at p up to the floor; false where p does not lie above it.
func moreForShare(p, have, floor float64) (float64, bool) {
	const most = 1 << 30
	if stats.ClopperPearsonLower(p*most, most, confidence) < floor {
		return 0, false
	}
	lo, hi := 1.0, float64(most)
	for hi-lo > 0.5 {
		if mid := (lo + hi) / 2; stats.ClopperPearsonLower(p*mid, mid, confidence) >= floor {
			hi = mid
		} else {
			lo = mid
		}
	}
	return math.Max(0, math.Ceil(hi)-have), true
}
