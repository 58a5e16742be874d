package decide

import "fmt"

// Windows says of each stretch of five minutes in which a candidate was called
// whether it was down then: most of its calls found no provider.
type Windows map[int64]bool

// fewWindows is how many stretches two candidates must share for a lift.
const fewWindows = 10

// outageLift is P(both down) ÷ (P(a down)·P(b down)) over the stretches in which both
// were called; false where there are too few, or one of them was never down.
func outageLift(a, b Windows) (lift float64, both, shared int, ok bool) {
	var downA, downB int
	for w, down := range a {
		other, called := b[w]
		if !called {
			continue
		}
		shared++
		if down {
			downA++
		}
		if other {
			downB++
		}
		if down && other {
			both++
		}
	}
	if shared < fewWindows || downA == 0 || downB == 0 {
		return 0, both, shared, false
	}
	return float64(both) * float64(shared) / (float64(downA) * float64(downB)), both, shared, true
}

// correlate says how the outages of a default and its backup go together.
func (r *recommender) correlate(def, backup int) (lift *float64, words string) {
	if r.in.Windows == nil {
		return nil, ""
	}
	l, both, shared, ok := outageLift(r.in.Windows(r.cand[def]), r.in.Windows(r.cand[backup]))
	if !ok {
		return nil, ""
	}
	return &l, fmt.Sprintf("; both were down in %d of %d five-minute windows, %.1f times as often as independent outages would be", both, shared, l)
}
