package openai

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"infer/eval"
	"infer/providers"
	"infer/providers/httpx"
)

// probeTime bounds a list of models.
const probeTime = 15 * time.Second

// Models lists the model names that the server offers. Errors are
// *eval.Failure, classified as those of a call are.
func (c *Client) Models(ctx context.Context) ([]string, error) {
	var names []string
	f := c.Send(ctx, http.MethodGet, c.models, "", nil, probeTime, func(r io.Reader) error {
		b, err := httpx.ReadBody(r, 0)
		if err != nil {
			return err
		}
		var list struct {
			Data []struct {
				ID string `json:"id"`
			} `json:"data"`
		}
		if err := json.Unmarshal(b, &list); err != nil {
			return fmt.Errorf("list of models: %w: %w", providers.ErrMalformed, err)
		}
		names = make([]string, 0, len(list.Data))
		for _, m := range list.Data {
			names = append(names, c.Redactor().Answer(m.ID))
		}
		return nil
	})
	if f != nil {
		return nil, f
	}
	return names, nil
}

// Ping finds out, without paying for a call, whether the server is there and
// takes the key. A server that answers but keeps no list of models is there.
func (c *Client) Ping(ctx context.Context) error {
	_, err := c.Models(ctx)
	var f *eval.Failure
	if errors.As(err, &f) && (f.Status == http.StatusNotFound || f.Status == http.StatusMethodNotAllowed || f.Status == http.StatusNotImplemented) {
		return nil
	}
	return err
}
