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
	if err := p.match(ctx, s); err != nil {
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
	callCtx, stop, done := interrupts(ctx, p.say)
	defer done()
	o.Stop = stop
	show := newProgress(p.app, p.run, int64(p.todo(o)))
	journal.OnCommit, o.OnAttempt = show.trial, show.attempt
	show.start()
	beat := p.beat(ctx, s)
	res, runErr := runner.Run(callCtx, o)
	beat()
	show.stop()
	after := context.WithoutCancel(ctx)
	err = journal.Flush(after)
	p.run.State = eval.RunComplete
	if runErr != nil || err != nil || res.Stopped != "" || len(res.Halted) > 0 || res.Trials+res.Skipped < int64(p.run.Planned()) {
		p.run.State = eval.RunIncomplete
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

func (p *plan) tapeErr() error {
	if p.wires.tape == nil {
		return nil
	}
	return p.wires.tape.Err()
}

// match refuses to mix what would make the figures mean two things.
func (p *plan) match(ctx context.Context, s *store.Store) error {
	if p.o.fresh {
		return nil
	}
	runs, err := s.Runs(ctx)
	if err != nil {
		return err
	}
	for _, r := range runs {
		if r.ID == p.run.ID {
			old, err := s.Run(ctx, r.ID)
			if err != nil {
				return err
			}
			if old.Grading.Digest != p.run.Grading.Digest {
				return eval.Invalid(fmt.Errorf("the graders are not those of run %s", r.ID),
					fmt.Sprintf("`infer score %s` grades its stored answers by the new ones without a call; --new starts a new run", r.ID))
			}
			if old.Seed != p.run.Seed {
				return eval.Invalid(fmt.Errorf("run %s has the seed %d", r.ID, old.Seed), "continue with the same --seed, or start a new run with --new")
			}
			return nil
		}
		if r.Name == p.run.Name && r.State != eval.RunComplete && r.Dataset.Path == p.run.Dataset.Path && r.Dataset.Path != "-" && r.Dataset.Digest != p.run.Dataset.Digest {
			return eval.Invalid(fmt.Errorf("the dataset has changed since run %s, which is not finished", r.ID), "put the dataset back to finish that run, or start a new one with --new")
		}
	}
	return nil
}

// options fills in what the runner needs.
func (p *plan) options(ctx context.Context, s *store.Store, resumed bool) (runner.Options, *store.Journal, error) {
	o := p.limits
	o.Run, o.Grader, o.Repair = p.run, p.rules, scoring.Repair
	o.Concurrency, o.Now, o.Sleep = p.cfg.Concurrency, p.app.Now, sleep
	var err error
	if o.Lanes, err = p.wires.lanes(p.run.Candidates, p.run.Prices); err != nil {
		return o, nil, err
	}
	journal, err := s.Journal(ctx, p.run)
	if err != nil {
		return o, nil, err
	}
	o.Journal = journal
	o.Prepare = func(ctx context.Context, block []*eval.Task) error {
		for _, t := range block {
			if err := p.source.Attach(t); err != nil {
				return err
			}
		}
		return journal.AddTasks(ctx, block)
	}
	o.Tasks = p.tasks(ctx)
	if resumed {
		set, err := s.Done(ctx, p.run.ID, p.again)
		if err != nil {
			return o, nil, err
		}
		o.Done = set.Has
		if o.MaxCalls > 0 || o.MaxCost > 0 {
			if o.Calls, o.Cost, err = s.Spent(ctx, p.run.ID); err != nil {
				return o, nil, err
			}
		}
		if err := p.tellUnresolved(ctx, s); err != nil {
			return o, nil, err
		}
	}
	return o, journal, nil
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

// tasks streams the dataset; with --skip-invalid, without what is not a task.
func (p *plan) tasks(ctx context.Context) func(yield func(*eval.Task, error) bool) {
	return func(yield func(*eval.Task, error) bool) {
		for t, err := range p.source.Tasks(ctx) {
			if err != nil && p.o.skipBad && isLineError(err) {
				continue
			}
			if !yield(t, err) {
				return
			}
		}
	}
}

// todo is how many trials are still to run.
func (p *plan) todo(o runner.Options) int {
	if o.Done == nil {
		return p.run.Planned()
	}
	n := 0
	for t := range p.run.Dataset.Tasks {
		if !p.run.Holds(t) {
			continue
		}
		for c := range p.run.Candidates {
			for r := range p.run.Repeats {
				if !o.Done(t, c, r) {
					n++
				}
			}
		}
	}
	return n
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

// interrupts turns Ctrl-C and SIGTERM into an orderly stop: the first closes
// stop, and after the grace or on the second the calls in flight are cut off.
func interrupts(ctx context.Context, say func(string, ...any)) (callCtx context.Context, stop chan struct{}, done func()) {
	callCtx, cancel := context.WithCancelCause(ctx)
	stop = make(chan struct{})
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	ended := make(chan struct{})
	go func() {
		select {
		case <-signals:
		case <-ended:
			return
		}
		say("\nStopping: calls in flight may take %s; Ctrl-C again cuts them off. What is done is kept.", grace)
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
