package runner

import (
	"context"
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
	// Grace is how long after it was begun a submission of a process that died may
	// still show at the provider. Until then its calls are not sent again.
	Grace time.Duration
	Most  int // calls of one batch
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
	run   context.Context // of the whole run
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

func newBatches(ctx context.Context, r *run) *batches {
	b := &batches{r: r, run: ctx, groups: make(map[string]*group), held: make(map[eval.Digest]*lot)}
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
		b.wg.Go(func() { b.recover(l, nil) })
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
