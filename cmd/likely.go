package cmd

import (
	"context"

	"infer/eval"
	"infer/eval/store"
	"infer/report"
)

// experience is what trials of a candidate cost before, by task type.
type experience struct {
	run  string // that it is of
	mean map[string]float64
}

// experiences finds for each candidate the newest run in which the very same one was
// called in the same way, on whatever tasks; nil = none.
func (p *plan) experiences(ctx context.Context) []*experience {
	out := make([]*experience, len(p.run.Candidates))
	s, err := store.OpenReadOnly(ctx, p.cfg.StorePath)
	if err != nil {
		return out // no store yet
	}
	defer s.Close() //nolint:errcheck // opened for reading only
	infos, err := s.Runs(ctx)
	if err != nil {
		return out // what they cost is a help, not a condition
	}
	for _, info := range infos {
		run, err := s.Run(ctx, info.ID)
		if err != nil || run.Imported || run.Batched != p.run.Batched {
			continue
		}
		cells, err := s.Cells(ctx, run.ID)
		if err != nil {
			continue
		}
		for i := range out {
			for k := range run.Candidates {
				if out[i] == nil && run.Candidates[k].Digest() == p.run.Candidates[i].Digest() {
					out[i] = experienced(run.ID, cells, k)
				}
			}
		}
	}
	return out
}

// experienced are the mean costs of the calls of a candidate's trials; nil where one of
// them is unknown.
func experienced(run string, cells []eval.Cell, candidate int) *experience {
	e := &experience{run: run, mean: make(map[string]float64)}
	for i := range cells {
		c := &cells[i]
		if c.Candidate != candidate || c.TaskType == report.Overall || c.N == 0 {
			continue
		}
		calls := c.Split
		calls.Repair = eval.Exactly(0)
		cost := calls.Final()
		if !cost.Known() {
			return nil
		}
		e.mean[c.TaskType] = cost.Low.Float() / float64(c.N)
	}
	if len(e.mean) == 0 {
		return nil
	}
	return e
}

// likely adds what one more trial is likely to cost; it forgets everything where nothing
// is known of the type.
func (f *forecast) likely(e *experience, taskType string) {
	if e == nil {
		return
	}
	mean, ok := e.mean[taskType]
	if !ok {
		f.unlikely, f.Likely = true, nil
		return
	}
	if f.unlikely {
		return
	}
	if f.Likely == nil {
		f.Likely, f.LikelyFrom = new(float64), e.run
	}
	*f.Likely += mean
}
