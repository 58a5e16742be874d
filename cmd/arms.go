package cmd

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"infer/eval"
	"infer/eval/store"
	"infer/scoring/decide"
)

// arm is one side of a comparison: a candidate of a run.
type arm struct {
	gradedRun
	candidate int
	name      string
}

// findArm reads CANDIDATE, RUN:CANDIDATE or RUN; a candidate alone is one of the run
// base, and a run alone must have one candidate. RUN may end in @N.
func findArm(ctx context.Context, s *store.Store, base gradedRun, ref string) (arm, error) {
	if i := candidateIndex(base.run, ref); i >= 0 {
		return arm{base, i, ref}, nil
	}
	for cut := strings.Index(ref, ":"); cut >= 0; { // a candidate's name may hold a colon too
		g, err := findRun(ctx, s, ref[:cut])
		if err == nil {
			name := ref[cut+1:]
			i := candidateIndex(g.run, name)
			if i < 0 {
				return arm{}, unknownCandidate(g.run, name)
			}
			return arm{g, i, ref}, nil
		}
		next := strings.Index(ref[cut+1:], ":")
		if next < 0 {
			break
		}
		cut += 1 + next
	}
	g, err := findRun(ctx, s, ref)
	if err != nil {
		return arm{}, unknownCandidate(base.run, ref)
	}
	if len(g.run.Candidates) != 1 {
		names := make([]string, len(g.run.Candidates))
		for i := range names {
			names[i] = g.run.Candidates[i].Name
		}
		return arm{}, eval.Invalid(fmt.Errorf("run %s has %d candidates", g.run.ID, len(names)),
			fmt.Sprintf("name one: %s:%s", ref, eval.Untrusted(strings.Join(names, ", "+ref+":")).Line(300)))
	}
	return arm{g, 0, ref}, nil
}

// taskTable numbers tasks across runs: the same id with the same line has the same
// number.
type taskTable struct {
	ids     []string
	numbers map[taskIdentity]int32
	digests map[string]eval.Digest // by task type and id
	changed []string               // ids whose line is another one in a later run
}

type taskIdentity struct {
	kind, id string
	digest   eval.Digest
}

func newTaskTable() *taskTable {
	return &taskTable{numbers: make(map[taskIdentity]int32), digests: make(map[string]eval.Digest)}
}

// add numbers the tasks of a run and returns its own numbering.
func (t *taskTable) add(ctx context.Context, s *store.Store, runID string) (map[int32]int32, error) {
	out := make(map[int32]int32)
	for k, err := range s.TaskKeys(ctx, runID) {
		if err != nil {
			return nil, err
		}
		out[int32(k.Seq)] = t.number(k.Type, k.ID, k.Digest)
	}
	return out, nil
}

func (t *taskTable) number(kind, id string, digest eval.Digest) int32 {
	key := taskIdentity{kind, id, digest}
	if n, ok := t.numbers[key]; ok {
		return n
	}
	name := kind + "\x00" + id
	if old, ok := t.digests[name]; ok && old != digest {
		t.changed = append(t.changed, id)
	} else {
		t.digests[name] = digest
	}
	n := int32(len(t.ids))
	t.numbers[key] = n
	t.ids = append(t.ids, id)
	return n
}

func (t *taskTable) id(seq int32) string { return t.ids[seq] }

// armEvidence reads the outcomes of the arms into one evidence, task by task.
func armEvidence(ctx context.Context, s *store.Store, arms []arm) (*decide.Evidence, *taskTable, error) {
	table := newTaskTable()
	types, at := []string{}, make(map[string]int32)
	for _, a := range arms {
		names, err := s.TaskTypes(ctx, a.run.ID)
		if err != nil {
			return nil, nil, err
		}
		for _, n := range names {
			if _, ok := at[n]; !ok {
				at[n] = int32(len(types))
				types = append(types, n)
			}
		}
	}
	b := decide.NewBuilder(types, len(arms))
	for i, a := range arms {
		numbers, err := table.add(ctx, s, a.run.ID)
		if err != nil {
			return nil, nil, err
		}
		if err := addArm(ctx, s, b, a, i, types, numbers); err != nil {
			return nil, nil, err
		}
	}
	e, err := b.Evidence()
	return e, table, err
}

// addArm adds one arm's outcomes. A cluster is named by its first task, since two
// runs number clusters differently.
func addArm(ctx context.Context, s *store.Store, b *decide.Builder, a arm, index int, types []string, numbers map[int32]int32) error {
	clusters := make(map[int32]int32)
	for o, err := range s.OutcomesAt(ctx, a.run.ID, types, a.at) {
		if err != nil {
			return err
		}
		if int(o.Candidate) != a.candidate {
			continue
		}
		n, ok := numbers[o.TaskSeq]
		if !ok {
			return errors.New("an outcome of a task that the run does not have")
		}
		first, ok := clusters[o.Cluster]
		if !ok {
			first = n
			clusters[o.Cluster] = n
		}
		o.TaskSeq, o.Cluster, o.Candidate = n, first, int32(index)
		if err := b.Add(&o); err != nil {
			return err
		}
	}
	return nil
}

// kindOf says what the first run that knows a task type says of it; slo and margin
// go before it where they are set.
func kindOf(arms []arm, margin float64, slo int64) func(string) eval.TaskType {
	return func(name string) eval.TaskType {
		kind := eval.TaskType{Name: name, Class: eval.LowRisk, Margin: defaultCompareMargin}
		for _, a := range arms {
			for _, t := range a.run.TaskTypes {
				if t.Name == name {
					kind = t
				}
			}
		}
		if margin > 0 {
			kind.Margin = margin
		}
		if slo > 0 {
			kind.SLO = asDuration(slo)
		}
		if kind.Margin <= 0 {
			kind.Margin = defaultCompareMargin
		}
		return kind
	}
}
