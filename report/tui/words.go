package tui

import "strings"

// contains reports whether a text holds another one, whatever the case.
func contains(s, part string) bool {
	return part == "" || strings.Contains(strings.ToLower(s), strings.ToLower(part))
}

// fuzzy reports whether the letters of part are in s in order, and how well: the
// lower the better.
func fuzzy(s, part string) (score int, ok bool) {
	s, part = strings.ToLower(s), strings.ToLower(part)
	if i := strings.Index(s, part); i >= 0 {
		return i, true
	}
	at := 0
	for _, r := range part {
		i := strings.IndexRune(s[at:], r)
		if i < 0 {
			return 0, false
		}
		score += i
		at += i + len(string(r))
	}
	return 100 + score, true
}
