package stats

import (
	"math"
	"sort"
)

// ascending returns the indices of p in ascending order of its values.
func ascending(p []float64) []int {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(i, j int) bool { return p[order[i]] < p[order[j]] })
	return order
}

// Holm returns p-values adjusted for their number: the i-th smallest of m times
// m−i+1, made monotone, at most 1 (Holm 1979).
func Holm(p []float64) []float64 {
	return stepDown(p, func(i int) float64 { return float64(len(p) - i) })
}

// HolmShaffer returns p-values adjusted as Holm's for hypotheses "candidate i is
// worse than the best", of which at most k−1 can be true since the best is not
// worse than itself (Shaffer 1986): the i-th smallest times min(k−1, k−i+1).
func HolmShaffer(p []float64) []float64 {
	k := len(p)
	return stepDown(p, func(i int) float64 { return math.Max(1, float64(min(k-1, k-i))) })
}

func stepDown(p []float64, factor func(i int) float64) []float64 {
	out := make([]float64, len(p))
	top := 0.0
	for i, k := range ascending(p) {
		top = math.Max(top, math.Min(1, p[k]*factor(i)))
		out[k] = top
	}
	return out
}
