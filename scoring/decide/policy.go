package decide

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"infer/eval"
)

// Check is what makes a policy go on to its next call.
type Check string

// The checks.
const (
	// OnErrors goes on where a call gave no answer in a class that triggers a backup.
	OnErrors Check = "errors"
	// OnReject goes on where the answer is not accepted too: what a perfect check of
	// every answer would do.
	OnReject Check = "reject"
)

// Step is a candidate and how often it is called at most.
type Step struct {
	Candidate int
	Calls     int
}

// Policy is a sequence of calls that ends with the first that passes the check.
type Policy struct {
	Name  string
	Steps []Step
	Check Check
}

// ParsePolicy reads "a", "a*2" (called twice at most), "a,b" (b where a gives no
// answer) and "a>b" (b where a's answer is not accepted); both may have more steps
// but not be mixed. It fails with eval.KindInvalid.
func ParsePolicy(text string, names []string) (Policy, error) {
	p := Policy{Name: text, Check: OnErrors}
	sep := ","
	if strings.Contains(text, ">") {
		p.Check, sep = OnReject, ">"
	}
	for _, part := range strings.Split(text, sep) {
		name, calls := strings.TrimSpace(part), 1
		if i := slices.Index(names, name); i < 0 {
			base, n, ok := cutCalls(name)
			if !ok {
				return p, eval.Invalid(fmt.Errorf("policy %s: no candidate %q", named(text), named(name)), "the candidates are "+eval.Untrusted(strings.Join(names, ", ")).Line(300))
			}
			name, calls = base, n
		}
		i := slices.Index(names, name)
		if i < 0 {
			return p, eval.Invalid(fmt.Errorf("policy %s: no candidate %q", named(text), named(name)), "the candidates are "+eval.Untrusted(strings.Join(names, ", ")).Line(300))
		}
		for _, s := range p.Steps {
			if s.Candidate == i {
				return p, eval.Invalid(fmt.Errorf("policy %s names %s twice", named(text), named(name)), "call it more than once with "+named(name)+"*2")
			}
		}
		p.Steps = append(p.Steps, Step{i, calls})
	}
	return p, nil
}

func cutCalls(s string) (string, int, bool) {
	i := strings.LastIndexByte(s, '*')
	if i < 0 {
		return "", 0, false
	}
	n, err := strconv.Atoi(s[i+1:])
	return s[:i], n, err == nil && n >= 1 && n <= 20
}

// describe is the policy in words.
func (p *Policy) describe(names []string) string {
	parts := make([]string, len(p.Steps))
	for i, s := range p.Steps {
		parts[i] = names[s.Candidate]
		if s.Calls > 1 {
			parts[i] += fmt.Sprintf(" up to %d times", s.Calls)
		}
	}
	if p.Check == OnReject {
		return strings.Join(parts, " > ")
	}
	return strings.Join(parts, ", ")
}
