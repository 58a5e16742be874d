package decide

import (
	"math"
	"math/rand/v2"
	"sync"

	"infer/eval"
	"infer/scoring/stats"
)

// resampler shares its draws among task types with equally many buckets.
type resampler struct {
	seed      uint64
	resamples int
	full      func() *stats.Draws // for the largest number of buckets; the others are small and rarely equal
}

func newResampler(seed uint64, resamples int) *resampler {
	resamples = (resamples + stats.Together - 1) / stats.Together * stats.Together
	return &resampler{seed: seed, resamples: resamples,
		full: sync.OnceValue(func() *stats.Draws { return stats.NewDraws(stats.MaxBuckets, resamples, seed) })}
}

func (r *resampler) of(buckets int) *stats.Draws {
	if buckets == stats.MaxBuckets {
		return r.full()
	}
	return stats.NewDraws(buckets, r.resamples, r.seed)
}

// stability is what resampling says of a choice.
type stability struct {
	same   float64 // share of resamples that choose the same
	regret float64 // dollars that an accepted task costs too much, on average
}

// resample runs the whole rule on resamples of the clusters. The regret of one is
// what the choice costs there above the cheapest candidate that is eligible.
func (d *decider) resample(r *resampler, pick int) stability {
	var views [stats.Together]*view
	var dst [stats.Together][]float64
	for i := range views {
		views[i] = d.s.columns.view()
		dst[i] = views[i].total
	}
	c := d.newChoice()
	draws := r.of(d.s.columns.buckets())
	var out stability
	for k := 0; k < draws.Resamples; k += stats.Together {
		var weights [stats.Together][]uint8
		for i := range weights {
			weights[i] = draws.Row(k + i)
		}
		d.s.columns.sums.Totals(&dst, &weights)
		for _, v := range views {
			d.choose(v, 1, c)
			if c.pick == pick {
				out.same++
			}
			out.regret += d.regret(v, c, pick)
		}
	}
	out.same /= float64(draws.Resamples)
	out.regret /= float64(draws.Resamples)
	return out
}

// regret is what an accepted task of the choice costs more than one of the
// cheapest candidate that would be eligible if v were the truth: acceptance
// within the margin of the best, no gate failed.
func (d *decider) regret(v *view, c *choice, pick int) float64 {
	own := v.costPer(pick)
	if math.IsInf(own, 0) {
		return 0
	}
	best := 0.0
	for i := range d.k {
		best = math.Max(best, v.rate(i, colAccepted, colJudged))
	}
	low := own
	for i := range d.k {
		if c.gates[i] != stats.Fail && d.priced(i) && v.rate(i, colAccepted, colJudged) >= best-d.kind.Margin {
			low = math.Min(low, v.costPer(i))
		}
	}
	return own - low
}

// honest chooses by the whole rule on one random half of the clusters and measures
// the choice on the other, both ways, so many times: the figures of the best of
// several look better than they are, these do not. nil where a half would have
// too few clusters.
func (d *decider) honest(splits int, seed uint64) *eval.Honest {
	if d.s.clusters < 2*minClusters || splits <= 0 {
		return nil
	}
	choosing, measuring, c := d.s.columns.view(), d.s.columns.view(), d.newChoice()
	rng := rand.New(rand.NewPCG(seed, 0xa1f))
	var accepted, judged, cost, got float64
	priced, measured := true, 0
	for range splits {
		first, second := stats.Halves(d.s.columns.buckets(), rng)
		for _, half := range [2][2][]uint8{{first, second}, {second, first}} {
			choosing.load(half[0])
			measuring.load(half[1])
			if d.choose(choosing, 0.5, c); c.pick < 0 {
				continue
			}
			measured++
			accepted, judged = accepted+measuring.cand(c.pick, colAccepted), judged+measuring.cand(c.pick, colJudged)
			cost, got = cost+measuring.cand(c.pick, colCost), got+measuring.cand(c.pick, colAccepted)
			priced = priced && d.priced(c.pick)
		}
	}
	if measured == 0 || judged == 0 {
		return nil
	}
	h := &eval.Honest{Acceptance: accepted / judged, Splits: splits}
	if priced && got > 0 {
		per := cost / got
		h.CostUSD = &per
	}
	return h
}
