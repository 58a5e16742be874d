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

// Limiter bounds the calls to one provider. Acquire blocks until a call of about
// so many tokens may be sent; the release function tells it how the call went, nil
// that it was not made. An *Outage says that the provider is of no more use.
type Limiter interface {
	Acquire(ctx context.Context, tokens int64) (release func(*eval.Response), err error)
}

// Target is one model that can be called.
type Target struct {
	Candidate *eval.Candidate
	Caller    Caller
	Price     *eval.PriceRow // nil = unknown
	// Served returns the price of a model that was served in the place of the one
	// that was asked for, nil = unknown; nil = the price holds whatever is served.
	Served  func(model string) *eval.PriceRow
	Paid    bool    // an intent is written before each call
	Virtual bool    // times are reported, not spent: back-off is counted and not waited for
	Limiter Limiter // nil = none
	Batch   Batcher // takes the place of Caller and Limiter, and no intent is written; nil = calls are made one by one
}

// Lane is what runs for one candidate: a single model, or a policy's default
// with its backups.
type Lane struct {
	Primary       Target
	Policy        *eval.Policy // nil for a single model
	Backup        *Target
	ContextBackup *Target
}

// Options is everything that a run needs. Fields that may be nil say so.
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

	Concurrency int              // calls in flight at most
	Now         func() time.Time // nil = time.Now
	Sleep       func(context.Context, time.Duration) error

	// MaxCalls and MaxCost bound the whole run; 0 = no limit. No call is begun
	// beyond MaxCalls, and none once MaxCost is spent; what a call in flight then
	// costs comes on top. A cost that is known as a range counts with its upper end.
	// Calls and Cost are what earlier invocations of the run had spent.
	MaxCalls, Calls int64
	MaxCost, Cost   eval.Money
	// Deadline stops the run so long after its start, as Stop does; calls that are
	// still in flight after Grace are cut off. 0 = no deadline.
	Deadline, Grace time.Duration
	// Stop, when closed, stops the run: no call is begun any more, and those in
	// flight end. A trial that would have needed another call is cut off.
	Stop <-chan struct{}
	// Control holds the run and takes candidates out of it; nil = nobody does.
	Control *Control
	// Batches says how calls are sent in batches; nil = no target has a Batcher.
	Batches *BatchOptions

	OnTrial   func(*eval.Trial)   // called once for each trial with an outcome, concurrently
	OnAttempt func(*eval.Attempt) // called once for each finished attempt, concurrently
}

// Result is how a run ended.
type Result struct {
	Trials  int64  // trials with an outcome, handed to the journal
	Skipped int64  // trials that had their outcome already
	Calls   int64  // calls begun
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
	r := newRun(ctx, o, cancel)
	defer r.close()
	defer r.batches.end()
	calls, cut := context.WithCancel(ctx)
	defer cut()
	if o.Deadline > 0 {
		limit := time.AfterFunc(o.Deadline, func() {
			r.halt(fmt.Sprintf("deadline of %s reached", o.Deadline))
			r.batches.leave()
		})
		defer limit.Stop()
		last := time.AfterFunc(o.Deadline+o.Grace, cut)
		defer last.Stop()
	}
	if o.Stop != nil {
		go func() {
			select {
			case <-o.Stop:
				r.halt("interrupted")
				r.batches.leave()
			case <-r.open.Done():
			}
		}()
	}
	r.spend(eval.Exactly(0)) // earlier invocations may have used up the limit
	queues := r.dispatch(calls)
	err := r.plan(ctx, queues)
	for _, q := range queues {
		close(q)
	}
	r.wg.Wait()
	close(r.idle)
	if !r.stopped() {
		r.batches.settle()
	}
	if cause := context.Cause(ctx); cause != nil && err == nil {
		err = cause
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return Result{Trials: r.trials.Load(), Skipped: r.skipped, Calls: r.calls.Load() - o.Calls, Stopped: r.reason, Halted: r.halted}, err
}

// run is the state of one execution.
type run struct {
	Options
	cancel context.CancelCauseFunc
	slots  chan struct{} // one token for each call in flight
	wg     sync.WaitGroup
	idle   chan func() // goroutines that wait for another trial; closed at the end
	types  map[string]*eval.TaskType

	params  map[*Lane]eval.Digest // of each lane's own parameters
	noTools eval.Digest

	calls, trials atomic.Int64
	spent         atomic.Int64 // pico-USD
	skipped       int64
	first         time.Time // when the first trial was to begin
	arrivals      int64     // trials that were given a time to begin at

	open  context.Context // ends when no call may be begun any more
	close context.CancelFunc

	batches *batches

	mu     sync.Mutex
	reason string // why the run was stopped, "" = it was not
	halted map[string]*eval.Failure
}

func newRun(ctx context.Context, o Options, cancel context.CancelCauseFunc) *run {
	r := &run{Options: o, cancel: cancel, slots: make(chan struct{}, max(1, o.Concurrency)), idle: make(chan func()),
		halted: make(map[string]*eval.Failure), types: make(map[string]*eval.TaskType)}
	r.open, r.close = context.WithCancel(ctx)
	r.batches = newBatches(ctx, r)
	r.calls.Store(o.Calls)
	r.spent.Store(int64(o.Cost))
	if r.Now == nil {
		r.Now = time.Now
	}
	if r.Sleep == nil {
		r.Sleep = Sleep
	}
	r.noTools, r.params = eval.DigestOf(nil), make(map[*Lane]eval.Digest, len(o.Lanes))
	for i := range r.Lanes {
		req := BuildRequest(&eval.Task{}, r.Lanes[i].Primary.Candidate)
		_, _, r.params[&r.Lanes[i]] = req.Hashes()
	}
	for i := range o.Run.TaskTypes {
		r.types[o.Run.TaskTypes[i].Name] = &o.Run.TaskTypes[i]
	}
	return r
}

// Sleep waits, unless the context ends first.
func Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// halt stops the beginning of calls; the first reason is kept.
func (r *run) halt(reason string) {
	r.mu.Lock()
	if r.reason == "" {
		r.reason = reason
	}
	r.mu.Unlock()
	r.close()
}

func (r *run) stopped() bool { return r.open.Err() != nil }

// giveUp marks a provider as of no more use in this run: its key is refused, or
// it is down.
func (r *run) giveUp(provider string, f *eval.Failure) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.halted[provider]; !ok {
		r.halted[provider] = f
	}
}

// givenUp reports whether a provider is of no more use to a lane. That it is down
// is no reason for a policy not to ask it: what the policy does then is the
// question.
func (r *run) givenUp(provider string, lane *Lane) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	f, ok := r.halted[provider]
	return ok && (f.Stop || lane.Policy == nil)
}

// begin counts a call that is about to be made; false = it may not be.
func (r *run) begin() bool {
	if r.stopped() {
		return false
	}
	n := r.calls.Add(1)
	if r.MaxCalls > 0 && n > r.MaxCalls {
		r.calls.Add(-1)
		r.halt(fmt.Sprintf("call limit of %d reached", r.MaxCalls))
		return false
	}
	return true
}

// spend counts what a call cost.
func (r *run) spend(cost eval.Cost) {
	most := cost.High
	if cost.Unbounded {
		most = cost.Low
	}
	if spent := r.spent.Add(int64(most)); r.MaxCost > 0 && spent >= int64(r.MaxCost) {
		r.halt(fmt.Sprintf("cost limit of $%s reached", r.MaxCost))
	}
}
