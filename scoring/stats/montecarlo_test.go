package stats_test

import (
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"infer/scoring/stats"
)

// rounds is how many simulations a check makes: few by default, many where
// INFER_MONTECARLO=full asks for them. Seeds are fixed, so a check that passes
// does so always.
func rounds(few, full int) int {
	if os.Getenv("INFER_MONTECARLO") == "full" {
		return full
	}
	return few
}

// covers checks that a coverage lies within 1.5 points of 95 %, with the room
// that so many rounds leave to chance.
func covers(t *testing.T, what string, hits, n int) {
	t.Helper()
	got := float64(hits) / float64(n)
	room := 0.015 + 2*math.Sqrt(0.05*0.95/float64(n))
	t.Logf("%s: coverage %.4f in %d rounds", what, got, n)
	if math.Abs(got-0.95) > room {
		t.Errorf("%s: coverage %.4f, want 0.95 ± %.4f", what, got, room)
	}
}

// TestWilsonCoverage enumerates every outcome: the mean coverage over rates is
// that of the literature, and Clopper and Pearson's is never below nominal.
func TestWilsonCoverage(t *testing.T) {
	t.Parallel()
	const n = 20
	var mean, lowest, steps float64 = 0, 1, 0
	for p := 0.005; p < 1; p += 0.005 {
		b := distuv.Binomial{N: n, P: p}
		var wilson, exact float64
		for x := range n + 1 {
			pmf := b.Prob(float64(x))
			if iv := stats.Wilson(float64(x), n, 0.95); iv.Lo <= p && p <= iv.Hi {
				wilson += pmf
			}
			if iv := stats.ClopperPearson(float64(x), n, 0.95); iv.Lo <= p && p <= iv.Hi {
				exact += pmf
			}
		}
		mean, lowest, steps = mean+wilson, math.Min(lowest, exact), steps+1
	}
	if got := mean / steps; math.Abs(got-0.954) > 0.003 {
		t.Errorf("mean coverage of Wilson's interval at n = 20 is %.4f, want 0.954", got)
	}
	if lowest < 0.95 {
		t.Errorf("lowest coverage of Clopper and Pearson's interval is %.4f", lowest)
	}
}

// TestGateBoundCoverage: the one-sided bound of a gate never passes a rate below
// the floor more often than 5 %, where Wilson's would.
func TestGateBoundCoverage(t *testing.T) {
	t.Parallel()
	const n = 100
	for p := 0.8; p < 0.999; p += 0.0017 {
		b := distuv.Binomial{N: n, P: p}
		wrong := 0.0
		for x := range n + 1 {
			if stats.ClopperPearsonLower(float64(x), n, 0.95) > p {
				wrong += b.Prob(float64(x))
			}
		}
		if wrong > 0.05 {
			t.Errorf("p = %.4f: the bound lies above it in %.4f", p, wrong)
		}
	}
}

// repeated draws m repeats of n tasks whose rates vary as an intraclass
// correlation of 0.6 wants it.
func repeated(rng *rand.Rand, n, m int, p float64) stats.ClusterSums {
	const icc = 0.6
	beta := distuv.Beta{Alpha: p * (1 - icc) / icc, Beta: (1 - p) * (1 - icc) / icc, Src: rng}
	var s stats.ClusterSums
	for range n {
		rate, ok := beta.Rand(), 0.0
		for range m {
			if rng.Float64() < rate {
				ok++
			}
		}
		s.Add(ok, float64(m))
	}
	return s
}

func TestClusteredCoverage(t *testing.T) {
	t.Parallel()
	n := rounds(1500, 20_000)
	for _, tasks := range []int{50, 100} {
		rng := rand.New(rand.NewPCG(uint64(tasks), 1))
		var wilson, exact, naive int
		for range n {
			s := repeated(rng, tasks, 5, 0.9)
			if iv, _ := stats.WilsonClustered(s, 0.95); iv.Lo <= 0.9 && 0.9 <= iv.Hi {
				wilson++
			}
			if iv, _ := stats.KornGraubard(s, 0.95); iv.Lo <= 0.9 && 0.9 <= iv.Hi {
				exact++
			}
			if iv := stats.Wilson(s.T, s.N, 0.95); iv.Lo <= 0.9 && 0.9 <= iv.Hi {
				naive++
			}
		}
		covers(t, "Wilson on effective counts", wilson, n)
		covers(t, "Korn and Graubard", exact, n)
		if float64(naive)/float64(n) > 0.8 {
			t.Errorf("%d tasks: treating repeats as samples covers %.3f: the check does not tell them apart", tasks, float64(naive)/float64(n))
		}
	}
}

// paired draws two candidates on the same tasks: rates Φ(a+u) and Φ(b+u) with a
// shared difficulty u ~ N(0,1), m repeats each.
func paired(rng *rand.Rand, n, m int, a, b float64) stats.PairSums {
	var s stats.PairSums
	for range n {
		u := rng.NormFloat64()
		pa, pb := stats.NormalCDF(a+u), stats.NormalCDF(b+u)
		var ya, yb float64
		for range m {
			if rng.Float64() < pa {
				ya++
			}
			if rng.Float64() < pb {
				yb++
			}
		}
		var g stats.PairCluster
		g.Add(ya/float64(m), yb/float64(m), float64(m))
		s.Add(g)
	}
	return s
}

// latent is the a for which Φ(a+u) is p on average.
func latent(p float64) float64 { return stats.Z(p) * math.Sqrt2 }

func TestTangoCoverage(t *testing.T) {
	t.Parallel()
	n := rounds(1500, 20_000)
	for _, c := range []struct{ tasks, m int }{{30, 1}, {100, 1}, {50, 5}, {100, 5}} {
		rng := rand.New(rand.NewPCG(uint64(c.tasks), uint64(c.m)))
		const pa, pb = 0.9, 0.85
		hits := 0
		for range n {
			if iv := stats.TangoCI(paired(rng, c.tasks, c.m, latent(pa), latent(pb)).Effective(), 0.95); iv.Lo <= pa-pb && pa-pb <= iv.Hi {
				hits++
			}
		}
		covers(t, "Tango", hits, n)
	}
}

// TestFalseNonInferiority: a candidate that is worse by exactly the margin passes
// in 5 % at most, within what Tango's asymptotics and chance leave.
func TestFalseNonInferiority(t *testing.T) {
	t.Parallel()
	n := rounds(2000, 40_000)
	for _, c := range []struct{ tasks, m int }{{100, 1}, {400, 1}, {100, 5}} {
		rng := rand.New(rand.NewPCG(uint64(c.tasks), 77))
		wrong := 0
		for range n {
			if stats.NonInferiority(paired(rng, c.tasks, c.m, latent(0.85), latent(0.9)).Effective(), 0.05) <= 0.05 {
				wrong++
			}
		}
		got := float64(wrong) / float64(n)
		t.Logf("%d tasks, %d repeats: %.4f", c.tasks, c.m, got)
		if got > 0.05+0.005+2*math.Sqrt(0.05*0.95/float64(n)) {
			t.Errorf("%d tasks, %d repeats: false non-inferiority in %.4f", c.tasks, c.m, got)
		}
	}
}

func TestCostCoverage(t *testing.T) {
	t.Parallel()
	n := rounds(1500, 20_000)
	for _, c := range []struct {
		tasks int
		p     float64
	}{{300, 0.7}, {300, 0.3}} {
		rng := rand.New(rand.NewPCG(uint64(c.tasks), 5))
		// Lognormal costs with σ = 1; a failure costs 2.5 times as much.
		mean := math.Exp(0.5)
		truth := mean * (c.p + 2.5*(1-c.p)) / c.p
		hits := 0
		for range n {
			var s stats.CostSums
			for range c.tasks {
				cost, ok := math.Exp(rng.NormFloat64()), 1.0
				if rng.Float64() >= c.p {
					cost, ok = 2.5*cost, 0
				}
				s.Add(cost, ok)
			}
			if r, _ := stats.CostPerAccepted(s, 0.95); r.Lo <= truth && (r.Unbounded || truth <= r.Hi) {
				hits++
			}
		}
		covers(t, "cost per accepted task", hits, n)
	}
}

// TestEProcess: under the worst null it reaches 20 in 5 % of the runs at most,
// however often it is looked at.
func TestEProcess(t *testing.T) {
	t.Parallel()
	n := rounds(600, 4000)
	rng := rand.New(rand.NewPCG(3, 4))
	wrong := 0
	for range n {
		var b, n0, c float64
		for task := 1; task <= 2000; task++ {
			switch u := rng.Float64(); { // E[d] = −0.05, as the null has it
			case u < 0.05:
				b++
			case u < 0.15:
				c++
			default:
				n0++
			}
			if task%10 == 0 && stats.LogE(b, n0, c, -0.05) >= math.Log(20) {
				wrong++
				break
			}
		}
	}
	if got := float64(wrong) / float64(n); got > 0.05+math.Sqrt(0.05*0.95/float64(n)) {
		t.Errorf("E reached 20 in %.4f", got)
	} else {
		t.Logf("E reached 20 in %.4f of %d", got, n)
	}
}

// TestPPICoverage: prediction-powered intervals cover with a good and with a
// lenient judge, of which the second alone would be wrong nearly always.
func TestPPICoverage(t *testing.T) {
	t.Parallel()
	n := rounds(1000, 10_000)
	for _, c := range []struct {
		name       string
		sens, spec float64
		least      float64 // with 100 labels intervals are a little short
	}{{"good judge", 0.95, 0.90, 0.93}, {"lenient judge", 0.97, 0.40, 0.925}} {
		rng := rand.New(rand.NewPCG(11, 12))
		hits, alone := 0, 0
		for range n {
			var l stats.Labelled
			var j stats.Judged
			for i := range 1100 {
				y, f := 0.0, 0.0
				says := 1 - c.spec
				if rng.Float64() < 0.8 {
					y, says = 1, c.sens
				}
				if rng.Float64() < says {
					f = 1
				}
				if i < 100 {
					l.Add(y, f, 1)
				} else {
					j.Add(f)
				}
			}
			if e, _ := stats.PredictionPowered(l, j, 0.95, nil); e.Lo <= 0.8 && 0.8 <= e.Hi {
				hits++
			}
			if iv := stats.Wilson(j.F, j.N, 0.95); iv.Lo <= 0.8 && 0.8 <= iv.Hi {
				alone++
			}
		}
		got := float64(hits) / float64(n)
		t.Logf("%s: coverage %.4f; it alone covers %.3f", c.name, got, float64(alone)/float64(n))
		if got < c.least-2*math.Sqrt(0.05*0.95/float64(n)) {
			t.Errorf("%s: coverage %.4f, want %.3f at least", c.name, got, c.least)
		}
		if c.spec < 0.5 && float64(alone)/float64(n) > 0.1 {
			t.Error("the lenient judge alone covers: the check does not tell them apart")
		}
	}
}
