// Package grade holds the deterministic graders: pure functions of a task and
// an answer. A grader that cannot judge says so and leaves the answer unscored;
// it never guesses a pass or a fail. Every score says in words what was
// expected and what was found.
//
// Answers are untrusted and may be large: every grader works in time linear in
// the answer, or caps what it looks at and says that it did.
package grade

import (
	"encoding/json"
	"fmt"
	"strings"

	"infer/eval"
)

// shown is how much of an answer an explanation quotes.
const shown = 80

// pass is a score for a judged answer.
func pass(grader string, ok bool, explanation string) eval.Score {
	v := 0.0
	if ok {
		v = 1
	}
	return eval.Score{Grader: grader, Pass: &ok, Value: &v, Explanation: eval.Untrusted(explanation)}
}

// valued is a score with a value in [0, 1] of its own.
func valued(grader string, ok bool, value float64, explanation string) eval.Score {
	return eval.Score{Grader: grader, Pass: &ok, Value: &value, Explanation: eval.Untrusted(explanation)}
}

// unscored is a score for an answer that the grader could not judge.
func unscored(grader, why string) eval.Score {
	return eval.Score{Grader: grader, Error: eval.Untrusted(why)}
}

// quote shows the beginning of a text inside an explanation.
func quote(s string) string {
	if len(s) > shown {
		s = strings.ToValidUTF8(s[:shown], "") + "…"
	}
	return `"` + s + `"`
}

// text returns the task's expected value as text, and false where it is not a
// text.
func text(t *eval.Task) (string, bool) {
	var s string
	if len(t.Expected) == 0 || t.Expected[0] != '"' || json.Unmarshal(t.Expected, &s) != nil {
		return "", false
	}
	return s, true
}

// plainText returns the expected value as a person would write it: a text as it
// is, a number or a truth value as its JSON.
func plainText(t *eval.Task) (string, bool) {
	if s, ok := text(t); ok {
		return s, true
	}
	if len(t.Expected) > 0 && t.Expected[0] != '{' && t.Expected[0] != '[' {
		return string(t.Expected), true
	}
	return "", false
}

func noExpected(grader, want string) eval.Score {
	return unscored(grader, fmt.Sprintf("the task has no expected %s to compare with", want))
}
