package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"infer/eval"
)

// TrialFact is one trial as filters and orders of tasks see it. It holds no text.
type TrialFact struct {
	Task, Candidate, Repeat int
	Verdict                 eval.Verdict
	Class                   eval.Class // of an errored trial
	Attempts                int
	LatencyUS               int64 // user-visible; -1 = unknown
	Cost                    eval.Cost
}

// Version changes whenever the trials of a run may have changed in place: another
// grading, a person's word, an invocation that began or ended. New trials alone do
// not change it; TrialFacts goes on where it was.
func (s *Store) Version(ctx context.Context, runID string) (string, error) {
	var updated, gradings, labels int64
	var state string
	err := s.read.QueryRowContext(ctx, `SELECT r.updated_us, r.state, (SELECT count(*) FROM gradings g WHERE g.run = r.id), (SELECT coalesce(max(id), 0) FROM labels)
		FROM runs r WHERE r.key = ?`, runID).Scan(&updated, &state, &gradings, &labels)
	if isNoRows(err) {
		return "", ErrNotFound
	}
	return fmt.Sprintf("%s %d %d %d", state, updated, gradings, labels), explain(s.path, err)
}

// TrialFacts calls each with up to limit trials of a run in the order in which they
// were stored, beginning after row number after. It returns the number of the last
// row it saw, of this run or another, and whether that was the end. It reads the
// table from one end to the other, without an index, which is the fastest way
// through all of it. The fact is the same variable each time.
func (s *Store) TrialFacts(ctx context.Context, runID string, after int64, limit int, each func(*TrialFact)) (last int64, end bool, err error) {
	id, err := s.runKey(ctx, runID)
	if err != nil {
		return after, false, err
	}
	rows, err := s.read.QueryContext(ctx, `SELECT id, run, candidate, task, repeat, verdict, coalesce(class, ''), attempts, coalesce(latency_us, -1), cost_low, cost_high, cut_off
		FROM trials WHERE id > ? ORDER BY id LIMIT ?`, after, limit)
	if err != nil {
		return after, false, explain(s.path, err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err is checked
	last = after
	n := 0
	var f TrialFact
	var run int64
	var verdict, class sql.RawBytes
	var low int64
	var high sql.NullInt64
	var cutOff bool
	words := make(map[string]string) // few, and met a million times
	word := func(b []byte) string {
		w, ok := words[string(b)]
		if !ok {
			w = string(b)
			words[w] = w
		}
		return w
	}
	for rows.Next() {
		if err := rows.Scan(&last, &run, &f.Candidate, &f.Task, &f.Repeat, &verdict, &class, &f.Attempts, &f.LatencyUS, &low, &high, &cutOff); err != nil {
			return last, false, explain(s.path, err)
		}
		n++
		if run != id || cutOff {
			continue
		}
		f.Verdict, f.Class, f.Cost = eval.Verdict(word(verdict)), eval.Class(word(class)), costOf(low, high)
		each(&f)
	}
	return last, n < limit, explain(s.path, rows.Err())
}

// TaskCount returns how many tasks of a run are stored, and the highest position
// among them.
func (s *Store) TaskCount(ctx context.Context, runID string) (n, last int, err error) {
	err = s.read.QueryRowContext(ctx, `SELECT count(*), coalesce(max(seq), -1) FROM tasks WHERE run = (SELECT id FROM runs WHERE key = ?)`, runID).Scan(&n, &last)
	return n, last, explain(s.path, err)
}

// TaskSeqs returns the positions of up to limit tasks, in the dataset's order,
// leaving out the first offset of them.
func (s *Store) TaskSeqs(ctx context.Context, runID string, offset, limit int) ([]int, error) {
	return s.ints(ctx, `SELECT seq FROM tasks WHERE run = (SELECT id FROM runs WHERE key = ?) ORDER BY seq LIMIT ? OFFSET ?`, runID, limit, offset)
}

// TaskMatch selects tasks by what they are called. Empty fields select all.
type TaskMatch struct {
	Text string // part of the id or of the task type, whatever the case of ASCII letters
	Type string // the task type
}

// MatchTasks returns the positions from from up to but without to of the tasks that
// match, in the dataset's order.
func (s *Store) MatchTasks(ctx context.Context, runID string, m TaskMatch, from, to int) ([]int, error) {
	where, args := []string{"k.run = (SELECT id FROM runs WHERE key = ?)", "k.seq >= ?", "k.seq < ?"}, []any{runID, from, to}
	if m.Text != "" {
		like := "%" + strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(m.Text) + "%"
		where = append(where, `(k.task_id LIKE ? ESCAPE '\' OR k.type IN (SELECT id FROM names WHERE name LIKE ? ESCAPE '\'))`)
		args = append(args, like, like)
	}
	if m.Type != "" {
		where, args = append(where, "k.type = (SELECT id FROM names WHERE name = ?)"), append(args, m.Type)
	}
	return s.ints(ctx, "SELECT k.seq FROM tasks k WHERE "+strings.Join(where, " AND ")+" ORDER BY k.seq", args...)
}

func (s *Store) ints(ctx context.Context, query string, args ...any) ([]int, error) {
	rows, err := s.read.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, explain(s.path, err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err is checked
	var out []int
	for rows.Next() {
		var n int
		if err := rows.Scan(&n); err != nil {
			return nil, explain(s.path, err)
		}
		out = append(out, n)
	}
	return out, explain(s.path, rows.Err())
}
