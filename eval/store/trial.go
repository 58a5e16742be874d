package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"iter"
	"strings"
	"time"

	"infer/eval"
)

// Filter selects trials. Zero fields select all.
type Filter struct {
	TaskID    string
	TaskType  string
	Candidate *int
	Repeat    *int
	Verdict   eval.Verdict
}

// Trials streams the run's trials with their attempts, texts and current
// grades, ordered by candidate, task and repeat.
func (s *Store) Trials(ctx context.Context, runID string, f Filter) iter.Seq2[*eval.Trial, error] {
	return func(yield func(*eval.Trial, error) bool) {
		where, args := []string{"r.key = ?"}, []any{runID}
		add := func(cond string, v any) {
			where, args = append(where, cond), append(args, v)
		}
		if f.TaskID != "" {
			add("k.task_id = ?", f.TaskID)
		}
		if f.TaskType != "" {
			add("n.name = ?", f.TaskType)
		}
		if f.Candidate != nil {
			add("t.candidate = ?", *f.Candidate)
		}
		if f.Repeat != nil {
			add("t.repeat = ?", *f.Repeat)
		}
		if f.Verdict != "" {
			add("t.verdict = ?", string(f.Verdict))
		}
		rows, err := s.read.QueryContext(ctx, `SELECT t.id, t.candidate, t.task, t.repeat, k.task_id, n.name, k.input_type, t.verdict, t.final,
			t.first_try, t.after_regen, t.regenerations, t.human_fix, t.fix_origin, t.fix_us, t.cost_low, t.cost_high, t.split, coalesce(t.plan, '')
			FROM trials t JOIN runs r ON r.id = t.run JOIN tasks k ON k.run = t.run AND k.seq = t.task JOIN names n ON n.id = t.type
			WHERE `+strings.Join(where, " AND ")+" ORDER BY t.candidate, t.task, t.repeat", args...)
		if err != nil {
			yield(nil, explain(s.path, err))
			return
		}
		defer rows.Close() //nolint:errcheck // rows.Err is checked
		for rows.Next() {
			id, t, err := scanTrial(rows)
			if err == nil {
				err = s.attempts(ctx, id, t)
			}
			if !yield(t, explain(s.path, err)) || err != nil {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(nil, explain(s.path, err))
		}
	}
}

func scanTrial(rows *sql.Rows) (int64, *eval.Trial, error) {
	t := new(eval.Trial)
	var id, fixUS, low int64
	var first, after, fix sql.NullBool
	var high sql.NullInt64
	var split sql.NullString
	err := rows.Scan(&id, &t.Candidate, &t.TaskSeq, &t.Repeat, &t.TaskID, &t.TaskType, &t.InputType, &t.Verdict, &t.Final,
		&first, &after, &t.Regenerations, &fix, &t.HumanFixFrom, &fixUS, &low, &high, &split, &t.Plan)
	if err != nil {
		return 0, nil, err
	}
	t.FirstTry, t.AfterRegen, t.HumanFix = boolPtr(first), boolPtr(after), boolPtr(fix)
	t.HumanFixTime = time.Duration(fixUS) * time.Microsecond
	t.Cost.Answer = eval.Cost{Low: eval.Money(low), High: eval.Money(high.Int64), Unbounded: !high.Valid}
	if split.Valid {
		t.Cost = eval.CostSplit{}
		if err := json.Unmarshal([]byte(split.String), &t.Cost); err != nil {
			return 0, nil, fmt.Errorf("read cost split of a trial: %w", err)
		}
	}
	return id, t, nil
}

func boolPtr(b sql.NullBool) *bool {
	if !b.Valid {
		return nil
	}
	return &b.Bool
}

func durationPtr(v sql.NullInt64) *time.Duration {
	if !v.Valid {
		return nil
	}
	d := time.Duration(v.Int64) * time.Microsecond
	return &d
}

// attempts fills in a trial's attempts with their answers and current grades.
func (s *Store) attempts(ctx context.Context, trial int64, t *eval.Trial) error {
	rows, err := s.read.QueryContext(ctx, `SELECT a.seq, a.cause, c.name, p.name, m.name, coalesce(v.name, ''), q.system, q.tools, q.params,
		a.started_us, a.queue_us, a.backoff_us, a.flight_us, a.ttft_us, a.backend_us, a.recorded, coalesce(a.status, 0), coalesce(a.finish, ''),
		a.billing, a.cost_low, a.cost_high, a.in_fresh, a.out_text, a.out_reason, coalesce(a.request_id, ''), y.codec, y.body, a.detail, g.verdict, g.scores
		FROM attempts a JOIN names c ON c.id = a.called JOIN names p ON p.id = a.provider JOIN names m ON m.id = a.model
		LEFT JOIN names v ON v.id = a.served JOIN asked q ON q.id = a.asked LEFT JOIN payloads y ON y.digest = a.output
		LEFT JOIN grades g ON g.trial = a.trial AND g.attempt = a.seq
			AND g.grading = (SELECT max(number) FROM gradings WHERE run = (SELECT run FROM trials WHERE id = a.trial))
		WHERE a.trial = ? ORDER BY a.seq`, trial)
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // rows.Err is checked
	for rows.Next() {
		a, err := scanAttempt(rows)
		if err != nil {
			return err
		}
		t.Attempts = append(t.Attempts, *a)
	}
	return rows.Err()
}

func scanAttempt(rows *sql.Rows) (*eval.Attempt, error) {
	a := new(eval.Attempt)
	var started, queue, backoff, flight, low int64
	var ttft, backend, high, fresh, text, reason sql.NullInt64
	var system, tools, params, body []byte
	var codec sql.NullInt64
	var det, verdict, scores sql.NullString
	err := rows.Scan(&a.Seq, &a.Cause, &a.Candidate, &a.Provider, &a.Model, &a.Served, &system, &tools, &params,
		&started, &queue, &backoff, &flight, &ttft, &backend, &a.Recorded, &a.Status, &a.Finish,
		&a.Billing, &low, &high, &fresh, &text, &reason, &a.RequestID, &codec, &body, &det, &verdict, &scores)
	if err != nil {
		return nil, err
	}
	copy(a.SystemHash[:], system)
	copy(a.ToolsHash[:], tools)
	copy(a.ParamsHash[:], params)
	a.StartedAt = time.UnixMicro(started).UTC()
	a.QueueWait, a.Backoff, a.InFlight = time.Duration(queue)*time.Microsecond, time.Duration(backoff)*time.Microsecond, time.Duration(flight)*time.Microsecond
	a.TTFT, a.Backend = durationPtr(ttft), durationPtr(backend)
	a.FinishRaw = string(a.Finish)
	a.Cost = eval.Cost{Low: eval.Money(low), High: eval.Money(high.Int64), Unbounded: !high.Valid}
	if fresh.Valid {
		a.Usage = &eval.Usage{InFresh: fresh.Int64, OutText: text.Int64, OutReasoning: reason.Int64}
	}
	if codec.Valid {
		out, err := unpack(int(codec.Int64), body)
		if err != nil {
			return nil, err
		}
		a.Output = eval.Untrusted(out)
	}
	if err := decodeDetail(det, a); err != nil {
		return nil, err
	}
	if verdict.Valid {
		a.Grade = &eval.Grade{Verdict: eval.Verdict(verdict.String)}
		if err := json.Unmarshal([]byte(scores.String), &a.Grade.Scores); err != nil {
			return nil, fmt.Errorf("read scores of an attempt: %w", err)
		}
	}
	return a, nil
}
