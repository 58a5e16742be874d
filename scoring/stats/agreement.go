package stats

// Agreement is how far two raters agree on yes-or-no judgements.
type Agreement struct {
	Observed float64 // share of equal judgements
	Kappa    float64 // Cohen's: beyond chance by each rater's own rate
	AC1      float64 // Gwet's (2008): stays sensible where nearly everything is a yes
}

// Agree computes agreement from the four counts. false without a judgement. A
// coefficient whose chance agreement is 1 is 1 where the raters agree, else 0.
//
//	κ = (p_o − Σp_1p_2)/(1 − Σp_1p_2)
//	AC1 = (p_o − 2π(1−π))/(1 − 2π(1−π)), π the mean of the two yes-rates
func Agree(bothYes, only1, only2, bothNo float64) (Agreement, bool) {
	n := bothYes + only1 + only2 + bothNo
	if n <= 0 {
		return Agreement{}, false
	}
	po := (bothYes + bothNo) / n
	y1, y2 := (bothYes+only1)/n, (bothYes+only2)/n
	pi := (y1 + y2) / 2
	return Agreement{Observed: po, Kappa: beyond(po, y1*y2+(1-y1)*(1-y2)), AC1: beyond(po, 2*pi*(1-pi))}, true
}

func beyond(observed, chance float64) float64 {
	if chance >= 1 {
		if observed >= 1 {
			return 1
		}
		return 0
	}
	return (observed - chance) / (1 - chance)
}
