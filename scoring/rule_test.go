package scoring_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"infer/eval"
	"infer/scoring"
)

// A tree of rules over leaves whose outcome is known: yes, no and unknown.
const (
	yes     = `{"type":"exact","value":"x"}`
	no      = `{"type":"exact","value":"y"}`
	unknown = `"exact"` // the task has no expected value
)

type tree struct {
	rule string
	want eval.Verdict
}

// trees draws a rule and, by the truth tables of three-valued logic (Kleene),
// what must come of it.
func trees(depth int) *rapid.Generator[tree] {
	leaves := rapid.SampledFrom([]tree{{yes, eval.Accepted}, {no, eval.Rejected}, {unknown, eval.Unscored}})
	if depth == 0 {
		return leaves
	}
	return rapid.Custom(func(t *rapid.T) tree {
		switch kind := rapid.SampledFrom([]string{"leaf", "list", "all", "any", "not"}).Draw(t, "kind"); kind {
		case "leaf":
			return leaves.Draw(t, "leaf")
		case "not":
			x := trees(depth-1).Draw(t, "x")
			flip := map[eval.Verdict]eval.Verdict{eval.Accepted: eval.Rejected, eval.Rejected: eval.Accepted, eval.Unscored: eval.Unscored}
			return tree{`{"not":` + x.rule + `}`, flip[x.want]}
		default:
			xs := rapid.SliceOfN(trees(depth-1), 1, 4).Draw(t, "xs")
			decisive, other := eval.Rejected, eval.Accepted
			if kind == "any" {
				decisive, other = other, decisive
			}
			want, rules := other, make([]string, len(xs))
			for i, x := range xs {
				rules[i] = x.rule
				if x.want == decisive || x.want == eval.Unscored && want != decisive {
					want = x.want
				}
			}
			list := "[" + strings.Join(rules, ",") + "]"
			if kind != "list" {
				list = `{"` + kind + `":` + list + `}`
			}
			return tree{list, want}
		}
	})
}

func verdict(rule string) (eval.Grade, error) {
	set, err := scoring.CompileWith(map[string]json.RawMessage{scoring.Other: json.RawMessage(rule)}, scoring.Tools{})
	if err != nil {
		return eval.Grade{}, err
	}
	return set.Grade(context.Background(), &eval.Task{}, &eval.Response{Text: "x"}), nil
}

// TestComposition proves all, any and not against the truth tables, and that
// the verdict does not depend on the order of the rules.
func TestComposition(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		x := trees(3).Draw(t, "tree")
		g, err := verdict(x.rule)
		if err != nil {
			t.Fatal(err)
		}
		if g.Verdict != x.want {
			t.Fatalf("%s is %s, want %s", x.rule, g.Verdict, x.want)
		}
		if n := strings.Count(x.rule, "exact"); len(g.Scores) != n {
			t.Fatalf("%d scores of %d graders: every one must be there to read", len(g.Scores), n)
		}
	})
}

// TestDeMorgan: not all is any not, whatever is unknown.
func TestDeMorgan(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		xs := rapid.SliceOfN(trees(1), 1, 4).Draw(t, "xs")
		var plain, negated []string
		for _, x := range xs {
			plain, negated = append(plain, x.rule), append(negated, `{"not":`+x.rule+`}`)
		}
		a, err := verdict(`{"not":{"all":[` + strings.Join(plain, ",") + `]}}`)
		if err != nil {
			t.Fatal(err)
		}
		b, err := verdict(`{"any":[` + strings.Join(negated, ",") + `]}`)
		if err != nil {
			t.Fatal(err)
		}
		if a.Verdict != b.Verdict {
			t.Fatalf("not all is %s, any not is %s: %v", a.Verdict, b.Verdict, plain)
		}
	})
}

// TestWeights: the weighted mean decides, one unknown leaves it unknown, and
// scaling all weights changes nothing.
func TestWeights(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 5).Draw(t, "n")
		scale := rapid.IntRange(1, 9).Draw(t, "scale")
		threshold := rapid.IntRange(0, 10).Draw(t, "threshold")
		got, total, hidden := 0, 0, false
		var items, scaled []string
		for range n {
			w := rapid.IntRange(1, 9).Draw(t, "weight")
			leaf := rapid.SampledFrom([]string{yes, no, yes, no, unknown}).Draw(t, "leaf")
			items = append(items, fmt.Sprintf(`{"weight":%d,"grader":%s}`, w, leaf))
			scaled = append(scaled, fmt.Sprintf(`{"weight":%d,"grader":%s}`, w*scale, leaf))
			total, hidden = total+w, hidden || leaf == unknown
			if leaf == yes {
				got += w
			}
		}
		want := eval.Rejected
		switch {
		case hidden:
			want = eval.Unscored
		case got*10 >= threshold*total:
			want = eval.Accepted
		}
		for _, list := range [][]string{items, scaled} {
			g, err := verdict(fmt.Sprintf(`{"weights":[%s],"threshold":0.%d}`, strings.Join(list, ","), threshold))
			if threshold == 10 {
				g, err = verdict(fmt.Sprintf(`{"weights":[%s],"threshold":1}`, strings.Join(list, ",")))
			}
			if err != nil {
				t.Fatal(err)
			}
			if g.Verdict != want {
				t.Fatalf("%v: %s, want %s", list, g.Verdict, want)
			}
		}
	})
}

func TestStrictRules(t *testing.T) {
	t.Parallel()
	nest := func(n int) string { return strings.Repeat(`{"not":`, n) + `"exact"` + strings.Repeat("}", n) }
	for _, c := range []struct{ name, rule, says, hint string }{
		{"unknown grader", `"exakt"`, `unknown grader "exakt"`, "did you mean exact?"},
		{"unknown option", `{"type":"exact","ignorecase":true}`, `no option "ignorecase"`, "did you mean ignore_case?"},
		{"option of another kind", `{"type":"number","abs":"x"}`, "abs cannot be a string", "help grading"},
		{"option missing", `{"type":"regex"}`, `needs the option "pattern"`, "RE2"},
		{"pattern", `{"type":"regex","pattern":"("}`, "missing closing )", ""},
		{"group", `{"type":"regex","pattern":"a","group":2}`, "group 2", ""},
		{"schema", `{"type":"json_schema","schema":{"type":"no"}}`, "json_schema", ""},
		{"schema from elsewhere", `{"type":"json_schema","schema":{"$ref":"file:///etc/passwd"}}`, "only references within", ""},
		{"length without limits", `"length"`, "no limit", ""},
		{"tolerance below 0", `{"type":"number","abs":-1}`, "below 0", ""},
		{"empty list", `[]`, "empty list", ""},
		{"empty all", `{"all":[]}`, "empty list", ""},
		{"a number", `7`, "neither a name", ""},
		{"no type", `{"value":"x"}`, "needs type", ""},
		{"type of another kind", `{"type":7}`, "not a name", ""},
		{"too deep", nest(12), "too deep", ""},
		{"weight of nothing", `{"weights":[{"weight":0,"grader":"exact"}]}`, "not above 0", ""},
		{"threshold", `{"weights":[{"weight":1,"grader":"exact"}],"threshold":2}`, "between 0 and 1", ""},
		{"weights and more", `{"weights":[{"weight":1,"grader":"exact"}],"limit":2}`, "unknown key", ""},
		{"hostile name", "\"\\u001b]52;c;x\\u0007\"", "␛", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := verdict(c.rule)
			if err == nil {
				t.Fatal("compiled")
			}
			if !strings.Contains(err.Error(), c.says) || !strings.Contains(eval.Hint(err), c.hint) || eval.KindOf(err) != eval.KindInvalid {
				t.Errorf("%v (hint %q, kind %d), want %q (hint %q)", err, eval.Hint(err), eval.KindOf(err), c.says, c.hint)
			}
		})
	}
}

// TestWhichRule: a line's graders go before its type's, those before the rule
// for every other type, and that before the type of the expected value.
func TestWhichRule(t *testing.T) {
	t.Parallel()
	set, err := scoring.CompileWith(map[string]json.RawMessage{
		"a": json.RawMessage(`{"type":"exact","value":"of the type"}`), scoring.Other: json.RawMessage(`{"type":"exact","value":"of the others"}`)}, scoring.Tools{})
	if err != nil {
		t.Fatal(err)
	}
	bare, err := scoring.Compile(nil)
	if err != nil {
		t.Fatal(err)
	}
	line := []json.RawMessage{json.RawMessage(`{"type":"exact","value":"of the line"}`)}
	for _, c := range []struct {
		name, answer string
		set          *scoring.Set
		task         eval.Task
		grader       string
	}{
		{"line", "of the line", set, eval.Task{Type: "a", Graders: line}, "exact"},
		{"type", "of the type", set, eval.Task{Type: "a"}, "exact"},
		{"others", "of the others", set, eval.Task{Type: "b"}, "exact"},
		{"expected text", "x", bare, eval.Task{Expected: json.RawMessage(`"x"`)}, "exact"},
		{"expected number", "so 7", bare, eval.Task{Expected: json.RawMessage(`7`)}, "number"},
		{"expected truth value", "True", bare, eval.Task{Expected: json.RawMessage(`true`)}, "one_of"},
		{"expected object", `it is {"a":1}`, bare, eval.Task{Expected: json.RawMessage(`{"a":1}`)}, "json"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			g := c.set.Grade(context.Background(), &c.task, &eval.Response{Text: eval.Untrusted(c.answer)})
			if g.Verdict != eval.Accepted || g.Scores[0].Grader != c.grader {
				t.Errorf("%s by %s: %s", g.Verdict, g.Scores[0].Grader, g.Scores[0].Explanation)
			}
		})
	}
	g := bare.Grade(context.Background(), &eval.Task{}, &eval.Response{Text: "x"})
	if g.Verdict != eval.Unscored || g.Scores[0].Error == "" {
		t.Errorf("nothing to compare with: %s %q", g.Verdict, g.Scores[0].Error)
	}
}
