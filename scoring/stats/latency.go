package stats

import (
	"math"

	"gonum.org/v1/gonum/mathext"
)

// binomialCDF is P(X ≤ k) for X ~ Bin(n, p).
func binomialCDF(k, n, p float64) float64 {
	switch {
	case k < 0:
		return 0
	case k >= n:
		return 1
	}
	return mathext.RegIncBeta(n-k, k+1, 1-p)
}

// Ranks are the order statistics (1 is the smallest) that bound a quantile. 0
// means that there is no such bound: the sample is too small for it.
type Ranks struct {
	Lo, Hi   int64
	Coverage float64 // exact
}

// QuantileRanks returns the equal-tailed, distribution-free interval of the
// q-quantile of n values: the largest l with P(Bin(n,q) ≤ l−1) ≤ α/2 and the
// smallest u with P(Bin(n,q) ≥ u) ≤ α/2.
func QuantileRanks(n int64, q, conf float64) Ranks {
	if n <= 0 {
		return Ranks{}
	}
	side := (1 - conf) / 2
	nf := float64(n)
	// The first k with P(X ≤ k) above the limit, and the first with P(X ≤ k) ≥ 1−side.
	l := search(n, func(k int64) bool { return binomialCDF(float64(k), nf, q) > side })
	u := search(n, func(k int64) bool { return binomialCDF(float64(k), nf, q) >= 1-side }) + 1
	r := Ranks{Lo: l, Hi: u}
	if l < 1 {
		r.Lo = 0
	}
	if u > n {
		r.Hi = 0
	}
	upper := 1.0
	if r.Hi > 0 {
		upper = binomialCDF(float64(r.Hi-1), nf, q)
	}
	r.Coverage = upper - binomialCDF(float64(r.Lo-1), nf, q)
	return r
}

// search is the smallest k in [0, n] for which holds does, which is monotone.
func search(n int64, holds func(int64) bool) int64 {
	lo, hi := int64(0), n
	for lo < hi {
		if mid := lo + (hi-lo)/2; holds(mid) {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo
}

// QuantileMinN is the smallest sample whose maximum is an upper bound of the
// q-quantile at confidence conf: the smallest n with qⁿ ≤ 1−conf.
func QuantileMinN(q, conf float64) int64 { return int64(TasksForFloor(q, conf)) }

// Tri is a three-valued answer.
type Tri int

// The answers.
const (
	Unknown Tri = iota // the data do not decide
	Pass
	Fail
)

// ShareAtMost decides whether a rate is at most limit from x cases among n (both
// may be effective counts): Pass where the exact one-sided upper bound at
// confidence conf is at most the limit, Fail where the lower bound is above it.
// With x the values above a service level and limit = 1−q it decides whether the
// q-quantile keeps to it.
func ShareAtMost(x, n, limit, conf float64) (state Tri, lo, hi float64) {
	lo, hi = ClopperPearsonLower(x, n, conf), ClopperPearsonUpper(x, n, conf)
	switch {
	case n <= 0:
		return Unknown, 0, 1
	case hi <= limit:
		return Pass, lo, hi
	case lo > limit:
		return Fail, lo, hi
	}
	return Unknown, lo, hi
}

// ShareAtLeast decides whether a rate is at least floor: Pass where the exact
// one-sided lower bound reaches it, Fail where the upper bound does not.
func ShareAtLeast(x, n, floor, conf float64) (state Tri, lo, hi float64) {
	lo, hi = ClopperPearsonLower(x, n, conf), ClopperPearsonUpper(x, n, conf)
	switch {
	case n <= 0:
		return Unknown, 0, 1
	case lo >= floor:
		return Pass, lo, hi
	case hi < floor:
		return Fail, lo, hi
	}
	return Unknown, lo, hi
}

// ExceedancesAllowed is the largest number of values above a service level among
// n with which its q-quantile is shown to keep to it; −1 = none, n is too small.
func ExceedancesAllowed(n int64, q, conf float64) int64 {
	return search(n, func(x int64) bool {
		return ClopperPearsonUpper(float64(x), float64(n), conf) > 1-q
	}) - 1
}

// WoodruffShares is the interval of the share of values at or below the point
// q-quantile, on effective counts; the quantile's own interval is that of the
// order statistics at these shares (Woodruff 1952).
func WoodruffShares(q, nEff, conf float64) Interval {
	half := Z(1-(1-conf)/2) * math.Sqrt(q*(1-q)/math.Max(1, nEff))
	return Interval{clamp01(q - half), clamp01(q + half)}
}
