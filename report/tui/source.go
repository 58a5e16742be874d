// Package tui is the interactive browser: runs, the board of candidates, the
// frontier, tasks with every attempt, two runs side by side, and the decision for
// each task type; and the live view of an evaluation.
//
// It is the only package that knows Bubble Tea. It shows values that other
// packages computed and gets them through small interfaces, in commands and never
// in Update, so that no key waits for a disk. Everything on the screen goes through
// one function that sanitises it; there is no other way there.
package tui

import (
	"context"
	"time"

	"infer/eval"
	"infer/report"
)

// Source is where runs come from.
type Source interface {
	// Runs lists the runs, newest first.
	Runs(ctx context.Context) ([]RunLine, error)
	// Open returns everything about a run that is small. It does not decide
	// anything; that may take longer.
	Open(ctx context.Context, run string) (*report.Report, error)
}

// TaskSource is where tasks come from.
type TaskSource interface {
	// Tasks returns a stretch of the tasks that fit. A call looks for a short while
	// only: where Seen is less than Of, the same question goes on where it was.
	Tasks(ctx context.Context, run string, q Query) (Page, error)
	// Task returns the task at a position of the dataset with everything that was
	// tried on it.
	Task(ctx context.Context, run string, seq int) (*TaskDetail, error)
}

// DecisionSource decides.
type DecisionSource interface {
	// Decide weighs a run's candidates under its own policy with changes.
	Decide(ctx context.Context, run string, w WhatIf) (*eval.Recommendation, error)
	// Overrule stores a person's choice against a decision.
	Overrule(ctx context.Context, run string, o eval.Overruling) error
	// Overrulings returns the choices that are stored, the latest of each task type.
	Overrulings(ctx context.Context, run string) ([]eval.Overruling, error)
}

// ExportSource writes routing configurations.
type ExportSource interface {
	// Formats lists the names of the targets.
	Formats() []string
	// Export returns the file for a target, and what the target cannot carry out.
	Export(ctx context.Context, run, format string) (Export, error)
	// Write writes a file that is not there yet; it fails where one is.
	Write(ctx context.Context, path string, e Export) error
}

// RunLine is one run in the list.
type RunLine struct {
	ID         string        `json:"id"`
	Name       string        `json:"name"`
	State      eval.RunState `json:"state"`
	Created    time.Time     `json:"created_at"`
	Updated    time.Time     `json:"updated_at"`
	Dataset    string        `json:"dataset"`
	Candidates []string      `json:"candidates"`
	Tasks      int           `json:"tasks"`
	Trials     int64         `json:"trials"`
	Planned    int64         `json:"planned"`
	Accepted   int64         `json:"accepted"`
	Cost       eval.Cost     `json:"cost_pico_usd"`
}

// Query selects and orders tasks. The zero value selects all, in the dataset's
// order.
type Query struct {
	Text  string     // part of an id or a task type
	Type  string     // the task type; "" = every one
	Only  Only       // by outcome
	Class eval.Class // somebody's trial ended in an error of this class; "" = any
	Among []int      // candidates whose outcomes are looked at, by index; nil = all
	Order Order
	Back  bool // the other way round
	From  int  // rows to leave out
	Size  int
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

// Order is what tasks are sorted by.
type Order string

// The orders. All but the dataset's begin with what one looks for: the worst.
const (
	OrderDataset Order = ""
	OrderWorst   Order = "fewest accepted"
	OrderCost    Order = "cost"
	OrderLatency Order = "latency"
	OrderTries   Order = "calls"
)

// Orders lists them as the key that sorts goes through them.
func Orders() []Order { return []Order{OrderDataset, OrderWorst, OrderCost, OrderLatency, OrderTries} }

// Page is a stretch of the tasks that fit a query.
type Page struct {
	Rows  []TaskLine
	From  int
	Total int // how many fit, among those that were looked at
	Seen  int // trials that were looked at …
	Of    int // … of so many that are there
}

// Done reports whether everything was looked at.
func (p Page) Done() bool { return p.Seen >= p.Of }

// TaskLine is one task with what every candidate made of it, in the report's order.
type TaskLine struct {
	Seq      int            `json:"seq"`
	ID       string         `json:"id"`
	Type     string         `json:"task_type"`
	Input    eval.Untrusted `json:"input"`    // its beginning
	Expected eval.Untrusted `json:"expected"` // its beginning
	Outcomes []Outcome      `json:"outcomes"`
}

// Outcome is what one candidate made of one task, over its repeats.
type Outcome struct {
	Verdict  eval.Verdict `json:"verdict"` // of the last repeat; "" = none
	Class    eval.Class   `json:"error_class,omitempty"`
	Repeats  int          `json:"repeats"`
	Accepted int          `json:"accepted"`   // of the repeats
	Calls    int          `json:"calls"`      // over the repeats
	Latency  int64        `json:"latency_us"` // user-visible, of the slowest repeat; -1 = unknown
	Cost     eval.Cost    `json:"cost_pico_usd"`
}

// TaskDetail is one task with everything that was tried on it.
type TaskDetail struct {
	Seq        int            `json:"seq"`
	ID         string         `json:"id"`
	Type       string         `json:"task_type"`
	File       string         `json:"file"`
	Line       int            `json:"line"`
	System     eval.Untrusted `json:"system,omitempty"`
	Messages   []eval.Message `json:"messages"`
	Expected   eval.Untrusted `json:"expected"` // JSON, as the dataset has it; "" = none
	Recorded   *eval.Recorded `json:"recorded,omitempty"`
	Candidates []string       `json:"candidates"` // names, in the report's order
	Trials     []*eval.Trial  `json:"trials"`
	Raw        eval.Untrusted `json:"-"` // the line itself, where it is no task
}

// WhatIf is a policy as the user changed it in the browser. Nothing of it is
// stored.
type WhatIf struct {
	Rules map[string]TypeRule `json:"task_types"` // by task type; what is not there stays as the run has it
}

// TypeRule is what can be changed of a task type's policy.
type TypeRule struct {
	Margin float64       `json:"margin"`
	SLO    time.Duration `json:"slo"`              // 0 = none
	Volume int64         `json:"volume_per_month"` // 0 = unknown
}

// Export is a routing configuration for one target.
type Export struct {
	Format string
	Text   string
	Ext    string   // of the file, without the dot
	Losses []string // what the target cannot carry out, in words
	Flags  []string // that make the same file on the command line, beside run and format
}
