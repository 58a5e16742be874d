// Package anthropic speaks the Messages wire of Anthropic, plain and streamed.
// Servers that speak it too (llama.cpp, LiteLLM, several relays) are this
// package with another base URL.
//
// Requests come in infer's own form, which is OpenAI's: parameters, tools and the
// answer's format are renamed where the Messages API has the same thing under
// another name, and passed on where it does not, so that the server decides.
// The API wants max_tokens; where neither task nor candidate gives one, 4096 is
// asked for, which every model allows.
//
// Not guaranteed: that a turn which the provider's own tools pause (pause_turn)
// is continued. It is a failure that says so.
package anthropic

import (
	"context"
	"net/url"
	"strings"

	"infer/eval"
	"infer/providers/httpx"
)

// What a client is configured with where the user says nothing.
const (
	BaseURL   = "https://api.anthropic.com/v1"
	KeyEnv    = "ANTHROPIC_API_KEY"
	KeyHeader = "x-api-key"
	version   = "2023-06-01"
)

// Config of a client. KeyHeader "" is x-api-key; an anthropic-version among the
// headers goes before this package's own.
type Config = httpx.Config

// Client calls one base URL. It is safe for concurrent use.
type Client struct {
	*httpx.Endpoint
	messages *url.URL
	models   *url.URL
}

// New checks the configuration. Errors are eval.KindInvalid.
func New(cfg Config) (*Client, error) {
	headers := map[string]string{"anthropic-version": version}
	for k, v := range cfg.Headers {
		headers[strings.ToLower(k)] = v
	}
	cfg.Headers = headers
	if cfg.KeyHeader == "" {
		cfg.KeyHeader = KeyHeader
	}
	// Anthropic's own clients are given the address without the version.
	if u, err := url.Parse(cfg.BaseURL); err == nil && strings.Trim(u.Path, "/") == "" && u.RawQuery == "" {
		cfg.BaseURL = strings.TrimRight(cfg.BaseURL, "/") + "/v1"
	}
	e, err := httpx.NewEndpoint(cfg, "/messages")
	if err != nil {
		return nil, err
	}
	return &Client{Endpoint: e, messages: e.URL("messages", ""), models: e.URL("models", "limit=1000")}, nil
}

// Call asks for one message.
func (c *Client) Call(ctx context.Context, req *eval.Request) eval.Response {
	body, err := encode(req)
	if err != nil {
		return c.Unsent(err)
	}
	return c.Exchange(ctx, httpx.Post{URL: c.messages, Body: body, Stream: req.Stream, Limits: req.Limits}, &assembly{})
}

// Models lists the model names that the server offers. Errors are
// *eval.Failure, classified as those of a call are.
func (c *Client) Models(ctx context.Context) ([]string, error) {
	return c.List(ctx, c.models, httpx.IDs)
}

// Ping finds out, without paying for a call, whether the server is there and
// takes the key.
func (c *Client) Ping(ctx context.Context) error {
	_, err := c.Models(ctx)
	return httpx.Reached(err)
}
