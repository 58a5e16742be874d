package grade

import (
	"context"
	"fmt"
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"

	"infer/eval"
)

// OneOf accepts an answer that names the expected label, and no other of the
// allowed ones.
type OneOf struct {
	Labels []string `json:"labels,omitempty" doc:"the allowed labels; without them only the expected one is looked for"`
	First  bool     `json:"first,omitempty" doc:"of several labels in the answer, the first counts"`
	Last   bool     `json:"last,omitempty" doc:"of several labels in the answer, the last counts"`
}

// Grade looks for labels as whole words, whatever their case.
func (g *OneOf) Grade(_ context.Context, t *eval.Task, r *eval.Response) eval.Score {
	want, ok := plainText(t)
	if !ok || strings.TrimSpace(want) == "" {
		return noExpected("one_of", "label")
	}
	labels := g.Labels
	if len(labels) == 0 {
		labels = []string{want}
	}
	found := named(r.Text.Raw(), labels)
	if len(found) == 0 {
		return pass("one_of", false, fmt.Sprintf("expected %s, found no label in %s", quote(want), quote(r.Text.Raw())))
	}
	label := found[0]
	switch {
	case len(found) > 1 && g.Last:
		label = found[len(found)-1]
	case len(found) > 1 && !g.First:
		return pass("one_of", false, fmt.Sprintf("expected %s, but the answer names several labels: %s", quote(want), strings.Join(found, ", ")))
	}
	return pass("one_of", strings.EqualFold(label, strings.TrimSpace(want)), fmt.Sprintf("found label %s, expected %s", quote(label), quote(want)))
}

// named returns the labels that stand in s as whole words, each once, in the
// order of their first place (with equal labels the last place counts for the
// order of the last). Of labels that overlap, the longest counts.
func named(s string, labels []string) []string {
	low := strings.ToLower(narrow(s))
	type place struct{ from, to, label int }
	var places []place
	for i, l := range labels {
		needle := strings.ToLower(strings.TrimSpace(l))
		if needle == "" {
			continue
		}
		for from := 0; ; {
			k := strings.Index(low[from:], needle)
			if k < 0 {
				break
			}
			k += from
			if boundary(low, k, k+len(needle)) {
				places = append(places, place{k, k + len(needle), i})
			}
			from = k + len(needle)
		}
	}
	sort.Slice(places, func(i, j int) bool {
		if places[i].from != places[j].from {
			return places[i].from < places[j].from
		}
		return places[i].to > places[j].to
	})
	var out []string
	end := 0
	for _, p := range places {
		if p.from < end {
			continue
		}
		end = p.to
		if len(out) == 0 || !strings.EqualFold(out[len(out)-1], labels[p.label]) {
			out = append(out, labels[p.label])
		}
	}
	return out
}

// boundary reports whether s[from:to] is not part of a longer word.
func boundary(s string, from, to int) bool {
	before, _ := utf8.DecodeLastRuneInString(s[:from])
	after, _ := utf8.DecodeRuneInString(s[to:])
	return (from == 0 || !isWord(before)) && (to == len(s) || !isWord(after))
}

func isWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' }

// Choice accepts an answer that picks the expected letter of a multiple-choice
// question, and no other.
type Choice struct {
	Choices string `json:"choices,omitempty" doc:"the letters there are; default ABCDE"`
}

// Grade finds the letter that the answer picks.
func (g *Choice) Grade(_ context.Context, t *eval.Task, r *eval.Response) eval.Score {
	want, ok := text(t)
	want = strings.ToUpper(strings.TrimSpace(want))
	if !ok || len(want) != 1 {
		return noExpected("multiple_choice", "letter")
	}
	letters := strings.ToUpper(g.Choices)
	if letters == "" {
		letters = "ABCDE"
	}
	if !strings.Contains(letters, want) {
		return unscored("multiple_choice", fmt.Sprintf("the expected letter %s is not among the choices %s", want, letters))
	}
	got := pick(r.Text.Raw(), letters)
	switch len(got) {
	case 0:
		return pass("multiple_choice", false, fmt.Sprintf("expected %s, found no choice in %s", want, quote(r.Text.Raw())))
	case 1:
		return pass("multiple_choice", got == want, fmt.Sprintf("picked %s, expected %s", got, want))
	}
	return pass("multiple_choice", false, fmt.Sprintf("expected %s, but the answer picks several: %s", want, strings.Join(strings.Split(got, ""), ", ")))
}

// pick returns the letters that an answer picks, each once: the one after
// "answer", "choice" or "option" if there is one, else the one that opens the
// answer, else every capital letter that stands alone.
func pick(s, letters string) string {
	s = narrow(s)
	trimmed := strings.TrimLeft(strings.TrimSpace(s), "(*[\"'`# ")
	if len(trimmed) > 0 && strings.ContainsRune(letters, unicode.ToUpper(rune(trimmed[0]))) &&
		(len(trimmed) == 1 || strings.ContainsRune(").:,*]\"'`\n", rune(trimmed[1])) || len(strings.TrimSpace(trimmed)) == 1) {
		return strings.ToUpper(trimmed[:1])
	}
	s = tail(s, maxChoiceText)
	low := asciiLower(s) // as long as s, so that places in one are places in the other
	last := ""
	for _, cue := range []string{"answer", "choice", "option"} {
		for from := 0; ; {
			k := strings.Index(low[from:], cue)
			if k < 0 {
				break
			}
			from += k + len(cue)
			rest := strings.TrimLeft(s[from:], " :=*(\"'`")
			rest = strings.TrimPrefix(rest, "is")
			rest = strings.TrimLeft(rest, " :=*(\"'`")
			if len(rest) > 0 && strings.IndexByte(letters, rest[0]) >= 0 && boundary(rest, 0, 1) && !strings.Contains(last, rest[:1]) {
				last += rest[:1]
			}
		}
	}
	if last != "" {
		return last
	}
	return alone(s, letters)
}

// maxChoiceText is how much of an answer is searched for a choice: its end.
const maxChoiceText = 20_000

func asciiLower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// narrow writes the full-width forms of ASCII characters in ASCII.
func narrow(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r >= 0xff01 && r <= 0xff5e }) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r >= 0xff01 && r <= 0xff5e {
			return r - 0xff01 + '!'
		}
		return r
	}, s)
}

// alone returns the capital letters that stand as words of their own.
func alone(s, letters string) string {
	out := ""
	for i := 0; i < len(s); i++ {
		if strings.IndexByte(letters, s[i]) < 0 || strings.IndexByte(out, s[i]) >= 0 || !boundary(s, i, i+1) {
			continue
		}
		if s[i] == 'A' && i+1 < len(s) && s[i+1] == ' ' && i+2 < len(s) && unicode.IsLower(rune(s[i+2])) {
			continue // the article
		}
		out += s[i : i+1]
	}
	return out
}
