package grade

import (
	"context"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"

	"infer/eval"
)

// Number accepts an answer whose number is the expected one. Whole numbers are
// compared exactly unless a tolerance is given; others within 10⁻⁹ of their
// size, so that how many digits were written does not matter.
type Number struct {
	Value         *json.Number `json:"value,omitempty" doc:"compare with this instead of the task's expected value"`
	Abs           float64      `json:"abs,omitempty" doc:"absolute tolerance"`
	Rel           float64      `json:"rel,omitempty" doc:"relative tolerance, as a share of the expected value"`
	First         bool         `json:"first,omitempty" doc:"the first number of the answer counts; default is the one in \\boxed{}, else the last"`
	After         string       `json:"after,omitempty" doc:"the number must follow this marker (its last place), such as ####"`
	ExpectedAfter string       `json:"expected_after,omitempty" doc:"marker before the number of the expected text; default: that of after"`
	Only          bool         `json:"only,omitempty" doc:"the answer must be a number and nothing else"`
	Fraction      bool         `json:"percent_as_fraction,omitempty" doc:"read 12% as 0.12"`
	Comma         bool         `json:"decimal_comma,omitempty" doc:"numbers are written like 1.234,5"`
}

// maxNumberText is how much of an answer is searched, from the end that counts.
const maxNumberText = 1 << 20

// Prepare checks the tolerances.
func (g *Number) Prepare() error {
	if g.Abs < 0 || g.Rel < 0 {
		return fmt.Errorf("number: a tolerance below 0")
	}
	if g.Value != nil {
		if _, ok := g.parse(numeral{text: g.Value.String()}); !ok {
			return fmt.Errorf("number: the value %s cannot be compared", quote(g.Value.String()))
		}
	}
	return nil
}

// Grade finds the number and compares it exactly, or within the tolerance.
func (g *Number) Grade(_ context.Context, t *eval.Task, r *eval.Response) eval.Score {
	want, why := g.expected(t)
	if want == nil {
		return unscored("number", why)
	}
	found, ok := g.find(r.Text.Raw())
	if !ok {
		return pass("number", false, fmt.Sprintf("expected %s, found no number in %s", show(want), quote(r.Text.Raw())))
	}
	got, ok := g.parse(found)
	if !ok {
		return pass("number", false, fmt.Sprintf("%s is not a number that can be compared", quote(found.raw)))
	}
	return pass("number", g.near(got, want), fmt.Sprintf("found %s, expected %s", quote(found.raw), show(want)))
}

// show writes a number for people; a whole one in full, if it is not too long.
func show(f *big.Float) string {
	if f.IsInt() && f.MantExp(nil) < 200 {
		return f.Text('f', 0)
	}
	return f.Text('g', 12)
}

// expected is the number to compare with, or nil and why there is none. A text
// that holds several numbers and no marker is not guessed at.
func (g *Number) expected(t *eval.Task) (*big.Float, string) {
	if g.Value != nil {
		v, _ := g.parse(numeral{text: g.Value.String()})
		return v, ""
	}
	s, ok := plainText(t)
	if !ok {
		return nil, "the task has no expected number to compare with"
	}
	after := g.ExpectedAfter
	if after == "" {
		after = g.After
	}
	var all []numeral
	if _, isText := text(t); !isText {
		all = []numeral{{text: strings.TrimSpace(s)}} // JSON is not written with separators
	} else if i := strings.LastIndex(s, after); after != "" && i >= 0 {
		all = g.numerals(s[i+len(after):])
	} else if all = g.numerals(s); len(all) > 1 {
		return nil, fmt.Sprintf("the expected text holds %d numbers; set expected_after to the marker before the one that counts", len(all))
	}
	if len(all) == 0 {
		return nil, "the expected text holds no number"
	}
	v, ok := g.parse(all[0])
	if !ok {
		return nil, "the expected number cannot be compared: " + quote(s)
	}
	return v, ""
}

// find returns the number of the answer that counts.
func (g *Number) find(s string) (numeral, bool) {
	switch {
	case g.After != "":
		i := strings.LastIndex(s, g.After)
		if i < 0 {
			return numeral{}, false
		}
		return first(g.numerals(head(s[i+len(g.After):])))
	case g.Only:
		return g.alone(s)
	case g.First:
		return first(g.numerals(head(s)))
	}
	s = tailOf(s)
	if i := strings.LastIndex(s, `\boxed`); i >= 0 {
		if all := g.numerals(braced(s[i+len(`\boxed`):])); len(all) > 0 {
			return all[len(all)-1], true
		}
	}
	all := g.numerals(s)
	if len(all) == 0 {
		return numeral{}, false
	}
	return all[len(all)-1], true
}

// alone returns the number that is the whole of the answer.
func (g *Number) alone(s string) (numeral, bool) {
	s = strings.TrimSpace(s)
	if len(s) > 500 {
		return numeral{}, false
	}
	all := g.numerals(s)
	if len(all) != 1 {
		return numeral{}, false
	}
	rest := strings.Replace(plainDigits(s), all[0].raw, "", 1)
	return all[0], strings.Trim(rest, " $€£¥.%*") == ""
}

func first(all []numeral) (numeral, bool) {
	if len(all) == 0 {
		return numeral{}, false
	}
	return all[0], true
}

// head and tailOf cap what is searched; a number that the cut may have split is
// cut away whole.
func head(s string) string {
	if len(s) <= maxNumberText {
		return s
	}
	return strings.TrimRight(s[:maxNumberText], "0123456789.,'eE+-")
}

func tailOf(s string) string {
	if len(s) <= maxNumberText {
		return s
	}
	return strings.TrimLeft(s[len(s)-maxNumberText:], "0123456789.,'eE+-")
}

// braced returns what stands between the braces that s begins with.
func braced(s string) string {
	s = strings.TrimLeft(s, " ")
	if !strings.HasPrefix(s, "{") {
		return ""
	}
	depth := 0
	for i := 0; i < len(s) && i < 10_000; i++ {
		switch s[i] {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return s[1:i]
			}
		}
	}
	return ""
}

// parse reads a numeral exactly enough to compare whole numbers of any length.
func (g *Number) parse(n numeral) (*big.Float, bool) {
	if len(n.text) > maxDigits {
		return nil, false
	}
	f, ok := exactly(n.text, precision(len(n.text)))
	if !ok {
		return nil, false
	}
	if n.over != "" {
		d, ok := exactly(n.over, precision(len(n.over)))
		if !ok || d.Sign() == 0 {
			return nil, false
		}
		f.Quo(f, d)
	}
	if n.percent && g.Fraction {
		f.Quo(f, big.NewFloat(100))
	}
	return f, true
}

// maxDigits is the longest number that is compared.
const maxDigits = 400

// precision is how many bits tell any two numbers of so many digits apart.
func precision(digits int) uint { return uint(64 + 4*digits) }

// exactly parses a number in JSON's notation.
func exactly(s string, prec uint) (*big.Float, bool) {
	f, _, err := big.ParseFloat(s, 10, prec, big.ToNearestEven)
	if err != nil || f.IsInf() || f.MantExp(nil) > 1<<16 || f.MantExp(nil) < -1<<16 {
		return nil, false
	}
	return f, true
}

func (g *Number) near(got, want *big.Float) bool {
	if got.Cmp(want) == 0 {
		return true
	}
	rel := max(g.Rel, 1e-9)
	if got.IsInt() && want.IsInt() && g.Abs == 0 && g.Rel == 0 {
		return false
	}
	d := new(big.Float).Sub(got, want)
	limit := new(big.Float).Mul(new(big.Float).Abs(want), big.NewFloat(rel))
	if abs := big.NewFloat(g.Abs * (1 + 1e-12)); abs.Cmp(limit) > 0 {
		limit = abs
	}
	return d.Abs(d).Cmp(limit) <= 0
}
