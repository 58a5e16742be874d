package scoring

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"sort"
	"sync"

	"infer/eval"
	"infer/scoring/grade"
)

// Other is the key of the rule for task types without one of their own.
const Other = "*"

// maxLineRules bounds how many different rules of dataset lines are kept
// compiled.
const maxLineRules = 4096

// Set is the compiled rules of a run. It is safe for concurrent use.
type Set struct {
	types map[string]rule
	tools Tools

	mu    sync.Mutex
	lines map[string]compiled // rules of single lines, by their JSON
	// judged are the task types whose rules, or the rules of one of their lines,
	// ask a judge.
	judged map[string]bool
	embeds bool // a rule asks the embedder
}

// compiled is a rule and whether it asks a judge.
type compiled struct {
	rule
	judged bool
}

// Compile compiles rules by task type; the key "*" is for every other type. A
// task type without a rule is graded by the type of its expected value. Errors
// are eval.KindInvalid with a hint; one is a grader that needs a tool.
func Compile(rules map[string]json.RawMessage) (*Set, error) { return CompileWith(rules, Tools{}) }

// CompileWith is Compile for rules whose graders may need tools.
func CompileWith(rules map[string]json.RawMessage, tools Tools) (*Set, error) {
	s := &Set{types: make(map[string]rule, len(rules)), lines: make(map[string]compiled), judged: make(map[string]bool), tools: tools}
	for kind, raw := range rules {
		c := &compiler{tools: tools}
		r, err := c.parseRule(raw, 0)
		if err != nil {
			if kind == Other {
				return nil, fmt.Errorf("graders: %w", err)
			}
			return nil, fmt.Errorf("task type %s: graders: %w", eval.Untrusted(kind).Line(60), err)
		}
		s.types[kind] = r
		if c.judged {
			s.judged[kind] = true
		}
		s.embeds = s.embeds || c.embeds
	}
	return s, nil
}

// Check compiles a line's own graders, so that a mistake is found before
// anything is sent.
func (s *Set) Check(t *eval.Task) error {
	_, err := s.rule(t)
	return err
}

func (s *Set) rule(t *eval.Task) (rule, error) {
	if len(t.Graders) > 0 {
		return s.lineRule(t.Type, t.Graders)
	}
	if r, ok := s.types[t.Type]; ok {
		return r, nil
	}
	if r, ok := s.types[Other]; ok {
		return r, nil
	}
	return byExpected(t.Expected), nil
}

func (s *Set) lineRule(kind string, graders []json.RawMessage) (rule, error) {
	key, err := json.Marshal(graders)
	if err != nil {
		return nil, fmt.Errorf("graders: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.lines[string(key)]
	if !ok {
		c := &compiler{tools: s.tools, data: true}
		if r.rule, err = c.parseRule(key, 0); err != nil {
			return nil, fmt.Errorf("graders: %w", err)
		}
		r.judged = c.judged
		s.embeds = s.embeds || c.embeds
		if len(s.lines) >= maxLineRules {
			s.lines = make(map[string]compiled)
		}
		s.lines[string(key)] = r
	}
	if r.judged {
		s.judged[kind] = true
	}
	return r.rule, nil
}

// Embeds reports whether a rule asks the embedder. Of single lines, those that
// Check or Grade has seen count.
func (s *Set) Embeds() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.embeds
}

// Judged returns the task types whose verdicts rest on judges, sorted; "*" stands
// for every type without a rule of its own. Of single lines, those that Check or
// Grade has seen count.
func (s *Set) Judged() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]string, 0, len(s.judged))
	for kind := range s.judged {
		out = append(out, kind)
	}
	sort.Strings(out)
	return out
}

// The rules for tasks that no grader was named for.
var (
	exactRule  = leaf{"exact", &grade.Exact{}}
	numberRule = leaf{"number", &grade.Number{}}
	jsonRule   = leaf{"json", &grade.JSON{Extract: true}}
	boolRule   = leaf{"one_of", &grade.OneOf{Labels: []string{"true", "false"}}}
)

// byExpected is the default rule: a text is compared exactly after trimming, a
// number as a number, a truth value as a label, anything else as JSON. nil = no
// expected value, so nothing to compare with.
func byExpected(expected json.RawMessage) rule {
	expected = bytes.TrimSpace(expected)
	if len(expected) == 0 {
		return nil
	}
	switch c := expected[0]; {
	case c == '"':
		return exactRule
	case c == '-' || c >= '0' && c <= '9':
		return numberRule
	case c == 't' || c == 'f':
		return boolRule
	}
	return jsonRule
}

// Grade judges one answer: by the line's graders, else its task type's, else by
// the type of its expected value.
func (s *Set) Grade(ctx context.Context, t *eval.Task, r *eval.Response) eval.Grade {
	rule, err := s.rule(t)
	if err != nil {
		return eval.Grade{Verdict: eval.Unscored, Scores: []eval.Score{{Grader: "graders", Error: eval.Untrusted(err.Error())}}}
	}
	if rule == nil {
		return eval.Grade{Verdict: eval.Unscored, Scores: []eval.Score{{Grader: "none", Error: "the task has neither an expected value nor a grader"}}}
	}
	var g eval.Grade
	pass, _ := rule.judge(ctx, t, r, &g.Scores)
	for i := range g.Scores {
		for k := range g.Scores[i].Calls {
			g.Cost = g.Cost.Plus(g.Scores[i].Calls[k].Cost)
		}
	}
	switch {
	case pass == nil:
		g.Verdict = eval.Unscored
	case *pass:
		g.Verdict = eval.Accepted
	default:
		g.Verdict = eval.Rejected
	}
	return g
}

// Repair decides by a repair rule whether a person would mend a rejected
// answer; nil = the rule cannot say, since there is nothing to compare with.
func Repair(t *eval.Task, r *eval.Response, rule *eval.RepairRule) *bool {
	var fix, known bool
	if rule.MaxMissingFields != nil {
		if n, ok := grade.WrongFields(t.Expected, r.Text.Raw()); ok {
			known, fix = true, n <= *rule.MaxMissingFields
		}
	}
	if rule.MaxEditRatio != nil && !fix && len(t.Expected) > 0 {
		var want string
		if json.Unmarshal(t.Expected, &want) != nil {
			want = string(t.Expected)
		}
		sim, _ := grade.Similarity(want, r.Text.Raw())
		known, fix = true, 1-sim <= *rule.MaxEditRatio
	}
	if !known {
		return nil
	}
	return &fix
}
