package httpx

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"infer/eval"
	"infer/providers"
)

// Answer puts one answer together, as its wire sends it.
type Answer interface {
	// Whole takes an answer that was not streamed. It returns the failure that
	// the answer is; nil = none.
	Whole(body []byte) *providers.Signal
	// Event takes one event of a stream and says how far the answer is now. A
	// failure ends the stream.
	Event(ev Event) (Progress, *providers.Signal)
	// Into writes what has come into the response.
	Into(r *eval.Response)
}

// Progress is how far a streamed answer has come.
type Progress struct {
	Begun    bool // output has come
	Finished bool // the answer is whole; only bookkeeping can follow
	Ended    bool // the stream's terminal event came
}

// Post is one call of a wire.
type Post struct {
	URL    *url.URL
	Body   []byte
	Stream bool
	Limits eval.Limits
}

// Exchange makes one call and reads its answer. A stream that ends before it is
// Finished is a failure, whatever came of it.
func (e *Endpoint) Exchange(ctx context.Context, p Post, a Answer) eval.Response {
	limits := e.cfg.Timeouts
	if p.Limits.Timeout > 0 {
		limits.Total = p.Limits.Timeout
	}
	if p.Limits.FirstToken > 0 {
		limits.FirstToken = p.Limits.FirstToken
	}
	x := exchange{e: e, answer: a, call: Start(ctx, limits)}
	defer x.call.End()
	x.run(p)
	x.r.InFlight = x.call.InFlight()
	e.scrub(&x.r)
	return x.r
}

// exchange is one call under way.
type exchange struct {
	e      *Endpoint
	call   *Call
	answer Answer
	tier   string // as a header says
	r      eval.Response
}

func (x *exchange) run(p Post) {
	res, err := x.e.cfg.HTTP.Do(x.e.post(x.call.Context(), p))
	if err != nil {
		x.r.Failure = x.e.Classify(providers.Signal{Err: x.call.Err(err), Phase: x.call.Phase()})
		return
	}
	defer res.Body.Close() //nolint:errcheck // the body was read or given up
	x.r = eval.Response{Status: res.StatusCode, RequestID: providers.RequestID(res.Header), RateLimits: providers.RateLimits(res.Header), Backend: providers.BackendTime(res.Header)}
	x.tier = providers.ServiceTier(res.Header)
	switch {
	case res.StatusCode != http.StatusOK:
		x.refused(res)
	case p.Stream:
		x.streamOrPlain(res)
	default:
		x.plain(res.Body)
	}
}

func (e *Endpoint) post(ctx context.Context, p Post) *http.Request {
	hr := &http.Request{Method: http.MethodPost, URL: p.URL, Host: p.URL.Host, Header: e.header.Clone(),
		ContentLength: int64(len(p.Body)), Body: io.NopCloser(bytes.NewReader(p.Body)),
		GetBody: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(p.Body)), nil }}
	if p.Stream {
		hr.Header.Set("Accept", "text/event-stream")
		hr.Header.Set("Accept-Encoding", "identity") // compression holds tokens back
		// llama.cpp's server ends the connection with the stream without having said
		// so; the next call into it would be lost, and nobody could say whether it
		// was billed. A fresh connection costs nothing where there is no TLS.
		hr.Close = p.URL.Scheme == "http"
	}
	return hr.WithContext(ctx)
}

// streamOrPlain reads the answer to a request for a stream. Some servers send a
// stream under another type or none, some send a whole answer, an error or a
// page instead: where the type does not say, the first byte does.
func (x *exchange) streamOrPlain(res *http.Response) {
	if strings.HasPrefix(strings.ToLower(res.Header.Get("Content-Type")), "text/event-stream") {
		x.stream(res.Body)
		return
	}
	body := bufio.NewReader(res.Body)
	if first, err := body.Peek(1); err == nil && strings.IndexByte("{[<", first[0]) >= 0 {
		x.plain(body)
		return
	}
	x.stream(body)
}

// refused reads the body of an answer that is not 200.
func (x *exchange) refused(res *http.Response) {
	b, err := ReadBody(x.call.Body(res.Body), maxErrorBody)
	if err == nil {
		x.call.Done()
	}
	x.r.Failure = x.e.Classify(refusal(res, b))
	x.keep(b)
	if errors.Is(err, providers.ErrTooLarge) {
		x.r.Body = x.r.Body[:len(x.r.Body)*15/16] // the cut may have gone through a key
	}
}

// plain reads an answer that is not streamed.
func (x *exchange) plain(answer io.Reader) {
	b, err := ReadBody(x.call.Body(answer), 0)
	if err == nil {
		x.call.Done()
	}
	x.keep(b)
	if err != nil {
		x.r.Failure = x.e.Classify(providers.Signal{Status: x.r.Status, Err: x.call.Err(err), Phase: eval.PhaseMidStream})
		return
	}
	s := x.answer.Whole(b)
	x.into()
	if s != nil {
		s.Status, s.Phase = x.r.Status, eval.PhaseResponse
		x.r.Failure = x.e.Classify(*s)
		return
	}
	providers.Judge(&x.r)
}

// into writes what came into the response.
func (x *exchange) into() {
	x.answer.Into(&x.r)
	if x.r.Usage != nil && x.r.Usage.Tier == "" {
		x.r.Usage.Tier = x.tier
	}
}

// stream reads a streamed answer. Whatever came of it is in the response, also
// where the stream failed: half an answer is evidence, but never a success.
func (x *exchange) stream(answer io.Reader) {
	body := x.call.StreamBody(answer)
	var kept bytes.Buffer
	if x.e.cfg.KeepBody {
		body = io.TeeReader(body, &kept)
	}
	far, s := x.events(body)
	if s == nil || s.Err == nil {
		x.call.Done()
	}
	x.into()
	x.keep(kept.Bytes())
	switch {
	case s != nil && s.Err != nil && far.Finished && !stopped(s.Err):
		// The answer is whole: only what follows it, the usage, was lost.
		providers.Judge(&x.r)
	case s == nil && !far.Finished:
		s = &providers.Signal{Err: providers.ErrIncomplete}
		fallthrough
	case s != nil:
		s.Status, s.Phase = x.r.Status, x.phase()
		x.r.Failure = x.e.Classify(*s)
	default:
		providers.Judge(&x.r)
	}
	if far.Ended {
		x.call.Drain(answer)
	}
}

// phase is how far a stream had come when it failed.
func (x *exchange) phase() eval.Phase {
	if x.r.TTFT != nil {
		return eval.PhaseMidStream
	}
	return eval.PhaseFirstToken
}

// stopped reports whether our side ended the call.
func stopped(err error) bool {
	var t *providers.TimeoutError
	return errors.As(err, &t) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// events feeds the events of a stream to the answer. It returns how far the
// answer came, and the failure that ended it; nil = it came to its end.
func (x *exchange) events(body io.Reader) (far Progress, failure *providers.Signal) {
	events := NewEvents(body)
	for {
		ev, err := events.Next()
		if errors.Is(err, io.EOF) {
			return far, nil
		}
		if err != nil {
			return far, &providers.Signal{Err: x.call.Err(err)}
		}
		if ev.Name == "error" {
			s := providers.ParseError(ev.Data)
			return far, &s
		}
		now, s := x.answer.Event(ev)
		if s != nil {
			if ev.Cut && errors.Is(s.Err, providers.ErrMalformed) {
				s = &providers.Signal{Err: providers.ErrIncomplete}
			}
			return far, s
		}
		if far = now; far.Ended {
			return far, nil
		}
		if !far.Begun {
			continue
		}
		if x.r.TTFT == nil {
			d := x.call.Elapsed()
			x.r.TTFT = &d
		}
		x.call.Progress()
	}
}

// scrub removes the key from whatever the server sent: some echo it.
func (e *Endpoint) scrub(r *eval.Response) {
	r.Text = eval.Untrusted(e.redact.Answer(r.Text.Raw()))
	r.Refusal = eval.Untrusted(e.redact.Answer(r.Refusal.Raw()))
	r.FinishRaw, r.Model, r.RequestID = e.redact.Answer(r.FinishRaw), e.redact.Answer(r.Model), e.redact.Answer(r.RequestID)
	for i := range r.ToolCalls {
		t := &r.ToolCalls[i]
		t.ID, t.Name, t.Arguments = e.redact.Answer(t.ID), e.redact.Answer(t.Name), []byte(e.redact.Answer(string(t.Arguments)))
	}
	for k, v := range r.RateLimits {
		r.RateLimits[k] = e.redact.Answer(v)
	}
	if r.Usage != nil {
		r.Usage.Raw = []byte(e.redact.Answer(string(r.Usage.Raw)))
		r.Usage.Tier = e.redact.Answer(r.Usage.Tier)
	}
}

func (x *exchange) keep(b []byte) {
	if x.e.cfg.KeepBody {
		x.r.Body = x.e.redact.Bytes(bytes.Clone(b))
	}
}
