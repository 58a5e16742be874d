package decide

import "infer/scoring/stats"

// summer walks the tasks of one type and sums them up, cluster by cluster.
type summer struct {
	t    *typeData
	s    *typeSums
	cand []int // places of the candidates that are compared, in the run
	slo  int64 // µs, 0 = none

	now     []taskSum // of the task at hand
	cluster []taskSum // of the cluster at hand
	pairs   []pairCluster
	costs   [][]float64 // by candidate, then cluster
	got     [][]float64
	bucket  func(cluster int32, ordinal int) int
}

// pairCluster is one cluster of a pair.
type pairCluster struct {
	diff, over         stats.PairCluster
	n, both, a, b      float64
	costA, gotA        float64
	costB, gotB        float64
	rescueA, rescueB   float64
	qualityA, qualityB float64
	onlyA, onlyB       int64
}

// sum computes the sums of one task type for the candidates at the given places
// of the run.
func sum(t *typeData, cand []int, slo int64, seed uint64) *typeSums {
	k := len(cand)
	m := &summer{t: t, cand: cand, slo: slo, now: make([]taskSum, k), cluster: make([]taskSum, k), pairs: make([]pairCluster, k*(k-1)/2),
		costs: make([][]float64, k), got: make([][]float64, k)}
	m.s = &typeSums{tasks: len(t.seqs), cand: make([]candSums, k), pairs: make([]pairSums, len(m.pairs))}
	for i := range t.clusters {
		if i == 0 || t.clusters[i] != t.clusters[i-1] {
			m.s.clusters++
		}
	}
	m.s.columns = newColumns(k, min(m.s.clusters, stats.MaxBuckets))
	m.bucket = func(cluster int32, ordinal int) int {
		if m.s.clusters <= stats.MaxBuckets {
			return ordinal
		}
		return stats.Bucket(seed, uint64(cluster), stats.MaxBuckets)
	}
	ordinal := 0
	for v := range t.tasks {
		m.task(v)
		if v.last {
			m.close(m.bucket(v.cluster, ordinal))
			ordinal++
		}
	}
	for i, c := range cand {
		m.s.cand[i].finish(t.trials[c], m.costs[i], m.got[i])
	}
	m.s.columns.compress()
	return m.s
}

func (m *summer) task(v *taskView) {
	for i, c := range m.cand {
		m.now[i] = m.s.cand[i].task(v.trials[c], m.slo)
		m.cluster[i].add(&m.now[i])
	}
	p := 0
	for i := range m.now {
		for j := i + 1; j < len(m.now); j++ {
			m.pairs[p].add(&m.now[i], &m.now[j])
			p++
		}
	}
}

func (g *pairCluster) add(a, b *taskSum) {
	if a.judged == 0 || b.judged == 0 {
		return
	}
	g.diff.Add(a.mean, b.mean, min(a.judged, b.judged))
	if a.timed > 0 && b.timed > 0 {
		g.over.Add(a.over/a.timed, b.over/b.timed, min(a.timed, b.timed))
	}
	g.n++
	g.both, g.a, g.b = g.both+a.mean*b.mean, g.a+a.mean, g.b+b.mean
	g.costA, g.gotA, g.costB, g.gotB = g.costA+a.high, g.gotA+a.accepted, g.costB+b.high, g.gotB+b.accepted
	qa, qb := a.faults/a.judged, b.faults/b.judged
	g.qualityA, g.qualityB = g.qualityA+qa, g.qualityB+qb
	g.rescueA, g.rescueB = g.rescueA+a.mean*qb, g.rescueB+b.mean*qa
	switch {
	case a.mean > 0.5 && b.mean <= 0.5:
		g.onlyA++
	case b.mean > 0.5 && a.mean <= 0.5:
		g.onlyB++
	}
}

// close adds the cluster at hand to the sums and to its bucket.
func (m *summer) close(bucket int) {
	row := m.s.columns.sums.Bucket(bucket)
	for i := range m.cluster {
		t := &m.cluster[i]
		m.s.cand[i].closeCluster(t)
		m.costs[i], m.got[i] = append(m.costs[i], t.high), append(m.got[i], t.accepted)
		for c, v := range [candColumns]float64{t.tasks, t.mean, t.judged, t.accepted, t.high, t.counted, t.answer, t.timed, t.over} {
			row[i*candColumns+c] += v
		}
		*t = taskSum{}
	}
	base := len(m.cluster) * candColumns
	for p := range m.pairs {
		g := &m.pairs[p]
		if g.n > 0 {
			m.s.pairs[p].addCluster(g)
			for c, v := range [pairColumns]float64{g.n, g.both, g.a, g.b} {
				row[base+p*pairColumns+c] += v
			}
		}
		*g = pairCluster{}
	}
}

func (p *pairSums) addCluster(g *pairCluster) {
	p.PairSums.Add(g.diff)
	p.over.Add(g.over)
	p.both += g.both
	p.cost.Add(g.costA, g.gotA, g.costB, g.gotB)
	p.onlyA, p.onlyB = p.onlyA+g.onlyA, p.onlyB+g.onlyB
	p.rescueA, p.rescueB = p.rescueA+g.rescueA, p.rescueB+g.rescueB
	p.qualityA, p.qualityB = p.qualityA+g.qualityA, p.qualityB+g.qualityB
}
