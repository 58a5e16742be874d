package cmd

import (
	"context"
	"fmt"

	"infer/cmd/internal/config"
	"infer/datasets"
	"infer/eval"
	"infer/eval/runner"
	"infer/eval/store"
)

// repricer prices the stored calls of one run.
type repricer struct {
	s      *store.Store
	cfg    *config.Config
	book   *pricing
	now    *eval.Run // the run with the new prices
	prices []repriced
	tasks  map[int]*eval.Task // read when first needed
	served map[[2]string]*eval.PriceRow

	calls        int64
	theirs, ours eval.Cost
}

// newRepricer looks the new prices up: one for each row that the run has or lacks.
func newRepricer(s *store.Store, cfg *config.Config, book *pricing, run *eval.Run) *repricer {
	now := *run
	now.Prices, now.MemberPrices = make([]eval.PriceRow, len(run.Candidates)), nil
	r := &repricer{s: s, cfg: cfg, book: book, now: &now, served: make(map[[2]string]*eval.PriceRow)}
	for i := range run.Candidates {
		c := &run.Candidates[i]
		if c.Policy == nil {
			if row := r.priceOf(c, run.PriceOf(i, c.Provider, c.Model)); row != nil {
				now.Prices[i] = *row
			}
			continue
		}
		for _, m := range []*eval.Candidate{c.Policy.DefaultCandidate, c.Policy.BackupCandidate, c.Policy.ContextCandidate} {
			if m == nil || hasPrice(now.MemberPrices, m) {
				continue
			}
			if row := r.priceOf(m, run.PriceOf(-1, m.Provider, m.Model)); row != nil {
				now.MemberPrices = append(now.MemberPrices, *row)
			}
		}
	}
	for i := range run.MemberPrices { // of models that were served in another's place
		m := &run.MemberPrices[i]
		c := &eval.Candidate{Provider: m.Provider, Model: m.Model}
		if !hasPrice(now.MemberPrices, c) {
			now.MemberPrices = append(now.MemberPrices, *r.priceOf(c, m))
		}
	}
	return r
}

// priceOf is the new price of a model, else the old one.
func (r *repricer) priceOf(c *eval.Candidate, old *eval.PriceRow) *eval.PriceRow {
	line := repriced{Provider: c.Provider, Model: c.Model, Before: rowJSON(old)}
	row, ok := r.book.of(c.Provider, c.Model)
	now := &row
	if !ok {
		now, line.Kept = old, true
	}
	line.After = rowJSON(now)
	known := false
	for i := range r.prices {
		known = known || r.prices[i].Provider == line.Provider && r.prices[i].Model == line.Model
	}
	if !known {
		r.prices = append(r.prices, line)
	}
	return now
}

func rowJSON(r *eval.PriceRow) *priceJSON {
	if r == nil {
		return nil
	}
	j := priceRowJSON(r)
	return &j
}

// cost is what a stored call costs by the new prices.
func (r *repricer) cost(ctx context.Context, t *eval.Trial, a *eval.Attempt) (eval.Cost, error) {
	asked := r.now.PriceOf(t.Candidate, a.Provider, a.Model)
	var req *eval.Request
	if a.Billing != eval.NotBilled && (a.Usage == nil || a.Billing == eval.Unbilled) && asked != nil {
		var err error
		if req, err = r.request(ctx, t); err != nil {
			return eval.Cost{}, err
		}
	}
	c := runner.Price(a, req, asked, func(model string) *eval.PriceRow { return r.find(a.Provider, model) })
	if a.Usage != nil && a.Usage.ProviderCost != nil && a.Billing != eval.NotBilled {
		r.calls++
		r.theirs, r.ours = r.theirs.Plus(eval.Exactly(*a.Usage.ProviderCost)), r.ours.Plus(c)
	}
	return c, nil
}

// find is the price of a model that was served in another's place, which the run
// keeps from now on.
func (r *repricer) find(provider, model string) *eval.PriceRow {
	key := [2]string{provider, model}
	row, ok := r.served[key]
	if !ok {
		if row = r.now.PriceOf(-1, provider, model); row == nil {
			if row = r.book.exactly(provider, model); row != nil {
				r.now.MemberPrices = append(r.now.MemberPrices, *row)
			}
		}
		r.served[key] = row
	}
	return row
}

// request is what a trial's call asked: its length bounds a cost of which nothing
// else is known.
func (r *repricer) request(ctx context.Context, t *eval.Trial) (*eval.Request, error) {
	if r.tasks == nil {
		r.tasks = make(map[int]*eval.Task)
		for l, err := range r.s.Lines(ctx, r.now.ID) {
			if err != nil {
				return nil, err
			}
			task, err := datasets.ParseLine(l.Raw, r.cfg.Fields)
			if err != nil {
				return nil, eval.Invalid(fmt.Errorf("%s:%d: %w", l.File, l.Line, err), "use the fields: mapping of the run's own infer.yaml: --config FILE")
			}
			r.tasks[l.Seq] = task
		}
	}
	task, ok := r.tasks[t.TaskSeq]
	if !ok {
		return nil, store.ErrNotFound
	}
	c := &r.now.Candidates[t.Candidate]
	if c.Policy != nil && c.Policy.DefaultCandidate != nil {
		c = c.Policy.DefaultCandidate // a backup is asked what the default was
	}
	req := runner.BuildRequest(task, c)
	return &req, nil
}
