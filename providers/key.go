package providers

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"regexp"
	"sort"
)

// redacted stands where a key stood.
const redacted = "[redacted]"

// Key is a provider's secret. It does not print, format or marshal; Reveal is
// for the one place that puts it into a request.
type Key struct{ value string }

// NewKey wraps a secret.
func NewKey(value string) Key { return Key{value} }

// Reveal returns the secret.
func (k Key) Reveal() string { return k.value }

// Empty reports whether there is no secret.
func (k Key) Empty() bool { return k.value == "" }

// String hides the secret.
func (k Key) String() string { return redacted }

// GoString hides the secret from %#v.
func (k Key) GoString() string { return redacted }

// MarshalJSON hides the secret.
func (k Key) MarshalJSON() ([]byte, error) { return json.Marshal(redacted) }

// shapes are how keys of common services look.
var shapes = regexp.MustCompile(`sk-[A-Za-z0-9_-]{16,}|AIza[0-9A-Za-z_-]{30,}|(?:AKIA|ASIA)[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{30,}|` +
	`xox[abprs]-[A-Za-z0-9-]{10,}|gsk_[A-Za-z0-9]{20,}|xai-[A-Za-z0-9]{20,}|hf_[A-Za-z0-9]{20,}|glpat-[A-Za-z0-9_-]{16,}|` +
	`eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]+|(?i:bearer)\s+[A-Za-z0-9._~+/=-]{16,}|-----BEGIN [A-Z ]*PRIVATE KEY-----`)

// Redactor removes secrets from bytes: the keys it was given, also in base64
// and URL encoding, and whatever looks like a key of a common service.
type Redactor struct{ exact [][]byte }

// NewRedactor returns a redactor of those keys. Keys shorter than 6 bytes are
// not searched for: they would match half of every text.
func NewRedactor(keys ...Key) *Redactor {
	r := &Redactor{}
	for _, k := range keys {
		v := k.value
		if len(v) < 6 {
			continue
		}
		for _, form := range []string{v, base64.StdEncoding.EncodeToString([]byte(v)), base64.RawURLEncoding.EncodeToString([]byte(v)), url.QueryEscape(v)} {
			r.exact = append(r.exact, []byte(form))
		}
	}
	sort.Slice(r.exact, func(i, j int) bool { return len(r.exact[i]) > len(r.exact[j]) })
	return r
}

// Bytes returns b without secrets. It may return b itself.
func (r *Redactor) Bytes(b []byte) []byte {
	if r != nil {
		for _, k := range r.exact {
			b = bytes.ReplaceAll(b, k, []byte(redacted))
		}
	}
	if shapes.Match(b) {
		b = shapes.ReplaceAll(b, []byte(redacted))
	}
	return b
}

// String returns s without secrets.
func (r *Redactor) String(s string) string { return string(r.Bytes([]byte(s))) }
