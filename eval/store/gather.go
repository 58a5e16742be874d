package store

import (
	"database/sql"
	"slices"
	"sort"

	"infer/eval"
)

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
