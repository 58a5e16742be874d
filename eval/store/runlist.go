package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"infer/eval"
)

// RunInfo is one line of a list of runs.
type RunInfo struct {
	ID        string
	Name      string
	State     eval.RunState
	CreatedAt time.Time
	UpdatedAt time.Time
	Dataset   eval.Dataset
	Tasks     int      // in the plan
	Models    []string // candidate names
	Planned   int
	Trials    int64
	Accepted  int64
	Cost      eval.Cost
}

// Runs lists the runs, newest first.
func (s *Store) Runs(ctx context.Context) ([]RunInfo, error) {
	rows, err := s.read.QueryContext(ctx, "SELECT body, state, updated_us FROM runs ORDER BY updated_us DESC, id DESC")
	if err != nil {
		return nil, explain(s.path, err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err is checked
	var infos []RunInfo
	var plans [][]eval.Candidate
	for rows.Next() {
		var body, state string
		var us int64
		var run eval.Run
		if err := rows.Scan(&body, &state, &us); err != nil {
			return nil, explain(s.path, err)
		}
		if err := json.Unmarshal([]byte(body), &run); err != nil {
			return nil, fmt.Errorf("read plan of a run: %w", err)
		}
		info := RunInfo{ID: run.ID, Name: run.Name, State: eval.RunState(state), CreatedAt: run.CreatedAt,
			UpdatedAt: time.UnixMicro(us).UTC(), Dataset: run.Dataset, Tasks: run.Tasks(), Planned: run.Planned()}
		for i := range run.Candidates {
			info.Models = append(info.Models, run.Candidates[i].Name)
		}
		infos, plans = append(infos, info), append(plans, run.Candidates)
	}
	if err := rows.Err(); err != nil {
		return nil, explain(s.path, err)
	}
	for i := range infos {
		if err := s.count(ctx, &infos[i], plans[i]); err != nil {
			return nil, err
		}
	}
	return infos, nil
}

// count fills in what the run's roll-ups say of the candidates that were called.
func (s *Store) count(ctx context.Context, info *RunInfo, candidates []eval.Candidate) error {
	cells, err := s.Cells(ctx, info.ID)
	if err != nil {
		return err
	}
	for i := range cells {
		if k := cells[i].Candidate; cells[i].TaskType == allTypes && k < len(candidates) && !candidates[k].Recorded {
			info.Trials += cells[i].N
			info.Accepted += cells[i].Accepted
			info.Cost = info.Cost.Plus(cells[i].Cost())
		}
	}
	return nil
}
