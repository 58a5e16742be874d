package stats_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"infer/scoring/stats"
)

// referenceCase is one numeric case that was computed elsewhere, with scipy and
// statsmodels, and checked by a second calculation.
type referenceCase struct {
	ID       string         `json:"id"`
	Function string         `json:"function"`
	Input    map[string]any `json:"input"`
	Expected map[string]any `json:"expected"`
	Tol      float64        `json:"abs_tol"`
}

func (c *referenceCase) f(name string) float64 {
	v, _ := c.Input[name].(float64)
	return v
}

func (c *referenceCase) list(name string) []float64 {
	raw, _ := c.Input[name].([]any)
	out := make([]float64, len(raw))
	for i := range raw {
		out[i], _ = raw[i].(float64)
	}
	return out
}

func (c *referenceCase) clusters() stats.ClusterSums {
	y, g := c.list("y"), c.list("cluster")
	type tn struct{ t, n float64 }
	by := make(map[float64]tn)
	for i := range y {
		s := by[g[i]]
		by[g[i]] = tn{s.t + y[i], s.n + 1}
	}
	var s stats.ClusterSums
	for _, k := range keys(by) {
		s.Add(by[k].t, by[k].n)
	}
	return s
}

func keys[V any](m map[float64]V) []float64 {
	out := make([]float64, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func costSums(cost, accept []float64) stats.CostSums {
	var s stats.CostSums
	for i := range cost {
		s.Add(cost[i], accept[i])
	}
	return s
}

func interval(iv stats.Interval) map[string]any { return map[string]any{"lo": iv.Lo, "hi": iv.Hi} }

// compute maps the functions of the reference file to ours.
var compute = map[string]func(t *testing.T, c *referenceCase) map[string]any{
	"wilson": func(_ *testing.T, c *referenceCase) map[string]any {
		return interval(stats.Wilson(c.f("x"), c.f("n"), c.f("conf")))
	},
	"clopper_pearson": func(_ *testing.T, c *referenceCase) map[string]any {
		return interval(stats.ClopperPearson(c.f("x"), c.f("n"), c.f("conf")))
	},
	"clopper_pearson_lower": func(_ *testing.T, c *referenceCase) map[string]any {
		return map[string]any{"lo": stats.ClopperPearsonLower(c.f("x"), c.f("n"), c.f("conf"))}
	},
	"clopper_pearson_upper": func(_ *testing.T, c *referenceCase) map[string]any {
		return map[string]any{"hi": stats.ClopperPearsonUpper(c.f("x"), c.f("n"), c.f("conf"))}
	},
	"cluster_mean": func(_ *testing.T, c *referenceCase) map[string]any {
		s := c.clusters()
		p, _ := s.Rate()
		return map[string]any{"p": p, "se": s.SE(), "clusters": s.G, "n": s.N}
	},
	"wilson_clustered": func(_ *testing.T, c *referenceCase) map[string]any {
		s := c.clusters()
		iv, _ := stats.WilsonClustered(s, c.f("conf"))
		return map[string]any{"n_eff": s.NEff(), "lo": iv.Lo, "hi": iv.Hi}
	},
	"korn_graubard": func(_ *testing.T, c *referenceCase) map[string]any {
		s := c.clusters()
		iv, _ := stats.KornGraubard(s, c.f("conf"))
		return map[string]any{"n_eff": stats.KornGraubardN(s, c.f("conf")), "lo": iv.Lo, "hi": iv.Hi}
	},
	"mcnemar": func(_ *testing.T, c *referenceCase) map[string]any {
		return map[string]any{"p_exact": stats.McNemarExact(c.f("b"), c.f("c")), "p_midp": stats.McNemarMidP(c.f("b"), c.f("c"))}
	},
	"newcombe_paired": func(_ *testing.T, c *referenceCase) map[string]any {
		return interval(stats.NewcombePaired(c.f("a"), c.f("b"), c.f("c"), c.f("d"), c.f("conf")))
	},
	"tango_ci": func(_ *testing.T, c *referenceCase) map[string]any {
		p := stats.Pairs{B: c.f("b"), C: c.f("c"), N: c.f("n")}
		iv := stats.TangoCI(p, c.f("conf"))
		return map[string]any{"diff": p.Difference(), "lo": iv.Lo, "hi": iv.Hi}
	},
	"tango_noninferiority": func(_ *testing.T, c *referenceCase) map[string]any {
		p := stats.Pairs{B: c.f("b"), C: c.f("c"), N: c.f("n")}
		return map[string]any{"z": stats.TangoZ(p, -c.f("delta")), "p": stats.NonInferiority(p, c.f("delta"))}
	},
	"holm": func(_ *testing.T, c *referenceCase) map[string]any {
		return map[string]any{"p_adj": stats.Holm(c.list("p"))}
	},
	"quantile_ci_ranks": func(_ *testing.T, c *referenceCase) map[string]any {
		r := stats.QuantileRanks(int64(c.f("n")), c.f("q"), c.f("conf"))
		out := map[string]any{"l": any(nil), "u": any(nil), "coverage": r.Coverage}
		if r.Lo > 0 {
			out["l"] = float64(r.Lo)
		}
		if r.Hi > 0 {
			out["u"] = float64(r.Hi)
		}
		return out
	},
	"quantile_upper_min_n": func(_ *testing.T, c *referenceCase) map[string]any {
		return map[string]any{"n_min": float64(stats.QuantileMinN(c.f("q"), c.f("conf")))}
	},
	"n_paired_superiority": func(_ *testing.T, c *referenceCase) map[string]any {
		n, _ := stats.SuperiorityN(c.f("p_disc"), c.f("diff"), c.f("alpha_two_sided"), c.f("power"))
		return map[string]any{"n": n}
	},
	"n_paired_noninferiority": func(_ *testing.T, c *referenceCase) map[string]any {
		n, v0, _ := stats.NonInferiorityN(c.f("p_cand_only"), c.f("p_ref_only"), c.f("delta"), c.f("alpha_one_sided"), c.f("power"))
		return map[string]any{"n": n, "var_null": v0}
	},
	"fieller_ratio": func(_ *testing.T, c *referenceCase) map[string]any {
		s := costSums(c.list("cost"), c.list("accept"))
		r, _ := stats.CostPerAccepted(s, c.f("conf"))
		out := map[string]any{"ratio": r.Point, "g": r.G2, "lo": any(nil), "hi": any(nil)}
		if iv, ok := stats.Fieller(s, c.f("conf")); ok {
			out["lo"], out["hi"] = iv.Lo, iv.Hi
		}
		return out
	},
	"cost_per_accept_log_t": func(_ *testing.T, c *referenceCase) map[string]any {
		r, _ := stats.CostLogT(costSums(c.list("cost"), c.list("accept")), c.f("conf"))
		return map[string]any{"ratio": r.Point, "se_log": r.SELog, "lo": r.Lo, "hi": r.Hi}
	},
	"cost_ratio_paired_log_t": func(_ *testing.T, c *referenceCase) map[string]any {
		var s stats.CostPairSums
		ca, aa, cb, ab := c.list("cost_a"), c.list("accept_a"), c.list("cost_b"), c.list("accept_b")
		for i := range ca {
			s.Add(ca[i], aa[i], cb[i], ab[i])
		}
		r, _ := stats.PairedCostRatio(s, c.f("conf"))
		return map[string]any{"ratio": r.Point, "se_log": r.SELog, "lo": r.Lo, "hi": r.Hi}
	},
	"cost_per_accept_zero": func(_ *testing.T, c *referenceCase) map[string]any {
		bound, upper, _ := stats.CostWithoutAccepted(c.f("cost_total"), int64(c.f("n")), c.f("conf"))
		return map[string]any{"accept_upper": upper, "lower_bound": bound}
	},
	"bca_interval": func(_ *testing.T, c *referenceCase) map[string]any {
		iv, z0, a, _ := stats.BCa(c.f("theta"), c.list("replicates"), c.list("jackknife"), c.f("conf"))
		return map[string]any{"z0": z0, "accel": a, "lo": iv.Lo, "hi": iv.Hi}
	},
	"bca_bootstrap_ratio": bootstrapRatio,
	"agreement": func(_ *testing.T, c *referenceCase) map[string]any {
		a, _ := stats.Agree(c.f("both_yes"), c.f("r1_yes_r2_no"), c.f("r1_no_r2_yes"), c.f("both_no"))
		return map[string]any{"observed": a.Observed, "kappa": a.Kappa, "ac1": a.AC1}
	},
	"ppi_mean": func(_ *testing.T, c *referenceCase) map[string]any {
		var l stats.Labelled
		y, f := c.list("y"), c.list("f_labeled")
		for i := range y {
			l.Add(y[i], f[i], 1)
		}
		ones, n := c.f("f_unlabeled_ones"), c.f("f_unlabeled_n")
		var lambda *float64
		if v, ok := c.Input["lam"].(float64); ok {
			lambda = &v
		}
		e, _ := stats.PredictionPowered(l, stats.Judged{N: n, F: ones, FF: ones}, c.f("conf"), lambda)
		return map[string]any{"theta": e.Point, "se": e.SE, "lo": e.Lo, "hi": e.Hi, "lam": e.Lambda}
	},
	"e_value_paired": func(_ *testing.T, c *referenceCase) map[string]any {
		return map[string]any{"log_e": stats.LogE(c.f("b"), c.f("n0"), c.f("c"), c.f("d0"))}
	},
}

// bootstrapRatio resamples tasks with our own buckets and draws.
func bootstrapRatio(_ *testing.T, c *referenceCase) map[string]any {
	cost, accept := c.list("cost"), c.list("accept")
	n := len(cost)
	sums := stats.NewSums(n, 2)
	for i := range cost {
		copy(sums.Bucket(i), []float64{cost[i], accept[i]})
	}
	const resamples = 200_000
	draws := stats.NewDraws(n, resamples, 7)
	replicates, dst := make([]float64, 0, resamples), make([]float64, 2)
	for r := range resamples {
		if sums.Total(dst, draws.Row(r)); dst[1] > 0 {
			replicates = append(replicates, dst[0]/dst[1])
		}
	}
	sums.Total(dst, nil)
	total := slices.Clone(dst)
	jack := make([]float64, n)
	for i := range jack {
		jack[i] = (total[0] - cost[i]) / (total[1] - accept[i])
	}
	iv, _, a, _ := stats.BCa(total[0]/total[1], replicates, jack, c.f("conf"))
	return map[string]any{"lo": iv.Lo, "hi": iv.Hi, "accel": a}
}

// TestReference reproduces every case of the reference file.
func TestReference(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "stats_reference.json"))
	if err != nil {
		t.Skip("the reference cases are not here: ../shared/stats_reference.json")
	}
	var file struct{ Cases []referenceCase }
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) != 95 {
		t.Fatalf("%d cases, want 95", len(file.Cases))
	}
	for i := range file.Cases {
		c := &file.Cases[i]
		t.Run(c.ID, func(t *testing.T) {
			t.Parallel()
			f, ok := compute[c.Function]
			if !ok {
				t.Fatalf("no function for %q", c.Function)
			}
			got := f(t, c)
			for name, want := range c.Expected {
				near(t, name, got[name], want, c.Tol)
			}
		})
	}
}

func near(t *testing.T, name string, got, want any, tol float64) {
	t.Helper()
	switch w := want.(type) {
	case nil:
		if got != nil {
			t.Errorf("%s = %v, want none", name, got)
		}
	case float64:
		g, ok := got.(float64)
		if !ok || math.IsNaN(g) || math.Abs(g-w) > tol {
			t.Errorf("%s = %v, want %v ± %g", name, got, w, tol)
		}
	case []any:
		g, _ := got.([]float64)
		if len(g) != len(w) {
			t.Fatalf("%s has %d values, want %d", name, len(g), len(w))
		}
		for i := range w {
			near(t, name, g[i], w[i], tol)
		}
	default:
		t.Fatalf("%s: unexpected %T", name, want)
	}
}

// TestAnchors are published values, so that the package proves something where
// the reference file is absent.
func TestAnchors(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ got, want, tol float64 }{
		// Fagerland, Lydersen & Laake 2013, airway hyper-responsiveness: b=1, c=7, n=21.
		"Tango lower":    {stats.TangoCI(stats.Pairs{B: 1, C: 7, N: 21}, 0.95).Lo, -0.517, 0.0005},
		"Tango upper":    {stats.TangoCI(stats.Pairs{B: 1, C: 7, N: 21}, 0.95).Hi, -0.026, 0.0005},
		"McNemar exact":  {stats.McNemarExact(1, 7), 0.070, 0.0005},
		"McNemar mid-p":  {stats.McNemarMidP(1, 7), 0.039, 0.0005},
		"Newcombe lower": {stats.NewcombePaired(1, 1, 7, 12, 0.95).Lo, -0.507, 0.0005},
		"Newcombe upper": {stats.NewcombePaired(1, 1, 7, 12, 0.95).Hi, -0.026, 0.0005},
		// Connor 1987: 23 pairs.
		"Connor": {first(stats.SuperiorityN(0.5, 0.4, 0.05, 0.8)), 23, 0},
		// The rule of three: 0 of 300 leaves 1 %.
		"rule of three": {stats.ClopperPearsonUpper(0, 299, 0.95), 0.00997, 0.0001},
		// Smallest samples whose maximum bounds the 95th and 99th percentile.
		"n for p95": {float64(stats.QuantileMinN(0.95, 0.95)), 59, 0},
		"n for p99": {float64(stats.QuantileMinN(0.99, 0.95)), 299, 0},
		// The kappa paradox: 97 % agreement by nearly constant raters.
		"kappa paradox": {agree(95, 2, 2, 1).Kappa, 0.313, 0.0005},
		"AC1":           {agree(95, 2, 2, 1).AC1, 0.958, 0.0005},
		"one retry":     {first(stats.AllFail(2, 3, 2)), 1.0 / 3, 1e-15},
	} {
		if math.Abs(c.got-c.want) > c.tol {
			t.Errorf("%s = %v, want %v ± %g", name, c.got, c.want, c.tol)
		}
	}
}

// TestExceedances are the allowed numbers of values above a p95 and p99 limit.
func TestExceedances(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		n    int64
		q    float64
		want int64
	}{{58, 0.95, -1}, {59, 0.95, 0}, {100, 0.95, 1}, {200, 0.95, 4}, {500, 0.95, 16}, {1000, 0.95, 38}, {298, 0.99, -1}, {299, 0.99, 0}, {500, 0.99, 1}, {1000, 0.99, 4}} {
		if got := stats.ExceedancesAllowed(c.n, c.q, 0.95); got != c.want {
			t.Errorf("n=%d q=%v: %d allowed, want %d", c.n, c.q, got, c.want)
		}
		if c.want >= 0 {
			if state, _, _ := stats.ShareAtMost(float64(c.want), float64(c.n), 1-c.q, 0.95); state != stats.Pass {
				t.Errorf("n=%d: %d exceedances do not pass", c.n, c.want)
			}
		}
		if state, _, _ := stats.ShareAtMost(float64(c.want+1), float64(c.n), 1-c.q, 0.95); state == stats.Pass {
			t.Errorf("n=%d: %d exceedances pass", c.n, c.want+1)
		}
	}
}

// TestHolmShaffer checks the bound that the best candidate is never a true null.
func TestHolmShaffer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ p, want []float64 }{
		{[]float64{0.04}, []float64{0.04}},
		{[]float64{0.01, 0.5}, []float64{0.01, 0.5}},               // two candidates: no correction
		{[]float64{0.01, 0.02, 0.03}, []float64{0.02, 0.04, 0.04}}, // factors 2, 2, 1
		{[]float64{0.2, 0.01, 0.02, 0.04}, []float64{0.2, 0.03, 0.06, 0.08}},
	} {
		got := stats.HolmShaffer(c.p)
		for i := range got {
			if math.Abs(got[i]-c.want[i]) > 1e-15 {
				t.Errorf("HolmShaffer(%v) = %v, want %v", c.p, got, c.want)
				break
			}
		}
	}
}

func first(v float64, _ bool) float64 { return v }

func agree(a, b, c, d float64) stats.Agreement {
	r, _ := stats.Agree(a, b, c, d)
	return r
}

// TestDraws shows that a resample draws as many buckets as there are, and that a
// seed decides them.
func TestDraws(t *testing.T) {
	t.Parallel()
	a, b := stats.NewDraws(100, 50, 3), stats.NewDraws(100, 50, 3)
	for r := range 50 {
		sum := 0
		for i, n := range a.Row(r) {
			sum += int(n)
			if n != b.Row(r)[i] {
				t.Fatal("the same seed drew something else")
			}
		}
		if sum != 100 {
			t.Fatalf("resample %d has %d draws", r, sum)
		}
	}
	h1, h2 := stats.Halves(101, rand.New(rand.NewPCG(1, 2)))
	n1 := 0
	for i := range h1 {
		n1 += int(h1[i])
		if h1[i]+h2[i] != 1 {
			t.Fatalf("bucket %d is in %d halves", i, h1[i]+h2[i])
		}
	}
	if n1 != 51 {
		t.Fatalf("first half has %d of 101", n1)
	}
}
