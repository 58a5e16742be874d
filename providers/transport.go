package providers

import (
	"compress/flate"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strings"
	"syscall"

	"infer/eval"
)

// What adapters report through Signal.Err.
var (
	ErrIncomplete = errors.New("stream ended without its terminal event")
	ErrMalformed  = errors.New("malformed response")
	ErrTooLarge   = errors.New("response too large")
	ErrRedirect   = errors.New("redirect that must not be followed")
)

// TimeoutError says which of a call's time limits ran out: connect,
// first_token, idle or total.
type TimeoutError struct{ What string }

// Error names the limit.
func (e *TimeoutError) Error() string { return e.What + " timeout" }

// transportRow classifies what went wrong below HTTP, or in the answer's form.
func transportRow(s Signal) row {
	var timeout *TimeoutError
	switch {
	case errors.As(s.Err, &timeout):
		return timeoutRow(timeout.What, s.Phase)
	case errors.Is(s.Err, context.Canceled):
		return row{name: "caller cancelled", class: eval.ClassCancelled, billing: sentBilling(s.Phase), words: "cancelled by the caller"}
	case errors.Is(s.Err, context.DeadlineExceeded):
		return timeoutRow("total", s.Phase)
	case errors.Is(s.Err, ErrRedirect):
		return row{name: "redirect refused", class: eval.ClassParameter, sub: "redirect", billing: eval.NotBilled, words: "redirected to another host"}
	case errors.Is(s.Err, ErrIncomplete):
		return row{name: "incomplete stream", class: eval.ClassNetwork, sub: "incomplete_stream", retry: true, fallback: true, billing: eval.Unbilled, words: "the stream ended without its terminal event"}
	case isMalformed(s.Err):
		return row{name: "malformed response", class: eval.ClassUnavailable, sub: "malformed_response", retry: true, fallback: true, billing: eval.Unbilled, words: "the response is not what the wire says"}
	case errors.Is(s.Err, ErrTooLarge):
		return row{name: "response too large", class: eval.ClassInvalidOutput, sub: "too_large", billing: eval.Unbilled, words: "the response is too large"}
	}
	return networkRow(s)
}

func networkRow(s Signal) row {
	var dns *net.DNSError
	var timed interface{ Timeout() bool }
	switch {
	case errors.As(s.Err, &dns) && dns.IsNotFound:
		return row{name: "host not found", class: eval.ClassNetwork, sub: "config", billing: eval.NotBilled, words: "host not found"}
	case errors.Is(s.Err, syscall.ECONNREFUSED) || has(s.Err.Error(), "connection refused", "actively refused"):
		// Nobody listens. Asking again at once is of no use, but a backup is: a
		// primary that was shut down looks just like a base URL that is wrong.
		return row{name: "connection refused", class: eval.ClassNetwork, sub: "refused", fallback: true, billing: eval.NotBilled, words: "connection refused"}
	case isTLS(s.Err):
		return row{name: "TLS", class: eval.ClassNetwork, sub: "config", billing: eval.NotBilled, words: "TLS: the certificate is not trusted"}
	case s.Phase == eval.PhaseConnect && errors.As(s.Err, &timed) && timed.Timeout():
		return timeoutRow("connect", s.Phase)
	}
	r := row{name: "connection lost", class: eval.ClassNetwork, retry: true, fallback: true, billing: sentBilling(s.Phase), words: "connection lost"}
	switch s.Phase {
	case eval.PhaseConnect:
		r.words = "cannot connect"
	case eval.PhaseFirstToken, eval.PhaseMidStream:
		r.name, r.sub = "answer cut", "incomplete_stream"
	}
	return r
}

// sentBilling is unknown once a request may have reached the model.
func sentBilling(p eval.Phase) eval.Billing {
	if p == eval.PhaseConnect {
		return eval.NotBilled
	}
	return eval.Unbilled
}

func timeoutRow(what string, phase eval.Phase) row {
	switch {
	case what == "connect":
		return row{name: "connect timeout", class: eval.ClassTimeout, sub: "connect", retry: true, once: true, fallback: true, billing: eval.NotBilled, words: "no connection in time"}
	case phase == eval.PhaseMidStream:
		return row{name: "deadline during the answer", class: eval.ClassTimeout, sub: what, fallback: true, billing: eval.Unbilled, words: "the answer was not complete in time"}
	}
	return row{name: "deadline before the first token", class: eval.ClassTimeout, sub: "ttft", retry: true, once: true, fallback: true, billing: sentBilling(phase), words: "no answer in time"}
}

// isMalformed also knows a compressed body that is garbage, which net/http
// unpacks on its own.
func isMalformed(err error) bool {
	var corrupt flate.CorruptInputError
	return errors.Is(err, ErrMalformed) || errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) || errors.As(err, &corrupt)
}

// isTLS recognises what a retry cannot mend: certificates, and one side that
// does not speak TLS. The text is looked at last, since alerts from the other
// side have no type of their own.
func isTLS(err error) bool {
	var (
		cert   *tls.CertificateVerificationError
		record tls.RecordHeaderError
		name   x509.HostnameError
		signer x509.UnknownAuthorityError
		bad    x509.CertificateInvalidError
	)
	if errors.As(err, &cert) || errors.As(err, &record) || errors.As(err, &name) || errors.As(err, &signer) || errors.As(err, &bad) {
		return true
	}
	msg := err.Error()
	return strings.Contains(msg, "tls:") || strings.Contains(msg, "x509:") || strings.Contains(msg, "HTTP response to HTTPS client")
}
