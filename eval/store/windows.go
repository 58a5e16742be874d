package store

import (
	"context"
	"time"

	"infer/eval"
)

// Window is a stretch of time in which a candidate was called.
type Window struct {
	Candidate   int
	At          int64 // number of the stretch since 1970
	Calls, Down int64 // calls, and those of them that found no provider
}

// Windows counts a run's calls and outages by candidate and stretch of so much time.
// Calls of a policy's backup count for the policy.
func (s *Store) Windows(ctx context.Context, runID string, length time.Duration) ([]Window, error) {
	id, err := s.runKey(ctx, runID)
	if err != nil {
		return nil, err
	}
	rows, err := s.read.QueryContext(ctx, `SELECT t.candidate, a.started_us / ?, count(*), sum(coalesce(a.class, '') IN (?, ?, ?))
		FROM trials t JOIN attempts a ON a.trial = t.id WHERE t.run = ? AND NOT a.recorded GROUP BY 1, 2`,
		length.Microseconds(), string(eval.ClassUnavailable), string(eval.ClassNetwork), string(eval.ClassTimeout), id)
	if err != nil {
		return nil, explain(s.path, err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err is checked
	var out []Window
	for rows.Next() {
		var w Window
		if err := rows.Scan(&w.Candidate, &w.At, &w.Calls, &w.Down); err != nil {
			return nil, explain(s.path, err)
		}
		out = append(out, w)
	}
	return out, explain(s.path, rows.Err())
}
