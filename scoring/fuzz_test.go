package scoring_test

import (
	"context"
	"encoding/json"
	"testing"

	"infer/eval"
	"infer/scoring"
)

// FuzzRule: whatever is given as a rule compiles or is refused with a hint, and
// what compiles grades without breaking down.
func FuzzRule(f *testing.F) {
	for _, s := range []string{`"exact"`, `{"type":"number","abs":0.1}`, `{"any":["exact",{"not":"json"}]}`, `[{"type":"regex","pattern":"a(b)","group":1}]`,
		`{"weights":[{"weight":2,"grader":"rouge_l"}],"threshold":0.6}`, `{"type":"json_schema","schema":{"$ref":"#"}}`, `{"type":"length","max_words":-1}`, `{"type":"one_of","labels":[""]}`} {
		f.Add(s, `"x"`, "x")
	}
	f.Fuzz(func(t *testing.T, rule, expected, answer string) {
		if !json.Valid([]byte(expected)) {
			expected = `"x"`
		}
		set, err := scoring.CompileWith(map[string]json.RawMessage{scoring.Other: json.RawMessage(rule)}, scoring.Tools{})
		if err != nil {
			return
		}
		check(t, set.Grade(context.Background(), &eval.Task{Expected: json.RawMessage(expected)}, &eval.Response{Text: eval.Untrusted(answer)}))
	})
}

// fuzzAnswers grades any answer by rules that compile.
func fuzzAnswers(f *testing.F, rules []string, expected []string, answers ...string) {
	f.Helper()
	sets := make([]*scoring.Set, len(rules))
	for i, r := range rules {
		var err error
		if sets[i], err = scoring.CompileWith(map[string]json.RawMessage{scoring.Other: json.RawMessage(r)}, scoring.Tools{}); err != nil {
			f.Fatal(err)
		}
	}
	for _, a := range answers {
		for _, e := range expected {
			f.Add(e, a)
		}
	}
	f.Fuzz(func(t *testing.T, expected, answer string) {
		if expected != "" && !json.Valid([]byte(expected)) {
			return
		}
		for _, s := range sets {
			check(t, s.Grade(context.Background(), &eval.Task{Expected: json.RawMessage(expected)}, &eval.Response{Text: eval.Untrusted(answer)}))
		}
	})
}

// check holds for every grade: three verdicts, values in [0, 1], words for
// people, and a form that can be stored.
func check(t *testing.T, g eval.Grade) {
	t.Helper()
	if g.Verdict != eval.Accepted && g.Verdict != eval.Rejected && g.Verdict != eval.Unscored {
		t.Fatalf("verdict %q", g.Verdict)
	}
	for _, s := range g.Scores {
		if s.Value != nil && !(*s.Value >= 0 && *s.Value <= 1) {
			t.Fatalf("%s: value %v", s.Grader, *s.Value)
		}
		if s.Pass == nil && s.Error == "" {
			t.Fatalf("%s: unscored without a reason", s.Grader)
		}
		if len(s.Explanation) > 5000 || len(s.Error) > 5000 {
			t.Fatalf("%s: %d bytes of explanation", s.Grader, len(s.Explanation))
		}
		if s.Error != "" && len(s.Error) > 20 && s.Error[:20] == "the grader broke dow" {
			t.Fatal(s.Error.Raw())
		}
	}
	if _, err := json.Marshal(g.Scores); err != nil {
		t.Fatal(err)
	}
}

func FuzzNumber(f *testing.F) {
	fuzzAnswers(f, []string{`"number"`, `{"type":"number","after":"A:"}`, `{"type":"number","only":true,"rel":0.1}`, `{"type":"number","first":true,"decimal_comma":true,"percent_as_fraction":true}`},
		[]string{`42`, `-0.5e3`, `"1,000 eggs"`}, "A: 1,234.5%", `\boxed{\frac{-1}{2}}`, "-$5", "１８ 1.2.3 gpt4 3 × 10^8", "1e9999", "USD 1'000", "\x00", "٣٫٥")
}

func FuzzJSON(f *testing.F) {
	fuzzAnswers(f, []string{`"json"`, `{"type":"json","extract":true,"subset":true}`, `{"type":"json","extract":true,"fields":{"a":{"tolerance":1,"ignore_case":true}}}`, `{"type":"json_schema","extract":true,"schema":{"type":"object","properties":{"a":{"type":"number"}}}}`},
		[]string{`{"a":1,"b":[1,{"c":null}]}`, `[1,2]`, `"{\"a\":1}"`}, "```json\n{\"a\":1}\n```", `[see] {"a":1e400}`, `{"a":1}{"a":2}`, `[[[[`, `{"a":"\ud800"}`)
}

func FuzzLabels(f *testing.F) {
	fuzzAnswers(f, []string{`{"type":"one_of","labels":["A","B","not a bug","bug"]}`, `{"type":"one_of","last":true,"labels":["é","e"]}`, `"multiple_choice"`, `{"type":"multiple_choice","choices":"abcdefghij"}`},
		[]string{`"A"`, `"bug"`, `"j"`}, "The answer is (A).", "ȺȺȺ answer: B", "ｂｕｇ", "option", "Answer:", "\xff A")
}

func FuzzRegex(f *testing.F) {
	fuzzAnswers(f, []string{`{"type":"regex","pattern":"^(a+)+$"}`, `{"type":"regex","pattern":"(?s)x(.*)y","group":1,"full":true}`, `{"type":"regex","pattern":"[[:alpha:]]{2,}","not":true}`},
		[]string{`"a"`}, "aaaa!", "x\ny", "\x00\xff")
}
