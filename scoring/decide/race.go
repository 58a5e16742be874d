package decide

import (
	"fmt"
	"math"
	"slices"

	"infer/eval"
	"infer/scoring/stats"
)

// The error of a race is spent in two parts: on what is certified at its looks,
// and on the one test at its end.
const (
	raceEarly   = 0.01
	raceFinal   = 0.04
	raceAlpha   = raceEarly + raceFinal
	raceLook    = 50   // tasks between two looks, at least
	raceFutile  = 0.05 // chance of being certified in the end below which a candidate is stopped
	futileFrom  = 100  // tasks before which, and
	futileShare = 0.1  // share of all tasks before which, nobody is stopped for that
)

// RaceOptions is what a race of one task type is about.
type RaceOptions struct {
	Names    []string // of the candidates
	Margin   float64  // non-inferiority margin δ
	HighRisk bool     // quality alone decides
	Tasks    int      // as many as there are in all
}

// Race stops candidates of one task type early: an e-process for each pair, and
// one test at the end for what is left. It depends on which clusters it has seen at
// each look, not on the order in which their trials ended, so it may be played
// again from stored outcomes.
//
// A candidate is certified against another when the hypothesis that it is worse by
// the margin or more falls; the truly best one is never a wrong choice, so k−1
// candidates can be, and P(a certified choice is worse than the best by δ) ≤ 0.01.
// The test at the end (intersection–union over rivals, Holm with Shaffer's bound)
// spends 0.04. Stopping for futility is not binding: it cannot make a false choice
// likelier.
type Race struct {
	o         RaceOptions
	k         int
	n         int // tasks so far
	live      []bool
	certain   [][]bool // [i][j]: i is certified against j
	notWorse  [][]stats.EProcess
	better    [][]stats.EProcess
	pairs     [][]stats.PairSums
	cost      []float64 // per accepted task, of late; NaN = unknown
	rate      []float64
	out       eval.RaceType
	concluded bool
}

// NewRace returns a race before its first look.
func NewRace(taskType string, o RaceOptions) *Race {
	r := &Race{o: o, k: len(o.Names), live: make([]bool, len(o.Names)), out: eval.RaceType{TaskType: taskType, Planned: o.Tasks}}
	for i := range r.k {
		r.live[i] = true
		var notWorse, better []stats.EProcess
		for range r.k {
			notWorse, better = append(notWorse, stats.NewEProcess(-o.Margin)), append(better, stats.NewEProcess(o.Margin))
		}
		r.notWorse, r.better = append(r.notWorse, notWorse), append(r.better, better)
		r.certain, r.pairs = append(r.certain, make([]bool, r.k)), append(r.pairs, make([]stats.PairSums, r.k))
	}
	return r
}

// Live says which candidates still run; nobody does once the race is over.
func (r *Race) Live() []bool { return slices.Clone(r.live) }

// Over reports whether the race has ended.
func (r *Race) Over() bool { return r.concluded }

// Look takes the clusters of one round and decides who goes on. spent is each
// candidate's cost of an accepted task so far, NaN where it is not known; last says
// that there is no round after this one.
func (r *Race) Look(round []RaceCluster, spent []float64, last bool) {
	if r.concluded {
		return
	}
	r.cost = spent
	for _, c := range round {
		r.n += c.Tasks
		r.add(&c)
	}
	r.certify()
	if !last {
		r.stop()
	}
	r.conclude(last)
}

// add counts one cluster in every pair that still runs.
func (r *Race) add(c *RaceCluster) {
	for i := range r.k {
		for j := range r.k {
			if i == j || !r.live[i] || !r.live[j] || math.IsNaN(c.Accept[i]) || math.IsNaN(c.Accept[j]) {
				continue
			}
			d := c.Accept[i] - c.Accept[j]
			r.notWorse[i][j].Add(d)
			r.better[i][j].Add(d)
			var g stats.PairCluster
			g.Add(c.Accept[i], c.Accept[j], 1)
			r.pairs[i][j].Add(g)
		}
	}
}

func (r *Race) certify() {
	bar := math.Log(float64(r.k-1) / raceEarly)
	for i := range r.k {
		for j := range r.k {
			if i != j && r.live[i] && r.live[j] && r.notWorse[i][j].LogE() >= bar {
				r.certain[i][j] = true
			}
		}
	}
}

// stop takes out who is proven worse than another or has hardly a chance, once
// everybody who has one is certified against it: nobody needs it as a rival then.
func (r *Race) stop() {
	why := make([]string, r.k)
	for i := range r.k {
		if r.live[i] {
			why[i] = r.lost(i)
		}
	}
	var out []int
	for i := range r.k {
		if why[i] == "" {
			continue
		}
		rivals, certain := 0, true
		for j := range r.k {
			if j != i && r.live[j] && why[j] == "" {
				rivals++
				certain = certain && r.certain[j][i]
			}
		}
		if rivals > 0 && certain {
			out = append(out, i)
		}
	}
	for _, i := range out {
		r.live[i] = false
		r.out.Stopped = append(r.out.Stopped, eval.RaceStop{Candidate: r.o.Names[i], After: r.n, Why: why[i]})
	}
}

// lost says why a candidate will not be the choice; "" = it may.
func (r *Race) lost(i int) string {
	bar := math.Log(float64(r.k*(r.k-1)) / raceAlpha)
	for j := range r.k {
		if j != i && r.live[j] && r.better[j][i].LogE() >= bar {
			return fmt.Sprintf("%s is better by more than %s", r.o.Names[j], margin(r.o.Margin))
		}
	}
	if float64(r.n) < math.Max(futileFrom, futileShare*float64(r.o.Tasks)) {
		return ""
	}
	for j := range r.k {
		if j != i && r.live[j] && !r.certain[i][j] && r.chance(i, j) < raceFutile {
			return fmt.Sprintf("the tasks that are left are unlikely to show it within %s of %s", margin(r.o.Margin), r.o.Names[j])
		}
	}
	return ""
}

// chance is the predictive probability that i is shown within the margin of j by the
// test at the end: the difference over all N clusters, given n of them, is about
// normal with the mean d and the variance s²(N−n)/(nN).
func (r *Race) chance(i, j int) float64 {
	s := &r.pairs[i][j]
	n := s.G
	all := n * math.Max(1, float64(r.o.Tasks)/math.Max(1, s.N))
	if n < 2 || all <= n {
		return 1
	}
	d := s.D / s.N
	sd := math.Sqrt(math.Max(s.D2/n-d*d, 1/n))
	need := -r.o.Margin + stats.Z(1-raceFinal)*sd/math.Sqrt(all)
	return stats.NormalCDF((d - need) / (sd * math.Sqrt((all-n)/(n*all))))
}

// conclude ends the race when its choice is certain, and at its end by the test.
func (r *Race) conclude(last bool) {
	if w := r.certified(); w >= 0 {
		r.end(w, "certified against every other candidate")
		return
	}
	if !last {
		return
	}
	r.rates()
	p := make([]float64, r.k) // those that were stopped count: they were tests too
	for i := range r.k {
		for j := range r.k {
			switch {
			case i == j || r.certain[i][j] && r.live[i]:
			case !r.live[i] || !r.live[j]: // stopped, or never certified against one that was
				p[i] = 1
			default:
				p[i] = math.Max(p[i], stats.NonInferiority(r.pairs[i][j].Effective(), r.o.Margin))
			}
		}
	}
	var passed []int
	for i, adjusted := range stats.HolmShaffer(p) {
		if adjusted <= raceFinal {
			passed = append(passed, i)
		}
	}
	if len(passed) == 0 || r.n < minClusters {
		r.end(-1, "undecided: no candidate was shown to be within the margin of all others")
		return
	}
	r.end(r.cheapest(passed), "by the test at the end")
}

// certified is the candidate that ends a race early; −1 = there is none. For
// high-risk work that is the last one that runs.
func (r *Race) certified() int {
	var running []int
	for i := range r.k {
		if r.live[i] {
			running = append(running, i)
		}
	}
	if r.o.HighRisk && len(running) > 1 {
		return -1
	}
	w := r.cheapest(running)
	if w < 0 {
		return -1
	}
	for j := range r.k {
		if j != w && !r.certain[w][j] {
			return -1
		}
	}
	return w
}

// cheapest is the candidate with the lowest cost of an accepted task, and of
// high-risk work the one with the highest acceptance; −1 = nobody's cost is known.
func (r *Race) cheapest(of []int) int {
	best := -1
	for _, i := range of {
		switch {
		case r.o.HighRisk && r.rate != nil:
			if best < 0 || r.rate[i] > r.rate[best] {
				best = i
			}
		case r.o.HighRisk || len(of) == 1:
			return i
		case math.IsNaN(r.cost[i]):
			return -1
		case best < 0 || r.cost[i] < r.cost[best]:
			best = i
		}
	}
	return best
}

// rates ranks those that run by their mean lead over the others.
func (r *Race) rates() {
	r.rate = make([]float64, r.k)
	for i := range r.k {
		for j := range r.k {
			if s := &r.pairs[i][j]; i != j && r.live[i] && r.live[j] && s.N > 0 {
				r.rate[i] += s.D / s.N
			}
		}
	}
}

func (r *Race) end(winner int, how string) {
	r.concluded = true
	r.out.How = how
	if winner >= 0 {
		r.out.Winner = r.o.Names[winner]
	} else if winner < 0 && how == "by the test at the end" {
		r.out.How = "undecided: the cost of those within the margin is not known"
	}
	r.out.Tasks = r.n
	for i := range r.live {
		r.live[i] = false
	}
}

// Result is what came of the race so far.
func (r *Race) Result() eval.RaceType {
	out := r.out
	if !r.concluded {
		out.Tasks, out.How = r.n, "not finished"
	}
	return out
}

// RaceError is the bound on the chance that a race's choice is worse than the best
// candidate by the margin or more.
func RaceError() float64 { return raceAlpha }

func margin(d float64) string { return fmt.Sprintf("%g points", math.Round(1000*d)/10) }
