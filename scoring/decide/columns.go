package decide

import (
	"slices"

	"infer/scoring/stats"
)

// The columns of a candidate, in this order, and those of a pair.
const (
	colTasks = iota
	colMean
	colJudged
	colAccepted
	colCost
	colCounted
	colAnswer
	colTimed
	colOver
	candColumns
)

const (
	colN = iota
	colBoth
	colA
	colB
	pairColumns
)

// columns are the sums within buckets of clusters that the rule can be run on
// again: on halves and on resamples.
type columns struct {
	k    int
	sums *stats.Sums
	at   []int // by column: its place in the sums, since most columns repeat another one
}

func newColumns(k, buckets int) *columns {
	width := k*candColumns + k*(k-1)/2*pairColumns
	c := &columns{k: k, sums: stats.NewSums(buckets, width), at: make([]int, width)}
	for i := range c.at {
		c.at[i] = i
	}
	return c
}

func (c *columns) buckets() int { return len(c.sums.Values) / max(1, c.sums.Width) }

// compress drops columns that equal an earlier one: where every task was tried
// equally often by all and judged, only a fourth is left, and resampling is that
// much faster.
func (c *columns) compress() {
	old := c.sums
	buckets := c.buckets()
	equal := func(x, y int) bool {
		for b := range buckets {
			if row := old.Bucket(b); row[x] != row[y] {
				return false
			}
		}
		return true
	}
	var keep []int
	for x := range old.Width {
		i := slices.IndexFunc(keep, func(y int) bool { return equal(x, y) })
		if i < 0 {
			i, keep = len(keep), append(keep, x)
		}
		c.at[x] = i
	}
	c.sums = stats.NewSums(buckets, len(keep))
	for b := range buckets {
		from, to := old.Bucket(b), c.sums.Bucket(b)
		for i, x := range keep {
			to[i] = from[x]
		}
	}
}

// view reads totals by candidate and pair.
type view struct {
	c     *columns
	total []float64
}

func (c *columns) view() *view { return &view{c: c, total: make([]float64, c.sums.Width)} }

// load adds up the buckets by their weights; nil = once each.
func (v *view) load(weights []uint8) { v.c.sums.Total(v.total, weights) }

func (v *view) cand(i, col int) float64 { return v.total[v.c.at[i*candColumns+col]] }

func (v *view) pairCol(p, col int) float64 {
	return v.total[v.c.at[v.c.k*candColumns+p*pairColumns+col]]
}

// pair are the paired counts of i against j.
func (v *view) pair(i, j int) stats.Pairs {
	swap := i > j
	if swap {
		i, j = j, i
	}
	p := pairIndex(i, j, v.c.k)
	both := v.pairCol(p, colBoth)
	out := stats.Pairs{B: max(0, v.pairCol(p, colA)-both), C: max(0, v.pairCol(p, colB)-both), N: v.pairCol(p, colN)}
	if swap {
		return out.Swap()
	}
	return out
}

// rate is the share of col among of, 0 where there is none.
func (v *view) rate(i, col, of int) float64 {
	if n := v.cand(i, of); n > 0 {
		return v.cand(i, col) / n
	}
	return 0
}

// costPer is dollars an accepted task; +Inf where nothing was accepted.
func (v *view) costPer(i int) float64 { return ratio(v.cand(i, colCost), v.cand(i, colAccepted)) }
