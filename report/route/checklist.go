package route

import (
	"infer/eval"
	"infer/report"
)

// ChecklistSchema names the version of the JSON form of Checklist.
const ChecklistSchema = "infer.checklist/1"

// State is how far the evidence answers a question.
type State string

// The states of an answer.
const (
	Answered State = "answered"
	Weak     State = "weak" // an answer, but something that it should rest on is missing
	Open     State = "open" // no answer
)

// Question is one question before a launch, answered from the evidence.
type Question struct {
	Number  int      `json:"number"`
	Key     string   `json:"key"`
	Title   string   `json:"title"`
	Asks    string   `json:"asks"`
	State   State    `json:"state"`
	Answer  []string `json:"answer"`  // in words, with the figures
	Missing []string `json:"missing"` // what would make it answered; empty when it is
	Command string   `json:"command"` // what closes it; "" when it is answered
}

// Operation is one operational question, which may have nothing to report.
type Operation struct {
	Key    string   `json:"key"`
	Asks   string   `json:"asks"`
	Answer []string `json:"answer"`
}

// Checklist is everything that is asked before a launch.
type Checklist struct {
	Schema     string      `json:"schema"`
	Run        string      `json:"run"`
	Name       string      `json:"name"`
	Dataset    string      `json:"dataset"`
	Tasks      int         `json:"tasks"`
	Questions  []Question  `json:"questions"`
	Operations []Operation `json:"operations"`
	Answered   int         `json:"answered"`
	Weak       int         `json:"weak"`
	Open       int         `json:"open"`
	Warnings   []string    `json:"warnings"`
}

// ChecklistInput is the evidence that questions are answered from.
type ChecklistInput struct {
	Run    *eval.Run
	Report *report.Report
	// Recommendation is nil where none could be made; Why then says so.
	Recommendation *eval.Recommendation
	Why            string
	// Drill is the result of a drill of the deployed file; nil = none was given.
	Drill *DrillReport
	// Reviewed counts the answers of the run that people have judged.
	Reviewed int
	Path     string // of the dataset or project, for commands
}

// Checklist answers the ten questions and the operational ones.
func (in *ChecklistInput) Checklist() *Checklist {
	c := &Checklist{Schema: ChecklistSchema, Run: in.Run.ID, Name: in.Run.Name, Dataset: in.Run.Dataset.Name, Tasks: in.Run.Dataset.Tasks, Warnings: []string{}}
	if in.Recommendation != nil {
		c.Warnings = append(c.Warnings, in.Recommendation.Warnings...)
	} else if in.Why != "" {
		c.Warnings = append(c.Warnings, "no recommendation could be made: "+in.Why)
	}
	for i, q := range []func() Question{in.defaultModel, in.backupModel, in.classification, in.costTracking, in.failureTracking, in.retryRule, in.downgradeRule,
		in.reviewRule, in.userExperience, in.rollback} {
		x := q()
		x.Number = i + 1
		c.add(x)
	}
	c.Operations = in.operations()
	return c
}

// add settles a question's state and counts it: what is missing makes an answer
// weak, and none at all leaves it open.
func (c *Checklist) add(q Question) {
	if q.Answer == nil {
		q.Answer = []string{}
	}
	if q.Missing == nil {
		q.Missing = []string{}
	}
	switch {
	case q.State == Open:
		c.Open++
	case len(q.Missing) > 0:
		q.State = Weak
		c.Weak++
	default:
		q.State, q.Command = Answered, ""
		c.Answered++
	}
	c.Questions = append(c.Questions, q)
}

// types are the decisions, none without a recommendation.
func (in *ChecklistInput) types() []eval.TypeDecision {
	if in.Recommendation == nil {
		return nil
	}
	return in.Recommendation.Types
}

// cell is the report's row of a candidate on a task type; nil = none.
func (in *ChecklistInput) cell(taskType, candidate string) *report.Cell {
	for i := range in.Report.Cells {
		if c := &in.Report.Cells[i]; c.TaskType == taskType && c.Candidate == candidate {
			return c
		}
	}
	return nil
}

// selected reports whether the evidence decides a type.
func selected(d *eval.TypeDecision) bool {
	return d.Verdict == eval.Selected || d.Verdict == eval.SelectedTie
}

// noRecommendation is an open question for want of one.
func (in *ChecklistInput) noRecommendation(q Question) Question {
	q.State, q.Command = Open, "infer recommend"
	why := in.Why
	if why == "" {
		why = "there is no recommendation"
	}
	q.Missing = []string{why}
	return q
}
