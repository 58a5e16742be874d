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

var (
	// errConfirm ends a trial whose backup must be confirmed by a person first.
	errConfirm = errors.New("the backup needs confirmation")
	// errCut ends a trial that was stopped from outside before it had an outcome.
	errCut = errors.New("stopped before an outcome")
	// errLater is errCut where the answer is still to come in a batch: the trial
	// finds it when it is run again.
	errLater = fmt.Errorf("%w: its batch has not ended", errCut)
)

// answer asks the target until an answer comes or the rules say to give up:
// retries on the same model, then the policy's backup. It returns the target
// that was asked last, so that a regeneration asks the same one. An error means
// that the trial was cut off, or errConfirm.
func (t *trial) answer(ctx context.Context, target Target, cause eval.Cause) (eval.Response, Target, error) {
	resp, tries, err := t.ask(ctx, target, cause, "")
	if err != nil || resp.Failure == nil || t.lane.Policy == nil || target.Candidate != t.lane.Primary.Candidate {
		return resp, target, err
	}
	backup, reason := t.fallback(resp.Failure, tries)
	if backup == nil {
		return resp, target, nil
	}
	if t.rule.Confirm || slices.Contains(t.lane.Policy.Confirm, t.task.Type) {
		t.Plan = t.backupPlan(backup, reason)
		return resp, target, errConfirm
	}
	resp, _, err = t.ask(ctx, *backup, eval.CauseFallback, reason)
	return resp, *backup, err
}

// fallback returns the backup that the policy names for the failure, and why;
// nil where it names none.
func (t *trial) fallback(f *eval.Failure, tries int) (*Target, string) {
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
	return t.lane.Backup, fmt.Sprintf("%s after %d attempts of %s triggers %s", f.Class, tries, p.Default, p.Backup)
}

// backupPlan describes the call that a person is asked to confirm.
func (t *trial) backupPlan(backup *Target, reason string) string {
	req := t.request(backup)
	h := t.r.hashes(&req, t.task, t.lane)
	b, err := json.Marshal(map[string]any{
		"candidate": backup.Candidate.Name, "provider": backup.Candidate.Provider, "model": req.Model,
		"reason": reason, "system_hash": h.system, "tools_hash": h.tools, "params_hash": h.params,
	})
	if err != nil {
		return reason
	}
	return string(b)
}

// request is what a target of this trial is asked. A backup is asked exactly
// what the default is, under its own model string; the hashes on both attempts
// prove it.
func (t *trial) request(target *Target) eval.Request {
	req := BuildRequest(t.task, t.lane.Primary.Candidate)
	req.Model, req.Repeat = target.Candidate.Model, t.Repeat
	return req
}

// hashes are what req.Hashes returns.
type hashes struct{ system, tools, params eval.Digest }

// hashes digests what a request carries beside its messages. Parameters that the
// task does not add to are the same for every task of a lane.
func (r *run) hashes(req *eval.Request, task *eval.Task, lane *Lane) hashes {
	if len(task.Params) > 0 {
		var h hashes
		h.system, h.tools, h.params = req.Hashes()
		return h
	}
	h := hashes{system: eval.DigestOf([]byte(req.System)), tools: r.noTools, params: r.params[lane]}
	if len(req.Tools) > 0 {
		h.tools = eval.DigestOf(req.Tools)
	}
	return h
}

// ask calls one target with retries. It also returns how many calls it made.
func (t *trial) ask(ctx context.Context, target Target, cause eval.Cause, reason string) (eval.Response, int, error) {
	req := t.request(&target)
	hashes := t.r.hashes(&req, t.task, t.lane)
	part := t.part(cause)
	var wait time.Duration
	once := 0
	for n := 0; ; n++ {
		resp, err := t.call(ctx, target, &req, hashes, cause, reason, wait)
		if err != nil {
			return resp, n, err
		}
		last := &t.Attempts[len(t.Attempts)-1]
		f := resp.Failure
		switch {
		case f != nil:
			t.Cost.Failed = t.Cost.Failed.Plus(last.Cost)
		case n > 0 && part == &t.Cost.Answer:
			t.Cost.Retries = t.Cost.Retries.Plus(last.Cost)
		default:
			*part = part.Plus(last.Cost)
		}
		if f == nil {
			return resp, n + 1, nil
		}
		if f.Class == eval.ClassCancelled && ctx.Err() != nil {
			return resp, n + 1, errCut
		}
		if f.Stop {
			t.r.giveUp(target.Candidate.Provider, f)
		}
		if !target.Candidate.Retry.Allows(f, n, once) {
			return resp, n + 1, nil
		}
		if f.RetryOnce {
			once++
		}
		wait = backoff(target.Candidate.Retry, f, n+1, t.rng)
		if !target.Virtual && wait > 0 {
			t.release()
			if err := t.r.Sleep(t.r.open, wait); err != nil {
				return resp, n + 1, errCut
			}
		}
		cause, reason = eval.CauseRetry, ""
	}
}

// part is the part of the split that the calls made for a cause belong to,
// where they give an answer.
func (t *trial) part(cause eval.Cause) *eval.Cost {
	switch cause {
	case eval.CauseFallback:
		return &t.Cost.Fallback
	case eval.CauseRegenerate:
		return &t.Cost.Regeneration
	}
	return &t.Cost.Answer
}

// call makes one attempt: it waits for a slot and the provider's limits, writes
// the intent of a paid call, calls, and adds the attempt to the trial. It makes
// none where the run has stopped or the provider was given up meanwhile.
func (t *trial) call(ctx context.Context, target Target, req *eval.Request, hashes hashes, cause eval.Cause, reason string, wait time.Duration) (eval.Response, error) {
	r := t.r
	queued, held := time.Now(), r.Control.HeldFor()
	l, err := t.admission(&target, req)
	if err != nil {
		return eval.Response{}, err
	}
	if r.givenUp(target.Candidate.Provider, t.lane) || !r.begin() {
		l.done(nil)
		return eval.Response{}, errCut
	}
	if !l.since.IsZero() {
		queued = l.since
	}
	a := eval.Attempt{Seq: len(t.Attempts), Cause: cause, Reason: reason, Candidate: target.Candidate.Name,
		Provider: target.Candidate.Provider, Model: req.Model, Backoff: wait}
	a.SystemHash, a.ToolsHash, a.ParamsHash = hashes.system, hashes.tools, hashes.params
	req.Draw = a.Seq
	if target.Batch != nil {
		return t.callInBatch(ctx, target, req, &a, l)
	}
	if target.Paid {
		in := eval.Intent{TaskSeq: t.TaskSeq, Candidate: t.Candidate, Repeat: t.Repeat, Attempt: a.Seq, At: r.Now()}
		if err := r.Journal.Intend(ctx, in); err != nil {
			l.done(nil)
			if ctx.Err() == nil {
				r.cancel(fmt.Errorf("record intent: %w", err))
			}
			return eval.Response{}, errCut
		}
	}
	a.StartedAt = r.Now()
	a.QueueWait = max(time.Since(queued)-(r.Control.HeldFor()-held), 0) // that a person held the run is no wait for a slot
	if a.Seq == 0 && r.Run.Rate > 0 {
		lag := a.QueueWait
		t.Lag = &lag
	}
	resp := target.Caller.Call(ctx, req)
	l.done(&resp)
	t.add(&a, req, &resp, &target)
	return resp, nil
}

// add adds a call that was made to the trial, with what came of it and its cost.
func (t *trial) add(a *eval.Attempt, req *eval.Request, resp *eval.Response, target *Target) {
	describe(a, resp)
	bill(a, req, target)
	cost := a.Cost
	resp.Cost = &cost
	t.Attempts = append(t.Attempts, *a)
	t.r.spend(a.Cost)
	if t.r.OnAttempt != nil {
		t.r.OnAttempt(a)
	}
}

// describe copies what came of the call into the attempt.
func describe(a *eval.Attempt, resp *eval.Response) {
	a.InFlight, a.TTFT, a.Backend, a.Recorded, a.Batch = resp.InFlight, resp.TTFT, resp.Backend, resp.Recorded, resp.Batch
	a.Failure, a.Finish, a.FinishRaw, a.Usage = resp.Failure, resp.Finish, resp.FinishRaw, resp.Usage
	a.Served, a.Status, a.RequestID, a.RateLimits = resp.Model, resp.Status, resp.RequestID, resp.RateLimits
	a.Output, a.ToolCalls, a.Refusal = resp.Text, resp.ToolCalls, resp.Refusal
}

// lease is the permission to make one call.
type lease struct {
	done    func(*eval.Response) // ends it
	limited time.Duration        // waited for the provider's limits
	since   time.Time            // when the call would have been sent without limits of ours; zero = when it was asked for
}

// admission waits until a call may be sent, unless the dispatcher has waited for
// it already.
func (t *trial) admission(target *Target, req *eval.Request) (lease, error) {
	if t.ready.done != nil {
		l := t.ready
		t.ready = lease{}
		return l, nil
	}
	t.release()
	l, err := t.r.admit(target, req)
	t.held = err == nil
	return l, err
}

// admit waits while the run is held, for the provider's own limits and then for one of the run's slots,
// in this order: a provider at its limit must not hold slots that others could
// use. It gives up when the run stops or the provider is gone.
func (r *run) admit(target *Target, req *eval.Request) (lease, error) {
	if r.Control.wait(r.open) != nil {
		return lease{}, errCut
	}
	l := lease{done: func(*eval.Response) {}}
	if target.Limiter != nil {
		var err error
		asked := time.Now()
		if l.done, err = target.Limiter.Acquire(r.open, tokensOf(req)); err != nil {
			var gone *Outage
			if errors.As(err, &gone) {
				r.giveUp(target.Candidate.Provider, gone.Failure)
			}
			return lease{}, errCut
		}
		l.limited = time.Since(asked)
	}
	select {
	case r.slots <- struct{}{}:
		if r.Control.wait(r.open) != nil { // held meanwhile
			<-r.slots
			l.done(nil)
			return lease{}, errCut
		}
		return l, nil
	case <-r.open.Done():
		l.done(nil)
		return lease{}, errCut
	}
}

// tokensOf is about how many tokens a call will use: four bytes each, and what it
// may answer at most, or a short answer where it does not say.
func tokensOf(req *eval.Request) int64 {
	n := len(req.System) + len(req.Tools) + len(req.ResponseFormat)
	for i := range req.Messages {
		for _, p := range req.Messages[i].Parts {
			n += len(p.Text) + len(p.Data)/100
		}
	}
	out, ok := req.Params.MaxTokens()
	if !ok || out < 0 || out > 1<<20 {
		out = 256
	}
	return int64(n/4) + out
}

// release gives the slot back, so that another trial can call while this one
// waits or has ended.
func (t *trial) release() {
	if t.held {
		t.held = false
		<-t.r.slots
	}
}
