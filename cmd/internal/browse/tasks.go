// Package browse gives the browser the tasks of a run: pages of them, filtered and
// sorted, whatever the run's size.
//
// A page in the dataset's order is read by keys. Anything else needs a look at
// every trial: the numbers that filters and orders need are kept in memory, ten
// bytes a trial, and read a stretch at a time, so that no question takes longer
// than the eye notices; the texts stay in the store.
package browse

import (
	"context"
	"slices"
	"sort"
	"sync"
	"time"

	"infer/datasets"
	"infer/eval"
	"infer/eval/store"
	"infer/report/tui"
)

// Tasks is where the browser's tasks come from.
type Tasks struct {
	s      *store.Store
	fields map[string]string // the dataset's field names, as infer.yaml maps them

	mu    sync.Mutex
	run   *eval.Run
	index *index
	found *found // what the last query came to

	counted string // run and version that count and last are of; "" = none
	count   int    // tasks
	last    int    // position of the last one
}

var _ tui.TaskSource = (*Tasks)(nil)

// New returns the tasks of a store's runs.
func New(s *store.Store, fields map[string]string) *Tasks { return &Tasks{s: s, fields: fields} }

// Bounds of one call.
const (
	callTime  = 30 * time.Millisecond // for looking at trials
	chunkRows = 4096                  // trials that are read before the clock is looked at
	mostRows  = 500                   // rows of one page
)

// found are the tasks that fit a query, in its order.
type found struct {
	query tui.Query // without From and Size
	seen  int       // trials that were looked at
	tasks []int
}

// Tasks returns a stretch of the tasks that fit.
func (t *Tasks) Tasks(ctx context.Context, runID string, q tui.Query) (tui.Page, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	q.Size = max(min(q.Size, mostRows), 1)
	q.From = max(q.From, 0)
	if q.Among != nil && len(q.Among) == 0 {
		q.Among = nil
	}
	run, version, err := t.open(ctx, runID)
	if err != nil {
		return tui.Page{}, err
	}
	if named(&q) {
		return t.named(ctx, run, version, q)
	}
	if !t.index.fits(run, version) {
		t.index, t.found = newIndex(run, version), nil
	}
	for begun := time.Now(); ; {
		if err := t.index.read(ctx, t.s, chunkRows); err != nil {
			return tui.Page{}, err
		}
		if t.index.end || time.Since(begun) > callTime {
			break
		}
	}
	page := tui.Page{From: q.From, Seen: t.index.seen, Of: t.index.seen}
	if !t.index.end {
		page.Of = max(int(trialsOf(run)), t.index.seen+1)
		if q.Order != tui.OrderDataset {
			return page, nil // the first of an order is known once all are
		}
	}
	if err := t.find(ctx, run, &q); err != nil {
		return page, err
	}
	return t.rows(ctx, run, q, page, t.found.tasks)
}

// trialsOf is how many trials a run may have.
func trialsOf(run *eval.Run) int64 { return int64(run.Planned()) }

// open returns the run, as it was read last where nothing changed.
func (t *Tasks) open(ctx context.Context, runID string) (*eval.Run, string, error) {
	version, err := t.s.Version(ctx, runID)
	if err != nil {
		return nil, "", err
	}
	if t.run == nil || t.run.ID != runID || !t.index.fits(t.run, version) {
		if t.run, err = t.s.Run(ctx, runID); err != nil {
			return nil, "", err
		}
	}
	return t.run, version, nil
}

// named reports whether a query goes by names alone, in the dataset's order: then no
// trial is looked at.
func named(q *tui.Query) bool {
	return q.Only == tui.OnlyAll && q.Class == "" && q.Order == tui.OrderDataset
}

// size is how many tasks a run has, and the position of the last. Of a complete run
// the plan says it; of another one that nobody writes any more, they are counted once.
func (t *Tasks) size(ctx context.Context, run *eval.Run, version string) (n, last int, err error) {
	if run.State == eval.RunComplete {
		last = run.Dataset.Tasks - 1
		for last >= 0 && !run.Holds(last) {
			last--
		}
		return run.Tasks(), last, nil
	}
	key := run.ID + " " + version
	if t.counted == key && run.State != eval.RunRunning {
		return t.count, t.last, nil
	}
	if t.count, t.last, err = t.s.TaskCount(ctx, run.ID); err == nil {
		t.counted = key
	}
	return t.count, t.last, err
}

func (t *Tasks) named(ctx context.Context, run *eval.Run, version string, q tui.Query) (tui.Page, error) {
	n, last, err := t.size(ctx, run, version)
	if err != nil {
		return tui.Page{}, err
	}
	page := tui.Page{From: q.From, Total: n}
	if q.Text == "" && q.Type == "" && !q.Back {
		seqs, err := t.s.TaskSeqs(ctx, run.ID, q.From, q.Size)
		if err != nil {
			return page, err
		}
		page.Rows, err = t.lines(ctx, run, seqs)
		return page, err
	}
	all, err := t.s.MatchTasks(ctx, run.ID, store.TaskMatch{Text: q.Text, Type: q.Type}, 0, last+1)
	if err != nil {
		return page, err
	}
	if q.Back {
		slices.Reverse(all)
	}
	return t.rows(ctx, run, q, page, all)
}

// find makes the list of the tasks that fit, unless it is there. A task without an
// outcome fits no question about outcomes.
func (t *Tasks) find(ctx context.Context, run *eval.Run, q *tui.Query) error {
	key := *q
	key.From, key.Size = 0, 0
	if f := t.found; f != nil && f.seen == t.index.seen && sameQuery(&f.query, &key) {
		return nil
	}
	x := t.index
	tasks := x.tasks()
	f := &found{query: key, seen: x.seen}
	take := func(task int) {
		if task < tasks && there(x.of(task)) && fits(x.of(task), x.repeats, q) {
			f.tasks = append(f.tasks, task)
		}
	}
	if q.Text != "" || q.Type != "" {
		matched, err := t.s.MatchTasks(ctx, run.ID, store.TaskMatch{Text: q.Text, Type: q.Type}, 0, tasks)
		if err != nil {
			return err
		}
		for _, task := range matched {
			take(task)
		}
	} else {
		for task := range tasks {
			take(task)
		}
	}
	if q.Order != tui.OrderDataset {
		weights := make(map[int]float64, len(f.tasks))
		for _, task := range f.tasks {
			weights[task] = weight(x.of(task), x.repeats, q)
		}
		sort.SliceStable(f.tasks, func(i, j int) bool { return weights[f.tasks[i]] > weights[f.tasks[j]] })
	}
	if q.Back {
		slices.Reverse(f.tasks)
	}
	t.found = f
	return nil
}

// there reports whether a task has a trial at all: a part of a dataset leaves gaps.
func there(facts []fact) bool {
	for i := range facts {
		if facts[i].verdict != 0 {
			return true
		}
	}
	return false
}

func sameQuery(a, b *tui.Query) bool {
	return a.Text == b.Text && a.Type == b.Type && a.Only == b.Only && a.Class == b.Class && slices.Equal(a.Among, b.Among) && a.Order == b.Order && a.Back == b.Back
}

// rows reads the stretch of a list that a page shows.
func (t *Tasks) rows(ctx context.Context, run *eval.Run, q tui.Query, page tui.Page, tasks []int) (tui.Page, error) {
	page.Total = len(tasks)
	page.From = min(q.From, len(tasks))
	var err error
	page.Rows, err = t.lines(ctx, run, tasks[page.From:min(page.From+q.Size, len(tasks))])
	return page, err
}

// Bounds of what a row shows of a text.
const (
	rowInput    = 400
	rowExpected = 200
)

// lines reads the tasks at the given positions.
func (t *Tasks) lines(ctx context.Context, run *eval.Run, seqs []int) ([]tui.TaskLine, error) {
	rows, err := t.s.TaskRows(ctx, run.ID, len(run.Candidates), seqs)
	if err != nil {
		return nil, err
	}
	out := make([]tui.TaskLine, len(rows))
	for i := range rows {
		r := &rows[i]
		out[i] = tui.TaskLine{Seq: r.Seq, ID: r.ID, Type: r.Type, Outcomes: outcomes(r.Facts, len(run.Candidates))}
		if r.Raw == nil {
			out[i].Input = "(too long for a row)"
			continue
		}
		task, err := datasets.ParseLine(r.Raw, t.fields)
		if err != nil {
			out[i].Input = cut(string(r.Raw), rowInput)
			continue
		}
		if n := len(task.Messages); n > 0 {
			out[i].Input = cut(task.Messages[n-1].Text(), rowInput)
		}
		out[i].Expected = cut(string(task.Expected), rowExpected)
	}
	return out, nil
}

// outcomes gathers facts by candidate.
func outcomes(facts []store.TrialFact, candidates int) []tui.Outcome {
	out := make([]tui.Outcome, candidates)
	for i := range out {
		out[i].Latency = -1
	}
	for i := range facts {
		f := &facts[i]
		o := &out[f.Candidate]
		o.Verdict, o.Class = f.Verdict, f.Class
		o.Repeats++
		if f.Verdict == eval.Accepted {
			o.Accepted++
		}
		o.Calls += f.Attempts
		o.Latency = max(o.Latency, f.LatencyUS)
		o.Cost = o.Cost.Plus(f.Cost)
	}
	return out
}

func cut(s string, limit int) eval.Untrusted {
	if len(s) > 4*limit { // enough bytes for so many characters
		s = s[:4*limit]
	}
	if r := []rune(s); len(r) > limit {
		s = string(r[:limit])
	}
	return eval.Untrusted(s)
}

// Task returns one task with everything that was tried on it.
func (t *Tasks) Task(ctx context.Context, runID string, seq int) (*tui.TaskDetail, error) {
	t.mu.Lock()
	run, _, err := t.open(ctx, runID)
	t.mu.Unlock()
	if err != nil {
		return nil, err
	}
	l, err := t.s.TaskAt(ctx, runID, seq)
	if err != nil {
		return nil, err
	}
	d := &tui.TaskDetail{Seq: seq, ID: l.ID, File: l.File, Line: l.Line}
	for i := range run.Candidates {
		d.Candidates = append(d.Candidates, run.Candidates[i].Name)
	}
	if task, err := datasets.ParseLine(l.Raw, t.fields); err == nil {
		d.Type, d.System, d.Messages, d.Expected, d.Recorded = task.Type, eval.Untrusted(task.System), task.Messages, eval.Untrusted(task.Expected), task.Recorded
	} else {
		d.Raw = eval.Untrusted(l.Raw)
	}
	if d.Trials, err = t.s.TrialsOf(ctx, runID, len(run.Candidates), seq); err != nil {
		return nil, err
	}
	if len(d.Trials) > 0 {
		d.Type = d.Trials[0].TaskType
	}
	return d, nil
}
