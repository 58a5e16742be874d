package decide

import (
	"fmt"
	"strings"
)

// common returns the evidence on the tasks that all the given candidates have a
// trial of, how many tasks are left out, and which candidates lack how many.
func (e *Evidence) common(cand []int, names []string) (*Evidence, int, string) {
	missing, left := make([]int, len(cand)), 0
	out := &Evidence{candidates: e.candidates}
	for _, t := range e.types {
		keep := make([]bool, len(t.seqs))
		n := 0
		for v := range t.tasks {
			keep[v.place] = true
			for i, c := range cand {
				if len(v.trials[c]) == 0 {
					missing[i]++
					keep[v.place] = false
				}
			}
			if keep[v.place] {
				n++
			}
		}
		left += len(t.seqs) - n
		if n > 0 {
			out.types = append(out.types, t.filter(keep))
		}
	}
	if left == 0 {
		return e, 0, ""
	}
	var parts []string
	for i, n := range missing {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%s lacks %d", named(names[i]), n))
		}
	}
	return out, left, strings.Join(parts, ", ")
}

// filter keeps the tasks at the marked places.
func (t *typeData) filter(keep []bool) *typeData {
	out := &typeData{name: t.name, trials: make([][]row, len(t.trials))}
	place := make([]int32, len(keep))
	for i, k := range keep {
		if k {
			place[i] = int32(len(out.seqs))
			out.seqs, out.clusters = append(out.seqs, t.seqs[i]), append(out.clusters, t.clusters[i])
		}
	}
	for c, rows := range t.trials {
		for _, r := range rows {
			if keep[r.task] {
				r.task = place[r.task]
				out.trials[c] = append(out.trials[c], r)
			}
		}
	}
	return out
}

// only is the evidence on the candidates at the given places, in that order.
func (e *Evidence) only(cand []int) *Evidence {
	out := &Evidence{candidates: len(cand)}
	for _, t := range e.types {
		n := &typeData{name: t.name, seqs: t.seqs, clusters: t.clusters, trials: make([][]row, len(cand))}
		for i, c := range cand {
			n.trials[i] = t.trials[c]
		}
		out.types = append(out.types, n)
	}
	return out
}
