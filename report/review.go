package report

import (
	"sort"
	"strconv"

	"infer/eval"
	"infer/scoring/stats"
)

// ReviewSchema names the JSON form of a review's results.
const ReviewSchema = "infer.review/1"

// ReviewResult is what people said of a sample of answers, beside what the graders
// say of the same and of all.
type ReviewResult struct {
	Schema    string         `json:"schema"`
	Review    eval.Review    `json:"review"`
	Reviewers []ReviewerLine `json:"reviewers"`
	Cells     []ReviewCell   `json:"cells,omitempty"` // of single answers
	Pairs     *PairResult    `json:"pairs,omitempty"` // of pairs
	Between   []Between      `json:"between,omitempty"`
	OnJudges  bool           `json:"rests_on_judges,omitempty"` // the graders' part rests on judges
}

// ReviewerLine is how much one reviewer did.
type ReviewerLine struct {
	Reviewer string `json:"reviewer"`
	Labels   int    `json:"labels"`
	Skipped  int    `json:"skipped"`
}

// ReviewCell compares people with graders on one candidate and task type. People
// accept an answer that is good as it stands; one that they mended is not. Where
// several people judged an answer, the majority counts, and a tie nothing.
type ReviewCell struct {
	TaskType  string `json:"task_type"`
	Candidate string `json:"candidate"`

	Labels   int64 `json:"labels"` // answers that people judged and agree on
	Accepted int64 `json:"accepted"`
	Fixed    int64 `json:"fixed"` // of those not accepted, mended by somebody
	Tied     int64 `json:"tied"`

	People  Rate  `json:"people_acceptance"` // of the sample alone
	Graders Rate  `json:"grader_acceptance"` // of all answers, as they stand
	Answers int64 `json:"answers"`           // how many there are of all
	// Corrected is the acceptance by people over all answers, estimated from the
	// sample and from the graders' word on the rest (PPI++). It is there from 100
	// labels with 10 rejections on; Why says what is missing else.
	Corrected *Corrected `json:"corrected_acceptance"`
	Why       string     `json:"why_not,omitempty"`

	Confusion   Confusion  `json:"confusion"`
	Sensitivity *float64   `json:"sensitivity"` // of what people accept, the share that graders accept
	Specificity *float64   `json:"specificity"` // of what people do not accept, the share that graders reject
	Bias        *Interval3 `json:"bias"`        // graders' rate − people's, on the sample
	Agreement   *Agreement `json:"agreement"`
	FixSeconds  *float64   `json:"fix_seconds_p50"`
}

// Corrected is a prediction-powered estimate.
type Corrected struct {
	Point  float64 `json:"point"`
	Lo     float64 `json:"lo"`
	Hi     float64 `json:"hi"`
	Lambda float64 `json:"lambda"` // how far the graders' word was used: 0 not at all, 1 in full
}

// Interval3 is a figure with its 95 % interval.
type Interval3 struct {
	Point float64 `json:"point"`
	Lo    float64 `json:"lo"`
	Hi    float64 `json:"hi"`
}

// Confusion counts answers by what people and graders say of them.
type Confusion struct {
	BothAccept  int64 `json:"both_accept"`
	PeopleOnly  int64 `json:"people_only"`
	GradersOnly int64 `json:"graders_only"`
	BothReject  int64 `json:"both_reject"`
	Unscored    int64 `json:"unscored"` // judged by people, not by graders
}

// Agreement is raw, and beyond chance.
type Agreement struct {
	Raw   float64 `json:"raw"`
	Kappa float64 `json:"kappa"`
	AC1   float64 `json:"ac1"`
}

// Between is the agreement of two reviewers on what both judged.
type Between struct {
	A         string    `json:"a"`
	B         string    `json:"b"`
	Both      int64     `json:"both"`
	Agreement Agreement `json:"agreement"`
}

// PairResult is which of two candidates people preferred.
type PairResult struct {
	First    string     `json:"first"`
	Second   string     `json:"second"`
	Labels   int64      `json:"labels"`
	FirstN   int64      `json:"first_better"`
	SecondN  int64      `json:"second_better"`
	Both     int64      `json:"both_ok"`
	Neither  int64      `json:"both_bad"`
	Lead     *Interval3 `json:"lead"`        // share of first better − share of second better
	LeftRate *float64   `json:"left_chosen"` // of the pairs decided, how often the left one won: ½ without a bias of place
}

// BuildReview computes a review's results.
func BuildReview(run *eval.Run, review *eval.Review, items []eval.ReviewItem, labels []eval.Label, answers []eval.Answer) *ReviewResult {
	r := &ReviewResult{Schema: ReviewSchema, Review: *review, Reviewers: reviewers(labels), OnJudges: len(run.Grading.Judged) > 0}
	byItem := make(map[int][]eval.Label)
	for _, l := range labels {
		byItem[l.Item] = append(byItem[l.Item], l)
	}
	r.Between = between(byItem, r.Reviewers)
	if review.Mode == eval.ReviewPairs {
		r.Pairs = pairs(run, review, items, byItem)
		return r
	}
	cells := make(map[cellKey]*reviewCell)
	at := func(k cellKey) *reviewCell {
		c, ok := cells[k]
		if !ok {
			c = newReviewCell()
			cells[k] = c
		}
		return c
	}
	for i := range items {
		it := &items[i]
		for _, k := range keysOf(it.First, review.PerCell) {
			at(k).add(it, byItem[it.Seq])
		}
	}
	for i := range answers {
		for _, k := range keysOf(answers[i], review.PerCell) {
			if c, ok := cells[k]; ok {
				c.all(&answers[i])
			}
		}
	}
	for k, c := range cells {
		if k.candidate < len(run.Candidates) && c.out.Labels+c.out.Tied > 0 {
			r.Cells = append(r.Cells, c.result(k.taskType, run.Candidates[k.candidate].Name))
		}
	}
	sort.Slice(r.Cells, func(i, j int) bool {
		a, b := &r.Cells[i], &r.Cells[j]
		if a.TaskType != b.TaskType {
			return a.TaskType == Overall || b.TaskType != Overall && a.TaskType < b.TaskType
		}
		return a.Candidate < b.Candidate
	})
	return r
}

type cellKey struct {
	taskType  string
	candidate int
}

// keysOf are the cells that an answer belongs to. Where each cell was sampled by
// itself there is no sample of the whole.
func keysOf(a eval.Answer, perCell bool) []cellKey {
	own := cellKey{a.TaskType, a.Candidate}
	if perCell {
		return []cellKey{own}
	}
	return []cellKey{{Overall, a.Candidate}, own}
}

func reviewers(labels []eval.Label) []ReviewerLine {
	by := make(map[string]*ReviewerLine)
	for _, l := range labels {
		line, ok := by[l.Reviewer]
		if !ok {
			line = &ReviewerLine{Reviewer: l.Reviewer}
			by[l.Reviewer] = line
		}
		if l.Kind == eval.LabelSkip {
			line.Skipped++
		} else {
			line.Labels++
		}
	}
	out := make([]ReviewerLine, 0, len(by))
	for _, line := range by {
		out = append(out, *line)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Reviewer < out[j].Reviewer })
	return out
}

// good is a label as yes or no; false where it says neither.
func good(k eval.LabelKind) (yes, ok bool) {
	switch k {
	case eval.LabelAccept:
		return true, true
	case eval.LabelFix, eval.LabelReject:
		return false, true
	}
	return false, false
}

// between compares every two reviewers: on single answers by whether they accept,
// on pairs by whether they prefer the first.
func between(byItem map[int][]eval.Label, who []ReviewerLine) []Between {
	yes := func(k eval.LabelKind) (bool, bool) {
		switch k {
		case eval.LabelFirst:
			return true, true
		case eval.LabelSecond:
			return false, true
		}
		return good(k)
	}
	var out []Between
	for i := range who {
		for j := i + 1; j < len(who); j++ {
			var n [4]float64
			for _, labels := range byItem {
				var a, b *bool
				for k := range labels {
					if v, ok := yes(labels[k].Kind); ok && labels[k].Reviewer == who[i].Reviewer {
						a = &v
					} else if ok && labels[k].Reviewer == who[j].Reviewer {
						b = &v
					}
				}
				if a != nil && b != nil {
					n[quadrant(*a, *b)]++
				}
			}
			if agree, ok := stats.Agree(n[0], n[1], n[2], n[3]); ok {
				out = append(out, Between{who[i].Reviewer, who[j].Reviewer, int64(n[0] + n[1] + n[2] + n[3]), Agreement{agree.Observed, agree.Kappa, agree.AC1}})
			}
		}
	}
	return out
}

// quadrant is 0 for both, 1 for the first only, 2 for the second only, 3 for none.
func quadrant(a, b bool) int {
	switch {
	case a && b:
		return 0
	case a:
		return 1
	case b:
		return 2
	}
	return 3
}

func pairs(run *eval.Run, review *eval.Review, items []eval.ReviewItem, byItem map[int][]eval.Label) *PairResult {
	p := &PairResult{}
	if len(review.Candidates) == 2 && review.Candidates[0] < len(run.Candidates) && review.Candidates[1] < len(run.Candidates) {
		p.First, p.Second = run.Candidates[review.Candidates[0]].Name, run.Candidates[review.Candidates[1]].Name
	}
	left := int64(0)
	for i := range items {
		it := &items[i]
		var votes [4]int
		for _, l := range byItem[it.Seq] {
			switch l.Kind {
			case eval.LabelFirst:
				votes[0]++
			case eval.LabelSecond:
				votes[1]++
			case eval.LabelBoth:
				votes[2]++
			case eval.LabelNeither:
				votes[3]++
			}
		}
		k, ok := most(votes[:])
		if !ok {
			continue
		}
		p.Labels++
		*[]*int64{&p.FirstN, &p.SecondN, &p.Both, &p.Neither}[k]++
		if k < 2 && (k == 0) != it.Swapped {
			left++
		}
	}
	if p.Labels > 0 {
		t := stats.Pairs{B: float64(p.FirstN), C: float64(p.SecondN), N: float64(p.Labels)}
		iv := stats.TangoCI(t, confidence)
		p.Lead = &Interval3{t.Difference(), iv.Lo, iv.Hi}
	}
	if n := p.FirstN + p.SecondN; n > 0 {
		rate := float64(left) / float64(n)
		p.LeftRate = &rate
	}
	return p
}

// most is the vote that more reviewers gave than any other.
func most(votes []int) (int, bool) {
	best, tied := 0, false
	for i := 1; i < len(votes); i++ {
		switch {
		case votes[i] > votes[best]:
			best, tied = i, false
		case votes[i] == votes[best]:
			tied = true
		}
	}
	return best, votes[best] > 0 && !tied
}

// missing says what the corrected figure lacks.
func missing(labels, rejections float64) string {
	return "it takes " + strconv.Itoa(stats.PPIMinLabels) + " labels with " + strconv.Itoa(stats.PPIMinRejections) + " rejections; there are " +
		strconv.Itoa(int(labels)) + " with " + strconv.Itoa(int(rejections))
}
