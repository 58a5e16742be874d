package store

import (
	"context"
	"database/sql"
	"encoding/json"

	"infer/eval"
)

// TaskRow is one task with its trials as facts.
type TaskRow struct {
	Line
	Type  string
	Facts []TrialFact // by candidate, then repeat
}

// maxRowText is how large a stored line may be, compressed, to be read for a row.
const maxRowText = 64 << 10

// TaskRows returns the tasks at the given positions, in that order, with their
// facts. Raw is nil where the stored line is longer than a row could show. It reads
// by primary keys only, so it is as fast on a million trials as on a hundred.
func (s *Store) TaskRows(ctx context.Context, runID string, candidates int, seqs []int) ([]TaskRow, error) {
	id, err := s.runKey(ctx, runID)
	if err != nil {
		return nil, err
	}
	wanted, err := json.Marshal(seqs)
	if err != nil {
		return nil, err
	}
	tx, err := s.read.BeginTx(ctx, nil)
	if err != nil {
		return nil, explain(s.path, err)
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	found, err := s.rowLines(ctx, tx, id, string(wanted))
	if err != nil {
		return nil, explain(s.path, err)
	}
	for c := range candidates {
		if err := rowFacts(ctx, tx, id, c, string(wanted), found); err != nil {
			return nil, explain(s.path, err)
		}
	}
	out := make([]TaskRow, 0, len(seqs))
	for _, seq := range seqs {
		if r, ok := found[seq]; ok { // else the run was deleted meanwhile
			out = append(out, *r)
		}
	}
	return out, nil
}

func (s *Store) rowLines(ctx context.Context, tx *sql.Tx, run int64, wanted string) (map[int]*TaskRow, error) {
	rows, err := tx.QueryContext(ctx, `SELECT k.seq, f.name, k.line, k.task_id, n.name, p.codec, CASE WHEN length(p.body) <= ? THEN p.body END FROM json_each(?) j
		CROSS JOIN tasks k ON k.run = ? AND k.seq = j.value JOIN names n ON n.id = k.type JOIN names f ON f.id = k.file JOIN payloads p ON p.digest = k.payload`, maxRowText, wanted, run)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err is checked
	found := make(map[int]*TaskRow)
	for rows.Next() {
		r := new(TaskRow)
		var codec int
		var body []byte
		if err := rows.Scan(&r.Seq, &r.File, &r.Line.Line, &r.ID, &r.Type, &codec, &body); err != nil {
			return nil, err
		}
		if body != nil {
			if r.Raw, err = s.unpack(codec, body); err != nil {
				return nil, err
			}
		}
		found[r.Seq] = r
	}
	return found, rows.Err()
}

// rowFacts adds what one candidate did. CROSS JOIN keeps the planner from reading
// all of the run's trials for a handful of them.
func rowFacts(ctx context.Context, tx *sql.Tx, run int64, candidate int, wanted string, found map[int]*TaskRow) error {
	rows, err := tx.QueryContext(ctx, `SELECT t.task, t.repeat, t.verdict, coalesce(t.class, ''), t.attempts, coalesce(t.latency_us, -1), t.cost_low, t.cost_high
		FROM json_each(?) j CROSS JOIN trials t ON t.run = ? AND t.candidate = ? AND t.task = j.value WHERE t.cut_off = 0`, wanted, run, candidate)
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // rows.Err is checked
	for rows.Next() {
		f := TrialFact{Candidate: candidate}
		var low int64
		var high sql.NullInt64
		if err := rows.Scan(&f.Task, &f.Repeat, &f.Verdict, &f.Class, &f.Attempts, &f.LatencyUS, &low, &high); err != nil {
			return err
		}
		f.Cost = costOf(low, high)
		if r, ok := found[f.Task]; ok {
			r.Facts = append(r.Facts, f) // the index gives repeats in order
		}
	}
	return rows.Err()
}

// TaskAt returns the stored line of the task at a position of a run, whole.
func (s *Store) TaskAt(ctx context.Context, runID string, seq int) (Line, error) {
	var l Line
	var codec int
	var body []byte
	err := s.read.QueryRowContext(ctx, `SELECT k.seq, f.name, k.line, k.task_id, p.codec, p.body FROM tasks k
		JOIN names f ON f.id = k.file JOIN payloads p ON p.digest = k.payload WHERE k.run = (SELECT id FROM runs WHERE key = ?) AND k.seq = ?`, runID, seq).
		Scan(&l.Seq, &l.File, &l.Line, &l.ID, &codec, &body)
	if isNoRows(err) {
		return l, ErrNotFound
	}
	if err == nil {
		l.Raw, err = s.unpack(codec, body)
	}
	return l, explain(s.path, err)
}

// TrialsOf returns what a run's candidates did on the task at a position, by
// candidate and repeat, with attempts, texts and current grades.
func (s *Store) TrialsOf(ctx context.Context, runID string, candidates, seq int) ([]*eval.Trial, error) {
	id, err := s.runKey(ctx, runID)
	if err != nil {
		return nil, err
	}
	var out []*eval.Trial
	for c := range candidates {
		// A page begins after a place, and no repeat is below 0.
		page, err := s.trialPage(ctx, id, Filter{Candidate: &c, TaskSeq: &seq}, place{c, seq, -1})
		if err != nil {
			return nil, explain(s.path, err)
		}
		for _, t := range page {
			out = append(out, t.Trial)
		}
	}
	return out, nil
}

// TaskLine returns the stored line of one task of a run by its id. It looks through
// the run's tasks; TaskAt does not.
func (s *Store) TaskLine(ctx context.Context, runID, taskID string) (Line, error) {
	seqs, err := s.ints(ctx, `SELECT seq FROM tasks WHERE run = (SELECT id FROM runs WHERE key = ?) AND task_id = ? ORDER BY seq LIMIT 1`, runID, taskID)
	if err != nil {
		return Line{}, err
	}
	if len(seqs) == 0 {
		return Line{}, ErrNotFound
	}
	return s.TaskAt(ctx, runID, seqs[0])
}
