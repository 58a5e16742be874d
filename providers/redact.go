package providers

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"sort"
	"strings"
)

// redacted stands where a key stood.
const redacted = "[redacted]"

// minSecret is the shortest key that is searched for: a shorter one would match
// half of every text.
const minSecret = 6

// shapes are how keys of common services look. Each is anchored by a prefix of
// its own, so that ordinary words and digests stay.
var shapes = regexp.MustCompile(strings.Join([]string{
	`\bsk-[A-Za-z0-9_-]{16,}`,                                        // OpenAI, Anthropic, OpenRouter, DeepSeek
	`\bAIza[0-9A-Za-z_-]{30,}`,                                       // Google
	`\bya29\.[0-9A-Za-z_-]{20,}`,                                     // Google OAuth
	`\b(?:AKIA|ASIA|ABSK)[0-9A-Za-z+/=]{16,}`,                        // AWS, Bedrock
	`\bgh[pousr]_[A-Za-z0-9]{30,}`,                                   // GitHub
	`\bgithub_pat_[A-Za-z0-9_]{22,}`,                                 //
	`\bglpat-[A-Za-z0-9_-]{16,}`,                                     // GitLab
	`\bxox[abprs]-[A-Za-z0-9-]{10,}`,                                 // Slack
	`\bgsk_[A-Za-z0-9]{20,}`,                                         // Groq
	`\bxai-[A-Za-z0-9]{20,}`,                                         // xAI
	`\bhf_[A-Za-z0-9]{20,}`,                                          // Hugging Face
	`\bpplx-[A-Za-z0-9]{20,}`,                                        // Perplexity
	`\br8_[A-Za-z0-9]{20,}`,                                          // Replicate
	`\bnvapi-[A-Za-z0-9_-]{20,}`,                                     // NVIDIA
	`\bnpm_[A-Za-z0-9]{30,}`,                                         //
	`\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]+`, // JSON web token
	`(?i:\b(?:bearer|basic)\s+[A-Za-z0-9._~+/=-]{16,})`,
	`(?i:(["'&?\s](?:x-)?(?:api[-_]?key|key|access[-_]token)["']?\s*[=:]\s*["']?)[A-Za-z0-9._~+/=-]{16,})`,
	`(?s:-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\z))`,
}, "|"))

// Redactor removes secrets from bytes: the keys it was given, also in base64,
// hex and URL encoding or broken over lines, and whatever looks like a key of a
// common service. A nil Redactor knows no keys but does the latter.
type Redactor struct {
	forms [][]byte // the keys and their encodings, longest first
}

// NewRedactor returns a redactor of those keys. Keys shorter than 6 bytes are
// not searched for.
func NewRedactor(keys ...Key) *Redactor {
	r := &Redactor{}
	for _, k := range keys {
		if len(k.value) < minSecret {
			continue
		}
		r.forms = append(r.forms, encodings(k.value)...)
	}
	sort.Slice(r.forms, func(i, j int) bool { return len(r.forms[i]) > len(r.forms[j]) })
	r.forms = slices.CompactFunc(r.forms, bytes.Equal)
	return r
}

// encodings returns the forms in which a key may come back.
func encodings(key string) [][]byte {
	forms := [][]byte{[]byte(key), []byte(url.QueryEscape(key)), []byte(url.PathEscape(key)), []byte(hex.EncodeToString([]byte(key)))}
	if q, err := json.Marshal(key); err == nil {
		forms = append(forms, q[1:len(q)-1])
	}
	for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		// Inside a longer encoded text a key stands at one of three offsets;
		// only the characters that depend on the key alone are searched for.
		for offset := range 3 {
			text := enc.EncodeToString(append(make([]byte, offset), key...))
			from, to := (offset*8+5)/6, (offset+len(key))*8/6
			if core := text[from:to]; len(core) >= minSecret {
				forms = append(forms, []byte(core))
			}
		}
	}
	return forms
}

// Bytes returns b without secrets. It may return b itself.
func (r *Redactor) Bytes(b []byte) []byte {
	if r != nil {
		for _, form := range r.forms {
			b = replaceBroken(b, form)
		}
	}
	if shapes.Match(b) {
		b = shapes.ReplaceAll(b, []byte("${1}"+redacted)) // a named parameter keeps its name
	}
	return b
}

// String returns s without secrets.
func (r *Redactor) String(s string) string {
	if s == "" {
		return s
	}
	return string(r.Bytes([]byte(s)))
}

// Answer returns what a model said without the keys that it was given and their
// encodings, broken over lines or not. What merely looks like a key stays: a task may
// be about keys, and graders must see the answer as it came.
func (r *Redactor) Answer(s string) string {
	if r == nil || len(r.forms) == 0 || len(s) < minSecret {
		return s
	}
	b := []byte(s)
	for _, form := range r.forms {
		b = replaceBroken(b, form)
	}
	if len(b) == len(s) && string(b) == s {
		return s
	}
	return string(b)
}

// replaceBroken replaces form in b, also where line breaks or blanks, written
// out or as JSON escapes, have come between its characters.
func replaceBroken(b, form []byte) []byte {
	var out []byte
	from := 0
	for at := 0; at < len(b); {
		i := bytes.IndexByte(b[at:], form[0])
		if i < 0 {
			break
		}
		at += i
		n := matchBroken(b[at:], form)
		if n == 0 {
			at++
			continue
		}
		out = append(append(out, b[from:at]...), redacted...)
		at += n
		from = at
	}
	if from == 0 {
		return b
	}
	return append(out, b[from:]...)
}

// matchBroken returns how many bytes of b spell form, and 0 where they do not.
func matchBroken(b, form []byte) int {
	i := 0
	for _, c := range form {
		for i < len(b) && b[i] != c && i > 0 {
			n := gap(b[i:])
			if n == 0 {
				return 0
			}
			i += n
		}
		if i >= len(b) || b[i] != c {
			return 0
		}
		i++
	}
	return i
}

// gap returns the length of white space at the start of b, as such or escaped.
func gap(b []byte) int {
	switch {
	case b[0] == ' ' || b[0] == '\n' || b[0] == '\r' || b[0] == '\t':
		return 1
	case len(b) > 1 && b[0] == '\\' && (b[1] == 'n' || b[1] == 'r' || b[1] == 't'):
		return 2
	}
	return 0
}
