package datasets

import (
	"encoding/json"
	"fmt"
	"sort"
	"strings"

	"infer/eval"
)

// remap moves the values at the mapped paths to infer's own field names. What
// is not mapped stays where it is; a path that a line does not have leaves the
// field out, even where the line has another one of that name.
func remap(raw []byte, fields map[string]string) ([]byte, *LineError) {
	var in map[string]json.RawMessage
	if err := json.Unmarshal(raw, &in); err != nil {
		return nil, explain(err)
	}
	out := make(map[string]json.RawMessage, len(in)+len(fields))
	for k, v := range in {
		out[k] = v
	}
	targets := make([]string, 0, len(fields))
	for t := range fields {
		targets = append(targets, t)
	}
	sort.Strings(targets)
	for _, t := range targets {
		if !strings.Contains(t, ".") {
			delete(out, t)
		}
	}
	nested := make(map[string]map[string]json.RawMessage)
	for _, target := range targets {
		v, ok := in[fields[target]] // a key may hold dots itself
		if !ok {
			v, ok = lookup(in, strings.Split(fields[target], "."))
		}
		if !ok {
			continue
		}
		if !strings.Contains(fields[target], ".") && !isKnown(fields[target]) {
			delete(out, fields[target])
		}
		top, sub, deep := strings.Cut(target, ".")
		if !deep {
			out[top] = v
			continue
		}
		if nested[top] == nil {
			inner := make(map[string]json.RawMessage)
			if old, ok := out[top]; ok {
				if err := json.Unmarshal(old, &inner); err != nil {
					return nil, inside(top, err)
				}
			}
			nested[top] = inner
		}
		nested[top][sub] = v
	}
	for top, m := range nested {
		b, err := json.Marshal(m)
		if err != nil {
			return nil, explain(err)
		}
		out[top] = b
	}
	b, err := json.Marshal(out)
	if err != nil {
		return nil, explain(err)
	}
	return b, nil
}

func lookup(m map[string]json.RawMessage, path []string) (json.RawMessage, bool) {
	v, ok := m[path[0]]
	if !ok || len(path) == 1 {
		return v, ok
	}
	var inner map[string]json.RawMessage
	if json.Unmarshal(v, &inner) != nil {
		return nil, false
	}
	return lookup(inner, path[1:])
}

// CheckFields validates a field mapping: its keys must be fields of a task, or
// parts of `recorded`.
func CheckFields(fields map[string]string) error {
	targets := make([]string, 0, len(fields))
	for t := range fields {
		targets = append(targets, t)
	}
	sort.Strings(targets)
	for _, target := range targets {
		path := fields[target]
		top, _, deep := strings.Cut(target, ".")
		if !isKnown(top) || deep && top != "recorded" {
			return eval.Invalid(fmt.Errorf("fields: %q is not a field of a task", target), "the fields are "+strings.Join(known[:], ", ")+", and recorded.NAME")
		}
		if path == "" {
			return eval.Invalid(fmt.Errorf("fields: %s maps to nothing", target), "give the dotted path of the value in your lines")
		}
	}
	return nil
}
