package runner

import (
	"container/list"
	"context"
	"sync"
	"time"

	"infer/eval"
)

// Allowance is what a provider may be sent. Zero fields are no limit.
type Allowance struct {
	Calls           int   // in flight at most
	PerMinute       int64 // calls begun a minute
	TokensPerMinute int64 // tokens sent and received a minute
}

// GovernorOptions are the surroundings of a governor.
type GovernorOptions struct {
	Provider string
	Allowance
	// Fixed keeps to the allowance alone: the governor does not learn from what the
	// provider says.
	Fixed    bool
	OnChange func(eval.Throttle) // called for every change that matters, under a lock; nil = nobody asks
}

// Governor is a Limiter that keeps to what a provider is said to allow, and finds
// out what it really does.
//
// Calls in flight: few at first, doubling while calls go well; ×0.8 when one is
// refused as one too many, and from then on one more for each round. A failure of
// the provider's keeps the number from growing for a while and does not lower it.
//
// Calls a minute: not paced until most are refused. From then on calls are paced
// at what went well in the last minute, and the pace is kept near the one that was
// refused last: 4 % below it after a quiet time, 20 % when refusals follow one
// another. Refusals that do not depend on the pace are told from those by a limit,
// and change nothing; see strays.
//
// A wait that the provider asks for at a limit holds for every call to it, unless
// a later one is let in, and so does the end of a budget that its headers say is
// used up. After such a refusal one call is sent to find out whether the wait is
// over. When call after call fails, as in an outage, calls are held back in the
// same way, and at last the provider is given up: Acquire then returns an Outage.
// Callers are served in the order in which they come.
//
// It is safe for concurrent use.
type Governor struct {
	o   GovernorOptions
	max int // calls in flight at most, whatever is learned

	mu      sync.Mutex
	waiting *list.List // of *waiter
	timer   *time.Timer
	flying  int
	count   int // calls let through so far

	limit   float64   // calls in flight
	full    time.Time // when that many were last
	slow    bool      // slow start
	cutAt   time.Time
	cutSent time.Time // when the call that was refused then was sent
	calm    time.Time // no growth before

	next   time.Time // when the allowance lets the next call begin
	tokens time.Time // when the allowance of tokens does
	pace   pace

	strays strays

	closed   time.Time // nothing is sent before
	shut     time.Time // nor before this, unless a call proves that the wait is over
	room     int       // calls that the provider's headers leave; -1 = they do not say
	probing  bool      // one call, until it goes well or is not refused for a while
	probed   time.Time // when that was sent; zero = not yet
	refusals int       // in a row, without a call that went well
	circuit  circuit

	begun    bool
	reported int // calls in flight when a growth was last reported
}

var _ Limiter = (*Governor)(nil)

// slowStart is how many calls are in flight at first.
const slowStart = 4

// NewGovernor returns a governor that has learned nothing yet. calls is how many
// calls the run has in flight at most.
func NewGovernor(calls int, o GovernorOptions) *Governor {
	g := &Governor{o: o, max: max(1, calls), waiting: list.New(), slow: true, room: -1}
	if o.Calls > 0 {
		g.max = min(g.max, o.Calls)
	}
	g.limit = float64(min(g.max, slowStart))
	if o.Fixed {
		g.limit = float64(g.max)
	}
	return g
}

// waiter is a call that waits to be sent.
type waiter struct {
	ready     chan error
	insistent bool
	call      // filled in when it may go
}

// Acquire waits until a call of so many tokens may be sent. The function that it
// returns must be called once: with what came of the call, or with nil where it
// was not made. The error is an *Outage, or why the context ended.
func (g *Governor) Acquire(ctx context.Context, tokens int64) (func(*eval.Response), error) {
	return g.acquire(ctx, tokens, false)
}

// Insistent is the governor for calls that an outage does not hold back: those of
// a policy that has a backup for it.
func (g *Governor) Insistent() Limiter { return insistent{g} }

type insistent struct{ g *Governor }

// Acquire waits as the governor's does.
func (i insistent) Acquire(ctx context.Context, tokens int64) (func(*eval.Response), error) {
	return i.g.acquire(ctx, tokens, true)
}

func (g *Governor) acquire(ctx context.Context, tokens int64, insist bool) (func(*eval.Response), error) {
	w := &waiter{insistent: insist, call: call{tokens: tokens}}
	g.mu.Lock()
	if wait, held := g.admit(w); wait <= 0 && !held && g.waiting.Len() == 0 { // nobody waits: the usual case
		err := g.circuit.err(w)
		if err == nil {
			g.take(w)
		}
		g.mu.Unlock()
		return g.ending(w), err
	}
	w.ready = make(chan error, 1)
	place := g.waiting.PushBack(w)
	g.serve()
	g.mu.Unlock()
	select {
	case err := <-w.ready:
		return g.ending(w), err
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case err := <-w.ready: // it was let through at the same moment
		if err == nil {
			g.flying--
		}
	default:
		g.waiting.Remove(place)
	}
	g.serve()
	return nil, context.Cause(ctx)
}

// ending is what ends a call that was let through.
func (g *Governor) ending(w *waiter) func(*eval.Response) {
	return func(r *eval.Response) { g.release(w.call, r) }
}

// call is one call that was let through.
type call struct {
	sent   time.Time
	number int // of the calls so far
	tokens int64
}

// serve lets through those at the head of the queue who may go, and sets the
// clock for the one who may not yet.
func (g *Governor) serve() {
	for e := g.waiting.Front(); e != nil; e = g.waiting.Front() {
		w := e.Value.(*waiter)
		wait, held := g.admit(w)
		if held {
			return // a call that ends serves again
		}
		if wait > 0 {
			g.wake(wait)
			return
		}
		g.waiting.Remove(e)
		if err := g.circuit.err(w); err != nil {
			w.ready <- err
			continue
		}
		g.take(w)
		w.ready <- nil
	}
}

// admit says how long the head of the queue must wait, or that it is held until a
// call ends.
func (g *Governor) admit(w *waiter) (wait time.Duration, held bool) {
	if g.circuit.err(w) != nil {
		return 0, false
	}
	now := time.Now()
	until := later(g.closed, g.shut)
	if g.probing && !g.probed.IsZero() {
		until = later(until, g.probed.Add(probeTime))
	}
	limit := int(g.limit)
	if g.circuit.open && !w.insistent {
		limit = 1
	}
	if g.flying >= limit || g.room == 0 && g.flying > 0 {
		return 0, true
	}
	if !w.insistent {
		until = later(until, g.circuit.until)
	}
	if g.o.PerMinute > 0 || g.pace.per > 0 {
		until = later(until, g.next)
	}
	if g.o.TokensPerMinute > 0 {
		until = later(until, g.tokens)
	}
	return until.Sub(now), false
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// take counts a call as sent.
func (g *Governor) take(w *waiter) {
	now := time.Now()
	g.flying++
	g.count++
	w.sent, w.number = now, g.count
	if g.flying >= int(g.limit) {
		g.full = now
	}
	if g.room > 0 {
		g.room--
	}
	switch {
	case g.probing && g.probed.IsZero():
		g.probed = now
	case g.probing:
		g.relieved() // the probe was not refused in its time
	}
	if !g.begun {
		g.begun = true
		g.pace.begun = now
		g.report(eval.ThrottleStart, 0)
	}
	if per := g.perSecond(); per > 0 {
		g.next = later(now, g.next).Add(time.Duration(float64(time.Second) / per))
	}
	if n := g.o.TokensPerMinute; n > 0 {
		g.tokens = later(now, g.tokens).Add(time.Duration(float64(w.tokens) / float64(n) * float64(time.Minute)))
	}
}

// perSecond is how many calls a second may begin; 0 = no limit.
func (g *Governor) perSecond() float64 {
	per := float64(g.o.PerMinute) / 60
	if p := g.pace.per; p > 0 && (per == 0 || p < per) {
		per = p
	}
	return per
}

// wake serves the queue after some time.
func (g *Governor) wake(after time.Duration) {
	if g.timer != nil {
		g.timer.Stop()
	}
	g.timer = time.AfterFunc(after, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.serve()
	})
}

// release learns from what came of a call.
func (g *Governor) release(c call, r *eval.Response) {
	g.mu.Lock()
	defer g.mu.Unlock()
	full := !g.full.Before(c.sent)
	g.flying--
	if r != nil {
		g.settle(c.tokens, r)
		if !g.o.Fixed {
			g.learn(c, full, r)
		}
	}
	g.serve()
}

// settle corrects the guess of a call's tokens by what it used.
func (g *Governor) settle(guess int64, r *eval.Response) {
	if g.o.TokensPerMinute <= 0 {
		return
	}
	used := guess
	switch {
	case r.Usage != nil && r.Usage.Plausible():
		used = r.Usage.Input() + r.Usage.Output()
	case r.Failure != nil && r.Failure.Billing == eval.NotBilled:
		used = 0
	}
	g.tokens = g.tokens.Add(time.Duration(float64(used-guess) / float64(g.o.TokensPerMinute) * float64(time.Minute)))
}

// report tells of a change.
func (g *Governor) report(cause eval.ThrottleCause, wait time.Duration) {
	if g.o.OnChange == nil {
		return
	}
	t := eval.Throttle{At: time.Now(), Provider: g.o.Provider, Cause: cause, Calls: int(g.limit), Wait: wait}
	if per := g.perSecond(); per > 0 {
		per *= 60
		t.PerMinute = &per
	}
	g.o.OnChange(t)
}
