// Package jsonhttp calls a JSON endpoint of the user's own: the team's application
// as a candidate. A template says what is posted, and dotted paths say where the
// parts of the answer are.
//
// A text of the template that is one placeholder alone becomes the value itself
// ({{messages}} a list, {{params.temperature}} a number); inside a longer text a
// placeholder becomes text. What has no value becomes null. The placeholders:
// {{input}} (the last user text), {{system}}, {{messages}} (in OpenAI's form),
// {{model}}, {{task_id}}, {{task_type}}, {{repeat}}, {{tools}},
// {{response_format}}, {{params}} and {{params.NAME}}.
//
// Answers are not streamed.
package jsonhttp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"infer/eval"
	"infer/providers/httpx"
)

// Config of a client.
type Config struct {
	httpx.Config                 // BaseURL is the whole address
	Request      json.RawMessage // template of the body
	Response     Paths
}

// Paths say where the parts of an answer are: names joined by dots, list elements
// by their number from 0 ("choices.0.text"). "" = the answer does not say.
type Paths struct {
	Text      string
	ToolCalls string // a list in infer's form or OpenAI's
	Refusal   string
	Finish    string
	Model     string
	Error     string // what is there, and not null, false or empty, makes the answer a failure
	Input     string // tokens, cached ones included
	Cached    string // tokens read from a cache
	Output    string // tokens, reasoning included
	Reasoning string
	CostUSD   string
	BackendMS string
}

// Client calls one address. It is safe for concurrent use.
type Client struct {
	*httpx.Endpoint
	address *url.URL
	request any // the template, decoded
	paths   paths
}

// New checks the configuration. Errors are eval.KindInvalid.
func New(cfg Config) (*Client, error) {
	e, err := httpx.NewEndpoint(cfg.Config)
	if err != nil {
		return nil, err
	}
	fail := func(err error, hint string) (*Client, error) {
		return nil, eval.Invalid(fmt.Errorf("provider %s: %w", cfg.Name, err), hint)
	}
	if len(cfg.Request) == 0 {
		return fail(errors.New("there is no request template"), `write it like request: {question: "{{input}}"}`)
	}
	c := &Client{Endpoint: e}
	if c.address, err = url.Parse(strings.TrimSpace(cfg.BaseURL)); err != nil { // as it is: an application minds its slashes
		return fail(err, "write it like https://app.example.com/answer")
	}
	if c.request, err = parseTemplate(cfg.Request); err != nil {
		return fail(fmt.Errorf("request: %w", err), "the placeholders are {{input}}, {{system}}, {{messages}}, {{model}}, {{params}}, {{params.NAME}}, {{tools}}, {{response_format}}, {{task_id}}, {{task_type}} and {{repeat}}")
	}
	if c.paths, err = cfg.Response.parse(); err != nil {
		return fail(fmt.Errorf("response: %w", err), "write it like response: {text: data.answer}")
	}
	return c, nil
}

// Call posts one request.
func (c *Client) Call(ctx context.Context, req *eval.Request) eval.Response {
	body, err := fill(c.request, req)
	if err != nil {
		return c.Unsent(err)
	}
	return c.Exchange(ctx, httpx.Post{URL: c.address, Body: body, Limits: req.Limits}, &reply{paths: &c.paths})
}
