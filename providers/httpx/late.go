package httpx

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"infer/eval"
	"infer/providers"
)

// BatchTier is the service tier of calls that a batch made.
const BatchTier = "batch"

// Late reads the answer of one call that a batch made, as Exchange reads one that
// came at once; it has no times. Where the usage names no tier, it is BatchTier.
func (e *Endpoint) Late(status int, requestID string, body []byte, a Answer) eval.Response {
	r := eval.Response{Status: status, RequestID: requestID}
	var s *providers.Signal
	if status == http.StatusOK {
		s = a.Whole(body)
		a.Into(&r)
	} else {
		refused := providers.ParseError(body)
		s = &refused
	}
	if s != nil {
		s.Status, s.Phase = status, eval.PhaseResponse
		r.Failure = e.Classify(*s)
	} else {
		providers.Judge(&r)
	}
	if r.Usage != nil && eval.UsualTier(r.Usage.Tier) {
		r.Usage.Tier = BatchTier
	}
	e.scrub(&r)
	return r
}

// Expired is the failure of a call that its batch was too late for. Such a call is
// not billed.
func (e *Endpoint) Expired(message string) *eval.Failure {
	f := e.Classify(providers.Signal{Status: http.StatusServiceUnavailable, Message: message, Phase: eval.PhaseResponse})
	f.Status, f.Sub, f.Billing = 0, "batch_expired", eval.NotBilled
	return f
}

// maxLine is the longest line of a batch's results, in bytes.
const maxLine = 64 << 20

// eachLine hands every line that is not blank to read. An error of read is one of the
// answer's form.
func eachLine(r io.Reader, read func(line []byte) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	for n := 1; lines.Scan(); n++ {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		if err := read(lines.Bytes()); err != nil {
			return fmt.Errorf("%w: line %d: %w", providers.ErrMalformed, n, err)
		}
	}
	err := lines.Err()
	if errors.Is(err, bufio.ErrTooLong) {
		err = fmt.Errorf("%w: a line of more than %d bytes", providers.ErrTooLarge, maxLine)
	}
	return err
}

// Results reads a file of results, one T a line. name is what the provider knows the
// call by; each is called with what outcome makes of those that are ours.
func Results[T any](r io.Reader, name func(*T) string, outcome func(*T) eval.Response, each func(eval.Digest, eval.Response)) error {
	return eachLine(r, func(line []byte) error {
		var res T
		if err := json.Unmarshal(line, &res); err != nil {
			return err
		}
		var key eval.Digest
		if key.UnmarshalText([]byte(name(&res))) == nil { // else it is no call of ours
			each(key, outcome(&res))
		}
		return nil
	})
}

// Decode returns a reader of one JSON value.
func Decode(v any) func(io.Reader) error {
	return func(r io.Reader) error {
		if err := json.NewDecoder(r).Decode(v); err != nil {
			return fmt.Errorf("%w: %w", providers.ErrMalformed, err)
		}
		return nil
	}
}
