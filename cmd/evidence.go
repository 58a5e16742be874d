package cmd

import (
	"context"
	"slices"
	"time"

	"infer/cmd/internal/cli"
	"infer/cmd/internal/config"
	"infer/eval"
	"infer/eval/store"
	"infer/scoring/decide"
)

// gradedRun is a run as one of its gradings left it; at 0 stands for now.
type gradedRun struct {
	run *eval.Run
	at  int
}

// findRun returns the run that ref names: an ID or the beginning of one, a name, "" for the
// newest, each with @N for an earlier grading.
func findRun(ctx context.Context, s *store.Store, ref string) (gradedRun, error) {
	run, at, err := s.Graded(ctx, ref)
	return gradedRun{run, at}, err
}

// evidence reads the run's outcomes into columns.
func (g gradedRun) evidence(ctx context.Context, s *store.Store) (*decide.Evidence, error) {
	return g.evidenceOn(ctx, s, nil)
}

// evidenceOn is evidence in which wrong answers to some tasks are critical failures.
func (g gradedRun) evidenceOn(ctx context.Context, s *store.Store, critical map[int32]bool) (*decide.Evidence, error) {
	types, err := s.TaskTypes(ctx, g.run.ID)
	if err != nil {
		return nil, err
	}
	outcomes := s.OutcomesAt(ctx, g.run.ID, types, g.at)
	return decide.Collect(types, len(g.run.Candidates), func(yield func(eval.Outcome, error) bool) {
		for o, err := range outcomes {
			o.Critical = critical[o.TaskSeq] && o.Verdict == eval.Rejected
			if !yield(o, err) {
				return
			}
		}
	})
}

// criticalTag marks tasks on which a wrong answer is a critical failure.
const criticalTag = "critical"

// criticalTasks are the tasks with the tag, where a gate counts them.
func criticalTasks(ctx context.Context, s *store.Store, cfg *config.Config, run *eval.Run) (map[int32]bool, error) {
	if !cfg.Gates.CountCritical() {
		return nil, nil //nolint:nilnil // nobody asks
	}
	tasks, err := storedTasks(ctx, s, run, cfg.Fields, nil)
	if err != nil {
		return nil, err
	}
	out := make(map[int32]bool)
	for seq, t := range tasks {
		if slices.Contains(t.Tags, criticalTag) {
			out[int32(seq)] = true
		}
	}
	return out, nil
}

// ruleOf is the rule that the project decides by.
func ruleOf(cfg *config.Config, run *eval.Run) eval.Rule {
	rule := decide.DefaultRule(run.Seed)
	between := cfg.ResolveRule()
	rule.Incumbent, rule.Triggers, rule.Retry, rule.Limits = cfg.Incumbent, between.On, between.Retry, between.Limits
	if g := cfg.Gates; g != nil && g.MinReliability != nil {
		rule.MinReliable = *g.MinReliability
	}
	return rule
}

// limitsOf returns the hard gates by task type: those of infer.yaml.
func limitsOf(cfg *config.Config) func(string) eval.GateLimits {
	return func(taskType string) eval.GateLimits {
		g := cfg.Gates.For(taskType)
		l := eval.GateLimits{MinAcceptance: g.MinAcceptance, MinReliability: g.MinReliability, MaxCritical: g.MaxCritical, SLO: g.SLO}
		if m, ok := g.MaxCostPerAccepted.USD(); ok {
			l.MaxCostPerAccepted = &m
		}
		return l
	}
}

// recommendation decides the run by the project's rule.
func recommendation(ctx context.Context, s *store.Store, cfg *config.Config, g gradedRun, adjust func(*decide.Input)) (*eval.Recommendation, error) {
	critical, err := criticalTasks(ctx, s, cfg, g.run)
	if err != nil {
		return nil, err
	}
	e, err := g.evidenceOn(ctx, s, critical)
	if err != nil {
		return nil, err
	}
	in := decide.Input{Run: g.run, Evidence: e, Rule: ruleOf(cfg, g.run), Limits: limitsOf(cfg)}
	if in.Checked, err = checkedByPeople(ctx, s, g.run); err != nil {
		return nil, err
	}
	if in.Windows, err = outages(ctx, s, g.run.ID); err != nil {
		return nil, err
	}
	if adjust != nil {
		adjust(&in)
	}
	return decide.Recommend(in)
}

// recommendationOf is the recommendation for a page or the browser, by the rule of
// the project here; where none can be made, why not.
func recommendationOf(ctx context.Context, app *cli.App, s *store.Store, ref string) (*eval.Recommendation, string) {
	cfg, _, err := config.Load(app.Dir, "", config.Flags{}, app.Env)
	if err != nil {
		return nil, err.Error()
	}
	g, err := findRun(ctx, s, ref)
	if err != nil {
		return nil, err.Error()
	}
	r, err := recommendation(ctx, s, cfg, g, nil)
	if err != nil {
		return nil, err.Error()
	}
	return r, ""
}

// outageWindow is the stretch in which two providers count as down together.
const outageWindow = 5 * time.Minute

// outages says when each candidate of a run was down: in the stretches in which most
// of its calls found no provider.
func outages(ctx context.Context, s *store.Store, runID string) (func(candidate int) decide.Windows, error) {
	all, err := s.Windows(ctx, runID, outageWindow)
	if err != nil {
		return nil, err
	}
	by := make(map[int]decide.Windows)
	for _, w := range all {
		if by[w.Candidate] == nil {
			by[w.Candidate] = make(decide.Windows)
		}
		by[w.Candidate][w.At] = 2*w.Down > w.Calls
	}
	return func(candidate int) decide.Windows { return by[candidate] }, nil
}
