// Package runner executes a plan: it takes tasks one by one, lets every
// candidate try each of them as often as the plan says, and hands each finished
// trial to a journal.
//
// There is one retry layer and it is here: what a Caller does is one call. The
// runner decides what is tried again, what falls back, what is regenerated, and
// when to stop; every call it makes is an attempt of the trial that it hands
// over. It waits for the journal before a paid call, so that a crash can never
// hide money spent, and it keeps no trial in memory after handing it over.
//
// Not guaranteed: the order in which trials finish. The order in which they
// start is a function of the seed alone.
package runner

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"
	"time"

	"infer/eval"
)

// Caller makes one provider call. It never retries, and what went wrong is in
// the response.
type Caller interface {
	Call(ctx context.Context, req *eval.Request) eval.Response
}

// Grader judges one answer.
type Grader interface {
	Grade(ctx context.Context, t *eval.Task, r *eval.Response) eval.Grade
}

// Journal keeps what happened. Intend returns once the intent is durable;
// Record may return before the trial is, but a trial is recorded whole or not
// at all.
type Journal interface {
	Intend(ctx context.Context, in eval.Intent) error
	Record(ctx context.Context, t *eval.Trial) error
}

// Limiter bounds the calls to one provider. Acquire blocks until a call may be
// sent; the release function tells it how the call went.
type Limiter interface {
	Acquire(ctx context.Context) (release func(*eval.Response), err error)
}

// Target is one model that can be called.
type Target struct {
	Candidate *eval.Candidate
	Caller    Caller
	Price     *eval.PriceRow // nil = unknown
	Paid      bool           // an intent is written before each call
	Virtual   bool           // times are reported, not spent: back-off is counted and not waited for
	Limiter   Limiter        // nil = none
}

// Lane is what runs for one candidate: a single model, or a policy's default
// with its backups.
type Lane struct {
	Primary       Target
	Policy        *eval.Policy // nil for a single model
	Backup        *Target
	ContextBackup *Target
}

// Options is everything that a run needs.
type Options struct {
	Run   *eval.Run
	Lanes []Lane // one per candidate of the run, in order
	Tasks iter.Seq2[*eval.Task, error]

	// Prepare is called with each block of tasks before any of them is tried.
	Prepare func(ctx context.Context, block []*eval.Task) error
	// Done reports whether a trial has its outcome already; nil = none has.
	Done    func(seq, candidate, repeat int) bool
	Grader  Grader
	Journal Journal
	// Repair decides whether a person would repair a rejected answer by the
	// rule; nil result = the rule cannot say.
	Repair func(*eval.Task, *eval.Response, *eval.RepairRule) *bool

	Concurrency int // calls in flight at most
	Now         func() time.Time
	Sleep       func(context.Context, time.Duration) error

	MaxCalls int64
	MaxCost  eval.Money
	// Stop, when closed, stops the start of new trials; those in flight end.
	Stop <-chan struct{}

	OnTrial   func(*eval.Trial)   // called once for each finished trial, concurrently
	OnAttempt func(*eval.Attempt) // called once for each finished attempt, concurrently
}

// Result is how a run ended.
type Result struct {
	Trials  int64 // trials handed to the journal
	Skipped int64 // trials that had their outcome already
	Calls   int64
	Stopped string // why it stopped early, "" = it did not
	// Halted are the providers that were given up, with the failure that did it.
	Halted map[string]*eval.Failure
}

// ErrNoLanes is returned for a plan without candidates.
var ErrNoLanes = errors.New("no candidate to run")

// Run executes the plan. It returns when every trial that was started has
// ended and was handed to the journal. An error means that the harness itself
// failed (a task could not be read, the journal could not write); a candidate's
// failures are outcomes, not errors.
func Run(ctx context.Context, o Options) (Result, error) {
	if len(o.Lanes) == 0 {
		return Result{}, ErrNoLanes
	}
	if len(o.Lanes) != len(o.Run.Candidates) {
		return Result{}, fmt.Errorf("plan has %d lanes for %d candidates", len(o.Lanes), len(o.Run.Candidates))
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r := &run{Options: o, cancel: cancel, slots: make(chan struct{}, max(1, o.Concurrency)),
		stop: make(chan struct{}), halted: make(map[string]*eval.Failure), types: make(map[string]*eval.TaskType)}
	for i := range o.Run.TaskTypes {
		r.types[o.Run.TaskTypes[i].Name] = &o.Run.TaskTypes[i]
	}
	if o.Stop != nil {
		go func() {
			select {
			case <-o.Stop:
				r.halt("interrupted")
			case <-ctx.Done():
			}
		}()
	}
	queues := r.dispatch(ctx)
	err := r.plan(ctx, queues)
	for _, q := range queues {
		close(q)
	}
	r.wg.Wait()
	if cause := context.Cause(ctx); cause != nil && err == nil {
		err = cause
	}
	return Result{Trials: r.trials.Load(), Skipped: r.skipped, Calls: r.calls.Load(), Stopped: r.reason, Halted: r.halted}, err
}

// run is the state of one execution.
type run struct {
	Options
	cancel context.CancelCauseFunc
	slots  chan struct{} // one token for each call in flight
	wg     sync.WaitGroup
	types  map[string]*eval.TaskType

	calls, trials atomic.Int64
	spent         atomic.Int64 // pico-USD, lower end
	skipped       int64

	stop     chan struct{}
	stopOnce sync.Once
	reason   string

	mu     sync.Mutex
	halted map[string]*eval.Failure
}

// halt stops the start of new trials; the first reason is kept.
func (r *run) halt(reason string) {
	r.stopOnce.Do(func() {
		r.reason = reason
		close(r.stop)
	})
}

func (r *run) stopped() bool {
	select {
	case <-r.stop:
		return true
	default:
		return false
	}
}

// giveUp marks a provider as of no more use in this run.
func (r *run) giveUp(provider string, f *eval.Failure) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.halted[provider]; !ok {
		r.halted[provider] = f
	}
}

func (r *run) givenUp(provider string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, ok := r.halted[provider]
	return ok
}

// budget stops the run when a limit on calls or money is reached.
func (r *run) budget(cost eval.Cost) {
	calls, spent := r.calls.Add(1), r.spent.Add(int64(cost.Low))
	if r.MaxCalls > 0 && calls >= r.MaxCalls {
		r.halt(fmt.Sprintf("call limit of %d reached", r.MaxCalls))
	}
	if r.MaxCost > 0 && spent >= int64(r.MaxCost) {
		r.halt(fmt.Sprintf("cost limit of $%s reached", r.MaxCost))
	}
}
