package grade

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"infer/eval"
)

// ToolCall accepts an answer that calls the expected tools with the expected
// arguments. The expected value is one call or a list of them, each
// {"name": …, "arguments": {…}}, or in the form of the Berkeley function-calling
// leaderboard, {NAME: {ARGUMENT: [allowed values…]}}, where "" among the values
// says that the argument may be left out. An empty list expects no call.
//
// Names compare as the wires write them: every character but letters, digits,
// "_" and "-" is "_". Numbers compare by value. An argument that the tool's own
// schema gives a default may be left out, or given, at that value.
type ToolCall struct {
	Alternatives bool     `json:"alternatives,omitempty" doc:"each expected argument is a list of allowed values; \"\" among them: it may be left out"`
	Ordered      bool     `json:"ordered,omitempty" doc:"several calls must come in the expected order"`
	Extra        bool     `json:"extra_calls,omitempty" doc:"more calls than expected are allowed"`
	Subset       bool     `json:"extra_arguments,omitempty" doc:"more arguments than expected are allowed"`
	Ignore       []string `json:"ignore,omitempty" doc:"arguments that do not matter"`
	NamesOnly    bool     `json:"names_only,omitempty" doc:"arguments do not matter at all"`
	Loose        bool     `json:"loose_text,omitempty" doc:"texts compare without case, white space and ,./-_*^ and with either kind of quote"`
	Tolerance    float64  `json:"tolerance,omitempty" doc:"absolute tolerance of numbers"`
	Native       bool     `json:"native,omitempty" doc:"a call that is written in the answer's text does not count"`
}

// maxCalls bounds how many calls are matched with one another.
const maxCalls = 64

// wanted is one expected call. args are the expected values, allowed (if not
// nil) the alternatives instead.
type wanted struct {
	name    string
	args    map[string]any
	allowed bool
}

// given is one call of the answer, decoded.
type given struct {
	name string
	args map[string]any
}

// Grade compares the calls. The value is the share of expected calls that were
// made.
func (g *ToolCall) Grade(_ context.Context, t *eval.Task, r *eval.Response) eval.Score {
	want, err := g.wanted(t.Expected)
	if err != nil {
		return unscored("tool_call", err.Error())
	}
	got, how, err := g.given(r)
	if err != nil {
		return valued("tool_call", false, 0, err.Error())
	}
	if len(want) == 0 {
		return pass("tool_call", len(got) == 0, fmt.Sprintf("no call was expected; %s", countCalls(got)+how))
	}
	if len(got) == 0 {
		return valued("tool_call", false, 0, fmt.Sprintf("expected %s, found no call in %s", want[0].name, quote(r.Text.Raw())))
	}
	if max(len(want), len(got)) > maxCalls {
		return valued("tool_call", false, 0, fmt.Sprintf("%d calls, more than %d", max(len(want), len(got)), maxCalls))
	}
	defaults := defaultsOf(t.Tools)
	whys := make([][]string, len(want)) // "" = the calls agree
	for i := range want {
		whys[i] = make([]string, len(got))
		for k := range got {
			whys[i][k] = g.differ(&want[i], &got[k], defaults)
		}
	}
	matched, missing := match(whys, g.Ordered)
	share := float64(matched) / float64(len(want))
	switch {
	case matched < len(want):
		return valued("tool_call", false, share, missingCall(want[missing], whys[missing], got)+how)
	case len(got) > len(want) && !g.Extra:
		return valued("tool_call", false, share, fmt.Sprintf("expected %d calls, found %d%s", len(want), len(got), how))
	}
	return valued("tool_call", true, 1, fmt.Sprintf("%s as expected%s", countCalls(got), how))
}

func countCalls(got []given) string {
	if len(got) == 0 {
		return "none was made"
	}
	names := make([]string, 0, 3)
	for i := range got {
		if i == 3 {
			names = append(names, "…")
			break
		}
		names = append(names, got[i].name)
	}
	return fmt.Sprintf("%d made: %s", len(got), strings.Join(names, ", "))
}

// missingCall says why an expected call was not found: by the nearest call.
func missingCall(w wanted, whys []string, got []given) string {
	for k := range got {
		if got[k].name == w.name && whys[k] != "" {
			return w.name + ": " + whys[k]
		}
	}
	for k := range whys {
		if whys[k] != "" {
			return fmt.Sprintf("expected a call of %s; found %s", w.name, got[k].name)
		}
	}
	return "expected another call of " + w.name
}

// match pairs expected calls with made ones, each with one of its own (Kuhn's
// augmenting paths), or in order. It returns how many it paired and one that it
// could not.
func match(whys [][]string, ordered bool) (n, missing int) {
	missing = -1
	if ordered {
		k := 0
		for i := range whys {
			for k < len(whys[i]) && whys[i][k] != "" {
				k++
			}
			if k == len(whys[i]) {
				return n, i
			}
			n, k = n+1, k+1
		}
		return n, -1
	}
	owner := make(map[int]int)
	var try func(i int, seen map[int]bool) bool
	try = func(i int, seen map[int]bool) bool {
		for k, why := range whys[i] {
			if why != "" || seen[k] {
				continue
			}
			seen[k] = true
			if o, taken := owner[k]; !taken || try(o, seen) {
				owner[k] = i
				return true
			}
		}
		return false
	}
	for i := range whys {
		if try(i, make(map[int]bool)) {
			n++
		} else if missing < 0 {
			missing = i
		}
	}
	return n, missing
}

// wanted reads the expected calls.
func (g *ToolCall) wanted(expected json.RawMessage) ([]wanted, error) {
	if len(bytes.TrimSpace(expected)) == 0 {
		return nil, errors.New("the task has no expected call to compare with")
	}
	v, err := decode(string(eval.UnwrapJSON(expected)))
	if err != nil {
		return nil, errors.New("the expected call is not JSON: " + err.Error())
	}
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	out := make([]wanted, 0, len(list))
	for _, item := range list {
		w, ok := g.one(item)
		if !ok {
			return nil, fmt.Errorf(`an expected call is neither {"name", "arguments"} nor {NAME: {ARGUMENT: [values]}}: %s`, brief(item))
		}
		out = append(out, w)
	}
	return out, nil
}

func (g *ToolCall) one(item any) (wanted, bool) {
	m, ok := item.(map[string]any)
	if !ok {
		return wanted{}, false
	}
	if name, args, ok := plainCall(m); ok {
		return wanted{name: wireName(name), args: args, allowed: g.Alternatives}, true
	}
	if len(m) != 1 {
		return wanted{}, false
	}
	for name, v := range m {
		args, ok := v.(map[string]any)
		for _, values := range args {
			if _, isList := values.([]any); !isList {
				return wanted{}, false
			}
		}
		return wanted{name: wireName(name), args: args, allowed: true}, ok
	}
	return wanted{}, false
}

// plainCall reads {"name": …, "arguments"|"parameters"|"args"|"input": {…}}, also
// inside {"function": …}.
func plainCall(m map[string]any) (string, map[string]any, bool) {
	if f, ok := m["function"].(map[string]any); ok {
		m = f
	}
	name, ok := m["name"].(string)
	if !ok {
		return "", nil, false
	}
	for _, key := range []string{"arguments", "parameters", "args", "input"} {
		v, ok := m[key]
		if !ok {
			continue
		}
		if s, isText := v.(string); isText {
			if v, _ = decode(s); v == nil {
				return "", nil, false
			}
		}
		args, ok := v.(map[string]any)
		return name, args, ok
	}
	return name, map[string]any{}, true
}

// wireName writes a tool's name with the characters that the wires allow.
func wireName(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '_'
	}, s)
}

// given reads the calls that the answer makes.
func (g *ToolCall) given(r *eval.Response) ([]given, string, error) {
	if len(r.ToolCalls) == 0 {
		if g.Native {
			return nil, "", nil
		}
		calls := callsInText(r.Text.Raw())
		if len(calls) == 0 {
			return nil, "", nil
		}
		return calls, " (read from the text)", nil
	}
	out := make([]given, 0, len(r.ToolCalls))
	for _, c := range r.ToolCalls {
		args := map[string]any{}
		if raw := bytes.TrimSpace(c.Arguments); len(raw) > 0 && string(raw) != "null" {
			v, err := decode(string(eval.UnwrapJSON(raw)))
			var ok bool
			if args, ok = v.(map[string]any); err != nil || !ok {
				return nil, "", fmt.Errorf("the arguments of %s are not a JSON object: %s", c.Name, quote(string(raw)))
			}
		}
		out = append(out, given{wireName(c.Name), args})
	}
	return out, "", nil
}
