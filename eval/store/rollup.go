package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
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

// moments are the sums of one cluster in one cell.
type moments struct {
	t, n int64
	c    float64
}

// gather builds the cells of one candidate from its trials, which come in order
// of task, so that only clusters that span tasks must be remembered.
type gather struct {
	cells    map[string]*eval.Cell
	clusters map[string]map[int64]moments // by task type, then cluster
	latency  map[string][]int64           // by task type, up to one more than the limit
	ttft     map[string][]int64
}

func newGather() *gather {
	return &gather{cells: make(map[string]*eval.Cell), clusters: make(map[string]map[int64]moments),
		latency: make(map[string][]int64), ttft: make(map[string][]int64)}
}

// keep remembers a value for the exact quantiles, as long as there are few.
func keep(values map[string][]int64, kind string, v sql.NullInt64) {
	if v.Valid && len(values[kind]) <= eval.ExactLimit {
		values[kind] = append(values[kind], v.Int64)
	}
}

func exact(values []int64) *[2]int64 {
	n := len(values)
	if n == 0 || n > eval.ExactLimit {
		return nil
	}
	slices.Sort(values)
	return &[2]int64{values[(n+1)/2-1], values[(95*n+99)/100-1]}
}

func (g *gather) cell(kind string, candidate int) (*eval.Cell, map[int64]moments) {
	c, ok := g.cells[kind]
	if !ok {
		c = &eval.Cell{TaskType: kind, Candidate: candidate, Errors: make(map[eval.Class]int64)}
		g.cells[kind] = c
		g.clusters[kind] = make(map[int64]moments)
	}
	return c, g.clusters[kind]
}

// trialRow is one trial as the roll-up reads it.
type trialRow struct {
	candidate     int
	kind          string
	cluster       int64
	verdict       eval.Verdict
	class         sql.NullString
	attempts      int64
	retries       int64
	fallback      bool
	regenerations int64
	firstTry      sql.NullBool
	afterRegen    sql.NullBool
	humanFix      sql.NullBool
	latency, ttft sql.NullInt64
	split         eval.CostSplit
	answered      bool // an answer counts
	untold        bool // it was run elsewhere and did not come with its retries
	cutOff        bool
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

// add counts one trial in its task type's cell and in the overall one.
func (g *gather) add(r *trialRow) {
	spent := r.split.Final().Low.Float()
	for _, kind := range []string{r.kind, allTypes} {
		c, clusters := g.cell(kind, r.candidate)
		count(c, r)
		c.Split = c.Split.Plus(r.split)
		if r.verdict != eval.Accepted || r.cutOff {
			c.Abandoned = c.Abandoned.Plus(r.split.Final())
		}
		if r.answered {
			keep(g.latency, kind, r.latency)
			keep(g.ttft, kind, r.ttft)
		}
		m := clusters[r.cluster]
		if !r.cutOff && eval.Judged(r.verdict, eval.Class(r.class.String)) {
			m.n++
			if r.verdict == eval.Accepted {
				m.t++
			}
		}
		m.c += spent
		clusters[r.cluster] = m
	}
}

// count counts one trial. What it spent counts always; what came of it only if
// it has an outcome. A time to the final result needs a result: a failure that
// came at once must not make a candidate look fast, and one that came late is
// counted as a failure.
func count(c *eval.Cell, r *trialRow) {
	c.Attempts += r.attempts
	c.Retries += r.retries
	c.Regenerations += r.regenerations
	if r.untold {
		c.Untold++
	}
	if r.cutOff {
		return
	}
	c.N++
	switch r.verdict {
	case eval.Accepted:
		c.Accepted++
	case eval.Rejected:
		c.Rejected++
	case eval.Unscored:
		c.Unscored++
	case eval.Errored:
		c.Errored++
		c.Errors[eval.Class(r.class.String)]++
	case eval.Diverged:
		c.Diverged++
	case eval.NeedsConfirmation:
		c.NeedsConfirmation++
	}
	if eval.Judged(r.verdict, eval.Class(r.class.String)) {
		c.Judged++
	}
	if r.firstTry.Bool {
		c.FirstTry++
	}
	if r.afterRegen.Bool {
		c.AfterRegen++
	}
	if r.humanFix.Bool {
		c.HumanFixes++
	}
	if r.fallback {
		c.Fallbacks++
	}
	if r.answered && r.latency.Valid {
		c.Latency.Add(r.latency.Int64)
	}
	if r.answered && r.ttft.Valid {
		c.TTFT.Add(r.ttft.Int64)
	}
}

// finish turns the remembered clusters into the cells' sums.
func (g *gather) finish() []eval.Cell {
	if g == nil {
		return nil
	}
	out := make([]eval.Cell, 0, len(g.cells))
	for kind, c := range g.cells {
		keys := make([]int64, 0, len(g.clusters[kind]))
		for k := range g.clusters[kind] {
			keys = append(keys, k)
		}
		sort.Slice(keys, func(i, j int) bool { return keys[i] < keys[j] }) // the same order, so the same rounding
		for _, k := range keys {
			m := g.clusters[kind][k]
			t, n := float64(m.t), float64(m.n)
			c.CostClusters++
			c.SumC, c.SumC2, c.SumCT = c.SumC+m.c, c.SumC2+m.c*m.c, c.SumCT+m.c*t
			c.SumT2 += t * t
			if m.n > 0 {
				c.Clusters++
				c.SumTN, c.SumN2 = c.SumTN+t*n, c.SumN2+n*n
			}
		}
		c.ExactLatency, c.ExactTTFT = exact(g.latency[kind]), exact(g.ttft[kind])
		out = append(out, *c)
	}
	return out
}

// addFlights fills in the figures that only attempts have.
func addFlights(ctx context.Context, tx *sql.Tx, run int64, cells []eval.Cell, types map[int64]string) error {
	at := make(map[[2]any]*eval.Cell, len(cells))
	for i := range cells {
		at[[2]any{cells[i].TaskType, cells[i].Candidate}] = &cells[i]
	}
	rows, err := tx.QueryContext(ctx, `SELECT t.type, t.candidate, a.flight_us, a.queue_us FROM trials t
		JOIN attempts a ON a.trial = t.id WHERE t.run = ?`, run)
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
