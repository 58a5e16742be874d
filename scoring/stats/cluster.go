package stats

import "math"

// ClusterSums are the sums over clusters g of T_g successes among N_g
// observations that every figure on a clustered rate follows from. Sums of
// disjoint sets of clusters add up.
type ClusterSums struct {
	G          float64 // clusters with an observation
	T, N       float64
	T2, TN, N2 float64
}

// Add counts one cluster with t successes among n observations; n = 0 counts
// nothing.
func (s *ClusterSums) Add(t, n float64) {
	if n <= 0 {
		return
	}
	s.G++
	s.T, s.N = s.T+t, s.N+n
	s.T2, s.TN, s.N2 = s.T2+t*t, s.TN+t*n, s.N2+n*n
}

// Merge adds the sums of other clusters.
func (s *ClusterSums) Merge(o ClusterSums) {
	s.G, s.T, s.N = s.G+o.G, s.T+o.T, s.N+o.N
	s.T2, s.TN, s.N2 = s.T2+o.T2, s.TN+o.TN, s.N2+o.N2
}

// Rate is ΣT_g ÷ ΣN_g; false without an observation.
func (s ClusterSums) Rate() (float64, bool) {
	if s.N <= 0 {
		return 0, false
	}
	return clamp01(s.T / s.N), true
}

// SE is the ultimate-cluster standard error of the rate,
//
//	SE² = G/(G−1) · Σ(T_g − p̂N_g)² / (ΣN_g)²
//
// (Korn & Graubard 1999; Miller 2024, arXiv 2411.00640). It is 0 for fewer than
// two clusters.
func (s ClusterSums) SE() float64 {
	p, ok := s.Rate()
	if !ok || s.G < 2 {
		return 0
	}
	ss := s.T2 - 2*p*s.TN + p*p*s.N2
	return math.Sqrt(math.Max(0, ss)*s.G/(s.G-1)) / s.N
}

// NEff is the effective number of independent observations, p̂(1−p̂)/SE² capped
// to [1, ΣN]. Where all repeats agree, or p̂ is 0 or 1, each cluster is one fact:
// NEff is G.
func (s ClusterSums) NEff() float64 {
	p, ok := s.Rate()
	if !ok {
		return 0
	}
	se := s.SE()
	if p <= 0 || p >= 1 || se <= 1e-15 {
		return s.G
	}
	return math.Min(math.Max(p*(1-p)/(se*se), 1), s.N)
}

// WilsonClustered is Wilson's interval on the effective counts.
func WilsonClustered(s ClusterSums, conf float64) (Interval, bool) {
	p, ok := s.Rate()
	if !ok {
		return Interval{0, 1}, false
	}
	if s.T2 == s.T && s.N2 == s.N { // one observation a cluster: nothing to correct
		return Wilson(s.T, s.N, conf), true
	}
	n := s.NEff()
	return Wilson(p*n, n, conf), true
}

// KornGraubardN is the effective sample size for exact intervals on clustered
// data, n* = min(ΣN, n_eff·(t_{.975,ΣN−1} ÷ t_{.975,G−1})²) (Korn & Graubard
// 1998; the NCHS standard). Where all clusters agree it is their number. It needs
// two clusters; with fewer it is 0.
func KornGraubardN(s ClusterSums, conf float64) float64 {
	if s.G < 2 || s.N < 2 {
		return 0
	}
	if p, _ := s.Rate(); p <= 0 || p >= 1 || s.SE() <= 1e-15 {
		return s.G
	}
	side := 1 - (1-conf)/2
	ratio := TQuantile(side, s.N-1) / TQuantile(side, s.G-1)
	return math.Min(s.N, s.NEff()*ratio*ratio)
}

// KornGraubard is the two-sided Clopper–Pearson interval on KornGraubardN.
func KornGraubard(s ClusterSums, conf float64) (Interval, bool) {
	p, ok := s.Rate()
	n := KornGraubardN(s, conf)
	if !ok || n <= 0 {
		return Interval{0, 1}, false
	}
	return ClopperPearson(p*n, n, conf), true
}

// GateN is the number of observations that an exact bound for a gate is taken on:
// all of them where each cluster is one observation, else KornGraubardN.
func GateN(s ClusterSums, conf float64) float64 {
	if s.T2 == s.T && s.N2 == s.N {
		return s.N
	}
	return KornGraubardN(s, conf)
}
