package runner

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"time"

	"infer/eval"
)

// AskOptions are the surroundings of Ask.
type AskOptions struct {
	Now   func() time.Time
	Sleep func(context.Context, time.Duration) error
	Cause eval.Cause
}

// Ask calls a target outside any trial, for a judge: with the target's retries
// and limits, billed like every call. It returns the last response and every
// attempt. Nothing is written before the call; that is the caller's part.
func Ask(ctx context.Context, target Target, req *eval.Request, o AskOptions) (eval.Response, []eval.Attempt) {
	d := req.Digest()
	rng := rand.New(rand.NewPCG(binary.BigEndian.Uint64(d[:8]), uint64(req.Draw)))
	var attempts []eval.Attempt
	var wait time.Duration
	once := 0
	for n := 0; ; n++ {
		resp, a, ok := askOnce(ctx, target, req, o, n, wait)
		if !ok {
			return resp, attempts
		}
		attempts = append(attempts, a)
		f := resp.Failure
		if f == nil || !target.Candidate.Retry.Allows(f, n, once) {
			return resp, attempts
		}
		if f.RetryOnce {
			once++
		}
		wait = backoff(target.Candidate.Retry, f, n+1, rng)
		if !target.Virtual && wait > 0 && o.Sleep(ctx, wait) != nil {
			return resp, attempts
		}
	}
}

// askOnce makes one attempt; false where none was made since the context ended.
func askOnce(ctx context.Context, target Target, req *eval.Request, o AskOptions, n int, wait time.Duration) (eval.Response, eval.Attempt, bool) {
	queued := time.Now()
	done := func(*eval.Response) {}
	if target.Limiter != nil {
		var err error
		if done, err = target.Limiter.Acquire(ctx, tokensOf(req)); err != nil {
			return cancelled(), eval.Attempt{}, false
		}
	}
	if ctx.Err() != nil {
		done(nil)
		return cancelled(), eval.Attempt{}, false
	}
	a := eval.Attempt{Seq: n, Cause: o.Cause, Candidate: target.Candidate.Name, Provider: target.Candidate.Provider, Model: req.Model, Backoff: wait}
	a.SystemHash, a.ToolsHash, a.ParamsHash = req.Hashes()
	a.StartedAt, a.QueueWait = o.Now(), time.Since(queued)
	resp := target.Caller.Call(ctx, req)
	done(&resp)
	describe(&a, &resp)
	bill(&a, req, &target)
	cost := a.Cost
	resp.Cost = &cost
	return resp, a, true
}

func cancelled() eval.Response {
	return eval.Response{Failure: &eval.Failure{Class: eval.ClassCancelled, Message: "stopped before the call", Billing: eval.NotBilled}}
}
