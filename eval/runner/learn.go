package runner

import (
	"fmt"
	"math"
	"time"

	"infer/eval"
)

const (
	calmTime   = 5 * time.Second  // no growth for so long after the provider failed
	quietTime  = 10 * time.Second // refusals further apart than this are rare
	longest    = 5 * time.Second  // wait between two probes of a provider that does not say how long
	farReset   = 2 * time.Second  // a budget that is full again sooner needs no counting
	probeTime  = time.Second / 2  // a call that was not refused by then was let in
	outageFrom = 20               // failures in a row that look like an outage
)

// learn draws the conclusions from one call; full says that as many calls as
// allowed were in flight while it was.
func (g *Governor) learn(c call, full bool, r *eval.Response) {
	now := time.Now()
	f := r.Failure
	wait := exhausted(r.RateLimits, now)
	switch {
	case f != nil && f.Class == eval.ClassCancelled:
		return
	case f != nil && f.Class == eval.ClassRateLimit && f.Retry:
		if stray := g.sift(now, c.sent, true); !stray || wait > 0 {
			g.refused(now, c.sent, f)
		}
	case f != nil && (f.Class == eval.ClassUnavailable || f.Class == eval.ClassTimeout || f.Class == eval.ClassNetwork):
		g.failed(now, c.sent, f)
	default:
		g.sift(now, c.sent, false)
		g.went(now, c.sent, full)
	}
	if left, reset, ok := requestsLeft(r.RateLimits, now); ok {
		g.room = -1
		if reset >= farReset {
			g.room = max(0, left-(g.count-c.number)) // what was sent since is not counted there
		}
	}
	if wait > 0 && (f == nil || f.Class != eval.ClassRateLimit) {
		g.close(now, wait)
	}
}

// refused lowers what may be sent, once for all calls that were in flight then.
func (g *Governor) refused(now, sent time.Time, f *eval.Failure) {
	if sent.Before(g.cutAt) {
		if f.RetryAfter != nil && g.probing {
			g.shut = later(g.shut, now.Add(*f.RetryAfter))
		}
		return
	}
	g.refusals++
	wait := min(longest, time.Second/2<<min(g.refusals-1, 10))
	if f.RetryAfter != nil {
		wait = *f.RetryAfter
	}
	if g.refusals == 1 { // else nothing went well since: it is the same shortage
		// Calls that were in flight went well, so no fewer may be: where fewer were
		// than allowed, it was not their number that was refused.
		g.limit = math.Max(1, math.Max(g.limit*0.8, float64(min(g.flying, int(g.limit)-1))))
		if g.strays.known >= fewCalls {
			g.slow = g.slow && g.pace.per == 0 // the first refusal is answered by pacing
			g.pace.refused(now, wait, g.flying)
		}
	}
	g.cutAt, g.cutSent = now, sent
	g.probing, g.probed = true, time.Time{}
	g.shut = later(g.shut, now.Add(wait))
	g.report(eval.ThrottleRateLimit, wait)
}

// close sends nothing for some time.
func (g *Governor) close(now time.Time, wait time.Duration) {
	if until := now.Add(wait); until.After(g.closed) {
		g.closed = until
		if wait >= time.Second {
			g.report(eval.ThrottlePause, wait)
		}
	}
}

// failed keeps everything from growing, honours a wait that the provider asks
// for, and notices an outage.
func (g *Governor) failed(now, sent time.Time, f *eval.Failure) {
	g.calm = now.Add(calmTime)
	if f.RetryAfter != nil && *f.RetryAfter > 0 {
		g.close(now, *f.RetryAfter)
	}
	if wait := g.circuit.failed(now, sent, f); wait > 0 {
		g.report(eval.ThrottleOutage, wait)
	}
}

// went takes a call that the provider served, whatever the answer.
func (g *Governor) went(now, sent time.Time, full bool) {
	if sent.After(g.cutSent) { // else it came before the one that was refused
		g.relieved()
	}
	g.pace.went(now, sent, g.waiting.Len() > 0 && !now.Before(g.calm) && !g.strays.try.on, g.strays.found)
	if g.circuit.mended() {
		g.report(eval.ThrottleRecovery, 0)
	}
	if !full || now.Before(g.calm) || int(g.limit) >= g.max {
		return
	}
	if g.slow || now.Sub(g.cutAt) > quietTime {
		g.limit++ // for each call that went well: doubling with every round
	} else {
		g.limit += 1 / g.limit
	}
	g.limit = math.Min(g.limit, float64(g.max))
	if n := int(g.limit); n >= 2*g.reported || n == g.max && n > g.reported {
		g.reported = n
		g.report(eval.ThrottleGrow, 0)
	}
}

// relieved ends a shortage: a call that was sent after a refused one was let in.
func (g *Governor) relieved() {
	if g.refusals > 1 {
		g.pace.relieved(time.Now())
	}
	g.refusals, g.probing, g.shut = 0, false, time.Time{}
}

// pace is how many calls a second a provider was found to take.
type pace struct {
	begun  time.Time
	per    float64       // 0 = not known: no refusal yet
	top    float64       // the pace that was refused last; 0 = none was
	at     time.Time     // when per was set
	last   time.Time     // of the last refusal
	wait   time.Duration // after it
	before float64       // calls that went well in the minute before it
	ok     [64]struct {  // calls that went well, by second
		second int64
		n      int32
	}
}

// went counts a call that went well and, while callers wait, quickens the pace:
// fast towards the pace that was refused last, slowly beyond it, and faster again
// the longer that goes well.
func (p *pace) went(now, sent time.Time, wanted, gently bool) {
	s := sent.Unix()
	slot := &p.ok[s%int64(len(p.ok))]
	if slot.second < s {
		slot.second, slot.n = s, 0
	}
	if slot.second == s {
		slot.n++
	}
	if p.per == 0 {
		return
	}
	dt := math.Min(now.Sub(p.at).Seconds(), 10)
	p.at = now
	if !wanted || dt <= 0 {
		return
	}
	switch quiet := now.Sub(p.last) - p.wait; {
	case p.top == 0:
		p.per *= math.Exp(0.1 * dt)
	case p.per < 0.97*p.top:
		p.per = math.Min(p.per*math.Exp(0.03*dt), 0.97*p.top)
	case gently:
		p.per *= math.Exp(dt * 0.01)
	default:
		p.per *= math.Exp(dt * math.Min(0.1, 0.0005*math.Exp2(math.Max(0, quiet.Seconds()-60)/10)))
	}
}

// refused slows the pace after a call that was refused, before a wait. Those that
// are still in flight were let in.
func (p *pace) refused(now time.Time, wait time.Duration, flying int) {
	switch {
	case p.per == 0: // the first one: a guess
		p.per = math.Max(1, p.seen(now, wait))
	case now.Sub(p.last)-p.wait > quietTime:
		p.top, p.per = p.per, p.per*0.96
	default:
		p.top, p.per = p.per, p.per*0.8
	}
	p.per = math.Max(p.per, 1.0/60)
	p.at, p.last, p.wait = now, now, wait
	p.before = p.count(now) + float64(flying)
}

// set fixes the pace.
func (p *pace) set(now time.Time, per float64) {
	p.per, p.at = per, now
	if per > 0 {
		p.per = math.Max(per, 1.0/60)
	}
}

// found takes a pace for the one that a provider can just take.
func (p *pace) found(now time.Time, per float64) {
	p.set(now, per*0.95)
	p.top, p.last, p.wait = per, now, 0
}

// relieved corrects the pace after a shortage in which refusal followed refusal:
// what the minute before it let through is what a minute lets through. Before a
// minute has gone by, what went well is held against the time there was: a handful
// of calls that were refused by chance must not slow a run to one call a minute.
func (p *pace) relieved(now time.Time) {
	if seen := p.before / p.window(now); seen < p.per {
		p.per = math.Max(seen, 1.0/60)
		p.top = p.per
	}
}

// seen is how many calls a second went well in the minute that ends with a wait,
// or since the first call.
func (p *pace) seen(now time.Time, wait time.Duration) float64 {
	end := now.Add(wait)
	return p.count(end) / p.window(end)
}

// window is how many of the 60 seconds before a time the run has seen.
func (p *pace) window(end time.Time) float64 {
	return math.Max(1, math.Min(60, end.Sub(p.begun).Seconds()))
}

// count is how many calls went well in the minute before a time.
func (p *pace) count(end time.Time) float64 {
	n := 0.0
	for i := range p.ok {
		if p.ok[i].second > end.Unix()-60 {
			n += float64(p.ok[i].n)
		}
	}
	return n
}

// circuit notices that a provider is down.
type circuit struct {
	open   bool
	row    int  // failures in a row
	worked bool // some call went well
	probes int  // that failed, since it opened
	opened time.Time
	until  time.Time
	gone   *eval.Failure // the provider was given up
}

// Outage is returned for a provider that was given up, since call after call
// failed.
type Outage struct{ Failure *eval.Failure }

// Error says so.
func (o *Outage) Error() string { return fmt.Sprintf("call after call failed: %v", o.Failure) }

func (c *circuit) err(w *waiter) error {
	if c.gone == nil || w.insistent {
		return nil
	}
	return &Outage{c.gone}
}

// failed counts a failure of the provider's. The result is how long no call is to
// be sent; 0 = go on. Three probes may fail, one where no call ever went well:
// then it is a wrong address rather than an outage.
func (c *circuit) failed(now, sent time.Time, f *eval.Failure) time.Duration {
	c.row++
	switch {
	case c.gone != nil:
		return 0
	case !c.open && c.row < outageFrom:
		return 0
	case c.open && !sent.After(c.opened):
		return 0 // it was in flight when the circuit opened
	}
	if c.open {
		c.probes++
	}
	if allowed := map[bool]int{true: 3, false: 1}[c.worked]; c.probes >= allowed {
		c.gone = f
		return 0
	}
	wait := 5 * time.Second << c.probes
	c.open, c.opened, c.until = true, now, now.Add(wait)
	return wait
}

// mended ends the row of failures, and reports whether that ends an outage.
func (c *circuit) mended() bool {
	was := c.open
	*c = circuit{worked: true}
	return was
}
