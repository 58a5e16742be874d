// Package scoring turns grader rules into graders and their scores into a
// verdict.
//
// Rules are JSON: a grader's name, an object {"type": NAME, options…}, a list
// (all must pass), or {"all": […]}, {"any": […]}, {"not": …}, {"weights": […],
// "threshold": x}. They are strict: an unknown grader or option is an error with
// the nearest known name. Composition is three-valued: what could not be judged
// is unscored, and stays so unless the rest decides without it.
package scoring

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"sort"
	"strings"

	"infer/eval"
	"infer/scoring/grade"
	"infer/scoring/judge"
	"infer/scoring/sandbox"
)

// Grader judges one answer.
type Grader interface {
	Grade(ctx context.Context, t *eval.Task, r *eval.Response) eval.Score
}

// preparer is a grader that must compile something first.
type preparer interface{ Prepare() error }

// Info describes a grader for people.
type Info struct {
	Name    string
	Summary string
	Options []OptionInfo
	new     func() Grader
}

// OptionInfo describes one option of a grader.
type OptionInfo struct {
	Name     string
	Type     string
	Doc      string
	Required bool
}

// Graders lists every grader, sorted by name.
func Graders() []Info {
	list := []Info{
		{Name: "exact", Summary: "the answer is the expected text (white space at the ends aside)", new: func() Grader { return &grade.Exact{} }},
		{Name: "contains", Summary: "the answer holds a text, several, or none of them", new: func() Grader { return &grade.Contains{} }},
		{Name: "one_of", Summary: "the answer names the expected label and no other", new: func() Grader { return &grade.OneOf{} }},
		{Name: "regex", Summary: "a regular expression (RE2) matches the answer", new: func() Grader { return &grade.Regex{} }},
		{Name: "number", Summary: "the answer's number is the expected one, within a tolerance", new: func() Grader { return &grade.Number{} }},
		{Name: "json", Summary: "the answer is the expected JSON, field by field", new: func() Grader { return &grade.JSON{} }},
		{Name: "json_schema", Summary: "the answer is JSON that fits a schema", new: func() Grader { return &grade.Schema{} }},
		{Name: "multiple_choice", Summary: "the answer picks the expected letter", new: func() Grader { return &grade.Choice{} }},
		{Name: "edit_similarity", Summary: "the answer is nearly the expected text, letter by letter", new: func() Grader { return &grade.EditSimilarity{} }},
		{Name: "rouge_l", Summary: "the answer shares its wording with the expected text (ROUGE-L)", new: func() Grader { return &grade.RougeL{} }},
		{Name: "length", Summary: "the answer's length lies within limits", new: func() Grader { return &grade.Length{} }},
		{Name: "tool_call", Summary: "the answer calls the expected tools with the expected arguments", new: func() Grader { return &grade.ToolCall{} }},
		{Name: "refusal", Summary: "the answer does, or does not, refuse what was asked", new: func() Grader { return &grade.Refusal{} }},
		{Name: "language", Summary: "the answer is written in the given language", new: func() Grader { return &grade.Language{} }},
		{Name: "latency", Summary: "the answer's call took at most so long", new: func() Grader { return &grade.Latency{} }},
		{Name: "cost", Summary: "the answer's call cost at most so much", new: func() Grader { return &grade.Cost{} }},
		{Name: "expr", Summary: "an expression over the answer is true, or a number that is high enough", new: func() Grader { return &grade.Expression{} }},
		{Name: "similarity", Summary: "the answer means nearly what the expected text does (embeddings)", new: func() Grader { return &grade.Embedding{} }},
		{Name: "judge", Summary: "judges find that the answer meets a rubric, or give it a mark that is high enough", new: func() Grader { return &judge.Rubric{} }},
		{Name: "pairwise", Summary: "judges find the answer at least as good as the reference, whichever comes first", new: func() Grader { return &judge.Pairwise{} }},
		{Name: "factuality", Summary: "judges find that the answer's facts agree with the reference's", new: func() Grader { return &judge.Factuality{} }},
		{Name: "code", Summary: "the answer's code passes its tests, run in a sandbox (needs --allow-exec)", new: func() Grader { return &sandbox.Code{} }},
		{Name: "command", Summary: "a program of the project's own judges the answer (needs --allow-exec)", new: func() Grader { return &sandbox.Command{} }},
		{Name: "finish_reason", Summary: "the answer ended as it should", new: func() Grader { return &grade.Finish{} }},
	}
	for i := range list {
		list[i].Options = options(reflect.TypeOf(list[i].new()).Elem())
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Name < list[j].Name })
	return list
}

// options reads a grader's options from its struct tags.
func options(t reflect.Type) []OptionInfo {
	var out []OptionInfo
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous {
			out = append(out, options(f.Type)...)
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || name == "" || name == "-" {
			continue
		}
		out = append(out, OptionInfo{Name: name, Type: typeName(f.Type), Doc: f.Tag.Get("doc"), Required: f.Tag.Get("required") == "true"})
	}
	return out
}

func typeName(t reflect.Type) string {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == reflect.TypeFor[json.Number]() || t.Kind() == reflect.Float64:
		return "number"
	case t == reflect.TypeFor[judge.Names]():
		return "name or list"
	case t == reflect.TypeFor[json.RawMessage]() || t.Kind() == reflect.Map:
		return "object"
	case t.Kind() == reflect.Slice:
		return "list"
	case t.Kind() == reflect.Bool:
		return "true/false"
	case t.Kind() == reflect.Int:
		return "integer"
	}
	return "text"
}

// build makes a grader from its name and options.
func (c *compiler) build(name string, opts map[string]json.RawMessage) (Grader, error) {
	all := Graders()
	i := sort.Search(len(all), func(i int) bool { return all[i].Name >= name })
	if i == len(all) || all[i].Name != name {
		names := make([]string, len(all))
		for k := range all {
			names[k] = all[k].Name
		}
		return nil, eval.Invalid(fmt.Errorf("unknown grader %q", eval.Untrusted(name).Line(60)), suggest(name, names, "graders"))
	}
	known := make([]string, 0, len(all[i].Options))
	for _, o := range all[i].Options {
		known = append(known, o.Name)
		if _, ok := opts[o.Name]; o.Required && !ok {
			return nil, eval.Invalid(fmt.Errorf("grader %s needs the option %q", name, o.Name), "`infer help grading` describes it: "+o.Doc)
		}
	}
	for k := range opts {
		if !contains(known, k) {
			return nil, eval.Invalid(fmt.Errorf("grader %s has no option %q", name, eval.Untrusted(k).Line(60)), suggest(k, known, "options of "+name))
		}
	}
	g := all[i].new()
	body, err := json.Marshal(opts)
	if err != nil {
		return nil, fmt.Errorf("grader %s: %w", name, err)
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(g); err != nil {
		return nil, eval.Invalid(fmt.Errorf("grader %s: %w", name, plain(err)), "`infer help grading` describes its options")
	}
	if p, ok := g.(preparer); ok {
		if err := p.Prepare(); err != nil {
			return nil, eval.Invalid(err, "mend the grader's options")
		}
	}
	return g, c.equip(name, g)
}

// plain takes Go's names out of a decoding error.
func plain(err error) error {
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) {
		return fmt.Errorf("%s cannot be a %s", kind.Field, kind.Value)
	}
	return err
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// suggest names the nearest known word, or lists them all.
func suggest(word string, known []string, what string) string {
	best, at := 3, ""
	for _, k := range known {
		if sim, _ := grade.Similarity(strings.ToLower(word), k); sim > 0 {
			if d := int((1-sim)*float64(max(len([]rune(word)), len(k))) + 0.5); d < best {
				best, at = d, k
			}
		}
	}
	if at != "" {
		return fmt.Sprintf("did you mean %s?", at)
	}
	return "the " + what + " are " + strings.Join(known, ", ")
}
