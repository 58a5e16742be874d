package openai

import (
	"bytes"
	"context"
	"errors"
	"io"

	"infer/eval"
	"infer/providers"
	"infer/providers/httpx"
)

// stream reads a streamed completion. Whatever came of it is in the response,
// also where the stream failed: half an answer is evidence, but never a success.
func (c *Client) stream(call *httpx.Call, answer io.Reader, r *eval.Response) {
	body := call.StreamBody(answer)
	var kept bytes.Buffer
	if c.cfg.KeepBody {
		body = io.TeeReader(body, &kept)
	}
	var a assembly
	failure, phase := c.readStream(call, body, &a, r)
	if failure.Err == nil {
		call.Done()
	}
	a.into(r)
	c.keep(kept.Bytes(), r)
	switch {
	case failure.Err != nil && a.finish != "" && !stopped(failure.Err):
		// The answer is whole: only what follows it, the usage, was lost.
		judgeFinish(r)
	case failure.Err != nil || failure.Detail != "":
		failure.Status, failure.Phase = r.Status, phase
		r.Failure = c.classify(failure)
	case !a.done && a.finish == "":
		r.Failure = c.classify(providers.Signal{Status: r.Status, Err: providers.ErrIncomplete, Phase: phase})
	default:
		judgeFinish(r)
	}
	if a.done {
		call.Drain(answer)
	}
}

// stopped reports whether our side ended the call.
func stopped(err error) bool {
	var t *providers.TimeoutError
	return errors.As(err, &t) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// readStream feeds the events of a stream to a. The signal it returns is zero
// where the stream came to its end; phase is how far the answer had come.
func (c *Client) readStream(call *httpx.Call, body io.Reader, a *assembly, r *eval.Response) (failure providers.Signal, phase eval.Phase) {
	events := httpx.NewEvents(body)
	phase = eval.PhaseFirstToken
	for {
		ev, err := events.Next()
		if errors.Is(err, io.EOF) {
			return providers.Signal{}, phase
		}
		if err != nil {
			return providers.Signal{Err: call.Err(err)}, phase
		}
		if string(bytes.TrimSpace(ev.Data)) == "[DONE]" {
			a.done = true
			return providers.Signal{}, phase
		}
		if ev.Name == "error" {
			s := providers.ParseError(ev.Data)
			s.Detail += " " // an empty error event is one too
			return s, phase
		}
		if s, bad := a.add(ev.Data); bad {
			if ev.Cut && errors.Is(s.Err, providers.ErrMalformed) {
				return providers.Signal{Err: providers.ErrIncomplete}, phase
			}
			return s, phase
		}
		if !a.begun {
			continue
		}
		if r.TTFT == nil {
			d := call.Elapsed()
			r.TTFT, phase = &d, eval.PhaseMidStream
		}
		call.Progress()
	}
}
