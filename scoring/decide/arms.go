package decide

import (
	"errors"
	"fmt"

	"infer/eval"
	"infer/scoring/stats"
)

// Overall is the task type of what holds over all of them.
const Overall = "*"

// Arms is what a comparison rests on: evidence whose candidates are the arms.
type Arms struct {
	Names    []string
	Evidence *Evidence
	Kind     func(taskType string) eval.TaskType // margin and service level; Overall too
	ID       func(seq int32) string              // the task's name
	Alpha    float64
	// AllowPartial compares on the tasks that all arms have.
	AllowPartial bool
}

// ErrNothingCommon is returned where arms share no task.
var ErrNothingCommon = errors.New("the arms have no task in common")

// Compare compares every arm with every later one, on each task type and over all
// of them. It fails with ErrUnequal where the arms have different tasks, unless
// partial evidence is allowed.
func Compare(a Arms) (*eval.ComparisonTable, error) {
	all := make([]int, len(a.Names))
	for i := range all {
		all[i] = i
	}
	out := &eval.ComparisonTable{Schema: eval.ComparisonSchema, Arms: a.Names, Types: []eval.TypeComparison{}, Warnings: []string{}}
	e, left, detail := a.Evidence.common(all, a.Names)
	if left > 0 && !a.AllowPartial {
		return nil, eval.WithHint(eval.KindIncomplete, fmt.Errorf("%w: %s", ErrUnequal, detail), "compare on the tasks that they have in common with --allow-partial")
	}
	if len(e.types) == 0 {
		return nil, eval.WithHint(eval.KindIncomplete, ErrNothingCommon, "compare runs of the same dataset")
	}
	if left > 0 {
		out.Warnings = append(out.Warnings, fmt.Sprintf("compared on the tasks that all have in common; %d tasks are left out (%s)", left, detail))
	}
	types := e.types
	if len(types) > 1 {
		types = append([]*typeData{e.merged()}, types...)
	}
	for _, t := range types {
		out.Types = append(out.Types, a.compareType(t, all))
	}
	return out, nil
}

// merged is all task types as one.
func (e *Evidence) merged() *typeData {
	rows := make([][]row, e.candidates)
	for _, t := range e.types {
		for c := range t.trials {
			for _, r := range t.trials[c] {
				r.cluster, r.task = t.clusters[r.task], t.seqs[r.task]
				rows[c] = append(rows[c], r)
			}
		}
	}
	m, err := arrange(Overall, rows)
	if err != nil { // a task is of one type only, so nothing can be there twice
		return &typeData{name: Overall, trials: make([][]row, e.candidates)}
	}
	return m
}

func (a *Arms) compareType(t *typeData, all []int) eval.TypeComparison {
	kind := a.Kind(t.name)
	s := sum(t, all, kind.SLO.Microseconds(), 0)
	d := newDecider(kind, eval.GateLimits{}, a.Alpha, 1, -1, make([]string, len(all)), s)
	v := s.columns.view()
	v.load(nil)
	separate := d.separation(v)
	flips := t.flips(len(all))
	out := eval.TypeComparison{TaskType: t.name, Margin: kind.Margin, Tasks: int64(s.tasks)}
	for i := range all {
		for j := i + 1; j < len(all); j++ {
			p := s.pair(i, j)
			at := pairIndex(i, j, len(all))
			c := eval.PairComparison{A: a.Names[i], B: a.Names[j], AcceptedA: rateFigure(s.cand[i].rate), AcceptedB: rateFigure(s.cand[j].rate),
				CostA: costFigure(&s.cand[i]), CostB: costFigure(&s.cand[j]), FlipsA: a.ids(flips[at][0]), FlipsB: a.ids(flips[at][1]),
				Comparison: comparison(a.Names[i], a.Names[j], &p, kind.Margin, a.Alpha, a.Alpha/float64(max(1, len(all)-1)), separate[at], d.priced(i) && d.priced(j))}
			if kind.SLO > 0 && p.over.N > 0 {
				c.SlowA, c.SlowB, c.Slower = slow(s, i), slow(s, j), slower(&p)
			}
			out.Pairs = append(out.Pairs, c)
		}
	}
	return out
}

func slow(s *typeSums, i int) *int64 {
	n := int64(s.cand[i].over.T)
	return &n
}

// slower is the difference of the shares above the service level with Tango's
// interval.
func slower(p *pairSums) *eval.Figure {
	eff := p.over.Effective()
	d, iv := eff.Difference(), stats.TangoCI(eff, confidence)
	return &eval.Figure{Point: &d, Lo: &iv.Lo, Hi: &iv.Hi}
}

func (a *Arms) ids(seqs []int32) []string {
	out := make([]string, len(seqs))
	for i, s := range seqs {
		out[i] = a.ID(s)
	}
	return out
}

// flips are, for each pair of candidates, the tasks that only the first and that
// only the second got accepted more often than not.
func (t *typeData) flips(k int) [][2][]int32 {
	out := make([][2][]int32, k*(k-1)/2)
	won := make([]bool, k)
	judged := make([]bool, k)
	scratch := new(candSums)
	for v := range t.tasks {
		for c := range k {
			s := scratch.task(v.trials[c], 0)
			judged[c], won[c] = s.judged > 0, s.judged > 0 && s.mean > 0.5
		}
		for i := range k {
			for j := i + 1; j < k; j++ {
				if !judged[i] || !judged[j] || won[i] == won[j] {
					continue
				}
				side := 0
				if won[j] {
					side = 1
				}
				p := pairIndex(i, j, k)
				out[p][side] = append(out[p][side], v.seq)
			}
		}
	}
	return out
}
