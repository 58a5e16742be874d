// Package decide turns the outcomes of a run into decisions: which candidate
// should be the default for each task type, which one its backup, and by which
// rules; what a policy would have achieved; which candidates a race may stop; and
// whether a gate passes. The mathematics are package stats', the rules are here,
// and both are fixed before a run is looked at.
//
// Outcomes may come in any order and in parts; the same outcomes give the same
// decisions, bit for bit. Nothing here calls a provider, reads a file or knows
// the store. Not guaranteed: anything about tasks other than those recorded.
package decide

import (
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"

	"infer/eval"
)

// row is one trial in the columns.
type row struct {
	low, high int64 // cost in pico-USD; high −1: no upper end is known
	latency   int64 // user-visible µs, −1 unknown
	task      int32 // TaskSeq, and after sorting the task's place in its type
	cluster   int32
	repeat    int32
	attempts  int16
	retries   int16
	verdict   uint8
	class     uint8
	flags     uint8
}

// The flags of a row.
const (
	flagFallback = 1 << iota
	flagFirstTry
	flagHumanFix
	flagCritical
)

// The codes of verdicts and classes are their places in eval.Verdicts and
// eval.Classes, from 1; 0 is none.
var (
	verdicts     = eval.Verdicts()
	classes      = eval.Classes()
	verdictCodes = codes(verdicts)
	classCodes   = codes(classes)
	kinds        = kindTable()
)

func codes[T comparable](list []T) map[T]uint8 {
	m := make(map[T]uint8, len(list))
	for i, v := range list {
		m[v] = uint8(i + 1)
	}
	return m
}

// kind is what an outcome means to a decision.
type kind struct {
	judged   bool // says something of the candidate
	failed   bool // no usable answer came
	accepted bool
	outage   bool // failed because the provider could not be reached or refused
}

// kindTable tells the kind of every pair of verdict and class code.
func kindTable() [][]kind {
	table := make([][]kind, len(verdicts)+1)
	for v := range table {
		table[v] = make([]kind, len(classes)+1)
		if v == 0 {
			continue
		}
		for c := range table[v] {
			var class eval.Class
			if c > 0 {
				class = classes[c-1]
			}
			verdict := verdicts[v-1]
			k := kind{judged: eval.Judged(verdict, class), accepted: verdict == eval.Accepted,
				failed: verdict == eval.Errored || verdict == eval.NeedsConfirmation}
			k.outage = k.judged && k.failed && class.Fault() != "model"
			table[v][c] = k
		}
	}
	return table
}

func (r *row) kind() *kind { return &kinds[r.verdict][r.class] }

func (r *row) errorClass() eval.Class {
	if r.class == 0 {
		return ""
	}
	return classes[r.class-1]
}

func flag(on bool, bit uint8) uint8 {
	if on {
		return bit
	}
	return 0
}

// Builder collects the outcomes of one run.
type Builder struct {
	types      []string
	candidates int
	rows       [][][]row // by type, then candidate
}

// NewBuilder collects outcomes of so many candidates on the named task types,
// which Outcome.TaskType is an index into.
func NewBuilder(types []string, candidates int) *Builder {
	b := &Builder{types: types, candidates: candidates, rows: make([][][]row, len(types))}
	for i := range b.rows {
		b.rows[i] = make([][]row, candidates)
	}
	return b
}

// Add takes one outcome. It fails on an index that the run does not have.
func (b *Builder) Add(o *eval.Outcome) error {
	if o.TaskType < 0 || int(o.TaskType) >= len(b.rows) || o.Candidate < 0 || int(o.Candidate) >= b.candidates {
		return fmt.Errorf("outcome of candidate %d on task type %d: the run has %d and %d", o.Candidate, o.TaskType, b.candidates, len(b.rows))
	}
	r := row{low: int64(o.Cost.Low), high: int64(o.Cost.High), latency: o.LatencyUS, task: o.TaskSeq, cluster: o.Cluster, repeat: o.Repeat,
		attempts: int16(min(o.Attempts, math.MaxInt16)), retries: int16(min(o.Retries, math.MaxInt16)),
		verdict: verdictCodes[o.Verdict], class: classCodes[o.Class]}
	if o.Cost.Unbounded {
		r.high = -1
	}
	r.flags = flag(o.Fallback, flagFallback) | flag(o.FirstTry, flagFirstTry) | flag(o.HumanFix, flagHumanFix) | flag(o.Critical, flagCritical)
	cell := &b.rows[o.TaskType][o.Candidate]
	*cell = append(*cell, r)
	return nil
}

// Merge takes what another builder of the same run has collected. Both must have
// seen the same numbers for tasks and clusters.
func (b *Builder) Merge(o *Builder) error {
	if !slices.Equal(b.types, o.types) || b.candidates != o.candidates {
		return fmt.Errorf("merge evidence of different runs")
	}
	for t := range b.rows {
		for c := range b.rows[t] {
			b.rows[t][c] = append(b.rows[t][c], o.rows[t][c]...)
		}
	}
	return nil
}

// Collect builds evidence from a stream of outcomes.
func Collect(types []string, candidates int, outcomes iter.Seq2[eval.Outcome, error]) (*Evidence, error) {
	b := NewBuilder(types, candidates)
	for o, err := range outcomes {
		if err != nil {
			return nil, err
		}
		if err := b.Add(&o); err != nil {
			return nil, err
		}
	}
	return b.Evidence()
}

// Evidence is the outcomes of one run in columns, sorted.
type Evidence struct {
	candidates int
	types      []*typeData
}

// typeData is the evidence on one task type. Tasks are in order of their
// clusters, clusters in order of their first task.
type typeData struct {
	name     string
	seqs     []int32 // TaskSeq by place
	clusters []int32 // first TaskSeq of the task's cluster, by place
	trials   [][]row // by candidate; in order of place and repeat
}

// Evidence sorts what was collected; the builder is spent. It fails on a trial
// that was added twice.
func (b *Builder) Evidence() (*Evidence, error) {
	e := &Evidence{candidates: b.candidates}
	for i, name := range b.types {
		t, err := arrange(name, b.rows[i])
		if err != nil {
			return nil, err
		}
		if len(t.seqs) > 0 {
			e.types = append(e.types, t)
		}
		b.rows[i] = nil
	}
	slices.SortFunc(e.types, func(a, b *typeData) int { return strings.Compare(a.name, b.name) })
	return e, nil
}

func arrange(name string, trials [][]row) (*typeData, error) {
	t := &typeData{name: name, trials: trials}
	first := make(map[int32]int32)   // cluster number → its first task
	cluster := make(map[int32]int32) // task → cluster number
	for _, rows := range trials {
		for i := range rows {
			r := &rows[i]
			if _, ok := cluster[r.task]; !ok {
				cluster[r.task] = r.cluster
				t.seqs = append(t.seqs, r.task)
			}
			if f, ok := first[r.cluster]; !ok || r.task < f {
				first[r.cluster] = r.task
			}
		}
	}
	slices.SortFunc(t.seqs, func(a, b int32) int {
		if d := first[cluster[a]] - first[cluster[b]]; d != 0 {
			return int(d)
		}
		return int(a - b)
	})
	t.clusters = make([]int32, len(t.seqs))
	place := make(map[int32]int32, len(t.seqs))
	for i, seq := range t.seqs {
		t.clusters[i] = first[cluster[seq]]
		place[seq] = int32(i)
	}
	for c, rows := range trials {
		for i := range rows {
			rows[i].task = place[rows[i].task]
		}
		order := func(a, b row) int {
			if a.task != b.task {
				return int(a.task - b.task)
			}
			return int(a.repeat - b.repeat)
		}
		if !slices.IsSortedFunc(rows, order) {
			slices.SortFunc(rows, order)
		}
		for i := 1; i < len(rows); i++ {
			if order(rows[i-1], rows[i]) == 0 {
				return nil, fmt.Errorf("task %d of type %s has two outcomes of candidate %d in repeat %d", t.seqs[rows[i].task], name, c, rows[i].repeat)
			}
		}
	}
	return t, nil
}

// taskView is one task with its trials by candidate.
type taskView struct {
	place   int
	seq     int32
	cluster int32
	last    bool // of its cluster
	trials  [][]row
}

// tasks walks the tasks in order. The view is reused.
func (t *typeData) tasks(yield func(*taskView) bool) {
	v := taskView{trials: make([][]row, len(t.trials))}
	at := make([]int, len(t.trials))
	for i := range t.seqs {
		v.place, v.seq, v.cluster = i, t.seqs[i], t.clusters[i]
		v.last = i+1 == len(t.seqs) || t.clusters[i+1] != t.clusters[i]
		for c, rows := range t.trials {
			from := at[c]
			for at[c] < len(rows) && int(rows[at[c]].task) == i {
				at[c]++
			}
			v.trials[c] = rows[from:at[c]]
		}
		if !yield(&v) {
			return
		}
	}
}
