package grade

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// numeral is a number as it stands in a text.
type numeral struct {
	raw     string // as found, digits made ASCII
	text    string // in JSON's notation
	over    string // of a fraction: its denominator; "" = none
	percent bool
}

// A run is digits with single separators between them; what it means is decided
// afterwards. The letter group before it tells a number from a name such as gpt4.
var (
	aRun     = regexp.MustCompile(`\d+(?:[.,' ]\d+)*|\.\d+`)
	exponent = regexp.MustCompile(`^[eE][-+]?\d{1,4}\b`)
	power    = regexp.MustCompile(`^ ?(?:×|x|\*|\\times|\\cdot|·) ?10 ?(?:\^|\*\*) ?\{?([-+]?\d{1,4})\}?`)
	texFrac  = regexp.MustCompile(`\\[dt]?frac\s*\{\s*(-?\d{1,30})\s*\}\s*\{\s*(\d{1,30})\s*\}`)
	fraction = regexp.MustCompile(`^\s*\$?\s*([-+]?\d{1,30})\s*/\s*(\d{1,30})\s*\$?[\s.]*$`)
	currency = regexp.MustCompile(`(?i)(?:[$€£¥₹]|\b(?:usd|eur|gbp|chf|us|rs|sek|nok|dkk|pln|inr|jpy|cny|aud|cad))[ ]?$`)
)

// numerals returns the numbers of s in their order: with signs, thousands
// separators, currencies, exponents and LaTeX's ways of writing them. What is
// written like a number but is none (a version, a date with dots, gpt4) is left
// out.
func (g *Number) numerals(s string) []numeral {
	s = unTeX(plainDigits(s))
	if m := fraction.FindStringSubmatch(s); m != nil {
		return []numeral{{raw: strings.TrimSpace(m[0]), text: m[1], over: m[2]}}
	}
	if m := texFrac.FindAllStringSubmatch(s, -1); len(m) == 1 && strings.TrimSpace(strings.Trim(texFrac.ReplaceAllString(s, ""), "$ .\\()[]-")) == "" {
		sign := ""
		if strings.HasPrefix(strings.TrimLeft(s, "$ \\(["), "-") {
			sign = "-"
		}
		return []numeral{{raw: m[0][0], text: sign + m[0][1], over: m[0][2]}}
	}
	var out []numeral
	for at := 0; at < len(s); {
		m := aRun.FindStringIndex(s[at:])
		if m == nil {
			break
		}
		from, to := at+m[0], at+m[1]
		at = to
		if inWord(s, from) {
			at += len(s[to:]) - len(strings.TrimLeft(s[to:], "0123456789."))
			continue
		}
		parts := g.split(s[from:to])
		for i, p := range parts {
			n := numeral{raw: p.raw, text: p.text}
			if i == 0 {
				n.sign(s[:from])
			}
			if i == len(parts)-1 {
				at += n.suffix(s[to:])
			}
			out = append(out, n)
		}
	}
	return out
}

// sign takes over the sign that stands before a number or before its currency.
func (n *numeral) sign(before string) {
	if cut := currency.FindStringIndex(tail(before, 12)); cut != nil && !strings.HasSuffix(before, "-") {
		if b := before[:len(before)-(len(tail(before, 12))-cut[0])]; strings.HasSuffix(b, "-") {
			before = b
		}
	}
	if !strings.HasSuffix(before, "-") {
		return
	}
	// A hyphen after a word, a digit or a bracket joins or subtracts.
	r, _ := utf8.DecodeLastRuneInString(before[:len(before)-1])
	if len(before) > 1 && (isWord(r) || r == ')' || r == ']' || r == '-') {
		return
	}
	n.raw, n.text = "-"+n.raw, "-"+n.text
}

// suffix takes over an exponent and a percent sign, and returns their length.
func (n *numeral) suffix(after string) int {
	used := 0
	if m := exponent.FindString(after); m != "" {
		n.raw, n.text, used = n.raw+m, n.text+m, len(m)
	} else if m := power.FindStringSubmatch(head(after)); m != nil {
		n.raw, n.text, used = n.raw+m[0], n.text+"e"+m[1], len(m[0])
	}
	rest := after[used:]
	if t := strings.TrimPrefix(rest, " "); strings.HasPrefix(t, "%") {
		n.percent, n.raw = true, n.raw+"%"
		used += len(rest) - len(t) + 1
	}
	return used
}

// inWord reports whether the digits at from belong to a word before them. A
// currency's code is no such word, and neither is text in a script that is
// written without spaces.
func inWord(s string, from int) bool {
	if from == 0 {
		return false
	}
	c := s[from-1]
	if c != '_' && (c|0x20 < 'a' || c|0x20 > 'z') {
		return false
	}
	return !currency.MatchString(tail(s[:from], 12))
}

func tail(s string, n int) string { return s[max(0, len(s)-n):] }

// split says what a run means: one number where its separators are well placed,
// else the numbers of which it is a list.
func (g *Number) split(run string) []numeral {
	point, comma := ".", ","
	if g.Comma {
		point, comma = comma, point
	}
	if t, ok := grouped(run, point, comma); ok {
		return []numeral{{raw: run, text: t}}
	}
	for _, sep := range []string{" ", "'", comma} {
		if !strings.Contains(run, sep) {
			continue
		}
		var out []numeral
		for _, p := range strings.Split(run, sep) {
			out = append(out, g.split(p)...)
		}
		return out
	}
	return nil // 1.2.3: a version, a date, an address
}

// grouped reads a run as one number in JSON's notation: groups of three digits
// after the first, all set apart alike, and at most one decimal point.
func grouped(run, point, comma string) (string, bool) {
	whole, frac, hasPoint := strings.Cut(run, point)
	if strings.Trim(frac, "0123456789") != "" || hasPoint && frac == "" {
		return "", false
	}
	sep := strings.Trim(whole, "0123456789")
	if sep != "" {
		sep = sep[:1]
		if sep != comma && sep != "'" && sep != " " {
			return "", false
		}
		for i, p := range strings.Split(whole, sep) {
			if len(p) == 0 || i == 0 && len(p) > 3 || i > 0 && len(p) != 3 || strings.Trim(p, "0123456789") != "" {
				return "", false
			}
		}
		whole = strings.ReplaceAll(whole, sep, "")
	}
	if whole == "" {
		whole = "0"
	}
	if hasPoint {
		whole += "." + frac
	}
	return whole, true
}

// unTeX takes away what LaTeX puts into and around numbers.
func unTeX(s string) string {
	if !strings.ContainsAny(s, `\{`) {
		return s
	}
	return strings.NewReplacer("{,}", ",", `\,`, " ", `\!`, "", `\%`, "%", `\$`, "$", `\;`, " ").Replace(s)
}

// plainDigits writes decimal digits of any script in ASCII, and the signs,
// separators and spaces that go with them.
func plainDigits(s string) string {
	ascii := true
	for i := 0; i < len(s) && ascii; i++ {
		ascii = s[i] < 0x80
	}
	if ascii {
		return s
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r < 0x80:
			return r
		case r == '−' || r == '－' || r == '﹣':
			return '-'
		case r == '．' || r == '٫':
			return '.'
		case r == '，' || r == '٬':
			return ','
		case r == '％' || r == '٪':
			return '%'
		case r == '’' || r == '＇':
			return '\''
		case r == 0xa0 || r == 0x202f || r == 0x2009 || r == 0x3000:
			return ' '
		case unicode.Is(unicode.Nd, r):
			return digit(r)
		}
		return r
	}, s)
}

// digit returns the ASCII digit of a decimal digit: Unicode sets them in runs of
// ten.
func digit(r rune) rune {
	for _, t := range unicode.Nd.R16 {
		if r >= rune(t.Lo) && r <= rune(t.Hi) {
			return '0' + (r-rune(t.Lo))%10
		}
	}
	for _, t := range unicode.Nd.R32 {
		if r >= rune(t.Lo) && r <= rune(t.Hi) {
			return '0' + (r-rune(t.Lo))%10
		}
	}
	return r
}
