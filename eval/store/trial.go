package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"infer/eval"
)

// Filter selects trials. Zero fields select all.
type Filter struct {
	TaskID    string
	TaskSeq   *int // position in the dataset
	TaskType  string
	Candidate *int
	Repeat    *int
	Verdict   eval.Verdict
}

// pageRows is how many rows a stream reads before it hands them on. Between two
// pages it holds no connection and no snapshot of the file.
const pageRows = 256

// place is where a stream of trials has come to.
type place struct{ candidate, task, repeat int }

// start is before every trial.
var start = place{-1, -1, -1}

// stored is a trial with its row's number.
type stored struct {
	id int64
	*eval.Trial
}

func (t stored) place() place { return place{t.Candidate, t.TaskSeq, t.Repeat} }

// Trials streams the run's trials with their attempts, texts and current
// grades, ordered by candidate, task and repeat. Trials that are written
// meanwhile may be among them; each is whole.
func (s *Store) Trials(ctx context.Context, runID string, f Filter) iter.Seq2[*eval.Trial, error] {
	return func(yield func(*eval.Trial, error) bool) {
		id, err := s.runKey(ctx, runID)
		if err != nil {
			yield(nil, err)
			return
		}
		for at := start; ; {
			page, err := s.trialPage(ctx, id, f, at)
			for _, t := range page {
				if !yield(t.Trial, nil) {
					return
				}
				at = t.place()
			}
			if err != nil {
				yield(nil, explain(s.path, err))
				return
			}
			if len(page) < pageRows {
				return
			}
		}
	}
}

// trialPage reads one page in one snapshot.
func (s *Store) trialPage(ctx context.Context, id int64, f Filter, after place) (page []stored, err error) {
	tx, err := s.read.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	where, args := f.where([]string{"t.run = ?", "(t.candidate, t.task, t.repeat) > (?, ?, ?)"}, []any{id, after.candidate, after.task, after.repeat})
	rows, err := tx.QueryContext(ctx, `SELECT t.id, t.candidate, t.task, t.repeat, k.task_id, n.name, k.input_type, t.verdict, t.final,
		t.first_try, t.after_regen, t.regenerations, t.human_fix, t.fix_origin, t.fix_us, t.cost_low, t.cost_high, t.split, coalesce(t.plan, ''), t.cut_off, t.earlier, t.lag_us,
		t.told, t.latency_us, t.backend_us, t.retries, t.fallback, coalesce(t.class, '')
		FROM trials t JOIN tasks k ON k.run = t.run AND k.seq = t.task JOIN names n ON n.id = t.type
		WHERE `+where+" ORDER BY t.candidate, t.task, t.repeat LIMIT ?", append(args, pageRows)...)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err is checked
	for rows.Next() {
		t, err := scanTrial(rows)
		if err != nil {
			return nil, err
		}
		page = append(page, t)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, err
	}
	return page, s.attempts(ctx, tx, page)
}

// where is the filter as SQL, after what stands already.
func (f Filter) where(conditions []string, args []any) (string, []any) {
	add := func(cond string, v any) {
		conditions, args = append(conditions, cond), append(args, v)
	}
	if f.TaskID != "" {
		add("k.task_id = ?", f.TaskID)
	}
	if f.TaskSeq != nil {
		add("t.task = ?", *f.TaskSeq)
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
	return strings.Join(conditions, " AND "), args
}

func scanTrial(rows *sql.Rows) (stored, error) {
	t := stored{Trial: new(eval.Trial)}
	var fixUS, low int64
	var first, after, fix sql.NullBool
	var high, lag, told, latency, backend sql.NullInt64
	var retries int
	var fallback bool
	var class eval.Class
	var split sql.NullString
	err := rows.Scan(&t.id, &t.Candidate, &t.TaskSeq, &t.Repeat, &t.TaskID, &t.TaskType, &t.InputType, &t.Verdict, &t.Final,
		&first, &after, &t.Regenerations, &fix, &t.HumanFixFrom, &fixUS, &low, &high, &split, &t.Plan, &t.CutOff, &t.Earlier, &lag,
		&told, &latency, &backend, &retries, &fallback, &class)
	if err != nil {
		return t, err
	}
	t.FirstTry, t.AfterRegen, t.HumanFix = boolPtr(first), boolPtr(after), boolPtr(fix)
	t.HumanFixTime, t.Lag = time.Duration(fixUS)*time.Microsecond, durationPtr(lag)
	t.Told = toldOf(told, latency, backend, retries, fallback, t.Regenerations, class)
	t.Cost, err = decodeSplit(split, costOf(low, high))
	return t, err
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

// attempts fills in the attempts of trials with their answers and current grades.
func (s *Store) attempts(ctx context.Context, tx *sql.Tx, trials []stored) error {
	if len(trials) == 0 {
		return nil
	}
	st, err := tx.PrepareContext(ctx, `SELECT a.seq, a.cause, c.name, p.name, m.name, coalesce(v.name, ''), q.system, q.tools, q.params,
		a.started_us, a.queue_us, a.backoff_us, a.flight_us, a.ttft_us, a.backend_us, a.recorded, coalesce(a.status, 0), coalesce(a.finish, ''),
		a.billing, a.cost_low, a.cost_high, a.in_fresh, a.out_text, a.out_reason, coalesce(a.request_id, ''), coalesce(a.batch, ''), y.codec, y.body, a.detail, g.verdict, g.scores
		FROM attempts a JOIN names c ON c.id = a.called JOIN names p ON p.id = a.provider JOIN names m ON m.id = a.model
		LEFT JOIN names v ON v.id = a.served JOIN asked q ON q.id = a.asked LEFT JOIN payloads y ON y.digest = a.output
		LEFT JOIN grades g ON g.trial = a.trial AND g.attempt = a.seq
			AND g.grading = (SELECT max(number) FROM gradings WHERE run = (SELECT run FROM trials WHERE id = a.trial))
		WHERE a.trial = ? ORDER BY a.seq`)
	if err != nil {
		return err
	}
	defer st.Close() //nolint:errcheck // it only read
	for _, t := range trials {
		if err := s.attemptsOf(ctx, st, t); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) attemptsOf(ctx context.Context, st *sql.Stmt, t stored) error {
	rows, err := st.QueryContext(ctx, t.id)
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // rows.Err is checked
	for rows.Next() {
		a, err := s.scanAttempt(rows)
		if err != nil {
			return err
		}
		t.Attempts = append(t.Attempts, *a)
	}
	return rows.Err()
}

func (s *Store) scanAttempt(rows *sql.Rows) (*eval.Attempt, error) {
	a := new(eval.Attempt)
	var started, queue, backoff, flight, low int64
	var ttft, backend, high, fresh, text, reason sql.NullInt64
	var system, tools, params, body []byte
	var codec sql.NullInt64
	var det, verdict, scores sql.NullString
	err := rows.Scan(&a.Seq, &a.Cause, &a.Candidate, &a.Provider, &a.Model, &a.Served, &system, &tools, &params,
		&started, &queue, &backoff, &flight, &ttft, &backend, &a.Recorded, &a.Status, &a.Finish,
		&a.Billing, &low, &high, &fresh, &text, &reason, &a.RequestID, &a.Batch, &codec, &body, &det, &verdict, &scores)
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
	a.Cost = costOf(low, high)
	if fresh.Valid {
		a.Usage = &eval.Usage{InFresh: fresh.Int64, OutText: text.Int64, OutReasoning: reason.Int64}
	}
	if codec.Valid {
		out, err := s.unpack(int(codec.Int64), body)
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
