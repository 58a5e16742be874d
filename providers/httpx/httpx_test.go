package httpx_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"infer/eval"
	"infer/providers"
	"infer/providers/httpx"
)

func TestCheckBase(t *testing.T) {
	t.Parallel()
	cases := []struct {
		base      string
		key, http bool
		ok        bool
	}{
		{"https://api.example.com/v1", true, false, true},
		{" https://api.example.com/v1 ", true, false, true},
		{"http://127.0.0.1:8101/v1", true, false, true},
		{"http://localhost:8101", true, false, true},
		{"http://[::1]:8101", true, false, true},
		{"http://[::ffff:127.0.0.1]:8101", true, false, true},
		{"http://10.0.0.1/v1", true, false, false},
		{"http://10.0.0.1/v1", true, true, true},
		{"http://10.0.0.1/v1", false, false, true},
		{"http://localhost.evil.example/v1", true, false, false},
		{"http://127.0.0.1.evil.example/v1", true, false, false},
		{"https://user:pass@api.example.com/v1", false, false, false},
		{"api.example.com/v1", false, false, false},
		{"ftp://api.example.com", false, false, false},
		{"file:///etc/passwd", false, false, false},
		{"", false, false, false},
		{"https://h:port/", false, false, false},
	}
	for _, c := range cases {
		t.Run(c.base, func(t *testing.T) {
			t.Parallel()
			_, err := httpx.CheckBase(c.base, c.key, c.http)
			if (err == nil) != c.ok {
				t.Fatalf("error %v", err)
			}
			if err != nil && (eval.KindOf(err) != eval.KindInvalid || eval.Hint(err) == "") {
				t.Errorf("kind %v, hint %q", eval.KindOf(err), eval.Hint(err))
			}
		})
	}
}

// TestRedirects: the key never reaches a host that the user did not name.
func TestRedirects(t *testing.T) {
	t.Parallel()
	evil := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("another host was asked, with %q", r.Header.Get("Authorization"))
	}))
	t.Cleanup(evil.Close)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/away":
			http.Redirect(w, r, evil.URL, http.StatusTemporaryRedirect)
		case "/lost":
			http.Redirect(w, r, "/ok", http.StatusMovedPermanently)
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusTemporaryRedirect)
		case "/moved":
			http.Redirect(w, r, "/ok", http.StatusPermanentRedirect)
		case "/ok":
			w.Header().Set("Method", r.Method)
		}
	}))
	t.Cleanup(srv.Close)
	for path, refused := range map[string]bool{"/away": true, "/lost": true, "/loop": true, "/moved": false} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			call := httpx.Start(t.Context(), httpx.Timeouts{})
			defer call.End()
			res, err := get(t, call, httpx.NewClient(0), srv.URL+path)
			if errors.Is(err, providers.ErrRedirect) != refused {
				t.Errorf("error %v", err)
			}
			if res != nil {
				_ = res.Body.Close()
			}
			if !refused && (err != nil || res.Header.Get("Method") != http.MethodPost) {
				t.Errorf("a redirect on the same host: %v", err)
			}
		})
	}
}

func TestSelfSignedIsRefused(t *testing.T) {
	t.Parallel()
	srv := httptest.NewUnstartedServer(http.NotFoundHandler())
	srv.Config.ErrorLog = quiet()
	srv.StartTLS()
	t.Cleanup(srv.Close)
	call := httpx.Start(t.Context(), httpx.Timeouts{})
	defer call.End()
	res, err := get(t, call, httpx.NewClient(0), srv.URL)
	if err == nil {
		_ = res.Body.Close()
		t.Fatal("a self-signed certificate was taken")
	}
	f := providers.Classify(providers.Signal{Err: call.Err(err), Phase: call.Phase()})
	if f.Class != eval.ClassNetwork || f.Sub != "config" || f.Retry || f.Fallback || !strings.Contains(f.Message.Raw(), "certificate") {
		t.Errorf("failure %+v", f)
	}
}
