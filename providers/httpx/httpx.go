// Package httpx is the transport under every HTTP wire: connections, time
// limits, what may be sent to whom, and server-sent events.
//
// A key goes to the configured host only: it is refused over plain http except
// to loopback, and a redirect to another host is an error. It does not retry.
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
	"time"

	"infer/eval"
	"infer/providers"
)

// Timeouts bound one call. Zero means the default.
type Timeouts struct {
	Connect    time.Duration // until the connection stands
	FirstToken time.Duration // until the first byte of the answer, or the first token of a stream; 0 = only Total
	Idle       time.Duration // between two pieces of a stream
	Total      time.Duration // the whole call
}

// Default time limits.
const (
	DefaultConnect = 10 * time.Second
	DefaultIdle    = 60 * time.Second
	DefaultTotal   = 300 * time.Second
	// MaxBody caps a response that is not streamed.
	MaxBody = 32 << 20
)

// NewClient returns a client that keeps enough connections for many calls at
// once, follows redirects on the same host only, and has no time limit of its
// own: those belong to a call.
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
				return nil, &providers.TimeoutError{What: "connect"}
			}
			return c, err
		},
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: connect,
		ForceAttemptHTTP2:   true,
		MaxIdleConns:        1024,
		MaxIdleConnsPerHost: 1024,
		IdleConnTimeout:     90 * time.Second,
		ReadBufferSize:      8 << 10,
		WriteBufferSize:     8 << 10,
	}
	return &http.Client{Transport: t, CheckRedirect: func(req *http.Request, via []*http.Request) error {
		if req.URL.Host != via[0].URL.Host || req.URL.Scheme != via[0].URL.Scheme {
			return fmt.Errorf("%w: %s", providers.ErrRedirect, req.URL.Host)
		}
		if len(via) >= 3 {
			return errors.New("too many redirects")
		}
		return nil
	}}
}

// CheckBase validates a provider's base URL. With a key, plain http is allowed
// to loopback only, unless the user allows it for this provider.
func CheckBase(base string, hasKey, allowHTTP bool) (*url.URL, error) {
	u, err := url.Parse(base)
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
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback()
}

// Call is one HTTP exchange under way, with its clock and its time limits.
type Call struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer // the limit that runs now: first token, then idle
	idle   time.Duration
	sent   time.Time
	limit  *time.Timer
}

// Start begins a call: its limits run and its context ends with the cause that
// Err returns.
func Start(ctx context.Context, t Timeouts) *Call {
	if t.Total <= 0 {
		t.Total = DefaultTotal
	}
	if t.Idle <= 0 {
		t.Idle = DefaultIdle
	}
	c := &Call{idle: t.Idle, sent: time.Now()}
	c.ctx, c.cancel = context.WithCancelCause(ctx)
	c.limit = time.AfterFunc(t.Total, func() { c.cancel(&providers.TimeoutError{What: "total"}) })
	if t.FirstToken > 0 {
		c.timer = time.AfterFunc(t.FirstToken, func() { c.cancel(&providers.TimeoutError{What: "first_token"}) })
	}
	return c
}

// Context is the call's context.
func (c *Call) Context() context.Context { return c.ctx }

// Progress says that a piece of the answer came: from now on the idle limit
// runs.
func (c *Call) Progress() {
	if c.timer == nil {
		c.timer = time.AfterFunc(c.idle, func() { c.cancel(&providers.TimeoutError{What: "idle"}) })
		return
	}
	c.timer.Reset(c.idle)
}

// Elapsed is the time since the send, on the monotonic clock.
func (c *Call) Elapsed() time.Duration { return time.Since(c.sent) }

// End stops the limits.
func (c *Call) End() {
	c.limit.Stop()
	if c.timer != nil {
		c.timer.Stop()
	}
	c.cancel(nil)
}

// Err returns why a transport failed: the limit that ran out, if one did.
func (c *Call) Err(err error) error {
	if cause := context.Cause(c.ctx); cause != nil && err != nil {
		return cause
	}
	return err
}

// ReadBody reads a whole body up to limit bytes (MaxBody where that is 0).
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
