package stats

import "math"

// PairSums are sums over clusters of the paired results of two candidates, from
// which the counts and their design effect follow. With a_i and b_i the mean
// acceptance of task i over its repeats, a task adds a_i(1−b_i) to B, b_i(1−a_i)
// to C and a_i−b_i to its cluster's difference. Sums of disjoint sets of clusters
// add up.
type PairSums struct {
	G, N       float64 // clusters, tasks
	B, C       float64
	R          float64 // Σ over tasks of the repeats that both have
	D          float64 // Σ d_g, differences summed within a cluster
	D2, DN, N2 float64 // Σ d_g², Σ d_g·n_g, Σ n_g²
}

// PairCluster collects the tasks of one cluster.
type PairCluster struct{ n, b, c, r, d float64 }

// Add counts one task with mean acceptances a and b over repeats that both have.
func (g *PairCluster) Add(a, b, repeats float64) {
	g.n++
	g.b, g.c = g.b+a*(1-b), g.c+b*(1-a)
	g.r, g.d = g.r+repeats, g.d+a-b
}

// Add counts one cluster; one without a task counts nothing.
func (s *PairSums) Add(g PairCluster) {
	if g.n == 0 {
		return
	}
	s.G, s.N, s.R = s.G+1, s.N+g.n, s.R+g.r
	s.B, s.C, s.D = s.B+g.b, s.C+g.c, s.D+g.d
	s.D2, s.DN, s.N2 = s.D2+g.d*g.d, s.DN+g.d*g.n, s.N2+g.n*g.n
}

// Merge adds the sums of other clusters.
func (s *PairSums) Merge(o PairSums) {
	s.G, s.N, s.R = s.G+o.G, s.N+o.N, s.R+o.R
	s.B, s.C, s.D = s.B+o.B, s.C+o.C, s.D+o.D
	s.D2, s.DN, s.N2 = s.D2+o.D2, s.DN+o.DN, s.N2+o.N2
}

// Swap is B against A.
func (s PairSums) Swap() PairSums {
	s.B, s.C, s.D, s.DN = s.C, s.B, -s.D, -s.DN
	return s
}

// Raw are the counts before scaling.
func (s PairSums) Raw() Pairs { return Pairs{s.B, s.C, s.N} }

// Variance is the ultimate-cluster variance of the mean difference,
// G/(G−1)·Σ(d_g−D·n_g)²/(Σn_g)²; 0 for fewer than two clusters.
func (s PairSums) Variance() float64 {
	if s.G < 2 || s.N <= 0 {
		return 0
	}
	d := s.D / s.N
	ss := math.Max(0, s.D2-2*d*s.DN+d*d*s.N2)
	return ss * s.G / (s.G - 1) / (s.N * s.N)
}

// DesignEffect is the factor by which the variance of the mean difference
// exceeds that of N independent single pairs, v0 = (b+c)/n − D². Where each task
// is its own cluster it lies between 1/m for m repeats and 1; clusters of tasks
// may raise it above. Where nothing is discordant, and where there is one
// cluster only, each cluster is one fact.
func (s PairSums) DesignEffect() float64 {
	if s.N <= 0 {
		return 1
	}
	d := s.D / s.N
	v0 := (s.B+s.C)/s.N - d*d
	if v0 <= 1e-12 || s.G < 2 {
		return s.N / s.G
	}
	deff := math.Max(s.Variance()*s.N/v0, s.N/math.Max(s.R, s.N))
	if s.G >= s.N {
		deff = math.Min(deff, 1)
	}
	return deff
}

// Effective are the counts that tests and intervals are taken of.
func (s PairSums) Effective() Pairs { return s.Raw().Scaled(s.DesignEffect()) }
