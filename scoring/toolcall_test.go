package scoring_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"infer/eval"
)

func TestToolCallInText(t *testing.T) {
	t.Parallel()
	plain := `{"name":"math.hypot","arguments":{"x":4,"y":5}}`
	bfcl := `[{"math.hypot":{"x":[4],"y":[5],"z":["",0]}}]`
	rule := `"tool_call"`
	run(t, []gradeCase{
		{"python", rule, plain, "math.hypot(x=4, y=5)", eval.Accepted, "read from the text"},
		{"python in a list", rule, plain, "[math.hypot(y=5.0, x=4,)]", eval.Accepted, "1 made: math_hypot"},
		{"python in a fence", rule, plain, "```python\nmath.hypot(x=4, y=5)\n```", eval.Accepted, "1 made"},
		{"json", rule, plain, `{"name": "math_hypot", "parameters": {"y": 5, "x": 4}}`, eval.Accepted, "1 made"},
		{"json with arguments as text", rule, plain, `[{"name":"math_hypot","arguments":"{\"x\":4,\"y\":5}"}]`, eval.Accepted, "1 made"},
		{"json of the leaderboard's form", rule, plain, `[{"math.hypot": {"x": 4, "y": 5}}]`, eval.Accepted, "1 made"},
		{"tags", rule, plain, "<tool_call>{\"name\":\"math.hypot\",\"arguments\":{\"x\":4,\"y\":5}}</tool_call>", eval.Accepted, "1 made"},
		{"not native", `{"type":"tool_call","native":true}`, plain, "math.hypot(x=4, y=5)", eval.Rejected, "found no call"},
		{"talk around it", rule, plain, "I would call math.hypot(x=4, y=5).", eval.Rejected, "found no call"},
		{"positional", rule, plain, "math.hypot(4, 5)", eval.Rejected, "found no call"},
		{"nothing is evaluated", rule, plain, "math.hypot(x=2+2, y=5)", eval.Rejected, "found no call"},
		{"nothing nested is called", rule, plain, `math.hypot(x=__import__("os").system("true"), y=5)`, eval.Rejected, "found no call"},
		{"wrong value", rule, plain, "math.hypot(x=4, y=6)", eval.Rejected, "math_hypot: argument y is 6, expected 5"},
		{"missing argument", rule, plain, "math.hypot(x=4)", eval.Rejected, "argument y is missing"},
		{"argument too many", rule, plain, "math.hypot(x=4, y=5, z=1)", eval.Rejected, "argument z was not expected (1)"},
		{"argument too many, allowed", `{"type":"tool_call","extra_arguments":true}`, plain, "math.hypot(x=4, y=5, z=1)", eval.Accepted, "made"},
		{"ignored argument", `{"type":"tool_call","ignore":["y"]}`, plain, "math.hypot(x=4, y=6)", eval.Accepted, "made"},
		{"names only", `{"type":"tool_call","names_only":true}`, plain, "math.hypot()", eval.Accepted, "made"},
		{"another tool", rule, plain, "math.sqrt(x=4)", eval.Rejected, "expected a call of math_hypot; found math_sqrt"},
		{"number as text", rule, plain, `math.hypot(x="4", y=5)`, eval.Rejected, `x is "4", expected 4`},
		{"tolerance", `{"type":"tool_call","tolerance":0.1}`, plain, "math.hypot(x=4.05, y=5)", eval.Accepted, "made"},
		{"alternative left out", rule, bfcl, "math.hypot(x=4, y=5)", eval.Accepted, "made"},
		{"alternative given", rule, bfcl, "math.hypot(x=4, y=5, z=0)", eval.Accepted, "made"},
		{"not an alternative", rule, bfcl, "math.hypot(x=4, y=5, z=1)", eval.Rejected, `z is 1, expected one of ["",0]`},
		{"alternatives in the plain form", `{"type":"tool_call","alternatives":true}`, `{"name":"f","arguments":{"a":["x","y"]}}`, `f(a='y')`, eval.Accepted, "made"},
		{"escapes", rule, `{"name":"f","arguments":{"a":"it's \"é\"\n"}}`, `f(a='it\'s "\xe9"\n')`, eval.Accepted, "made"},
		{"literals", rule, `{"name":"f","arguments":{"a":[true,null,-1.5e3,{"k":[]}]}}`, `f(a=(True, None, -1_500.0, {'k': []}))`, eval.Accepted, "made"},
		{"loose text", `{"type":"tool_call","loose_text":true}`, `{"name":"f","arguments":{"a":"New York, NY"}}`, `f(a="new york ny")`, eval.Accepted, "made"},
		{"several in any order", rule, `[{"name":"f","arguments":{"a":1}},{"name":"f","arguments":{"a":2}}]`, "[f(a=2), f(a=1)]", eval.Accepted, "2 made"},
		{"several in order", `{"type":"tool_call","ordered":true}`, `[{"name":"f","arguments":{"a":1}},{"name":"f","arguments":{"a":2}}]`, "[f(a=2), f(a=1)]", eval.Rejected, "f: argument a"},
		{"one call cannot serve twice", rule, `[{"name":"f","arguments":{"a":1}},{"name":"f","arguments":{"a":1}}]`, "f(a=1)", eval.Rejected, "expected another call of f"},
		{"a call too many", rule, plain, "math.hypot(x=4, y=5); g()", eval.Rejected, "expected 1 calls, found 2"},
		{"a call too many, allowed", `{"type":"tool_call","extra_calls":true}`, plain, "math.hypot(x=4, y=5)\ng()", eval.Accepted, "2 made"},
		{"none expected", rule, `[]`, "No tool fits.", eval.Accepted, "none was made"},
		{"none expected, one made", rule, `[]`, "f(a=1)", eval.Rejected, "1 made: f"},
		{"no expected value", rule, ``, "f()", eval.Unscored, "no expected call"},
		{"expected is no call", rule, `{"a":1}`, "f()", eval.Unscored, "an expected call is neither"},
		{"deep", rule, plain, "f(a=" + strings.Repeat("[", 100_000), eval.Rejected, "found no call"},
		{"huge", rule, plain, "f(a='" + strings.Repeat("x", 1<<20) + "')", eval.Rejected, "found no call"},
	})
}

// TestToolCallMatching: which call serves which expectation is found even where
// the first choice is a wrong one.
func TestToolCallMatching(t *testing.T) {
	t.Parallel()
	run(t, []gradeCase{
		{"the first expectation must give way", `"tool_call"`, `[{"f":{"a":[1,2]}},{"f":{"a":[1]}}]`, "[f(a=1), f(a=2)]", eval.Accepted, "2 made"},
		{"many alike", `"tool_call"`, `[` + strings.TrimSuffix(strings.Repeat(`{"f":{"a":[1,2]}},`, 60), ",") + `]`, "[" + strings.Repeat("f(a=1), ", 60) + "]", eval.Accepted, "60 made"},
		{"too many", `"tool_call"`, `[{"f":{"a":[1]}}]`, "[" + strings.Repeat("f(a=1), ", 65) + "]", eval.Rejected, "65 calls"},
	})
}

func TestNativeToolCalls(t *testing.T) {
	t.Parallel()
	tools := `[{"type":"function","function":{"name":"weather","parameters":{"type":"object","properties":{"city":{"type":"string"},"unit":{"type":"string","default":"C"}}}}}]`
	want := `{"name":"weather","arguments":{"city":"Oslo"}}`
	for _, c := range []struct {
		name, expected, args string
		want                 eval.Verdict
	}{
		{"as expected", want, `{"city":"Oslo"}`, eval.Accepted},
		{"as a text of JSON", want, `"{\"city\":\"Oslo\"}"`, eval.Accepted},
		{"the default given", want, `{"city":"Oslo","unit":"C"}`, eval.Accepted},
		{"not the default", want, `{"city":"Oslo","unit":"F"}`, eval.Rejected},
		{"the default left out", `{"name":"weather","arguments":{"city":"Oslo","unit":"C"}}`, `{"city":"Oslo"}`, eval.Accepted},
		{"what is no default left out", `{"name":"weather","arguments":{"city":"Oslo","unit":"F"}}`, `{"city":"Oslo"}`, eval.Rejected},
		{"arguments that do not parse", want, `"{city: Oslo"`, eval.Rejected},
		{"no arguments", `{"name":"weather"}`, ``, eval.Accepted},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			g := gradeOf(t, `"tool_call"`, &eval.Task{Expected: json.RawMessage(c.expected), Tools: json.RawMessage(tools)},
				&eval.Response{ToolCalls: []eval.ToolCall{{Name: "weather", Arguments: json.RawMessage(c.args)}}})
			if g.Verdict != c.want {
				t.Errorf("%s: %s", g.Verdict, g.Scores[0].Explanation)
			}
		})
	}
}

// TestBFCL grades the published answers of three models to the even cases of the
// Berkeley function-calling leaderboard's simple_python and compares with the
// published verdicts of the two that have them. One case differs, alike for
// both: simple_python_82 expects a list of floats, and the leaderboard rejects
// [12, 15, …] for its elements' Python type, while JSON has one kind of number.
func TestBFCL(t *testing.T) {
	t.Parallel()
	type gold struct {
		ID    string          `json:"id"`
		Truth json.RawMessage `json:"ground_truth"`
	}
	truth := make(map[string]json.RawMessage)
	for _, g := range lines[gold](t, shared(t, "bfcl/possible_answer/BFCL_v4_simple_python.json")) {
		truth[g.ID] = g.Truth
	}
	type result struct {
		ID     string          `json:"id"`
		Result json.RawMessage `json:"result"`
	}
	type score struct {
		ID    string `json:"id"`
		Valid bool   `json:"valid"`
	}
	for _, m := range []struct {
		dir      string
		accepted int
	}{{"claude-sonnet-4-5", 197}, {"deepseek-v3.1-terminus", 126}} {
		t.Run(m.dir, func(t *testing.T) {
			t.Parallel()
			failed := make(map[string]bool)
			for _, s := range lines[score](t, shared(t, "bfcl/results/"+m.dir+"/BFCL_v4_simple_python_score.json")) {
				failed[s.ID] = !s.Valid
			}
			results := lines[result](t, shared(t, "bfcl/results/"+m.dir+"/BFCL_v4_simple_python_result.json"))
			if len(results) != 200 || len(results)-len(failed) != m.accepted {
				t.Fatalf("%d cases, %d accepted by the leaderboard; want 200 and %d", len(results), len(results)-len(failed), m.accepted)
			}
			accepted := 0
			for _, r := range results {
				g := gradeOf(t, `{"type":"tool_call","loose_text":true}`, &eval.Task{Expected: truth[r.ID]}, answerOf(t, r.Result))
				if g.Verdict == eval.Accepted {
					accepted++
				}
				if r.ID == "simple_python_82" {
					if !failed[r.ID] || g.Verdict != eval.Accepted {
						t.Errorf("%s is no longer the case that differs: %s", r.ID, g.Verdict)
					}
					continue
				}
				if (g.Verdict == eval.Accepted) == failed[r.ID] || g.Verdict == eval.Unscored {
					t.Errorf("%s: %s, published %v: %s%s", r.ID, g.Verdict, !failed[r.ID], g.Scores[0].Explanation, g.Scores[0].Error)
				}
			}
			if accepted != m.accepted+1 {
				t.Errorf("%d accepted, want %d and the one that differs", accepted, m.accepted)
			}
			t.Logf("%d of 200 accepted, %d published", accepted, m.accepted)
		})
	}
	t.Run("calls written as text", func(t *testing.T) {
		t.Parallel()
		accepted, read := 0, 0
		results := lines[result](t, shared(t, "bfcl/results/gemma4-e4b-toolcall/BFCL_v4_simple_python_result.json"))
		for _, r := range results {
			g := gradeOf(t, `{"type":"tool_call","loose_text":true}`, &eval.Task{Expected: truth[r.ID]}, answerOf(t, r.Result))
			if g.Verdict == eval.Accepted {
				accepted++
			}
			if strings.Contains(g.Scores[0].Explanation.Raw(), "read from the text") {
				read++
			}
		}
		if read < len(results)*95/100 {
			t.Errorf("calls were read from %d of %d texts", read, len(results))
		}
		t.Logf("%d of %d accepted, calls read from %d texts", accepted, len(results), read)
	})
}

// answerOf turns a published result into a response: calls with their arguments
// as JSON texts, or a text.
func answerOf(t *testing.T, raw json.RawMessage) *eval.Response {
	t.Helper()
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return &eval.Response{Text: eval.Untrusted(text)}
	}
	var calls []map[string]json.RawMessage
	if err := json.Unmarshal(raw, &calls); err != nil {
		var texts []string
		if json.Unmarshal(raw, &texts) != nil {
			t.Fatalf("a result of an unknown form: %s", raw)
		}
		return &eval.Response{Text: eval.Untrusted(strings.Join(texts, "\n"))}
	}
	r := &eval.Response{}
	for _, c := range calls {
		for name, args := range c {
			r.ToolCalls = append(r.ToolCalls, eval.ToolCall{Name: name, Arguments: args})
		}
	}
	return r
}

func FuzzToolCall(f *testing.F) {
	fuzzAnswers(f, []string{`"tool_call"`, `{"type":"tool_call","alternatives":true,"ordered":true,"loose_text":true,"tolerance":1}`},
		[]string{`{"name":"f","arguments":{"a":1}}`, `[{"f":{"a":[1,""],"b":[{"c":["x"]}]}}]`, `[]`},
		`f(a=1)`, `[f(a='x\'', b={"c": (1,)}), g()]`, `{"name":"f","arguments":"{\"a\":1}"}`, "<tool_call>{}</tool_call>", fmt.Sprint("```\nf(a=", strings.Repeat("[", 70)))
}
