package scoring

import (
	"encoding/json"
	"strings"
)

// Rubrics returns the rubrics that rules hold, by task type, for people who judge
// the same answers. A rule without a judge has none.
func Rubrics(rules map[string]json.RawMessage) map[string]string {
	out := make(map[string]string)
	for kind, raw := range rules {
		var v any
		if json.Unmarshal(raw, &v) != nil {
			continue
		}
		if found := rubricsIn(v, 0); len(found) > 0 {
			out[kind] = strings.Join(found, "\n\n")
		}
	}
	return out
}

func rubricsIn(v any, depth int) []string {
	if depth > 2*maxNesting {
		return nil
	}
	var out []string
	switch x := v.(type) {
	case []any:
		for _, item := range x {
			out = append(out, rubricsIn(item, depth+1)...)
		}
	case map[string]any:
		if s, ok := x["rubric"].(string); ok {
			return []string{s}
		}
		for _, key := range []string{"all", "any", "not", "weights", "grader"} {
			if inner, ok := x[key]; ok {
				out = append(out, rubricsIn(inner, depth+1)...)
			}
		}
	}
	return out
}

// PlainText is an expected value as a person writes it: a text as it is, anything
// else as JSON.
func PlainText(expected json.RawMessage) string {
	var s string
	if json.Unmarshal(expected, &s) == nil {
		return s
	}
	return string(expected)
}
