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
func checkedByPeople(ctx context.Context, s *store.Store, run *eval.Run) (map[cellOf]*decide.Checked, error) {
	out := make(map[cellOf]*decide.Checked)
	if len(run.Grading.Judged) == 0 {
		return out, nil
	}
	reviews, err := s.Reviews(ctx, run.ID)
	if err != nil || len(reviews) == 0 {
		return out, err
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
			if c.Corrected == nil || out[key] != nil && out[key].Labels >= c.Labels {
				continue
			}
			out[key] = &decide.Checked{Point: c.Corrected.Point, Lo: c.Corrected.Lo, Hi: c.Corrected.Hi, Labels: c.Labels}
		}
	}
	return out, nil
}
