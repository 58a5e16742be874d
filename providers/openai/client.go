// Package openai speaks the chat-completions wire of OpenAI, plain and streamed.
// Every relay and server that speaks it too (OpenRouter, LiteLLM, vLLM, Ollama,
// llama.cpp, Groq, …) is this package with another base URL; a relay serves many
// models behind one entry by their model strings.
//
// Not guaranteed: that a relay honours what OpenAI documents. What it reports
// differently (usage, finish reasons, errors) is read leniently and never
// guessed: what it does not say stays unknown.
package openai

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"infer/eval"
	"infer/providers"
	"infer/providers/httpx"
)

// Config of a client.
type Config struct {
	Name      string // the provider's name, for messages
	BaseURL   string // up to and including the version: https://api.openai.com/v1
	Key       providers.Key
	KeyHeader string            // header that carries the key; "" = Authorization: Bearer
	Headers   map[string]string // sent with every call
	Query     string            // appended to the URL, e.g. Azure's api-version
	Timeouts  httpx.Timeouts
	AllowHTTP bool // a key may go over plain http to a host that is not loopback
	HTTP      *http.Client
	KeepBody  bool // keep raw response bodies
}

// Client calls one base URL.
type Client struct {
	cfg    Config
	base   string
	redact *providers.Redactor
}

// New checks the configuration. Errors are eval.KindInvalid.
func New(cfg Config) (*Client, error) {
	u, err := httpx.CheckBase(cfg.BaseURL, !cfg.Key.Empty(), cfg.AllowHTTP)
	if err != nil {
		return nil, fmt.Errorf("provider %s: %w", cfg.Name, err)
	}
	if cfg.HTTP == nil {
		cfg.HTTP = httpx.NewClient(cfg.Timeouts.Connect)
	}
	return &Client{cfg: cfg, base: strings.TrimSuffix(u.String(), "/"), redact: providers.NewRedactor(cfg.Key)}, nil
}

// Call makes one chat completion.
func (c *Client) Call(ctx context.Context, req *eval.Request) eval.Response {
	body, err := encode(req)
	if err != nil {
		f := providers.Classify(providers.Signal{Status: 400, Type: "invalid_request_error", Message: err.Error(), Phase: eval.PhaseConnect})
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
	r := c.exchange(call, req, body)
	r.InFlight = call.Elapsed()
	return r
}

func (c *Client) exchange(call *httpx.Call, req *eval.Request, body []byte) eval.Response {
	hr, err := c.post(call.Context(), body)
	if err != nil {
		return eval.Response{Failure: c.classify(providers.Signal{Err: err, Phase: eval.PhaseConnect})}
	}
	phase := eval.PhaseConnect
	hr = traceSent(hr, &phase)
	res, err := c.cfg.HTTP.Do(hr)
	if err != nil {
		return eval.Response{Failure: c.classify(providers.Signal{Err: call.Err(err), Phase: phase})}
	}
	defer res.Body.Close() //nolint:errcheck // the body was read or given up
	r := eval.Response{Status: res.StatusCode, RequestID: providers.RequestID(res.Header), RateLimits: providers.RateLimits(res.Header), Backend: providers.BackendTime(res.Header)}
	if res.StatusCode != http.StatusOK {
		c.refused(call, res, &r)
		return r
	}
	if req.Stream && strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
		c.stream(call, res, &r)
		return r
	}
	call.Progress()
	b, err := httpx.ReadBody(res.Body, 0)
	if err != nil {
		r.Failure = c.classify(providers.Signal{Status: res.StatusCode, Err: call.Err(err), Phase: eval.PhaseMidStream})
		return r
	}
	c.whole(b, &r)
	return r
}

func (c *Client) post(ctx context.Context, body []byte) (*http.Request, error) {
	url := c.base + "/chat/completions"
	if c.cfg.Query != "" {
		url += "?" + c.cfg.Query
	}
	hr, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	hr.Header.Set("Content-Type", "application/json")
	c.authorise(hr)
	return hr, nil
}

func (c *Client) authorise(hr *http.Request) {
	hr.Header.Set("User-Agent", "infer")
	switch {
	case c.cfg.Key.Empty():
	case c.cfg.KeyHeader != "":
		hr.Header.Set(c.cfg.KeyHeader, c.cfg.Key.Reveal())
	default:
		hr.Header.Set("Authorization", "Bearer "+c.cfg.Key.Reveal())
	}
	for k, v := range c.cfg.Headers {
		hr.Header.Set(k, v)
	}
}

// refused reads the body of an answer that is not 200.
func (c *Client) refused(call *httpx.Call, res *http.Response, r *eval.Response) {
	b, err := httpx.ReadBody(res.Body, 64<<10)
	if err != nil && !errors.Is(err, providers.ErrTooLarge) && len(b) == 0 {
		r.Failure = c.classify(providers.Signal{Status: res.StatusCode, Header: res.Header, Message: call.Err(err).Error(), Phase: eval.PhaseResponse})
		return
	}
	s := parseError(b)
	s.Status, s.Header, s.Phase = res.StatusCode, res.Header, eval.PhaseResponse
	if s.Message == "" {
		s.Message = http.StatusText(res.StatusCode)
	}
	r.Failure = c.classify(s)
	c.keep(b, r)
}

// classify redacts what the provider said before it goes anywhere.
func (c *Client) classify(s providers.Signal) *eval.Failure {
	if s.Err != nil && s.Message == "" {
		s.Message = s.Err.Error()
	}
	s.Message, s.Detail = c.redact.String(s.Message), c.redact.String(s.Detail)
	return providers.Classify(s)
}

func (c *Client) keep(b []byte, r *eval.Response) {
	if c.cfg.KeepBody {
		r.Body = c.redact.Bytes(bytes.Clone(b))
	}
}

// Models lists the model names that the server offers. It is a cheap way to
// find out whether it is there and takes the key.
func (c *Client) Models(ctx context.Context) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	hr, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+"/models", nil)
	if err != nil {
		return nil, err
	}
	c.authorise(hr)
	res, err := c.cfg.HTTP.Do(hr)
	if err != nil {
		return nil, c.classify(providers.Signal{Err: err, Phase: eval.PhaseConnect})
	}
	defer res.Body.Close() //nolint:errcheck // read below
	b, err := httpx.ReadBody(res.Body, 0)
	if err != nil {
		return nil, c.classify(providers.Signal{Err: err, Phase: eval.PhaseMidStream})
	}
	if res.StatusCode != http.StatusOK {
		s := parseError(b)
		s.Status, s.Header, s.Phase = res.StatusCode, res.Header, eval.PhaseResponse
		return nil, c.classify(s)
	}
	var list struct {
		Data []struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	if err := json.Unmarshal(b, &list); err != nil {
		return nil, fmt.Errorf("list of models: %w", err)
	}
	names := make([]string, 0, len(list.Data))
	for _, m := range list.Data {
		names = append(names, m.ID)
	}
	return names, nil
}

// stream reads a streamed completion.
func (c *Client) stream(call *httpx.Call, res *http.Response, r *eval.Response) {
	var a assembly
	events := httpx.NewEvents(res.Body)
	phase := eval.PhaseFirstToken
	for {
		ev, err := events.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			r.Failure = c.classify(providers.Signal{Status: res.StatusCode, Err: call.Err(err), Phase: phase})
			a.into(r)
			return
		}
		if string(ev.Data) == "[DONE]" {
			a.done = true
			break
		}
		if s, bad := a.add(ev.Data); bad {
			s.Phase = phase
			r.Failure = c.classify(s)
			a.into(r)
			return
		}
		if a.begun && r.TTFT == nil {
			d := call.Elapsed()
			r.TTFT, phase = &d, eval.PhaseMidStream
		}
		if a.begun {
			call.Progress()
		}
	}
	a.into(r)
	if !a.done && a.finish == "" {
		r.Failure = c.classify(providers.Signal{Status: res.StatusCode, Err: providers.ErrIncomplete, Phase: phase})
		return
	}
	if r.Failure == nil {
		judgeFinish(r)
	}
}
