package httpx

import (
	"context"
	"fmt"
	"io"
	"net/http/httptrace"
	"sync/atomic"
	"time"

	"infer/eval"
	"infer/providers"
)

// Timeouts bound one call. Zero means the default.
type Timeouts struct {
	Connect    time.Duration // until the connection stands
	FirstToken time.Duration // until the first byte of the answer, or the first token of a stream; 0 = only Total
	Idle       time.Duration // between two pieces of an answer
	Total      time.Duration // the whole call
}

// Default time limits.
const (
	DefaultConnect = 10 * time.Second
	DefaultIdle    = 60 * time.Second
	DefaultTotal   = 300 * time.Second
)

// drainTime is how long a finished stream is given to end its body.
const drainTime = 50 * time.Millisecond

// Call is one HTTP exchange under way, with its time limits and its clock.
//
// The clock starts when the request is written to its connection and stops when
// the last byte of the answer came. So it holds neither our own work on JSON nor
// the wait of our goroutines for a processor, which with many calls at once is
// milliseconds; nor the connection's establishment, which is a cost of the first
// calls and not of the model, and which a service that keeps its connections does
// not pay. None of that is in any figure. A call that was never sent is timed from
// Start.
type Call struct {
	ctx    context.Context
	parent context.Context
	cancel context.CancelCauseFunc

	idleLimit          time.Duration
	total, first, idle *time.Timer // first until something comes, idle from then on; nil = not running

	began time.Time
	sent  atomic.Int64                // nanoseconds from began until the request went out; 0 = it has not
	conn  atomic.Pointer[stampedConn] // nil = none, or shared
	done  time.Duration
}

// Start begins a call: its limits run, and its context ends with the cause that
// Err returns. End must be called.
func Start(ctx context.Context, t Timeouts) *Call {
	if t.Total <= 0 {
		t.Total = DefaultTotal
	}
	if t.Idle <= 0 {
		t.Idle = DefaultIdle
	}
	c := &Call{parent: ctx, idleLimit: t.Idle, began: time.Now()}
	ctx, c.cancel = context.WithCancelCause(ctx)
	c.ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn:      func(i httptrace.GotConnInfo) { c.conn.Store(stamped(i.Conn)) },
		WroteHeaders: func() { c.sent.Store(int64(time.Since(c.began))) },
	})
	c.total = c.limitAfter(t.Total, "total")
	if t.FirstToken > 0 {
		c.first = c.limitAfter(t.FirstToken, "first_token")
	}
	return c
}

// Context is the call's context; requests must be made with it.
func (c *Call) Context() context.Context { return c.ctx }

// Phase tells a failure before the response apart: nothing sent, or sent.
func (c *Call) Phase() eval.Phase {
	if c.sent.Load() > 0 {
		return eval.PhaseFirstByte
	}
	return eval.PhaseConnect
}

// Progress says that a piece of the answer came: from now on the idle limit
// runs.
func (c *Call) Progress() {
	if c.first != nil {
		c.first.Stop()
		c.first = nil
	}
	if c.idle == nil {
		c.idle = c.limitAfter(c.idleLimit, "idle")
		return
	}
	c.idle.Reset(c.idleLimit)
}

func (c *Call) limitAfter(d time.Duration, what string) *time.Timer {
	return time.AfterFunc(d, func() { c.cancel(&providers.TimeoutError{What: what}) })
}

// Elapsed is the time from the send until the last byte that has come, or until
// now where that is not known. It is on the monotonic clock.
func (c *Call) Elapsed() time.Duration {
	sent := time.Duration(c.sent.Load())
	d := time.Since(c.began) - sent
	if s := c.conn.Load(); s != nil {
		if came := s.lastByte().Sub(c.began) - sent; came > 0 && came < d {
			return came
		}
	}
	return d
}

// Done stops the clock: the last byte has been read. A call that ended otherwise
// is in flight until InFlight is asked, since it was waited for until then.
func (c *Call) Done() { c.done = c.Elapsed() }

// InFlight is the time from the send to Done, or to now if Done was not called.
func (c *Call) InFlight() time.Duration {
	if c.done > 0 {
		return c.done
	}
	return time.Since(c.began) - time.Duration(c.sent.Load())
}

// Drain reads what follows the end of a stream, so that its connection can be
// used again. A server that holds the body open loses the connection instead.
func (c *Call) Drain(body io.Reader) {
	t := time.AfterFunc(drainTime, func() { c.cancel(context.Canceled) })
	defer t.Stop()
	_, _ = io.CopyN(io.Discard, body, 4<<10) // whatever it is, the answer is whole already
}

// End stops the limits.
func (c *Call) End() {
	for _, t := range []*time.Timer{c.total, c.first, c.idle} {
		if t != nil {
			t.Stop()
		}
	}
	c.cancel(nil)
}

// Err returns why a transport failed: the limit that ran out or the caller's
// cancellation, if it was one of these, else err.
func (c *Call) Err(err error) error {
	if err == nil || c.ctx.Err() == nil {
		return err
	}
	if ended := c.parent.Err(); ended != nil {
		if cause := context.Cause(c.parent); cause != ended { //nolint:errorlint // the same value or another, not a kind
			return fmt.Errorf("%w: %w", ended, cause)
		}
		return ended
	}
	return context.Cause(c.ctx)
}

// Body reads an answer: whatever comes keeps the idle limit from running out
// (some relays send blanks while their provider thinks), and more than MaxBody
// is providers.ErrTooLarge.
func (c *Call) Body(r io.Reader) io.Reader {
	return &body{call: c, r: r, progress: true, most: MaxBody}
}

// StreamBody is Body without the first part: in a stream only output counts as
// progress, which the adapter reports.
func (c *Call) StreamBody(r io.Reader) io.Reader { return &body{call: c, r: r, most: MaxBody} }

type body struct {
	call     *Call
	r        io.Reader
	n        int64
	most     int64
	progress bool
}

// Read reads on.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	b.n += int64(n)
	if b.progress && n > 0 {
		b.call.Progress()
	}
	if b.n > b.most {
		return 0, fmt.Errorf("%w: more than %d bytes", providers.ErrTooLarge, b.most)
	}
	return n, err
}
