package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"infer/eval"
)

// errConfirm ends a trial whose backup must be confirmed by a person first.
var errConfirm = errors.New("the backup needs confirmation")

// answer asks the target until an answer comes or the rules say to give up:
// retries on the same model, then the policy's backup. It returns the target
// that was asked last, so that a regeneration asks the same one. An error means
// that the trial was cut off, or errConfirm.
func (t *trial) answer(ctx context.Context, target Target, cause eval.Cause) (eval.Response, Target, error) {
	resp, err := t.ask(ctx, target, cause, "")
	if err != nil || resp.Failure == nil || t.lane.Policy == nil || target.Candidate != t.lane.Primary.Candidate {
		return resp, target, err
	}
	backup, reason := t.fallback(resp.Failure)
	if backup == nil {
		return resp, target, nil
	}
	if t.rule.Confirm || slices.Contains(t.lane.Policy.Confirm, t.task.Type) {
		t.Plan = t.backupPlan(backup, reason)
		return resp, target, errConfirm
	}
	resp, err = t.ask(ctx, *backup, eval.CauseFallback, reason)
	return resp, *backup, err
}

// fallback returns the backup that the policy names for the failure, and why;
// nil where it names none.
func (t *trial) fallback(f *eval.Failure) (*Target, string) {
	p := t.lane.Policy
	if f.Sub == "context_window" {
		if t.lane.ContextBackup == nil {
			return nil, ""
		}
		return t.lane.ContextBackup, "context window overflow goes to " + p.ContextBackup
	}
	if t.lane.Backup == nil || !p.Triggers(f) {
		return nil, ""
	}
	return t.lane.Backup, fmt.Sprintf("%s after %d attempts of %s triggers %s", f.Class, len(t.Attempts), p.Default, p.Backup)
}

// backupPlan describes the call that a person is asked to confirm.
func (t *trial) backupPlan(backup *Target, reason string) string {
	req := BuildRequest(t.task, backup.Candidate)
	system, tools, params := req.Hashes()
	b, err := json.Marshal(map[string]any{
		"candidate": backup.Candidate.Name, "provider": backup.Candidate.Provider, "model": backup.Candidate.Model,
		"reason": reason, "system_hash": system, "tools_hash": tools, "params_hash": params,
	})
	if err != nil {
		return reason
	}
	return string(b)
}

// ask calls one target with retries.
func (t *trial) ask(ctx context.Context, target Target, cause eval.Cause, reason string) (eval.Response, error) {
	req := BuildRequest(t.task, target.Candidate)
	if t.lane.Policy != nil && target.Candidate != t.lane.Primary.Candidate {
		// The backup is asked exactly what the default was, under its own model
		// string; the hashes on both attempts prove it.
		req = BuildRequest(t.task, t.lane.Primary.Candidate)
		req.Model = target.Candidate.Model
	}
	req.Repeat = t.Repeat
	var wait time.Duration
	for n := 0; ; n++ {
		resp, err := t.call(ctx, target, &req, cause, reason, wait)
		if err != nil {
			return resp, err
		}
		f := resp.Failure
		if f == nil {
			return resp, nil
		}
		if f.Stop {
			t.r.giveUp(target.Candidate.Provider, f)
		}
		if !target.Candidate.Retry.Allows(f, n) || t.r.stopped() {
			return resp, nil
		}
		wait = backoff(target.Candidate.Retry, f, n+1, t.rng)
		if !target.Virtual && wait > 0 {
			t.release()
			if err := t.r.Sleep(ctx, wait); err != nil {
				return resp, err
			}
		}
		cause, reason = eval.CauseRetry, ""
	}
}

// call makes one attempt: it waits for a slot and the provider's limits, writes
// the intent of a paid call, calls, and adds the attempt to the trial.
func (t *trial) call(ctx context.Context, target Target, req *eval.Request, cause eval.Cause, reason string, wait time.Duration) (eval.Response, error) {
	r := t.r
	queued := time.Now()
	done, err := t.acquire(ctx, target)
	if err != nil {
		return eval.Response{}, err
	}
	a := eval.Attempt{Seq: len(t.Attempts), Cause: cause, Reason: reason, Candidate: target.Candidate.Name,
		Provider: target.Candidate.Provider, Model: req.Model, Backoff: wait}
	a.SystemHash, a.ToolsHash, a.ParamsHash = req.Hashes()
	req.Draw = a.Seq
	if target.Paid {
		in := eval.Intent{TaskSeq: t.TaskSeq, Candidate: t.Candidate, Repeat: t.Repeat, Attempt: a.Seq, At: r.Now()}
		if err := r.Journal.Intend(ctx, in); err != nil {
			done(nil)
			r.cancel(fmt.Errorf("record intent: %w", err))
			return eval.Response{}, err
		}
	}
	a.StartedAt = r.Now()
	a.QueueWait = time.Since(queued)
	resp := target.Caller.Call(ctx, req)
	done(&resp)
	describe(&a, &resp)
	bill(&a, req, target.Price)
	cost := a.Cost
	resp.Cost = &cost
	t.Attempts = append(t.Attempts, a)
	t.charge(&a)
	r.budget(a.Cost)
	if r.OnAttempt != nil {
		r.OnAttempt(&a)
	}
	return resp, nil
}

// describe copies what came of the call into the attempt.
func describe(a *eval.Attempt, resp *eval.Response) {
	a.InFlight, a.TTFT, a.Backend, a.Recorded = resp.InFlight, resp.TTFT, resp.Backend, resp.Recorded
	a.Failure, a.Finish, a.FinishRaw, a.Usage = resp.Failure, resp.Finish, resp.FinishRaw, resp.Usage
	a.Served, a.Status, a.RequestID, a.RateLimits = resp.Model, resp.Status, resp.RequestID, resp.RateLimits
	a.Output, a.ToolCalls, a.Refusal = resp.Text, resp.ToolCalls, resp.Refusal
}

// charge adds the attempt's cost to the part of the split it belongs to.
func (t *trial) charge(a *eval.Attempt) {
	part := &t.Cost.Answer
	switch {
	case a.Failure != nil:
		part = &t.Cost.Failed
	case a.Cause == eval.CauseRetry:
		part = &t.Cost.Retries
	case a.Cause == eval.CauseFallback:
		part = &t.Cost.Fallback
	case a.Cause == eval.CauseRegenerate:
		part = &t.Cost.Regeneration
	}
	*part = part.Plus(a.Cost)
}

// acquire takes a slot, unless the trial holds one, and passes the provider's
// limiter. The function it returns ends the limiter's lease.
func (t *trial) acquire(ctx context.Context, target Target) (func(*eval.Response), error) {
	if !t.held {
		select {
		case t.r.slots <- struct{}{}:
			t.held = true
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	if target.Limiter == nil {
		return func(*eval.Response) {}, nil
	}
	return target.Limiter.Acquire(ctx)
}

// release gives the slot back, so that another trial can call while this one
// waits or has ended.
func (t *trial) release() {
	if t.held {
		t.held = false
		<-t.r.slots
	}
}
