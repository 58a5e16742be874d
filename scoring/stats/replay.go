package stats

// AllFail is the probability that r calls of one task all fail, estimated from m
// stored repeats of which f failed by averaging over all ordered choices of
// distinct repeats (a U-statistic): f(f−1)…/m(m−1)…. Using one repeat twice, or
// multiplying rates, is wrong where failures depend on the task. false where fewer
// than r repeats are stored.
func AllFail(f, m, r int) (float64, bool) {
	if r > m {
		return 0, false
	}
	p := 1.0
	for i := range r {
		p *= float64(f-i) / float64(m-i)
		if p <= 0 {
			return 0, true
		}
	}
	return p, true
}

// Retried is what up to `calls` calls of one task come to when each is made only
// after the ones before it failed.
type Retried struct {
	AllFail float64 // probability that every call failed
	Calls   float64 // expected number of calls
	Cost    float64 // expected cost, in the unit of the costs given
	Latency float64 // expected sum of latencies, in the unit given
}

// Repeats are the stored repeats of one task: failures and successes with their
// summed costs and latencies.
type Repeats struct {
	Fails, Oks           int
	FailCost, OkCost     float64
	FailTime, OkTime     float64
	PriorFail, PriorSize float64 // beta prior for calls beyond the stored repeats; size 0 = none
}

// Replay is the U-statistic of up to `calls` calls. Where fewer repeats are
// stored, the further calls are extrapolated by the prior (a beta-binomial: the
// task's own repeats and PriorSize more of rate PriorFail); extrapolated says so.
// false where that would be needed and there is no prior, or no repeat at all.
func (t Repeats) Replay(calls int) (r Retried, extrapolated, ok bool) {
	m := t.Fails + t.Oks
	if m == 0 {
		return r, false, false
	}
	reach := 1.0
	for k := range calls {
		fail := 0.0
		if k < m {
			fail = float64(max(0, t.Fails-k)) / float64(m-k)
		} else {
			if t.PriorSize <= 0 {
				return Retried{}, false, false
			}
			extrapolated = true
			fail = (float64(t.Fails) + float64(k-m) + t.PriorFail*t.PriorSize) / (float64(k) + t.PriorSize)
		}
		r.Calls += reach
		cost, took := t.mean(fail)
		r.Cost, r.Latency = r.Cost+reach*cost, r.Latency+reach*took
		reach *= fail
		if reach == 0 {
			break
		}
	}
	r.AllFail = reach
	return r, extrapolated, true
}

// mean is the expected cost and latency of a call that fails with probability
// fail. Where no repeat of a kind is stored, the other kind's mean stands in.
func (t Repeats) mean(fail float64) (cost, took float64) {
	kind := func(n int, sum float64, other int, otherSum float64) float64 {
		if n > 0 {
			return sum / float64(n)
		}
		return otherSum / float64(max(1, other))
	}
	cost = fail*kind(t.Fails, t.FailCost, t.Oks, t.OkCost) + (1-fail)*kind(t.Oks, t.OkCost, t.Fails, t.FailCost)
	took = fail*kind(t.Fails, t.FailTime, t.Oks, t.OkTime) + (1-fail)*kind(t.Oks, t.OkTime, t.Fails, t.FailTime)
	return cost, took
}

// RepeatSums are sums over tasks for the intraclass correlation of a yes-or-no
// result over repeats.
type RepeatSums struct {
	Tasks, N float64 // tasks with two or more repeats, and their repeats
	F        float64 // failures
	Between  float64 // Σ f_i²/m_i
	M2       float64 // Σ m_i²
}

// Add counts one task with f failures among m repeats; fewer than two repeats say
// nothing.
func (s *RepeatSums) Add(f, m int) {
	if m < 2 {
		return
	}
	ff, mm := float64(f), float64(m)
	s.Tasks, s.N, s.F = s.Tasks+1, s.N+mm, s.F+ff
	s.Between, s.M2 = s.Between+ff*ff/mm, s.M2+mm*mm
}

// ICC is the ANOVA estimate of the intraclass correlation, in [0, 1]. false with
// fewer than two tasks that have repeats, or where all results are the same.
func (s *RepeatSums) ICC() (float64, bool) {
	if s.Tasks < 2 || s.F <= 0 || s.F >= s.N {
		return 0, false
	}
	p := s.F / s.N
	msb := (s.Between - s.N*p*p) / (s.Tasks - 1)
	msw := (s.F - s.Between) / (s.N - s.Tasks)
	m0 := (s.N - s.M2/s.N) / (s.Tasks - 1)
	den := msb + (m0-1)*msw
	if den <= 0 {
		return 0, false
	}
	return clamp01((msb - msw) / den), true
}
