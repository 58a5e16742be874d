package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"infer/eval"
	"infer/eval/runner"
	"infer/eval/store"
	"infer/scoring"
)

// grace is how long calls in flight may take after the first Ctrl-C.
const grace = 10 * time.Second

// execute runs the plan against the store.
func (p *plan) execute(ctx context.Context, s *store.Store) (runner.Result, error) {
	if p.incumbent != nil {
		p.run.Candidates, p.run.Prices = append(p.run.Candidates, *p.incumbent), append(p.run.Prices, eval.PriceRow{})
	}
	if err := p.settle(ctx, s); err != nil {
		return runner.Result{}, err
	}
	resumed, err := s.StartRun(ctx, p.run)
	if err != nil {
		return runner.Result{}, err
	}
	o, journal, err := p.options(ctx, s, resumed)
	if err != nil {
		return runner.Result{}, errors.Join(err, s.FinishRun(ctx, p.run.ID, eval.RunIncomplete))
	}
	var priced error // the first failure to keep a price
	p.wires.used = func(row eval.PriceRow) {
		if err := s.AddPrice(ctx, p.run.ID, row); err != nil && priced == nil {
			priced = err
		}
	}
	asked, left := p.todo(&o)
	show := newProgress(p.app, p.run, asked, left)
	callCtx, stop, done := interrupts(ctx, show)
	defer done()
	o.Stop, o.Control = stop, show.control
	throttled := p.wires.throttled
	p.wires.throttled = func(t eval.Throttle) { show.throttle(t); throttled(t) }
	if o.Batches != nil {
		o.Batches.Told = tellBatches(show.say)
	}
	journal.OnCommit, o.OnAttempt = func(t *eval.Trial) { show.trial(t); p.logTrial(t) }, show.attempt
	show.start(callCtx)
	beat := p.beat(ctx, s)
	run := runner.Run
	if p.o.race {
		run = func(ctx context.Context, o runner.Options) (runner.Result, error) {
			return p.raceRun(ctx, s, journal, o)
		}
	}
	res, runErr := run(callCtx, o)
	beat()
	show.end()
	p.tellSaved()
	after := context.WithoutCancel(ctx)
	err = errors.Join(journal.Flush(after), priced, p.tellLeft(after, s))
	p.run.State = eval.RunIncomplete
	if done, doneErr := s.Done(after, p.run.ID, nil); doneErr != nil {
		err = errors.Join(err, doneErr)
	} else if p.called(done) >= int64(p.run.Planned()) && len(res.Halted) == 0 {
		p.run.State = eval.RunComplete
	}
	if p.run.State != eval.RunComplete && res.Stopped == "" {
		res.Stopped = show.dropped()
	}
	err = errors.Join(err, s.FinishRun(after, p.run.ID, p.run.State))
	if errors.Is(runErr, errInterrupted) {
		res.Stopped, runErr = "interrupted", nil
	}
	if tapeErr := p.tapeErr(); tapeErr != nil {
		err = errors.Join(err, tapeErr)
	}
	return res, errors.Join(runErr, err)
}

// called counts the trials with an outcome of candidates that are called.
func (p *plan) called(done *store.DoneSet) int64 {
	n := done.Len()
	for i := range p.run.Candidates {
		if p.run.Candidates[i].Recorded {
			n -= done.Of(i)
		}
	}
	return n
}

func (p *plan) tapeErr() error {
	if p.wires.tape == nil {
		return nil
	}
	return p.wires.tape.Err()
}

// options fills in what the runner needs.
func (p *plan) options(ctx context.Context, s *store.Store, resumed bool) (runner.Options, *store.Journal, error) {
	o := p.limits
	o.Grader, o.Repair = p.rules, scoring.Repair
	p.helpers.keep(s)
	o.Concurrency, o.Now, o.Grace = p.cfg.Concurrency, p.app.Now, grace
	journal, err := s.Journal(ctx, p.run)
	if err != nil {
		return o, nil, err
	}
	o.Journal = journal
	p.wires.throttled = func(t eval.Throttle) {
		logThrottle(p.app, t)
		_ = journal.Throttle(context.WithoutCancel(ctx), t) // a store that fails is found by the next trial
	}
	var kept *store.DoneSet // of an earlier invocation
	o.Prepare = func(ctx context.Context, block []*eval.Task) error {
		for _, t := range block {
			if err := p.source.Attach(t); err != nil {
				return err
			}
		}
		if err := journal.AddTasks(ctx, block); err != nil {
			return err
		}
		return p.keepRecorded(ctx, journal, kept, block)
	}
	o.Tasks = p.tasks(ctx)
	if resumed {
		set, err := s.Done(ctx, p.run.ID, p.again)
		if err != nil {
			return o, nil, err
		}
		o.Done = set.Has
		if kept, err = s.Done(ctx, p.run.ID, nil); err != nil {
			return o, nil, err
		}
		if o.MaxCalls > 0 || o.MaxCost > 0 {
			if o.Calls, o.Cost, err = s.Spent(ctx, p.run.ID); err != nil {
				return o, nil, err
			}
		}
		if err := p.tellUnresolved(ctx, s); err != nil {
			return o, nil, err
		}
	}
	if err := p.batched(ctx, s, journal, &o); err != nil {
		return o, nil, err
	}
	return o, journal, p.narrow(&o)
}

// again says which outcomes are tried again. Refused credentials always are:
// they say nothing about a task.
func (p *plan) again(v eval.Verdict, c eval.Class) bool {
	if v == eval.Errored && c == eval.ClassAuthBilling {
		return true
	}
	for _, r := range p.o.retry {
		if r == "errors" && v == eval.Errored || r == "unscored" && v == eval.Unscored {
			return true
		}
	}
	return false
}

func (p *plan) tellUnresolved(ctx context.Context, s *store.Store) error {
	left, err := s.Unresolved(ctx, p.run.ID)
	if err != nil || len(left) == 0 {
		return err
	}
	p.say("%d calls of earlier invocations have no outcome: they may have been billed, and what they cost is in no figure. Their trials are run again.", len(left))
	return nil
}

// tasks streams the dataset; with --skip-invalid, without what the scan found to
// be a problem, and numbered without gaps.
func (p *plan) tasks(ctx context.Context) func(yield func(*eval.Task, error) bool) {
	return func(yield func(*eval.Task, error) bool) {
		seq := 0
		for t, err := range p.source.Tasks(ctx) {
			if p.o.skipBad && (isLineError(err) || t != nil && p.info.Refused(t.Seq)) {
				continue
			}
			if t != nil {
				t.Seq = seq
				seq++
			}
			if !yield(t, err) {
				return
			}
		}
	}
}

// beat keeps the run marked as being written.
func (p *plan) beat(ctx context.Context, s *store.Store) func() {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(15 * time.Second)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				if err := s.Beat(ctx, p.run.ID); err != nil {
					return // the run's own writes report what is wrong
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() { cancel(); <-done }
}

var errInterrupted = errors.New("interrupted")

// interrupts turns Ctrl-C, SIGTERM and what the view is asked into an orderly stop:
// the first closes stop, and after the grace or on the second the calls in flight are
// cut off.
func interrupts(ctx context.Context, show *progress) (callCtx context.Context, stop chan struct{}, done func()) {
	callCtx, cancel := context.WithCancelCause(ctx)
	stop = make(chan struct{})
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	ended := make(chan struct{})
	show.ask = func() {
		select {
		case signals <- os.Interrupt:
		default: // it is being asked already
		}
	}
	go func() {
		select {
		case <-signals:
		case <-ended:
			return
		}
		show.stop()
		if show.app.ErrTTY && !show.onTerminal() && !show.app.Quiet {
			_, _ = fmt.Fprintln(show.app.Err) // the terminal has shown the ^C
		}
		show.say("Stopping: calls in flight may take %s; Ctrl-C again cuts them off. What is done is kept.", grace)
		close(stop)
		t := time.NewTimer(grace)
		defer t.Stop()
		select {
		case <-signals:
		case <-t.C:
		case <-ended:
			return
		}
		cancel(errInterrupted)
	}()
	return callCtx, stop, func() {
		signal.Stop(signals)
		close(ended)
		cancel(nil)
	}
}
