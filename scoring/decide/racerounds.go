package decide

import (
	"math/rand/v2"
)

// RaceTask is a task as a race sees it.
type RaceTask struct {
	Seq     int
	Cluster int64 // what was sampled independently
}

// RaceRounds orders the tasks of one task type for a race and cuts them into the
// rounds between its looks. Clusters are drawn whole, in an order that the seed
// decides: the statistics look at clusters, and none may grow between two looks.
func RaceRounds(tasks []RaceTask, seed uint64) [][]int {
	by := make(map[int64][]int)
	var clusters []int64
	for _, t := range tasks {
		if by[t.Cluster] == nil {
			clusters = append(clusters, t.Cluster)
		}
		by[t.Cluster] = append(by[t.Cluster], t.Seq)
	}
	rng := rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15))
	rng.Shuffle(len(clusters), func(i, j int) { clusters[i], clusters[j] = clusters[j], clusters[i] })
	var rounds [][]int
	var round []int
	for _, c := range clusters {
		if round = append(round, by[c]...); len(round) >= raceLook {
			rounds, round = append(rounds, round), nil
		}
	}
	if len(round) > 0 {
		rounds = append(rounds, round)
	}
	return rounds
}

// RaceCluster is what came of one cluster: for each candidate the mean acceptance
// over the judged trials of its tasks, NaN where there is none.
type RaceCluster struct {
	Tasks  int
	Accept []float64
}
