package anthropic

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"infer/eval"
	"infer/providers"
	"infer/providers/httpx"
)

const (
	batchTime  = 10 * time.Minute // for one request about a batch: it may be large
	batchClock = 2 * time.Minute  // by which the server's clock may be off
)

// Batches sends calls as Anthropic's message batches. It is safe for concurrent use.
type Batches struct{ c *Client }

// Batches sends messages in batches.
func (c *Client) Batches() *Batches { return &Batches{c} }

// batchRequest is one call of a batch.
type batchRequest struct {
	ID     eval.Digest     `json:"custom_id"`
	Params json.RawMessage `json:"params"`
}

// batchState is a batch as the API describes it.
type batchState struct {
	ID      string    `json:"id"`
	Status  string    `json:"processing_status"`
	Created time.Time `json:"created_at"`
	Counts  struct {
		Processing int `json:"processing"`
		Succeeded  int `json:"succeeded"`
		Errored    int `json:"errored"`
		Canceled   int `json:"canceled"`
		Expired    int `json:"expired"`
	} `json:"request_counts"`
}

// done is how many calls have an outcome, of how many.
func (s *batchState) done() (done, of int) {
	done = s.Counts.Succeeded + s.Counts.Errored + s.Counts.Canceled + s.Counts.Expired
	return done, done + s.Counts.Processing
}

// batchResult is a line of a batch's results.
type batchResult struct {
	ID     string `json:"custom_id"`
	Result struct {
		Type    string          `json:"type"`
		Message json.RawMessage `json:"message"`
		Error   json.RawMessage `json:"error"`
	} `json:"result"`
}

func (r *batchResult) name() string { return r.ID }

// Submit begins the batch.
func (b *Batches) Submit(ctx context.Context, _ *eval.Batch, calls []eval.BatchCall) (string, *eval.Failure) {
	var body bytes.Buffer
	body.WriteString(`{"requests":[`)
	n := 0
	for i := range calls {
		req := *calls[i].Request
		req.Stream = false
		params, err := encode(&req)
		if err != nil {
			calls[i].Failure = b.c.Unsent(err).Failure
			continue
		}
		line, err := json.Marshal(batchRequest{calls[i].Key, params})
		if err != nil {
			return "", b.c.Unsent(fmt.Errorf("write a call of a batch: %w", err)).Failure
		}
		if n++; n > 1 {
			body.WriteByte(',')
		}
		body.Write(line)
	}
	if n == 0 {
		return "", nil
	}
	body.WriteString("]}")
	var state batchState
	if f := b.c.Send(ctx, http.MethodPost, b.c.URL("messages/batches", ""), "application/json", &body, batchTime, httpx.Decode(&state)); f != nil {
		return "", f
	}
	return state.ID, nil
}

// Find looks for the batch among the latest hundred of the account. They carry no
// name of ours: it is the one that was made at that time of so many calls, where
// just one is.
func (b *Batches) Find(ctx context.Context, batch *eval.Batch) (string, *eval.Failure) {
	var list struct {
		Data []batchState `json:"data"`
	}
	if f := b.c.Send(ctx, http.MethodGet, b.c.URL("messages/batches", "limit=100"), "", nil, batchTime, httpx.Decode(&list)); f != nil {
		return "", f
	}
	var found []string
	for i := range list.Data {
		s := &list.Data[i]
		_, n := s.done()
		if d := s.Created.Sub(batch.SentAt); n == len(batch.Calls) && d > -batchClock && d < batchTime+batchClock {
			found = append(found, s.ID)
		}
	}
	if len(found) != 1 {
		return "", nil
	}
	return found[0], nil
}

// Collect asks for the batch and, once it has ended, reads its results.
func (b *Batches) Collect(ctx context.Context, batch *eval.Batch, each func(eval.Digest, eval.Response)) (eval.BatchProgress, *eval.Failure) {
	var state batchState
	at := "messages/batches/" + url.PathEscape(batch.ID)
	if f := b.c.Send(ctx, http.MethodGet, b.c.URL(at, ""), "", nil, batchTime, httpx.Decode(&state)); f != nil {
		return eval.BatchProgress{}, f
	}
	var p eval.BatchProgress
	if p.Done, p.Last = state.done(); state.Status != "ended" {
		return p, nil
	}
	ours := make(map[eval.Digest]bool, len(batch.Calls))
	for _, key := range batch.Calls {
		ours[key] = true
	}
	any := false
	read := func(r io.Reader) error {
		return httpx.Results(r, (*batchResult).name, b.outcome, func(key eval.Digest, resp eval.Response) {
			any = any || ours[key]
			each(key, resp)
		})
	}
	if f := b.c.Send(ctx, http.MethodGet, b.c.URL(at+"/results", ""), "", nil, batchTime, read); f != nil {
		return p, f
	}
	if !any { // Find was mistaken
		return p, b.c.Classify(providers.Signal{Status: http.StatusNotFound, Message: "the batch holds none of these calls", Phase: eval.PhaseResponse})
	}
	p.Ended = true
	return p, nil
}

// outcome is what came of one call. One that did not succeed is not billed.
func (b *Batches) outcome(res *batchResult) eval.Response {
	var f *eval.Failure
	switch res.Result.Type {
	case "succeeded":
		return b.c.Late(http.StatusOK, "", res.Result.Message, &assembly{})
	case "expired", "canceled":
		f = b.c.Expired("the batch ended before this call was made: " + res.Result.Type)
	case "errored":
		s := providers.ParseError(res.Result.Error)
		s.Phase = eval.PhaseResponse
		f = b.c.Classify(s)
	default:
		return eval.Response{Failure: b.c.Classify(providers.Signal{Err: providers.ErrMalformed, Phase: eval.PhaseResponse})}
	}
	f.Billing = eval.NotBilled
	return eval.Response{Failure: f}
}
