package stats_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"infer/scoring/stats"
)

func finite(t *rapid.T, what string, v ...float64) {
	t.Helper()
	for _, x := range v {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			t.Fatalf("%s is %v", what, v)
		}
	}
}

func within(t *rapid.T, what string, v, lo, hi float64) {
	t.Helper()
	if finite(t, what, v); v < lo-1e-9 || v > hi+1e-9 {
		t.Fatalf("%s = %v is outside [%v, %v]", what, v, lo, hi)
	}
}

// pairs draws counts, whole or fractional, small or large, also at the edges.
func pairs(t *rapid.T) stats.Pairs {
	n := float64(rapid.IntRange(1, 2000).Draw(t, "n"))
	b := float64(rapid.IntRange(0, int(n)).Draw(t, "b"))
	c := float64(rapid.IntRange(0, int(n-b)).Draw(t, "c"))
	deff := rapid.SampledFrom([]float64{1, 0.3, 1.7, 12}).Draw(t, "deff")
	return stats.Pairs{B: b, C: c, N: n}.Scaled(deff)
}

func TestRateIntervals(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Float64Range(0.5, 1e6).Draw(t, "n")
		x := n * rapid.SampledFrom([]float64{0, 1, rapid.Float64Range(0, 1).Draw(t, "share")}).Draw(t, "edge")
		conf := rapid.SampledFrom([]float64{0.8, 0.9, 0.95, 0.99}).Draw(t, "conf")
		for name, iv := range map[string]stats.Interval{"Wilson": stats.Wilson(x, n, conf), "Clopper-Pearson": stats.ClopperPearson(x, n, conf)} {
			within(t, name, iv.Lo, 0, x/n)
			within(t, name, iv.Hi, x/n, 1)
		}
		wide := stats.Wilson(x, n, 0.99)
		narrow := stats.Wilson(x, n, 0.8)
		if wide.Lo > narrow.Lo+1e-12 || wide.Hi < narrow.Hi-1e-12 {
			t.Fatalf("more confidence, narrower: %v in %v", wide, narrow)
		}
		if lo := stats.ClopperPearsonLower(x, n, conf); lo > stats.ClopperPearsonLower(math.Min(n, x+0.5), n, conf)+1e-9 {
			t.Fatal("more accepted, lower bound")
		}
	})
}

func TestTangoProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := pairs(t)
		d := p.Difference()
		iv := stats.TangoCI(p, 0.95)
		within(t, "Tango lower", iv.Lo, -1, d)
		within(t, "Tango upper", iv.Hi, d, 1)
		if sw := stats.TangoCI(p.Swap(), 0.95); math.Abs(sw.Lo+iv.Hi) > 1e-9 || math.Abs(sw.Hi+iv.Lo) > 1e-9 {
			t.Fatalf("swapping gives %v, not the mirror of %v", sw, iv)
		}
		last := math.Inf(1)
		for d0 := -0.99; d0 < 1; d0 += 0.11 {
			z := stats.TangoZ(p, d0)
			finite(t, "Z", z)
			if z > last+1e-6 {
				t.Fatalf("Z rises to %v at d0 = %v", z, d0)
			}
			last = z
		}
		// The interval and the test are one thing.
		sup := stats.Superiority(p)
		within(t, "superiority p", sup, 0, 1)
		if excludes := iv.Lo > 1e-9 || iv.Hi < -1e-9; excludes != (sup < 0.05) && math.Abs(sup-0.05) > 1e-6 {
			t.Fatalf("p = %v but the interval is %v", sup, iv)
		}
		delta := rapid.SampledFrom([]float64{0.01, 0.05, 0.1, 0.3}).Draw(t, "delta")
		ni := stats.NonInferiority(p, delta)
		within(t, "non-inferiority p", ni, 0, 1)
		within(t, "sum of one-sided p", ni+stats.Inferiority(p, delta), 1-1e-9, 1+1e-9)
		if lower := stats.TangoLower(p, 0.95); (lower > -delta+1e-9) != (ni < 0.05) && math.Abs(ni-0.05) > 1e-6 {
			t.Fatalf("p = %v but the lower bound is %v, delta %v", ni, lower, delta)
		}
		if wider := stats.NonInferiority(p, delta+0.1); wider > ni+1e-9 {
			t.Fatal("a wider margin is harder to show")
		}
		within(t, "mid-p", stats.McNemarMidP(p.B, p.C), 0, 1)
		within(t, "mid-p below exact p", stats.McNemarMidP(p.B, p.C), 0, stats.McNemarExact(p.B, p.C))
	})
}

// tasks draws tasks with repeats in clusters: for each, the cluster, the accepted
// counts of two candidates of m repeats, and their costs.
type drawn struct {
	cluster      int
	m, a, b      float64
	costA, costB float64
}

func tasks(t *rapid.T) []drawn {
	m := rapid.IntRange(1, 5).Draw(t, "repeats")
	clusters := rapid.IntRange(1, 40).Draw(t, "clusters")
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) drawn {
		return drawn{cluster: rapid.IntRange(0, clusters).Draw(t, "cluster"), m: float64(m),
			a: float64(rapid.IntRange(0, m).Draw(t, "a")), b: float64(rapid.IntRange(0, m).Draw(t, "b")),
			costA: rapid.Float64Range(0, 10).Draw(t, "cost a"), costB: rapid.Float64Range(0, 10).Draw(t, "cost b")}
	}), 1, 120).Draw(t, "tasks")
}

type allSums struct {
	rate stats.ClusterSums
	pair stats.PairSums
	cost stats.CostPairSums
}

func (s *allSums) merge(o allSums) {
	s.rate.Merge(o.rate)
	s.pair.Merge(o.pair)
	s.cost.Merge(o.cost)
}

// bySum sums each cluster by itself, so that they can be merged in any order.
func bySum(ts []drawn) []allSums {
	byCluster := make(map[float64][]drawn)
	for _, d := range ts {
		byCluster[float64(d.cluster)] = append(byCluster[float64(d.cluster)], d)
	}
	var out []allSums
	for _, k := range keys(byCluster) {
		var one allSums
		var g stats.PairCluster
		var sum drawn
		for _, d := range byCluster[k] {
			g.Add(d.a/d.m, d.b/d.m, d.m)
			sum.a, sum.b, sum.m = sum.a+d.a, sum.b+d.b, sum.m+d.m
			sum.costA, sum.costB = sum.costA+d.costA, sum.costB+d.costB
		}
		one.rate.Add(sum.a, sum.m)
		one.pair.Add(g)
		one.cost.Add(sum.costA, sum.a, sum.costB, sum.b)
		out = append(out, one)
	}
	return out
}

func TestMergingIsOrderFree(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		parts := bySum(tasks(t))
		shuffled := rapid.Permutation(parts).Draw(t, "order")
		var one, other, left, right allSums
		for i := range parts {
			one.merge(parts[i])
			other.merge(shuffled[i])
			if i%2 == 0 {
				left.merge(parts[i])
			} else {
				right.merge(parts[i])
			}
		}
		left.merge(right)
		for _, o := range []allSums{other, left} {
			same(t, "rate SE", one.rate.SE(), o.rate.SE())
			same(t, "pair variance", one.pair.Variance(), o.pair.Variance())
			same(t, "Z", stats.TangoZ(one.pair.Effective(), -0.05), stats.TangoZ(o.pair.Effective(), -0.05))
			a, ok1 := stats.PairedCostRatio(one.cost, 0.95)
			b, ok2 := stats.PairedCostRatio(o.cost, 0.95)
			if ok1 != ok2 {
				t.Fatal("the order decides whether there is a ratio")
			}
			same(t, "cost ratio", a.Point, b.Point)
		}
	})
}

func same(t *rapid.T, what string, a, b float64) {
	t.Helper()
	if finite(t, what, a, b); math.Abs(a-b) > 1e-6*(1+math.Abs(a)) {
		t.Fatalf("%s: %v or %v", what, a, b)
	}
}

func TestClusteredFigures(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var s allSums
		for _, one := range bySum(tasks(t)) {
			s.merge(one)
		}
		within(t, "n_eff", s.rate.NEff(), 0, s.rate.N)
		within(t, "n*", stats.KornGraubardN(s.rate, 0.95), 0, s.rate.N)
		iv, _ := stats.WilsonClustered(s.rate, 0.95)
		within(t, "Wilson lower", iv.Lo, 0, 1)
		deff := s.pair.DesignEffect()
		if finite(t, "deff", deff); deff <= 0 {
			t.Fatalf("design effect %v", deff)
		}
		eff := s.pair.Effective()
		within(t, "difference", eff.Difference(), s.pair.Raw().Difference()-1e-9, s.pair.Raw().Difference()+1e-9)
		finite(t, "p", stats.Superiority(eff), stats.NonInferiority(eff, 0.05))
		for _, sums := range []stats.CostSums{s.cost.A, s.cost.B} {
			if r, ok := stats.CostPerAccepted(sums, 0.95); ok {
				finite(t, "cost per accepted", r.Point, r.Lo, r.Hi, r.SELog, r.G2)
				if !r.Unbounded && (r.Lo > r.Point+1e-9 || r.Hi < r.Point-1e-9) {
					t.Fatalf("%+v does not hold its point", r)
				}
			}
		}
		r, ok := stats.PairedCostRatio(s.cost, 0.95)
		if sw, ok2 := stats.PairedCostRatio(s.cost.Swap(), 0.95); ok && ok2 {
			finite(t, "ratio", r.Point, r.Lo, r.Hi)
			same(t, "mirror", r.Point*sw.Point, 1)
			if !r.Unbounded && !sw.Unbounded {
				same(t, "mirrored bound", r.Lo*sw.Hi, 1)
			}
		}
		for _, more := range []stats.More{stats.MoreForNonInferiority(s.pair, 0.05, 0.05), stats.MoreForSuperiority(s.pair, 0.05)} {
			if finite(t, "more", more.Tasks); more.Tasks < 0 {
				t.Fatalf("%v more tasks", more.Tasks)
			}
		}
	})
}

// TestSinglePairsNeedNoScaling shows that with one repeat and each task its own
// cluster the engine is Tango's plain one.
func TestSinglePairsNeedNoScaling(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 200).Draw(t, "n")
		b := rapid.IntRange(0, n).Draw(t, "b")
		c := rapid.IntRange(0, n-b).Draw(t, "c")
		var s stats.PairSums
		for i := range n {
			var g stats.PairCluster
			switch {
			case i < b:
				g.Add(1, 0, 1)
			case i < b+c:
				g.Add(0, 1, 1)
			default:
				g.Add(1, 1, 1)
			}
			s.Add(g)
		}
		same(t, "design effect", s.DesignEffect(), 1)
		same(t, "Z", stats.TangoZ(s.Effective(), -0.05), stats.TangoZ(stats.Pairs{B: float64(b), C: float64(c), N: float64(n)}, -0.05))
	})
}

func TestAdjustedP(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SliceOfN(rapid.Float64Range(0, 1), 1, 12).Draw(t, "p")
		holm, shaffer := stats.Holm(p), stats.HolmShaffer(p)
		for i := range p {
			within(t, "Holm", holm[i], p[i], 1)
			within(t, "Holm-Shaffer", shaffer[i], p[i], holm[i])
			for k := range p {
				if p[i] < p[k] && (holm[i] > holm[k] || shaffer[i] > shaffer[k]) {
					t.Fatalf("the order of %v changed: %v, %v", p, holm, shaffer)
				}
			}
		}
	})
}

func TestQuantileRankProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(1, 20_000).Draw(t, "n")
		q := rapid.SampledFrom([]float64{0.5, 0.8, 0.95, 0.99}).Draw(t, "q")
		r := stats.QuantileRanks(n, q, 0.95)
		if within(t, "coverage", r.Coverage, 0.95, 1); r.Lo < 0 || r.Hi > n || r.Hi > 0 && r.Hi < r.Lo {
			t.Fatalf("ranks %+v of %d", r, n)
		}
		iv := stats.WoodruffShares(q, float64(n), 0.95)
		within(t, "Woodruff", iv.Lo, 0, q)
		within(t, "Woodruff", iv.Hi, q, 1)
	})
}

func TestEProcessIsOrderFree(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d0 := rapid.SampledFrom([]float64{-0.05, 0, 0.03}).Draw(t, "d0")
		ds := rapid.SliceOfN(rapid.SampledFrom([]float64{-1, 0, 1}), 0, 300).Draw(t, "d")
		one, left, right := stats.NewEProcess(d0), stats.NewEProcess(d0), stats.NewEProcess(d0)
		var b, n0, c float64
		for i, d := range ds {
			one.Add(d)
			if i%3 == 0 {
				left.Add(d)
			} else {
				right.Add(d)
			}
			switch d {
			case 1:
				b++
			case -1:
				c++
			default:
				n0++
			}
		}
		right.Merge(left)
		same(t, "merged", one.LogE(), right.LogE())
		same(t, "by counts", one.LogE(), stats.LogE(b, n0, c, d0))
		if more := stats.LogE(b+1, n0, c, d0); more < stats.LogE(b, n0, c+1, d0) {
			t.Fatal("a win is less evidence than a loss")
		}
	})
}

func TestReplayProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f, ok := rapid.IntRange(0, 5).Draw(t, "fails"), rapid.IntRange(0, 5).Draw(t, "oks")
		task := stats.Repeats{Fails: f, Oks: ok, FailCost: 2 * float64(f), OkCost: float64(ok), FailTime: float64(f), OkTime: float64(ok)}
		for calls := 1; calls <= 6; calls++ {
			r, extrapolated, done := task.Replay(calls)
			if f+ok == 0 {
				if done {
					t.Fatal("replayed nothing")
				}
				continue
			}
			if want, plain := stats.AllFail(f, f+ok, calls); plain {
				if !done || extrapolated {
					t.Fatal("enough repeats, but not replayed")
				}
				same(t, "all fail", r.AllFail, want)
			}
			if !done {
				continue
			}
			within(t, "all fail", r.AllFail, 0, 1)
			within(t, "calls", r.Calls, 1, float64(calls))
			within(t, "cost", r.Cost, r.Calls*0.999-1e-9, 2*r.Calls+1e-9)
			task := task
			task.PriorFail, task.PriorSize = 0.5, 2
			if _, _, done := task.Replay(calls); !done {
				t.Fatal("a prior did not help")
			}
		}
	})
}

func TestPredictionPoweredProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var all, left, right stats.Labelled
		n := rapid.IntRange(2, 80).Draw(t, "n")
		for i := range n {
			y, f := float64(rapid.IntRange(0, 1).Draw(t, "y")), rapid.Float64Range(0, 1).Draw(t, "f")
			w := rapid.SampledFrom([]float64{1, 2, 7}).Draw(t, "w")
			all.Add(y, f, w)
			if i%2 == 0 {
				left.Add(y, f, w)
			} else {
				right.Add(y, f, w)
			}
		}
		left.Merge(right)
		var j stats.Judged
		for range rapid.IntRange(0, 200).Draw(t, "N") {
			j.Add(rapid.Float64Range(0, 1).Draw(t, "f"))
		}
		a, ok := stats.PredictionPowered(all, j, 0.95, nil)
		b, _ := stats.PredictionPowered(left, j, 0.95, nil)
		if !ok {
			t.Fatal("no estimate")
		}
		within(t, "lambda", a.Lambda, 0, 1)
		finite(t, "estimate", a.Point, a.SE, a.Lo, a.Hi)
		same(t, "merged", a.Point, b.Point)
		if a.Lo > a.Point || a.Hi < a.Point {
			t.Fatalf("%+v", a)
		}
	})
}

func TestBucketsMerge(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		const width = 3
		n := rapid.IntRange(1, 64).Draw(t, "buckets")
		all, left, right := stats.NewSums(n, width), stats.NewSums(n, width), stats.NewSums(n, width)
		for cluster := range uint64(rapid.IntRange(0, 300).Draw(t, "clusters")) {
			k := stats.Bucket(9, cluster, n)
			for v := range width {
				all.Bucket(k)[v] += float64(v + 1)
				if cluster%2 == 0 {
					left.Bucket(k)[v] += float64(v + 1)
				} else {
					right.Bucket(k)[v] += float64(v + 1)
				}
			}
		}
		left.Merge(right)
		draws := stats.NewDraws(n, 5, 1)
		x, y := make([]float64, width), make([]float64, width)
		for r := range 5 {
			all.Total(x, draws.Row(r))
			left.Total(y, draws.Row(r))
			for v := range x {
				same(t, "total", x[v], y[v])
				same(t, "proportion", x[v], x[0]*float64(v+1))
			}
		}
	})
}
