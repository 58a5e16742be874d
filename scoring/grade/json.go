package grade

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"sort"
	"strings"

	"infer/eval"
)

// JSON accepts an answer that is the expected JSON value, field by field.
type JSON struct {
	Fields  map[string]Field `json:"fields,omitempty" doc:"compare only these fields, each by its own rule: {tolerance, ignore_case, optional}"`
	Ignore  []string         `json:"ignore,omitempty" doc:"fields of the expected object that do not matter"`
	Subset  bool             `json:"subset,omitempty" doc:"the answer may hold more fields than expected"`
	Extract bool             `json:"extract,omitempty" doc:"take the JSON out of a code fence or of the text around it"`
	Parse   bool             `json:"parse_only,omitempty" doc:"accept any valid JSON"`
}

// Field is how one field is compared.
type Field struct {
	Tolerance  float64 `json:"tolerance,omitempty"`
	IgnoreCase bool    `json:"ignore_case,omitempty"`
	Optional   bool    `json:"optional,omitempty"`
}

// maxJSON caps what is parsed as an answer.
const maxJSON = 8 << 20

// Grade parses the answer and compares it. The value is the share of expected
// fields that match.
func (g *JSON) Grade(_ context.Context, t *eval.Task, r *eval.Response) eval.Score {
	raw := r.Text.Raw()
	if g.Extract {
		raw = extract(raw, opening(t.Expected))
	}
	got, err := decode(raw)
	if err != nil {
		return valued("json", false, 0, fmt.Sprintf("not JSON (%v): %s", err, quote(r.Text.Raw())))
	}
	if g.Parse {
		return pass("json", true, "is valid JSON")
	}
	if len(t.Expected) == 0 {
		return noExpected("json", "JSON value")
	}
	want, err := decode(string(eval.UnwrapJSON(t.Expected)))
	if err != nil {
		return unscored("json", "the task's expected value is not JSON: "+err.Error())
	}
	wantObj, isObj := want.(map[string]any)
	if !isObj {
		ok, why := equal(want, got, Field{}, "value")
		return pass("json", ok, orElse(why, "is the expected value"))
	}
	gotObj, ok := got.(map[string]any)
	if !ok {
		return valued("json", false, 0, "expected an object, found "+kind(got))
	}
	return g.compare(wantObj, gotObj)
}

func (g *JSON) compare(want, got map[string]any) eval.Score {
	wrong, n := g.wrong(want, got)
	share := 1.0
	if n > 0 {
		share = float64(max(0, n-len(wrong))) / float64(n)
	}
	if len(wrong) == 0 {
		return valued("json", true, 1, fmt.Sprintf("all %d fields match", n))
	}
	return valued("json", false, share, fmt.Sprintf("%d of %d fields wrong: %s", len(wrong), n, strings.Join(wrong, "; ")))
}

// wrong describes the fields that differ, and counts those compared.
func (g *JSON) wrong(want, got map[string]any) ([]string, int) {
	skip := make(map[string]bool)
	for _, f := range g.Ignore {
		skip[f] = true
	}
	var bad []string
	n := 0
	for _, f := range sortedKeys(want) {
		rule, listed := g.Fields[f]
		if skip[f] || len(g.Fields) > 0 && !listed {
			continue
		}
		n++
		v, ok := got[f]
		if !ok {
			if !rule.Optional {
				bad = append(bad, f+" is missing")
			}
			continue
		}
		if ok, why := equal(want[f], v, rule, f); !ok {
			bad = append(bad, why)
		}
	}
	if !g.Subset && len(g.Fields) == 0 {
		for _, f := range sortedKeys(got) {
			if _, ok := want[f]; !ok && !skip[f] {
				bad = append(bad, f+" was not asked for")
			}
		}
	}
	return bad, n
}

// WrongFields counts the expected fields that are wrong or missing in an
// answer; false where either is not a JSON object.
func WrongFields(expected json.RawMessage, answer string) (int, bool) {
	want, err := decode(string(eval.UnwrapJSON(expected)))
	wantObj, ok := want.(map[string]any)
	if err != nil || !ok {
		return 0, false
	}
	got, err := decode(extract(answer, '{'))
	gotObj, ok := got.(map[string]any)
	if err != nil || !ok {
		return 0, false
	}
	bad, _ := (&JSON{Subset: true}).wrong(wantObj, gotObj)
	return len(bad), true
}

func sortedKeys(m map[string]any) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// decode parses one JSON value with numbers kept as text.
func decode(s string) (any, error) {
	if len(s) > maxJSON {
		return nil, fmt.Errorf("%d bytes, more than %d", len(s), maxJSON)
	}
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, errors.New("it does not parse")
	}
	if d.More() || len(bytes.TrimSpace([]byte(s[d.InputOffset():]))) > 0 {
		return nil, errors.New("there is more after the value")
	}
	return v, nil
}

// equal compares two decoded values; why says in words where they differ.
func equal(want, got any, rule Field, at string) (bool, string) {
	differ := func() (bool, string) {
		return false, fmt.Sprintf("%s is %s, expected %s", at, brief(got), brief(want))
	}
	switch w := want.(type) {
	case json.Number:
		g, ok := got.(json.Number)
		if !ok || !sameNumber(w, g, rule.Tolerance) {
			return differ()
		}
	case string:
		g, ok := got.(string)
		if !ok || g != w && !(rule.IgnoreCase && strings.EqualFold(strings.TrimSpace(g), strings.TrimSpace(w))) {
			return differ()
		}
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return differ()
		}
		for i := range w {
			if ok, why := equal(w[i], g[i], rule, fmt.Sprintf("%s[%d]", at, i)); !ok {
				return false, why
			}
		}
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok || len(g) != len(w) {
			return differ()
		}
		for _, k := range sortedKeys(w) {
			v, ok := g[k]
			if !ok {
				return false, at + "." + k + " is missing"
			}
			if ok, why := equal(w[k], v, rule, at+"."+k); !ok {
				return false, why
			}
		}
	default:
		if want != got {
			return differ()
		}
	}
	return true, ""
}

// sameNumber compares by value, whatever the notation: 0.1, 0.10 and 1e-1 are
// one number, and whole numbers of any length are told apart.
func sameNumber(a, b json.Number, tolerance float64) bool {
	if a == b {
		return true
	}
	if len(a) > maxDigits || len(b) > maxDigits {
		return false
	}
	prec := precision(max(len(a), len(b)))
	x, ok1 := exactly(a.String(), prec)
	y, ok2 := exactly(b.String(), prec)
	if !ok1 || !ok2 {
		return false
	}
	if x.Cmp(y) == 0 || tolerance <= 0 {
		return x.Cmp(y) == 0
	}
	d := new(big.Float).Sub(x, y)
	return d.Abs(d).Cmp(big.NewFloat(tolerance*(1+1e-12))) <= 0
}

func brief(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return kind(v)
	}
	if len(b) > 60 {
		return string(b[:60]) + "…"
	}
	return string(b)
}

func kind(v any) string {
	switch v.(type) {
	case map[string]any:
		return "an object"
	case []any:
		return "a list"
	case string:
		return "a text"
	case json.Number:
		return "a number"
	case bool:
		return "a truth value"
	}
	return "null"
}
