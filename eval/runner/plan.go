package runner

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"infer/eval"
)

// A block is the window in which trials are shuffled. It bounds memory for a
// dataset of any length; a dataset of up to blockTasks tasks is shuffled whole.
const (
	blockTasks = 4096
	blockBytes = 16 << 20
	queueCells = 16384 // trials that may wait for one provider while others go on
)

// work is one trial to run.
type work struct {
	task      *eval.Task
	candidate int
	repeat    int
	at        time.Time // when it is to begin; zero = when there is room
}

// plan reads the tasks block by block and queues every trial without an
// outcome, interleaved across candidates in an order that the seed decides, so
// that a slow hour hits all candidates alike.
func (r *run) plan(ctx context.Context, queues map[string]chan work) error {
	var block []*eval.Task
	bytes, index := 0, 0
	flush := func() error {
		if len(block) == 0 {
			return nil
		}
		if r.Prepare != nil {
			if err := r.Prepare(ctx, block); err != nil {
				return err
			}
		}
		if err := r.enqueue(ctx, queues, block, index); err != nil {
			return err
		}
		block, bytes = nil, 0
		index++
		return nil
	}
	for t, err := range r.Tasks {
		if err != nil {
			return fmt.Errorf("read tasks: %w", err)
		}
		if r.stopped() || r.Run.Limit > 0 && t.Seq >= r.Run.Limit {
			break
		}
		if !r.Run.Holds(t.Seq) {
			continue
		}
		block = append(block, t)
		bytes += weight(t)
		if len(block) >= blockTasks || bytes >= blockBytes {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

// weight is about how many bytes a task holds in memory.
func weight(t *eval.Task) int {
	n := 2*len(t.Raw) + 512
	for i := range t.Messages {
		for _, p := range t.Messages[i].Parts {
			n += len(p.Data)
		}
	}
	return n
}

func (r *run) enqueue(ctx context.Context, queues map[string]chan work, block []*eval.Task, index int) error {
	cells := make([]work, 0, len(block)*len(r.Lanes)*r.Run.Repeats)
	for rep := range r.Run.Repeats {
		for _, t := range block {
			for c := range r.Lanes {
				if r.Done != nil && r.Done(t.Seq, c, rep) {
					r.skipped++
					continue
				}
				cells = append(cells, work{task: t, candidate: c, repeat: rep})
			}
		}
	}
	rng := rand.New(rand.NewPCG(r.Run.Seed, uint64(index)))
	rng.Shuffle(len(cells), func(i, j int) { cells[i], cells[j] = cells[j], cells[i] })
	for _, w := range cells {
		if r.Run.Rate > 0 {
			w.at = r.arrival()
		}
		select {
		case queues[r.Lanes[w.candidate].Primary.Candidate.Provider] <- w:
		case <-r.open.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// arrival is when the next trial is to begin at the run's rate. The times are
// fixed by the first one: a trial that begins late makes none after it late.
func (r *run) arrival() time.Time {
	if r.arrivals == 0 {
		r.first = time.Now()
	}
	at := r.first.Add(time.Duration(float64(r.arrivals) / r.Run.Rate * float64(time.Second)))
	r.arrivals++
	return at
}

// dispatch starts one dispatcher per provider, so that a provider that is slow
// or at its limit does not hold the others up.
func (r *run) dispatch(ctx context.Context) map[string]chan work {
	queues := make(map[string]chan work)
	for i := range r.Lanes {
		name := r.Lanes[i].Primary.Candidate.Provider
		if queues[name] != nil {
			continue
		}
		q := make(chan work, queueCells)
		queues[name] = q
		r.wg.Add(1)
		go func() {
			defer r.wg.Done()
			r.serve(ctx, q)
		}()
	}
	return queues
}

// underWay is how many trials of one provider may be under way for each call that
// may be in flight: those that wait for a retry hold no slot, and without a bound
// an outage would set every trial of a run to waiting.
const underWay = 4

// serve takes one provider's trials as their first calls are admitted.
func (r *run) serve(ctx context.Context, q <-chan work) {
	room := make(chan struct{}, underWay*max(1, r.Concurrency))
	for w := range q {
		lane := &r.Lanes[w.candidate]
		if r.pointless(w) || !r.due(w) {
			continue
		}
		select {
		case room <- struct{}{}:
		case <-r.open.Done():
			continue
		}
		req := BuildRequest(w.task, lane.Primary.Candidate)
		ready, err := r.admit(&lane.Primary, &req)
		if err == nil && r.pointless(w) { // what happened while it waited
			ready.done(nil)
			<-r.slots
			err = errCut
		}
		if err != nil {
			<-room
			continue
		}
		// That a slot came free is what begins a trial; only limits delay it.
		if ready.since = w.at; w.at.IsZero() {
			ready.since = time.Now().Add(-ready.limited)
		}
		r.wg.Add(1)
		r.spawn(func() {
			defer r.wg.Done()
			r.try(ctx, w, ready)
			<-room
		})
	}
}

// due waits until a trial is to begin; false = the run stopped before.
func (r *run) due(w work) bool {
	d := time.Until(w.at)
	return w.at.IsZero() || d <= 0 || r.Sleep(r.open, d) == nil
}

// spawn runs a function on a goroutine of its own: one that has ended another, if
// there is any, since its stack has grown to what a call needs already.
func (r *run) spawn(f func()) {
	select {
	case r.idle <- f:
	default:
		go func() {
			for f := f; f != nil; f = <-r.idle {
				f()
			}
		}()
	}
}

// pointless reports whether a trial should not be started any more.
func (r *run) pointless(w work) bool {
	lane := &r.Lanes[w.candidate]
	return r.stopped() || r.Control.Dropped(w.candidate) || r.givenUp(lane.Primary.Candidate.Provider, lane)
}
