package store

import (
	"context"
	"time"

	"infer/eval"
)

// FailureCount is how many attempts failed with one class in one stretch of time.
type FailureCount struct {
	From  time.Time
	Class eval.Class
	N     int64
}

// Failures counts the run's failed attempts by class over at most so many equal
// stretches of the time in which any failed, in order of time. Attempts that a
// retry made good count too.
func (s *Store) Failures(ctx context.Context, runID string, stretches int) ([]FailureCount, error) {
	id, err := s.runKey(ctx, runID)
	if err != nil {
		return nil, err
	}
	var low, high int64
	err = s.read.QueryRowContext(ctx, `SELECT coalesce(min(a.started_us), 0), coalesce(max(a.started_us), 0)
		FROM trials t JOIN attempts a ON a.trial = t.id WHERE t.run = ? AND a.class IS NOT NULL`, id).Scan(&low, &high)
	if err != nil || low == 0 {
		return nil, explain(s.path, err)
	}
	step := max((high-low)/int64(max(stretches, 1))+1, 1_000_000)
	rows, err := s.read.QueryContext(ctx, `SELECT (a.started_us - ?1) / ?2, a.class, count(*) FROM trials t JOIN attempts a ON a.trial = t.id
		WHERE t.run = ?3 AND a.class IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2`, low, step, id)
	if err != nil {
		return nil, explain(s.path, err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err is checked
	var out []FailureCount
	for rows.Next() {
		var c FailureCount
		var slot int64
		if err := rows.Scan(&slot, &c.Class, &c.N); err != nil {
			return nil, explain(s.path, err)
		}
		c.From = time.UnixMicro(low + slot*step).UTC()
		out = append(out, c)
	}
	return out, explain(s.path, rows.Err())
}
