package stats

import "math"

// CostPairSums are the sums over clusters of the costs and accepted counts of two
// candidates on the same tasks. Sums of disjoint sets of clusters add up.
type CostPairSums struct {
	A, B CostSums
	// Cross sums over clusters: Σ C_a·C_b, Σ C_a·A_b, Σ A_a·C_b, Σ A_a·A_b.
	CC, CA, AC, AA float64
}

// Add counts one cluster.
func (s *CostPairSums) Add(costA, acceptedA, costB, acceptedB float64) {
	s.A.Add(costA, acceptedA)
	s.B.Add(costB, acceptedB)
	s.CC, s.CA = s.CC+costA*costB, s.CA+costA*acceptedB
	s.AC, s.AA = s.AC+acceptedA*costB, s.AA+acceptedA*acceptedB
}

// Merge adds the sums of other clusters.
func (s *CostPairSums) Merge(o CostPairSums) {
	s.A.Merge(o.A)
	s.B.Merge(o.B)
	s.CC, s.CA, s.AC, s.AA = s.CC+o.CC, s.CA+o.CA, s.AC+o.AC, s.AA+o.AA
}

// Swap is B against A.
func (s CostPairSums) Swap() CostPairSums {
	return CostPairSums{A: s.B, B: s.A, CC: s.CC, CA: s.AC, AC: s.CA, AA: s.AA}
}

// PairedCostRatio is the ratio of two candidates' costs of an accepted task on
// the same tasks, R_a ÷ R_b, with its log-t interval:
//
//	z_g = (C_a/C̄_a − A_a/Ā_a) − (C_b/C̄_b − A_b/Ā_b),  CI = ratio·exp(±t_{G−1}·se(z̄))
//
// false where either got nothing accepted, either cost nothing, or there are
// fewer than two clusters. Where Fieller's g of either denominator is 1 or more
// the data bound the ratio on neither side: Unbounded.
func PairedCostRatio(s CostPairSums, conf float64) (Ratio, bool) {
	n := s.A.G
	if n < 2 || s.A.A <= 0 || s.B.A <= 0 || s.A.C <= 0 || s.B.C <= 0 {
		return Ratio{}, false
	}
	r := Ratio{Point: (s.A.C / s.A.A) / (s.B.C / s.B.A), Method: "log-t"}
	// z is a linear form of the four values of a cluster; its mean is 0.
	w := [4]float64{n / s.A.C, -n / s.A.A, -n / s.B.C, n / s.B.A}
	moments := [4][4]float64{
		{s.A.C2, s.A.CA, s.CC, s.CA},
		{s.A.CA, s.A.A2, s.AC, s.AA},
		{s.CC, s.AC, s.B.C2, s.B.CA},
		{s.CA, s.AA, s.B.CA, s.B.A2},
	}
	var ss float64
	for i := range w {
		for k := range w {
			ss += w[i] * moments[i][k] * w[k]
		}
	}
	r.SELog = math.Sqrt(math.Max(0, ss) / (n - 1) / n)
	t := TQuantile(1-(1-conf)/2, n-1)
	r.Lo, r.Hi = r.Point*math.Exp(-t*r.SELog), r.Point*math.Exp(t*r.SELog)
	for _, one := range []CostSums{s.A, s.B} {
		varA, _, _ := one.moments()
		ma := one.A / n
		r.G2 = math.Max(r.G2, t*t*varA/n/(ma*ma))
	}
	if r.G2 >= 1 || math.IsInf(r.Hi, 0) {
		r.Unbounded, r.Method, r.Lo, r.Hi = true, "unbounded", 0, 0
	}
	return r, true
}

// CostShape says how much a cost figure hangs on few tasks.
type CostShape struct {
	EffectiveN float64 // (ΣC)²/ΣC²
	TopShare   float64 // share of the cost in the dearest 1 % of the clusters, at least one
	MaxShare   float64 // share of the cost in the dearest cluster
}

// Heavy reports whether the figure hangs on few tasks: fewer than 30 effective
// ones, or a single one that makes more than 10 % of the cost.
func (c CostShape) Heavy() bool { return c.EffectiveN < 30 || c.MaxShare > 0.1 }

// ShapeOf computes the shape of costs that are sorted, the dearest first. false
// where nothing cost anything.
func ShapeOf(descending []float64) (CostShape, bool) {
	var sum, sq, top float64
	k := max(1, len(descending)/100)
	for i, c := range descending {
		sum, sq = sum+c, sq+c*c
		if i < k {
			top += c
		}
	}
	if sum <= 0 {
		return CostShape{}, false
	}
	return CostShape{EffectiveN: sum * sum / sq, TopShare: top / sum, MaxShare: descending[0] / sum}, true
}
