package cmd

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"infer/eval"
	"infer/eval/runner"
	"infer/eval/store"
	"infer/providers/httpx"
)

const (
	batchWaiting = 20_000           // calls that wait for batches at most: each keeps its task in memory
	batchMost    = 50_000           // calls of one batch: OpenAI allows so many, Anthropic twice that
	batchSettle  = time.Second      // a batch is sent when no call has come for so long
	batchPoll    = 30 * time.Second // how often a batch is asked for
	batchGrace   = 10               // times that, until a submission that was cut off is taken for none
)

// checkBatch refuses what cannot be done in batches.
func (o *evalOptions) checkBatch() error {
	if !o.batch {
		return nil
	}
	const together = " do not go together"
	switch {
	case o.poll <= 0:
		return eval.Invalid(fmt.Errorf("--batch-poll %s is no interval", o.poll), "write it like 30s")
	case o.race:
		return eval.Invalid(errors.New("--batch and --race"+together), "a race decides between rounds what is sent next; a batch sends everything")
	case o.rate > 0:
		return eval.Invalid(errors.New("--batch and --rate"+together), "the provider decides when calls of a batch are made")
	case o.record != "":
		return eval.Invalid(errors.New("--batch and --record"+together), "a recording holds times, and answers of a batch have none")
	case o.maxCost != "":
		return eval.Invalid(errors.New("--batch and --max-cost"+together), "what a batch costs is known when it has ended; see --dry-run and limit it with --max-calls or --limit")
	}
	return nil
}

// batches are the batch endpoints of a target's provider.
func (w *wiring) inBatches(t *runner.Target, l *link) error {
	if l.batch == nil {
		hint := "OpenAI, Anthropic and servers that speak their wires have one; leave --batch out"
		if w.cassette != nil {
			hint = "the project answers from its recording; add --live"
		}
		return eval.Invalid(fmt.Errorf("provider %s has no batch endpoint", eval.Untrusted(t.Candidate.Provider).Line(60)), hint)
	}
	t.Batch, t.Limiter = l.batch, nil
	return nil
}

// batchPrices warns where no price is known of calls in a batch.
func (p *plan) batchPrices(lanes []runner.Lane) {
	for i := range lanes {
		for _, t := range []*runner.Target{&lanes[i].Primary, lanes[i].Backup, lanes[i].ContextBackup} {
			if t != nil && t.Batch != nil && t.Price != nil && t.Price.Tiered(httpx.BatchTier) == nil {
				p.say("warning: no price is known of %s in a batch, so its cost will be unknown; add tiers: {batch: …} to its row under prices: in infer.yaml",
					eval.Untrusted(t.Candidate.Model).Line(60))
			}
		}
	}
}

// batched says how the run's calls are sent in batches.
func (p *plan) batched(ctx context.Context, s *store.Store, journal *store.Journal, o *runner.Options) error {
	known, err := s.Batches(ctx, p.run.ID)
	if err != nil {
		return err
	}
	if !p.o.batch {
		return p.notTwice(known)
	}
	begun, err := s.Begun(ctx, p.run.ID, p.again)
	if err != nil {
		return err
	}
	o.Batches = &runner.BatchOptions{Log: journal, Known: known, Settle: batchSettle, Poll: p.o.poll, Grace: batchGrace * p.o.poll, Most: batchMost,
		Earlier: func(task, candidate, repeat int) int {
			return begun[store.Cell{Task: task, Candidate: candidate, Repeat: repeat}]
		}}
	// All calls of a batch come back at once: no more are graded together than would
	// be called together.
	o.Grader = gradeFew{o.Grader, make(chan struct{}, max(1, o.Concurrency))}
	o.Concurrency = batchWaiting
	if p.o.flags.Concurrency > 0 {
		o.Concurrency = p.o.flags.Concurrency
	}
	return nil
}

// notTwice refuses to make calls one by one that a batch is making.
func (p *plan) notTwice(known []eval.Batch) error {
	called := make(map[string]bool)
	for i, asked := range p.asked.asked(p.run) {
		c := &p.run.Candidates[i]
		if !asked {
			continue
		}
		called[c.Name] = true
		if c.Policy != nil {
			called[c.Policy.Default], called[c.Policy.Backup], called[c.Policy.ContextBackup] = true, true, true
		}
	}
	batches, calls := openBatches(known, func(b *eval.Batch) bool { return called[b.Candidate] })
	if batches == 0 {
		return nil
	}
	return eval.Invalid(fmt.Errorf("%d calls of run %s are in %d batches that have not ended", calls, p.run.ID, batches), "add --batch to collect them, or --new to begin another run")
}

// openBatches counts the batches that have not ended, and their calls.
func openBatches(known []eval.Batch, which func(*eval.Batch) bool) (batches, calls int) {
	for i := range known {
		if b := &known[i]; (b.State == eval.BatchSending || b.State == eval.BatchSent) && which(b) {
			batches++
			calls += len(b.Calls)
		}
	}
	return batches, calls
}

// tellLeft says what the run has left in batches.
func (p *plan) tellLeft(ctx context.Context, s *store.Store) error {
	if !p.o.batch {
		return nil
	}
	known, err := s.Batches(ctx, p.run.ID)
	if err != nil {
		return err
	}
	if batches, calls := openBatches(known, func(*eval.Batch) bool { return true }); batches > 0 {
		p.say("%d calls are in %d batches that have not ended. They go on without us: the same command collects them.", calls, batches)
	}
	return nil
}

// tellBatches says how far batches are, each time that changed.
func tellBatches(say func(string, ...any)) func(eval.Batch, eval.BatchProgress, *eval.Failure) {
	var mu sync.Mutex
	last := make(map[string]string)
	return func(b eval.Batch, p eval.BatchProgress, f *eval.Failure) {
		words := ""
		switch {
		case f != nil:
			words = "cannot be asked for now: " + f.Error()
		case b.State == eval.BatchEnded:
			words = fmt.Sprintf("ended, %d of %d calls done", p.Done, p.Last)
		case b.ID == "":
			words = fmt.Sprintf("%d calls of %s may have been sent when infer was stopped; looking for them", len(b.Calls), eval.Untrusted(b.Candidate).Line(60))
		case p.Last == 0:
			words = fmt.Sprintf("%d calls of %s sent", len(b.Calls), eval.Untrusted(b.Candidate).Line(60))
		default:
			words = fmt.Sprintf("%d of %d calls done", p.Done, p.Last)
		}
		mu.Lock()
		defer mu.Unlock()
		if last[b.Key] != words {
			last[b.Key] = words
			name := b.ID
			if name == "" {
				name = "without a number"
			}
			say("batch %s: %s", eval.Untrusted(name).Line(60), words)
		}
	}
}

// gradeFew grades so many answers at a time.
type gradeFew struct {
	runner.Grader
	slots chan struct{}
}

// Grade waits for its turn. One that is cut off meanwhile is graded at once, and
// says so itself.
func (g gradeFew) Grade(ctx context.Context, t *eval.Task, r *eval.Response) eval.Grade {
	select {
	case g.slots <- struct{}{}:
		defer func() { <-g.slots }()
	case <-ctx.Done():
	}
	return g.Grader.Grade(ctx, t, r)
}
