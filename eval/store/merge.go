package store

import (
	"context"
	"fmt"

	"infer/eval"
)

// Merged says what a merge did.
type Merged struct {
	Trials  int64 // copied
	Skipped int64 // had an outcome here already
}

// MergeRun copies the trials of a run of another store into the run of the same
// ID here, which it makes if it is not there. Both must be about the same tasks
// by the same graders: a mismatch is eval.KindInvalid. Trials that this store has
// are left as they are.
func (s *Store) MergeRun(ctx context.Context, from *Store, run *eval.Run) (Merged, error) {
	var m Merged
	if old, err := s.Run(ctx, run.ID); err == nil {
		if old.Dataset.Digest != run.Dataset.Digest || old.Grading.Digest != run.Grading.Digest {
			return m, eval.Invalid(fmt.Errorf("run %s of %s is about other tasks or other graders", run.ID, from.path), "merge parts of one evaluation: the same dataset, the same infer.yaml")
		}
	}
	theirs := append([]eval.Candidate(nil), run.Candidates...)
	if _, err := s.StartRun(ctx, run); err != nil {
		return m, err
	}
	index, err := match(theirs, run.Candidates)
	if err != nil {
		return m, err
	}
	j, err := s.Journal(ctx, run)
	if err != nil {
		return m, err
	}
	if j.clusters, err = copyTasks(ctx, j, from, run.ID); err != nil {
		return m, err
	}
	done, err := s.Done(ctx, run.ID, nil)
	if err != nil {
		return m, err
	}
	for t, err := range from.Trials(ctx, run.ID, Filter{}) {
		if err != nil {
			return m, err
		}
		t.Candidate = index[t.Candidate]
		if done.Has(t.TaskSeq, t.Candidate, t.Repeat) {
			m.Skipped++
			continue
		}
		if err := j.Record(ctx, t); err != nil {
			return m, err
		}
		m.Trials++
	}
	if err := j.Flush(ctx); err != nil {
		return m, err
	}
	if err := copyLost(ctx, j, from, run.ID, index); err != nil {
		return m, err
	}
	state := eval.RunIncomplete
	if have, err := s.Done(ctx, run.ID, nil); err == nil && have.Len() >= int64(run.Planned()) {
		state = eval.RunComplete
	}
	return m, s.FinishRun(ctx, run.ID, state)
}

// match finds each candidate's index in the merged plan.
func match(theirs, merged []eval.Candidate) ([]int, error) {
	at := make(map[eval.Digest]int, len(merged))
	for i := range merged {
		at[merged[i].Digest()] = i
	}
	index := make([]int, len(theirs))
	for i := range theirs {
		k, ok := at[theirs[i].Digest()]
		if !ok {
			return nil, fmt.Errorf("candidate %s is not in the merged plan", eval.Untrusted(theirs[i].Name).Line(80))
		}
		index[i] = k
	}
	return index, nil
}

// copyLost copies the calls that nobody knows the outcome of.
func copyLost(ctx context.Context, j *Journal, from *Store, runID string, index []int) error {
	rows, err := from.read.QueryContext(ctx, "SELECT l.candidate, l.task, l.repeat, l.attempt, l.at_us FROM lost l JOIN runs r ON r.id = l.run WHERE r.key = ?", runID)
	if err != nil {
		return explain(from.path, err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err is checked
	var lost [][5]int64
	for rows.Next() {
		var l [5]int64
		if err := rows.Scan(&l[0], &l[1], &l[2], &l[3], &l[4]); err != nil {
			return explain(from.path, err)
		}
		if l[0] < 0 || l[0] >= int64(len(index)) {
			return fmt.Errorf("lost call of candidate %d, but the plan has %d", l[0], len(index))
		}
		l[0] = int64(index[l[0]])
		lost = append(lost, l)
	}
	if err := rows.Err(); err != nil {
		return explain(from.path, err)
	}
	return explain(j.s.path, j.s.w.wait(ctx, func(t *tx) error {
		for _, l := range lost {
			if err := t.exec("INSERT INTO lost (run, candidate, task, repeat, attempt, at_us) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
				j.run, l[0], l[1], l[2], l[3], l[4]); err != nil {
				return err
			}
		}
		return nil
	}))
}

// mergeBlock is how many tasks one transaction copies.
const mergeBlock = 1000

// taskRow is a row of tasks as it is stored.
type taskRow struct {
	seq, cluster, line        int64
	id, kind, inputType, file string
	raw                       []byte
}

// copyTasks copies the rows of a run's tasks and returns the cluster of each.
func copyTasks(ctx context.Context, j *Journal, from *Store, runID string) (map[int]int64, error) {
	rows, err := from.read.QueryContext(ctx, `SELECT k.seq, k.task_id, n.name, k.cluster, k.input_type, f.name, k.line, p.codec, p.body
		FROM tasks k JOIN runs r ON r.id = k.run JOIN names n ON n.id = k.type JOIN names f ON f.id = k.file JOIN payloads p ON p.digest = k.payload
		WHERE r.key = ? ORDER BY k.seq`, runID)
	if err != nil {
		return nil, explain(from.path, err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err is checked
	clusters := make(map[int]int64)
	block := make([]taskRow, 0, mergeBlock)
	for rows.Next() {
		var r taskRow
		var codec int
		var body []byte
		err := rows.Scan(&r.seq, &r.id, &r.kind, &r.cluster, &r.inputType, &r.file, &r.line, &codec, &body)
		if err == nil {
			r.raw, err = from.unpack(codec, body)
		}
		if err != nil {
			return nil, explain(from.path, err)
		}
		clusters[int(r.seq)] = r.cluster
		if block = append(block, r); len(block) == mergeBlock {
			if err := j.addRows(ctx, block); err != nil {
				return nil, err
			}
			block = block[:0]
		}
	}
	if err := rows.Err(); err != nil {
		return nil, explain(from.path, err)
	}
	return clusters, j.addRows(ctx, block)
}

func (j *Journal) addRows(ctx context.Context, block []taskRow) error {
	return explain(j.s.path, j.s.w.wait(ctx, func(t *tx) error {
		for i := range block {
			if err := insertTask(t, j.run, &block[i]); err != nil {
				return fmt.Errorf("store task %s: %w", eval.Untrusted(block[i].id).Line(80), err)
			}
		}
		return nil
	}))
}
