package store

import (
	"context"
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"infer/eval"
)

// Journal writes one run. It is what the runner hands intents and trials to.
type Journal struct {
	s       *Store
	run     int64
	grading int
	resumed bool // the run had trials before, so one of them may be run again
	tally   *tally
	// clusters are those of tasks that were copied, whose groups' names are not
	// known any more; nil = a trial names its own.
	clusters map[int]int64
	// OnCommit is called after a trial is committed, one cut off too, on the
	// writer's goroutine: it must be quick and must not write. nil = nobody asks.
	OnCommit func(*eval.Trial)
}

// Journal opens a run for writing.
func (s *Store) Journal(ctx context.Context, run *eval.Run) (*Journal, error) {
	id, err := s.runKey(ctx, run.ID)
	if err != nil {
		return nil, err
	}
	j := &Journal{s: s, run: id, grading: run.Grading.Number}
	err = s.read.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM trials WHERE run = ?)", id).Scan(&j.resumed)
	j.tally = s.tallied(id, j.resumed || err != nil)
	return j, explain(s.path, err)
}

// AddTasks stores a block of tasks in one transaction. Tasks that are there
// already stay as they are.
func (j *Journal) AddTasks(ctx context.Context, tasks []*eval.Task) error {
	err := j.s.w.wait(ctx, func(t *tx) error {
		for _, task := range tasks {
			if err := addTask(t, j.run, task); err != nil {
				return fmt.Errorf("store task %s: %w", eval.Untrusted(task.ID).Line(80), err)
			}
		}
		return nil
	})
	return explain(j.s.path, err)
}

func addTask(t *tx, run int64, task *eval.Task) error {
	return insertTask(t, run, &taskRow{seq: int64(task.Seq), id: task.ID, kind: task.Type, cluster: cluster(task.Cluster()),
		inputType: string(task.InputType()), file: task.File, line: int64(task.Line), raw: task.Raw})
}

func insertTask(t *tx, run int64, r *taskRow) error {
	kind, err := t.name(r.kind)
	if err != nil {
		return err
	}
	file, err := t.name(r.file)
	if err != nil {
		return err
	}
	digest := eval.DigestOf(r.raw)
	if err := t.put(digest, r.raw); err != nil {
		return err
	}
	return t.exec(`INSERT INTO tasks (run, seq, task_id, type, cluster, input_type, file, line, payload)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (run, seq) DO NOTHING`,
		run, r.seq, r.id, kind, r.cluster, r.inputType, file, r.line, digest[:])
}

// cluster is the number under which a cluster is stored.
func cluster(name string) int64 {
	d := eval.DigestOf([]byte(name))
	return int64(binary.BigEndian.Uint64(d[:8]))
}

// Intend writes the intent to make a paid call and returns once it is durable.
func (j *Journal) Intend(ctx context.Context, in eval.Intent) error {
	err := j.s.w.wait(ctx, func(t *tx) error {
		return t.exec("INSERT INTO intents (run, candidate, task, repeat, attempt, at_us) VALUES (?, ?, ?, ?, ?, ?)",
			j.run, in.Candidate, in.TaskSeq, in.Repeat, in.Attempt, in.At.UnixMicro())
	})
	return explain(j.s.path, err)
}

// Record queues a trial for writing. A trial that the run has already is
// replaced: its attempts stay, before those of the new one, and its cost joins
// the failed attempts', since that money is spent. The trial is not changed, and
// must not be until OnCommit.
func (j *Journal) Record(ctx context.Context, trial *eval.Trial) error {
	group, copied := j.clusters[trial.TaskSeq]
	if !copied {
		group = cluster(trial.Cluster)
	}
	return explain(j.s.path, j.s.w.queue(ctx, func(t *tx) error {
		if err := j.record(t, trial, group); err != nil {
			return fmt.Errorf("store trial of task %s: %w", eval.Untrusted(trial.TaskID).Line(80), err)
		}
		return nil
	}, func() {
		if j.tally != nil {
			j.tally.add(trial, group)
		}
		if j.OnCommit != nil {
			j.OnCommit(trial)
		}
	}))
}

// Flush returns once everything queued before it is committed.
func (j *Journal) Flush(ctx context.Context) error {
	if err := j.s.w.wait(ctx, func(*tx) error { return nil }); err != nil {
		return explain(j.s.path, err)
	}
	return explain(j.s.path, j.s.w.failed())
}

func (j *Journal) record(t *tx, trial *eval.Trial, group int64) error {
	var before earlier
	if j.resumed {
		var err error
		if before, err = supersede(t, j.run, trial); err != nil {
			return err
		}
	}
	id, err := insertTrial(t, j.run, trial, before, group)
	if err != nil {
		return err
	}
	if before.id != 0 { // the grading now says something of another answer
		if err := t.exec("DELETE FROM verdicts WHERE trial = ? AND grading = ?", id, j.grading); err != nil {
			return err
		}
	}
	for i := range trial.Attempts {
		if err := j.insertAttempt(t, id, &trial.Attempts[i], trial.Attempts[i].Seq+before.attempts); err != nil {
			return err
		}
	}
	return nil
}

// earlier is what the trials of a cell did that a new one replaces.
type earlier struct {
	id       int64 // of the row; 0 = there is none
	attempts int
	cost     eval.Cost // final; judging apart
	judge    eval.Cost
}

// supersede finds what an earlier trial of the same cell did.
func supersede(t *tx, run int64, trial *eval.Trial) (earlier, error) {
	var e earlier
	var low int64
	var high sql.NullInt64
	var body sql.NullString
	key := []any{run, trial.Candidate, trial.TaskSeq, trial.Repeat}
	err := t.row("SELECT id, attempts, cost_low, cost_high, split FROM trials WHERE run = ? AND candidate = ? AND task = ? AND repeat = ?", key, &e.id, &e.attempts, &low, &high, &body)
	if isNoRows(err) {
		return earlier{}, nil
	}
	if err != nil {
		return e, err
	}
	split, err := decodeSplit(body, costOf(low, high))
	e.cost, e.judge = split.Final(), split.Judge
	return e, err
}

// costOf is a cost as it is stored: a NULL upper end is unbounded.
func costOf(low int64, high sql.NullInt64) eval.Cost {
	return eval.Cost{Low: eval.Money(low), High: eval.Money(high.Int64), Unbounded: !high.Valid}
}

// decodeSplit reads a stored split; NULL says that the answer cost it all.
func decodeSplit(body sql.NullString, cost eval.Cost) (eval.CostSplit, error) {
	if !body.Valid {
		return eval.CostSplit{Answer: cost}, nil
	}
	var s eval.CostSplit
	if err := json.Unmarshal([]byte(body.String), &s); err != nil {
		return s, fmt.Errorf("read cost split of a trial: %w", err)
	}
	return s, nil
}

// encodeSplit is the inverse of decodeSplit.
func encodeSplit(s eval.CostSplit) (any, error) {
	if s == (eval.CostSplit{Answer: s.Final()}) {
		return nil, nil
	}
	b, err := json.Marshal(s)
	return string(b), err
}

func micros(d time.Duration) int64 { return d.Microseconds() }

func microsOrNull(d *time.Duration) any {
	if d == nil {
		return nil
	}
	return d.Microseconds()
}

func high(c eval.Cost) any {
	if c.Unbounded {
		return nil
	}
	return int64(c.High)
}

func boolOrNull(b *bool) any {
	if b == nil {
		return nil
	}
	return *b
}

// insertTrial writes the trial's row and returns its number.
func insertTrial(t *tx, run int64, trial *eval.Trial, before earlier, group int64) (id int64, err error) {
	kind, err := t.name(trial.TaskType)
	if err != nil {
		return 0, err
	}
	var latency, ttft, backend, class, plan any
	if d, ok := trial.UserVisible(); ok {
		latency = micros(d)
	}
	if d, ok := trial.FirstToken(); ok {
		ttft = micros(d)
	}
	if d, ok := trial.Backend(); ok {
		backend = micros(d)
	}
	if c := trial.ErrorClass(); c != "" {
		class = string(c)
	}
	if trial.Plan != "" {
		plan = trial.Plan
	}
	spent := trial.Cost
	spent.Failed, spent.Judge = spent.Failed.Plus(before.cost), spent.Judge.Plus(before.judge)
	split, err := encodeSplit(spent)
	if err != nil {
		return 0, err
	}
	final, cost := trial.Final, spent.Final()
	if final >= 0 {
		final += before.attempts
	}
	columns := []any{string(trial.Verdict), class, trial.Calls() + before.attempts, trial.Retries(), trial.FallbackUsed(), trial.Regenerations, final,
		boolOrNull(trial.FirstTry), boolOrNull(trial.AfterRegen), boolOrNull(trial.HumanFix), string(trial.HumanFixFrom), micros(trial.HumanFixTime),
		latency, ttft, backend, int64(cost.Low), high(cost), split, plan, trial.CutOff, trial.Earlier + before.attempts, microsOrNull(trial.Lag), toldMask(trial.Told)}
	if before.id != 0 {
		return before.id, t.exec(`UPDATE trials SET verdict = ?, class = ?, attempts = ?, retries = retries + ?, fallback = max(fallback, ?),
			regenerations = regenerations + ?, final = ?, first_try = ?, after_regen = ?, human_fix = ?, fix_origin = ?, fix_us = ?,
			latency_us = ?, ttft_us = ?, backend_us = ?, cost_low = ?, cost_high = ?, split = ?, plan = ?, cut_off = ?, earlier = ?, lag_us = ?, told = ? WHERE id = ?`,
			append(columns, before.id)...)
	}
	return t.insert(`INSERT INTO trials (run, candidate, task, repeat, type, cluster, verdict, class, attempts, retries, fallback,
		regenerations, final, first_try, after_regen, human_fix, fix_origin, fix_us, latency_us, ttft_us, backend_us,
		cost_low, cost_high, split, plan, cut_off, earlier, lag_us, told) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`,
		append([]any{run, trial.Candidate, trial.TaskSeq, trial.Repeat, kind, group}, columns...)...)
}

// ErrNotFound is returned for a trial or task that the run does not have.
var ErrNotFound = errors.New("not in this run")
