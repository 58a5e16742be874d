// Package openai speaks the chat-completions wire of OpenAI, plain and streamed.
// Every relay and server that speaks it too (OpenRouter, LiteLLM, vLLM, Ollama,
// llama.cpp, Groq, …) is this package with another base URL; a relay serves many
// models behind one entry by their model strings.
//
// An answer that was cut at its token cap but holds text is an answer: graders
// judge it, and its finish reason says why it is short. One without text is a
// failure.
//
// Not guaranteed: that a relay honours what OpenAI documents. What it reports
// differently (usage, finish reasons, errors) is read leniently and never
// guessed: what it does not say stays unknown.
package openai

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"infer/eval"
	"infer/providers"
	"infer/providers/httpx"
)

// maxErrorBody caps the body of a refusal, in bytes.
const maxErrorBody = 64 << 10

// Config of a client.
type Config struct {
	Name      string // the provider's name, for messages
	BaseURL   string // up to and including the version: https://api.openai.com/v1
	Key       providers.Key
	KeyHeader string            // header that carries the key; "" = Authorization: Bearer
	Headers   map[string]string // sent with every call
	Query     string            // appended to the URL, e.g. Azure's api-version
	Timeouts  httpx.Timeouts
	AllowHTTP bool         // a key may go over plain http to a host that is not loopback
	HTTP      *http.Client // nil = httpx.NewClient
	KeepBody  bool         // keep raw response bodies
}

// Client calls one base URL. It is safe for concurrent use.
type Client struct {
	cfg    Config
	chat   *url.URL
	models *url.URL
	header http.Header
	redact *providers.Redactor
}

// secretHeaders carry keys where a user sets them by hand.
var secretHeaders = map[string]bool{"Authorization": true, "Proxy-Authorization": true, "Api-Key": true, "X-Api-Key": true, "X-Goog-Api-Key": true, "Cookie": true}

// New checks the configuration. Errors are eval.KindInvalid.
func New(cfg Config) (*Client, error) {
	header := make(http.Header, len(cfg.Headers)+4)
	header.Set("User-Agent", "infer")
	header.Set("Content-Type", "application/json")
	secrets := []providers.Key{cfg.Key}
	if !cfg.Key.Empty() {
		name, value := "Authorization", "Bearer "+cfg.Key.Reveal()
		if cfg.KeyHeader != "" {
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
	u, err := httpx.CheckBase(cfg.BaseURL, !cfg.Key.Empty() || len(secrets) > 1, cfg.AllowHTTP)
	if err != nil {
		return nil, fmt.Errorf("provider %s: %w", cfg.Name, err)
	}
	if cfg.HTTP == nil {
		cfg.HTTP = httpx.NewClient(cfg.Timeouts.Connect)
	}
	c := &Client{cfg: cfg, header: header, redact: providers.NewRedactor(secrets...)}
	c.chat, c.models = endpoint(u, cfg.Query, "chat/completions"), endpoint(u, cfg.Query, "models")
	return c, nil
}

// endpoint joins a base URL and a path. People also give the whole address of
// the chat endpoint, or a base with a query of its own.
func endpoint(base *url.URL, query, path string) *url.URL {
	u := *base
	u.Fragment = ""
	u.Path = strings.TrimSuffix(strings.TrimRight(u.Path, "/"), "/chat/completions")
	if u.RawQuery == "" {
		u.RawQuery = query
	} else if query != "" {
		u.RawQuery += "&" + query
	}
	if u.Path == "" {
		u.Path = "/" // JoinPath would make a relative address of it
	}
	return u.JoinPath(path)
}

// Call makes one chat completion.
func (c *Client) Call(ctx context.Context, req *eval.Request) eval.Response {
	body, err := encode(req)
	if err != nil {
		f := c.classify(providers.Signal{Status: http.StatusBadRequest, Type: "invalid_request_error", Message: err.Error(), Phase: eval.PhaseConnect})
		f.Status = 0 // nothing was sent: the status only leads to the right row
		return eval.Response{Failure: f}
	}
	limits := c.cfg.Timeouts
	if req.Limits.Timeout > 0 {
		limits.Total = req.Limits.Timeout
	}
	if req.Limits.FirstToken > 0 {
		limits.FirstToken = req.Limits.FirstToken
	}
	call := httpx.Start(ctx, limits)
	defer call.End()
	r := c.exchange(call, req.Stream, body)
	r.InFlight = call.InFlight()
	c.scrub(&r)
	return r
}

func (c *Client) exchange(call *httpx.Call, stream bool, body []byte) eval.Response {
	res, err := c.cfg.HTTP.Do(c.post(call.Context(), stream, body))
	if err != nil {
		return eval.Response{Failure: c.classify(providers.Signal{Err: call.Err(err), Phase: call.Phase()})}
	}
	defer res.Body.Close() //nolint:errcheck // the body was read or given up
	r := eval.Response{Status: res.StatusCode, RequestID: providers.RequestID(res.Header), RateLimits: providers.RateLimits(res.Header), Backend: providers.BackendTime(res.Header)}
	switch {
	case res.StatusCode != http.StatusOK:
		c.refused(call, res, &r)
	case stream:
		c.streamOrPlain(call, res, &r)
	default:
		c.plain(call, res.Body, &r)
	}
	return r
}

// streamOrPlain reads the answer to a request for a stream. Some servers send a
// stream under another type or none, some send a whole answer, an error or a
// page instead: where the type does not say, the first byte does.
func (c *Client) streamOrPlain(call *httpx.Call, res *http.Response, r *eval.Response) {
	if strings.HasPrefix(strings.ToLower(res.Header.Get("Content-Type")), "text/event-stream") {
		c.stream(call, res.Body, r)
		return
	}
	body := bufio.NewReader(res.Body)
	if first, err := body.Peek(1); err == nil && strings.IndexByte("{[<", first[0]) >= 0 {
		c.plain(call, body, r)
		return
	}
	c.stream(call, body, r)
}

func (c *Client) post(ctx context.Context, stream bool, body []byte) *http.Request {
	hr := &http.Request{Method: http.MethodPost, URL: c.chat, Host: c.chat.Host, Header: c.header.Clone(),
		ContentLength: int64(len(body)), Body: io.NopCloser(bytes.NewReader(body)),
		GetBody: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }}
	if stream {
		hr.Header.Set("Accept", "text/event-stream")
		hr.Header.Set("Accept-Encoding", "identity") // compression holds tokens back
		// llama.cpp's server ends the connection with the stream without having said
		// so; the next call into it would be lost, and nobody could say whether it
		// was billed. A fresh connection costs nothing where there is no TLS.
		hr.Close = c.chat.Scheme == "http"
	}
	return hr.WithContext(ctx)
}

// refused reads the body of an answer that is not 200.
func (c *Client) refused(call *httpx.Call, res *http.Response, r *eval.Response) {
	b, err := httpx.ReadBody(call.Body(res.Body), maxErrorBody)
	if err == nil {
		call.Done()
	}
	s := providers.ParseError(b)
	s.Status, s.Header, s.Phase = res.StatusCode, res.Header, eval.PhaseResponse
	if s.Message == "" {
		s.Message = http.StatusText(res.StatusCode)
	}
	r.Failure = c.classify(s)
	c.keep(b, r)
	if errors.Is(err, providers.ErrTooLarge) {
		r.Body = r.Body[:len(r.Body)*15/16] // the cut may have gone through a key
	}
}

// plain reads an answer that is not streamed.
func (c *Client) plain(call *httpx.Call, answer io.Reader, r *eval.Response) {
	b, err := httpx.ReadBody(call.Body(answer), 0)
	if err == nil {
		call.Done()
	}
	c.keep(b, r)
	if err != nil {
		r.Failure = c.classify(providers.Signal{Status: r.Status, Err: call.Err(err), Phase: eval.PhaseMidStream})
		return
	}
	c.whole(b, r)
}

// classify classifies a failure, with this client's keys removed.
func (c *Client) classify(s providers.Signal) *eval.Failure {
	s.Redactor = c.redact
	return providers.Classify(s)
}

// scrub removes the key from whatever the server sent: some echo it.
func (c *Client) scrub(r *eval.Response) {
	r.Text = eval.Untrusted(c.redact.Answer(r.Text.Raw()))
	r.Refusal = eval.Untrusted(c.redact.Answer(r.Refusal.Raw()))
	r.FinishRaw, r.Model, r.RequestID = c.redact.Answer(r.FinishRaw), c.redact.Answer(r.Model), c.redact.Answer(r.RequestID)
	for i := range r.ToolCalls {
		t := &r.ToolCalls[i]
		t.ID, t.Name, t.Arguments = c.redact.Answer(t.ID), c.redact.Answer(t.Name), []byte(c.redact.Answer(string(t.Arguments)))
	}
	for k, v := range r.RateLimits {
		r.RateLimits[k] = c.redact.Answer(v)
	}
	if r.Usage != nil {
		r.Usage.Raw = []byte(c.redact.Answer(string(r.Usage.Raw)))
		r.Usage.Tier = c.redact.Answer(r.Usage.Tier)
	}
}

func (c *Client) keep(b []byte, r *eval.Response) {
	if c.cfg.KeepBody {
		r.Body = c.redact.Bytes(bytes.Clone(b))
	}
}
