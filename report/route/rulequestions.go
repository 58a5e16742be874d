package route

import (
	"fmt"
	"slices"
	"strings"

	"infer/eval"
	"infer/report"
)

// grouped are words with the task types that they are the same for, in order.
type grouped struct {
	words []string
	types map[string][]string
}

func (g *grouped) add(words, taskType string) {
	words = eval.Untrusted(words).Line(600)
	if g.types == nil {
		g.types = make(map[string][]string)
	}
	if g.types[words] == nil {
		g.words = append(g.words, words)
	}
	g.types[words] = append(g.types[words], name(taskType))
}

// lines writes each of the words once.
func (g *grouped) lines(all int) []string {
	out := make([]string, 0, len(g.words))
	for _, w := range g.words {
		who := strings.Join(g.types[w], ", ")
		if len(g.types[w]) == all && all > 1 {
			who = "every task type"
		}
		out = append(out, who+": "+w)
	}
	return out
}

func (in *ChecklistInput) retryRule() Question {
	q := Question{Key: "retry_rule", Title: "Retry rule", Asks: "Which failures are tried again, how often, and when is it handed over?", Command: "infer drill FILE"}
	if in.Recommendation == nil {
		return in.noRecommendation(q)
	}
	var g grouped
	for i := range in.types() {
		g.add(in.types()[i].Retry, in.types()[i].TaskType)
	}
	q.Answer = append(g.lines(len(in.types())), "the backup is called on "+classNames(in.Recommendation.Rule.Triggers)+" only, and after it there is no third model")
	if d := in.Drill; d != nil {
		for i := range d.Drills {
			q.Answer = append(q.Answer, fmt.Sprintf("drilled %s: %s", name(d.File), d.Drills[i].Title()))
		}
		if n := d.Broken(); n > 0 {
			q.Missing = append(q.Missing, fmt.Sprintf("the drill of %s breaks the rule in %d cases", name(d.File), n))
		}
		return q
	}
	q.Missing = append(q.Missing, "the deployed file is not proven: export it, drill it, and pass the result with --drill")
	return q
}

func (in *ChecklistInput) downgradeRule() Question {
	q := Question{Key: "downgrade_rule", Title: "Downgrade rule", Asks: "Which cheaper model may take over when the budget rules, and where?", Command: in.evalCommand("-m PROVIDER/CHEAPER_MODEL")}
	if in.Recommendation == nil {
		return in.noRecommendation(q)
	}
	var missing, answer grouped
	for i := range in.types() {
		d := &in.types()[i]
		if !selected(d) {
			missing.add("undecided, so nothing may be moved down", d.TaskType)
			continue
		}
		if len(d.Downgrade) == 0 {
			answer.add("no cheaper candidate is shown to be good enough, so none takes over", d.TaskType)
		}
		for _, a := range d.Downgrade {
			answer.add(a.Candidate+" "+a.Rule, d.TaskType)
		}
	}
	q.Answer, q.Missing = answer.lines(len(in.types())), missing.lines(len(in.types()))
	if len(q.Answer) == 0 {
		q.State = Open
	}
	return q
}

func (in *ChecklistInput) reviewRule() Question {
	q := Question{Key: "review_rule", Title: "Review rule", Asks: "Which answers does a person see before they count?", Command: "infer review"}
	if in.Recommendation == nil {
		return in.noRecommendation(q)
	}
	var g, missing grouped
	for i := range in.types() {
		d := &in.types()[i]
		g.add(d.Review, d.TaskType)
		k := slices.IndexFunc(in.Run.TaskTypes, func(t eval.TaskType) bool { return t.Name == d.TaskType })
		if d.Class == eval.HighRisk && (k < 0 || in.Run.TaskTypes[k].Review == "") {
			missing.add("high-risk, and the rule is a proposal: write the team's own under task_types", d.TaskType)
		}
	}
	q.Answer, q.Missing = g.lines(len(in.types())), missing.lines(len(in.types()))
	if in.Reviewed > 0 {
		q.Answer = append(q.Answer, fmt.Sprintf("people have judged %d answers of this run", in.Reviewed))
	} else {
		q.Missing = append(q.Missing, "no person has looked at an answer of this run: the graders alone decide what is accepted")
	}
	return q
}

// endStates are what a user meets at the end of a task, with the message that is
// proposed where it is not an answer.
var endStates = []struct {
	words, message string
	count          func(*report.Cell) int64
}{
	{"accepted", "", func(c *report.Cell) int64 { return c.Accepted }},
	{"a wrong answer", "“This answer may be wrong. Ask again, or have a person look at it.”", func(c *report.Cell) int64 { return c.Rejected }},
	{"an error", "“This did not work. Nothing was changed; try again in a minute.”", func(c *report.Cell) int64 { return c.Errored }},
	{"waiting for a person", "“Another model could answer this. A colleague decides whether it may.”", func(c *report.Cell) int64 { return c.NeedsConfirmation }},
	{"unjudged", "", func(c *report.Cell) int64 { return c.Unscored + c.Diverged }},
}

func (in *ChecklistInput) userExperience() Question {
	q := Question{Key: "user_experience", Title: "User experience", Asks: "What does a user see when it is slow, and when it fails?", Command: "infer config"}
	if in.Recommendation == nil {
		return in.noRecommendation(q)
	}
	measured := 0
	var missing grouped
	for i := range in.types() {
		d := &in.types()[i]
		c := in.cell(d.TaskType, d.Default)
		if c == nil || c.N == 0 {
			continue
		}
		measured++
		line := fmt.Sprintf("%s: first token within %s, whole answer within %s, for 95 of 100", name(d.TaskType), millisText(c.TTFT.P95), millisText(c.Latency.P95))
		var ends []string
		for _, e := range endStates {
			if n := e.count(c); n > 0 {
				ends = append(ends, share(n, c.N)+" "+e.words)
			}
		}
		q.Answer = append(q.Answer, line+"; ends: "+strings.Join(ends, ", "))
		limits(&missing, d, c)
	}
	for _, e := range endStates {
		if e.message != "" {
			q.Answer = append(q.Answer, "proposed message for "+e.words+": "+e.message)
		}
	}
	q.Answer = append(q.Answer, "proposed message past the p95 to the first token: “Still working on it …”")
	q.Missing = missing.lines(len(in.types()))
	if measured == 0 {
		q.State = Open
		q.Missing = append(q.Missing, "no default was measured")
	}
	return q
}

// limits notes what is not measured or not promised.
func limits(missing *grouped, d *eval.TypeDecision, c *report.Cell) {
	if c.TTFT.P95 == nil {
		missing.add("the time to the first token was not measured; stream the answers", d.TaskType)
	}
	switch {
	case d.SLO == 0:
		missing.add("no limit is set; set slo_p95 under task_types", d.TaskType)
	case c.Latency.P95 != nil && *c.Latency.P95 > float64(d.SLO.Milliseconds()):
		missing.add(fmt.Sprintf("the p95 of %s is above the limit of %s", millisText(c.Latency.P95), d.SLO), d.TaskType)
	}
}

func (in *ChecklistInput) rollback() Question {
	q := Question{Key: "rollback_condition", Title: "Rollback condition", Asks: "On what sign is the change taken back, and to what?", Command: "infer recommend"}
	if in.Recommendation == nil {
		return in.noRecommendation(q)
	}
	var g, missing grouped
	for i := range in.types() {
		d := &in.types()[i]
		g.add(d.Rollback, d.TaskType)
		if !selected(d) {
			missing.add("undecided, so the condition is not one for a new default", d.TaskType)
		}
	}
	q.Answer, q.Missing = g.lines(len(in.types())), missing.lines(len(in.types()))
	if in.Recommendation.Rule.Incumbent == "" {
		q.Missing = append(q.Missing, "no incumbent is named: set incumbent in infer.yaml to what a change would go back to")
	}
	if len(in.types()) == 0 {
		q.State = Open
	}
	return q
}
