package cmd

import (
	"errors"
	"io"
	"sync"

	"infer/cmd/internal/cli"
	"infer/cmd/internal/config"
	"infer/eval"
	"infer/eval/runner"
	"infer/providers"
	"infer/providers/replay"
)

// wiring turns a configuration into callers, one a provider.
type wiring struct {
	app      *cli.App
	cfg      *config.Config
	tape     *replay.Tape    // nil = not recording
	exec     bool            // --allow-exec
	batch    bool            // candidates are called in batches
	keys     []providers.Key // of the providers that are wired, for what is logged
	callers  map[string]link
	closers  []io.Closer
	cassette *replay.Player // answers everything; nil = live

	throttled func(eval.Throttle) // is told of every change of what a provider may be sent; nil = nobody
	book      *pricing            // read when first needed
	used      func(eval.PriceRow) // told each price of a model that was served in another's place; nil = nobody asks
}

// link is one provider, wired.
type link struct {
	caller  runner.Caller
	paid    bool
	virtual bool
	batch   runner.Batcher   // nil = it has no batches
	limits  *runner.Governor // nil = none
}

// newWiring returns the wiring of a project; exec allows it to run programs.
func newWiring(app *cli.App, cfg *config.Config, exec bool) (*wiring, error) {
	w := &wiring{app: app, cfg: cfg, exec: exec, callers: make(map[string]link)}
	if cfg.Replay != "" && !cfg.Live {
		c, err := replay.Open(cfg.ReplayPath())
		if err != nil {
			return nil, err
		}
		w.cassette = replay.NewPlayer(c, 0, runner.Sleep)
	}
	return w, nil
}

// lanes builds what runs for each candidate, with its price. A candidate that was
// not asked for (nil = all are) gets a lane that leads nowhere: its provider may
// not even be configured now.
func (w *wiring) lanes(run *eval.Run, asked []bool) ([]runner.Lane, error) {
	out := make([]runner.Lane, len(run.Candidates))
	for i := range run.Candidates {
		c := &run.Candidates[i]
		var err error
		if asked != nil && !asked[i] {
			out[i].Primary.Candidate = c
			continue
		}
		if c.Policy == nil {
			out[i].Primary, err = w.target(run, c, run.PriceOf(i, c.Provider, c.Model))
			if err != nil {
				return nil, err
			}
			continue
		}
		p := c.Policy
		out[i].Policy = p
		if out[i].Primary, err = w.member(run, p.DefaultCandidate); err != nil {
			return nil, err
		}
		for _, b := range []struct {
			c    *eval.Candidate
			dest **runner.Target
		}{{p.BackupCandidate, &out[i].Backup}, {p.ContextCandidate, &out[i].ContextBackup}} {
			if b.c == nil {
				continue
			}
			t, err := w.member(run, b.c)
			if err != nil {
				return nil, err
			}
			*b.dest = &t
		}
	}
	return out, nil
}

// member is the run's price of a model that a policy calls; nil = unknown.
func member(run *eval.Run, c *eval.Candidate) *eval.PriceRow {
	return run.PriceOf(-1, c.Provider, c.Model)
}

// served returns the function that finds the price of a model that a provider
// served in the place of the one that was asked for: what the run has, else what
// is known now, of which the run is told.
func (w *wiring) served(run *eval.Run, provider string) (func(model string) *eval.PriceRow, error) {
	book, err := w.prices()
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	known := make(map[string]*eval.PriceRow)
	return func(model string) *eval.PriceRow {
		mu.Lock()
		defer mu.Unlock()
		row, ok := known[model]
		if ok {
			return row
		}
		if run != nil {
			row = run.PriceOf(-1, provider, model)
		}
		if row == nil {
			if row = book.exactly(provider, model); row != nil && run != nil && w.used != nil {
				w.used(*row)
			}
		}
		known[model] = row
		return row
	}, nil
}

// prices are the prices that are known now.
func (w *wiring) prices() (*pricing, error) {
	if w.book == nil {
		book, err := newPricing(w.cfg)
		if err != nil {
			return nil, err
		}
		w.book = book
	}
	return w.book, nil
}

// price is the price row of one model; nil = unknown.
func (w *wiring) price(c *eval.Candidate) *eval.PriceRow {
	book, err := w.prices()
	if err != nil {
		return nil // reported when the plan was made
	}
	if row, ok := book.of(c.Provider, c.Model); ok {
		return &row
	}
	return nil
}

// target is one model that can be called in a run; run is nil for a judge.
func (w *wiring) target(run *eval.Run, c *eval.Candidate, price *eval.PriceRow) (runner.Target, error) {
	l, err := w.provider(c.Provider)
	if err != nil {
		return runner.Target{}, err
	}
	t := runner.Target{Candidate: c, Caller: l.caller, Price: price, Paid: l.paid, Virtual: l.virtual}
	if l.limits != nil {
		t.Limiter = l.limits
	}
	if t.Served, err = w.served(run, c.Provider); err != nil {
		return runner.Target{}, err
	}
	if w.batch && run != nil {
		if err := w.inBatches(&t, &l); err != nil {
			return runner.Target{}, err
		}
	}
	if w.app.LogTo.Debug && w.app.Log() != nil {
		t.Caller = &loggedCaller{l.caller, w.app.Log(), providers.NewRedactor(w.keys...)}
	}
	if w.tape != nil {
		t.Caller = replay.NewRecorder(t.Caller, w.tape, c.Name)
	}
	return t, nil
}

// member is a model as part of a policy: an outage does not hold its calls back,
// since what the policy does then is the question.
func (w *wiring) member(run *eval.Run, c *eval.Candidate) (runner.Target, error) {
	t, err := w.target(run, c, member(run, c))
	if g, ok := t.Limiter.(*runner.Governor); ok {
		t.Limiter = g.Insistent()
	}
	return t, err
}

func (w *wiring) provider(name string) (link, error) {
	if w.cassette != nil {
		return link{caller: w.cassette, virtual: true}, nil
	}
	if l, ok := w.callers[name]; ok {
		return l, nil
	}
	p := w.cfg.Providers[name]
	l, err := w.build(name, &p)
	if err != nil {
		return l, err
	}
	l.limits = w.governor(name, &p, &l)
	w.callers[name] = l
	return l, nil
}

// close ends what the callers have started.
func (w *wiring) close() error {
	var errs []error
	for _, c := range w.closers {
		errs = append(errs, c.Close())
	}
	w.closers = nil
	return errors.Join(errs...)
}

// governor keeps to what a provider allows. What is not called over a network has
// nothing to be found out; nil = no limit at all.
func (w *wiring) governor(name string, p *config.Provider, l *link) *runner.Governor {
	a := runner.Allowance{Calls: p.Limits.Concurrency, PerMinute: p.Limits.RequestsPerMinute, TokensPerMinute: p.Limits.TokensPerMinute}
	if l.virtual {
		a.PerMinute, a.TokensPerMinute = 0, 0 // its time is not real
		if a.Calls == 0 {
			return nil
		}
	}
	return runner.NewGovernor(w.cfg.Concurrency, runner.GovernorOptions{Provider: name, Allowance: a, Fixed: l.virtual,
		OnChange: func(t eval.Throttle) {
			if w.throttled != nil {
				w.throttled(t)
			}
		}})
}
