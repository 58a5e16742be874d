package httpx_test

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"infer/eval"
	"infer/providers"
	"infer/providers/httpx"
)

func get(t *testing.T, c *httpx.Call, client *http.Client, url string) (*http.Response, error) {
	t.Helper()
	hr, err := http.NewRequestWithContext(c.Context(), http.MethodPost, url, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	hr.Header.Set("Authorization", "Bearer canary")
	return client.Do(hr)
}

func TestCallLimits(t *testing.T) {
	t.Parallel()
	const wait = 300 * time.Millisecond // long enough for the request to be out on a busy machine
	release := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/head" {
			w.WriteHeader(http.StatusOK)
			_, _ = io.WriteString(w, "x")
			_ = http.NewResponseController(w).Flush()
		}
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(func() { close(release); srv.Close() })
	cases := map[string]struct {
		limits httpx.Timeouts
		path   string
		what   string
		phase  eval.Phase
	}{
		"total before the answer": {httpx.Timeouts{Total: wait}, "/", "total", eval.PhaseFirstByte},
		"first token":             {httpx.Timeouts{FirstToken: wait}, "/", "first_token", eval.PhaseFirstByte},
		"total in the answer":     {httpx.Timeouts{Total: wait}, "/head", "total", eval.PhaseFirstByte},
		"idle":                    {httpx.Timeouts{FirstToken: time.Hour, Idle: wait}, "/head", "idle", eval.PhaseFirstByte},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			call := httpx.Start(t.Context(), c.limits)
			defer call.End()
			res, err := get(t, call, httpx.NewClient(0), srv.URL+c.path)
			if err == nil {
				_, err = httpx.ReadBody(call.Body(res.Body), 0)
				_ = res.Body.Close()
			}
			var limit *providers.TimeoutError
			if !errors.As(call.Err(err), &limit) || limit.What != c.what {
				t.Errorf("error %v, want the %s limit", call.Err(err), c.what)
			}
			if call.Phase() != c.phase {
				t.Errorf("phase %s", call.Phase())
			}
			if d := call.InFlight(); d < 30*time.Millisecond/2 {
				t.Errorf("in flight only %s, though the call was waited for", d)
			}
		})
	}
}

func TestCallErr(t *testing.T) {
	t.Parallel()
	odd := errors.New("the run was stopped")
	parent, cancel := context.WithCancelCause(t.Context())
	call := httpx.Start(parent, httpx.Timeouts{})
	defer call.End()
	if err := call.Err(io.EOF); !errors.Is(err, io.EOF) {
		t.Errorf("a live call's error is %v", err)
	}
	cancel(odd)
	if err := call.Err(io.EOF); !errors.Is(err, context.Canceled) || !errors.Is(err, odd) {
		t.Errorf("a cancelled call's error is %v", err)
	}
	if err := call.Err(nil); err != nil {
		t.Errorf("no error became %v", err)
	}
	if call.Phase() != eval.PhaseConnect {
		t.Errorf("phase %s of a call that was never sent", call.Phase())
	}
}

func TestBodyIsBounded(t *testing.T) {
	t.Parallel()
	call := httpx.Start(t.Context(), httpx.Timeouts{})
	defer call.End()
	b, err := httpx.ReadBody(strings.NewReader("12345"), 4)
	if !errors.Is(err, providers.ErrTooLarge) || string(b) != "1234" {
		t.Errorf("%q, %v", b, err)
	}
	if _, err := io.Copy(io.Discard, call.StreamBody(&endless{})); !errors.Is(err, providers.ErrTooLarge) {
		t.Errorf("an endless body gives %v", err)
	}
}

// TestTLS: both versions of HTTP work over TLS, and both are timed.
func TestTLS(t *testing.T) {
	t.Parallel()
	for _, major := range []int{1, 2} {
		t.Run("HTTP/"+strconv.Itoa(major), func(t *testing.T) {
			t.Parallel()
			srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }))
			srv.EnableHTTP2 = major == 2
			srv.StartTLS()
			t.Cleanup(srv.Close)
			client := httpx.NewClient(0)
			pool := x509.NewCertPool()
			pool.AddCert(srv.Certificate())
			client.Transport.(*http.Transport).TLSClientConfig.RootCAs = pool
			for range 3 {
				call := httpx.Start(t.Context(), httpx.Timeouts{})
				res, err := get(t, call, client, srv.URL)
				if err != nil {
					t.Fatal(err)
				}
				b, err := httpx.ReadBody(call.Body(res.Body), 0)
				_ = res.Body.Close()
				call.Done()
				call.End()
				if err != nil || string(b) != "ok" || res.ProtoMajor != major {
					t.Errorf("%q over %s, %v", b, res.Proto, err)
				}
				if d := call.InFlight(); d <= 0 || call.Phase() != eval.PhaseFirstByte {
					t.Errorf("in flight %s at %s", d, call.Phase())
				}
			}
		})
	}
}

// TestDrainKeepsConnection: a stream that was read to its end leaves its
// connection to the next call, and one that does not end costs it.
func TestDrainKeepsConnection(t *testing.T) {
	t.Parallel()
	var conns atomic.Int32
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "data: [DONE]\n\n")
		_ = http.NewResponseController(w).Flush()
		if r.URL.Path == "/hold" {
			<-r.Context().Done()
		}
	}))
	srv.Config.ConnContext = func(ctx context.Context, _ net.Conn) context.Context {
		conns.Add(1)
		return ctx
	}
	srv.Start()
	t.Cleanup(srv.Close)
	client := httpx.NewClient(0)
	for _, path := range []string{"/", "/", "/", "/hold", "/"} {
		call := httpx.Start(t.Context(), httpx.Timeouts{})
		res, err := get(t, call, client, srv.URL+path)
		if err != nil {
			t.Fatal(err)
		}
		body := call.StreamBody(res.Body)
		if e, err := httpx.NewEvents(body).Next(); err != nil || string(e.Data) != "[DONE]" {
			t.Fatalf("%q, %v", e.Data, err)
		}
		call.Drain(body)
		_ = res.Body.Close()
		call.End()
	}
	if n := conns.Load(); n != 2 {
		t.Errorf("%d connections, want 2", n)
	}
}
