package eval

import (
	"fmt"
	"slices"
	"time"
)

// Overruling is a person's choice of a default against what was decided, with the
// reason. It is stored beside the evidence and never becomes a part of it.
type Overruling struct {
	TaskType string    `json:"task_type"`
	Default  string    `json:"default"` // candidate name; "" = what the evidence says, again
	Reason   string    `json:"reason"`
	At       time.Time `json:"at"`
}

// Overrule returns the recommendation with people's choices in the place of those that
// the evidence makes, each with its reason first. A backup stays unless it is the
// default now; how often it helps was measured beside another default, so that figure
// goes, and so do the rules for review and rollback, which rest on what was measured. One that names a candidate which the run has no evidence of is left aside.
func (r *Recommendation) Overrule(choices []Overruling) *Recommendation {
	out := *r
	out.Types = slices.Clone(r.Types)
	for _, o := range choices {
		i := slices.IndexFunc(out.Types, func(d TypeDecision) bool { return d.TaskType == o.TaskType })
		if o.Default == "" || i < 0 || !slices.ContainsFunc(out.Types[i].Candidates, func(c CandidateEvidence) bool { return c.Candidate == o.Default }) {
			continue
		}
		d := &out.Types[i]
		said := fmt.Sprintf("the evidence alone: %s", d.Verdict)
		if d.Default != "" {
			said += ", default " + d.Default
		}
		d.Reasons = append([]string{fmt.Sprintf("%s, by a person on %s: %s (%s)", o.Default, o.At.UTC().Format(time.DateOnly), o.Reason, said)}, d.Reasons...)
		d.Rollback = "the evidence does not carry this default: roll back as soon as anything speaks against it"
		if d.Default != "" && d.Default != o.Default {
			d.Rollback += ", to " + d.Default
		}
		d.Review = "a person reviews every answer: the evidence does not carry this default"
		d.Verdict, d.Default, d.More = Overruled, o.Default, nil
		switch {
		case d.Backup == nil:
			d.NoBackup = "none was weighed for a default that a person chose"
		case d.Backup != nil && d.Backup.Candidate == o.Default:
			d.Backup, d.NoBackup = nil, "the backup of the evidence is the default now"
		case d.Backup != nil:
			b := *d.Backup
			b.Rescue, b.RescueLo, b.RescueHi = nil, nil, nil
			d.Backup = &b
		}
	}
	return &out
}
