package decide

import (
	"fmt"
	"strings"

	"infer/eval"
	"infer/scoring/stats"
)

// GateInput is what the gates of a run rest on.
type GateInput struct {
	Run        *eval.Run
	Evidence   *Evidence
	Candidates []int // places in the run of the candidates that are gated
	Limits     func(taskType string) eval.GateLimits
	// MustPass are ids of tasks that must be accepted; ID names a task.
	MustPass []string
	ID       func(seq int32) string
	// Checked is what people's labels make of a candidate's acceptance on a task type
	// that rests on judges; nil = too few labels, or none.
	Checked func(taskType string, candidate int) *Checked
}

// Checked is acceptance by people over all answers with its 95 % interval:
// estimated from a labelled sample and the judges' word on the rest (PPI++), or from
// the sample alone.
type Checked struct {
	Point, Lo, Hi float64
	Labels        int64
	Alone         bool
}

// Gate decides every gate of a run: each task type's limits, its data and the
// tasks that must pass. What rests on judges alone passes no gate of acceptance.
func Gate(in GateInput) []eval.GateResult {
	var out []eval.GateResult
	for _, c := range in.Candidates {
		name := in.Run.Candidates[c].Name
		out = append(out, dataGate(in.Evidence, c, in.Run.Tasks(), name))
		for _, t := range in.Evidence.types {
			out = append(out, in.typeGates(t, c, name)...)
		}
		if len(in.MustPass) > 0 {
			out = append(out, in.mustPass(c, name))
		}
	}
	return out
}

func (in *GateInput) typeGates(t *typeData, c int, name string) []eval.GateResult {
	limits := in.Limits(t.name)
	s := sum(t, []int{c}, limits.SLO.Microseconds(), 0)
	cand := &s.cand[0]
	judged := in.Run.Grading.RestsOnJudges(t.name)
	var out []eval.GateResult
	if f := limits.MinAcceptance; f != nil {
		g := floorGate(GateAcceptance, "acceptance", cand.rate, *f)
		if judged {
			g = checkedGate(g, in.Checked, t.name, c, cand.answered, *f)
		}
		out = append(out, g)
	}
	if f := limits.MinReliability; f != nil {
		out = append(out, floorGate(GateReliability, "share with an answer", cand.answered, *f))
	}
	if m := limits.MaxCritical; m != nil {
		out = append(out, criticalGate(cand.critical, *m))
	}
	if limits.SLO > 0 {
		out = append(out, sloGate(cand.over, cand.untimed, limits.SLO))
	}
	if m := limits.MaxCostPerAccepted; m != nil {
		g := costGate(cand, *m)
		if judged {
			g.State, g.Reason = eval.GateUnknown, "the accepted tasks are counted by judges; "+g.Reason
		}
		out = append(out, g)
	}
	for i := range out {
		out[i].TaskType, out[i].Candidate = t.name, name
	}
	return out
}

// checkedGate decides a floor on an acceptance that rests on judges: by what people
// say where they labelled enough, else it is unknown. People judged answers, so the
// share of trials that got one lowers the interval.
func checkedGate(g eval.GateResult, checked func(string, int) *Checked, taskType string, c int, answered stats.ClusterSums, floor float64) eval.GateResult {
	var k *Checked
	if checked != nil {
		k = checked(taskType, c)
	}
	got, ok := answered.Rate()
	if k == nil || !ok {
		g.State = eval.GateUnknown
		g.Reason = strings.TrimSuffix(fmt.Sprintf("acceptance rests on judges: people must check a sample of answers first (infer review); %s", g.Reason), "; ")
		return g
	}
	lo, hi := k.Lo*got, k.Hi*got
	g.State = eval.GateUnknown
	bound, name := lo, "lower"
	switch {
	case lo >= floor:
		g.State = eval.GatePass
	case hi < floor:
		g.State, bound, name = eval.GateFail, hi, "upper"
	}
	g.Measured = &bound
	by := "and the judges' word on the rest, PPI++"
	if k.Alone {
		by = "alone"
	}
	var why string
	g.State, why = tooFew(g.State, float64(k.Labels))
	g.Reason = fmt.Sprintf("acceptance by people, of answers as they stand: 95%% %s bound %s, the floor is %s (%s; %d labels %s)%s",
		name, percent(bound), percent(floor), percent(k.Point*got), k.Labels, by, why)
	return g
}

// dataGate fails where the outcomes are not what the plan says: tasks without one,
// or more than 1 % that the harness could not judge.
func dataGate(e *Evidence, c, planned int, name string) eval.GateResult {
	tasks, trials, unjudged := 0, 0, 0
	for _, t := range e.types {
		last := int32(-1)
		for i := range t.trials[c] {
			r := &t.trials[c][i]
			if r.task != last {
				last = r.task
				tasks++
			}
			trials++
			if !r.kind().judged {
				unjudged++
			}
		}
	}
	g := eval.GateResult{Gate: GateData, TaskType: Overall, Candidate: name, State: eval.GatePass, Reason: fmt.Sprintf("all %d tasks have an outcome", tasks)}
	switch {
	case tasks == 0:
		g.State, g.Reason = eval.GateFail, "there is no outcome at all"
	case tasks < planned:
		g.State, g.Reason = eval.GateFail, fmt.Sprintf("%d of %d tasks have no outcome", planned-tasks, planned)
	case float64(unjudged) > 0.01*float64(trials):
		g.State, g.Reason = eval.GateFail, fmt.Sprintf("%d of %d trials could not be judged: more than 1%%", unjudged, trials)
	}
	return g
}

// mustPassFailures is how many times in a row a task must fail before it fails the
// gate: a single failure may be chance.
const mustPassFailures = 3

// mustPass decides the tasks that must be accepted, without statistics: one that is
// accepted in any repeat passes, one that failed three times of three fails, and
// one that failed less often is unknown.
func (in *GateInput) mustPass(c int, name string) eval.GateResult {
	wanted := make(map[string]bool, len(in.MustPass))
	for _, id := range in.MustPass {
		wanted[id] = true
	}
	g := eval.GateResult{Gate: GateMustPass, TaskType: Overall, Candidate: name, State: eval.GatePass}
	var failed, unsure []string
	for _, t := range in.Evidence.types {
		for v := range t.tasks {
			id := in.ID(v.seq)
			if !wanted[id] || len(v.trials[c]) == 0 {
				continue
			}
			delete(wanted, id)
			accepted, judged := 0, 0
			for i := range v.trials[c] {
				if k := v.trials[c][i].kind(); k.judged {
					judged++
					if k.accepted {
						accepted++
					}
				}
			}
			switch {
			case accepted > 0:
			case judged >= mustPassFailures:
				failed = append(failed, named(id))
			default:
				unsure = append(unsure, named(id))
			}
		}
	}
	for _, id := range in.MustPass {
		if wanted[id] {
			failed = append(failed, named(id)+" (no outcome)")
			delete(wanted, id)
		}
	}
	switch {
	case len(failed) > 0:
		g.State, g.Reason = eval.GateFail, fmt.Sprintf("%d of %d tasks that must pass failed: %s", len(failed), len(in.MustPass), list(failed))
	case len(unsure) > 0:
		g.State, g.Reason = eval.GateUnknown, fmt.Sprintf("%d tasks that must pass failed, but less than %d times: %s; --repeats %d tells", len(unsure), mustPassFailures, list(unsure), mustPassFailures)
	default:
		g.Reason = fmt.Sprintf("all %d tasks that must pass were accepted", len(in.MustPass))
	}
	return g
}

func list(names []string) string {
	s := ""
	for i, n := range names[:min(len(names), 8)] {
		if i > 0 {
			s += ", "
		}
		s += n
	}
	if len(names) > 8 {
		s += fmt.Sprintf(" and %d more", len(names)-8)
	}
	return s
}

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
