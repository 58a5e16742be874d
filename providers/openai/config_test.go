package openai_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"infer/eval"
	"infer/providers"
	"infer/providers/openai"
)

func TestAddresses(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ path, query, want string }{
		"version":          {"/v1", "", "/v1/chat/completions"},
		"slash":            {"/v1/", "", "/v1/chat/completions"},
		"none":             {"", "", "/chat/completions"},
		"root":             {"/", "", "/chat/completions"},
		"deeper":           {"/openai/deployments/d", "api-version=2024-10-21", "/openai/deployments/d/chat/completions?api-version=2024-10-21"},
		"query in the URL": {"/openai/v1?api-version=preview", "", "/openai/v1/chat/completions?api-version=preview"},
		"both":             {"/v1?a=1", "b=2", "/v1/chat/completions?a=1&b=2"},
		"whole address":    {"/v1/chat/completions", "", "/v1/chat/completions"},
		"fragment":         {"/v1#x", "", "/v1/chat/completions"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked string
			base := handle(t, func(w http.ResponseWriter, r *http.Request) {
				asked = r.Method + " " + r.URL.RequestURI()
				_, _ = io.WriteString(w, plainBody)
			})
			got := client(t, openai.Config{BaseURL: strings.TrimSuffix(base, "/v1") + c.path, Query: c.query}).Call(t.Context(), ask(false))
			if got.Failure != nil {
				t.Fatal(got.Failure)
			}
			if asked != "POST "+c.want {
				t.Errorf("asked %s, want %s", asked, c.want)
			}
		})
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]openai.Config{
		"no URL":               {},
		"key in plain text":    {BaseURL: "http://10.0.0.1/v1", Key: providers.NewKey("k-0123456789")},
		"header in plain text": {BaseURL: "http://10.0.0.1/v1", Headers: map[string]string{"authorization": "Bearer k-0123456789"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := openai.New(cfg)
			if err == nil || eval.KindOf(err) != eval.KindInvalid || eval.Hint(err) == "" {
				t.Errorf("error %v", err)
			}
		})
	}
	client(t, openai.Config{BaseURL: "http://10.0.0.1/v1", Key: providers.NewKey("k-0123456789"), AllowHTTP: true})
}

func TestKeyHeaders(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		cfg    openai.Config
		header string
		want   string
	}{
		"bearer": {openai.Config{Key: providers.NewKey("k-0123456789")}, "Authorization", "Bearer k-0123456789"},
		"azure":  {openai.Config{Key: providers.NewKey("k-0123456789"), KeyHeader: "api-key"}, "Api-Key", "k-0123456789"},
		"none":   {openai.Config{}, "Authorization", ""},
		"own":    {openai.Config{Headers: map[string]string{"HTTP-Referer": "https://example.org"}}, "Http-Referer", "https://example.org"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got string
			c.cfg.BaseURL = handle(t, func(w http.ResponseWriter, r *http.Request) {
				got = r.Header.Get(c.header)
				_, _ = io.WriteString(w, plainBody)
			})
			client(t, c.cfg).Call(t.Context(), ask(false))
			if got != c.want {
				t.Errorf("%s: %q, want %q", c.header, got, c.want)
			}
		})
	}
}

func TestModelsAndPing(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		status int
		body   string
		names  []string
		ping   bool
		class  eval.Class
	}{
		"list":         {200, `{"object":"list","data":[{"id":"a"},{"id":"b"}]}`, []string{"a", "b"}, true, ""},
		"no list kept": {404, `404 page not found`, nil, true, eval.ClassParameter},
		"bad key":      {401, `{"error":{"message":"no"}}`, nil, false, eval.ClassAuthBilling},
		"down":         {503, ``, nil, false, eval.ClassUnavailable},
		"a page":       {200, `<html>`, nil, false, eval.ClassUnavailable},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cl := client(t, openai.Config{BaseURL: serve(t, c.status, asJSON, c.body)})
			names, err := cl.Models(t.Context())
			if diff := cmp.Diff(c.names, names); diff != "" {
				t.Errorf("models (-want +got):\n%s", diff)
			}
			f, _ := err.(*eval.Failure) //nolint:errorlint // the documented type itself
			if (f != nil) != (c.class != "") || f != nil && f.Class != c.class {
				t.Errorf("error %v", err)
			}
			if err := cl.Ping(t.Context()); (err == nil) != c.ping {
				t.Errorf("ping: %v", err)
			}
		})
	}
}

func TestPresets(t *testing.T) {
	t.Parallel()
	for _, name := range openai.PresetNames() {
		p, ok := openai.PresetOf(name)
		if !ok {
			t.Fatalf("%s is named but not there", name)
		}
		if p.BaseURL == "" {
			continue // the user's own address
		}
		if _, err := openai.New(openai.Config{Name: name, BaseURL: p.BaseURL, Key: providers.NewKey("k-0123456789"), KeyHeader: p.KeyHeader}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, ok := openai.PresetOf("nobody"); ok {
		t.Error("an unknown preset is known")
	}
}
