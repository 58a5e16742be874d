package cmd

import (
	"context"

	"infer/eval"
	"infer/eval/store"
	"infer/report"
	"infer/scoring/decide"
)

// cellOf names a cell of a run.
type cellOf struct {
	taskType  string
	candidate int
}

// checkedByPeople is what people's labels make of acceptance that rests on judges,
// by cell: from the review with the most labels there.
func checkedByPeople(ctx context.Context, s *store.Store, run *eval.Run) (func(taskType string, candidate int) *decide.Checked, error) {
	out := make(map[cellOf]*decide.Checked)
	find := func(taskType string, candidate int) *decide.Checked { return out[cellOf{taskType, candidate}] }
	if len(run.Grading.Judged) == 0 {
		return find, nil
	}
	reviews, err := s.Reviews(ctx, run.ID)
	if err != nil || len(reviews) == 0 {
		return find, err
	}
	var answers []eval.Answer
	for a, err := range s.Answers(ctx, run.ID) {
		if err != nil {
			return nil, err
		}
		answers = append(answers, a)
	}
	for i := range reviews {
		if reviews[i].Mode == eval.ReviewPairs {
			continue
		}
		items, err := s.ReviewItems(ctx, reviews[i].ID)
		if err != nil {
			return nil, err
		}
		labels, err := s.Labels(ctx, reviews[i].ID)
		if err != nil {
			return nil, err
		}
		for _, c := range report.BuildReview(run, &reviews[i], items, labels, answers).Cells {
			key := cellOf{c.TaskType, candidateIndex(run, c.Candidate)}
			if out[key] != nil && out[key].Labels >= c.Labels {
				continue
			}
			switch {
			case c.Corrected != nil:
				out[key] = &decide.Checked{Point: c.Corrected.Point, Lo: c.Corrected.Lo, Hi: c.Corrected.Hi, Labels: c.Labels}
			case c.People.Point != nil: // too few labels, or too few rejections among them
				out[key] = &decide.Checked{Point: *c.People.Point, Lo: *c.People.Lo, Hi: *c.People.Hi, Labels: c.Labels, Alone: true}
			}
		}
	}
	return find, nil
}
