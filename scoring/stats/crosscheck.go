package stats

import (
	"math"
	"slices"
)

// The functions of this file are for cross-checks: published comparisons use
// them, decisions here do not.

// NewcombePaired is Newcombe's square-and-add interval for the difference of two
// paired rates from the four counts: both accepted, only A, only B, neither
// (Newcombe 1998, Stat Med 17:2635, method 10). Tango's is the one that is used.
func NewcombePaired(both, onlyA, onlyB, neither, conf float64) Interval {
	n := both + onlyA + onlyB + neither
	if n <= 0 {
		return Interval{-1, 1}
	}
	pa, pb := (both+onlyA)/n, (both+onlyB)/n
	wa, wb := Wilson(both+onlyA, n, conf), Wilson(both+onlyB, n, conf)
	phi := newcombePhi(both, onlyA, onlyB, neither)
	side := func(da, db float64) float64 {
		return math.Sqrt(math.Max(0, da*da-2*phi*da*db+db*db))
	}
	d := pa - pb
	return Interval{d - side(pa-wa.Lo, wb.Hi-pb), d + side(wa.Hi-pa, pb-wb.Lo)}
}

func newcombePhi(a, b, c, d float64) float64 {
	den := (a + b) * (c + d) * (a + c) * (b + d)
	if den <= 0 {
		return 0
	}
	n, num := a+b+c+d, a*d-b*c
	switch {
	case num > n/2:
		num -= n / 2
	case num >= 0:
		num = 0
	}
	return num / math.Sqrt(den)
}

// BCa is the bias-corrected and accelerated bootstrap interval from replicates of
// an estimate and its leave-one-out values (Efron 1987). The closed forms are as
// good on cost ratios and a thousand times cheaper. It reorders replicates. false
// for fewer than two replicates or leave-one-out values.
func BCa(estimate float64, replicates, jackknife []float64, conf float64) (iv Interval, z0, accel float64, ok bool) {
	if len(replicates) < 2 || len(jackknife) < 2 {
		return Interval{}, 0, 0, false
	}
	slices.Sort(replicates)
	below := 0.0
	for _, r := range replicates {
		switch {
		case r < estimate:
			below++
		case r == estimate:
			below += 0.5
		}
	}
	n := float64(len(replicates))
	z0 = Z(math.Min(math.Max(below/n, 0.5/n), 1-0.5/n))
	accel = acceleration(jackknife)
	at := func(z float64) float64 {
		return quantile7(replicates, NormalCDF(z0+(z0+z)/(1-accel*(z0+z))))
	}
	z := Z(1 - (1-conf)/2)
	return Interval{at(-z), at(z)}, z0, accel, true
}

func acceleration(jackknife []float64) float64 {
	mean := 0.0
	for _, v := range jackknife {
		mean += v / float64(len(jackknife))
	}
	var s2, s3 float64
	for _, v := range jackknife {
		d := mean - v
		s2, s3 = s2+d*d, s3+d*d*d
	}
	if s2 <= 0 {
		return 0
	}
	return s3 / (6 * math.Pow(s2, 1.5))
}

// quantile7 is the linearly interpolated quantile of sorted values.
func quantile7(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	lo := min(max(int(math.Floor(at)), 0), len(sorted)-1)
	hi := min(lo+1, len(sorted)-1)
	return sorted[lo] + (at-float64(lo))*(sorted[hi]-sorted[lo])
}
