package grade

import (
	"context"
	"fmt"
	"strings"
	"unicode"

	"infer/eval"
)

// Both measures are quadratic, so texts are cut to these lengths first; the
// explanation says when they were.
const (
	maxEditRunes  = 5_000
	maxRougeWords = 2_000
)

// EditSimilarity accepts an answer whose normalised Levenshtein similarity to
// the expected text reaches a threshold.
type EditSimilarity struct {
	Threshold  float64 `json:"threshold,omitempty" doc:"least similarity that is accepted, in [0, 1]; default 0.8"`
	IgnoreCase bool    `json:"ignore_case,omitempty" doc:"letter case does not matter"`
}

// Grade compares the two texts.
func (g *EditSimilarity) Grade(_ context.Context, t *eval.Task, r *eval.Response) eval.Score {
	want, ok := plainText(t)
	if !ok {
		return noExpected("edit_similarity", "text")
	}
	threshold := orDefault(g.Threshold, 0.8)
	a, b := strings.TrimSpace(want), strings.TrimSpace(r.Text.Raw())
	if g.IgnoreCase {
		a, b = strings.ToLower(a), strings.ToLower(b)
	}
	sim, cut := Similarity(a, b)
	return valued("edit_similarity", sim >= threshold, sim, fmt.Sprintf("similarity %.3f to %s, need %.3g%s", sim, quote(want), threshold, note(cut)))
}

func orDefault(v, d float64) float64 {
	if v == 0 {
		return d
	}
	return v
}

func note(cut bool) string {
	if cut {
		return " (texts cut for comparison)"
	}
	return ""
}

// Similarity is 1 − Levenshtein distance ÷ length of the longer text, in
// characters (Levenshtein 1966); two empty texts are alike. cut says that a text
// was longer than what is compared.
func Similarity(a, b string) (sim float64, cut bool) {
	if a == b {
		return 1, false
	}
	x, y := []rune(a), []rune(b)
	longer := max(len(x), len(y))
	if cut = longer > maxEditRunes; cut {
		x, y = x[:min(len(x), maxEditRunes)], y[:min(len(y), maxEditRunes)]
		longer = max(len(x), len(y))
	}
	return 1 - float64(levenshtein(x, y))/float64(longer), cut
}

func levenshtein(a, b []rune) int {
	if len(a) < len(b) {
		a, b = b, a
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diag := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := diag
			if a[i-1] != b[j-1] {
				cost = 1 + min(diag, row[j], row[j-1])
			}
			diag, row[j] = row[j], cost
		}
	}
	return row[len(b)]
}

// RougeL accepts an answer whose ROUGE-L F1 against the expected text reaches a
// threshold.
type RougeL struct {
	Threshold float64 `json:"threshold,omitempty" doc:"least F1 that is accepted, in [0, 1]; default 0.5"`
}

// Grade compares the two texts word by word.
func (g *RougeL) Grade(_ context.Context, t *eval.Task, r *eval.Response) eval.Score {
	want, ok := plainText(t)
	if !ok {
		return noExpected("rouge_l", "text")
	}
	threshold := orDefault(g.Threshold, 0.5)
	f1, cut := Rouge(want, r.Text.Raw())
	return valued("rouge_l", f1 >= threshold, f1, fmt.Sprintf("ROUGE-L %.3f against %s, need %.3g%s", f1, quote(want), threshold, note(cut)))
}

// Rouge is ROUGE-L F1 (Lin 2004): with L the longest common subsequence of the
// words, P = L ÷ words of the candidate, R = L ÷ words of the reference,
// F1 = 2PR ÷ (P+R). Words are runs of letters and digits in lower case.
func Rouge(reference, candidate string) (f1 float64, cut bool) {
	words := func(s string) []string {
		w := strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
		if len(w) > maxRougeWords {
			w, cut = w[:maxRougeWords], true
		}
		return w
	}
	a, b := words(reference), words(candidate)
	if len(a) == 0 || len(b) == 0 {
		return 0, cut
	}
	row := make([]int, len(b)+1)
	for i := range a {
		diag := 0
		for j := range b {
			up := row[j+1]
			if a[i] == b[j] {
				row[j+1] = diag + 1
			} else {
				row[j+1] = max(up, row[j])
			}
			diag = up
		}
	}
	l := float64(row[len(b)])
	if l == 0 {
		return 0, cut
	}
	p, rec := l/float64(len(b)), l/float64(len(a))
	return 2 * p * rec / (p + rec), cut
}
