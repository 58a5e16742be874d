// Package tui is the interactive browser: runs, the board of candidates, the
// frontier, tasks with their attempts, and the decision for each task type.
//
// It is the only package that knows Bubble Tea. It shows values that other
// packages computed and gets them through Source, in commands and never in
// Update, so that no key waits for a disk. Everything that came from outside
// passes through eval.Untrusted before it is drawn.
package tui

import (
	"context"
	"time"

	"infer/eval"
	"infer/report"
)

// Source is where the browser's data come from.
type Source interface {
	// Runs lists the runs, newest first.
	Runs(ctx context.Context) ([]RunLine, error)
	// Open returns everything about a run that is small: its report and, where
	// one can be made, its recommendation.
	Open(ctx context.Context, run string) (*Run, error)
	// Tasks returns a page of the run's tasks, and whether more follow.
	Tasks(ctx context.Context, run string, q Query) (Page, error)
}

// TaskSource shows one task.
type TaskSource interface {
	Task(ctx context.Context, run, task string) (*TaskDetail, error)
}

// RunLine is one run in the list.
type RunLine struct {
	ID, Name          string
	State             eval.RunState
	Updated           time.Time
	Candidates, Tasks int
	Trials, Planned   int64
}

// Run is a run, opened.
type Run struct {
	Report         *report.Report
	Recommendation *eval.Recommendation // nil = none could be made; WhyNot says why
	WhyNot         string
}

// Query selects tasks. The zero value selects all.
type Query struct {
	Text string // part of an id or a task type
	Only Only
	From int // position among the dataset's tasks to begin at
	Size int
}

// Only is a filter on outcomes.
type Only int

// The filters.
const (
	OnlyAll       Only = iota
	OnlyFailures       // somebody was rejected or errored
	OnlyDifferent      // some were accepted and some were not
	OnlyErrors         // somebody errored
)

// String names the filter.
func (o Only) String() string {
	return [...]string{"all", "failures", "different", "errors"}[o]
}

// Page is a stretch of tasks.
type Page struct {
	Rows []TaskLine
	Next int // where the next page begins; 0 = there is none
}

// TaskLine is one task with every candidate's verdict, in the report's order; ""
// where there is none.
type TaskLine struct {
	Seq      int
	ID, Type string
	Verdicts []eval.Verdict
}

// TaskDetail is one task with everything that was tried on it.
type TaskDetail struct {
	ID, Type, File string
	Line           int
	Input          eval.Untrusted
	Expected       eval.Untrusted
	Candidates     []string // names, in the report's order
	Trials         []*eval.Trial
}
