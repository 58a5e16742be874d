package judge

import (
	"context"
	"fmt"
	"strings"

	"infer/eval"
)

// Pairwise accepts an answer that judges find at least as good as the reference
// answer. Every judge is asked twice, with the two answers swapped; one whose word
// follows the order and not the answers has said nothing.
type Pairwise struct {
	Bench
	Rubric       string `json:"rubric,omitempty" doc:"what makes an answer the better one, in words"`
	Against      string `json:"against,omitempty" doc:"expected (default) or recorded: what the answer is compared with"`
	Need         string `json:"need,omitempty" doc:"tie (default: at least as good) or win"`
	Disagreement string `json:"disagreement,omitempty" doc:"what it means that a judge's two verdicts differ: unscored (default) or tie"`
}

// Factuality accepts an answer whose facts agree with those of the reference.
type Factuality struct {
	Bench
	Accept []string `json:"accept,omitempty" doc:"of same, more, less, conflict, other; default same and more"`
}

// Prepare checks the options.
func (g *Pairwise) Prepare() error {
	for _, o := range []struct{ name, value, a, b string }{{"against", g.Against, "expected", "recorded"}, {"need", g.Need, "tie", "win"}, {"disagreement", g.Disagreement, "unscored", "tie"}} {
		if o.value != "" && o.value != o.a && o.value != o.b {
			return fmt.Errorf("pairwise: %s is %q; it may be %s or %s", o.name, eval.Untrusted(o.value).Line(40), o.a, o.b)
		}
	}
	if err := g.check(); err != nil {
		return fmt.Errorf("pairwise: %w", err)
	}
	return nil
}

// Grade asks the judges twice.
func (g *Pairwise) Grade(ctx context.Context, t *eval.Task, r *eval.Response) eval.Score {
	task, parts, err := conversation(t)
	answer := answerText(r)
	var other string
	if err == nil {
		other, err = reference(t, g.Against == "recorded")
	}
	if err == nil {
		err = g.fits(answer + other)
	}
	if err != nil {
		return unscored("pairwise", err.Error(), nil)
	}
	if strings.TrimSpace(answer) == strings.TrimSpace(other) {
		ok, value := g.Need != "win", 0.5
		return eval.Score{Grader: "pairwise", Pass: &ok, Value: &value, Explanation: "the two answers are the same text: a tie; no judge was asked"}
	}
	straight, calls := g.poll(ctx, g.question(task, parts, answer, other))
	swapped, more := g.poll(ctx, g.question(task, parts, other, answer))
	votes := make([]vote, len(straight))
	for i := range straight {
		votes[i] = g.settle(straight[i], swapped[i])
	}
	return g.tally("pairwise", votes, append(calls, more...), func(label string) (bool, float64) {
		switch label {
		case "win":
			return true, 1
		case "tie":
			return g.Need != "win", 0.5
		}
		return false, 0
	})
}

func (g *Pairwise) question(task string, parts []eval.Part, first, second string) *question {
	q := &question{kind: "pairwise", labels: []string{"first", "second", "tie"}, parts: parts, data: []string{task, first, second, g.Rubric}}
	rule := g.Rubric
	if rule == "" {
		rule = "The better answer is the one that does what the task asks for more correctly and more completely."
	}
	q.write = func(s *seal) (string, string) {
		return rules, "THE RULE\n" + rule + "\nYou compare two answers to the same task. Their order says nothing.\n\n" + between(s, "THE TASK", task) + "\n" +
			between(s, "THE FIRST ANSWER", first) + "\n" + between(s, "THE SECOND ANSWER", second) + "\n" +
			closing(s, map[string]string{"first": "the first answer is better", "second": "the second answer is better", "tie": "neither is better"})
	}
	return q
}

// settle makes one vote of the verdicts in both orders.
func (g *Pairwise) settle(straight, swapped vote) vote {
	for _, v := range []vote{straight, swapped} {
		if v.label == "" {
			return v
		}
	}
	a := map[string]string{"first": "win", "second": "loss", "tie": "tie"}[straight.label]
	b := map[string]string{"first": "loss", "second": "win", "tie": "tie"}[swapped.label]
	v := vote{name: straight.name, label: a, reasons: straight.reasons + " / swapped: " + swapped.reasons}
	switch {
	case a == b:
	case g.Disagreement == "tie":
		v.label, v.reasons = "tie", fmt.Sprintf("%s in one order, %s in the other; %s", a, b, v.reasons)
	default:
		v.label, v.err = "", fmt.Errorf("%s in one order, %s in the other", a, b)
	}
	return v
}

// facts are the ways in which an answer's facts can stand to the reference's.
var facts = []struct{ label, meaning string }{
	{"same", "it states the same facts"},
	{"more", "it states all of them and further ones that do not contradict them"},
	{"less", "it states some of them and contradicts none"},
	{"conflict", "it contradicts at least one of them"},
	{"other", "it states none of them"},
}

// Prepare checks the options.
func (g *Factuality) Prepare() error {
	for _, a := range g.Accept {
		known := false
		for _, f := range facts {
			known = known || f.label == a
		}
		if !known {
			return fmt.Errorf("factuality: accept holds %q; it may hold same, more, less, conflict, other", eval.Untrusted(a).Line(40))
		}
	}
	if len(g.Accept) == 0 {
		g.Accept = []string{"same", "more"}
	}
	if err := g.check(); err != nil {
		return fmt.Errorf("factuality: %w", err)
	}
	return nil
}

// Grade asks the judges.
func (g *Factuality) Grade(ctx context.Context, t *eval.Task, r *eval.Response) eval.Score {
	task, parts, err := conversation(t)
	answer := answerText(r)
	var want string
	if err == nil {
		want, err = reference(t, false)
	}
	if err == nil {
		err = g.fits(answer)
	}
	if err != nil {
		return unscored("factuality", err.Error(), nil)
	}
	q := &question{kind: "factuality", parts: parts, data: []string{task, answer, want}}
	meaning := make(map[string]string, len(facts))
	for _, f := range facts {
		q.labels, meaning[f.label] = append(q.labels, f.label), f.meaning
	}
	q.write = func(s *seal) (string, string) {
		return rules, "THE RULE\nCompare the facts of the answer with those of the reference, which are true. Wording, style and order do not matter.\n\n" +
			between(s, "THE TASK", task) + "\n" + between(s, "THE REFERENCE", want) + "\n" + between(s, "THE ANSWER TO JUDGE", answer) + "\n" + closing(s, meaning)
	}
	votes, calls := g.poll(ctx, q)
	return g.tally("factuality", votes, calls, func(label string) (bool, float64) {
		for _, a := range g.Accept {
			if a == label {
				return true, 1
			}
		}
		return false, 0
	})
}
