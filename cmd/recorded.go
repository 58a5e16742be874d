package cmd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"infer/eval"
	"infer/eval/store"
)

// The name of the incumbent as production knew it, beside the candidates that are
// called.
const (
	recordedName    = "recorded"
	recordedExample = "recorded (example)"
	recordedAgain   = "recorded in production" // where a candidate has the first name
)

// recordedIncumbent is the row of what the dataset lines say happened; nil = they
// say nothing. Its model is named where all lines name the same one.
func (p *plan) recordedIncumbent(ctx context.Context) (*eval.Candidate, error) {
	if p.info.WithRecorded == 0 {
		return nil, nil //nolint:nilnil // there is none
	}
	c := &eval.Candidate{Name: recordedName, Recorded: true}
	first, costs, spent := true, false, false
	for t, err := range p.tasks(ctx) {
		switch {
		case err != nil:
			return nil, err
		case !told(t.Recorded):
			continue
		case first:
			c.Model, first = t.Recorded.Model, false
		case c.Model != t.Recorded.Model:
			c.Model = ""
		}
		trial, err := recordedTrial(t, 0)
		if err != nil {
			return nil, eval.Invalid(fmt.Errorf("%s:%d: %w", t.File, t.Line, err), "leave out what is not known")
		}
		if t.Recorded.FinalCostUSD != nil {
			costs = true
			spent = spent || trial.Cost.Answer.Low > 0
		}
		if t.Recorded.Example {
			c.Name, c.Example = recordedExample, true
		}
	}
	if first {
		return nil, nil //nolint:nilnil // no line says how it ended
	}
	if p.unpriced = costs && !spent; p.unpriced {
		p.say("warning: every recorded.final_cost_usd is 0, so no price was known: what %s cost is unknown", c.Name)
	}
	for i := range p.run.Candidates {
		if p.run.Candidates[i].Name == c.Name {
			c.Name = recordedAgain
		}
	}
	return c, nil
}

// told reports whether a line says anything that a row can be made of.
func told(r *eval.Recorded) bool {
	return r != nil && (r.Accepted != nil || r.LatencyMS != nil || r.FinalCostUSD != nil || r.RetryCount != nil || r.FallbackUsed != nil || r.UserRegenerated != nil || r.HumanFix != nil)
}

// keepRecorded makes trials of the outcomes that a block of tasks carries, where
// they are not in the store yet.
func (p *plan) keepRecorded(ctx context.Context, journal *store.Journal, done *store.DoneSet, block []*eval.Task) error {
	for c := range p.run.Candidates {
		if !p.run.Candidates[c].Recorded {
			continue
		}
		for _, t := range block {
			if !told(t.Recorded) || !p.run.Holds(t.Seq) || done != nil && done.Has(t.Seq, c, 0) {
				continue
			}
			trial, err := recordedTrial(t, c)
			if err != nil {
				return err // not reached: every line was looked at before anything was sent
			}
			if p.unpriced {
				trial.Cost.Answer = eval.UnknownCost()
			}
			if err := journal.Record(ctx, trial); err != nil {
				return err
			}
		}
	}
	return nil
}

// recordedTrial turns the outcome that a line carries into a trial. Its cost is
// what the whole task cost, a person's time included where the line includes it.
func recordedTrial(t *eval.Task, candidate int) (*eval.Trial, error) {
	r := t.Recorded
	for name, v := range map[string]*float64{"latency_ms": r.LatencyMS, "backend_latency_ms": r.BackendMS, "human_fix_seconds": r.HumanFixSeconds} {
		if v != nil && *v < 0 {
			return nil, fmt.Errorf("recorded.%s is negative", name)
		}
	}
	if r.RetryCount != nil && *r.RetryCount < 0 {
		return nil, errors.New("recorded.retry_count is negative")
	}
	trial := &eval.Trial{TaskSeq: t.Seq, TaskID: t.ID, TaskType: t.Type, Cluster: t.Cluster(), InputType: t.InputType(), Candidate: candidate,
		Final: -1, Verdict: eval.Unscored, HumanFix: r.HumanFix, HumanFixFrom: eval.UnknownOrigin,
		Told: &eval.Told{Latency: millis(r.LatencyMS), Backend: millis(r.BackendMS), Fallback: r.FallbackUsed, Regenerated: r.UserRegenerated}}
	if r.RetryCount != nil {
		n := int(*r.RetryCount)
		trial.Told.Retries = &n
	}
	if r.UserRegenerated != nil && *r.UserRegenerated {
		trial.Regenerations = 1
	}
	if r.HumanFix != nil {
		trial.HumanFixFrom = eval.Observed
	}
	if r.HumanFixSeconds != nil {
		trial.HumanFixTime = time.Duration(*r.HumanFixSeconds * float64(time.Second))
	}
	trial.Cost.Answer = eval.UnknownCost()
	if r.FinalCostUSD != nil {
		cost, err := eval.ParseUSD(r.FinalCostUSD.String())
		if err != nil || cost < 0 {
			return nil, errors.Join(errors.New("recorded.final_cost_usd is not an amount"), err)
		}
		trial.Cost.Answer = eval.Exactly(cost)
	}
	if r.Accepted != nil {
		accept(trial, *r.Accepted)
	}
	return trial, nil
}

// accept sets what follows from a told outcome: an answer that a person had to
// mend, or the user asked for again, was not accepted at once.
func accept(trial *eval.Trial, accepted bool) {
	trial.Verdict = eval.Rejected
	if accepted {
		trial.Verdict = eval.Accepted
	}
	after := accepted && (trial.HumanFix == nil || !*trial.HumanFix)
	first := after && trial.Regenerations == 0
	trial.FirstTry, trial.AfterRegen = &first, &after
}

func millis(ms *float64) *time.Duration {
	if ms == nil {
		return nil
	}
	d := time.Duration(*ms * float64(time.Millisecond))
	return &d
}
