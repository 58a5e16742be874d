// Package providers holds what every wire shares: the classification of
// failures, the price book, keys and their redaction.
//
// The adapter contract. An adapter is a concrete type with one method,
// Call(ctx, *eval.Request) eval.Response. It makes one call and never retries.
// It never returns half an answer as a success: a stream without its terminal
// event is a failure, and so is a 200 with an error in it. It measures InFlight
// and TTFT on the monotonic clock from the send; it reports usage on disjoint
// axes, or nil where the provider said nothing plausible. Every failure goes
// through Classify. It honours its context and never panics on what a server
// sends.
package providers

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"

	"infer/eval"
)

// Signal is everything that is known of one failed call.
type Signal struct {
	Status  int // HTTP status, 0 = none
	Type    string
	Code    string
	Message string
	Phase   eval.Phase
	Err     error // transport error, nil if a response came
	Header  http.Header
	Detail  string // raw error body, for signals that live nowhere else
}

// Classify decides what a failure is, on status, type, code, message and phase
// together. The rules are the rows of one table, tried in order; the first that
// matches decides.
func Classify(s Signal) *eval.Failure {
	f := &eval.Failure{Phase: s.Phase, Status: s.Status, Type: clip(s.Type), Code: clip(s.Code),
		Message: eval.Untrusted(clipTo(s.Message, 2000)), RetryAfter: RetryAfter(s.Header, s.Detail)}
	row := classifyRow(s)
	f.Class, f.Sub, f.Retry, f.RetryOnce, f.Fallback, f.Stop, f.Billing = row.class, row.sub, row.retry, row.once, row.fallback, row.stop, row.billing
	if f.Message == "" {
		f.Message = eval.Untrusted(row.words)
	}
	if s.Phase == eval.PhaseMidStream && f.Billing == eval.NotBilled {
		f.Billing = eval.Unbilled // output had been generated: nobody says that it was free
	}
	return f
}

func classifyRow(s Signal) row {
	if s.Err != nil {
		return transportRow(s)
	}
	text := strings.ToLower(s.Type + " " + s.Code + " " + s.Message + " " + s.Detail)
	for _, r := range rows {
		if r.match(s, text) {
			return r
		}
	}
	return row{class: eval.ClassUnknown, billing: eval.Unbilled, words: "a failure that no rule knows"}
}

// transportRow classifies what went wrong below HTTP.
func transportRow(s Signal) row {
	var dns *net.DNSError
	var timeout *TimeoutError
	switch {
	case errors.As(s.Err, &timeout):
		return timeoutRow(timeout, s.Phase)
	case errors.Is(s.Err, context.Canceled):
		return row{class: eval.ClassCancelled, billing: eval.Unbilled, words: "cancelled by the caller"}
	case errors.Is(s.Err, context.DeadlineExceeded):
		return timeoutRow(&TimeoutError{What: "total"}, s.Phase)
	case errors.As(s.Err, &dns):
		return row{class: eval.ClassNetwork, sub: "config", billing: eval.NotBilled, words: "host not found"}
	case errors.Is(s.Err, syscall.ECONNREFUSED):
		// Nobody listens. Asking again at once is of no use, but a backup is: a
		// primary that was shut down looks like this.
		return row{class: eval.ClassNetwork, sub: "refused", fallback: true, billing: eval.NotBilled, words: "connection refused"}
	case isTLS(s.Err):
		return row{class: eval.ClassNetwork, sub: "config", billing: eval.NotBilled, words: "TLS: the certificate is not trusted"}
	case errors.Is(s.Err, ErrRedirect):
		return row{class: eval.ClassParameter, sub: "redirect", billing: eval.NotBilled, words: "redirected to another host"}
	case errors.Is(s.Err, ErrIncomplete):
		return row{class: eval.ClassNetwork, sub: "incomplete_stream", retry: true, fallback: true, billing: eval.Unbilled, words: "the stream ended without its terminal event"}
	case errors.Is(s.Err, ErrMalformed):
		return row{class: eval.ClassUnavailable, sub: "malformed_response", retry: true, fallback: true, billing: eval.Unbilled, words: "the response is not what the wire says"}
	case errors.Is(s.Err, ErrTooLarge):
		return row{class: eval.ClassInvalidOutput, sub: "too_large", billing: eval.Unbilled, words: "the response is too large"}
	}
	r := row{class: eval.ClassNetwork, retry: true, fallback: true, billing: eval.Unbilled, words: "connection lost"}
	if s.Phase == eval.PhaseConnect {
		r.billing, r.words = eval.NotBilled, "cannot connect"
	}
	if errors.Is(s.Err, io.ErrUnexpectedEOF) || s.Phase == eval.PhaseMidStream {
		r.sub = "incomplete_stream"
	}
	return r
}

func timeoutRow(t *TimeoutError, phase eval.Phase) row {
	switch {
	case t.What == "connect":
		return row{class: eval.ClassTimeout, sub: "connect", retry: true, once: true, fallback: true, billing: eval.NotBilled, words: "no connection in time"}
	case phase == eval.PhaseMidStream:
		return row{class: eval.ClassTimeout, sub: t.What, fallback: true, billing: eval.Unbilled, words: "the answer was not complete in time"}
	}
	return row{class: eval.ClassTimeout, sub: "ttft", retry: true, once: true, fallback: true, billing: eval.Unbilled, words: "no answer in time"}
}

func isTLS(err error) bool {
	msg := err.Error()
	return strings.Contains(msg, "tls:") || strings.Contains(msg, "x509:")
}

// TimeoutError says which of a call's time limits ran out: connect,
// first_token, idle or total.
type TimeoutError struct{ What string }

// Error names the limit.
func (e *TimeoutError) Error() string { return e.What + " timeout" }

// What adapters report through Signal.Err.
var (
	ErrIncomplete = errors.New("stream ended without its terminal event")
	ErrMalformed  = errors.New("malformed response")
	ErrTooLarge   = errors.New("response too large")
	ErrRedirect   = errors.New("redirect to another host")
)

func clip(s string) string { return clipTo(s, 200) }

func clipTo(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}
