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
	"context"
	"net/url"

	"infer/eval"
	"infer/providers/httpx"
)

// Config of a client.
type Config = httpx.Config

// Client calls one base URL. It is safe for concurrent use.
type Client struct {
	*httpx.Endpoint
	chat   *url.URL
	models *url.URL
}

// New checks the configuration. Errors are eval.KindInvalid.
func New(cfg Config) (*Client, error) {
	e, err := httpx.NewEndpoint(cfg, "/chat/completions", "/responses")
	if err != nil {
		return nil, err
	}
	return &Client{Endpoint: e, chat: e.URL("chat/completions", ""), models: e.URL("models", "")}, nil
}

// Call makes one chat completion.
func (c *Client) Call(ctx context.Context, req *eval.Request) eval.Response {
	body, err := encode(req)
	if err != nil {
		return c.Unsent(err)
	}
	return c.Exchange(ctx, httpx.Post{URL: c.chat, Body: body, Stream: req.Stream, Limits: req.Limits}, &assembly{})
}
