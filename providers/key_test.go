package providers_test

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"infer/eval"
	"infer/providers"
)

const canary = "canary/Key+0123=456789"

func TestKeyNeverPrints(t *testing.T) {
	t.Parallel()
	type holder struct {
		Name string
		Key  providers.Key
		Ptr  *providers.Key
		List []providers.Key
	}
	k := providers.NewKey(canary)
	h := holder{"n", k, &k, []providers.Key{k}}
	texts := []string{k.String(), k.GoString()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		texts = append(texts, fmt.Sprintf(verb, k), fmt.Sprintf(verb, h), fmt.Sprintf(verb, &h))
	}
	b, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	texts = append(texts, string(b), fmt.Sprint(fmt.Errorf("with %v", h)))
	for _, s := range texts {
		if strings.Contains(s, "canary") || strings.Contains(s, hex.EncodeToString([]byte("canary"))) {
			t.Errorf("the key is in %q", s)
		}
	}
	if k.Reveal() != canary || k.Empty() || !(providers.Key{}).Empty() {
		t.Error("the key itself is lost")
	}
}

func TestResolveKey(t *testing.T) {
	t.Parallel()
	read := providers.KeyReaders{
		Env:  func(name string) string { return map[string]string{"K": " abc\n", "TWO": "a\nb"}[name] },
		File: func(string) ([]byte, error) { return []byte("from-file\r\n"), nil },
		Run: func(_ context.Context, c []string) ([]byte, error) {
			if c[0] == "bad" {
				return nil, errors.New("exit status 1")
			}
			return []byte("from-command"), nil
		},
	}
	cases := map[string]struct {
		src  providers.KeySource
		read providers.KeyReaders
		want string
		bad  bool
	}{
		"none":            {read: read},
		"environment":     {src: providers.KeySource{Env: "K", File: "f"}, read: read, want: "abc"},
		"not set":         {src: providers.KeySource{Env: "MISSING"}, read: read, bad: true},
		"two lines":       {src: providers.KeySource{Env: "TWO"}, read: read, bad: true},
		"file":            {src: providers.KeySource{File: "f"}, read: read, want: "from-file"},
		"command":         {src: providers.KeySource{Command: []string{"pass"}}, read: read, want: "from-command"},
		"command fails":   {src: providers.KeySource{Command: []string{"bad"}}, read: read, bad: true},
		"no such reader":  {src: providers.KeySource{Command: []string{"pass"}}, bad: true},
		"none, no reader": {},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k, err := providers.ResolveKey(t.Context(), c.src, c.read)
			if (err != nil) != c.bad || k.Reveal() != c.want {
				t.Fatalf("key %q, error %v", k.Reveal(), err)
			}
			if c.bad && (eval.KindOf(err) != eval.KindCredentials || eval.Hint(err) == "") {
				t.Errorf("kind %v, hint %q", eval.KindOf(err), eval.Hint(err))
			}
		})
	}
}

func TestRedactorForms(t *testing.T) {
	t.Parallel()
	r := providers.NewRedactor(providers.NewKey(canary), providers.NewKey("tiny"))
	quoted, err := json.Marshal(canary)
	if err != nil {
		t.Fatal(err)
	}
	forms := map[string]string{
		"plain":           "key " + canary + " end",
		"query":           "https://h/?key=" + url.QueryEscape(canary),
		"path":            "https://h/" + url.PathEscape(canary),
		"hex":             hex.EncodeToString([]byte(canary)),
		"JSON":            string(quoted),
		"base64":          base64.StdEncoding.EncodeToString([]byte(canary)),
		"base64 url":      base64.RawURLEncoding.EncodeToString([]byte(canary)),
		"basic auth":      base64.StdEncoding.EncodeToString([]byte("user:" + canary)),
		"basic auth 2":    base64.StdEncoding.EncodeToString([]byte("us:" + canary + "!")),
		"over lines":      canary[:7] + "\n  " + canary[7:],
		"over JSON lines": canary[:9] + `\r\n` + canary[9:],
		"twice":           canary + canary,
	}
	core := base64.StdEncoding.EncodeToString([]byte(canary))[8:16]
	for name, s := range forms {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := r.String(s)
			for _, leak := range []string{"anary", "0123", core, hex.EncodeToString([]byte("0123"))} {
				if strings.Contains(got, leak) {
					t.Errorf("%q holds %q", got, leak)
				}
			}
			if !strings.Contains(got, "[redacted]") {
				t.Errorf("%q says nothing was removed", got)
			}
		})
	}
	if got := r.String("a tiny key"); got != "a tiny key" {
		t.Errorf("a short key was searched for: %q", got)
	}
}

func TestRedactorShapes(t *testing.T) {
	t.Parallel()
	const x = "abcdefghij0123456789ABCDEFGHIJ0123456789"
	var none *providers.Redactor
	for _, s := range []string{"sk-" + x, "sk-ant-api03-" + x, "sk-or-v1-" + x, "AIza" + x, "ya29." + x, "AKIA" + strings.ToUpper(x[:16]), "ghp_" + x,
		"github_pat_" + x, "glpat-" + x, "xoxb-" + x, "gsk_" + x, "xai-" + x, "hf_" + x, "pplx-" + x, "r8_" + x, "nvapi-" + x, "npm_" + x,
		"eyJ" + x + ".eyJ" + x + "." + x, "Bearer " + x, "bearer " + x, "Basic " + x, "?key=" + x, `"api_key": "` + x + `"`, " x-api-key: " + x,
		"-----BEGIN RSA PRIVATE KEY-----\n" + x + "\n" + x + "\n-----END RSA PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----\n" + x} {
		if got := none.String("<" + s + ">"); strings.Contains(got, "0123456789A") || strings.Contains(strings.ToLower(got), "abcdefghij") {
			t.Errorf("%q became %q", s, got)
		}
	}
	for _, s := range []string{"task-force", "risk-of-" + x[:8], "the bearer of news", "sk-short", "key = 3", "model gpt-5-2025-08-07", "0f8fad5b-d9cb-469f-a165-70867728950e", "token limit reached"} {
		if got := none.String(s); got != s {
			t.Errorf("%q became %q", s, got)
		}
	}
	if got, want := none.String(`{"api_key":"`+x+`","b":1}`), `{"api_key":"[redacted]","b":1}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestRedactorAnswer(t *testing.T) {
	t.Parallel()
	r := providers.NewRedactor(providers.NewKey(canary))
	const example = "an example key: sk-abcdefghijklmnopqrstuvwx"
	if got := r.Answer(example + canary); got != example+"[redacted]" {
		t.Errorf("answer %q", got)
	}
}

// TestRedactorProperty: a key of any shape in any surroundings is gone, and text
// without it stays as it is.
func TestRedactorProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.StringMatching(`[A-Z]{3}[A-Za-z0-9_+/=-]{9,40}`).Draw(t, "key")
		before := rapid.StringMatching(`[a-z .]{0,20}`).Draw(t, "before")
		after := rapid.StringMatching(`[a-z .]{0,20}`).Draw(t, "after")
		r := providers.NewRedactor(providers.NewKey(key))
		if got := r.String(before + key + after); strings.Contains(got, key) || !strings.HasPrefix(got, before) || !strings.HasSuffix(got, after) {
			t.Fatalf("%q", got)
		}
		enc := base64.StdEncoding.EncodeToString([]byte(before + key + after))
		if got, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(r.Answer(enc), "=")); err == nil && strings.Contains(string(got), key) {
			t.Fatalf("decodes to %q", got)
		}
		if s := before + after; r.Answer(s) != s {
			t.Fatalf("%q became %q", s, r.Answer(s))
		}
	})
}
