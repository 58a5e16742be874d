package eval

import (
	"encoding/json"
	"time"
)

// RunState is how far a run has come.
type RunState string

// The run states.
const (
	RunRunning    RunState = "running"    // a process writes it, or died writing it
	RunComplete   RunState = "complete"   // every planned trial has an outcome
	RunIncomplete RunState = "incomplete" // stopped by the user, a limit or a provider
)

// Dataset is what a run knows of its dataset.
type Dataset struct {
	Name   string `json:"name"`
	Path   string `json:"path"`
	Digest Digest `json:"digest"` // over the digests of the task lines, in order
	Tasks  int    `json:"tasks"`
}

// Run is one execution of a plan.
type Run struct {
	ID         string      `json:"id"`
	Name       string      `json:"name"`
	State      RunState    `json:"state"`
	CreatedAt  time.Time   `json:"created_at"`
	UpdatedAt  time.Time   `json:"updated_at"`
	Dataset    Dataset     `json:"dataset"`
	Candidates []Candidate `json:"candidates"`
	TaskTypes  []TaskType  `json:"task_types"`
	Repeats    int         `json:"repeats"`
	Limit      int         `json:"limit,omitempty"` // only the first so many tasks; 0 = all
	Shard      *Shard      `json:"shard,omitempty"` // only this part of the tasks; nil = all
	Seed       uint64      `json:"seed"`
	Grading    Grading     `json:"grading"`
	Prices     []PriceRow  `json:"prices"` // one per candidate, in order; Model "" = no price known, or a policy
	// MemberPrices are those of the models that policies call, and of models that
	// were served in another's place.
	MemberPrices []PriceRow `json:"member_prices,omitempty"`
	// Repriced are the prices that the run had before the present ones, oldest first.
	Repriced []Repricing `json:"repriced,omitempty"`
	// Version of the program that made the run.
	Version string `json:"version"`
	// Concurrency is how many calls were in flight at most.
	Concurrency int `json:"concurrency"`
	// Rate is how many trials were begun a second, whatever became of those before
	// (an open loop); 0 = as many as there was room for.
	Rate float64 `json:"rate,omitempty"`
	// Batched says that calls were made in batches, which have no latency.
	Batched bool `json:"batched,omitempty"`
	// Lost counts calls of processes that died: they may have been sent and billed,
	// they were made again, and what they cost is in no figure.
	Lost int64 `json:"lost_calls,omitempty"`
	// Race is what came of racing the candidates; nil = all were to try every task.
	Race *Race `json:"race,omitempty"`
	// Imported runs were made from recorded outcomes, without a call.
	Imported bool `json:"imported,omitempty"`
}

// Repricing says that a run was priced anew, and what its prices were before.
type Repricing struct {
	At           time.Time  `json:"at"`
	Note         string     `json:"note,omitempty"`
	Prices       []PriceRow `json:"prices"` // those that were replaced
	MemberPrices []PriceRow `json:"member_prices,omitempty"`
	Before       Cost       `json:"cost_before"` // of all trials
	After        Cost       `json:"cost_after"`
}

// Grading is one set of grader rules, numbered from 1 within a run.
type Grading struct {
	Number int                        `json:"number"`
	Digest Digest                     `json:"digest"`
	Rules  map[string]json.RawMessage `json:"rules"` // by task type; "*" = every other type
	Note   string                     `json:"note,omitempty"`
	// Judged are the task types whose verdicts rest on judges; "*" = every type
	// without a rule of its own.
	Judged []string `json:"judged,omitempty"`
}

// RestsOnJudges reports whether the verdicts of a task type rest on what judges
// say. Such a rate is an opinion until people have checked it, and must not decide
// a gate by itself. The type "*", over all types, rests on judges if any type does.
func (g *Grading) RestsOnJudges(taskType string) bool {
	_, own := g.Rules[taskType]
	for _, t := range g.Judged {
		if t == taskType || taskType == "*" || t == "*" && !own {
			return true
		}
	}
	return false
}

// Shard is one of several equal parts of a dataset, for jobs that run side by
// side: every Of-th task, beginning with number Index (from 1).
type Shard struct {
	Index int `json:"index"`
	Of    int `json:"of"`
}

// Holds reports whether the task at position seq of the dataset is in the plan.
func (r *Run) Holds(seq int) bool {
	if r.Limit > 0 && seq >= r.Limit {
		return false
	}
	return r.Shard == nil || seq%r.Shard.Of == r.Shard.Index-1
}

// Tasks is how many tasks the plan has.
func (r *Run) Tasks() int {
	n := r.Dataset.Tasks
	if r.Limit > 0 && r.Limit < n {
		n = r.Limit
	}
	if s := r.Shard; s != nil {
		n = max(0, (n-s.Index+s.Of)/s.Of)
	}
	return n
}

// Planned is how many trials the plan has. Recorded outcomes are none: as many are
// there as the dataset has. What a race left out is no part of the plan any more.
func (r *Run) Planned() int {
	n := r.Tasks() * r.Called() * r.Repeats
	if r.Race != nil {
		n -= r.Race.Skipped
	}
	return n
}

// Repair is the repair rule of a task type; nil = it has none.
func (r *Run) Repair(taskType string) *RepairRule {
	for i := range r.TaskTypes {
		if r.TaskTypes[i].Name == taskType {
			return r.TaskTypes[i].Repair
		}
	}
	return nil
}

// Called is how many of the candidates are called.
func (r *Run) Called() int {
	n := 0
	for i := range r.Candidates {
		if !r.Candidates[i].Recorded {
			n++
		}
	}
	return n
}
