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
