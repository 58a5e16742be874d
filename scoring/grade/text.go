package grade

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"infer/eval"
)

// Exact accepts an answer that is the expected text.
type Exact struct {
	Value      string   `json:"value,omitempty" doc:"compare with this instead of the task's expected value"`
	AnyOf      []string `json:"any_of,omitempty" doc:"compare with each of these"`
	IgnoreCase bool     `json:"ignore_case,omitempty" doc:"letter case does not matter"`
	NoTrim     bool     `json:"no_trim,omitempty" doc:"white space at the ends matters"`
	Collapse   bool     `json:"collapse,omitempty" doc:"runs of white space count as one space"`
	NoPunct    bool     `json:"strip_punctuation,omitempty" doc:"punctuation at the ends does not matter"`
}

func (g *Exact) norm(s string) string {
	if !g.NoTrim {
		s = strings.TrimSpace(s)
	}
	if g.Collapse {
		s = strings.Join(strings.Fields(s), " ")
	}
	if g.NoPunct {
		s = strings.TrimFunc(s, func(r rune) bool { return unicode.IsPunct(r) || unicode.IsSpace(r) })
	}
	if g.IgnoreCase {
		s = strings.ToLower(s)
	}
	return s
}

// Grade compares the answer with the expected text.
func (g *Exact) Grade(_ context.Context, t *eval.Task, r *eval.Response) eval.Score {
	want := g.AnyOf
	if g.Value != "" {
		want = append([]string{g.Value}, want...)
	}
	if len(want) == 0 {
		w, ok := plainText(t)
		if !ok {
			return noExpected("exact", "text")
		}
		want = []string{w}
	}
	got := g.norm(r.Text.Raw())
	for _, w := range want {
		if got == g.norm(w) {
			return pass("exact", true, "is "+quote(w))
		}
	}
	return pass("exact", false, fmt.Sprintf("expected %s, found %s", quote(want[0]), quote(got)))
}

// Contains accepts an answer that holds the given texts.
type Contains struct {
	Value      string   `json:"value,omitempty" doc:"a text to look for; without it, the task's expected text"`
	Values     []string `json:"values,omitempty" doc:"several texts to look for"`
	Any        bool     `json:"any,omitempty" doc:"one of the texts is enough"`
	Not        bool     `json:"not,omitempty" doc:"accept only if none of the texts is there"`
	IgnoreCase bool     `json:"ignore_case,omitempty" doc:"letter case does not matter"`
}

// Grade looks for the texts.
func (g *Contains) Grade(_ context.Context, t *eval.Task, r *eval.Response) eval.Score {
	want := g.Values
	if g.Value != "" {
		want = append([]string{g.Value}, want...)
	}
	if len(want) == 0 {
		w, ok := plainText(t)
		if !ok {
			return noExpected("contains", "text")
		}
		want = []string{w}
	}
	got := r.Text.Raw()
	if g.IgnoreCase {
		got = strings.ToLower(got)
	}
	found, missing := "", ""
	for _, w := range want {
		needle := w
		if g.IgnoreCase {
			needle = strings.ToLower(w)
		}
		if strings.Contains(got, needle) {
			found = w
		} else if missing == "" {
			missing = w
		}
	}
	switch {
	case g.Not:
		if found != "" {
			return pass("contains", false, "must not hold "+quote(found)+", but does")
		}
		return pass("contains", true, "holds none of the forbidden texts")
	case g.Any && found != "", !g.Any && missing == "":
		return pass("contains", true, "holds "+quote(want[0]))
	}
	return pass("contains", false, fmt.Sprintf("does not hold %s; found %s", quote(missing), quote(r.Text.Raw())))
}

// Regex accepts an answer that a regular expression matches (RE2: linear time).
type Regex struct {
	Pattern string `json:"pattern" doc:"RE2 pattern" required:"true"`
	Group   int    `json:"group,omitempty" doc:"compare this group with the expected text"`
	Full    bool   `json:"full,omitempty" doc:"the whole trimmed answer must match"`
	Not     bool   `json:"not,omitempty" doc:"accept only if the pattern does not match"`

	re *regexp.Regexp
}

// Prepare compiles the pattern.
func (g *Regex) Prepare() error {
	p := g.Pattern
	if p == "" {
		return fmt.Errorf("regex: no pattern")
	}
	if len(p) > 10_000 {
		return fmt.Errorf("regex: a pattern of %d bytes; the limit is 10,000", len(p))
	}
	if g.Full {
		p = `\A(?:` + p + `)\z`
	}
	re, err := regexp.Compile(p)
	if err != nil {
		return fmt.Errorf("regex: %w", err)
	}
	if g.Group < 0 || g.Group > re.NumSubexp() {
		return fmt.Errorf("regex: group %d, but the pattern has %d", g.Group, re.NumSubexp())
	}
	g.re = re
	return nil
}

// Grade matches the answer.
func (g *Regex) Grade(_ context.Context, t *eval.Task, r *eval.Response) eval.Score {
	got := r.Text.Raw()
	if g.Full {
		got = strings.TrimSpace(got)
	}
	m := g.re.FindStringSubmatch(got)
	switch {
	case g.Not:
		return pass("regex", m == nil, fmt.Sprintf("must not match %s", quote(g.Pattern)))
	case m == nil:
		return pass("regex", false, fmt.Sprintf("%s does not match %s", quote(got), quote(g.Pattern)))
	case g.Group == 0:
		return pass("regex", true, "matches "+quote(g.Pattern))
	}
	want, ok := plainText(t)
	if !ok {
		return noExpected("regex", "text")
	}
	return pass("regex", strings.TrimSpace(m[g.Group]) == strings.TrimSpace(want),
		fmt.Sprintf("group %d is %s, expected %s", g.Group, quote(m[g.Group]), quote(want)))
}

// Length accepts an answer whose length lies within limits.
type Length struct {
	MinWords int `json:"min_words,omitempty" doc:"at least so many words"`
	MaxWords int `json:"max_words,omitempty" doc:"at most so many words"`
	MinChars int `json:"min_chars,omitempty" doc:"at least so many characters"`
	MaxChars int `json:"max_chars,omitempty" doc:"at most so many characters"`
}

// Prepare refuses limits that nothing, or everything, fits.
func (g *Length) Prepare() error {
	switch {
	case *g == Length{}:
		return errors.New("length: no limit is set")
	case min(g.MinWords, g.MaxWords, g.MinChars, g.MaxChars) < 0:
		return errors.New("length: a limit below 0")
	case g.MaxWords > 0 && g.MinWords > g.MaxWords || g.MaxChars > 0 && g.MinChars > g.MaxChars:
		return errors.New("length: the least is more than the most")
	}
	return nil
}

// Grade counts words and characters.
func (g *Length) Grade(_ context.Context, _ *eval.Task, r *eval.Response) eval.Score {
	s := strings.TrimSpace(r.Text.Raw())
	words, chars := len(strings.Fields(s)), len([]rune(s))
	ok := words >= g.MinWords && chars >= g.MinChars && (g.MaxWords == 0 || words <= g.MaxWords) && (g.MaxChars == 0 || chars <= g.MaxChars)
	return pass("length", ok, fmt.Sprintf("%d words, %d characters", words, chars))
}

// Finish accepts an answer that ended for one of the given reasons.
type Finish struct {
	Reasons []string `json:"reasons,omitempty" doc:"stop, length, tool_calls, …; default stop and tool_calls"`
}

// Grade compares the finish reason.
func (g *Finish) Grade(_ context.Context, _ *eval.Task, r *eval.Response) eval.Score {
	if r.Finish == "" {
		return unscored("finish_reason", "the provider gave no finish reason")
	}
	reasons := g.Reasons
	if len(reasons) == 0 {
		reasons = []string{string(eval.FinishStop), string(eval.FinishToolCalls)}
	}
	for _, x := range reasons {
		if string(r.Finish) == x {
			return pass("finish_reason", true, "ended with "+x)
		}
	}
	return pass("finish_reason", false, fmt.Sprintf("ended with %s, expected %s", r.Finish, strings.Join(reasons, " or ")))
}
