package decide

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sort"

	"infer/eval"
	"infer/scoring/stats"
)

// searchMargin is how far below the best acceptance a policy may lie to be ranked
// by its cost.
const searchMargin = 0.05

// maxPolicies is how many of the searched policies are reported.
const maxPolicies = 10

// Search replays every single candidate, every default with a backup elsewhere, and
// every cascade from a cheaper to a stronger one, and returns the best first:
// those within 5 points of the highest acceptance by cost of an accepted task, then
// the others by acceptance. The first carries figures of split halves, since the
// best of many looks better than it is.
func (r *Replay) Search() ([]eval.PolicyValue, error) {
	var policies []Policy
	k := len(r.Names)
	for i := range k {
		policies = append(policies, Policy{Name: r.Names[i], Steps: []Step{{i, 1}}, Check: OnErrors})
		for j := range k {
			if i == j {
				continue
			}
			if r.Providers[i] != r.Providers[j] {
				policies = append(policies, Policy{Name: r.Names[i] + "," + r.Names[j], Steps: []Step{{i, 1}, {j, 1}}, Check: OnErrors})
			}
			policies = append(policies, Policy{Name: r.Names[i] + ">" + r.Names[j], Steps: []Step{{i, 1}, {j, 1}}, Check: OnReject})
		}
	}
	tallies := make([]*replayTally, len(policies))
	for i := range policies {
		var err error
		if tallies[i], err = r.tally(&policies[i], ""); err != nil {
			return nil, err
		}
	}
	order := rank(tallies, nil)
	out := make([]eval.PolicyValue, 0, maxPolicies)
	for _, i := range order[:min(len(order), maxPolicies)] {
		out = append(out, tallies[i].value(policies[i].describe(r.Names), &policies[i]))
	}
	if len(out) > 0 {
		out[0].Honest = r.honest(tallies)
	}
	return out, nil
}

// figures are a policy's acceptance and cost of an accepted task on the buckets
// that weights select; nil = all.
func (y *replayTally) figures(weights []uint8) (acceptance, cost float64) {
	var total [replayWidth]float64
	y.buckets.Total(total[:], weights)
	if total[1] <= 0 {
		return 0, math.Inf(1)
	}
	cost = ratio(total[2], total[0])
	if y.unpriced {
		cost = math.Inf(1)
	}
	return total[0] / total[1], cost
}

// rank orders policies by the search's rule.
func rank(tallies []*replayTally, weights []uint8) []int {
	acc, cost := make([]float64, len(tallies)), make([]float64, len(tallies))
	order, best := make([]int, len(tallies)), 0.0
	for i := range tallies {
		acc[i], cost[i] = tallies[i].figures(weights)
		order[i], best = i, math.Max(best, acc[i])
	}
	near := func(i int) bool { return acc[i] >= best-searchMargin }
	sort.SliceStable(order, func(a, b int) bool {
		i, j := order[a], order[b]
		if near(i) != near(j) {
			return near(i)
		}
		if near(i) && cost[i] != cost[j] {
			return cost[i] < cost[j]
		}
		return acc[i] > acc[j]
	})
	return order
}

// honest chooses on one random half of the clusters and measures on the other.
func (r *Replay) honest(tallies []*replayTally) *eval.Honest {
	if r.Splits <= 0 || tallies[0].rate.G < 2*minClusters {
		return nil
	}
	rng := rand.New(rand.NewPCG(r.Seed, 0xb2))
	var acc, tasks, cost float64
	priced := true
	for range r.Splits {
		first, second := stats.Halves(stats.MaxBuckets, rng)
		for _, half := range [2][2][]uint8{{first, second}, {second, first}} {
			pick := tallies[rank(tallies, half[0])[0]]
			var total [replayWidth]float64
			pick.buckets.Total(total[:], half[1])
			acc, tasks, cost = acc+total[0], tasks+total[1], cost+total[2]
			priced = priced && !pick.unpriced
		}
	}
	if tasks == 0 {
		return nil
	}
	h := &eval.Honest{Acceptance: acc / tasks, Splits: r.Splits}
	if priced && acc > 0 {
		per := cost / acc
		h.CostUSD = &per
	}
	return h
}

// WhatIf is a policy with a provider down a share of the time, in words and
// figures.
func (r *Replay) WhatIf(p *Policy, provider string, share float64) ([]eval.PolicyValue, error) {
	normal, err := r.Value(p, "")
	if err != nil {
		return nil, err
	}
	down, err := r.Value(p, provider)
	if err != nil {
		return nil, err
	}
	down.Name = fmt.Sprintf("%s, while %s is down", normal.Name, named(provider))
	mixed := eval.PolicyValue{Name: fmt.Sprintf("%s, %s down %.3g%% of the time", normal.Name, named(provider), 100*share),
		CallsPer: (1-share)*normal.CallsPer + share*down.CallsPer, Extrapolated: normal.Extrapolated, Notes: "a scenario, not a measurement"}
	if normal.Acceptance != nil && down.Acceptance != nil {
		v := (1-share)**normal.Acceptance.Point + share**down.Acceptance.Point
		mixed.Acceptance = &eval.Figure{Point: &v}
	}
	return []eval.PolicyValue{normal, down, mixed}, nil
}
