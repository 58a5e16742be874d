package store

import (
	"context"
	"database/sql"
	"errors"
	"iter"
	"math/bits"
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

// Of returns how many trials of one candidate have their outcome.
func (d *DoneSet) Of(candidate int) (n int64) {
	for key, b := range d.bits {
		if key[0] != candidate {
			continue
		}
		for _, word := range b {
			n += int64(bits.OnesCount64(word))
		}
	}
	return n
}

// Done returns the trials of a run that have an outcome, leaving out those that
// again wants to be run once more (nil = none). One that was cut off has none.
func (s *Store) Done(ctx context.Context, runID string, again func(eval.Verdict, eval.Class) bool) (*DoneSet, error) {
	id, err := s.runKey(ctx, runID)
	if err != nil {
		return nil, err
	}
	rows, err := s.read.QueryContext(ctx, "SELECT candidate, repeat, task, verdict, coalesce(class, '') FROM trials WHERE run = ? AND cut_off = 0", id)
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

// Unresolved returns the calls of a run of which nothing is known but that they
// were about to be sent by a process that died: they may have been billed. While
// a process writes the run, its calls in flight are among them.
func (s *Store) Unresolved(ctx context.Context, runID string) ([]eval.Intent, error) {
	id, err := s.runKey(ctx, runID)
	if err != nil {
		return nil, err
	}
	rows, err := s.read.QueryContext(ctx, `SELECT i.task, i.candidate, i.repeat, i.attempt, i.at_us`+unresolved+`
		UNION ALL SELECT task, candidate, repeat, attempt, at_us FROM lost WHERE run = ?1 ORDER BY 2, 1, 3, 4, 5`, id)
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

// Spent returns how many calls a run has made and what they cost; a call whose
// cost is known as a range counts with its upper end, one without that with its
// lower end. What judges cost is in it, what people's time cost is not.
func (s *Store) Spent(ctx context.Context, runID string) (calls int64, cost eval.Money, err error) {
	id, err := s.runKey(ctx, runID)
	if err != nil {
		return 0, 0, err
	}
	var judging eval.Money
	err = s.read.QueryRowContext(ctx, `SELECT count(*), coalesce(sum(coalesce(a.cost_high, a.cost_low)), 0),
		(SELECT coalesce(sum(max(coalesce(json_extract(split, '$.judge.low'), 0), coalesce(json_extract(split, '$.judge.high'), 0))), 0) FROM trials WHERE run = ?1 AND split IS NOT NULL)
		FROM trials t JOIN attempts a ON a.trial = t.id WHERE t.run = ?1`, id).Scan(&calls, &cost, &judging)
	return calls, cost + judging, explain(s.path, err)
}

// Outcomes streams the run's trials as narrow rows, ordered by candidate, task
// and repeat. Clusters are numbered in the order of their first appearance.
func (s *Store) Outcomes(ctx context.Context, runID string, types []string) iter.Seq2[eval.Outcome, error] {
	return s.OutcomesAt(ctx, runID, types, 0)
}

// OutcomesAt is Outcomes as grading at left the trials, which Graded finds; 0 is
// now.
func (s *Store) OutcomesAt(ctx context.Context, runID string, types []string, at int) iter.Seq2[eval.Outcome, error] {
	return func(yield func(eval.Outcome, error) bool) {
		id, err := s.runKey(ctx, runID)
		if err != nil {
			yield(eval.Outcome{}, err)
			return
		}
		names, err := dictionary(ctx, s.read, id)
		if err != nil {
			yield(eval.Outcome{}, explain(s.path, err))
			return
		}
		index := make(map[string]int32, len(types))
		for i, t := range types {
			index[t] = int32(i)
		}
		from, err := trialsAt(ctx, s.read, id, at)
		if err != nil {
			yield(eval.Outcome{}, explain(s.path, err))
			return
		}
		rows, err := s.read.QueryContext(ctx, `SELECT candidate, task, repeat, type, cluster, verdict, coalesce(class, ''), attempts, retries, fallback,
			coalesce(first_try, 0), coalesce(human_fix, 0), coalesce(latency_us, -1), coalesce(ttft_us, -1), cost_low, cost_high
			FROM `+from+` WHERE run = ? AND cut_off = 0 ORDER BY candidate, task, repeat`, id)
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
	return s.names(ctx, `SELECT name FROM names WHERE id IN
		(SELECT DISTINCT type FROM tasks WHERE run = (SELECT id FROM runs WHERE key = ?)) ORDER BY name`, runID)
}

// names reads a query of one text column.
func (s *Store) names(ctx context.Context, query string, args ...any) ([]string, error) {
	rows, err := s.read.QueryContext(ctx, query, args...)
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
		id, err := s.runKey(ctx, runID)
		if err != nil {
			yield(Line{}, err)
			return
		}
		for after := -1; ; {
			page, err := s.linePage(ctx, id, after)
			for i := range page {
				if !yield(page[i], nil) {
					return
				}
				after = page[i].Seq
			}
			if err != nil {
				yield(Line{}, explain(s.path, err))
				return
			}
			if len(page) < pageRows {
				return
			}
		}
	}
}

func (s *Store) linePage(ctx context.Context, id int64, after int) (page []Line, err error) {
	rows, err := s.read.QueryContext(ctx, `SELECT k.seq, f.name, k.line, k.task_id, p.codec, p.body FROM tasks k
		JOIN names f ON f.id = k.file JOIN payloads p ON p.digest = k.payload WHERE k.run = ? AND k.seq > ? ORDER BY k.seq LIMIT ?`, id, after, pageRows)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err is checked
	for rows.Next() {
		var l Line
		var codec int
		var body []byte
		if err := rows.Scan(&l.Seq, &l.File, &l.Line, &l.ID, &codec, &body); err != nil {
			return page, err
		}
		if l.Raw, err = s.unpack(codec, body); err != nil {
			return page, err
		}
		page = append(page, l)
	}
	return page, rows.Err()
}
