package decide_test

import (
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"infer/scoring/decide"
	"infer/scoring/stats"
)

// raced plays one race of candidates with the given rates on n tasks, whose
// difficulty they share (correlation 0.5 of latent normals), and returns the choice,
// the calls that were made, and what they cost.
func raced(rates, prices []float64, delta float64, n int, rng *rand.Rand) (winner int, calls int, money float64) {
	k := len(rates)
	names := make([]string, k)
	cut := make([]float64, k)
	for i, p := range rates {
		names[i] = string(rune('a' + i))
		cut[i] = stats.Z(p)
	}
	tasks := make([]decide.RaceTask, n)
	for i := range tasks {
		tasks[i] = decide.RaceTask{Seq: i, Cluster: int64(i)}
	}
	rounds := decide.RaceRounds(tasks, 1)
	r := decide.NewRace("t", decide.RaceOptions{Names: names, Margin: delta, Tasks: n})
	accepted, spent := make([]float64, k), make([]float64, k)
	for x, seqs := range rounds {
		live := r.Live()
		var clusters []decide.RaceCluster
		for range seqs {
			shared := math.Sqrt(0.5) * rng.NormFloat64()
			c := decide.RaceCluster{Tasks: 1, Accept: make([]float64, k)}
			for i := range k {
				own := math.Sqrt(0.5) * rng.NormFloat64()
				if !live[i] {
					c.Accept[i] = math.NaN()
					continue
				}
				calls++
				money += prices[i]
				spent[i] += prices[i]
				if shared+own <= cut[i] {
					c.Accept[i] = 1
					accepted[i]++
				}
			}
			clusters = append(clusters, c)
		}
		per := make([]float64, k)
		for i := range per {
			per[i] = spent[i] / accepted[i]
		}
		r.Look(clusters, per, x == len(rounds)-1)
		if r.Over() {
			break
		}
	}
	return slices.Index(names, r.Result().Winner), calls, money
}

// TestRace checks the error and the saving of a race in the scenarios of the
// literature's simulations: six candidates, prices 10:1.
func TestRace(t *testing.T) {
	t.Parallel()
	rounds := 150
	if os.Getenv("INFER_MONTECARLO") == "full" {
		rounds = 2000
	}
	falling := []float64{10, 6.31, 3.98, 2.51, 1.58, 1}
	for _, c := range []struct {
		name          string
		rates, prices []float64
		delta         float64
		tasks         int
		saved         float64
	}{
		{"A: prices fall with quality", []float64{.95, .94, .90, .85, .70, .50}, falling, .03, 2000, .30},
		{"B: one exactly on the margin", []float64{.95, .94, .90, .85, .70, .50}, falling, .05, 600, .30},
		{"E: five cheap ones on the margin", []float64{.95, .90, .90, .90, .90, .90}, []float64{10, 1, 1, 1, 1, 1}, .05, 600, .20},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(6, uint64(c.tasks)))
			best := slices.Max(c.rates)
			wrong, chose, calls, money, whole := 0, 0, 0, 0.0, 0.0
			for range rounds {
				w, n, m := raced(c.rates, c.prices, c.delta, c.tasks, rng)
				calls += n
				money += m
				for _, p := range c.prices {
					whole += p * float64(c.tasks)
				}
				if w >= 0 {
					chose++
					if c.rates[w] <= best-c.delta+1e-9 {
						wrong++
					}
				}
			}
			saved := 1 - float64(calls)/float64(rounds*c.tasks*len(c.rates))
			share := float64(wrong) / float64(rounds)
			t.Logf("%d races: wrong %.3f, decided %.3f, calls saved %.0f %%, money saved %.0f %%", rounds, share, float64(chose)/float64(rounds), 100*saved, 100*(1-money/whole))
			if room := 2 * math.Sqrt(.05*.95/float64(rounds)); share > .05+room {
				t.Errorf("wrong in %.3f of the races, 0.05 are allowed", share)
			}
			if saved < c.saved {
				t.Errorf("%.2f of the calls saved, want %.2f", saved, c.saved)
			}
		})
	}
}
