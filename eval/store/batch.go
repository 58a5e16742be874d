package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"infer/eval"
)

// SaveBatch keeps how far a batch is and returns once that is durable.
func (j *Journal) SaveBatch(ctx context.Context, b *eval.Batch) error {
	calls := make([]byte, 0, len(b.Calls)*len(eval.Digest{}))
	for _, key := range b.Calls {
		calls = append(calls, key[:]...)
	}
	var id, ended any
	if b.ID != "" {
		id = b.ID
	}
	if b.EndedAt != nil {
		ended = b.EndedAt.UnixMicro()
	}
	return explain(j.s.path, j.s.w.wait(ctx, func(t *tx) error {
		return t.exec(`INSERT INTO batches (run, key, id, candidate, provider, model, state, calls, sent_us, ended_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (run, key) DO UPDATE SET id = excluded.id, state = excluded.state, ended_us = excluded.ended_us`,
			j.run, b.Key, id, b.Candidate, b.Provider, b.Model, string(b.State), calls, b.SentAt.UnixMicro(), ended)
	}))
}

// Batches lists the batches of a run in the order in which they were sent.
func (s *Store) Batches(ctx context.Context, runID string) ([]eval.Batch, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT b.key, coalesce(b.id, ''), b.candidate, b.provider, b.model, b.state, b.calls, b.sent_us, b.ended_us
		FROM batches b JOIN runs r ON r.id = b.run WHERE r.key = ? ORDER BY b.sent_us, b.key`, runID)
	if err != nil {
		return nil, explain(s.path, err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err is checked
	var list []eval.Batch
	for rows.Next() {
		var b eval.Batch
		var calls []byte
		var sent int64
		var ended sql.NullInt64
		if err := rows.Scan(&b.Key, &b.ID, &b.Candidate, &b.Provider, &b.Model, &b.State, &calls, &sent, &ended); err != nil {
			return nil, explain(s.path, err)
		}
		const size = len(eval.Digest{})
		if len(calls)%size != 0 {
			return nil, fmt.Errorf("batch %s: the keys of its calls are %d bytes", eval.Untrusted(b.Key).Line(60), len(calls))
		}
		for ; len(calls) > 0; calls = calls[size:] {
			b.Calls = append(b.Calls, eval.Digest(calls[:size]))
		}
		b.SentAt = time.UnixMicro(sent).UTC()
		if ended.Valid {
			at := time.UnixMicro(ended.Int64).UTC()
			b.EndedAt = &at
		}
		list = append(list, b)
	}
	return list, explain(s.path, rows.Err())
}

// Cell is the place of one trial in a plan.
type Cell struct{ Task, Candidate, Repeat int }

// Begun returns how many attempts each cell has that is to be run again or has no
// outcome; one without an attempt is left out.
func (s *Store) Begun(ctx context.Context, runID string, again func(eval.Verdict, eval.Class) bool) (map[Cell]int, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT t.candidate, t.task, t.repeat, t.verdict, coalesce(t.class, ''), t.cut_off, t.attempts
		FROM trials t JOIN runs r ON r.id = t.run WHERE r.key = ? AND (t.cut_off = 1 OR t.verdict IN ('errored', 'unscored'))`, runID)
	if err != nil {
		return nil, explain(s.path, err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err is checked
	begun := make(map[Cell]int)
	for rows.Next() {
		var c Cell
		var v eval.Verdict
		var class eval.Class
		var cut bool
		var n int
		if err := rows.Scan(&c.Candidate, &c.Task, &c.Repeat, &v, &class, &cut, &n); err != nil {
			return nil, explain(s.path, err)
		}
		if n > 0 && (cut || again(v, class)) {
			begun[c] = n
		}
	}
	return begun, explain(s.path, rows.Err())
}
