package stats

import "math"

// Pairs are the counts of two candidates A and B on the same n tasks: B tasks
// that only A got accepted, C that only B did. All three may be effective
// (fractional) counts. Pairs of disjoint tasks add up.
type Pairs struct{ B, C, N float64 }

// maxZ caps the statistics of a boundary, where the variance is 0.
const maxZ = 1e6

// Difference is the difference of the rates, (b−c)/n; 0 without a pair.
func (p Pairs) Difference() float64 {
	if p.N <= 0 {
		return 0
	}
	return (p.B - p.C) / p.N
}

// Swap is B against A.
func (p Pairs) Swap() Pairs { return Pairs{p.C, p.B, p.N} }

// Scaled divides the counts by a design effect.
func (p Pairs) Scaled(deff float64) Pairs { return Pairs{p.B / deff, p.C / deff, p.N / deff} }

// restrictedQ is the maximum-likelihood rate of "only B" under p_A − p_B = d0:
// (√(B²−4AC)−B)/2A with A = 2n, B = −b−c+(2n−b+c)d0, C = −c·d0(1−d0).
func (p Pairs) restrictedQ(d0 float64) float64 {
	a := 2 * p.N
	b := -p.B - p.C + (2*p.N-p.B+p.C)*d0
	c := -p.C * d0 * (1 - d0)
	q := (math.Sqrt(math.Max(0, b*b-4*a*c)) - b) / (2 * a)
	return math.Min(math.Max(q, math.Max(0, -d0)), (1-d0)/2)
}

// TangoZ is Tango's score statistic of H0: p_A − p_B = d0,
//
//	Z(d0) = (b−c−n·d0) / √(n(2q+d0(1−d0)))
//
// with q the restricted estimate of the rate of "only B" (Tango 1998, Stat Med
// 17:891). At d0 = 0 it is McNemar's z. It falls as d0 rises. Without a pair, and
// where both numerator and variance are 0, it is 0; at a boundary its size is
// capped.
func TangoZ(p Pairs, d0 float64) float64 {
	if p.N <= 0 {
		return 0
	}
	num := p.B - p.C - p.N*d0
	v := p.N * (2*p.restrictedQ(d0) + d0*(1-d0))
	if math.Abs(num) <= 1e-12*p.N {
		return 0
	}
	if v <= 0 {
		return math.Copysign(maxZ, num)
	}
	return math.Max(-maxZ, math.Min(maxZ, num/math.Sqrt(v)))
}

// TangoCI is the interval { d0 : |Z(d0)| ≤ z } for p_A − p_B. Without a pair it
// is [−1, 1].
func TangoCI(p Pairs, conf float64) Interval {
	if p.N <= 0 {
		return Interval{-1, 1}
	}
	z := Z(1 - (1-conf)/2)
	d := p.Difference()
	return Interval{tangoBound(p, z, -1, d), -tangoBound(p.Swap(), z, -1, -d)}
}

// TangoLower is the one-sided lower bound for p_A − p_B at confidence conf.
func TangoLower(p Pairs, conf float64) float64 {
	if p.N <= 0 {
		return -1
	}
	return tangoBound(p, Z(conf), -1, p.Difference())
}

// tangoBound is the d0 in [lo, hi] at which Z falls to z, by bisection.
func tangoBound(p Pairs, z, lo, hi float64) float64 {
	for range 80 {
		mid := lo + (hi-lo)/2
		if mid <= lo || mid >= hi {
			break
		}
		if TangoZ(p, mid) > z {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo + (hi-lo)/2
}

// Superiority is the two-sided p of H0: p_A = p_B, from Z(0).
func Superiority(p Pairs) float64 { return 2 * NormalCDF(-math.Abs(TangoZ(p, 0))) }

// NonInferiority is the one-sided p of H0: p_A ≤ p_B − delta. Small means that A
// is not worse than B by delta or more.
func NonInferiority(p Pairs, delta float64) float64 { return NormalCDF(-TangoZ(p, -delta)) }

// Inferiority is the one-sided p of H0: p_A ≥ p_B − delta. Small means that A is
// worse than B by more than delta.
func Inferiority(p Pairs, delta float64) float64 { return NormalCDF(TangoZ(p, -delta)) }
