package route

import (
	"fmt"
	"strings"
	"time"

	"infer/eval"
)

// CheckSchema names the version of the JSON form of Check.
const CheckSchema = "infer.export_check/1"

// CheckState says how a deployed file stands to the newest evidence.
type CheckState string

// The states of a check, the worst last.
const (
	Current CheckState = "current" // the newest evidence decides the same
	Stale   CheckState = "stale"   // the newest evidence does not decide it any more
	Expired CheckState = "expired" // the day has passed on which it was to be measured again
	Changed CheckState = "changed" // the newest evidence decides otherwise
)

// TypeCheck is how one task type stands.
type TypeCheck struct {
	TaskType    string     `json:"task_type"`
	State       CheckState `json:"state"`
	Differences []string   `json:"differences"` // fields of the rule
	Reason      string     `json:"reason"`
}

// Check compares a deployed file with the newest evidence.
type Check struct {
	Schema   string      `json:"schema"`
	File     string      `json:"file"`
	Format   string      `json:"format"`
	State    CheckState  `json:"state"`
	Deployed Evidence    `json:"deployed"` // empty where the format has no room for it
	Newest   Evidence    `json:"newest"`
	Edited   []string    `json:"edited"` // task types that were changed after the export
	Types    []TypeCheck `json:"task_types"`
	Reasons  []string    `json:"reasons"`
}

var severity = map[CheckState]int{Current: 0, Stale: 1, Expired: 2, Changed: 3}

// Compare holds a deployed file against the newest table. What the format cannot
// express is not held against the file.
func Compare(file string, d *Deployed, newest *Routes, now time.Time) (*Check, error) {
	c := &Check{Schema: CheckSchema, File: file, Format: d.Format, State: Current, Newest: newest.Evidence, Edited: append([]string{}, d.Edited...), Types: []TypeCheck{}, Reasons: []string{}}
	if d.Source != nil {
		c.Deployed = d.Source.Evidence
	}
	_, losses, err := Encode(newest, d.Format)
	if err != nil {
		return nil, err
	}
	want, err := newest.Rules()
	if err != nil {
		return nil, err
	}
	have, err := d.Routes.Rules()
	if err != nil {
		return nil, eval.Invalid(fmt.Errorf("%s: %w", file, err), "export it anew")
	}
	c.rules(Strip(want, losses), have, newest)
	c.dates(now)
	for _, t := range c.Edited {
		c.Reasons = append(c.Reasons, fmt.Sprintf("task type %s was changed by hand after the export", eval.Untrusted(t).Line(60)))
	}
	return c, nil
}

// rules compares task type by task type.
func (c *Check) rules(want, have []Rule, newest *Routes) {
	for i := range have {
		t := TypeCheck{TaskType: have[i].TaskType, State: Current, Differences: []string{}, Reason: "the newest evidence decides the same"}
		k, open := indexRule(want, have[i].TaskType), newest.open(have[i].TaskType)
		if k >= 0 {
			t.Differences = append(t.Differences, want[k].Differences(&have[i])...)
		}
		switch {
		case k < 0 && open == "":
			t.State, t.Reason = Stale, "the newest run has no tasks of this type"
		case open != "" && (k < 0 || len(t.Differences) > 0):
			t.State, t.Reason = Stale, "the newest evidence does not decide it: "+open
		case open != "":
			t.Reason = "as the file has it, although undecided: " + open
		case len(t.Differences) > 0:
			t.State, t.Reason = Changed, "the newest evidence decides otherwise: "+strings.Join(t.Differences, ", ")
		}
		c.add(t)
	}
	for i := range want {
		if indexRule(have, want[i].TaskType) < 0 {
			c.add(TypeCheck{TaskType: want[i].TaskType, State: Changed, Differences: []string{"default"}, Reason: "the newest evidence gives it a default, the file has no route"})
		}
	}
}

// open is why the table does not decide a task type; "" = it does.
func (r *Routes) open(taskType string) string {
	for _, u := range r.Undecided {
		if u.TaskType == taskType {
			return u.Reason
		}
	}
	return ""
}

func (c *Check) add(t TypeCheck) {
	c.Types = append(c.Types, t)
	c.worsen(t.State)
}

func (c *Check) worsen(s CheckState) {
	if severity[s] > severity[c.State] {
		c.State = s
	}
}

// dates looks at when the evidence was to be renewed.
func (c *Check) dates(now time.Time) {
	e, whose := c.Deployed, "the file"
	if e == (Evidence{}) {
		e, whose = c.Newest, "the newest evidence"
		c.Reasons = append(c.Reasons, "the file does not say which evidence it rests on")
	}
	switch {
	case e.Expires == "":
		c.Reasons = append(c.Reasons, "no day is set on which it is to be measured again")
	case now.UTC().Format(time.DateOnly) >= e.Expires:
		c.worsen(Expired)
		c.Reasons = append(c.Reasons, fmt.Sprintf("%s expired on %s", whose, e.Expires))
	}
	if c.Deployed.Run == "" || c.Newest.Run == "" {
		return
	}
	if c.Deployed.Run != c.Newest.Run || c.Deployed.Grading != c.Newest.Grading {
		c.Reasons = append(c.Reasons, fmt.Sprintf("the file rests on run %s, grading %d; the newest is run %s, grading %d", c.Deployed.Run, c.Deployed.Grading, c.Newest.Run, c.Newest.Grading))
	}
	if c.Deployed.DatasetDigest != c.Newest.DatasetDigest {
		c.Reasons = append(c.Reasons, "the dataset has changed since the export")
	}
}
