package store

import (
	"context"
	"fmt"
	"iter"

	"infer/eval"
)

// TaskKey names a task across runs: the same id with the same line is the same
// task.
type TaskKey struct {
	Seq    int
	ID     string
	Type   string
	Digest eval.Digest // of the dataset line
}

// TaskKeys streams what names each task of a run, in the dataset's order.
func (s *Store) TaskKeys(ctx context.Context, runID string) iter.Seq2[TaskKey, error] {
	return func(yield func(TaskKey, error) bool) {
		rows, err := s.read.QueryContext(ctx, `SELECT k.seq, k.task_id, n.name, k.payload FROM tasks k JOIN names n ON n.id = k.type
			WHERE k.run = (SELECT id FROM runs WHERE key = ?) ORDER BY k.seq`, runID)
		if err != nil {
			yield(TaskKey{}, explain(s.path, err))
			return
		}
		defer rows.Close() //nolint:errcheck // rows.Err is checked
		for rows.Next() {
			var k TaskKey
			var digest []byte
			if err := rows.Scan(&k.Seq, &k.ID, &k.Type, &digest); err != nil {
				yield(k, explain(s.path, fmt.Errorf("read tasks: %w", err)))
				return
			}
			copy(k.Digest[:], digest)
			if !yield(k, nil) {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(TaskKey{}, explain(s.path, err))
		}
	}
}
