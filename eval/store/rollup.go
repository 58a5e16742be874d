package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"sort"

	"infer/eval"
)

// allTypes is the task type of the cells over all task types.
const allTypes = "*"

// Cells returns the sums of every candidate on every task type and, under the
// task type "*", over all of them; sorted by task type, then candidate. They
// come from the roll-ups where those agree with the trials, else from a scan.
func (s *Store) Cells(ctx context.Context, runID string) ([]eval.Cell, error) {
	var id int64
	var rolled bool
	if err := s.read.QueryRowContext(ctx, "SELECT id, rolled FROM runs WHERE key = ?", runID).Scan(&id, &rolled); err != nil {
		return nil, explain(s.path, fmt.Errorf("find run %s: %w", runID, err))
	}
	if !rolled {
		return s.scanCells(ctx, id, 0)
	}
	rows, err := s.read.QueryContext(ctx, "SELECT body FROM rollups WHERE run = ? ORDER BY type, candidate", id)
	if err != nil {
		return nil, explain(s.path, err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err is checked
	var cells []eval.Cell
	for rows.Next() {
		var body []byte
		var c eval.Cell
		if err := rows.Scan(&body); err != nil {
			return nil, explain(s.path, err)
		}
		if err := json.Unmarshal(body, &c); err != nil {
			return nil, fmt.Errorf("read roll-up: %w", err)
		}
		cells = append(cells, c)
	}
	return cells, explain(s.path, rows.Err())
}

// roll computes the run's cells from its trials and stores them; with runs in
// the same transaction. The caller holds the run, so that no trial is written
// between the two.
func (s *Store) roll(ctx context.Context, runID string, with func(t *tx, id int64) error) error {
	id, err := s.runKey(ctx, runID)
	if err != nil {
		return err
	}
	cells, err := s.sumUp(ctx, id)
	if err != nil {
		return err
	}
	return explain(s.path, s.w.wait(ctx, func(t *tx) error {
		if err := t.exec("DELETE FROM rollups WHERE run = ?", id); err != nil {
			return err
		}
		for i := range cells {
			b, err := json.Marshal(&cells[i])
			if err != nil {
				return err
			}
			if err := t.exec("INSERT INTO rollups (run, type, candidate, body) VALUES (?, ?, ?, ?)", id, cells[i].TaskType, cells[i].Candidate, string(b)); err != nil {
				return err
			}
		}
		if err := t.exec("UPDATE runs SET rolled = 1 WHERE id = ?", id); err != nil {
			return err
		}
		if with == nil {
			return nil
		}
		return with(t, id)
	}))
}

// scanCells computes the cells, as grading at left the trials, from one snapshot
// of the file.
func (s *Store) scanCells(ctx context.Context, run int64, at int) ([]eval.Cell, error) {
	tx, err := s.read.BeginTx(ctx, nil)
	if err != nil {
		return nil, explain(s.path, err)
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	types, err := dictionary(ctx, tx, run)
	if err != nil {
		return nil, explain(s.path, err)
	}
	from, err := trialsAt(ctx, tx, run, at)
	if err != nil {
		return nil, explain(s.path, err)
	}
	cells, err := scanTrials(ctx, tx, run, from, types)
	if err != nil {
		return nil, explain(s.path, err)
	}
	err = addFlights(ctx, tx, run, cells, types)
	if err == nil {
		err = addSamples(ctx, tx, run, cells)
	}
	if err == nil {
		err = addReviews(ctx, tx, run, cells, types)
	}
	return cells, explain(s.path, err)
}

func scanTrials(ctx context.Context, tx *sql.Tx, run int64, from string, types map[int64]string) ([]eval.Cell, error) {
	rows, err := tx.QueryContext(ctx, `SELECT candidate, type, cluster, verdict, class, attempts, retries, fallback, regenerations,
		first_try, after_regen, human_fix, latency_us, ttft_us, cost_low, cost_high, split,
		final >= 0 OR told IS NOT NULL AND verdict <> 'errored', cut_off, told IS NOT NULL AND told & 1 = 0
		FROM `+from+` WHERE run = ? ORDER BY candidate, task, repeat`, run)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err is checked
	var out []eval.Cell
	var g *gather
	last := -1
	for rows.Next() {
		var r trialRow
		var kind, low int64
		var high sql.NullInt64
		var split sql.NullString
		if err := rows.Scan(&r.candidate, &kind, &r.cluster, &r.verdict, &r.class, &r.attempts, &r.retries, &r.fallback, &r.regenerations,
			&r.firstTry, &r.afterRegen, &r.humanFix, &r.latency, &r.ttft, &low, &high, &split, &r.answered, &r.cutOff, &r.untold); err != nil {
			return nil, err
		}
		if r.split, err = decodeSplit(split, costOf(low, high)); err != nil {
			return nil, err
		}
		if r.candidate != last {
			out = append(out, g.finish()...)
			g = newGather()
			last = r.candidate
		}
		r.kind = types[kind]
		g.add(&r)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	return inOrder(append(out, g.finish()...)), nil
}

func inOrder(cells []eval.Cell) []eval.Cell {
	sort.SliceStable(cells, func(i, j int) bool {
		if cells[i].TaskType != cells[j].TaskType {
			return cells[i].TaskType < cells[j].TaskType
		}
		return cells[i].Candidate < cells[j].Candidate
	})
	return cells
}

// addSamples fills in what the first failure of each class said, since a class
// alone does not tell anybody what to mend.
func addSamples(ctx context.Context, q rower, run int64, cells []eval.Cell) error {
	overall := make(map[int]*eval.Cell)
	for i := range cells {
		if cells[i].TaskType == allTypes && cells[i].Errored > 0 {
			overall[cells[i].Candidate] = &cells[i]
		}
	}
	if len(overall) == 0 {
		return nil
	}
	rows, err := q.QueryContext(ctx, `SELECT t.candidate, t.class, coalesce(json_extract(a.detail, '$.failure.message'), ''), min(t.task)
		FROM trials t JOIN attempts a ON a.trial = t.id AND a.class = t.class WHERE t.run = ? GROUP BY t.candidate, t.class`, run)
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // rows.Err is checked
	for rows.Next() {
		var candidate int
		var class, message string
		var task int64
		if err := rows.Scan(&candidate, &class, &message, &task); err != nil {
			return err
		}
		if c := overall[candidate]; c != nil && message != "" {
			if c.Samples == nil {
				c.Samples = make(map[eval.Class]eval.Untrusted)
			}
			c.Samples[eval.Class(class)] = eval.Untrusted(message)
		}
	}
	return rows.Err()
}

// addFlights fills in the figures that only attempts have.
func addFlights(ctx context.Context, tx *sql.Tx, run int64, cells []eval.Cell, types map[int64]string) error {
	at := make(map[[2]any]*eval.Cell, len(cells))
	for i := range cells {
		at[[2]any{cells[i].TaskType, cells[i].Candidate}] = &cells[i]
	}
	rows, err := tx.QueryContext(ctx, `SELECT t.type, t.candidate, a.flight_us, a.queue_us FROM trials t
		JOIN attempts a ON a.trial = t.id WHERE t.run = ? AND a.batch IS NULL`, run)
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // rows.Err is checked
	for rows.Next() {
		var kind, flight, queue int64
		var candidate int
		if err := rows.Scan(&kind, &candidate, &flight, &queue); err != nil {
			return err
		}
		for _, name := range []string{types[kind], allTypes} {
			if c := at[[2]any{name, candidate}]; c != nil {
				c.Flight.Add(flight)
				c.Queue.Add(queue)
			}
		}
	}
	return rows.Err()
}

// rower is a pool of connections or a transaction.
type rower interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// dictionary returns the names of the run's task types by number.
func dictionary(ctx context.Context, q rower, run int64) (map[int64]string, error) {
	rows, err := q.QueryContext(ctx, "SELECT id, name FROM names WHERE id IN (SELECT DISTINCT type FROM tasks WHERE run = ?)", run)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err is checked
	names := make(map[int64]string)
	for rows.Next() {
		var id int64
		var name string
		if err := rows.Scan(&id, &name); err != nil {
			return nil, err
		}
		names[id] = name
	}
	return names, rows.Err()
}
