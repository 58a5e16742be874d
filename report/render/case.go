package render

import (
	"time"

	"infer/eval"
)

// Case is one trial as test reports know it.
type Case struct {
	TaskType, Candidate string
	TaskID              string
	Repeat              int // from 0
	File                string
	Line                int
	Verdict             eval.Verdict
	Class               eval.Class
	Latency             time.Duration // user-visible; 0 = unknown
	Retries             int
	Cost                eval.Cost
	Why                 eval.Untrusted // the graders' explanation or the failure's message
	Output              eval.Untrusted
}

// Limits of what one case says in a CI report.
const (
	maxCaseText = 4000
	maxCaseWhy  = 400
)

// bad reports whether a case is one that somebody should look at.
func (c *Case) bad() bool {
	return c.Verdict == eval.Rejected || c.Verdict == eval.Errored || c.Verdict == eval.Diverged
}

// title is what happened, in a line.
func (c *Case) title() string {
	s := eval.Untrusted(c.TaskID).Line(80) + " · " + eval.Untrusted(c.Candidate).Line(maxName) + " · " + string(c.Verdict)
	if c.Class != "" {
		s += " (" + string(c.Class) + ")"
	}
	return s
}
