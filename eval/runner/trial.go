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
	r    *run
	task *eval.Task
	lane *Lane
	rule *eval.TaskType
	rng  *rand.Rand // jitter, seeded by the trial's identity
	held bool       // a slot for calls is held
}

// try runs one trial to its outcome and hands it to the journal. The caller
// holds a slot for it, which try gives back.
func (r *run) try(ctx context.Context, w work) {
	t := &trial{r: r, task: w.task, lane: &r.Lanes[w.candidate], rule: r.rule(w.task.Type), held: true,
		rng: rand.New(rand.NewPCG(r.Run.Seed, uint64(w.task.Seq)<<20|uint64(w.candidate)<<10|uint64(w.repeat)))}
	t.Trial = eval.Trial{TaskSeq: w.task.Seq, TaskID: w.task.ID, TaskType: w.task.Type, Cluster: w.task.Cluster(),
		InputType: w.task.InputType(), Candidate: w.candidate, Repeat: w.repeat, Final: -1, HumanFixFrom: eval.UnknownOrigin}
	defer t.release()
	if !t.accept(ctx) {
		return // cut off from outside: it has no outcome and will be run again
	}
	// The slot is kept until the trial is in the journal's queue. The next intent
	// then stands behind it and waits for both, so that after a crash no more calls
	// are repeated than may be in flight.
	if err := r.Journal.Record(context.WithoutCancel(ctx), &t.Trial); err != nil {
		r.cancel(fmt.Errorf("record trial: %w", err))
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
// is repaired by a person if the repair rule holds, or abandoned. It reports
// false where the trial was cut off.
func (t *trial) accept(ctx context.Context) bool {
	target, cause := t.lane.Primary, eval.CauseFirst
	var resp eval.Response
	for {
		var err error
		resp, target, err = t.answer(ctx, target, cause)
		if errors.Is(err, errConfirm) {
			t.Verdict = eval.NeedsConfirmation
			return true
		}
		if err != nil {
			return false
		}
		if resp.Failure != nil {
			t.failed()
			return resp.Failure.Class != eval.ClassCancelled
		}
		t.judge(ctx, &resp)
		if t.Verdict != eval.Rejected || t.Regenerations >= t.rule.Regenerate {
			break
		}
		t.Regenerations++
		cause = eval.CauseRegenerate
	}
	t.repair(&resp)
	return true
}

// failed ends a trial whose last call gave no answer. An earlier answer of the
// same trial that was judged keeps its verdict: regenerating in vain does not
// make it an error.
func (t *trial) failed() {
	if t.Final < 0 {
		t.Verdict = eval.Errored
	}
}

// judge grades the answer of the last attempt.
func (t *trial) judge(ctx context.Context, resp *eval.Response) {
	g := t.r.Grader.Grade(ctx, t.task, resp)
	last := len(t.Attempts) - 1
	t.Attempts[last].Grade = &g
	t.Final, t.Verdict = last, g.Verdict
	t.Cost.Judge = t.Cost.Judge.Plus(g.Cost)
	accepted := g.Verdict == eval.Accepted
	if g.Verdict == eval.Unscored {
		return
	}
	if t.FirstTry == nil {
		first := accepted
		t.FirstTry = &first
	}
	t.AfterRegen = &accepted
}

// repair applies the type's repair rule to an answer that is still rejected: a
// repaired task is an accepted one that cost a person's time. No person was
// asked, so the origin is imputed.
func (t *trial) repair(resp *eval.Response) {
	no := false
	switch {
	case t.Verdict == eval.Accepted:
		t.HumanFix, t.HumanFixFrom = &no, eval.Imputed
		return
	case t.Verdict != eval.Rejected || t.rule.Repair == nil || t.r.Repair == nil:
		return
	}
	fix := t.r.Repair(t.task, resp, t.rule.Repair)
	if fix == nil {
		return
	}
	t.HumanFix, t.HumanFixFrom = fix, eval.Imputed
	if *fix {
		t.Verdict = eval.Accepted
		t.HumanFixTime = t.rule.Repair.Time()
		t.Cost.Repair = eval.Exactly(t.rule.Repair.Cost())
	}
}
