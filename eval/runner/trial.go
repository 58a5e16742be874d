package runner

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"infer/eval"
)

// trial is one trial under way.
type trial struct {
	eval.Trial
	r      *run
	task   *eval.Task
	lane   *Lane
	rule   *eval.TaskType
	rng    *rand.Rand     // jitter, seeded by the trial's identity
	held   bool           // a slot for calls is held
	ready  lease          // of the first call, which was admitted already; zero = it was used
	judged *eval.Response // the answer that was graded last; nil = none was
	later  bool           // cut off while a batch had the call: its answers are found again
}

// try runs one trial to its outcome and hands it to the journal. Its first call
// was admitted: try gives the slot back. A trial that was cut off is handed over
// too, once it made a call, since that may have cost something; but not while a
// batch has a call of it, since all its answers will be found again.
func (r *run) try(ctx context.Context, w work, ready lease) {
	t := &trial{r: r, task: w.task, lane: &r.Lanes[w.candidate], rule: r.rule(w.task.Type), held: true, ready: ready,
		rng: rand.New(rand.NewPCG(r.Run.Seed, uint64(w.task.Seq)<<20|uint64(w.candidate)<<10|uint64(w.repeat)))}
	t.Trial = eval.Trial{TaskSeq: w.task.Seq, TaskID: w.task.ID, TaskType: w.task.Type, Cluster: w.task.Cluster(),
		InputType: w.task.InputType(), Candidate: w.candidate, Repeat: w.repeat, Final: -1, HumanFixFrom: eval.UnknownOrigin}
	// The slot is kept until the trial is in the journal's queue. The next intent
	// then stands behind it and waits for both, so that after a crash no more calls
	// are repeated than may be in flight.
	defer t.release()
	t.accept(ctx)
	if t.CutOff && (t.later || len(t.Attempts) == 0) {
		return
	}
	if err := r.Journal.Record(context.WithoutCancel(ctx), &t.Trial); err != nil {
		r.cancel(fmt.Errorf("record trial: %w", err))
		return
	}
	if t.CutOff {
		return
	}
	r.trials.Add(1)
	if r.OnTrial != nil {
		r.OnTrial(&t.Trial)
	}
}

func (r *run) rule(taskType string) *eval.TaskType {
	if rule, ok := r.types[taskType]; ok {
		return rule
	}
	return &eval.TaskType{Name: taskType}
}

// accept is the acceptance loop: an answer is asked for, graded and, while it is
// rejected and the task type allows it, asked for again; what is still rejected
// is repaired by a person if the repair rule holds, or abandoned. An answer that
// was judged keeps its verdict where asking for another one fails: regenerating
// in vain does not make an error of it.
func (t *trial) accept(ctx context.Context) {
	target, cause := t.lane.Primary, eval.CauseFirst
	for {
		resp, last, err := t.answer(ctx, target, cause)
		target = last
		switch {
		case errors.Is(err, errConfirm):
			t.Verdict = eval.NeedsConfirmation
			return
		case err != nil:
			t.later = errors.Is(err, errLater)
			t.cut()
			return
		case resp.Failure != nil && t.judged == nil:
			t.Verdict = eval.Errored
			return
		case resp.Failure != nil:
			t.repair()
			return
		}
		t.grade(ctx, &resp)
		if t.Verdict == eval.Unscored && ctx.Err() != nil { // a judge was cut off, perhaps
			t.cut()
			return
		}
		if t.Verdict != eval.Rejected || t.Regenerations >= t.rule.Regenerate {
			t.repair()
			return
		}
		t.Regenerations++
		cause = eval.CauseRegenerate
	}
}

// cut leaves the trial without an outcome.
func (t *trial) cut() {
	t.CutOff, t.Verdict = true, eval.Errored
	t.Final, t.FirstTry, t.AfterRegen = -1, nil, nil
}

// grade grades the answer of the last attempt.
func (t *trial) grade(ctx context.Context, resp *eval.Response) {
	g := t.r.Grader.Grade(ctx, t.task, resp)
	t.Attempts[len(t.Attempts)-1].Grade = &g
	t.judged = resp
	t.Cost.Judge = t.Cost.Judge.Plus(g.Cost)
	t.r.spend(g.Cost)
	t.Conclude()
}

// repair applies the type's repair rule to the answer that was graded last.
func (t *trial) repair() {
	var fix *bool
	if t.Verdict == eval.Rejected && t.rule.Repair != nil && t.r.Repair != nil {
		fix = t.r.Repair(t.task, t.judged, t.rule.Repair)
	}
	t.Mend(t.rule.Repair, fix)
}
