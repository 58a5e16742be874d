package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"infer/eval"
)

// Overrule stores a person's choice against a decision. It fails with
// eval.KindInvalid where the reason is empty or the run has no such candidate.
func (s *Store) Overrule(ctx context.Context, runID string, o eval.Overruling) error {
	if o.Reason == "" {
		return eval.Invalid(errors.New("a choice against the evidence needs its reason"), "say why in a few words")
	}
	run, err := s.Run(ctx, runID)
	if err != nil {
		return err
	}
	known := o.Default == ""
	for i := range run.Candidates {
		known = known || run.Candidates[i].Name == o.Default
	}
	if !known {
		return eval.Invalid(fmt.Errorf("run %s has no candidate %s", run.ID, eval.Untrusted(o.Default).Line(60)), "`infer runs show` lists its candidates")
	}
	us := s.now().UnixMicro()
	return explain(s.path, s.w.wait(ctx, func(t *tx) error {
		return t.exec("INSERT INTO overrulings (run, task_type, candidate, reason, at_us) VALUES ((SELECT id FROM runs WHERE key = ?), ?, ?, ?, ?)",
			run.ID, o.TaskType, o.Default, o.Reason, us)
	}))
}

// Overrulings returns the choice that counts for each task type that has one, by
// name.
func (s *Store) Overrulings(ctx context.Context, runID string) ([]eval.Overruling, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT o.task_type, o.candidate, o.reason, o.at_us FROM overrulings o JOIN runs r ON r.id = o.run
		WHERE r.key = ? AND o.id = (SELECT max(id) FROM overrulings WHERE run = o.run AND task_type = o.task_type) AND o.candidate <> '' ORDER BY o.task_type`, runID)
	if err != nil {
		return nil, explain(s.path, err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err is checked
	var out []eval.Overruling
	for rows.Next() {
		var o eval.Overruling
		var us int64
		if err := rows.Scan(&o.TaskType, &o.Default, &o.Reason, &us); err != nil {
			return nil, explain(s.path, err)
		}
		o.At = time.UnixMicro(us).UTC()
		out = append(out, o)
	}
	return out, explain(s.path, rows.Err())
}
