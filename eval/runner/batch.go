package runner

import (
	"context"
	"fmt"
	"sync"
	"time"

	"infer/eval"
)

// Batcher sends many calls of one model at once. What it does is no attempt: the
// calls are, once each has come to something.
type Batcher interface {
	// Submit sends the calls as one batch and returns the provider's number of it. A
	// call that cannot be written gets its Failure and is left out; "" without a
	// failure says that none was left.
	Submit(ctx context.Context, b *eval.Batch, calls []eval.BatchCall) (id string, f *eval.Failure)
	// Find returns the number of a batch that may have been submitted; "" = the
	// provider has none such.
	Find(ctx context.Context, b *eval.Batch) (id string, f *eval.Failure)
	// Collect says how far a batch is. Once it has ended, each is called with what
	// came of every call that has an answer or a failure of its own.
	Collect(ctx context.Context, b *eval.Batch, each func(key eval.Digest, r eval.Response)) (eval.BatchProgress, *eval.Failure)
}

// BatchLog keeps batches. SaveBatch returns once the batch is durable.
type BatchLog interface {
	SaveBatch(ctx context.Context, b *eval.Batch) error
}

// BatchOptions say how calls are gathered and what is known of earlier batches.
type BatchOptions struct {
	Log   BatchLog
	Known []eval.Batch // of earlier invocations of the run
	// Earlier returns how many attempts a cell had when this invocation began.
	Earlier func(task, candidate, repeat int) int
	Settle  time.Duration // calls are sent when none has come for so long
	Poll    time.Duration // how often a batch is asked for
	Most    int           // calls of one batch
	// Told is called whenever something is known of a batch, concurrently; the
	// failure is one of asking for it, and it is asked for again.
	Told func(b eval.Batch, p eval.BatchProgress, f *eval.Failure)
}

// mostBytes is about how large a batch may be: OpenAI allows 200 MB, Anthropic 256.
const mostBytes = 100 << 20

// batches gathers the calls of a run into batches and hands each call its answer.
type batches struct {
	r     *run
	o     BatchOptions
	ctx   context.Context // ends when nobody waits any more
	leave context.CancelFunc
	wg    sync.WaitGroup

	mu     sync.Mutex
	groups map[string]*group    // by candidate
	held   map[eval.Digest]*lot // which batch has a call
}

// group is the calls of one candidate that are not sent yet.
type group struct {
	target Target
	calls  []waiting
	bytes  int
	timer  *time.Timer
}

// waiting is a call and who waits for what comes of it.
type waiting struct {
	call   eval.BatchCall
	target Target
	answer chan eval.Response // holds one
}

// lot is one batch with those who wait for it. Only batches.mu guards it.
type lot struct {
	eval.Batch
	batcher Batcher // nil until somebody asks for a call of it
	waiting map[eval.Digest]waiting
	answers map[eval.Digest]eval.Response // that nobody has asked for yet
}

func newBatches(ctx context.Context, r *run) *batches {
	b := &batches{r: r, groups: make(map[string]*group), held: make(map[eval.Digest]*lot)}
	b.ctx, b.leave = context.WithCancel(ctx)
	if r.Batches == nil {
		return b
	}
	b.o = *r.Batches
	for i := range b.o.Known {
		if b.o.Known[i].State != eval.BatchVoid {
			b.hold(newLot(b.o.Known[i]))
		}
	}
	return b
}

func newLot(b eval.Batch) *lot {
	return &lot{Batch: b, waiting: make(map[eval.Digest]waiting), answers: make(map[eval.Digest]eval.Response)}
}

func (b *batches) hold(l *lot) {
	for _, key := range l.Calls {
		b.held[key] = l
	}
}

// end gives up what is still waited for.
func (b *batches) end() {
	b.mu.Lock() // nothing is begun after it
	b.leave()
	b.mu.Unlock()
	b.wg.Wait()
}

// callInBatch is the part of a call that a batch makes: it waits until the batch
// has ended, or returns errLater. Nothing of it is timed.
func (t *trial) callInBatch(ctx context.Context, target Target, req *eval.Request, a *eval.Attempt, l lease) (eval.Response, error) {
	r := t.r
	l.done(nil)
	a.StartedAt = r.Now()
	earlier := 0
	if r.batches.o.Earlier != nil {
		earlier = r.batches.o.Earlier(t.TaskSeq, t.Candidate, t.Repeat)
	}
	key := eval.BatchKey(r.Run.ID, target.Candidate.Name, t.Candidate, t.TaskSeq, t.Repeat, earlier, a.Seq)
	resp, ok := r.batches.call(ctx, target, req, key)
	if !ok {
		r.calls.Add(-1)
		return resp, errLater
	}
	t.add(a, req, &resp, &target)
	return resp, nil
}

// call returns what came of one call; false = it was given up before.
func (b *batches) call(ctx context.Context, target Target, req *eval.Request, key eval.Digest) (eval.Response, bool) {
	own := *req
	w := waiting{call: eval.BatchCall{Key: key, Request: &own}, target: target, answer: make(chan eval.Response, 1)}
	b.mu.Lock()
	if l := b.held[key]; l != nil {
		b.await(l, w)
	} else {
		b.gather(w)
	}
	b.mu.Unlock()
	select {
	case resp := <-w.answer:
		return resp, true
	case <-ctx.Done():
	case <-b.ctx.Done():
	}
	return eval.Response{}, false
}

// await waits for an answer of a batch that has the call. The caller holds mu.
func (b *batches) await(l *lot, w waiting) {
	key := w.call.Key
	if resp, ok := l.answers[key]; ok {
		delete(l.answers, key)
		w.answer <- resp
		return
	}
	if l.batcher != nil && l.EndedAt != nil {
		w.answer <- unanswered(l.ID)
		return
	}
	l.waiting[key] = w
	if l.batcher == nil && b.ctx.Err() == nil {
		l.batcher, l.EndedAt = w.target.Batch, nil // of an earlier invocation: its answers are asked for again
		b.wg.Go(func() { b.recover(l) })
	}
}

// gather adds a call to those that are sent next. The caller holds mu.
func (b *batches) gather(w waiting) {
	name := w.target.Candidate.Name
	g := b.groups[name]
	if g == nil {
		g = &group{target: w.target}
		g.timer = time.AfterFunc(b.o.Settle, func() {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.flush(g)
		})
		b.groups[name] = g
	}
	g.calls = append(g.calls, w)
	g.bytes += sizeOf(w.call.Request)
	if len(g.calls) >= b.o.Most || g.bytes >= mostBytes {
		b.flush(g)
		return
	}
	g.timer.Reset(b.o.Settle)
}

// sizeOf is about how many bytes a request takes.
func sizeOf(req *eval.Request) int {
	n := 512 + len(req.System) + len(req.Tools) + len(req.ResponseFormat)
	for i := range req.Messages {
		for _, p := range req.Messages[i].Parts {
			n += 64 + len(p.Text) + len(p.Data)*4/3
		}
	}
	return n
}

// flush sends what was gathered. The caller holds mu.
func (b *batches) flush(g *group) {
	if len(g.calls) == 0 || b.ctx.Err() != nil {
		return
	}
	c := g.target.Candidate
	now := b.r.Now()
	l := newLot(eval.Batch{Candidate: c.Name, Provider: c.Provider, Model: c.Model, State: eval.BatchSending, SentAt: now})
	l.batcher = g.target.Batch
	calls := make([]eval.BatchCall, len(g.calls))
	for i, w := range g.calls {
		calls[i] = w.call
		l.Calls = append(l.Calls, w.call.Key)
		l.waiting[w.call.Key] = w
	}
	l.Key = eval.DigestJSON([]any{l.Calls, now}).String()
	g.calls, g.bytes = nil, 0
	b.hold(l)
	b.wg.Go(func() { b.submit(l, calls) })
}

// submit sends a batch and waits for it. That it may have been sent is durable
// before it is.
func (b *batches) submit(l *lot, calls []eval.BatchCall) {
	if !b.save(l) {
		return
	}
	id, f := l.batcher.Submit(b.ctx, &l.Batch, calls)
	if b.ctx.Err() != nil && id == "" {
		return // it is looked for when the run goes on
	}
	for i := range calls {
		if calls[i].Failure != nil {
			b.deliver(l, calls[i].Key, eval.Response{Failure: calls[i].Failure})
		}
	}
	if f != nil && (f.Status == 0 || f.Status >= 500) { // it may be there all the same
		found, none := l.batcher.Find(b.ctx, &l.Batch)
		switch {
		case none == nil && found == "":
			f.Billing = eval.NotBilled
		case none == nil:
			id, f = found, nil
		}
	}
	if f != nil || id == "" {
		b.void(l, f)
		return
	}
	b.sent(l, id)
}

// recover finds out what became of a batch of an earlier invocation.
func (b *batches) recover(l *lot) {
	for l.ID == "" {
		id, f := l.batcher.Find(b.ctx, &l.Batch)
		switch {
		case b.ctx.Err() != nil:
			return
		case f == nil && id == "":
			b.void(l, nil)
			return
		case f == nil:
			b.sent(l, id)
			return
		case !f.Retry:
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
