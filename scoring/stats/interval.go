// Package stats holds the mathematics that decisions rest on: pure functions of
// numbers, each with its formula and source, tested against reference values
// that were computed elsewhere.
//
// Rates are shares in [0, 1]. Nothing returns NaN or an infinity unless its
// comment says so; what is undefined is reported by a second result or an
// Unbounded flag. Statistics of several trials of one task use the task (or the
// cluster it belongs to) as their unit: a repeat is not a sample.
package stats

import (
	"math"

	"gonum.org/v1/gonum/mathext"
	"gonum.org/v1/gonum/stat/distuv"
)

// Interval is a closed interval.
type Interval struct{ Lo, Hi float64 }

// Z returns the standard normal quantile of p in (0, 1).
func Z(p float64) float64 { return mathext.NormalQuantile(p) }

// TQuantile returns the quantile of Student's t with df degrees of freedom.
func TQuantile(p, df float64) float64 {
	return distuv.StudentsT{Mu: 0, Sigma: 1, Nu: df}.Quantile(p)
}

// NormalCDF is the standard normal distribution function.
func NormalCDF(x float64) float64 { return 0.5 * math.Erfc(-x/math.Sqrt2) }

// tiny is what an effective count may differ from a whole one by rounding.
const tiny = 1e-9

func clamp01(x float64) float64 { return math.Min(1, math.Max(0, x)) }

// Wilson is Wilson's score interval for x successes of n, both of which may be
// effective (fractional) counts:
//
//	(p̂ + z²/2n ± z√(p̂(1−p̂)/n + z²/4n²)) / (1 + z²/n)
//
// Source: Wilson 1927; recommended for small n by Brown, Cai & DasGupta 2001. It
// is the interval for the eye; gates use ClopperPearsonLower. n ≤ 0 gives [0, 1].
func Wilson(x, n, conf float64) Interval {
	if n <= 0 {
		return Interval{0, 1}
	}
	z := Z(1 - (1-conf)/2)
	p := clamp01(x / n)
	centre := p + z*z/(2*n)
	half := z * math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	den := 1 + z*z/n
	iv := Interval{clamp01((centre - half) / den), clamp01((centre + half) / den)}
	if x <= 0 {
		iv.Lo = 0
	}
	if x >= n {
		iv.Hi = 1
	}
	return iv
}

// ClopperPearsonLower is the exact one-sided lower bound at confidence conf:
// Beta⁻¹(α; x, n−x+1), 0 for x = 0 (Clopper & Pearson 1934). Counts may be
// effective ones.
func ClopperPearsonLower(x, n, conf float64) float64 {
	if x <= tiny || n <= 0 {
		return 0
	}
	x = math.Min(x, n)
	return mathext.InvRegIncBeta(x, n-x+1, 1-conf)
}

// ClopperPearsonUpper is the exact one-sided upper bound at confidence conf:
// Beta⁻¹(1−α; x+1, n−x), 1 for x = n.
func ClopperPearsonUpper(x, n, conf float64) float64 {
	if n <= 0 || x >= n-tiny {
		return 1
	}
	return mathext.InvRegIncBeta(math.Max(x, 0)+1, n-math.Max(x, 0), conf)
}

// ClopperPearson is the exact two-sided interval: α/2 on either side.
func ClopperPearson(x, n, conf float64) Interval {
	side := 1 - (1-conf)/2
	return Interval{ClopperPearsonLower(x, n, side), ClopperPearsonUpper(x, n, side)}
}

// TwoSidedT is the two-sided p-value of a t statistic with df degrees of freedom.
func TwoSidedT(t, df float64) float64 {
	return math.Min(1, 2*distuv.StudentsT{Mu: 0, Sigma: 1, Nu: df}.CDF(-math.Abs(t)))
}
