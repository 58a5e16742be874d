package config

import (
	"fmt"
	"strings"
)

// Nearest returns the known word that word is most probably a misspelling of:
// the one with the fewest letters to change, upper and lower case aside, if that
// is at most a third of word's length (one in short words) and at most 3;
// "" = none. Of equally near words the first wins.
func Nearest(word string, known []string) string {
	w := []rune(strings.ToLower(word))
	if len(w) > 100 {
		return ""
	}
	best, at := min(3, max(1, len(w)/3), len(w)-1)+1, ""
	for _, k := range known {
		if d := distance(w, []rune(strings.ToLower(k))); d < best {
			best, at = d, k
		}
	}
	return at
}

// distance is the Levenshtein distance, in which two neighbouring letters that
// changed places count once (optimal string alignment).
func distance(a, b []rune) int {
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range a {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		for j := range b {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j]+cost, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}

// suggest is the hint for a word that is not known: the nearest known one, or
// all of them.
func suggest(word string, known []string, all string) string {
	if near := Nearest(word, known); near != "" {
		return fmt.Sprintf("did you mean %s?", near)
	}
	return all + strings.Join(known, ", ")
}
