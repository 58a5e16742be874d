package store

import (
	"context"
	"database/sql"
	"time"

	"infer/eval"
)

// Throttle queues a change of what a provider may be sent, for the run's history.
func (j *Journal) Throttle(ctx context.Context, c eval.Throttle) error {
	return explain(j.s.path, j.s.w.queue(ctx, func(t *tx) error {
		var per any
		if c.PerMinute != nil {
			per = *c.PerMinute
		}
		return t.exec(`INSERT INTO throttles (run, seq, at_us, provider, cause, calls, per_minute, wait_us)
			SELECT ?1, coalesce(max(seq), -1) + 1, ?2, ?3, ?4, ?5, ?6, ?7 FROM throttles WHERE run = ?1`,
			j.run, c.At.UnixMicro(), c.Provider, string(c.Cause), c.Calls, per, micros(c.Wait))
	}, nil))
}

// Throttles returns what each provider could be sent in the course of a run, as
// it changed.
func (s *Store) Throttles(ctx context.Context, runID string) ([]eval.Throttle, error) {
	id, err := s.runKey(ctx, runID)
	if err != nil {
		return nil, err
	}
	rows, err := s.read.QueryContext(ctx, "SELECT at_us, provider, cause, calls, per_minute, wait_us FROM throttles WHERE run = ? ORDER BY seq", id)
	if err != nil {
		return nil, explain(s.path, err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err is checked
	var out []eval.Throttle
	for rows.Next() {
		var c eval.Throttle
		var at, wait int64
		var per sql.NullFloat64
		if err := rows.Scan(&at, &c.Provider, &c.Cause, &c.Calls, &per, &wait); err != nil {
			return nil, explain(s.path, err)
		}
		c.At, c.Wait = time.UnixMicro(at).UTC(), time.Duration(wait)*time.Microsecond
		if per.Valid {
			c.PerMinute = &per.Float64
		}
		out = append(out, c)
	}
	return out, explain(s.path, rows.Err())
}
