package cmd

import (
	"encoding/json"
	"fmt"

	"infer/datasets/importer"
	"infer/eval"
)

// imported is what the first pass over a file finds.
type imported struct {
	digest     string
	tasks      []*eval.Task
	seq        map[[2]string]int // by task type and id
	candidates []eval.Candidate
	index      map[string]int
	repeats    int
	volume     map[string]int64
	trials     int
	told       map[int]bool       // candidates with a cost
	spent      map[int]eval.Money // by candidate
}

// survey reads the file once: which tasks, candidates and repeats there are.
func (o *importOptions) survey() (*imported, error) {
	found := &imported{seq: make(map[[2]string]int), index: make(map[string]int), volume: make(map[string]int64), told: make(map[int]bool), spent: make(map[int]eval.Money)}
	type cell struct{ task, candidate, repeat int }
	seen := make(map[cell]bool)
	var err error
	found.digest, err = o.outcomes(func(row importer.Outcome) error {
		seq := found.task(&row)
		c := found.candidate(&row)
		key := cell{seq, c, row.Repeat}
		if seen[key] {
			return eval.Invalid(fmt.Errorf("task %s has two outcomes of %s in repeat %d", eval.Untrusted(row.TaskID).Line(60), eval.Untrusted(row.Candidate).Line(60), row.Repeat),
				"number repeats of one task by one candidate in a column repeat, from 0")
		}
		seen[key] = true
		found.trials++
		if row.Cost != nil {
			found.told[c], found.spent[c] = true, found.spent[c]+*row.Cost
		}
		found.repeats = max(found.repeats, row.Repeat+1)
		if row.Volume != nil {
			found.volume[row.TaskType] = *row.Volume
		}
		return nil
	})
	if err == nil && found.trials == 0 {
		err = eval.Invalid(fmt.Errorf("%s holds no outcomes", o.file), "each row is task_id, task_type, candidate, accepted")
	}
	return found, err
}

// tellUnpriced names the candidates whose costs are taken as unknown.
func (o *importOptions) tellUnpriced(f *imported) {
	for i := range f.candidates {
		if f.told[i] && f.spent[i] == 0 && !o.free && !o.app.Quiet {
			_, _ = fmt.Fprintf(o.app.Err, "warning: every cost of %s is 0, so no price was known and they are unknown; --zero-is-free if it costs nothing\n", eval.Untrusted(f.candidates[i].Name).Line(60))
		}
	}
}

// task returns the position of the row's task, which it adds where it is new.
func (f *imported) task(row *importer.Outcome) int {
	key := [2]string{row.TaskType, row.TaskID}
	if seq, ok := f.seq[key]; ok {
		return seq
	}
	raw, err := json.Marshal(map[string]string{"id": row.TaskID, "task_type": row.TaskType, "group": row.Group})
	if err != nil {
		raw = []byte("{}") // strings always encode
	}
	t := &eval.Task{Seq: len(f.tasks), ID: row.TaskID, Type: row.TaskType, Group: row.Group, Raw: raw, Digest: eval.DigestOf(raw), File: "imported", Line: len(f.tasks) + 1}
	f.seq[key] = t.Seq
	f.tasks = append(f.tasks, t)
	return t.Seq
}

func (f *imported) candidate(row *importer.Outcome) int {
	if i, ok := f.index[row.Candidate]; ok {
		return i
	}
	f.index[row.Candidate] = len(f.candidates)
	f.candidates = append(f.candidates, eval.Candidate{Name: row.Candidate, Provider: row.Provider, Model: row.Candidate, Host: row.Provider})
	return len(f.candidates) - 1
}
