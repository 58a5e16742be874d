package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"

	"infer/eval"
)

func isNoRows(err error) bool { return errors.Is(err, sql.ErrNoRows) }

// DoneSet is the set of trials that have their outcome: one bit each.
type DoneSet struct {
	bits map[[2]int][]uint64 // by candidate and repeat, then by task
	n    int64
}

// Has reports whether the trial has its outcome.
func (d *DoneSet) Has(task, candidate, repeat int) bool {
	b := d.bits[[2]int{candidate, repeat}]
	return task/64 < len(b) && b[task/64]&(1<<(task%64)) != 0
}

// Len returns how many trials have their outcome.
func (d *DoneSet) Len() int64 { return d.n }

// Done returns the trials of a run that have an outcome, leaving out those that
// again wants to be run once more (nil = none).
func (s *Store) Done(ctx context.Context, runID string, again func(eval.Verdict, eval.Class) bool) (*DoneSet, error) {
	id, err := s.runKey(ctx, runID)
	if err != nil {
		return nil, err
	}
	rows, err := s.read.QueryContext(ctx, "SELECT candidate, repeat, task, verdict, coalesce(class, '') FROM trials WHERE run = ?", id)
	if err != nil {
		return nil, explain(s.path, err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err is checked
	d := &DoneSet{bits: make(map[[2]int][]uint64)}
	for rows.Next() {
		var key [2]int
		var task int
		var verdict eval.Verdict
		var class eval.Class
		if err := rows.Scan(&key[0], &key[1], &task, &verdict, &class); err != nil {
			return nil, explain(s.path, err)
		}
		if again != nil && again(verdict, class) {
			continue
		}
		b := d.bits[key]
		for task/64 >= len(b) {
			b = append(b, 0)
		}
		b[task/64] |= 1 << (task % 64)
		d.bits[key] = b
		d.n++
	}
	return d, explain(s.path, rows.Err())
}

// Unresolved returns the intents of a run whose calls have no recorded outcome:
// they may have been sent, and may have been billed.
func (s *Store) Unresolved(ctx context.Context, runID string) ([]eval.Intent, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT i.task, i.candidate, i.repeat, i.attempt, i.at_us FROM intents i JOIN runs r ON r.id = i.run
		WHERE r.key = ? AND NOT EXISTS (SELECT 1 FROM trials t JOIN attempts a ON a.trial = t.id WHERE t.run = i.run AND t.candidate = i.candidate
			AND t.task = i.task AND t.repeat = i.repeat AND a.started_us >= i.at_us)
		ORDER BY i.candidate, i.task, i.repeat, i.attempt`, runID)
	if err != nil {
		return nil, explain(s.path, err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err is checked
	var out []eval.Intent
	for rows.Next() {
		var in eval.Intent
		var us int64
		if err := rows.Scan(&in.TaskSeq, &in.Candidate, &in.Repeat, &in.Attempt, &us); err != nil {
			return nil, explain(s.path, err)
		}
		in.At = time.UnixMicro(us).UTC()
		out = append(out, in)
	}
	return out, explain(s.path, rows.Err())
}

// Records streams the run's trials as records of the ten fields, ordered by
// candidate, task and repeat.
func (s *Store) Records(ctx context.Context, run *eval.Run) iter.Seq2[eval.Record, error] {
	return func(yield func(eval.Record, error) bool) {
		rows, err := s.read.QueryContext(ctx, `SELECT k.task_id, n.name, k.input_type, t.candidate, t.repeat, t.verdict, coalesce(t.class, ''),
			t.latency_us, t.backend_us, t.retries, t.fallback, t.regenerations, t.human_fix, t.fix_origin, t.cost_low, t.cost_high
			FROM trials t JOIN runs r ON r.id = t.run JOIN tasks k ON k.run = t.run AND k.seq = t.task JOIN names n ON n.id = t.type
			WHERE r.key = ? ORDER BY t.candidate, t.task, t.repeat`, run.ID)
		if err != nil {
			yield(eval.Record{}, explain(s.path, err))
			return
		}
		defer rows.Close() //nolint:errcheck // rows.Err is checked
		for rows.Next() {
			rec, err := scanRecord(rows, run)
			if !yield(rec, explain(s.path, err)) || err != nil {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(eval.Record{}, explain(s.path, err))
		}
	}
}

func scanRecord(rows *sql.Rows, run *eval.Run) (eval.Record, error) {
	var rec eval.Record
	var candidate int
	var retries, regenerations, low int64
	var fallback bool
	var fix sql.NullBool
	var fixOrigin eval.Origin
	var latency, backend, high sql.NullInt64
	err := rows.Scan(&rec.TaskID, &rec.TaskType, &rec.InputType, &candidate, &rec.Repeat, &rec.Verdict, &rec.Class,
		&latency, &backend, &retries, &fallback, &regenerations, &fix, &fixOrigin, &low, &high)
	if err != nil {
		return rec, err
	}
	if candidate >= len(run.Candidates) {
		return rec, fmt.Errorf("trial of candidate %d, but the plan has %d", candidate, len(run.Candidates))
	}
	c := &run.Candidates[candidate]
	rec.Run, rec.Candidate, rec.Model = run.ID, c.Name, c.Model
	if c.Policy != nil && c.Policy.DefaultCandidate != nil {
		rec.Model = c.Policy.DefaultCandidate.Model
	}
	regenerated := regenerations > 0
	rec.RetryCount, rec.FallbackUsed, rec.UserRegenerated = &retries, &fallback, &regenerated
	if latency.Valid {
		rec.Latency.User = &latency.Int64
	}
	if backend.Valid {
		rec.Latency.Backend = &backend.Int64
	}
	if fix.Valid {
		rec.HumanFix = &fix.Bool
	}
	if rec.Verdict != eval.Unscored && rec.Verdict != eval.Diverged {
		ok := rec.Verdict == eval.Accepted
		rec.Accepted = &ok
	}
	if high.Valid && high.Int64 == low {
		m := eval.Money(low)
		rec.FinalCost = &m
	}
	rec.Origins = map[string]eval.Origin{
		"task_type": eval.Observed, "model": eval.Observed, "input_type": eval.Observed, "retry_count": eval.Observed,
		"fallback_used": eval.Observed, "user_regenerated": eval.Imputed, "human_fix_required": fixOrigin,
		"latency": originOf(latency.Valid), "accepted_result": originOf(rec.Accepted != nil), "final_cost": originOf(rec.FinalCost != nil),
	}
	if fix.Valid && fix.Bool && fixOrigin == eval.Imputed {
		rec.Origins["accepted_result"], rec.Origins["final_cost"] = eval.Imputed, eval.Imputed
	}
	return rec, nil
}

func originOf(known bool) eval.Origin {
	if known {
		return eval.Observed
	}
	return eval.UnknownOrigin
}

// Outcomes streams the run's trials as narrow rows, ordered by candidate, task
// and repeat. Clusters are numbered in the order of their first appearance.
func (s *Store) Outcomes(ctx context.Context, runID string, types []string) iter.Seq2[eval.Outcome, error] {
	return func(yield func(eval.Outcome, error) bool) {
		id, err := s.runKey(ctx, runID)
		if err != nil {
			yield(eval.Outcome{}, err)
			return
		}
		names, err := s.dictionary(ctx, id)
		if err != nil {
			yield(eval.Outcome{}, err)
			return
		}
		index := make(map[string]int32, len(types))
		for i, t := range types {
			index[t] = int32(i)
		}
		rows, err := s.read.QueryContext(ctx, `SELECT candidate, task, repeat, type, cluster, verdict, coalesce(class, ''), attempts, retries, fallback,
			coalesce(first_try, 0), coalesce(human_fix, 0), coalesce(latency_us, -1), coalesce(ttft_us, -1), cost_low, cost_high
			FROM trials WHERE run = ? ORDER BY candidate, task, repeat`, id)
		if err != nil {
			yield(eval.Outcome{}, explain(s.path, err))
			return
		}
		defer rows.Close() //nolint:errcheck // rows.Err is checked
		clusters := make(map[int64]int32)
		for rows.Next() {
			var o eval.Outcome
			var kind, group, low int64
			var high sql.NullInt64
			if err := rows.Scan(&o.Candidate, &o.TaskSeq, &o.Repeat, &kind, &group, &o.Verdict, &o.Class, &o.Attempts, &o.Retries, &o.Fallback,
				&o.FirstTry, &o.HumanFix, &o.LatencyUS, &o.TTFTUS, &low, &high); err != nil {
				yield(o, explain(s.path, err))
				return
			}
			n, ok := clusters[group]
			if !ok {
				n = int32(len(clusters))
				clusters[group] = n
			}
			o.Cluster, o.TaskType = n, index[names[kind]]
			o.Cost = eval.Cost{Low: eval.Money(low), High: eval.Money(high.Int64), Unbounded: !high.Valid}
			if !yield(o, nil) {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(eval.Outcome{}, explain(s.path, err))
		}
	}
}

// TaskTypes returns the names of the run's task types, sorted.
func (s *Store) TaskTypes(ctx context.Context, runID string) ([]string, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT name FROM names WHERE id IN
		(SELECT DISTINCT type FROM tasks WHERE run = (SELECT id FROM runs WHERE key = ?)) ORDER BY name`, runID)
	if err != nil {
		return nil, explain(s.path, err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err is checked
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, explain(s.path, err)
		}
		names = append(names, name)
	}
	return names, explain(s.path, rows.Err())
}

// Line is a stored dataset line.
type Line struct {
	Seq  int
	File string
	Line int
	ID   string
	Raw  []byte
}

// Lines streams the run's dataset lines in order.
func (s *Store) Lines(ctx context.Context, runID string) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		rows, err := s.read.QueryContext(ctx, `SELECT k.seq, f.name, k.line, k.task_id, p.codec, p.body FROM tasks k JOIN runs r ON r.id = k.run
			JOIN names f ON f.id = k.file JOIN payloads p ON p.digest = k.payload WHERE r.key = ? ORDER BY k.seq`, runID)
		if err != nil {
			yield(Line{}, explain(s.path, err))
			return
		}
		defer rows.Close() //nolint:errcheck // rows.Err is checked
		for rows.Next() {
			var l Line
			var codec int
			var body []byte
			err := rows.Scan(&l.Seq, &l.File, &l.Line, &l.ID, &codec, &body)
			if err == nil {
				l.Raw, err = unpack(codec, body)
			}
			if !yield(l, explain(s.path, err)) || err != nil {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(Line{}, explain(s.path, err))
		}
	}
}

func decodeDetail(body sql.NullString, a *eval.Attempt) error {
	if !body.Valid {
		return nil
	}
	var d detail
	if err := json.Unmarshal([]byte(body.String), &d); err != nil {
		return fmt.Errorf("read detail of an attempt: %w", err)
	}
	a.Failure, a.RateLimits, a.ToolCalls, a.Refusal, a.Reason = d.Failure, d.RateLimits, d.ToolCalls, d.Refusal, d.Reason
	if d.FinishRaw != "" {
		a.FinishRaw = d.FinishRaw
	}
	if d.Usage != nil {
		a.Usage = d.Usage
	}
	if a.Usage != nil {
		a.Usage.Raw = d.UsageRaw
	}
	return nil
}
