package store

import (
	"context"
	"database/sql"
	"time"

	"infer/eval"
)

// tally sums up a run while it is written, so that its end need not read it all
// again. It counts what is committed, on the writer's goroutine, and holds only
// for a run that this process writes from its first trial on.
type tally struct{ by map[int]*gather } // by candidate

// tallied returns the tally of a run that begins; nil where it has trials already,
// of which some may be replaced.
func (s *Store) tallied(run int64, resumed bool) *tally {
	s.mu.Lock()
	defer s.mu.Unlock()
	if resumed {
		delete(s.tallies, run)
		return nil
	}
	if s.tallies[run] == nil {
		s.tallies[run] = &tally{make(map[int]*gather)}
	}
	return s.tallies[run]
}

// sumUp returns the cells of a run that is not written any more: from its tally
// if it has one, else from a scan.
func (s *Store) sumUp(ctx context.Context, run int64) ([]eval.Cell, error) {
	s.mu.Lock()
	t := s.tallies[run]
	delete(s.tallies, run)
	s.mu.Unlock()
	if t == nil {
		return s.scanCells(ctx, run, 0)
	}
	var cells []eval.Cell
	// The writer's goroutine: everything that was queued before is counted by then.
	if err := s.w.wait(ctx, func(*tx) error {
		for _, g := range t.by {
			cells = append(cells, g.finish()...)
		}
		return nil
	}); err != nil {
		return nil, explain(s.path, err)
	}
	cells = inOrder(cells)
	return cells, explain(s.path, addSamples(ctx, s.read, run, cells))
}

// add counts one trial, which has replaced none.
func (t *tally) add(trial *eval.Trial, group int64) {
	g, ok := t.by[trial.Candidate]
	if !ok {
		g = newGather()
		t.by[trial.Candidate] = g
	}
	r := trialRow{candidate: trial.Candidate, kind: trial.TaskType, cluster: group, verdict: trial.Verdict, attempts: int64(trial.Calls()),
		retries: int64(trial.Retries()), fallback: trial.FallbackUsed(), regenerations: int64(trial.Regenerations), split: trial.Cost,
		answered: trial.Final >= 0 || trial.Told != nil && trial.Verdict != eval.Errored, untold: trial.Told != nil && trial.Told.Retries == nil, cutOff: trial.CutOff, firstTry: nullBool(trial.FirstTry), afterRegen: nullBool(trial.AfterRegen),
		humanFix: nullBool(trial.HumanFix), latency: nullMicros(trial.UserVisible()), ttft: nullMicros(trial.FirstToken())}
	if c := trial.ErrorClass(); c != "" {
		r.class = sql.NullString{String: string(c), Valid: true}
	}
	g.add(&r)
	for _, kind := range []string{trial.TaskType, allTypes} {
		c, _ := g.cell(kind, trial.Candidate)
		for i := range trial.Attempts {
			if trial.Attempts[i].Batch != "" {
				continue
			}
			c.Flight.Add(micros(trial.Attempts[i].InFlight))
			c.Queue.Add(micros(trial.Attempts[i].QueueWait))
		}
	}
}

func nullBool(b *bool) sql.NullBool {
	if b == nil {
		return sql.NullBool{}
	}
	return sql.NullBool{Bool: *b, Valid: true}
}

func nullMicros(d time.Duration, known bool) sql.NullInt64 {
	return sql.NullInt64{Int64: micros(d), Valid: known}
}
