package judge

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"

	"infer/eval"
)

// A seal belongs to one question to one judge. It marks where data begins and
// ends, and gives every verdict that the judge may choose a code of its own. It
// is a digest of the whole question, the judged answer included, so no answer can
// hold it but by chance: one that was made to would need about 2⁴⁰ tries.
type seal struct {
	key    eval.Digest
	labels []string
	sealed map[string]string // code → label
}

// codeAlphabet leaves out letters that look like others.
const codeAlphabet = "23456789abcdefghjkmnpqrstuvwxyz"

// codeLength is how many letters a code has: about 40 bits.
const codeLength = 8

func newSeal(key eval.Digest, labels []string) *seal {
	s := &seal{key: key, labels: labels, sealed: make(map[string]string, len(labels))}
	for _, l := range labels {
		s.sealed[s.code(l)] = l
	}
	return s
}

// mark is what data stands between.
func (s *seal) mark() string {
	h := sha256.Sum256(append(s.key[:], "mark"...))
	return hex.EncodeToString(h[:6])
}

// code is a label with its code, as the judge must write it.
func (s *seal) code(label string) string {
	h := sha256.Sum256(append(s.key[:], "verdict:"+label...))
	b := []byte(label + "-")
	for _, c := range h[:codeLength] {
		b = append(b, codeAlphabet[int(c)%len(codeAlphabet)])
	}
	return string(b)
}

// holds reports whether a text holds the seal's mark or one of its codes, which
// only a text written after the question can.
func (s *seal) holds(text string) bool {
	low := strings.ToLower(text)
	for code := range s.sealed {
		if strings.Contains(low, code) {
			return true
		}
	}
	return strings.Contains(low, s.mark())
}

// Errors of reading a judgement.
var (
	errNoVerdict   = errors.New("it holds no verdict in the form asked for")
	errTwoVerdicts = errors.New("it holds several verdicts")
)

// maxJudgement is how much of a judgement is read, from its end.
const maxJudgement = 64 << 10

// read finds the one verdict of a judgement: the code that stands in lines that
// begin with VERDICT, or else as the last word of the whole. Only codes count: a
// verdict without one, in whatever form, was not written by the judge's rule and
// may have been written by the answer. Several different codes are none.
func (s *seal) read(judgement string) (label, reasons string, err error) {
	if len(judgement) > maxJudgement {
		judgement = judgement[len(judgement)-maxJudgement:]
	}
	text := strings.TrimSpace(judgement)
	lines := strings.Split(text, "\n")
	at := len(lines)
	for i, line := range lines {
		word, ok := verdictLine(line)
		if !ok {
			continue
		}
		l, known := s.sealed[word]
		if !known {
			continue
		}
		if label != "" && label != l {
			return "", text, errTwoVerdicts
		}
		label, at = l, min(at, i)
	}
	if label == "" {
		words := strings.Fields(text)
		if len(words) == 0 {
			return "", text, errNoVerdict
		}
		l, known := s.sealed[clean(words[len(words)-1])]
		if !known || s.count(text) > 1 {
			return "", text, errNoVerdict
		}
		return l, strings.TrimSpace(strings.TrimSuffix(text, words[len(words)-1])), nil
	}
	return label, strings.TrimSpace(strings.Join(lines[:at], "\n")), nil
}

// count is how many different codes a text holds.
func (s *seal) count(text string) int {
	n, low := 0, strings.ToLower(text)
	for code := range s.sealed {
		if strings.Contains(low, code) {
			n++
		}
	}
	return n
}

// verdictLine returns the last word of a line that begins with VERDICT, whatever
// marks Markdown puts around it.
func verdictLine(line string) (string, bool) {
	words := strings.Fields(line)
	for i, w := range words {
		switch clean(w) {
		case "":
			continue
		case "verdict", "verdict:":
			return clean(words[len(words)-1]), i < len(words)-1
		}
		return "", false
	}
	return "", false
}

// clean takes away what surrounds a word.
func clean(w string) string {
	return strings.ToLower(strings.Trim(w, "*_`#>\"'“”()[]{}.,;:!"))
}
