package tui

import (
	"infer/eval"
	"infer/report"
)

// The orders of a board, by the heads that sort by them.
const (
	byRate = "rate"
	byCost = "cost"
	byP95  = "p95"
	byN    = "n"
	byErr  = "err"
	byName = "name"
)

// boardOrders are what the key that sorts goes through; the first is by rank.
var boardOrders = []string{"", byRate, byCost, byP95, byErr, byName}

// above reports whether a row stands above another one. Unknown comes last.
func (s *boardScreen) above(d *eval.TypeDecision, a, b *report.Cell) bool {
	high := func(p *float64) float64 {
		if p == nil {
			return 1e300
		}
		return *p
	}
	low := func(p *float64) float64 {
		if p == nil {
			return 1e300
		}
		return -*p
	}
	if a.Recorded != b.Recorded {
		return b.Recorded // on tasks and under conditions of its own
	}
	switch s.order {
	case byName:
		return a.Candidate < b.Candidate
	case byN:
		return a.N > b.N
	case byErr:
		return a.Errored > b.Errored
	case byCost:
		return high(a.CostPerAccepted.Point) < high(b.CostPerAccepted.Point)
	case byP95:
		return high(a.Latency.P95) < high(b.Latency.P95)
	case "":
		if x, y := group(d, a.Candidate), group(d, b.Candidate); x != y {
			return x < y
		}
	}
	return low(a.Acceptance.Point) < low(b.Acceptance.Point)
}

// group is the rank group of a candidate: those in one cannot be told apart. A
// candidate that is in none comes last.
func group(d *eval.TypeDecision, candidate string) int {
	if e := evidence(d, candidate); e != nil && e.Group > 0 {
		return e.Group
	}
	return 1 << 30
}

// evidence is what a decision saw of a candidate; nil = nothing.
func evidence(d *eval.TypeDecision, candidate string) *eval.CandidateEvidence {
	if d == nil {
		return nil
	}
	for i := range d.Candidates {
		if d.Candidates[i].Candidate == candidate {
			return &d.Candidates[i]
		}
	}
	return nil
}
