package browse

import (
	"context"
	"math"
	"slices"

	"infer/eval"
	"infer/eval/store"
	"infer/report/tui"
)

// fact is what filters and orders need of one trial, in 10 bytes: a million trials
// take 10 MB.
type fact struct {
	latency uint32  // user-visible, in 0.1 ms; 0 = unknown
	cost    float32 // lower end, in US dollars; for the order only
	verdict uint8   // by verdictCode; 0 = none
	class   uint8   // by classCode; 0 = none
	calls   uint8
}

// index is what is known of all trials of one run. It is built a stretch at a time,
// and goes on with the trials that came meanwhile.
type index struct {
	run        string
	version    string
	candidates int
	repeats    int
	facts      []fact // by task, candidate and repeat
	last       int64  // row that was read last
	seen       int    // trials
	end        bool   // everything was read that there was
}

// verdicts and classes are numbered from 1.
var (
	verdicts = eval.Verdicts()
	classes  = eval.Classes()
)

func newIndex(run *eval.Run, version string) *index {
	return &index{run: run.ID, version: version, candidates: len(run.Candidates), repeats: max(run.Repeats, 1)}
}

// fits reports whether the index is still about the run as it stands.
func (x *index) fits(run *eval.Run, version string) bool {
	return x != nil && x.run == run.ID && x.version == version && x.candidates == len(run.Candidates) && x.repeats == max(run.Repeats, 1)
}

func (x *index) tasks() int {
	if n := x.candidates * x.repeats; n > 0 {
		return len(x.facts) / n
	}
	return 0
}

// of are a task's facts, by candidate and repeat.
func (x *index) of(task int) []fact {
	n := x.candidates * x.repeats
	return x.facts[task*n : (task+1)*n]
}

// read goes on by so many rows of the store.
func (x *index) read(ctx context.Context, s *store.Store, rows int) error {
	last, end, err := s.TrialFacts(ctx, x.run, x.last, rows, x.add)
	x.last, x.end = last, end
	return err
}

func (x *index) add(f *store.TrialFact) {
	if f.Candidate < 0 || f.Candidate >= x.candidates || f.Repeat < 0 || f.Repeat >= x.repeats || f.Task < 0 {
		return
	}
	n := x.candidates * x.repeats
	if need := (f.Task + 1) * n; need > len(x.facts) {
		x.facts = slices.Grow(x.facts, need-len(x.facts))[:need]
	}
	at := &x.facts[f.Task*n+f.Candidate*x.repeats+f.Repeat]
	if at.verdict == 0 {
		x.seen++
	}
	*at = fact{verdict: code(verdicts, f.Verdict), class: code(classes, f.Class), calls: uint8(min(f.Attempts, math.MaxUint8)), cost: float32(f.Cost.Low.Float())}
	if f.LatencyUS >= 0 {
		at.latency = uint32(min(f.LatencyUS/100+1, math.MaxUint32))
	}
}

// code is the number of a value in a list, from 1; 0 = it is not there.
func code[T comparable](list []T, v T) uint8 {
	return uint8(slices.Index(list, v) + 1)
}

var (
	codeAccepted = code(verdicts, eval.Accepted)
	codeRejected = code(verdicts, eval.Rejected)
	codeErrored  = code(verdicts, eval.Errored)
)

// fits reports whether a task is one of those that a query asks for.
func fits(facts []fact, repeats int, q *tui.Query) bool {
	var accepted, failed, errored, class bool
	wanted := code(classes, q.Class)
	for i := range facts {
		if q.Among != nil && !slices.Contains(q.Among, i/repeats) {
			continue
		}
		f := &facts[i]
		accepted = accepted || f.verdict == codeAccepted
		failed = failed || f.verdict == codeRejected || f.verdict == codeErrored
		errored = errored || f.verdict == codeErrored
		class = class || f.class == wanted
	}
	if q.Class != "" && !class {
		return false
	}
	switch q.Only {
	case tui.OnlyFailures:
		return failed
	case tui.OnlyDifferent:
		return accepted && failed
	case tui.OnlyErrors:
		return errored
	}
	return true
}

// weight is what a task is sorted by, the largest first.
func weight(facts []fact, repeats int, q *tui.Query) float64 {
	var accepted, calls, latency, cost float64
	for i := range facts {
		if q.Among != nil && !slices.Contains(q.Among, i/repeats) {
			continue
		}
		f := &facts[i]
		if f.verdict == codeAccepted {
			accepted++
		}
		calls += float64(f.calls)
		latency = max(latency, float64(f.latency))
		cost += float64(f.cost)
	}
	switch q.Order {
	case tui.OrderWorst:
		return -accepted
	case tui.OrderCost:
		return cost
	case tui.OrderLatency:
		return latency
	case tui.OrderTries:
		return calls
	}
	return 0
}
