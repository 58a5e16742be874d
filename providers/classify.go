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
//
// Not guaranteed: that a provider's own words are true. A relay that answers
// 500 for a bad parameter is classified as the provider's failure.
package providers

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"infer/eval"
)

// maxMessage caps the provider's message, in bytes; with a hint it stays below
// 2 kB.
const maxMessage = 1900

// Signal is everything that is known of one failed call.
type Signal struct {
	Status   int // HTTP status, 0 = none
	Type     string
	Code     string
	Message  string // "" = the text of Err
	Phase    eval.Phase
	Err      error // transport error, nil if a response came
	Header   http.Header
	Detail   string    // raw error body, for signals that live nowhere else
	Redactor *Redactor // removes keys from what is kept; nil still removes what looks like one
}

// Classify decides what a failure is, on status, type, code, message and phase
// together. The rules are the rows of one table, tried in order; the first that
// matches decides. What it keeps of the provider's words is redacted and capped.
func Classify(s Signal) *eval.Failure {
	if s.Message == "" && s.Err != nil {
		s.Message = errorText(s.Err)
	}
	f := &eval.Failure{Phase: s.Phase, Status: s.Status, Type: clip(s.Redactor.String(s.Type)), Code: clip(s.Redactor.String(s.Code)),
		Message: eval.Untrusted(clipTo(s.Redactor.String(s.Message), maxMessage)), RetryAfter: RetryAfter(s.Header, s.Detail)}
	row := classifyRow(s)
	f.Class, f.Sub, f.Retry, f.RetryOnce, f.Fallback, f.Stop, f.Billing = row.class, row.sub, row.retry, row.once, row.fallback, row.stop, row.billing
	if f.Message == "" {
		f.Message = eval.Untrusted(cmp.Or(row.words, row.name))
	}
	if row.hint != "" {
		f.Message += eval.Untrusted(" (" + row.hint + ")")
	}
	if s.Phase == eval.PhaseMidStream && f.Billing == eval.NotBilled {
		f.Billing = eval.Unbilled // output had been generated: nobody says that it was free
	}
	return f
}

// Unsent is the failure of a request that could not be written for its wire.
func Unsent(err error, r *Redactor) *eval.Failure {
	s := Signal{Status: http.StatusBadRequest, Type: "invalid_request_error", Message: err.Error(), Phase: eval.PhaseConnect, Redactor: r}
	var content *ContentError
	if errors.As(err, &content) {
		s.Code = "invalid_content"
	}
	f := Classify(s)
	f.Status = 0 // the status only leads to the right row
	return f
}

func classifyRow(s Signal) row {
	if s.Err != nil {
		return transportRow(s)
	}
	s.Status = effectiveStatus(s)
	text := strings.ToLower(s.Type + " " + s.Code + " " + s.Message + " " + s.Detail)
	for _, r := range rows {
		if r.match(s, text) {
			return r
		}
	}
	return row{name: "unknown", class: eval.ClassUnknown, billing: eval.Unbilled, words: "a failure that no rule knows"}
}

// effectiveStatus is the status that the rules look at. An error that a relay
// hides inside a 200 or a stream carries the real status as its code
// (OpenRouter does so); where it does not, the rules see 0.
func effectiveStatus(s Signal) int {
	if s.Status >= 300 {
		return s.Status
	}
	if n, err := strconv.Atoi(s.Code); err == nil && n >= 400 && n <= 599 {
		return n
	}
	return 0
}

// errorText leaves out the URL that net/http puts before its errors: the
// candidate says where the call went, and a URL may hold a key.
func errorText(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err.Error()
	}
	return err.Error()
}

func clip(s string) string { return clipTo(s, 200) }

func clipTo(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}
