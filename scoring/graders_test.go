package scoring_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"infer/eval"
	"infer/scoring"
)

// gradeCase is one answer under one rule, and what must come of it.
type gradeCase struct {
	name     string
	rule     string
	expected string
	answer   string
	want     eval.Verdict
	says     string // in the explanation or the error of the first score
}

func run(t *testing.T, cases []gradeCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			g := gradeOf(t, c.rule, &eval.Task{Expected: json.RawMessage(c.expected)}, &eval.Response{Text: eval.Untrusted(c.answer), Finish: eval.FinishStop})
			said := g.Scores[0].Explanation.Raw() + g.Scores[0].Error.Raw()
			if g.Verdict != c.want || !strings.Contains(said, c.says) {
				t.Errorf("%s, %q; want %s, something with %q", g.Verdict, said, c.want, c.says)
			}
			if said == "" {
				t.Error("a score without a word of explanation")
			}
		})
	}
}

func gradeOf(t *testing.T, rule string, task *eval.Task, r *eval.Response) eval.Grade {
	t.Helper()
	set, err := scoring.CompileWith(map[string]json.RawMessage{scoring.Other: json.RawMessage(rule)}, scoring.Tools{})
	if err != nil {
		t.Fatal(err)
	}
	g := set.Grade(context.Background(), task, r)
	if len(g.Scores) == 0 {
		t.Fatal("a grade without a score")
	}
	if _, err := json.Marshal(g.Scores); err != nil {
		t.Errorf("scores cannot be stored: %v", err)
	}
	return g
}

func TestTextGraders(t *testing.T) {
	t.Parallel()
	run(t, []gradeCase{
		{"exact, trimmed", `"exact"`, `"yes"`, " yes\n", eval.Accepted, `is "yes"`},
		{"exact differs", `"exact"`, `"yes"`, "Yes", eval.Rejected, `expected "yes", found "Yes"`},
		{"exact, case aside", `{"type":"exact","ignore_case":true}`, `"yes"`, "YES", eval.Accepted, "is"},
		{"exact, one of several", `{"type":"exact","any_of":["a","b"]}`, ``, "b", eval.Accepted, `is "b"`},
		{"exact, ends as they are", `{"type":"exact","no_trim":true}`, `"yes"`, "yes ", eval.Rejected, "expected"},
		{"exact, spaces collapsed", `{"type":"exact","collapse":true}`, `"a b"`, "a \n b", eval.Accepted, "is"},
		{"exact, punctuation aside", `{"type":"exact","strip_punctuation":true}`, `"Paris"`, "“Paris.”", eval.Accepted, "is"},
		{"exact number as text", `"exact"`, `42`, "42", eval.Accepted, "is"},
		{"exact without expected", `"exact"`, ``, "x", eval.Unscored, "no expected"},
		{"exact with an object", `"exact"`, `{"a":1}`, "x", eval.Unscored, "no expected"},
		{"exact with NUL", `"exact"`, `"yes"`, "yes\x00", eval.Rejected, "found"},
		{"contains", `"contains"`, `"cat"`, "a cat sat", eval.Accepted, `holds "cat"`},
		{"contains not", `"contains"`, `"cat"`, "a dog", eval.Rejected, `does not hold "cat"`},
		{"contains all", `{"type":"contains","values":["a","z"]}`, ``, "abc", eval.Rejected, `does not hold "z"`},
		{"contains any", `{"type":"contains","values":["a","z"],"any":true}`, ``, "abc", eval.Accepted, "holds"},
		{"contains none", `{"type":"contains","values":["a","z"],"not":true}`, ``, "bcd", eval.Accepted, "none"},
		{"contains a forbidden one", `{"type":"contains","values":["a","z"],"not":true}`, ``, "abc", eval.Rejected, `must not hold "a"`},
		{"regex", `{"type":"regex","pattern":"^\\d+$"}`, ``, "123", eval.Accepted, "matches"},
		{"regex, full", `{"type":"regex","pattern":"\\d+","full":true}`, ``, "a 123", eval.Rejected, "does not match"},
		{"regex, group", `{"type":"regex","pattern":"ID (\\w+)","group":1}`, `"X7"`, "the ID X7 is it", eval.Accepted, "group 1"},
		{"regex, not", `{"type":"regex","pattern":"sorry","not":true}`, ``, "sorry", eval.Rejected, "must not match"},
		{"regex that backtracks elsewhere", `{"type":"regex","pattern":"^(a+)+$"}`, ``, strings.Repeat("a", 100_000) + "!", eval.Rejected, "does not match"},
		{"edit similarity", `"edit_similarity"`, `"kitten"`, "sitting", eval.Rejected, "similarity 0.571"},
		{"edit similarity, near", `{"type":"edit_similarity","threshold":0.5}`, `"kitten"`, "sitting", eval.Accepted, "similarity 0.571"},
		{"edit similarity of huge texts", `"edit_similarity"`, `"kitten"`, strings.Repeat("é", 3_000_000), eval.Rejected, "cut"},
		{"rouge", `"rouge_l"`, `"the cat sat on the mat"`, "the cat was on the mat", eval.Accepted, "ROUGE-L 0.833"},
		{"rouge of nothing", `"rouge_l"`, `"the cat"`, "…", eval.Rejected, "ROUGE-L 0.000"},
		{"length", `{"type":"length","max_words":2}`, ``, "one two three", eval.Rejected, "3 words"},
		{"length in characters", `{"type":"length","max_chars":3}`, ``, "äöü", eval.Accepted, "3 characters"},
		{"finish reason", `"finish_reason"`, ``, "x", eval.Accepted, "stop"},
		{"finish reason of another kind", `{"type":"finish_reason","reasons":["tool_calls"]}`, ``, "x", eval.Rejected, "tool_calls"},
	})
}

func TestLabelGraders(t *testing.T) {
	t.Parallel()
	labels := `{"type":"one_of","labels":["bug","not a bug","billing"]}`
	run(t, []gradeCase{
		{"label", labels, `"bug"`, "It is a Bug.", eval.Accepted, `label "bug"`},
		{"the longest label counts", labels, `"not a bug"`, "this is not a bug", eval.Accepted, `label "not a bug"`},
		{"several labels", labels, `"bug"`, "bug or billing", eval.Rejected, "several"},
		{"the first of several", `{"type":"one_of","labels":["bug","billing"],"first":true}`, `"bug"`, "bug or billing", eval.Accepted, "bug"},
		{"the last of several", `{"type":"one_of","labels":["bug","billing"],"last":true}`, `"billing"`, "bug or billing", eval.Accepted, "billing"},
		{"part of a word", labels, `"bug"`, "debugging", eval.Rejected, "no label"},
		{"full width", labels, `"bug"`, "ｂｕｇ", eval.Accepted, "bug"},
		{"a letter that grows in lower case", labels, `"bug"`, strings.Repeat("Ⱥ", 50) + " bug", eval.Accepted, "bug"},
		{"letter", `"multiple_choice"`, `"C"`, "The answer is (C).", eval.Accepted, "picked C"},
		{"letter that opens", `"multiple_choice"`, `"B"`, "b) because A is wrong", eval.Accepted, "picked B"},
		{"letter boxed", `"multiple_choice"`, `"D"`, `So $\boxed{D}$`, eval.Accepted, "picked D"},
		{"letter, full width", `"multiple_choice"`, `"A"`, "Ａ", eval.Accepted, "picked A"},
		{"two letters", `"multiple_choice"`, `"A"`, "option A or option B", eval.Rejected, "several"},
		{"the article", `"multiple_choice"`, `"B"`, "A dog is B", eval.Accepted, "picked B"},
		{"no letter", `"multiple_choice"`, `"B"`, "none of them", eval.Rejected, "no choice"},
		{"a letter that is no choice", `"multiple_choice"`, `"F"`, "F", eval.Unscored, "not among"},
		{"more choices", `{"type":"multiple_choice","choices":"ABCDEF"}`, `"F"`, "F.", eval.Accepted, "picked F"},
		{"cue after letters that grow in lower case", `"multiple_choice"`, `"A"`, strings.Repeat("Ⱥ", 50) + " answer: A", eval.Accepted, "picked A"},
	})
}

func TestNumberGrader(t *testing.T) {
	t.Parallel()
	n := `"number"`
	run(t, []gradeCase{
		{"whole", n, `42`, "It is 42.", eval.Accepted, `found "42", expected 42`},
		{"the last one", n, `42`, "41 + 1 = 42", eval.Accepted, "42"},
		{"not the last one", n, `41`, "41 + 1 = 42", eval.Rejected, "found"},
		{"the first one", `{"type":"number","first":true}`, `41`, "41 + 1 = 42", eval.Accepted, "41"},
		{"after a marker", `{"type":"number","after":"####"}`, `18`, "16 - 3 ...\n#### 18\nDone in 2 steps.", eval.Accepted, "18"},
		{"no marker", `{"type":"number","after":"####"}`, `18`, "18", eval.Rejected, "no number"},
		{"thousands", n, `1234567`, "1,234,567", eval.Accepted, "1,234,567"},
		{"thousands with spaces", n, `10000`, "10 000", eval.Accepted, "10000"},
		{"thousands with narrow spaces", n, `10000`, "10\u202f000", eval.Accepted, "10000"},
		{"thousands in LaTeX", n, `70000`, `\boxed{70{,}000}`, eval.Accepted, "70000"},
		{"ill-grouped", n, `0`, "1,0000", eval.Accepted, "0000"},
		{"a list", n, `3`, "1,2,3", eval.Accepted, "3"},
		{"decimal comma", `{"type":"number","decimal_comma":true}`, `1234.5`, "1.234,5 €", eval.Accepted, "1.234,5"},
		{"a version is no number", n, `7`, "7, as in release 1.2.3", eval.Accepted, "7"},
		{"a name is no number", n, `7`, "7, says gpt4", eval.Accepted, "7"},
		{"a hyphenated name", n, `4`, "says gpt-4", eval.Accepted, `found "4"`},
		{"currency's code", n, `50`, "USD50", eval.Accepted, "50"},
		{"negative", n, `-5`, "it is -5", eval.Accepted, "-5"},
		{"negative money", n, `-5`, "-$5", eval.Accepted, "-5"},
		{"negative money is not positive", n, `5`, "-$5", eval.Rejected, `found "-5"`},
		{"minus sign", n, `-5`, "−5", eval.Accepted, "-5"},
		{"a difference", n, `5`, "10-5", eval.Accepted, `found "5"`},
		{"decimals written otherwise", n, `0.5`, "0.50", eval.Accepted, "0.50"},
		{"no leading zero", n, `0.5`, ".5", eval.Accepted, ".5"},
		{"exponent", n, `3e8`, "3e8 m/s", eval.Accepted, "3e8"},
		{"power of ten", n, `3e8`, "3 × 10^8", eval.Accepted, "3"},
		{"power of ten in LaTeX", n, `3e-7`, `$3 \times 10^{-7}$`, eval.Accepted, "3"},
		{"boxed before the last", n, `18`, `\boxed{18} eggs in 2 days`, eval.Accepted, "18"},
		{"boxed fraction", n, `0.5`, `\boxed{\frac{1}{2}}`, eval.Accepted, "frac"},
		{"a fraction alone", n, `0.75`, "3/4", eval.Accepted, "3/4"},
		{"fraction of nothing", n, `1`, "3/0", eval.Rejected, "can be compared"},
		{"full-width digits", n, `18`, "１８", eval.Accepted, "18"},
		{"Arabic digits", n, `18`, "١٨", eval.Accepted, "18"},
		{"after CJK text", n, `18`, "答案是18", eval.Accepted, "18"},
		{"NaN", n, `1`, "NaN", eval.Rejected, "no number"},
		{"infinite", n, `1`, "1e9999", eval.Rejected, "found"},
		{"beyond floats", `{"type":"number","rel":0.1}`, `1e400`, "2e400", eval.Rejected, "found"},
		{"whole numbers beyond floats", n, `9007199254740993`, "9007199254740992", eval.Rejected, "9007199254740993"},
		{"within a tolerance", `{"type":"number","abs":0.5}`, `10`, "10.5", eval.Accepted, "10.5"},
		{"outside a tolerance", `{"type":"number","abs":0.5}`, `10`, "10.51", eval.Rejected, "10.51"},
		{"within a relative tolerance", `{"type":"number","rel":0.01}`, `-200`, "-202", eval.Accepted, "-202"},
		{"percent", `{"type":"number","percent_as_fraction":true}`, `0.12`, "12 %", eval.Accepted, "12"},
		{"a number and nothing else", `{"type":"number","only":true}`, `12`, "**12**", eval.Accepted, "12"},
		{"a number and more", `{"type":"number","only":true}`, `12`, "12 eggs", eval.Rejected, "no number"},
		{"many digits", n, `1`, strings.Repeat("9", 100_000), eval.Rejected, "can be compared"},
		{"huge answer", n, `7`, strings.Repeat("1 ", 2<<20) + "7", eval.Accepted, "7"},
		{"NUL", n, `7`, "7\x00", eval.Accepted, "7"},
		{"expected text", n, `"18 eggs"`, "18", eval.Accepted, "18"},
		{"expected text of several numbers", n, `"16 - 3 = 13"`, "13", eval.Unscored, "3 numbers"},
		{"expected after a marker", `{"type":"number","expected_after":"####"}`, `"16 - 3\n#### 13"`, "13", eval.Accepted, "13"},
		{"expected NaN", n, `"NaN"`, "1", eval.Unscored, "no number"},
		{"expected object", n, `{}`, "1", eval.Unscored, "no expected"},
	})
}

func TestJSONGraders(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", 200_000)
	run(t, []gradeCase{
		{"same", `"json"`, `{"a":1,"b":"x"}`, `{"b":"x","a":1.0}`, eval.Accepted, "all 2 fields"},
		{"number written otherwise", `"json"`, `{"a":0.1}`, `{"a":0.10}`, eval.Accepted, "all"},
		{"number in another notation", `"json"`, `{"a":0.1}`, `{"a":1e-1}`, eval.Accepted, "all"},
		{"long whole numbers", `"json"`, `{"a":9007199254740993}`, `{"a":9007199254740992}`, eval.Rejected, "a is 9007199254740992"},
		{"a field differs", `"json"`, `{"a":1,"b":"x"}`, `{"a":2,"b":"x"}`, eval.Rejected, "1 of 2 fields wrong: a is 2, expected 1"},
		{"a field is missing", `"json"`, `{"a":1,"b":"x"}`, `{"a":1}`, eval.Rejected, "b is missing"},
		{"a field too many", `"json"`, `{"a":1}`, `{"a":1,"b":2}`, eval.Rejected, "b was not asked for"},
		{"a field too many, allowed", `{"type":"json","subset":true}`, `{"a":1}`, `{"a":1,"b":2}`, eval.Accepted, "all"},
		{"some fields, each by its rule", `{"type":"json","fields":{"a":{"tolerance":0.5},"b":{"ignore_case":true},"d":{"optional":true}}}`,
			`{"a":1,"b":"x","c":9,"d":1}`, `{"a":1.4,"b":"X","c":0}`, eval.Accepted, "all 3"},
		{"nested", `"json"`, `{"a":{"b":[1,{"c":2}]}}`, `{"a":{"b":[1,{"c":3}]}}`, eval.Rejected, "a.b[1].c is 3"},
		{"list order matters", `"json"`, `[1,2]`, `[2,1]`, eval.Rejected, "value[0]"},
		{"in a fence", `{"type":"json","extract":true}`, `{"a":1}`, "Sure:\n```json\n{\"a\":1}\n```\nDone {x}.", eval.Accepted, "all"},
		{"after a bracket in the talk", `{"type":"json","extract":true}`, `{"a":1}`, `as in [1] and [see below]: {"a":1}. Bye`, eval.Accepted, "all"},
		{"fence not asked for", `"json"`, `{"a":1}`, "```{\"a\":1}```", eval.Rejected, "not JSON"},
		{"NaN", `"json"`, `{"a":1}`, `{"a":NaN}`, eval.Rejected, "not JSON"},
		{"too deep", `{"type":"json","extract":true}`, `{"a":1}`, deep, eval.Rejected, "not JSON"},
		{"two values", `"json"`, `{"a":1}`, `{"a":1}{"a":2}`, eval.Rejected, "more after"},
		{"huge", `{"type":"json","extract":true}`, `{"a":1}`, `{"a":"` + strings.Repeat("x", 9<<20) + `"}`, eval.Rejected, "not JSON"},
		{"any JSON", `{"type":"json","parse_only":true}`, ``, `[1]`, eval.Accepted, "valid JSON"},
		{"without expected", `"json"`, ``, `[1]`, eval.Unscored, "no expected"},
		{"schema", `{"type":"json_schema","schema":{"type":"object","required":["a"]}}`, ``, `{"a":1}`, eval.Accepted, "fits"},
		{"schema, not", `{"type":"json_schema","schema":{"type":"object","required":["a"]}}`, ``, `{"b":1}`, eval.Rejected, "a"},
		{"schema, no JSON", `{"type":"json_schema","schema":{}}`, ``, `{`, eval.Rejected, "not JSON"},
		{"schema, extracted", `{"type":"json_schema","extract":true,"schema":{"type":"array"}}`, ``, "list: [1, 2]", eval.Accepted, "fits"},
	})
}

// TestExplanationsAreBounded: whatever an answer holds, what is stored of a
// grader's words is a few kilobytes.
func TestExplanationsAreBounded(t *testing.T) {
	t.Parallel()
	want := "{"
	for i := range 20_000 {
		want += `"f` + strings.Repeat("x", i%7) + json.Number(strings.Repeat("1", i%5+1)).String() + string(rune('a'+i%26)) + strings.Repeat("y", i%11) + `":1,`
	}
	want += `"z":1}`
	g := gradeOf(t, `"json"`, &eval.Task{Expected: json.RawMessage(want)}, &eval.Response{Text: "{}"})
	if n := len(g.Scores[0].Explanation); g.Verdict != eval.Rejected || n == 0 || n > 5000 {
		t.Errorf("%s with an explanation of %d bytes", g.Verdict, n)
	}
}
