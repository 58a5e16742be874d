package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"infer/eval"
)

// AddPrice keeps the price of a model that was served in another's place. A price
// that the run has of that model stays.
func (s *Store) AddPrice(ctx context.Context, runID string, row eval.PriceRow) error {
	return s.adjust(ctx, runID, func(run *eval.Run) bool {
		if run.PriceOf(-1, row.Provider, row.Model) != nil {
			return false
		}
		run.MemberPrices = append(run.MemberPrices, row)
		return true
	})
}

// Repriced says what a repricing did.
type Repriced struct {
	Trials, Attempts int64 // looked at
	Changed          int64 // attempts whose cost is another now
	Untold           int64 // attempts whose usage is not known: their cost is a range at best
	Elsewhere        int64 // trials that were run elsewhere and have no attempts: their cost stays
	Before, After    eval.Cost
}

// Reprice gives a run other prices: cost is asked for every stored call that may
// have been charged, and what trials cost follows from that. The prices that the
// run had are kept in its Repriced. Repairs and judging keep their cost. It all
// happens at once at the end; where it fails, the run is as it was. It fails with
// eval.KindStore while another live process writes the run.
func (s *Store) Reprice(ctx context.Context, run *eval.Run, prices, members []eval.PriceRow, note string, cost func(*eval.Trial, *eval.Attempt) (eval.Cost, error)) (done Repriced, err error) {
	id, err := s.runKey(ctx, run.ID)
	if err != nil {
		return done, err
	}
	if err := s.hold(ctx, run.ID, id); err != nil {
		return done, explain(s.path, err)
	}
	defer func() { err = errors.Join(err, s.letGo(context.WithoutCancel(ctx), id)) }()
	r := &repricing{cost: cost}
	for at := start; ; {
		page, err := s.trialPage(ctx, id, Filter{}, at)
		if err != nil {
			return r.Repriced, explain(s.path, err)
		}
		for _, t := range page {
			if err := r.trial(t); err != nil {
				return r.Repriced, err
			}
		}
		if len(page) < pageRows {
			break
		}
		at = page[len(page)-1].place()
	}
	next := *run
	next.Repriced = append(append([]eval.Repricing(nil), run.Repriced...), eval.Repricing{At: s.now().UTC(), Note: note, Prices: run.Prices,
		MemberPrices: run.MemberPrices, Before: r.Before, After: r.After})
	next.Prices, next.MemberPrices = prices, members
	if err := s.adoptPrices(ctx, id, &next, r.updates); err != nil {
		return r.Repriced, explain(s.path, err)
	}
	*run = next
	return r.Repriced, s.roll(ctx, run.ID, nil)
}

// repricing is one repricing under way.
type repricing struct {
	Repriced
	cost    func(*eval.Trial, *eval.Attempt) (eval.Cost, error)
	updates []newCosts
}

// newCosts are the new costs of one trial.
type newCosts struct {
	trial    int64
	attempts map[int]eval.Cost // by seq; those that changed
	was, now eval.CostSplit    // of the attempts alone
	split    eval.CostSplit    // of the trial
}

func (r *repricing) trial(t stored) error {
	r.Trials++
	r.Before = r.Before.Plus(t.Cost.Final())
	if len(t.Attempts) == 0 {
		if t.Cost != (eval.CostSplit{}) {
			r.Elsewhere++
		}
		r.After = r.After.Plus(t.Cost.Final())
		return nil
	}
	u := newCosts{trial: t.id, attempts: make(map[int]eval.Cost), was: eval.SpentOn(t.Attempts, t.Earlier)}
	for i := range t.Attempts {
		a := &t.Attempts[i]
		c, err := r.cost(t.Trial, a)
		if err != nil {
			return err
		}
		r.Attempts++
		if a.Billing != eval.NotBilled && (a.Usage == nil || a.Billing == eval.Unbilled) {
			r.Untold++
		}
		if c != a.Cost {
			r.Changed++
			u.attempts[a.Seq] = c
			a.Cost = c
		}
	}
	u.now = eval.SpentOn(t.Attempts, t.Earlier)
	u.split = exchange(t.Cost, u.was, u.now)
	r.After = r.After.Plus(u.split.Final())
	if len(u.attempts) > 0 || u.split != t.Cost {
		r.updates = append(r.updates, u)
	}
	return nil
}

// exchange puts the new costs of a trial's attempts into its split. What else
// the split holds stays: repairs, judging, and what an earlier trial of the same
// cell cost beside its calls.
func exchange(split, was, now eval.CostSplit) eval.CostSplit {
	now.Repair, now.Judge = split.Repair, split.Judge
	if was.Tools != split.Tools { // not calls of ours
		now.Tools = split.Tools
	}
	if rest := split.Failed.Low - was.Failed.Low; rest > 0 {
		now.Failed = now.Failed.Plus(eval.Exactly(rest))
	}
	return now
}

// adoptPrices writes the new costs and the plan with the new prices.
func (s *Store) adoptPrices(ctx context.Context, id int64, run *eval.Run, updates []newCosts) error {
	plan, err := json.Marshal(run)
	if err != nil {
		return err
	}
	us := s.now().UnixMicro()
	return s.w.wait(ctx, func(t *tx) error {
		for i := range updates {
			if err := updates[i].write(t); err != nil {
				return err
			}
		}
		return t.exec("UPDATE runs SET body = ?, updated_us = ?, rolled = 0 WHERE id = ?", string(plan), us, id)
	})
}

func (u *newCosts) write(t *tx) error {
	for seq, c := range u.attempts {
		if err := t.exec("UPDATE attempts SET cost_low = ?, cost_high = ? WHERE trial = ? AND seq = ?", int64(c.Low), high(c), u.trial, seq); err != nil {
			return err
		}
	}
	split, err := encodeSplit(u.split)
	if err != nil {
		return err
	}
	total := u.split.Final()
	if err := t.exec("UPDATE trials SET cost_low = ?, cost_high = ?, split = ? WHERE id = ?", int64(total.Low), high(total), split, u.trial); err != nil {
		return err
	}
	return u.verdicts(t)
}

// verdicts changes what earlier gradings and people's words keep of the trial's
// cost.
func (u *newCosts) verdicts(t *tx) error {
	kept, err := keptSplits(t, u.trial)
	if err != nil {
		return err
	}
	for grading, old := range kept {
		now := exchange(old, u.was, u.now)
		split, err := encodeSplit(now)
		if err != nil {
			return err
		}
		total := now.Final()
		if err := t.exec("UPDATE verdicts SET cost_low = ?, cost_high = ?, split = ? WHERE trial = ? AND grading = ?", int64(total.Low), high(total), split, u.trial, grading); err != nil {
			return err
		}
	}
	return nil
}

// keptSplits are the splits that gradings keep of a trial, by grading.
func keptSplits(t *tx, trial int64) (map[int]eval.CostSplit, error) {
	var gradings sql.NullString
	if err := t.row("SELECT json_group_array(grading) FROM verdicts WHERE trial = ?", []any{trial}, &gradings); err != nil {
		return nil, err
	}
	var numbers []int
	if err := json.Unmarshal([]byte(gradings.String), &numbers); err != nil {
		return nil, err
	}
	out := make(map[int]eval.CostSplit, len(numbers))
	for _, n := range numbers {
		var low int64
		var top sql.NullInt64
		var split sql.NullString
		if err := t.row("SELECT cost_low, cost_high, split FROM verdicts WHERE trial = ? AND grading = ?", []any{trial, n}, &low, &top, &split); err != nil {
			return nil, err
		}
		var err error
		if out[n], err = decodeSplit(split, costOf(low, top)); err != nil {
			return nil, err
		}
	}
	return out, nil
}
