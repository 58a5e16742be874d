package runner

import (
	"context"
	"fmt"
	"time"

	"infer/eval"
)

// lot is one batch with those who wait for it. Only batches.mu guards it.
type lot struct {
	eval.Batch
	batcher Batcher // nil until somebody asks for a call of it
	waiting map[eval.Digest]waiting
	answers map[eval.Digest]eval.Response // that nobody has asked for yet
}

func newLot(b eval.Batch) *lot {
	return &lot{Batch: b, waiting: make(map[eval.Digest]waiting), answers: make(map[eval.Digest]eval.Response)}
}

// submit sends a batch and waits for it. That it may have been sent is durable
// before it is.
func (b *batches) submit(l *lot, calls []eval.BatchCall) {
	if !b.save(l) {
		return
	}
	ctx, done := b.patient()
	defer done()
	id, f := l.batcher.Submit(ctx, &l.Batch, calls)
	if b.ctx.Err() != nil && id == "" {
		return // it is looked for when the run goes on
	}
	for i := range calls {
		if calls[i].Failure != nil {
			b.deliver(l, calls[i].Key, eval.Response{Failure: calls[i].Failure})
		}
	}
	if f != nil && f.Phase != eval.PhaseConnect && (f.Status == 0 || f.Status >= 500) { // it may be there all the same
		b.recover(l, f)
		return
	}
	if f != nil || id == "" {
		b.void(l, f)
		return
	}
	b.sent(l, id)
}

// leaveTime is how long a submission under way may take once nobody waits any more: a
// provider's word on it now is worth more than a search for it later.
const leaveTime = 10 * time.Second

// patient is the context of a submission.
func (b *batches) patient() (context.Context, func()) {
	ctx, cancel := context.WithCancel(b.run)
	stop := context.AfterFunc(b.ctx, func() {
		if b.r.Sleep(ctx, leaveTime) == nil {
			cancel()
		}
	})
	return ctx, func() { stop(); cancel() }
}

// recover finds out what became of a batch that may have been submitted: in an earlier
// invocation, or in this one with a failure that does not say. Where it is not there,
// that is what became of its calls.
func (b *batches) recover(l *lot, submitted *eval.Failure) {
	for l.ID == "" {
		id, f := l.batcher.Find(b.ctx, &l.Batch)
		switch {
		case b.ctx.Err() != nil:
			return
		case f == nil && id == "" && b.r.Now().Sub(l.SentAt) >= b.o.Grace:
			if submitted != nil {
				submitted.Billing = eval.NotBilled
			}
			b.void(l, submitted)
			return
		case f == nil && id != "":
			b.sent(l, id)
			return
		case f != nil && !f.Retry:
			b.stop(l, f)
			return
		}
		b.tell(l, eval.BatchProgress{}, f)
		if b.r.Sleep(b.ctx, b.o.Poll) != nil {
			return
		}
	}
	b.collect(l)
}

// sent keeps the provider's number of a batch and waits for it.
func (b *batches) sent(l *lot, id string) {
	b.mu.Lock()
	l.ID, l.State = id, eval.BatchSent
	b.mu.Unlock()
	if b.save(l) {
		b.tell(l, eval.BatchProgress{}, nil)
		b.collect(l)
	}
}

// collect asks for a batch until it has ended.
func (b *batches) collect(l *lot) {
	for {
		p, f := l.batcher.Collect(b.ctx, &l.Batch, func(key eval.Digest, resp eval.Response) {
			resp.Batch = l.ID
			b.deliver(l, key, resp)
		})
		switch {
		case b.ctx.Err() != nil:
			return
		case f != nil && f.Status == 404: // forgotten, or never there
			b.void(l, nil)
			return
		case f != nil && !f.Retry:
			b.stop(l, f)
			return
		case f == nil && p.Ended:
			b.ended(l, p)
			return
		}
		b.tell(l, p, f)
		if b.r.Sleep(b.ctx, b.o.Poll) != nil {
			return
		}
	}
}

// ended gives the calls that have no answer the failure that this is.
func (b *batches) ended(l *lot, p eval.BatchProgress) {
	now := b.r.Now()
	b.mu.Lock()
	l.State, l.EndedAt = eval.BatchEnded, &now
	for key, w := range l.waiting {
		w.answer <- unanswered(l.ID)
		delete(l.waiting, key)
	}
	b.mu.Unlock()
	if b.save(l) {
		b.tell(l, p, nil)
	}
}

// void ends a batch that the provider does not have. With a failure, its calls
// failed; without one nothing is known against them and they are sent again.
func (b *batches) void(l *lot, f *eval.Failure) {
	b.mu.Lock()
	l.State = eval.BatchVoid
	for _, key := range l.Calls {
		delete(b.held, key)
	}
	for key, w := range l.waiting {
		if f != nil {
			w.answer <- eval.Response{Failure: f}
		} else {
			b.gather(w)
		}
		delete(l.waiting, key)
	}
	b.mu.Unlock()
	b.save(l)
}

// stop ends the run where a batch cannot be asked for and trying again would not
// help: its answers stay at the provider.
func (b *batches) stop(l *lot, f *eval.Failure) {
	if f.Stop {
		b.r.giveUp(l.Provider, f)
	}
	b.r.halt(fmt.Sprintf("batch %s of %s cannot be asked for: %s", eval.Untrusted(l.ID).Line(60), eval.Untrusted(l.Provider).Line(60), f.Error()))
	b.leave()
}

// deliver hands over an answer. One that comes twice is dropped.
func (b *batches) deliver(l *lot, key eval.Digest, resp eval.Response) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.held[key] != l {
		return
	}
	if w, ok := l.waiting[key]; ok {
		delete(l.waiting, key)
		w.answer <- resp
		delete(b.held, key)
		return
	}
	l.answers[key] = resp
}

// unanswered is what came of a call that its batch ended without.
func unanswered(batch string) eval.Response {
	return eval.Response{Batch: batch, Failure: &eval.Failure{Class: eval.ClassUnavailable, Sub: "batch_expired", Phase: eval.PhaseResponse,
		Message: "the batch ended without an answer to this call", Retry: true, Fallback: true, Billing: eval.NotBilled}}
}

// save keeps how far a batch is; false = the run ends, since it could not.
func (b *batches) save(l *lot) bool {
	b.mu.Lock()
	now := l.Batch
	b.mu.Unlock()
	if err := b.o.Log.SaveBatch(context.WithoutCancel(b.ctx), &now); err != nil {
		b.r.cancel(fmt.Errorf("record batch: %w", err))
		return false
	}
	return true
}

func (b *batches) tell(l *lot, p eval.BatchProgress, f *eval.Failure) {
	if b.o.Told == nil {
		return
	}
	b.mu.Lock()
	now := l.Batch
	b.mu.Unlock()
	b.o.Told(now, p, f)
}

// settle finds out once about batches of earlier invocations that nobody asked for: a
// process that dies right after it has recorded the last answer of a batch leaves
// behind that it is under way.
func (b *batches) settle() {
	batchers := make(map[string]Batcher)
	for i := range b.r.Lanes {
		for _, t := range []*Target{&b.r.Lanes[i].Primary, b.r.Lanes[i].Backup, b.r.Lanes[i].ContextBackup} {
			if t != nil && t.Batch != nil {
				batchers[t.Candidate.Name] = t.Batch
			}
		}
	}
	for i := range b.o.Known {
		known := b.o.Known[i]
		b.mu.Lock()
		l := b.held[first(known.Calls)]
		asked := l == nil || l.Key != known.Key || l.batcher != nil
		b.mu.Unlock()
		batcher := batchers[known.Candidate]
		if known.State != eval.BatchSent || asked || batcher == nil {
			continue
		}
		if p, f := batcher.Collect(b.ctx, &known, func(eval.Digest, eval.Response) {}); f == nil && p.Ended {
			b.ended(l, p)
		}
	}
}

func first(calls []eval.Digest) (d eval.Digest) {
	if len(calls) > 0 {
		d = calls[0]
	}
	return d
}
