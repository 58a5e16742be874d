package decide

import (
	"fmt"
	"strings"
)

// finish fills in what concerns all task types.
func (r *recommender) finish(sums []*typeSums, picks []int) {
	selected := 0
	for i := range r.out.Types {
		if decided(r.out.Types[i].Verdict) {
			selected++
		}
	}
	r.out.ExpectedWrong = r.alpha * float64(selected)
	var why string
	if r.out.Static, why = static(r.evidence, sums, picks, r.cand, r.names); why != "" {
		r.warn("%s", why)
	}
	var invented []string
	for i, c := range r.cand {
		if c >= len(r.in.Run.Prices) || r.in.Run.Prices[c].Model == "" {
			continue
		}
		p := &r.in.Run.Prices[c]
		if p.AsOf != "" && (r.out.PricesAsOf == "" || p.AsOf < r.out.PricesAsOf) {
			r.out.PricesAsOf = p.AsOf
		}
		if p.Example {
			invented = append(invented, named(r.names[i]))
		}
	}
	if len(invented) > 0 {
		r.warn("invented example prices: %s", strings.Join(invented, ", "))
	}
	r.warnCosts(sums)
}

// warnCosts names the cost figures that hang on few tasks.
func (r *recommender) warnCosts(sums []*typeSums) {
	var skewed, heavy []string
	for t, s := range sums {
		for i := range s.cand {
			c := &s.cand[i]
			what := named(r.names[i]) + " on " + named(r.evidence.types[t].name)
			if c.skewed && s.clusters >= minClusters {
				skewed = append(skewed, what)
			}
			if s.clusters >= 100 && c.shape.Heavy() || s.clusters >= 2*minClusters && c.shape.MaxShare > 0.1 {
				heavy = append(heavy, fmt.Sprintf("%s (the dearest task is %s of it, the dearest 1%% are %s)", what, percent(c.shape.MaxShare), percent(c.shape.TopShare)))
			}
		}
	}
	if len(skewed) > 0 {
		r.warn("costs are heavy-tailed on few tasks; the upper limit is missed about 5–9%% of the time instead of 2.5%%: %s", strings.Join(skewed, ", "))
	}
	if len(heavy) > 0 {
		r.warn("costs that hang on few tasks: %s", strings.Join(heavy, ", "))
	}
}
