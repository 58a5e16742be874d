package decide

import (
	"fmt"

	"infer/eval"
	"infer/scoring/stats"
)

// evidence is what the decision saw of each candidate.
func (d *decider) evidence(v *view, c *choice, names []string, separate []float64) []eval.CandidateEvidence {
	group, dominated := d.groups(v, separate), d.dominated(v, separate)
	out := make([]eval.CandidateEvidence, d.k)
	for i := range out {
		s := &d.s.cand[i]
		e := eval.CandidateEvidence{Candidate: names[i], N: s.judged, Clusters: int64(s.rate.G), Acceptance: rateFigure(s.rate),
			Cost: costFigure(s), Gates: d.results(names[i], i), Quality: d.quality(v, c, i), Eligible: c.eligible(i), Group: group[i], Dominated: dominated[i]}
		if e.Gates == nil {
			e.Gates = []eval.GateResult{}
		}
		if s.p95 >= 0 {
			p95 := int64(s.p95)
			e.LatencyP95 = &p95
		}
		if p, ok := s.answered.Rate(); ok {
			e.Reliable = &p
		}
		for j := range d.k {
			if j != i {
				p := d.s.pair(i, j)
				e.Versus = append(e.Versus, comparison(names[i], names[j], &p, d.kind.Margin, d.alpha, d.alpha/float64(max(1, d.k-1)),
					separate[pairIndex(min(i, j), max(i, j), d.k)], d.priced(i) && d.priced(j)))
			}
		}
		e.WhyNot = whyNot(&e)
		out[i] = e
	}
	return out
}

// costFigure is the cost of an accepted task: a point where every cost is exactly
// known, else what it lies between.
func costFigure(s *candSums) *eval.Figure {
	if s.unpriced > 0 || s.trials == 0 {
		return nil
	}
	if s.accepted == 0 {
		bound, _, ok := stats.CostWithoutAccepted(s.low.C, s.trials, confidence)
		if !ok {
			return nil
		}
		return &eval.Figure{Lo: &bound}
	}
	low, ok1 := stats.CostPerAccepted(s.low, confidence)
	high, ok2 := stats.CostPerAccepted(s.high, confidence)
	if !ok1 || !ok2 {
		return nil
	}
	f := &eval.Figure{Lo: &low.Lo}
	if !high.Unbounded {
		f.Hi = &high.Hi
	}
	if s.inexact == 0 {
		f.Point = &low.Point
	}
	return f
}

// quality is a candidate's standing: best, within, undecided or inferior.
func (d *decider) quality(v *view, c *choice, i int) string {
	switch {
	case c.ok[i] && d.byAcceptance(v)[0] == i:
		return "best"
	case c.ok[i]:
		return "within"
	case c.inferior[i]:
		return "inferior"
	}
	return "undecided"
}

// whyNot says in words why a candidate is not eligible.
func whyNot(e *eval.CandidateEvidence) string {
	if e.Eligible {
		return ""
	}
	for _, want := range []eval.GateState{eval.GateFail, eval.GateUnknown} {
		for i := range e.Gates {
			if g := &e.Gates[i]; g.State == want {
				verb := "fails"
				if want == eval.GateUnknown {
					verb = "does not yet pass"
				}
				return fmt.Sprintf("%s the gate %s: %s", verb, g.Gate, g.Reason)
			}
		}
	}
	worst := -1
	for i := range e.Versus {
		if worst < 0 || e.Versus[i].NIP > e.Versus[worst].NIP {
			worst = i
		}
	}
	if worst < 0 {
		return ""
	}
	return e.Versus[worst].Sentence
}
