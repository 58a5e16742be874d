package store

import (
	"context"
	"strings"

	"infer/eval"
)

// TaskVerdicts is one task with the verdict of each candidate's first repeat; ""
// where there is none.
type TaskVerdicts struct {
	Seq      int
	ID, Type string
	Verdicts []eval.Verdict // by index into the run's candidates
}

// TaskVerdicts returns up to limit tasks from position from on, in the dataset's
// order. It reads by primary keys only, so it is as fast on a million trials as
// on a hundred.
func (s *Store) TaskVerdicts(ctx context.Context, runID string, candidates, from, limit int) ([]TaskVerdicts, error) {
	id, err := s.runKey(ctx, runID)
	if err != nil {
		return nil, err
	}
	out, err := s.taskNames(ctx, id, from, limit)
	if err != nil || len(out) == 0 {
		return nil, err
	}
	at := make(map[int]*TaskVerdicts, len(out))
	for i := range out {
		out[i].Verdicts = make([]eval.Verdict, candidates)
		at[out[i].Seq] = &out[i]
	}
	for c := range candidates {
		if err := s.verdictsOf(ctx, id, c, out[0].Seq, out[len(out)-1].Seq, at); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (s *Store) taskNames(ctx context.Context, run int64, from, limit int) ([]TaskVerdicts, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT k.seq, k.task_id, n.name FROM tasks k JOIN names n ON n.id = k.type
		WHERE k.run = ? AND k.seq >= ? ORDER BY k.seq LIMIT ?`, run, from, limit)
	if err != nil {
		return nil, explain(s.path, err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err is checked
	var out []TaskVerdicts
	for rows.Next() {
		var t TaskVerdicts
		if err := rows.Scan(&t.Seq, &t.ID, &t.Type); err != nil {
			return nil, explain(s.path, err)
		}
		out = append(out, t)
	}
	return out, explain(s.path, rows.Err())
}

func (s *Store) verdictsOf(ctx context.Context, run int64, candidate, from, to int, at map[int]*TaskVerdicts) error {
	rows, err := s.read.QueryContext(ctx, `SELECT task, verdict FROM trials WHERE run = ? AND candidate = ? AND task BETWEEN ? AND ? AND repeat = 0`,
		run, candidate, from, to)
	if err != nil {
		return explain(s.path, err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err is checked
	for rows.Next() {
		var task int
		var verdict string
		if err := rows.Scan(&task, &verdict); err != nil {
			return explain(s.path, err)
		}
		if t := at[task]; t != nil {
			t.Verdicts[candidate] = eval.Verdict(strings.Clone(verdict))
		}
	}
	return explain(s.path, rows.Err())
}

// TaskLine returns the stored line of one task of a run.
func (s *Store) TaskLine(ctx context.Context, runID, taskID string) (Line, error) {
	var l Line
	var codec int
	var body []byte
	err := s.read.QueryRowContext(ctx, `SELECT k.seq, f.name, k.line, k.task_id, p.codec, p.body FROM tasks k JOIN runs r ON r.id = k.run
		JOIN names f ON f.id = k.file JOIN payloads p ON p.digest = k.payload WHERE r.key = ? AND k.task_id = ?`, runID, taskID).
		Scan(&l.Seq, &l.File, &l.Line, &l.ID, &codec, &body)
	if isNoRows(err) {
		return l, ErrNotFound
	}
	if err == nil {
		l.Raw, err = s.unpack(codec, body)
	}
	return l, explain(s.path, err)
}
