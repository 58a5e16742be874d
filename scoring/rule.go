package scoring

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"

	"infer/eval"
)

// rule is a compiled grader rule: a tree.
type rule interface {
	// judge appends the scores of the rule's graders to scores and returns
	// whether the answer passes (nil = could not be judged) and its value.
	judge(ctx context.Context, t *eval.Task, r *eval.Response, scores *[]eval.Score) (pass *bool, value float64)
}

// leaf is one grader.
type leaf struct {
	name string
	g    Grader
}

// maxExplanation bounds what is stored of a grader's words.
const maxExplanation = 4000

func (l leaf) judge(ctx context.Context, t *eval.Task, r *eval.Response, scores *[]eval.Score) (*bool, float64) {
	s := l.grade(ctx, t, r)
	v := 0.0
	switch {
	case s.Value != nil && !(*s.Value >= 0 && *s.Value <= 1): // NaN is neither
		s = eval.Score{Grader: l.name, Error: eval.Untrusted(fmt.Sprintf("the grader's value %v is not between 0 and 1", *s.Value))}
	case s.Value != nil:
		v = *s.Value
	case s.Pass != nil && *s.Pass:
		v = 1
	}
	s.Explanation, s.Error = clip(s.Explanation), clip(s.Error)
	*scores = append(*scores, s)
	return s.Pass, v
}

// grade judges the answer; a grader that breaks down leaves it unscored, and the
// run goes on.
func (l leaf) grade(ctx context.Context, t *eval.Task, r *eval.Response) (s eval.Score) {
	defer func() {
		if p := recover(); p != nil {
			s = eval.Score{Grader: l.name, Error: eval.Untrusted(fmt.Sprintf("the grader broke down: %v", p))}
		}
	}()
	return l.g.Grade(ctx, t, r)
}

func clip(u eval.Untrusted) eval.Untrusted {
	if len(u) <= maxExplanation {
		return u
	}
	return eval.Untrusted(strings.ToValidUTF8(string(u[:maxExplanation]), "")) + "…"
}

// every passes if all its rules do; a failure decides alone.
type every []rule

func (e every) judge(ctx context.Context, t *eval.Task, r *eval.Response, scores *[]eval.Score) (*bool, float64) {
	return fold(ctx, e, t, r, scores, false)
}

// some passes if one of its rules does; a pass decides alone.
type some []rule

func (s some) judge(ctx context.Context, t *eval.Task, r *eval.Response, scores *[]eval.Score) (*bool, float64) {
	return fold(ctx, s, t, r, scores, true)
}

// fold judges all rules, so that every score is there to be read; the verdict
// that decides alone is given, and without one an unjudged rule leaves the
// whole unjudged.
func fold(ctx context.Context, rules []rule, t *eval.Task, r *eval.Response, scores *[]eval.Score, decisive bool) (*bool, float64) {
	value, unjudged, decided := 0.0, false, false
	for _, x := range rules {
		p, v := x.judge(ctx, t, r, scores)
		value += v
		switch {
		case p == nil:
			unjudged = true
		case *p == decisive:
			decided = true
		}
	}
	value /= float64(len(rules))
	switch {
	case decided:
		return &decisive, value
	case unjudged:
		return nil, value
	}
	other := !decisive
	return &other, value
}

// inverse passes if its rule does not.
type inverse struct{ rule }

func (n inverse) judge(ctx context.Context, t *eval.Task, r *eval.Response, scores *[]eval.Score) (*bool, float64) {
	p, v := n.rule.judge(ctx, t, r, scores)
	if p == nil {
		return nil, 1 - v
	}
	q := !*p
	return &q, 1 - v
}

// weighted passes if the weighted mean of its rules' values reaches a
// threshold. One unjudged rule leaves it unjudged.
type weighted struct {
	rules     []rule
	weights   []float64
	threshold float64
}

func (w weighted) judge(ctx context.Context, t *eval.Task, r *eval.Response, scores *[]eval.Score) (*bool, float64) {
	sum, total, unjudged := 0.0, 0.0, false
	for i, x := range w.rules {
		p, v := x.judge(ctx, t, r, scores)
		unjudged = unjudged || p == nil
		sum, total = sum+w.weights[i]*v, total+w.weights[i]
	}
	value := sum / total
	if unjudged {
		return nil, value
	}
	ok := value >= w.threshold-1e-12
	return &ok, value
}

// IsRule reports whether the keys of an object are those of a rule, and not names
// of task types.
func IsRule(keys map[string]json.RawMessage) bool {
	for _, k := range []string{"type", "all", "any", "not", "weights"} {
		if _, ok := keys[k]; ok {
			return true
		}
	}
	return false
}

// maxNesting bounds how deep rules nest.
const maxNesting = 8

// parseRule compiles the JSON form of a rule.
func (c *compiler) parseRule(raw json.RawMessage, depth int) (rule, error) {
	if depth > maxNesting {
		return nil, eval.Invalid(errors.New("graders nest too deep"), fmt.Sprintf("at most %d levels", maxNesting))
	}
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 {
		return nil, eval.Invalid(errors.New("an empty grader"), "`infer help grading` lists the graders")
	}
	switch raw[0] {
	case '"':
		var name string
		if err := json.Unmarshal(raw, &name); err != nil {
			return nil, fmt.Errorf("grader: %w", err)
		}
		g, err := c.build(name, nil)
		return leaf{name, g}, err
	case '[':
		rules, err := c.parseRules(raw, depth)
		return every(rules), err
	case '{':
		return c.parseObject(raw, depth)
	}
	return nil, eval.Invalid(errors.New("a grader is neither a name, an object nor a list"), "`infer help grading` lists the graders")
}

func (c *compiler) parseRules(raw json.RawMessage, depth int) ([]rule, error) {
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		return nil, eval.Invalid(errors.New("graders are not a list"), "write them like [{type: exact}]")
	}
	if len(items) == 0 {
		return nil, eval.Invalid(errors.New("an empty list of graders"), "leave graders out to grade by the type of expected")
	}
	rules := make([]rule, 0, len(items))
	for _, item := range items {
		r, err := c.parseRule(item, depth+1)
		if err != nil {
			return nil, err
		}
		rules = append(rules, r)
	}
	return rules, nil
}

func (c *compiler) parseObject(raw json.RawMessage, depth int) (rule, error) {
	var m map[string]json.RawMessage
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, fmt.Errorf("grader: %w", err)
	}
	if name, ok := m["type"]; ok {
		var s string
		if err := json.Unmarshal(name, &s); err != nil {
			return nil, eval.Invalid(errors.New("a grader's type is not a name"), "`infer help grading` lists the graders")
		}
		delete(m, "type")
		g, err := c.build(s, m)
		return leaf{s, g}, err
	}
	switch {
	case len(m) == 1 && m["all"] != nil:
		rules, err := c.parseRules(m["all"], depth)
		return every(rules), err
	case len(m) == 1 && m["any"] != nil:
		rules, err := c.parseRules(m["any"], depth)
		return some(rules), err
	case len(m) == 1 && m["not"] != nil:
		r, err := c.parseRule(m["not"], depth+1)
		return inverse{r}, err
	case m["weights"] != nil:
		return c.parseWeighted(m, depth)
	}
	return nil, eval.Invalid(errors.New("a grader object needs type, all, any, not or weights"), "write it like {type: exact} or {any: [exact, {type: number}]}")
}

func (c *compiler) parseWeighted(m map[string]json.RawMessage, depth int) (rule, error) {
	bad := func(why string) (rule, error) {
		return nil, eval.Invalid(errors.New("weights: "+why), "write it like {weights: [{weight: 2, grader: rouge_l}, {weight: 1, grader: exact}], threshold: 0.6}")
	}
	for k := range m {
		if k != "weights" && k != "threshold" {
			return bad(fmt.Sprintf("unknown key %q", eval.Untrusted(k).Line(40)))
		}
	}
	var items []struct {
		Weight float64         `json:"weight"`
		Grader json.RawMessage `json:"grader"`
	}
	w := weighted{threshold: 0.5}
	if json.Unmarshal(m["weights"], &items) != nil || len(items) == 0 {
		return bad("not a list of {weight, grader}")
	}
	if t, ok := m["threshold"]; ok && (json.Unmarshal(t, &w.threshold) != nil || !(w.threshold >= 0 && w.threshold <= 1)) {
		return bad("threshold is not between 0 and 1")
	}
	for _, item := range items {
		if !(item.Weight > 0) || math.IsInf(item.Weight, 0) {
			return bad("a weight is not above 0")
		}
		r, err := c.parseRule(item.Grader, depth+1)
		if err != nil {
			return nil, err
		}
		w.rules, w.weights = append(w.rules, r), append(w.weights, item.Weight)
	}
	return w, nil
}
