package httpx

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"infer/eval"
	"infer/providers"
)

// probeTime bounds a list of models.
const probeTime = 15 * time.Second

// List asks for a list of models, which names reads. Errors are *eval.Failure,
// classified as those of a call are.
func (e *Endpoint) List(ctx context.Context, u *url.URL, names func(body []byte) ([]string, error)) ([]string, error) {
	var out []string
	f := e.Send(ctx, http.MethodGet, u, "", nil, probeTime, func(r io.Reader) error {
		b, err := ReadBody(r, 0)
		if err != nil {
			return err
		}
		if out, err = names(b); err != nil {
			return fmt.Errorf("list of models: %w: %w", providers.ErrMalformed, err)
		}
		return nil
	})
	if f != nil {
		return nil, f
	}
	for i := range out {
		out[i] = e.redact.Answer(out[i])
	}
	return out, nil
}

// IDs reads the list of models that OpenAI's and Anthropic's servers write.
func IDs(body []byte) ([]string, error) {
	var list struct {
		Data []struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	err := json.Unmarshal(body, &list)
	names := make([]string, 0, len(list.Data))
	for _, m := range list.Data {
		names = append(names, m.ID)
	}
	return names, err
}

// Reached is the error of a list of models without those that show that the
// server is there: it answers, but keeps no list.
func Reached(err error) error {
	var f *eval.Failure
	if errors.As(err, &f) && (f.Status == http.StatusNotFound || f.Status == http.StatusMethodNotAllowed || f.Status == http.StatusNotImplemented) {
		return nil
	}
	return err
}
