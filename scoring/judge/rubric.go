package judge

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"infer/eval"
)

// Rubric accepts an answer that judges pass by a rubric, or give a mark from a
// threshold on.
type Rubric struct {
	Bench
	Rubric    string `json:"rubric" doc:"what makes an answer pass, in words" required:"true"`
	Scale     int    `json:"scale,omitempty" doc:"judge by marks from 1 to this (2 to 10) instead of pass or fail"`
	Threshold int    `json:"threshold,omitempty" doc:"least mark that is accepted; default: above the middle of the scale"`
	Expected  bool   `json:"show_expected,omitempty" doc:"show the judge the task's expected value"`
}

// Prepare checks the options.
func (g *Rubric) Prepare() error {
	switch {
	case strings.TrimSpace(g.Rubric) == "":
		return errors.New("judge: the rubric is empty")
	case g.Scale != 0 && (g.Scale < 2 || g.Scale > 10):
		return errors.New("judge: scale is not between 2 and 10")
	case g.Threshold != 0 && (g.Threshold < 2 || g.Threshold > g.Scale):
		return errors.New("judge: threshold is not between 2 and the scale")
	}
	if g.Scale > 0 && g.Threshold == 0 {
		g.Threshold = g.Scale/2 + 1
	}
	if err := g.check(); err != nil {
		return fmt.Errorf("judge: %w", err)
	}
	return nil
}

// Grade asks the judges.
func (g *Rubric) Grade(ctx context.Context, t *eval.Task, r *eval.Response) eval.Score {
	task, parts, err := conversation(t)
	answer := answerText(r)
	if err == nil {
		err = g.fits(answer)
	}
	var want string
	if err == nil && g.Expected {
		want, err = reference(t, false)
	}
	if err != nil {
		return unscored("judge", err.Error(), nil)
	}
	q := &question{kind: "rubric", parts: parts, data: []string{task, answer, want, g.Rubric}}
	meaning := map[string]string{"pass": "the answer meets the rubric", "fail": "it does not"}
	if q.labels = []string{"pass", "fail"}; g.Scale > 0 {
		q.labels, meaning = nil, map[string]string{"1": "the worst", strconv.Itoa(g.Scale): "the best"}
		for i := 1; i <= g.Scale; i++ {
			q.labels = append(q.labels, strconv.Itoa(i))
		}
	}
	q.write = func(s *seal) (string, string) {
		b := "THE RULE\n" + g.Rubric + "\n\n" + between(s, "THE TASK", task) + "\n"
		if g.Expected {
			b += between(s, "A REFERENCE ANSWER", want) + "\n"
		}
		b += between(s, "THE ANSWER TO JUDGE", answer) + "\n" + closing(s, meaning)
		return rules, b
	}
	votes, calls := g.poll(ctx, q)
	return g.tally("judge", votes, calls, func(label string) (bool, float64) {
		if g.Scale == 0 {
			return label == "pass", yesNo(label == "pass")
		}
		mark, err := strconv.Atoi(label)
		return err == nil && mark >= g.Threshold, float64(mark-1) / float64(g.Scale-1)
	})
}

func yesNo(ok bool) float64 {
	if ok {
		return 1
	}
	return 0
}

func unscored(grader, why string, calls []eval.Call) eval.Score {
	return eval.Score{Grader: grader, Error: eval.Untrusted(why), Calls: calls}
}

// tally makes a score of votes: accepted or rejected where more than half of all
// judges say so, unscored else. The value is the mean of the votes that can be
// read.
func (b *Bench) tally(grader string, votes []vote, calls []eval.Call, mean func(label string) (pass bool, value float64)) eval.Score {
	passes, fails, sum := 0, 0, 0.0
	var words []string
	for _, v := range votes {
		if v.label == "" {
			words = append(words, v.name+" gave no verdict: "+v.err.Error())
			continue
		}
		ok, value := mean(v.label)
		if ok {
			passes++
		} else {
			fails++
		}
		sum += value
		words = append(words, fmt.Sprintf("%s: %s. %s", v.name, v.label, brief(v.reasons)))
	}
	said := strings.Join(words, "; ")
	n := len(votes)
	switch {
	case n == 1 && passes+fails == 0:
		return unscored(grader, said, calls)
	case 2*passes <= n && 2*fails <= n:
		return unscored(grader, fmt.Sprintf("%d of %d judges pass it, %d do not: no majority. %s", passes, n, fails, said), calls)
	}
	ok, value := 2*passes > n, sum/float64(passes+fails)
	return eval.Score{Grader: grader, Pass: &ok, Value: &value, Explanation: eval.Untrusted(said), Calls: calls}
}

// brief is the beginning of a judge's reasons.
func brief(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > 600 {
		s = strings.ToValidUTF8(s[:600], "") + "…"
	}
	return s
}
