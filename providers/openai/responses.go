package openai

import (
	"context"
	"net/url"

	"infer/eval"
	"infer/providers/httpx"
)

// Responses calls the Responses API of one base URL. It is safe for concurrent
// use. Answers are not stored at the provider unless a parameter asks for it.
type Responses struct {
	*Client
	responses *url.URL
}

// NewResponses checks the configuration. Errors are eval.KindInvalid.
func NewResponses(cfg Config) (*Responses, error) {
	c, err := New(cfg)
	if err != nil {
		return nil, err
	}
	return &Responses{c, c.URL("responses", "")}, nil
}

// Call asks for one response.
func (c *Responses) Call(ctx context.Context, req *eval.Request) eval.Response {
	body, err := encodeResponses(req)
	if err != nil {
		return c.Unsent(err)
	}
	return c.Exchange(ctx, httpx.Post{URL: c.responses, Body: body, Stream: req.Stream, Limits: req.Limits}, &outputs{})
}
