package report_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"infer/eval"
	"infer/report"
	"infer/scoring/stats"
)

// sampled is a run of one candidate with n answers, of which every k-th is in the
// review. truth says what people say, graders what graders say.
func sampled(n, k int, truth, graders func(i int) bool) (*eval.Run, *eval.Review, []eval.ReviewItem, []eval.Label, []eval.Answer) {
	run := &eval.Run{ID: "r", Candidates: []eval.Candidate{{Name: "x"}}}
	review := &eval.Review{ID: "v", Run: "r", Mode: eval.ReviewSingle}
	var items []eval.ReviewItem
	var labels []eval.Label
	var answers []eval.Answer
	for i := range n {
		a := eval.Answer{TaskSeq: i, TaskType: "a", Cluster: int64(i), Machine: eval.Rejected}
		if graders(i) {
			a.Machine = eval.Accepted
		}
		answers = append(answers, a)
		if i%k != 0 {
			continue
		}
		items = append(items, eval.ReviewItem{Seq: len(items), Probability: 1 / float64(k), First: a})
		kind := eval.LabelReject
		if truth(i) {
			kind = eval.LabelAccept
		}
		labels = append(labels, eval.Label{Item: len(items) - 1, Reviewer: "ana", Kind: kind})
	}
	return run, review, items, labels, answers
}

// TestCorrectedAcceptance: a lenient grader's rate is far off, the corrected one
// is not, and it is narrower than what the labels alone say where the grader is
// good.
func TestCorrectedAcceptance(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(7, 7))
	truths, lenient, good := make([]bool, 2000), make([]bool, 2000), make([]bool, 2000)
	share := 0.0
	for i := range truths {
		truths[i] = rng.Float64() < 0.8
		lenient[i] = truths[i] || rng.Float64() < 0.7
		good[i] = truths[i] == (rng.Float64() < 0.95)
		if truths[i] {
			share += 1.0 / 2000
		}
	}
	truth := func(i int) bool { return truths[i] }
	for _, c := range []struct {
		name    string
		graders []bool
		off     float64 // how far off the graders' own rate is, at least
	}{{"lenient", lenient, 0.08}, {"good", good, 0}} {
		r := report.BuildReview(sampled(2000, 10, truth, func(i int) bool { return c.graders[i] }))
		cell := r.Cells[0]
		if cell.TaskType != report.Overall || cell.Labels != 200 || cell.Answers != 2000 || cell.Corrected == nil {
			t.Fatalf("%s: %+v", c.name, cell)
		}
		if math.Abs(*cell.Graders.Point-share) < c.off {
			t.Errorf("%s: the graders' rate %.3f is near the truth %.3f: the case shows nothing", c.name, *cell.Graders.Point, share)
		}
		if cell.Corrected.Lo > share || cell.Corrected.Hi < share {
			t.Errorf("%s: corrected to [%.3f, %.3f], which does not hold the truth %.3f", c.name, cell.Corrected.Lo, cell.Corrected.Hi, share)
		}
		if w, people := cell.Corrected.Hi-cell.Corrected.Lo, *cell.People.Hi-*cell.People.Lo; c.name == "good" && w > 0.8*people {
			t.Errorf("a good grader sharpens nothing: %.3f beside %.3f of people alone", w, people)
		}
		if c.name == "lenient" && (cell.Bias == nil || cell.Bias.Lo <= 0) {
			t.Errorf("the bias of a lenient grader does not show: %+v", cell.Bias)
		}
		// The published estimator, on the same sums.
		var l stats.Labelled
		var j stats.Judged
		for i := range truths {
			f := 0.0
			if c.graders[i] {
				f = 1
			}
			if i%10 != 0 {
				j.Add(f)
				continue
			}
			y := 0.0
			if truths[i] {
				y = 1
			}
			l.Add(y, f, 10)
		}
		if e, _ := stats.PredictionPowered(l, j, 0.95, nil); math.Abs(e.Point-cell.Corrected.Point) > 1e-12 || math.Abs(e.Lo-cell.Corrected.Lo) > 1e-12 {
			t.Errorf("%s: %v, the estimator itself says %v", c.name, cell.Corrected, e)
		}
	}
}

// TestCorrectedNeedsLabels: with too few labels or rejections there is no
// corrected figure, but a reason.
func TestCorrectedNeedsLabels(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		n, bad int
		want   bool
	}{{"few labels", 99, 20, false}, {"few rejections", 200, 9, false}, {"enough", 100, 10, true}} {
		r := report.BuildReview(sampled(c.n*5, 5, func(i int) bool { return i/5 >= c.bad }, func(i int) bool { return i%3 > 0 }))
		if cell := r.Cells[0]; (cell.Corrected != nil) != c.want || (cell.Why == "") != c.want {
			t.Errorf("%s: corrected %+v, %q", c.name, cell.Corrected, cell.Why)
		}
	}
}

// TestReviewCounts: several reviewers, ties, repairs and what graders could not
// judge each go where they belong. 95/2/2/1 is the published case where κ
// collapses and AC1 does not.
func TestReviewCounts(t *testing.T) {
	t.Parallel()
	run, review, items, labels, answers := sampled(100, 1, func(i int) bool { return i < 97 }, func(i int) bool { return i < 95 || i >= 97 && i < 99 })
	r := report.BuildReview(run, review, items, labels, answers)
	cell := r.Cells[1]
	if cell.Confusion != (report.Confusion{BothAccept: 95, PeopleOnly: 2, GradersOnly: 2, BothReject: 1}) {
		t.Fatalf("%+v", cell.Confusion)
	}
	if a := cell.Agreement; math.Abs(a.Kappa-0.313) > 5e-4 || math.Abs(a.AC1-0.958) > 5e-4 || a.Raw != 0.96 {
		t.Errorf("%+v", a)
	}
	if *cell.Specificity != 1.0/3 || cell.Bias.Point != 0 {
		t.Errorf("specificity %v, bias %+v", *cell.Specificity, cell.Bias)
	}

	fix := 30 * time.Second
	items[3].First.Machine = eval.Unscored
	labels = append(labels[:4:4], eval.Label{Item: 0, Reviewer: "ben", Kind: eval.LabelReject}, // a tie with ana
		eval.Label{Item: 1, Reviewer: "ben", Kind: eval.LabelFix, FixTime: &fix}, eval.Label{Item: 1, Reviewer: "eve", Kind: eval.LabelReject}, // two against one
		eval.Label{Item: 2, Reviewer: "ben", Kind: eval.LabelSkip})
	cell = report.BuildReview(run, review, items, labels, answers).Cells[1]
	if cell.Labels != 3 || cell.Tied != 1 || cell.Accepted != 2 || cell.Fixed != 1 || cell.Confusion.Unscored != 1 || *cell.FixSeconds != 30 {
		t.Errorf("%+v", cell)
	}
}

func TestReviewPairs(t *testing.T) {
	t.Parallel()
	run := &eval.Run{ID: "r", Candidates: []eval.Candidate{{Name: "x"}, {Name: "y"}}}
	review := &eval.Review{Mode: eval.ReviewPairs, Candidates: []int{1, 0}}
	var items []eval.ReviewItem
	var labels []eval.Label
	for i, kind := range []eval.LabelKind{eval.LabelFirst, eval.LabelFirst, eval.LabelSecond, eval.LabelBoth, eval.LabelNeither, eval.LabelSkip} {
		items = append(items, eval.ReviewItem{Seq: i, Probability: 1, Second: &eval.Answer{}, Swapped: i == 1})
		labels = append(labels, eval.Label{Item: i, Reviewer: "ana", Kind: kind})
	}
	p := report.BuildReview(run, review, items, labels, nil).Pairs
	if p.First != "y" || p.Labels != 5 || p.FirstN != 2 || p.SecondN != 1 || p.Both != 1 || p.Neither != 1 || p.Lead.Point != 0.2 || *p.LeftRate != 1.0/3 {
		t.Errorf("%+v, lead %+v, left %v", p, p.Lead, *p.LeftRate)
	}
}
