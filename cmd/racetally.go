package cmd

import (
	"maps"
	"math"
	"slices"

	"infer/eval"
	"infer/scoring/decide"
)

// raceTally sums up the outcomes of one task type for a look.
type raceTally struct {
	accepted, judged map[int64][]float64 // by cluster, then candidate
	got              []float64
	spent            []eval.Cost
}

func newRaceTally(k int) *raceTally {
	return &raceTally{accepted: make(map[int64][]float64), judged: make(map[int64][]float64), got: make([]float64, k), spent: make([]eval.Cost, k)}
}

func (r *raceTally) add(x int, o *eval.Outcome, cluster int64) {
	r.spent[x] = r.spent[x].Plus(o.Cost)
	if !eval.Judged(o.Verdict, o.Class) {
		return
	}
	if r.judged[cluster] == nil {
		r.judged[cluster], r.accepted[cluster] = make([]float64, len(r.got)), make([]float64, len(r.got))
	}
	r.judged[cluster][x]++
	if o.Verdict == eval.Accepted {
		r.accepted[cluster][x]++
		r.got[x]++
	}
}

// clusters are those of the tasks of one round, in the order of their numbers.
func (r *raceTally) clusters(tasks map[int]bool, cluster map[int]int64) []decide.RaceCluster {
	size := make(map[int64]int)
	for seq := range tasks {
		size[cluster[seq]]++
	}
	var out []decide.RaceCluster
	for _, c := range slices.Sorted(maps.Keys(size)) {
		one := decide.RaceCluster{Tasks: size[c], Accept: make([]float64, len(r.got))}
		for x := range one.Accept {
			one.Accept[x] = math.NaN()
			if n := r.judged[c]; n != nil && n[x] > 0 {
				one.Accept[x] = r.accepted[c][x] / n[x]
			}
		}
		out = append(out, one)
	}
	return out
}

// perAccepted is each candidate's cost of an accepted task in US dollars; NaN where
// it is not known.
func (r *raceTally) perAccepted() []float64 {
	out := make([]float64, len(r.got))
	for x := range out {
		out[x] = math.NaN()
		if r.got[x] > 0 && !r.spent[x].Unbounded {
			out[x] = r.spent[x].High.Float() / r.got[x]
		}
	}
	return out
}
