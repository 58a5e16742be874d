package replay

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"

	"infer/eval"
)

// Caller is what a recorder listens to.
type Caller interface {
	Call(ctx context.Context, req *eval.Request) eval.Response
}

// Tape writes exchanges to one stream, a line each, safe for concurrent use.
type Tape struct {
	mu  sync.Mutex
	w   io.Writer
	err error
}

// NewTape returns a tape that writes to w.
func NewTape(w io.Writer) *Tape { return &Tape{w: w} }

// MayAppend reports whether r, read from where it stands, is empty or begins as
// a recording: what else there is must not be written into.
func MayAppend(r io.Reader) bool {
	head := make([]byte, len(opening))
	n, _ := io.ReadFull(r, head) // a short file is a file too
	return n == 0 || string(head[:n]) == opening
}

// opening is how every line of a recording begins.
const opening = `{"schema":"` + Schema + `"`

// Err returns the first failure to write.
func (t *Tape) Err() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err
}

// Recorder passes calls on and writes each to a tape. Only the fields of
// Exchange are written: request headers, response headers and raw bodies never
// are, so a key has no place to be. Failure messages were redacted by the
// adapter already.
type Recorder struct {
	next      Caller
	tape      *Tape
	candidate string
}

// NewRecorder records the calls of one candidate.
func NewRecorder(next Caller, tape *Tape, candidate string) *Recorder {
	return &Recorder{next, tape, candidate}
}

// Call makes the call and records it. A call that the user cut off is not
// recorded.
func (r *Recorder) Call(ctx context.Context, req *eval.Request) eval.Response {
	resp := r.next.Call(ctx, req)
	if resp.Failure == nil || resp.Failure.Class != eval.ClassCancelled {
		r.tape.write(exchange(req, &resp, r.candidate))
	}
	return resp
}

func exchange(req *eval.Request, resp *eval.Response, candidate string) *Exchange {
	e := &Exchange{Schema: Schema, Request: req.Digest(), TaskID: req.TaskID, TaskType: req.TaskType, Candidate: candidate,
		Repeat: req.Repeat, Draw: req.Draw, Model: req.Model, Text: resp.Text, ToolCalls: resp.ToolCalls, Refusal: resp.Refusal,
		Finish: resp.Finish, FinishRaw: resp.FinishRaw, Served: resp.Model, Usage: resp.Usage, Failure: resp.Failure,
		InFlight: resp.InFlight.Microseconds(), Status: resp.Status}
	if resp.Usage != nil {
		e.UsageRaw = resp.Usage.Raw
	}
	if resp.TTFT != nil {
		us := resp.TTFT.Microseconds()
		e.TTFT = &us
	}
	if resp.Backend != nil {
		us := resp.Backend.Microseconds()
		e.Backend = &us
	}
	return e
}

func (t *Tape) write(e *Exchange) {
	b, err := json.Marshal(e)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err != nil {
		return
	}
	if err == nil {
		_, err = t.w.Write(append(b, '\n'))
	}
	if err != nil {
		t.err = fmt.Errorf("write recording: %w", err)
	}
}
