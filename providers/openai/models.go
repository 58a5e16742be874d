package openai

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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
	call := httpx.Start(ctx, httpx.Timeouts{Total: probeTime})
	defer call.End()
	hr := &http.Request{Method: http.MethodGet, URL: c.models, Host: c.models.Host, Header: c.header.Clone()}
	hr.Header.Del("Content-Type")
	res, err := c.cfg.HTTP.Do(hr.WithContext(call.Context()))
	if err != nil {
		return nil, c.classify(providers.Signal{Err: call.Err(err), Phase: call.Phase()})
	}
	defer res.Body.Close() //nolint:errcheck // the body was read or given up
	b, err := httpx.ReadBody(call.Body(res.Body), 0)
	if err != nil {
		return nil, c.classify(providers.Signal{Status: res.StatusCode, Err: call.Err(err), Phase: eval.PhaseFirstToken})
	}
	if res.StatusCode != http.StatusOK {
		s := providers.ParseError(b)
		s.Status, s.Header, s.Phase = res.StatusCode, res.Header, eval.PhaseResponse
		return nil, c.classify(s)
	}
	var list struct {
		Data []struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	if err := json.Unmarshal(b, &list); err != nil {
		return nil, c.classify(providers.Signal{Status: res.StatusCode, Err: fmt.Errorf("list of models: %w: %w", providers.ErrMalformed, err), Phase: eval.PhaseResponse})
	}
	names := make([]string, 0, len(list.Data))
	for _, m := range list.Data {
		names = append(names, c.redact.Answer(m.ID))
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
