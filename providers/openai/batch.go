package openai

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"time"

	"infer/eval"
	"infer/providers"
	"infer/providers/httpx"
)

const (
	batchTime = 10 * time.Minute // for one request about a batch: its file may be large
	batchList = 10               // pages of batches that are looked through
)

// Batches sends calls as OpenAI's batches: a file of requests, and a file of
// answers within a day. It is safe for concurrent use.
type Batches struct {
	c      *Client
	path   string // of the calls, as the API names it whatever the base URL is
	encode func(*eval.Request) ([]byte, error)
	answer func() httpx.Answer
}

// Batches sends chat completions.
func (c *Client) Batches() *Batches {
	return &Batches{c, "/v1/chat/completions", encode, func() httpx.Answer { return &assembly{} }}
}

// Batches sends responses.
func (c *Responses) Batches() *Batches {
	return &Batches{c.Client, "/v1/responses", encodeResponses, func() httpx.Answer { return &outputs{} }}
}

// batchRequest is a line of a batch's file.
type batchRequest struct {
	ID     eval.Digest     `json:"custom_id"`
	Method string          `json:"method"`
	URL    string          `json:"url"`
	Body   json.RawMessage `json:"body"`
}

// batchResult is a line of a batch's results.
type batchResult struct {
	ID       string `json:"custom_id"`
	Response *struct {
		Status    int             `json:"status_code"`
		RequestID string          `json:"request_id"`
		Body      json.RawMessage `json:"body"`
	} `json:"response"`
	Error *struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

func (r *batchResult) name() string { return r.ID }

// batchState is a batch as the API describes it.
type batchState struct {
	ID         string            `json:"id"`
	Status     string            `json:"status"`
	OutputFile string            `json:"output_file_id"`
	ErrorFile  string            `json:"error_file_id"`
	Metadata   map[string]string `json:"metadata"`
	Counts     struct {
		Total     int `json:"total"`
		Completed int `json:"completed"`
		Failed    int `json:"failed"`
	} `json:"request_counts"`
	Errors struct {
		Data []struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"data"`
	} `json:"errors"`
}

// batchKey is the name under which a batch keeps our number of it.
const batchKey = "infer_batch"

// Submit uploads the calls and begins the batch.
func (b *Batches) Submit(ctx context.Context, batch *eval.Batch, calls []eval.BatchCall) (string, *eval.Failure) {
	lines, err := b.lines(calls)
	if err != nil || lines.Len() == 0 {
		return "", b.unsent(err)
	}
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	_ = w.WriteField("purpose", "batch") // a buffer takes everything
	part, err := w.CreateFormFile("file", "infer-"+batch.Key+".jsonl")
	if err == nil {
		_, err = part.Write(lines.Bytes())
	}
	if err = errors.Join(err, w.Close()); err != nil {
		return "", b.unsent(err)
	}
	var file struct {
		ID string `json:"id"`
	}
	if f := b.c.Send(ctx, http.MethodPost, b.c.URL("files", ""), w.FormDataContentType(), &form, batchTime, httpx.Decode(&file)); f != nil {
		return "", f
	}
	begin, err := json.Marshal(map[string]any{"input_file_id": file.ID, "endpoint": b.path, "completion_window": "24h",
		"metadata": map[string]string{batchKey: batch.Key}})
	if err != nil {
		return "", b.unsent(err)
	}
	var state batchState
	if f := b.c.Send(ctx, http.MethodPost, b.c.URL("batches", ""), "application/json", bytes.NewReader(begin), batchTime, httpx.Decode(&state)); f != nil {
		return "", f
	}
	return state.ID, nil
}

// lines writes the calls' file. One that cannot be written gets its failure.
func (b *Batches) lines(calls []eval.BatchCall) (*bytes.Buffer, error) {
	var out bytes.Buffer
	for i := range calls {
		req := *calls[i].Request
		req.Stream = false
		body, err := b.encode(&req)
		if err != nil {
			calls[i].Failure = b.c.Unsent(err).Failure
			continue
		}
		line, err := json.Marshal(batchRequest{calls[i].Key, http.MethodPost, b.path, body})
		if err != nil {
			return nil, fmt.Errorf("write a call of a batch: %w", err)
		}
		out.Write(append(line, '\n'))
	}
	return &out, nil
}

func (b *Batches) unsent(err error) *eval.Failure {
	if err == nil {
		return nil
	}
	return b.c.Unsent(err).Failure
}

// Find looks for the batch among the latest of the account.
func (b *Batches) Find(ctx context.Context, batch *eval.Batch) (string, *eval.Failure) {
	after := ""
	for range batchList {
		query := url.Values{"limit": {"100"}}
		if after != "" {
			query.Set("after", after)
		}
		var list struct {
			Data    []batchState `json:"data"`
			HasMore bool         `json:"has_more"`
		}
		if f := b.c.Send(ctx, http.MethodGet, b.c.URL("batches", query.Encode()), "", nil, batchTime, httpx.Decode(&list)); f != nil {
			return "", f
		}
		for i := range list.Data {
			if list.Data[i].Metadata[batchKey] == batch.Key {
				return list.Data[i].ID, nil
			}
			after = list.Data[i].ID
		}
		if !list.HasMore || len(list.Data) == 0 {
			break
		}
	}
	return "", nil
}

// Collect asks for the batch and, once it has ended, reads its results.
func (b *Batches) Collect(ctx context.Context, batch *eval.Batch, each func(eval.Digest, eval.Response)) (eval.BatchProgress, *eval.Failure) {
	var state batchState
	at := b.c.URL("batches/"+url.PathEscape(batch.ID), "")
	if f := b.c.Send(ctx, http.MethodGet, at, "", nil, batchTime, httpx.Decode(&state)); f != nil {
		return eval.BatchProgress{}, f
	}
	p := eval.BatchProgress{Done: state.Counts.Completed + state.Counts.Failed, Last: state.Counts.Total}
	switch state.Status {
	case "failed": // it was checked and not begun
		f := b.refused(&state)
		for _, key := range batch.Calls {
			each(key, eval.Response{Failure: f})
		}
	case "completed", "expired", "cancelled":
		for _, file := range []string{state.OutputFile, state.ErrorFile} {
			if file == "" {
				continue
			}
			content := b.c.URL("files/"+url.PathEscape(file)+"/content", "")
			read := func(r io.Reader) error { return httpx.Results(r, (*batchResult).name, b.outcome, each) }
			if f := b.c.Send(ctx, http.MethodGet, content, "", nil, batchTime, read); f != nil {
				return p, f
			}
		}
	default:
		return p, nil
	}
	p.Ended = true
	return p, nil
}

// refused is the failure of every call of a batch that was not begun. Nothing of it
// is billed.
func (b *Batches) refused(state *batchState) *eval.Failure {
	s := providers.Signal{Status: http.StatusBadRequest, Phase: eval.PhaseResponse, Message: "the batch was refused"}
	if len(state.Errors.Data) > 0 {
		s.Code, s.Message = state.Errors.Data[0].Code, state.Errors.Data[0].Message
		if s.Code == "token_limit_exceeded" { // of all batches that wait
			s.Status = http.StatusTooManyRequests
		}
	}
	f := b.c.Classify(s)
	f.Status, f.Billing = 0, eval.NotBilled
	return f
}

// outcome is what came of one call.
func (b *Batches) outcome(res *batchResult) eval.Response {
	switch {
	case res.Response != nil && res.Response.Status != 0:
		return b.c.Late(res.Response.Status, res.Response.RequestID, res.Response.Body, b.answer())
	case res.Error != nil && res.Error.Code == "batch_expired":
		return eval.Response{Failure: b.c.Expired(res.Error.Message)}
	case res.Error != nil:
		f := b.c.Classify(providers.Signal{Status: http.StatusInternalServerError, Code: res.Error.Code, Message: res.Error.Message, Phase: eval.PhaseResponse})
		f.Status, f.Billing = 0, eval.NotBilled
		return eval.Response{Failure: f}
	}
	return eval.Response{Failure: b.c.Classify(providers.Signal{Err: providers.ErrMalformed, Phase: eval.PhaseResponse})}
}
