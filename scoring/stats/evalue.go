package stats

import "math"

// eGrid is how many fixed bets are mixed.
const eGrid = 20

// EProcess is a betting martingale against H0: E[d] ≤ d0 for differences d in
// [−1, 1], mixed over fixed bets λ_l = (l−½)/20/(1+d0), l = 1…20 (Waudby-Smith &
// Ramdas 2024). P(it ever reaches 1/α under H0) ≤ α (Ville), however often it is
// looked at. Its state is a sum for each bet, so parts merge in any order.
type EProcess struct {
	D0   float64
	N    float64
	Logs [eGrid]float64
}

func bet(l int, d0 float64) float64 { return (float64(l) + 0.5) / eGrid / (1 + d0) }

// NewEProcess starts a process against E[d] ≤ d0, for −1 < d0 < 1.
func NewEProcess(d0 float64) EProcess { return EProcess{D0: d0} }

// Add counts one difference: that of a task, or the mean one of a cluster.
func (e *EProcess) Add(d float64) {
	e.N++
	for l := range e.Logs {
		e.Logs[l] += math.Log1p(bet(l, e.D0) * (d - e.D0))
	}
}

// Merge adds what another process against the same hypothesis has seen.
func (e *EProcess) Merge(o EProcess) {
	e.N += o.N
	for l := range e.Logs {
		e.Logs[l] += o.Logs[l]
	}
}

// LogE is the logarithm of the e-value.
func (e *EProcess) LogE() float64 { return logMeanExp(e.Logs) }

// LogE is the logarithm of the e-value against H0: p_A − p_B ≤ d0 after b tasks
// that only A got accepted, n0 with the same result and c that only B did:
//
//	logsumexp_l [ b·ln(1+λ_l(1−d0)) + n0·ln(1−λ_l·d0) + c·ln(1−λ_l(1+d0)) ] − ln 20
//
// It depends on the three counts only.
func LogE(b, n0, c, d0 float64) float64 {
	var logs [eGrid]float64
	for l := range logs {
		x := bet(l, d0)
		logs[l] = b*math.Log1p(x*(1-d0)) + n0*math.Log1p(-x*d0) + c*math.Log1p(-x*(1+d0))
	}
	return logMeanExp(logs)
}

func logMeanExp(v [eGrid]float64) float64 {
	top := v[0]
	for _, x := range v {
		top = math.Max(top, x)
	}
	sum := 0.0
	for _, x := range v {
		sum += math.Exp(x - top)
	}
	return top + math.Log(sum/eGrid)
}
