package stats

import "math"

// The least labels for which PredictionPowered may be trusted: with fewer, λ̂
// biases the estimate by about a point and the interval covers too seldom.
const (
	PPIMinLabels     = 100
	PPIMinRejections = 10
)

// Labelled are the sums over the units that a person labelled: y the person's
// word, f the judge's, w = 1/π the inverse of the unit's probability of being
// sampled. A unit is a task, or a cluster of them with its mean values. Sums of
// disjoint units add up.
type Labelled struct {
	N, Rejections    float64 // units, and those with y < ½
	F, FF            float64 // Σf, Σf²
	W, WY, WF        float64 // Σw, Σwy, Σwf
	W2, W2Y, W2F     float64 // Σw², Σw²y, Σw²f
	W2YY, W2FF, W2YF float64 // Σw²y², Σw²f², Σw²yf
}

// Add counts one labelled unit; weight is 1 for a plain random sample.
func (l *Labelled) Add(y, f, weight float64) {
	l.N++
	if y < 0.5 {
		l.Rejections++
	}
	l.F, l.FF = l.F+f, l.FF+f*f
	l.W, l.WY, l.WF = l.W+weight, l.WY+weight*y, l.WF+weight*f
	w2 := weight * weight
	l.W2, l.W2Y, l.W2F = l.W2+w2, l.W2Y+w2*y, l.W2F+w2*f
	l.W2YY, l.W2FF, l.W2YF = l.W2YY+w2*y*y, l.W2FF+w2*f*f, l.W2YF+w2*y*f
}

// Merge adds the sums of other units.
func (l *Labelled) Merge(o Labelled) {
	l.N, l.Rejections = l.N+o.N, l.Rejections+o.Rejections
	l.F, l.FF = l.F+o.F, l.FF+o.FF
	l.W, l.WY, l.WF = l.W+o.W, l.WY+o.WY, l.WF+o.WF
	l.W2, l.W2Y, l.W2F = l.W2+o.W2, l.W2Y+o.W2Y, l.W2F+o.W2F
	l.W2YY, l.W2FF, l.W2YF = l.W2YY+o.W2YY, l.W2FF+o.W2FF, l.W2YF+o.W2YF
}

// moments are the variances and the covariance of the weighted means of y and f,
// n/(n−1)·Σw²(y−ȳ)²/(Σw)².
func (l *Labelled) moments() (varY, varF, cov float64) {
	my, mf := l.WY/l.W, l.WF/l.W
	k := l.N / (l.N - 1) / (l.W * l.W)
	varY = k * math.Max(0, l.W2YY-2*my*l.W2Y+my*my*l.W2)
	varF = k * math.Max(0, l.W2FF-2*mf*l.W2F+mf*mf*l.W2)
	return varY, varF, k * (l.W2YF - my*l.W2F - mf*l.W2Y + my*mf*l.W2)
}

// Judged are the sums over the units that only the judge has seen.
type Judged struct{ N, F, FF float64 }

// Add counts one unit that only the judge has seen.
func (j *Judged) Add(f float64) { j.N, j.F, j.FF = j.N+1, j.F+f, j.FF+f*f }

// Estimate is a mean with its interval.
type Estimate struct {
	Interval
	Point, SE, Lambda float64
}

// PredictionPowered estimates the mean of the people's word over all units from a
// labelled sample and the judge's word on the rest (PPI++, Angelopoulos et al.,
// arXiv 2311.01453):
//
//	θ̂ = λ·mean_N f + mean_n(Y − λf),  SE² = λ²·Var_N(f)/N + Var_n(Y−λf)/n
//	λ̂ = clip(Cov_n(Y,f) / ((1+n/N)·Var f), 0, 1)
//
// with normal quantiles. A judge that says nothing gets λ = 0 and costs nothing;
// one that is too lenient is corrected. A non-nil lambda is used as it is. For the
// difference of two candidates pass y_A−y_B and f_A−f_B. false for fewer than two
// labels.
func PredictionPowered(l Labelled, j Judged, conf float64, lambda *float64) (Estimate, bool) {
	if l.N < 2 || l.W <= 0 {
		return Estimate{}, false
	}
	varY, varF, cov := l.moments()
	e := Estimate{}
	var meanN, varN float64
	if j.N >= 2 {
		meanN = j.F / j.N
		varN = math.Max(0, (j.FF-j.F*j.F/j.N)/(j.N-1)) / j.N
		e.Lambda = l.tune(j, cov)
		if lambda != nil {
			e.Lambda = *lambda
		}
	}
	e.Point = e.Lambda*meanN + (l.WY-e.Lambda*l.WF)/l.W
	e.SE = math.Sqrt(math.Max(0, e.Lambda*e.Lambda*varN+varY-2*e.Lambda*cov+e.Lambda*e.Lambda*varF))
	z := Z(1 - (1-conf)/2)
	e.Interval = Interval{e.Point - z*e.SE, e.Point + z*e.SE}
	return e, true
}

// tune is λ̂, with the variance of f over all units.
func (l *Labelled) tune(j Judged, covOfMeans float64) float64 {
	n, f := l.N+j.N, l.F+j.F
	varAll := (l.FF + j.FF - f*f/n) / (n - 1)
	if varAll <= 0 {
		return 0
	}
	return clamp01(covOfMeans * l.N / ((1 + l.N/j.N) * varAll))
}
