package store

import (
	"context"
	"database/sql"
	"fmt"
	"iter"

	"infer/eval"
)

// Records streams the run's trials as records of the ten fields, ordered by
// candidate, task and repeat. One that was cut off is among them, for what it
// cost. Nothing is held open between two pages, so a slow reader of the stream
// does not keep a writer's log from being emptied.
func (s *Store) Records(ctx context.Context, run *eval.Run) iter.Seq2[eval.Record, error] {
	return s.RecordsAt(ctx, run, 0)
}

// RecordsAt is Records as grading at left the trials; 0 is now.
func (s *Store) RecordsAt(ctx context.Context, run *eval.Run, at int) iter.Seq2[eval.Record, error] {
	return func(yield func(eval.Record, error) bool) {
		id, err := s.runKey(ctx, run.ID)
		if err != nil {
			yield(eval.Record{}, err)
			return
		}
		from, err := trialsAt(ctx, s.read, id, at)
		if err != nil {
			yield(eval.Record{}, explain(s.path, err))
			return
		}
		for after := start; ; {
			page, last, err := s.recordPage(ctx, id, run, from, after)
			for i := range page {
				if !yield(page[i], nil) {
					return
				}
			}
			if err != nil {
				yield(eval.Record{}, explain(s.path, err))
				return
			}
			if len(page) < pageRows {
				return
			}
			after = last
		}
	}
}

func (s *Store) recordPage(ctx context.Context, id int64, run *eval.Run, from string, after place) (page []eval.Record, last place, err error) {
	rows, err := s.read.QueryContext(ctx, `SELECT t.candidate, t.task, t.repeat, k.task_id, n.name, k.input_type, t.verdict, coalesce(t.class, ''),
		t.latency_us, t.backend_us, t.retries, t.fallback, t.regenerations, t.human_fix, t.fix_origin, t.cost_low, t.cost_high, t.told
		FROM `+from+` t JOIN tasks k ON k.run = t.run AND k.seq = t.task JOIN names n ON n.id = t.type
		WHERE t.run = ? AND (t.candidate, t.task, t.repeat) > (?, ?, ?) ORDER BY t.candidate, t.task, t.repeat LIMIT ?`,
		id, after.candidate, after.task, after.repeat, pageRows)
	if err != nil {
		return nil, after, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err is checked
	for rows.Next() {
		rec, at, err := scanRecord(rows, run)
		if err != nil {
			return page, last, err
		}
		page, last = append(page, rec), at
	}
	return page, last, rows.Err()
}

func scanRecord(rows *sql.Rows, run *eval.Run) (eval.Record, place, error) {
	var rec eval.Record
	var at place
	var retries, regenerations, low int64
	var fallback bool
	var fix sql.NullBool
	var fixOrigin eval.Origin
	var latency, backend, high, told sql.NullInt64
	err := rows.Scan(&at.candidate, &at.task, &at.repeat, &rec.TaskID, &rec.TaskType, &rec.InputType, &rec.Verdict, &rec.Class,
		&latency, &backend, &retries, &fallback, &regenerations, &fix, &fixOrigin, &low, &high, &told)
	if err != nil {
		return rec, at, err
	}
	if at.candidate < 0 || at.candidate >= len(run.Candidates) {
		return rec, at, fmt.Errorf("trial of candidate %d, but the plan has %d", at.candidate, len(run.Candidates))
	}
	c := &run.Candidates[at.candidate]
	rec.Repeat = at.repeat
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
	if eval.Judged(rec.Verdict, rec.Class) {
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
	if told.Valid {
		forget(&rec, told.Int64)
	}
	if fix.Valid && fix.Bool && fixOrigin == eval.Imputed {
		rec.Origins["accepted_result"], rec.Origins["final_cost"] = eval.Imputed, eval.Imputed
	}
	return rec, at, nil
}

// forget leaves out what a trial that was run elsewhere did not come with. That
// the user asked again was then seen, not imputed from a rule.
func forget(rec *eval.Record, told int64) {
	rec.Origins["user_regenerated"] = eval.Observed
	if told&toldRetries == 0 {
		rec.RetryCount, rec.Origins["retry_count"] = nil, eval.UnknownOrigin
	}
	if told&toldFallback == 0 {
		rec.FallbackUsed, rec.Origins["fallback_used"] = nil, eval.UnknownOrigin
	}
	if told&toldRegenerated == 0 {
		rec.UserRegenerated, rec.Origins["user_regenerated"] = nil, eval.UnknownOrigin
	}
}

func originOf(known bool) eval.Origin {
	if known {
		return eval.Observed
	}
	return eval.UnknownOrigin
}
