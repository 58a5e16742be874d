package cmd

import (
	"context"
	"io"
	"sort"

	"infer/datasets"
	"infer/eval"
	"infer/eval/store"
	"infer/report"
	"infer/report/html"
)

// Bounds of a page: what it shows at most, so that it stays a file that people
// can mail and open.
const (
	pageTasks    = 5000
	pageInput    = 500 // characters of a task's input and expected value
	pageAnswer   = 240 // characters of an answer and of its explanation
	pageDetailed = 500 // worst tasks that are shown with inputs and answers
	pageFlips    = 4   // example ids of a pair that differs
	pageSlots    = 60  // stretches of time on the plot of failures
)

// writePage writes the report as a page.
func writePage(ctx context.Context, w io.Writer, s *store.Store, r *report.Report, rec *eval.Recommendation) error {
	run, err := s.Run(ctx, r.Run.ID)
	if err != nil {
		return err
	}
	p := &html.Page{Report: r, Recommendation: rec, Store: s.Path()}
	if p.Cells, err = s.Cells(ctx, run.ID); err != nil {
		return err
	}
	failures, err := s.Failures(ctx, run.ID, pageSlots)
	if err != nil {
		return err
	}
	for _, f := range failures {
		p.Failures = append(p.Failures, html.FailureCount(f))
	}
	tasks, err := pageRows(ctx, s, run)
	if err != nil {
		return err
	}
	p.Flips = flips(tasks, len(run.Candidates))
	sort.SliceStable(tasks, func(i, j int) bool { return tasks[i].Accepted < tasks[j].Accepted })
	if len(tasks) > pageTasks {
		p.TasksLeftOut, tasks = len(tasks)-pageTasks, tasks[:pageTasks]
	}
	p.Tasks = tasks
	if len(tasks) > pageDetailed {
		p.Tasks, p.Brief = tasks[:pageDetailed], tasks[pageDetailed:]
	}
	return html.Render(w, p)
}

// pageRows returns every task with the first repeat of each candidate, in the
// dataset's order.
func pageRows(ctx context.Context, s *store.Store, run *eval.Run) ([]html.Task, error) {
	var tasks []html.Task
	at := make(map[int]int)
	for l, err := range s.Lines(ctx, run.ID) {
		if err != nil {
			return nil, err
		}
		row := html.Task{ID: l.ID, File: l.File, Line: l.Line, Answers: make([]html.Answer, len(run.Candidates))}
		if t, err := datasets.ParseLine(l.Raw, nil); err == nil {
			row.Type, row.Expected = t.Type, cut(eval.Untrusted(t.Expected), pageInput)
			if n := len(t.Messages); n > 0 {
				row.Input = cut(eval.Untrusted(t.Messages[n-1].Text()), pageInput)
			}
		}
		at[l.Seq] = len(tasks)
		tasks = append(tasks, row)
	}
	first := 0
	for t, err := range s.Trials(ctx, run.ID, store.Filter{Repeat: &first}) {
		if err != nil {
			return nil, err
		}
		i, ok := at[t.TaskSeq]
		if !ok || t.Candidate >= len(run.Candidates) {
			continue
		}
		tasks[i].Type = t.TaskType
		tasks[i].Answers[t.Candidate] = pageAnswerOf(t)
		if t.Verdict == eval.Accepted {
			tasks[i].Accepted++
		}
	}
	return tasks, nil
}

func pageAnswerOf(t *eval.Trial) html.Answer {
	a := html.Answer{Verdict: t.Verdict, Class: t.ErrorClass(), Tries: len(t.Attempts), Cost: t.Cost.Final()}
	if d, ok := t.UserVisible(); ok {
		a.Latency = d
	}
	i := t.Final
	if i < 0 || i >= len(t.Attempts) {
		i = len(t.Attempts) - 1
	}
	if i < 0 {
		return a
	}
	last := &t.Attempts[i]
	a.Text = cut(last.Output, pageAnswer)
	switch {
	case last.Failure != nil:
		a.Why = cut(last.Failure.Message, pageAnswer)
	case last.Grade != nil:
		for _, s := range last.Grade.Scores {
			a.Why += s.Explanation + s.Error + " "
		}
		a.Why = cut(a.Why, pageAnswer)
	}
	return a
}

// cut shortens a text before it goes into a page; the page itself sanitises.
func cut(s eval.Untrusted, limit int) eval.Untrusted {
	r := []rune(s.Raw())
	if len(r) <= limit {
		return s
	}
	return eval.Untrusted(string(r[:limit]) + "…")
}

// flips counts, for every pair of candidates, the tasks that only one of them
// got accepted; pairs that never differ are left out.
func flips(tasks []html.Task, candidates int) []html.Flip {
	var out []html.Flip
	for a := range candidates {
		for b := a + 1; b < candidates; b++ {
			f := html.Flip{A: a, B: b}
			for i := range tasks {
				x, y := tasks[i].Answers[a], tasks[i].Answers[b]
				if !judged(x) || !judged(y) || (x.Verdict == eval.Accepted) == (y.Verdict == eval.Accepted) {
					continue
				}
				if x.Verdict == eval.Accepted {
					f.OnlyA++
				} else {
					f.OnlyB++
				}
				if len(f.Examples) < pageFlips {
					f.Examples = append(f.Examples, tasks[i].ID)
				}
			}
			if f.OnlyA+f.OnlyB > 0 {
				out = append(out, f)
			}
		}
	}
	return out
}

func judged(a html.Answer) bool { return a.Verdict != "" && eval.Judged(a.Verdict, a.Class) }
