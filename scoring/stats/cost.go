package stats

import "math"

// CostSums are the sums over clusters of cost C_g (any unit of money) and
// accepted count A_g. Sums of disjoint sets of clusters add up.
type CostSums struct {
	G          float64
	C, A       float64
	C2, A2, CA float64
}

// Add counts one cluster.
func (s *CostSums) Add(cost, accepted float64) {
	s.G++
	s.C, s.A = s.C+cost, s.A+accepted
	s.C2, s.A2, s.CA = s.C2+cost*cost, s.A2+accepted*accepted, s.CA+cost*accepted
}

// Merge adds the sums of other clusters.
func (s *CostSums) Merge(o CostSums) {
	s.G, s.C, s.A = s.G+o.G, s.C+o.C, s.A+o.A
	s.C2, s.A2, s.CA = s.C2+o.C2, s.A2+o.A2, s.CA+o.CA
}

// Ratio is a ratio with its interval.
type Ratio struct {
	Point     float64
	Lo, Hi    float64
	Unbounded bool    // the data give no upper bound; Hi means nothing
	SELog     float64 // standard error of the logarithm
	G2        float64 // Fieller's g: how uncertain the denominator is
	Method    string  // "log-t", "fieller" or "unbounded"
}

// CostPerAccepted is ΣC ÷ ΣA with its interval at confidence conf. With
// g = t²·Var(Ā)/Ā²: below 0.2 the interval is CostLogT's, from 0.2 to 1 Fieller's,
// and from 1 on there is no upper bound. false when nothing was accepted or a
// sum is negative; with fewer than two clusters there is no upper bound.
func CostPerAccepted(s CostSums, conf float64) (Ratio, bool) {
	r, ok := CostLogT(s, conf)
	if !ok {
		return r, false
	}
	switch {
	case r.Unbounded || s.C == 0:
	case r.G2 >= 1:
		r.Unbounded, r.Method = true, "unbounded"
	case r.G2 >= 0.2:
		if iv, ok := Fieller(s, conf); ok {
			r.Lo, r.Hi, r.Method = math.Max(0, iv.Lo), iv.Hi, "fieller"
		}
	}
	return r, true
}

// CostLogT is ΣC ÷ ΣA with the interval of its logarithm, whose standard error is
// that of the linearised ratio,
//
//	z_g = C_g/C̄ − A_g/Ā,   se² = s²(z)/G,   CI = R·exp(±t_{G−1}·se)
//
// Source: delta method on the log scale. CostPerAccepted says when to use it.
func CostLogT(s CostSums, conf float64) (Ratio, bool) {
	if s.A <= 0 || s.C < 0 || s.G < 1 {
		return Ratio{}, false
	}
	r := Ratio{Point: s.C / s.A, Method: "log-t"}
	if s.G < 2 {
		r.Unbounded, r.Method = true, "unbounded"
		return r, true
	}
	t := TQuantile(1-(1-conf)/2, s.G-1)
	mc, ma := s.C/s.G, s.A/s.G
	varA, varC, cov := s.moments()
	r.G2 = t * t * varA / s.G / (ma * ma)
	if s.C == 0 {
		return r, true
	}
	se2 := (varC/mc/mc + varA/ma/ma - 2*cov/mc/ma) / s.G // not by mc², which may underflow
	r.SELog = math.Sqrt(math.Max(0, se2))
	r.Lo, r.Hi = r.Point*math.Exp(-t*r.SELog), r.Point*math.Exp(t*r.SELog)
	if math.IsInf(r.Hi, 0) {
		r.Unbounded, r.Method, r.Hi = true, "unbounded", 0
	}
	return r, true
}

// moments are the sample variances and covariance over clusters.
func (s CostSums) moments() (varA, varC, cov float64) {
	d := s.G - 1
	varA = math.Max(0, (s.A2-s.A*s.A/s.G)/d)
	varC = math.Max(0, (s.C2-s.C*s.C/s.G)/d)
	cov = (s.CA - s.C*s.A/s.G) / d
	return varA, varC, cov
}

// Fieller is Fieller's interval for ΣC ÷ ΣA: [B ± √(B²−AC)]/A with
// A = Ā²−t²s_A²/n, B = C̄Ā−t²s_CA/n, C = C̄²−t²s_C²/n (Fieller 1954). false where
// the denominator is not separated from 0 (g ≥ 1).
func Fieller(s CostSums, conf float64) (Interval, bool) {
	if s.G < 2 {
		return Interval{}, false
	}
	t := TQuantile(1-(1-conf)/2, s.G-1)
	varA, varC, cov := s.moments()
	ma, mc := s.A/s.G, s.C/s.G
	a := ma*ma - t*t*varA/s.G
	b := mc*ma - t*t*cov/s.G
	c := mc*mc - t*t*varC/s.G
	disc := b*b - a*c
	if a <= 0 || disc < 0 {
		return Interval{}, false
	}
	root := math.Sqrt(disc)
	return Interval{(b - root) / a, (b + root) / a}, true
}

// CostWithoutAccepted is the lower bound on the cost of an accepted task when
// none of n was accepted: the mean cost ÷ the one-sided upper bound
// p_U = 1 − (1−conf)^{1/n} on the acceptance rate.
func CostWithoutAccepted(total float64, n int64, conf float64) (bound, acceptUpper float64, ok bool) {
	if n <= 0 || total < 0 {
		return 0, 0, false
	}
	pu := ClopperPearsonUpper(0, float64(n), conf)
	return total / float64(n) / pu, pu, true
}
