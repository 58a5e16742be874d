package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"infer/cmd/internal/cli"
	"infer/cmd/internal/config"
	"infer/eval"
	"infer/eval/store"
	"infer/scoring/decide"
)

// defaultRegressionMargin is the largest drop against a baseline that passes where
// the project sets none.
const defaultRegressionMargin = 0.05

// gated are the candidates that the project's gates are for: those it names, else
// the incumbent, else all.
func gated(cfg *config.Config, run *eval.Run) ([]int, error) {
	var names []string
	switch {
	case cfg.Gates != nil && len(cfg.Gates.Candidates) > 0:
		names = cfg.Gates.Candidates
	case cfg.Incumbent != "" && candidateIndex(run, cfg.Incumbent) >= 0:
		names = []string{cfg.Incumbent}
	default:
		var out []int
		for i := range run.Candidates {
			if !run.Candidates[i].Recorded {
				out = append(out, i)
			}
		}
		return out, nil
	}
	out := make([]int, 0, len(names))
	for _, n := range names {
		i := candidateIndex(run, n)
		if i < 0 {
			return nil, unknownCandidate(run, n)
		}
		out = append(out, i)
	}
	return out, nil
}

// gateResults decides the project's gates on a run, and the regression gates where
// a baseline is given (nil = none).
func gateResults(ctx context.Context, s *store.Store, cfg *config.Config, g gradedRun, base *eval.Baseline) ([]eval.GateResult, error) {
	who, err := gated(cfg, g.run)
	if err != nil {
		return nil, err
	}
	critical, err := criticalTasks(ctx, s, cfg, g.run)
	if err != nil {
		return nil, err
	}
	e, err := g.evidenceOn(ctx, s, critical)
	if err != nil {
		return nil, err
	}
	ids := make(map[int32]string)
	for k, err := range s.TaskKeys(ctx, g.run.ID) {
		if err != nil {
			return nil, err
		}
		ids[int32(k.Seq)] = k.ID
	}
	in := decide.GateInput{Run: g.run, Evidence: e, Candidates: who, Limits: limitsOf(cfg), ID: func(seq int32) string { return ids[seq] }}
	if cfg.Gates != nil {
		in.MustPass = cfg.Gates.MustPass
	}
	if in.Checked, err = checkedByPeople(ctx, s, g.run); err != nil {
		return nil, err
	}
	results := decide.Gate(in)
	if base == nil {
		return results, nil
	}
	for _, c := range who {
		more, err := regressionResults(ctx, s, cfg, arm{g, c, g.run.Candidates[c].Name}, base)
		if err != nil {
			return nil, err
		}
		results = append(results, more...)
	}
	return results, nil
}

// regressionResults compares one candidate with a baseline.
func regressionResults(ctx context.Context, s *store.Store, cfg *config.Config, a arm, base *eval.Baseline) ([]eval.GateResult, error) {
	table := newTaskTable()
	types, err := s.TaskTypes(ctx, a.run.ID)
	if err != nil {
		return nil, err
	}
	at := make(map[string]int32)
	for i, n := range types {
		at[n] = int32(i)
	}
	for i := range base.Outcomes {
		if n := base.Outcomes[i].TaskType; at[n] == 0 && (len(types) == 0 || types[0] != n) {
			at[n] = int32(len(types))
			types = append(types, n)
		}
	}
	b := decide.NewBuilder(types, 2)
	first := make(map[int32]int32)
	for i := range base.Outcomes {
		o := &base.Outcomes[i]
		seq := table.number(o.TaskType, o.ID, o.Line)
		if _, ok := first[o.Cluster]; !ok {
			first[o.Cluster] = seq
		}
		if err := b.Add(&eval.Outcome{TaskSeq: seq, Cluster: first[o.Cluster], TaskType: at[o.TaskType], Candidate: 1, Repeat: o.Repeat, Verdict: o.Verdict,
			Class: o.Class, Attempts: 1, Cost: o.Cost, LatencyUS: o.Latency, TTFTUS: -1}); err != nil {
			return nil, err
		}
	}
	numbers, err := table.add(ctx, s, a.run.ID)
	if err != nil {
		return nil, err
	}
	if err := addArm(ctx, s, b, a, 0, types, numbers); err != nil {
		return nil, err
	}
	e, err := b.Evidence()
	if err != nil {
		return nil, err
	}
	margins := map[string]float64{decide.Overall: defaultRegressionMargin}
	if g := cfg.Gates; g != nil {
		if g.RegressionMargin != nil {
			margins[decide.Overall] = *g.RegressionMargin
		}
		for n, own := range g.TaskTypes {
			if own.RegressionMargin != nil {
				margins[n] = *own.RegressionMargin
			}
		}
	}
	r := decide.Regression{Candidate: a.name, Baseline: base.Name, Evidence: e, Margins: margins, SLO: kindOf([]arm{a}, 0, 0), Changed: table.changed,
		OnJudges: func(t string) bool { return base.OnJudges || onJudges(a.run, t) }}
	out := r.Gates()
	if base.Grading != a.run.Grading.Digest && !a.run.Imported {
		out = append(out, eval.GateResult{Gate: decide.GateRegression, TaskType: decide.Overall, Candidate: a.name, State: eval.GateFail,
			Reason: fmt.Sprintf("baseline invalid: its verdicts are by other graders than run %s", a.run.ID)})
	}
	return out, nil
}

func onJudges(run *eval.Run, taskType string) bool {
	if taskType == decide.Overall {
		return len(run.Grading.Judged) > 0
	}
	return run.Grading.RestsOnJudges(taskType)
}

// makeBaseline reads what a candidate achieved on each task of a run.
func makeBaseline(ctx context.Context, s *store.Store, a arm, name string, now time.Time) (*eval.Baseline, error) {
	types, err := s.TaskTypes(ctx, a.run.ID)
	if err != nil {
		return nil, err
	}
	keys := make(map[int32]store.TaskKey)
	for k, err := range s.TaskKeys(ctx, a.run.ID) {
		if err != nil {
			return nil, err
		}
		keys[int32(k.Seq)] = k
	}
	c := &a.run.Candidates[a.candidate]
	b := &eval.Baseline{Schema: eval.BaselineSchema, Name: name, Run: a.run.ID, Candidate: c.Name, Config: c.Digest(), Grading: a.run.Grading.Digest,
		OnJudges: len(a.run.Grading.Judged) > 0, SavedAt: now.UTC().Truncate(time.Second)}
	for o, err := range s.OutcomesAt(ctx, a.run.ID, types, a.at) {
		if err != nil {
			return nil, err
		}
		if int(o.Candidate) != a.candidate {
			continue
		}
		k := keys[o.TaskSeq]
		b.Outcomes = append(b.Outcomes, eval.BaselineOutcome{ID: k.ID, TaskType: k.Type, Line: k.Digest, Cluster: o.Cluster, Repeat: o.Repeat,
			Verdict: o.Verdict, Class: o.Class, Cost: o.Cost, Latency: o.LatencyUS})
	}
	if len(b.Outcomes) == 0 {
		return nil, eval.WithHint(eval.KindIncomplete, fmt.Errorf("run %s has no outcome of %s", a.run.ID, eval.Untrusted(c.Name).Line(60)), "finish the run first")
	}
	return b, nil
}

// findBaseline reads a baseline: a file, the name of a saved one, or an arm as
// compare takes it, of which candidate of g is the default.
func findBaseline(ctx context.Context, s *store.Store, g gradedRun, cfg *config.Config, ref string, now time.Time) (*eval.Baseline, error) {
	if f, err := os.ReadFile(ref); err == nil {
		b := new(eval.Baseline)
		if err := json.Unmarshal(f, b); err != nil || b.Schema != eval.BaselineSchema {
			return nil, eval.Invalid(fmt.Errorf("%s is not a baseline", ref), "`infer baseline save NAME -o FILE` writes one")
		}
		return b, nil
	}
	b, err := s.Baseline(ctx, ref)
	if err == nil || !errors.Is(err, store.ErrNoBaseline) {
		return b, err
	}
	a, err := findArm(ctx, s, g, ref)
	if err != nil {
		// A run alone stands for the gated candidate of it, if it is one.
		who, whoErr := gated(cfg, g.run)
		if whoErr != nil || len(who) != 1 || strings.Contains(ref, ":") {
			return nil, err
		}
		if a, err = findArm(ctx, s, g, ref+":"+g.run.Candidates[who[0]].Name); err != nil {
			return nil, err
		}
	}
	return makeBaseline(ctx, s, a, ref, now)
}

// gateError turns the state of gates into an exit code.
func gateError(results []eval.GateResult, failCode int) error {
	failed, unknown := 0, 0
	var first string
	for i := range results {
		switch results[i].State {
		case eval.GateFail:
			if failed == 0 {
				first = results[i].Gate + ": " + results[i].Reason
			}
			failed++
		case eval.GateUnknown:
			if failed == 0 && unknown == 0 {
				first = results[i].Gate + ": " + results[i].Reason
			}
			unknown++
		}
	}
	switch {
	case failed > 0:
		return &cli.CodedError{Code: failCode, Err: eval.WithHint(eval.KindGate, fmt.Errorf("%d of %d gates failed, the first is %s", failed, len(results), first),
			"`infer compare` shows which tasks changed")}
	case unknown > 0:
		return eval.WithHint(eval.KindIncomplete, fmt.Errorf("%d of %d gates are undecided, the first is %s", unknown, len(results), first), undecidedHint(results))
	}
	return nil
}

// undecidedHint says what decides gates that are open: people where they rest on judges,
// a measured latency where there is none, else more tasks.
func undecidedHint(results []eval.GateResult) string {
	judged, untimed, others := false, false, false
	for i := range results {
		switch r := &results[i]; {
		case r.State != eval.GateUnknown:
		case strings.Contains(r.Reason, "judges"):
			judged = true
		case r.Gate == decide.GateSLO && r.Measured == nil:
			untimed = true
		default:
			others = true
		}
	}
	var ways []string
	if judged {
		ways = append(ways, "let people judge a sample: `infer review`")
	}
	if untimed {
		ways = append(ways, "measure the latency: without --batch, and not from outcomes that came without one")
	}
	if others {
		ways = append(ways, "more tasks or repeats decide the rest")
		if len(ways) == 1 {
			ways[0] = "more tasks or repeats decide them"
		}
	}
	return strings.Join(ways, "; ")
}
