package openai

import (
	"context"

	"infer/providers/httpx"
)

// Models lists the model names that the server offers. Errors are
// *eval.Failure, classified as those of a call are.
func (c *Client) Models(ctx context.Context) ([]string, error) {
	return c.List(ctx, c.models, httpx.IDs)
}

// Ping finds out, without paying for a call, whether the server is there and
// takes the key. A server that answers but keeps no list of models is there.
func (c *Client) Ping(ctx context.Context) error {
	_, err := c.Models(ctx)
	return httpx.Reached(err)
}
