// Package httpx is the transport under every HTTP wire: connections, time
// limits, the clock of a call, what may be sent to whom, and server-sent events.
//
// A key goes to the configured host only: it is refused over plain http except
// to loopback, and a redirect to another host is an error. It does not retry;
// net/http itself sends a request anew only where nothing of it had been sent,
// or where an HTTP/2 server says that it did not look at it.
package httpx

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"infer/eval"
	"infer/providers"
)

const (
	// MaxBody caps a response body, in bytes after decompression.
	MaxBody = 32 << 20
	// poolSize is more than any sensible concurrency: a call never waits for a
	// connection that another call is about to give back.
	poolSize = 1024
	// idleConn is how long an idle connection is kept: less than the 5 s after which
	// common servers (llama.cpp, uvicorn, Node) close theirs. A call sent into a
	// connection that is just being closed fails with an EOF, and nobody can say
	// whether it was billed.
	idleConn = 4 * time.Second
)

// NewClient returns a client that keeps enough connections for many calls at
// once, honours the proxy variables of the environment, follows redirects on the
// same host only, and has no time limit of its own: those belong to a call.
// connect bounds the time to a connection; 0 = DefaultConnect.
func NewClient(connect time.Duration) *http.Client {
	if connect <= 0 {
		connect = DefaultConnect
	}
	dialer := &net.Dialer{Timeout: connect, KeepAlive: 30 * time.Second}
	t := &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			c, err := dialer.DialContext(ctx, network, addr)
			var ne net.Error
			if err != nil && errors.As(err, &ne) && ne.Timeout() && ctx.Err() == nil {
				return nil, fmt.Errorf("connect to %s: %w", addr, &providers.TimeoutError{What: "connect"})
			}
			if err != nil {
				return nil, err
			}
			return &stampedConn{Conn: c, born: time.Now()}, nil
		},
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: connect,
		ForceAttemptHTTP2:   true,
		// A laptop that slept keeps dead HTTP/2 connections; pings find them.
		HTTP2:               &http.HTTP2Config{SendPingTimeout: 30 * time.Second, PingTimeout: 15 * time.Second},
		MaxIdleConns:        poolSize,
		MaxIdleConnsPerHost: poolSize,
		IdleConnTimeout:     idleConn,

		MaxResponseHeaderBytes: 1 << 20, // headers that never end are an error long before the memory does
		ReadBufferSize:         8 << 10,
		WriteBufferSize:        8 << 10,
	}
	return &http.Client{Transport: t, CheckRedirect: checkRedirect}
}

// checkRedirect keeps a request, and the key in its headers, where the user sent
// it. A redirect that would turn a POST into a GET loses the request and is
// refused too.
func checkRedirect(req *http.Request, via []*http.Request) error {
	switch first := via[0]; {
	case req.URL.Host != first.URL.Host || req.URL.Scheme != first.URL.Scheme:
		return fmt.Errorf("%w: from %s://%s to %s://%s", providers.ErrRedirect, first.URL.Scheme, first.URL.Host, req.URL.Scheme, req.URL.Host)
	case req.Method != first.Method:
		return fmt.Errorf("%w: to %s, and the request would be lost", providers.ErrRedirect, req.URL.Path)
	case len(via) >= 3:
		return fmt.Errorf("%w: too many of them", providers.ErrRedirect)
	}
	return nil
}

// CheckBase validates a provider's base URL. With a key, plain http is allowed
// to loopback only, unless the user allows it for this provider. Errors are
// eval.KindInvalid.
func CheckBase(base string, hasKey, allowHTTP bool) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSpace(base))
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, eval.Invalid(fmt.Errorf("base_url %q is not an http or https URL", base), "write it like https://api.example.com/v1")
	}
	if u.User != nil {
		return nil, eval.Invalid(errors.New("base_url holds a user name or password"), "put the key into the environment and name it with api_key_env")
	}
	if hasKey && u.Scheme == "http" && !allowHTTP && !loopback(u.Hostname()) {
		return nil, eval.Invalid(fmt.Errorf("a key would go to %s in plain text", u.Host), "use https, or set allow_http: true for this provider if its network is yours")
	}
	return u, nil
}

func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback()
}

// ReadBody reads a whole body up to limit bytes (MaxBody where that is 0). What
// was read is returned with an error too.
func ReadBody(r io.Reader, limit int64) ([]byte, error) {
	if limit <= 0 {
		limit = MaxBody
	}
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(b)) > limit {
		return b[:limit], fmt.Errorf("%w: more than %d bytes", providers.ErrTooLarge, limit)
	}
	return b, err
}
