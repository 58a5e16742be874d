package httpx

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"infer/eval"
	"infer/providers"
)

const (
	maxErrorBody = 64 << 10 // bytes of the body of a refusal
	maxSent      = 1 << 30  // bytes of an answer of Send: the results of a batch are one file
)

// Config of an endpoint.
type Config struct {
	Name      string // the provider's name, for messages
	BaseURL   string // up to and including the version: https://api.openai.com/v1
	Key       providers.Key
	KeyHeader string            // header that carries the key; "" = Authorization, which gets Bearer in front
	Headers   map[string]string // sent with every call
	Query     string            // appended to the URL, e.g. Azure's api-version
	Timeouts  Timeouts
	AllowHTTP bool         // a key may go over plain http to a host that is not loopback
	HTTP      *http.Client // nil = NewClient
	KeepBody  bool         // keep raw response bodies
}

// Endpoint is one base URL with what may be sent there: key, headers, time
// limits. Every wire over HTTP makes its calls through one. It is safe for
// concurrent use.
type Endpoint struct {
	cfg    Config
	base   *url.URL
	header http.Header
	redact *providers.Redactor
}

// secretHeaders carry keys where a user sets them by hand.
var secretHeaders = map[string]bool{"Authorization": true, "Proxy-Authorization": true, "Api-Key": true, "X-Api-Key": true, "X-Goog-Api-Key": true, "Cookie": true}

// NewEndpoint checks the configuration. People also give the whole address of a
// call: tails are the paths that are taken off the end of the base URL. Errors
// are eval.KindInvalid.
func NewEndpoint(cfg Config, tails ...string) (*Endpoint, error) {
	header := make(http.Header, len(cfg.Headers)+4)
	header.Set("User-Agent", "infer")
	header.Set("Content-Type", "application/json")
	secrets := []providers.Key{cfg.Key}
	if !cfg.Key.Empty() {
		name, value := "Authorization", "Bearer "+cfg.Key.Reveal()
		if cfg.KeyHeader != "" && !strings.EqualFold(cfg.KeyHeader, name) {
			name, value = cfg.KeyHeader, cfg.Key.Reveal()
		}
		header.Set(name, value)
	}
	for k, v := range cfg.Headers {
		header.Set(k, v)
		if secretHeaders[http.CanonicalHeaderKey(k)] {
			secrets = append(secrets, providers.NewKey(v), providers.NewKey(v[strings.LastIndexByte(v, ' ')+1:]))
		}
	}
	u, err := CheckBase(cfg.BaseURL, !cfg.Key.Empty() || len(secrets) > 1, cfg.AllowHTTP)
	if err != nil {
		return nil, fmt.Errorf("provider %s: %w", cfg.Name, err)
	}
	if cfg.HTTP == nil {
		cfg.HTTP = NewClient(cfg.Timeouts.Connect)
	}
	return &Endpoint{cfg: cfg, base: baseOf(u, cfg.Query, tails), header: header, redact: providers.NewRedactor(secrets...)}, nil
}

func baseOf(u *url.URL, query string, tails []string) *url.URL {
	u.Fragment = ""
	u.Path = strings.TrimRight(u.Path, "/")
	for _, tail := range tails {
		u.Path = strings.TrimSuffix(u.Path, tail)
	}
	u.RawPath = ""
	if u.RawQuery == "" {
		u.RawQuery = query
	} else if query != "" {
		u.RawQuery += "&" + query
	}
	if u.Path == "" {
		u.Path = "/" // JoinPath would make a relative address of it
	}
	return u
}

// URL joins the base URL and an escaped path; the base URL's query stays, and
// query is added to it.
func (e *Endpoint) URL(path, query string) *url.URL {
	u := e.base.JoinPath(path)
	if query != "" {
		u.RawQuery = strings.Trim(u.RawQuery+"&"+query, "&")
	}
	return u
}

// Name is the provider's name, for messages.
func (e *Endpoint) Name() string { return e.cfg.Name }

// Redactor removes this endpoint's keys.
func (e *Endpoint) Redactor() *providers.Redactor { return e.redact }

// Unsent is the failure of a request that could not be written: nothing was
// sent, and the mistake is the caller's.
func (e *Endpoint) Unsent(err error) eval.Response {
	return eval.Response{Failure: providers.Unsent(err, e.redact)}
}

// Classify classifies a failure, with this endpoint's keys removed.
func (e *Endpoint) Classify(s providers.Signal) *eval.Failure {
	s.Redactor = e.redact
	return providers.Classify(s)
}

// Send makes one request beside the calls of a run (a list of models, a batch)
// and hands the body of a 200 to read. The failure is classified as those of a
// call are; an error of read is one of the answer's form.
func (e *Endpoint) Send(ctx context.Context, method string, u *url.URL, contentType string, content io.Reader, total time.Duration, read func(io.Reader) error) *eval.Failure {
	call := Start(ctx, Timeouts{Total: total, Connect: e.cfg.Timeouts.Connect, Idle: e.cfg.Timeouts.Idle})
	defer call.End()
	hr, err := http.NewRequestWithContext(call.Context(), method, u.String(), content)
	if err != nil {
		return e.Unsent(err).Failure
	}
	hr.Header = e.header.Clone()
	hr.Header.Del("Content-Type")
	if contentType != "" {
		hr.Header.Set("Content-Type", contentType)
	}
	res, err := e.cfg.HTTP.Do(hr)
	if err != nil {
		return e.Classify(providers.Signal{Err: call.Err(err), Phase: call.Phase()})
	}
	defer res.Body.Close() //nolint:errcheck // the body was read or given up
	if res.StatusCode != http.StatusOK {
		b, _ := ReadBody(call.Body(res.Body), maxErrorBody) // what came of it says enough
		return e.Classify(refusal(res, b))
	}
	if err := read(&body{call: call, r: res.Body, progress: true, most: maxSent}); err != nil {
		return e.Classify(providers.Signal{Status: res.StatusCode, Err: call.Err(err), Phase: eval.PhaseResponse})
	}
	return nil
}

// refusal is the signal of an answer that is not 200.
func refusal(res *http.Response, body []byte) providers.Signal {
	s := providers.ParseError(body)
	s.Status, s.Header, s.Phase = res.StatusCode, res.Header, eval.PhaseResponse
	if s.Message == "" {
		s.Message = http.StatusText(res.StatusCode)
	}
	return s
}
