package config

import (
	"fmt"
	"strings"
)

// Nearest returns the known word that word is most probably a misspelling of:
// the one with the smallest Levenshtein distance, upper and lower case aside, if
// that is at most a third of word's length and at most 3; "" = none. Of equally
// near words the first wins.
func Nearest(word string, known []string) string {
	w := []rune(strings.ToLower(word))
	if len(w) > 100 {
		return ""
	}
	best, at := min(3, max(1, len(w)/3))+1, ""
	for _, k := range known {
		if d := distance(w, []rune(strings.ToLower(k))); d < best {
			best, at = d, k
		}
	}
	return at
}

// distance is the Levenshtein distance.
func distance(a, b []rune) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range a {
		diag := row[0]
		row[0] = i + 1
		for j := range b {
			cost := diag
			if a[i] != b[j] {
				cost = 1 + min(diag, row[j], row[j+1])
			}
			diag, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}

// suggest is the hint for a word that is not known: the nearest known one, or
// all of them.
func suggest(word string, known []string, all string) string {
	if near := Nearest(word, known); near != "" {
		return fmt.Sprintf("did you mean %s?", near)
	}
	return all + strings.Join(known, ", ")
}
