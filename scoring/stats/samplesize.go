package stats

import "math"

// maxSample caps sample sizes: beyond it the answer is "more than anyone has".
const maxSample = 1e9

// SuperiorityN is how many pairs a two-sided test at alpha needs to show a
// difference with the given power, when pDisc is the rate of discordant pairs:
//
//	n = ⌈((z_{1−α/2}√π_d + z_{1−β}√(π_d−D²)) / D)²⌉
//
// (Connor 1987, Biometrics 43:207). false where there is no difference to show.
func SuperiorityN(pDisc, diff, alpha, power float64) (float64, bool) {
	if diff == 0 || pDisc < math.Abs(diff) {
		return 0, false
	}
	root := Z(1-alpha/2)*math.Sqrt(pDisc) + Z(power)*math.Sqrt(math.Max(0, pDisc-diff*diff))
	return capped(root / diff), true
}

// NonInferiorityN is how many pairs a one-sided test at alpha needs to show that
// A is not worse than B by delta, when a share pA of tasks is accepted from A
// only and pB from B only:
//
//	n = ⌈((z_{1−α}√v0 + z_{1−β}√(π_d−D²)) / (D+δ))²⌉
//
// with π_d = pA + pB, D = pA − pB and v0 the variance under the restricted
// estimate at −δ (the form of Nam 1997). It returns v0 too. false where D ≤ −δ,
// so that no number of tasks suffices.
func NonInferiorityN(pA, pB, delta, alpha, power float64) (n, v0 float64, ok bool) {
	p := Pairs{pA, pB, 1}
	d := p.Difference()
	v0 = 2*p.restrictedQ(-delta) - delta*(1+delta)
	if d+delta <= 0 {
		return 0, v0, false
	}
	root := Z(1-alpha)*math.Sqrt(math.Max(0, v0)) + Z(power)*math.Sqrt(math.Max(0, pA+pB-d*d))
	return capped(root / (d + delta)), v0, true
}

func capped(root float64) float64 { return math.Min(maxSample, math.Ceil(root*root-1e-9)) }

// More is a plan for further tasks.
type More struct {
	Tasks    float64 // beyond those there are; 0 = there are enough
	Hopeless bool    // the difference lies at the margin or beyond it: more tasks are not expected to help
}

// planPower is the power that plans for more tasks are made for.
const planPower = 0.8

// discordance is the rate of discordant pairs to plan with: the upper end of
// Wilson's 80 % interval, since few of them have been seen.
func discordance(p Pairs) float64 { return Wilson(p.B+p.C, p.N, 0.8).Hi }

// MoreForNonInferiority says how many more tasks would show with 80 % power that
// A is within delta of B, at one-sided alpha (already divided for multiplicity).
// D is the difference seen; the rate of discordant pairs is Wilson's 80 % upper
// end. A difference at or below −δ + 0.2·SE is hopeless.
func MoreForNonInferiority(s PairSums, delta, alpha float64) More {
	if s.N <= 0 {
		return More{Hopeless: true}
	}
	eff, deff := s.Effective(), s.DesignEffect()
	d := eff.Difference()
	disc := math.Max(discordance(eff), math.Abs(d))
	if d <= -delta+0.2*math.Sqrt(s.Variance()) {
		return More{Hopeless: true}
	}
	n, _, ok := NonInferiorityN((disc+d)/2, (disc-d)/2, delta, alpha, planPower)
	if !ok {
		return More{Hopeless: true}
	}
	return More{Tasks: math.Max(0, math.Ceil(n*deff)-s.N)}
}

// MoreForSuperiority says how many more tasks would show with 80 % power that the
// difference seen is one, at two-sided alpha.
func MoreForSuperiority(s PairSums, alpha float64) More {
	eff, deff := s.Effective(), s.DesignEffect()
	d := eff.Difference()
	n, ok := SuperiorityN(math.Max(discordance(eff), math.Abs(d)), d, alpha, planPower)
	if !ok || n >= maxSample {
		return More{Hopeless: true}
	}
	return More{Tasks: math.Max(0, math.Ceil(n*deff)-s.N)}
}

// TasksForFloor is the smallest number of tasks, all of them good, whose one-sided
// lower bound at confidence conf reaches the floor: ⌈ln α / ln floor⌉.
func TasksForFloor(floor, conf float64) float64 {
	switch {
	case floor <= 0:
		return 0
	case floor >= 1:
		return maxSample
	}
	return math.Min(maxSample, math.Ceil(math.Log(1-conf)/math.Log(floor)-1e-9))
}
