// Package gemini speaks the generateContent wire of Google's Gemini API, plain
// and streamed. The same wire serves Gemini models at Vertex AI, whose base URL
// ends in /publishers/google and whose key is an access token.
//
// Requests come in infer's own form, which is OpenAI's: parameters are renamed
// where the API has the same thing under another name; all others go into
// generationConfig as they are, so that the server decides. The key goes into a
// header and never into an address.
//
// Not guaranteed: that an answer made of pictures or sounds is kept. Its tokens
// are counted; its text is what there is of it.
package gemini

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"

	"infer/eval"
	"infer/providers/httpx"
)

// What a client is configured with where the user says nothing.
const (
	BaseURL   = "https://generativelanguage.googleapis.com/v1beta"
	KeyEnv    = "GEMINI_API_KEY"
	KeyHeader = "x-goog-api-key"
)

// Config of a client. KeyHeader "" is x-goog-api-key.
type Config = httpx.Config

// Client calls one base URL. It is safe for concurrent use.
type Client struct {
	*httpx.Endpoint
	models *url.URL
}

// New checks the configuration. Errors are eval.KindInvalid.
func New(cfg Config) (*Client, error) {
	if cfg.KeyHeader == "" {
		cfg.KeyHeader = KeyHeader
	}
	if u, err := url.Parse(cfg.BaseURL); err == nil && strings.Trim(u.Path, "/") == "" && u.RawQuery == "" {
		cfg.BaseURL = strings.TrimRight(cfg.BaseURL, "/") + "/v1beta"
	}
	e, err := httpx.NewEndpoint(cfg, "/models")
	if err != nil {
		return nil, err
	}
	return &Client{Endpoint: e, models: e.URL("models", "pageSize=1000")}, nil
}

// Call asks for one answer.
func (c *Client) Call(ctx context.Context, req *eval.Request) eval.Response {
	body, err := encode(req)
	if err != nil {
		return c.Unsent(err)
	}
	return c.Exchange(ctx, httpx.Post{URL: c.address(req), Body: body, Stream: req.Stream, Limits: req.Limits}, &assembly{})
}

// address holds the model: a bare name is one of models/.
func (c *Client) address(req *eval.Request) *url.URL {
	segments := strings.Split(req.Model, "/")
	for i := range segments {
		segments[i] = url.PathEscape(segments[i])
	}
	model := strings.Join(segments, "/")
	if len(segments) == 1 {
		model = "models/" + model
	}
	if req.Stream {
		return c.URL(model+":streamGenerateContent", "alt=sse")
	}
	return c.URL(model+":generateContent", "")
}

// Models lists the model names that the server offers. Errors are
// *eval.Failure, classified as those of a call are.
func (c *Client) Models(ctx context.Context) ([]string, error) {
	return c.List(ctx, c.models, func(b []byte) ([]string, error) {
		var list struct {
			Models []struct {
				Name string `json:"name"`
			} `json:"models"`
		}
		err := json.Unmarshal(b, &list)
		names := make([]string, 0, len(list.Models))
		for _, m := range list.Models {
			names = append(names, strings.TrimPrefix(m.Name, "models/"))
		}
		return names, err
	})
}

// Ping finds out, without paying for a call, whether the server is there and
// takes the key.
func (c *Client) Ping(ctx context.Context) error {
	_, err := c.Models(ctx)
	return httpx.Reached(err)
}
