package route

import (
	"slices"

	"infer/eval"
)

// classRule is what the failure table allows for a class, and the statuses that
// gateways see in its place.
type classRule struct {
	class    eval.Class
	fallback bool  // a backup may take over
	once     bool  // tried again once at most
	statuses []int // HTTP statuses of the class; nil = it has none
}

// classRules are the classes that a route may name, in the order in which they
// are written. Every other class is the caller's or the model's own and neither
// retried nor handed over: a backup would hide a mistake or get round a refusal.
var classRules = []classRule{
	{eval.ClassRateLimit, true, false, []int{429}},
	{eval.ClassTimeout, true, true, []int{408, 504}},
	{eval.ClassUnavailable, true, false, []int{409, 424, 500, 502, 503, 520, 521, 522, 523, 524, 529}},
	{eval.ClassNetwork, true, false, nil},
	{eval.ClassInvalidOutput, true, true, nil},
}

// Triggers lists the classes that may hand over to a backup or be tried again.
func Triggers() []eval.Class {
	out := make([]eval.Class, len(classRules))
	for i := range classRules {
		out[i] = classRules[i].class
	}
	return out
}

func ruleOf(c eval.Class) (classRule, bool) {
	for _, r := range classRules {
		if r.class == c {
			return r, true
		}
	}
	return classRule{}, false
}

// ordered returns the classes of the list that a route may name, each once, in
// the table's order.
func ordered(list []eval.Class) []eval.Class {
	var out []eval.Class
	for _, r := range classRules {
		if slices.Contains(list, r.class) {
			out = append(out, r.class)
		}
	}
	return out
}

// statusesOf lists the statuses of the classes, ascending.
func statusesOf(classes []eval.Class) []int {
	var out []int
	for _, c := range classes {
		if r, ok := ruleOf(c); ok {
			out = append(out, r.statuses...)
		}
	}
	slices.Sort(out)
	return out
}

// classesOf is the inverse of statusesOf: a class is meant when all its statuses
// are there. Classes without statuses are never found.
func classesOf(statuses []int) []eval.Class {
	var out []eval.Class
	for _, r := range classRules {
		all := len(r.statuses) > 0
		for _, s := range r.statuses {
			all = all && slices.Contains(statuses, s)
		}
		if all {
			out = append(out, r.class)
		}
	}
	return out
}

// without returns the classes of list that are not in drop.
func without(list, drop []eval.Class) []eval.Class {
	var out []eval.Class
	for _, c := range list {
		if !slices.Contains(drop, c) {
			out = append(out, c)
		}
	}
	return out
}

// retriesOf is how often a failure of the class is tried again under the rule.
func (r Retry) retriesOf(c eval.Class, limit int) int {
	rule, ok := ruleOf(c)
	if !ok || !slices.Contains(r.On, c) {
		return 0
	}
	if rule.once {
		return min(1, limit)
	}
	return limit
}

// joined returns the list with both of two classes where it has one of them: a
// gateway that cannot tell them apart treats them alike.
//
//nolint:unparam // the classes are named where it is called
func joined(list []eval.Class, a, b eval.Class) []eval.Class {
	if slices.Contains(list, a) || slices.Contains(list, b) {
		return ordered(append(slices.Clone(list), a, b))
	}
	return ordered(list)
}
