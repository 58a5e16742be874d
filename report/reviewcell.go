package report

import (
	"slices"

	"infer/eval"
	"infer/scoring/stats"
)

// reviewCell gathers one candidate's answers to one task type.
type reviewCell struct {
	out      ReviewCell
	labelled map[int64]*unit // by cluster
	graded   map[int64]*unit // every cluster
	fixes    []float64       // seconds
}

// unit is a cluster: what was sampled independently.
type unit struct{ y, f, w, n float64 }

func newReviewCell() *reviewCell {
	return &reviewCell{labelled: make(map[int64]*unit), graded: make(map[int64]*unit)}
}

func (c *reviewCell) add(it *eval.ReviewItem, labels []eval.Label) {
	var votes [2]int
	fixed := false
	for _, l := range labels {
		yes, ok := good(l.Kind)
		if !ok {
			continue
		}
		if votes[1]++; yes {
			votes[1]--
			votes[0]++
		}
		fixed = fixed || l.Kind == eval.LabelFix
		if l.FixTime != nil {
			c.fixes = append(c.fixes, l.FixTime.Seconds())
		}
	}
	switch {
	case votes[0]+votes[1] == 0:
		return
	case votes[0] == votes[1]:
		c.out.Tied++
		return
	}
	people := votes[0] > votes[1]
	c.out.Labels++
	if people {
		c.out.Accepted++
	} else if fixed {
		c.out.Fixed++
	}
	graders := it.First.Machine == eval.Accepted
	k := &c.out.Confusion
	if it.First.Machine == eval.Unscored {
		k.Unscored++
	} else {
		*[]*int64{&k.BothAccept, &k.PeopleOnly, &k.GradersOnly, &k.BothReject}[quadrant(people, graders)]++
	}
	u := at(c.labelled, it.First.Cluster)
	u.y, u.f, u.w, u.n = u.y+yesNo(people), u.f+yesNo(graders), u.w+1/it.Probability, u.n+1
}

// all counts one of all answers.
func (c *reviewCell) all(a *eval.Answer) {
	u := at(c.graded, a.Cluster)
	u.f, u.n = u.f+yesNo(a.Machine == eval.Accepted), u.n+1
	c.out.Answers++
}

func at(m map[int64]*unit, cluster int64) *unit {
	u, ok := m[cluster]
	if !ok {
		u = new(unit)
		m[cluster] = u
	}
	return u
}

func yesNo(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// result turns the counts into figures.
func (c *reviewCell) result(taskType, candidate string) ReviewCell {
	out := c.out
	out.TaskType, out.Candidate = taskType, candidate
	out.People = share(c.labelled, func(u *unit) float64 { return u.y })
	out.Graders = share(c.graded, func(u *unit) float64 { return u.f })
	k := out.Confusion
	out.Sensitivity = ratio(k.BothAccept, k.BothAccept+k.PeopleOnly)
	out.Specificity = ratio(k.BothReject, k.BothReject+k.GradersOnly)
	if n := k.BothAccept + k.PeopleOnly + k.GradersOnly + k.BothReject; n > 0 {
		p := stats.Pairs{B: float64(k.GradersOnly), C: float64(k.PeopleOnly), N: float64(n)}
		iv := stats.TangoCI(p, confidence)
		out.Bias = &Interval3{p.Difference(), iv.Lo, iv.Hi}
		if a, ok := stats.Agree(float64(k.BothAccept), float64(k.PeopleOnly), float64(k.GradersOnly), float64(k.BothReject)); ok {
			out.Agreement = &Agreement{a.Observed, a.Kappa, a.AC1}
		}
	}
	if len(c.fixes) > 0 {
		slices.Sort(c.fixes)
		median := c.fixes[(len(c.fixes)+1)/2-1]
		out.FixSeconds = &median
	}
	out.Corrected, out.Why = c.corrected()
	return out
}

// corrected is the prediction-powered estimate, over clusters.
func (c *reviewCell) corrected() (*Corrected, string) {
	var l stats.Labelled
	var j stats.Judged
	for _, cluster := range sortedClusters(c.labelled) {
		u := c.labelled[cluster]
		l.Add(u.y/u.n, u.f/u.n, u.w/u.n)
	}
	for _, cluster := range sortedClusters(c.graded) {
		if _, ok := c.labelled[cluster]; !ok {
			u := c.graded[cluster]
			j.Add(u.f / u.n)
		}
	}
	if l.N < stats.PPIMinLabels || l.Rejections < stats.PPIMinRejections {
		return nil, missing(l.N, l.Rejections)
	}
	e, ok := stats.PredictionPowered(l, j, confidence, nil)
	if !ok {
		return nil, missing(l.N, l.Rejections)
	}
	return &Corrected{min(1, max(0, e.Point)), min(1, max(0, e.Lo)), min(1, max(0, e.Hi)), e.Lambda}, ""
}

// sortedClusters gives sums one order, so that they round alike every time.
func sortedClusters(m map[int64]*unit) []int64 {
	out := make([]int64, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func ratio(x, n int64) *float64 {
	if n == 0 {
		return nil
	}
	v := float64(x) / float64(n)
	return &v
}

// share is a share with Wilson's interval, on effective counts where answers
// cluster.
func share(units map[int64]*unit, of func(*unit) float64) Rate {
	var s stats.ClusterSums
	for _, k := range sortedClusters(units) {
		s.Add(of(units[k]), units[k].n)
	}
	p, ok := s.Rate()
	if !ok {
		return Rate{}
	}
	iv, _ := stats.WilsonClustered(s, confidence)
	return Rate{Point: &p, Lo: &iv.Lo, Hi: &iv.Hi, Clusters: int64(s.G)}
}
