package stats

import (
	"math"

	"gonum.org/v1/gonum/mathext"
)

// binomialHalf returns P(X ≤ k) and P(X = k) for X ~ Bin(n, ½), continued to
// fractional counts by the incomplete beta function.
func binomialHalf(k, n float64) (cdf, pmf float64) {
	if n <= 0 || k >= n {
		cdf = 1
	} else {
		cdf = mathext.RegIncBeta(n-k, k+1, 0.5)
	}
	ln, _ := math.Lgamma(n + 1)
	lk, _ := math.Lgamma(k + 1)
	lr, _ := math.Lgamma(n - k + 1)
	return cdf, math.Exp(ln - lk - lr - n*math.Ln2)
}

// McNemarMidP is the two-sided mid-p of McNemar's test on the discordant counts
// b and c: 2·F(min; b+c, ½) − f(min; b+c, ½), and 1 − ½f where they are equal
// (Fagerland, Lydersen & Laake 2013, BMC MRM 13:91). Without a discordant pair it
// is 1.
func McNemarMidP(b, c float64) float64 {
	if b+c <= 0 {
		return 1
	}
	cdf, pmf := binomialHalf(math.Min(b, c), b+c)
	if b == c {
		return clamp01(1 - pmf/2)
	}
	return clamp01(2*cdf - pmf)
}

// McNemarExact is the two-sided exact conditional p, min(1, 2·F(min; b+c, ½)).
// It never rejects too often and often too seldom; McNemarMidP is the one that
// tables show.
func McNemarExact(b, c float64) float64 {
	cdf, _ := binomialHalf(math.Min(b, c), b+c)
	return math.Min(1, 2*cdf)
}
