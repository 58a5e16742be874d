package decide

import (
	"fmt"

	"infer/eval"
	"infer/scoring/stats"
)

// The two-stage rule against a baseline. Stage one looks at a single repeat, stage
// two at three; a regression of the margin or more passes with probability 2·2.5 %
// at most, and no change fails with 1 % at most.
const (
	regressionPass   = 0.025
	regressionFail1  = 0.001
	regressionFail2  = 0.009
	regressionRepeat = 3
	regressionLeast  = 0.01 // a smaller drop never fails
	costRise         = 1.10 // the ratio of the cost of an accepted task that fails
)

// Regression is one candidate against a baseline on the same tasks.
type Regression struct {
	Candidate, Baseline string
	Evidence            *Evidence // candidate 0 is the new one, 1 the baseline
	// Margins are the largest drops that pass, by task type; Overall is over all.
	Margins  map[string]float64
	SLO      func(taskType string) eval.TaskType
	OnJudges func(taskType string) bool
	Changed  []string // ids of tasks whose line is not the baseline's
}

// Gates decides the regression gates: acceptance by the two-stage rule, then cost
// and the share above the service level where they are known.
func (r *Regression) Gates() []eval.GateResult {
	both := []int{0, 1}
	names := []string{r.Candidate, r.Baseline}
	_, left, detail := r.Evidence.common(both, names)
	if len(r.Changed) > 0 || left > 0 {
		reason := fmt.Sprintf("baseline invalid: %d tasks have another line than in %s: %s", len(r.Changed), named(r.Baseline), list(sanitised(r.Changed)))
		if len(r.Changed) == 0 {
			reason = fmt.Sprintf("baseline invalid: not the same tasks (%s)", detail)
		}
		return []eval.GateResult{{Gate: GateRegression, TaskType: Overall, Candidate: r.Candidate, State: eval.GateFail, Reason: reason}}
	}
	var out []eval.GateResult
	types := append([]*typeData{r.Evidence.merged()}, r.Evidence.types...)
	for _, t := range types {
		if margin, ok := r.Margins[t.name]; ok {
			out = append(out, r.gates(t, margin)...)
		}
	}
	for i := range out {
		out[i].Candidate = r.Candidate
	}
	return out
}

func sanitised(ids []string) []string {
	out := make([]string, len(ids))
	for i := range ids {
		out[i] = named(ids[i])
	}
	return out
}

func (r *Regression) gates(t *typeData, margin float64) []eval.GateResult {
	kind := r.SLO(t.name)
	s := sum(t, []int{0, 1}, kind.SLO.Microseconds(), 0)
	p := s.pair(0, 1)
	g := regression(&p, margin, float64(len(r.Margins)), named(r.Baseline), float64(s.cand[0].judged)/float64(max(1, s.tasks)))
	g.TaskType = t.name
	if r.OnJudges(t.name) {
		g.State, g.Reason = eval.GateUnknown, "acceptance rests on judges: people must check a sample first (infer review); "+g.Reason
	}
	out := []eval.GateResult{g}
	if s.cand[0].unpriced == 0 && s.cand[1].unpriced == 0 {
		if g, ok := costRegression(&p); ok {
			g.TaskType = t.name
			out = append(out, g)
		}
	}
	if kind.SLO > 0 && p.over.N > 0 {
		g := slowRegression(&p, kind)
		g.TaskType = t.name
		out = append(out, g)
	}
	return out
}

// regression is the two-stage rule on one family of tests.
func regression(p *pairSums, margin, family float64, baseline string, repeats float64) eval.GateResult {
	eff := p.Effective()
	iv := stats.TangoCI(eff, confidence)
	d, limit := eff.Difference(), -margin
	lower := stats.TangoLower(eff, 1-regressionPass)
	g := eval.GateResult{Gate: GateRegression, State: eval.GateUnknown, Measured: &lower, Limit: &limit}
	g.Reason = fmt.Sprintf("%s against %s on %.0f tasks (95%% CI %+.1f to %+.1f); a drop of %s may not be missed", points(d), baseline, p.N, 100*iv.Lo, 100*iv.Hi, margins(margin))
	second := repeats >= regressionRepeat
	alpha := regressionFail1
	if second {
		alpha = regressionFail2
	}
	switch {
	case p.G < minClusters:
		g.Reason += fmt.Sprintf("; %.0f independent tasks are too few", p.G)
	case stats.NonInferiority(eff, margin) <= regressionPass:
		g.State = eval.GatePass
	case d <= -regressionLeast && stats.TangoZ(eff, 0) < -stats.Z(1-alpha/family):
		g.State = eval.GateFail
	case !second:
		g.Reason += fmt.Sprintf("; undecided by one repeat: all tasks two more times decide, with --repeats %d", regressionRepeat)
	default:
		g.Reason += "; inconclusive"
	}
	return g
}

// costRegression fails where the cost of an accepted task has risen by more than a
// tenth with 97.5 % confidence.
func costRegression(p *pairSums) (eval.GateResult, bool) {
	ratio, ok := stats.PairedCostRatio(p.cost, confidence)
	if !ok || ratio.Unbounded {
		return eval.GateResult{}, false
	}
	limit := costRise
	g := eval.GateResult{Gate: GateCostRegression, State: eval.GatePass, Measured: &ratio.Lo, Limit: &limit,
		Reason: fmt.Sprintf("an accepted task costs %.2f times as much (95%% CI %.2f to %.2f); the lower bound may be %.2f", ratio.Point, ratio.Lo, ratio.Hi, limit)}
	if ratio.Lo > limit {
		g.State = eval.GateFail
	}
	return g, true
}

// slowRegression fails where more trials are above the service level than in the
// baseline, by the two-stage rule's second bound.
func slowRegression(p *pairSums, kind eval.TaskType) eval.GateResult {
	eff := p.over.Effective()
	d := eff.Difference()
	iv := stats.TangoCI(eff, confidence)
	limit := regressionLeast
	g := eval.GateResult{Gate: GateSLORegression, State: eval.GatePass, Measured: &iv.Lo, Limit: &limit,
		Reason: fmt.Sprintf("%s above %s (95%% CI %+.1f to %+.1f)", points(d), kind.SLO, 100*iv.Lo, 100*iv.Hi)}
	if d >= regressionLeast && stats.TangoZ(eff, 0) > stats.Z(1-regressionFail2) {
		g.State = eval.GateFail
	}
	return g
}
