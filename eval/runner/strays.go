package runner

import (
	"math"
	"math/bits"
	"time"

	"infer/eval"
)

const (
	fewCalls  = 8                // what fewer calls than this say of a pace is chance
	sampled   = 4                // refusals, with calls let in between, that raise the question
	soon      = 20 * time.Second // within which they do
	nearby    = 128              // calls within which they do as well
	leastTry  = 32               // calls of a try
	muchLower = 0.4              // of the pace that went through: a limit refuses nothing there
	judged    = 64               // calls after which the share of strays is looked at again
	riseFloor = 0.1              // by which it may rise beyond half as much again
)

// strays tells refusals that have to do with the pace from those that have not.
//
// A limit on calls refuses nothing at half the pace of what it lets through. So
// where calls are refused again and again among others that are let in, as many as
// that took are sent at half the pace. Refusals that go on then are strays: they
// are answered by their own retries alone, and the pace is given up. A pace that
// was slowed for refusals is such a try by itself. What was found is tried again
// when the share of refused calls rises.
//
// A provider that refuses nearly all that it is sent is at a limit, whatever was
// found.
type strays struct {
	found bool    // refusals among calls that are let in are strays
	share float64 // of the calls, when that was found
	last  mark    // where the share was looked at last

	recent  uint16 // the last outcomes, the latest in the lowest bit; 1 = refused
	known   int    // how many of them there are, 16 at most
	good    int    // calls that went well
	refused int    // and that were refused, so far

	streak int       // refused since one went well
	row    int       // of them, sent after the one before was refused
	rowAt  time.Time // when the last of these was refused

	marks   []mark  // the last refusals that followed a call that went well
	through float64 // the most calls a second that went well between so many, while paced
	try     try
}

// mark is how many calls had gone well, and how many were refused, at a time.
type mark struct {
	at            time.Time
	good, refused int
	per           float64 // the pace then; 0 = none
}

// try is a time at half the pace.
type try struct {
	on      bool
	since   time.Time // calls sent from then on count
	of      int       // calls that count
	calls   int       // of them, still to end
	strays  int       // refused after one that went well
	enough  int       // strays that decide it
	through float64   // calls a second that went well before
	share   float64   // of the calls that were refused before
}

// full reports whether the calls of late were refused for the most part, which
// says that a limit is reached; flying is how many are still to answer.
func (s *strays) full(flying int) bool {
	n := bits.OnesCount16(s.recent)
	if s.found || s.try.on { // refused calls may answer long before those that are let in
		return n >= 15 && s.streak >= flying
	}
	return s.row >= 3 || 2*n >= s.known
}

// count takes note of a call that went well or was refused, at a pace.
func (s *strays) count(now, sent time.Time, refused bool, per float64) {
	s.recent <<= 1
	s.known = min(s.known+1, 16)
	between := refused && s.good > 0 && s.streak == 0
	if !refused {
		s.good++
		s.streak, s.row = 0, 0
	} else {
		s.recent |= 1
		s.refused++
		s.streak++
		if !sent.Before(s.rowAt) {
			s.row++
			s.rowAt = now
		}
	}
	if between {
		s.marks = append(s.marks, mark{now, s.good, s.refused, per})
		s.marks = s.marks[max(0, len(s.marks)-sampled-1):]
	}
	if s.try.on && !sent.Before(s.try.since) {
		s.try.calls--
		if between {
			s.try.strays++
		}
	}
}

// slower reports whether the last refusals came at a pace much lower than what
// went through before.
func (s *strays) slower() bool {
	if len(s.marks) <= sampled {
		return false
	}
	first, last, per := s.marks[0], s.marks[sampled], 0.0
	for _, m := range s.marks {
		if m.per == 0 {
			return false
		}
		per = max(per, m.per)
	}
	if per < muchLower*s.through {
		return true
	}
	s.through = max(s.through, through(first, last))
	return false
}

// through is how many calls a second went well between two marks.
func through(from, to mark) float64 {
	return float64(to.good-from.good) / math.Max(to.at.Sub(from.at).Seconds(), 0.01)
}

// often reports whether there were many refusals of late, since which mark.
func (s *strays) often() (mark, bool) {
	if len(s.marks) <= sampled {
		return mark{}, false
	}
	first, last := s.marks[0], s.marks[sampled]
	n := last.good + last.refused - first.good - first.refused
	return first, n <= nearby || last.at.Sub(first.at) <= soon
}

// risen reports whether the share of strays has risen, since which mark.
func (s *strays) risen(to mark) (mark, bool) {
	from := s.last
	good, refused := to.good-from.good, to.refused-from.refused
	if good+refused < judged {
		return from, false
	}
	s.last = to
	return from, float64(refused) > (1.5*s.share+riseFloor)*float64(good+refused)
}

// begin starts a try for the refusals between two marks.
func (s *strays) begin(from, to mark) {
	good, refused := to.good-from.good, to.refused-from.refused
	n := max(leastTry, good+refused)
	share := float64(refused) / float64(good+refused)
	s.try = try{on: true, since: to.at, of: n, calls: n, through: through(from, to), share: share,
		enough: max(2, int(share*float64(n)/3))}
	s.marks = s.marks[:0]
}

// sift takes note of a call that went well or was refused, and reports whether it
// is a refusal that asks for no more than a retry.
func (g *Governor) sift(now, sent time.Time, refused bool) bool {
	s := &g.strays
	s.count(now, sent, refused, g.pace.per)
	here := mark{now, s.good, s.refused, g.pace.per}
	if refused && s.full(g.flying) {
		if s.found || g.pace.per == 0 {
			s.through, s.marks = 0, s.marks[:0]
		}
		s.try.on, s.found = false, false
		return false
	}
	switch {
	case s.try.on && s.try.strays >= s.try.enough:
		g.unpaced(here, s.try.share)
	case s.try.on && s.try.calls <= 0:
		s.try.on = false
		s.found, s.share, s.last = s.try.strays > 1, float64(s.try.strays)/float64(s.try.of), here
		g.pace.found(now, s.try.through)
		g.report(eval.ThrottleRateLimit, 0)
	case s.try.on:
	case s.found:
		if from, ok := s.risen(here); ok {
			g.slowed(from, here)
		}
	case !refused:
	case g.pace.per > 0:
		if s.slower() {
			g.unpaced(here, s.share)
		}
	default:
		if from, ok := s.often(); ok {
			g.slowed(from, here)
		}
	}
	return refused && (s.found || s.try.on || g.pace.per == 0)
}

// slowed sends calls at half the pace for a try.
func (g *Governor) slowed(from, to mark) {
	g.strays.begin(from, to)
	g.pace.set(to.at, g.strays.try.through/2)
	g.report(eval.ThrottleRateLimit, 0)
}

// unpaced gives up pacing: refusals are strays.
func (g *Governor) unpaced(here mark, share float64) {
	s := &g.strays
	s.try.on, s.found, s.share, s.last, s.through = false, true, share, here, 0
	s.marks = s.marks[:0]
	g.pace.set(here.at, 0)
	g.pace.top, g.next = 0, time.Time{}
	g.relieved()
	g.report(eval.ThrottleGrow, 0)
}
