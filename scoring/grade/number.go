package grade

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"regexp"
	"strings"

	"infer/eval"
)

// Number accepts an answer whose number is the expected one.
type Number struct {
	Value    *json.Number `json:"value,omitempty" doc:"compare with this instead of the task's expected value"`
	Abs      float64      `json:"abs,omitempty" doc:"absolute tolerance"`
	Rel      float64      `json:"rel,omitempty" doc:"relative tolerance, as a share of the expected value"`
	First    bool         `json:"first,omitempty" doc:"the first number of the answer counts; default is the last"`
	After    string       `json:"after,omitempty" doc:"the number must follow this marker (its last place), such as ####"`
	Only     bool         `json:"only,omitempty" doc:"the answer must be a number and nothing else"`
	Fraction bool         `json:"percent_as_fraction,omitempty" doc:"read 12% as 0.12"`
}

// aNumber matches a number as people write it: sign, thousands separators,
// decimals, exponent. A hyphen inside a word is no sign.
var aNumber = regexp.MustCompile(`[-+−]?(?:\d{1,3}(?:[,'  ]\d{3})+|\d+)(?:\.\d+)?(?:[eE][-+]?\d{1,3})?%?|[-+−]?\.\d+%?`)

// maxNumberText is how much of an answer is searched, from the end that counts.
const maxNumberText = 1 << 20

// Grade finds the number and compares it exactly, or within the tolerance.
func (g *Number) Grade(_ context.Context, t *eval.Task, r *eval.Response) eval.Score {
	want, ok := g.expected(t)
	if !ok {
		return noExpected("number", "number")
	}
	raw, ok := g.find(r.Text.Raw())
	if !ok {
		return pass("number", false, fmt.Sprintf("expected %s, found no number in %s", want.Text('g', 12), quote(r.Text.Raw())))
	}
	got, ok := parse(raw, g.Fraction)
	if !ok {
		return pass("number", false, fmt.Sprintf("%s is not a number that can be compared", quote(raw)))
	}
	return pass("number", g.near(got, want), fmt.Sprintf("found %s, expected %s", raw, want.Text('g', 12)))
}

func (g *Number) expected(t *eval.Task) (*big.Float, bool) {
	if g.Value != nil {
		return parse(g.Value.String(), false)
	}
	s, ok := plainText(t)
	if !ok {
		return nil, false
	}
	if g.After != "" {
		if i := strings.LastIndex(s, g.After); i >= 0 {
			s = s[i+len(g.After):]
		}
	}
	m := aNumber.FindString(s)
	if m == "" {
		return nil, false
	}
	return parse(m, g.Fraction)
}

// find returns the number of the answer that counts.
func (g *Number) find(s string) (string, bool) {
	if g.After != "" {
		i := strings.LastIndex(s, g.After)
		if i < 0 {
			return "", false
		}
		s = s[i+len(g.After):]
		if len(s) > maxNumberText {
			s = s[:maxNumberText]
		}
		return found(aNumber.FindString(s))
	}
	if g.Only {
		s = strings.Trim(strings.TrimSpace(s), "$€£.")
		if len(s) > 100 || aNumber.FindString(s) != s {
			return "", false
		}
		return found(s)
	}
	if g.First {
		return found(aNumber.FindString(s[:min(len(s), maxNumberText)]))
	}
	s = s[max(0, len(s)-maxNumberText):]
	all := aNumber.FindAllStringIndex(s, -1)
	if len(all) == 0 {
		return "", false
	}
	at := all[len(all)-1]
	if m := s[at[0]:at[1]]; at[0] > 0 && (m[0] == '-' || m[0] == '+') && isWord(rune(s[at[0]-1])) {
		return m[1:], true // "gpt-4": the hyphen belongs to the word
	}
	return s[at[0]:at[1]], true
}

func found(s string) (string, bool) { return s, s != "" }

// parse reads a number exactly enough to compare integers of any length.
func parse(s string, fraction bool) (*big.Float, bool) {
	percent := strings.HasSuffix(s, "%")
	s = strings.NewReplacer(",", "", "'", "", " ", "", " ", "", "−", "-", "%", "").Replace(s)
	if len(s) > 400 {
		return nil, false
	}
	f, _, err := big.ParseFloat(s, 10, uint(64+4*len(s)), big.ToNearestEven)
	if err != nil || f.IsInf() {
		return nil, false
	}
	if percent && fraction {
		f.Quo(f, big.NewFloat(100))
	}
	return f, true
}

func (g *Number) near(got, want *big.Float) bool {
	if got.Cmp(want) == 0 {
		return true
	}
	diff := new(big.Float).Sub(got, want)
	d, _ := diff.Abs(diff).Float64()
	w, _ := want.Float64()
	limit := math.Max(math.Max(g.Abs, g.Rel*math.Abs(w)), 1e-9*math.Abs(w))
	if got.IsInt() && want.IsInt() && g.Abs == 0 && g.Rel == 0 {
		return false // whole numbers are compared exactly
	}
	return d <= limit
}
