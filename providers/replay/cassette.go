// Package replay answers from recorded exchanges, and records them.
//
// An exchange is found by the digest of what the model saw (model, messages,
// system prompt, tools, format, parameters) and, where the same question was
// asked several times, by the repeat and the number of the call within its
// trial. What was never recorded is a failure that says so, never a guess.
// Times are reported as they were recorded, and waited for only at a speed
// above 0.
package replay

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"infer/eval"
)

// Schema names the version of the line format.
const Schema = "infer.exchange/1"

// maxLine bounds one line of a recording.
const maxLine = 64 << 20

// Exchange is one recorded call. Times are in microseconds.
type Exchange struct {
	Schema    string            `json:"schema"`
	Request   eval.Digest       `json:"request"` // eval.Request.Digest
	TaskID    string            `json:"task_id"`
	TaskType  string            `json:"task_type,omitempty"`
	Candidate string            `json:"candidate,omitempty"`
	Repeat    int               `json:"repeat"`
	Draw      int               `json:"draw"` // calls of the trial before this one
	Model     string            `json:"model"`
	Text      eval.Untrusted    `json:"text"`
	ToolCalls []eval.ToolCall   `json:"tool_calls,omitempty"`
	Refusal   eval.Untrusted    `json:"refusal,omitempty"`
	Finish    eval.FinishReason `json:"finish,omitempty"`
	FinishRaw string            `json:"finish_raw,omitempty"`
	Served    string            `json:"served,omitempty"`
	Usage     *eval.Usage       `json:"usage,omitempty"`
	UsageRaw  json.RawMessage   `json:"usage_raw,omitempty"`
	Failure   *eval.Failure     `json:"failure,omitempty"`
	InFlight  int64             `json:"in_flight_us"`
	TTFT      *int64            `json:"ttft_us,omitempty"`
	Backend   *int64            `json:"backend_us,omitempty"`
	Status    int               `json:"status,omitempty"`
}

// response turns the exchange back into what the adapter returned.
func (e *Exchange) response() eval.Response {
	r := eval.Response{Text: e.Text, ToolCalls: e.ToolCalls, Refusal: e.Refusal, Finish: e.Finish, FinishRaw: e.FinishRaw,
		Model: e.Served, Failure: e.Failure, Status: e.Status, Recorded: true,
		InFlight: time.Duration(e.InFlight) * time.Microsecond, TTFT: duration(e.TTFT), Backend: duration(e.Backend)}
	if e.Usage != nil {
		u := *e.Usage
		u.Raw = e.UsageRaw
		r.Usage = &u
	}
	return r
}

func duration(us *int64) *time.Duration {
	if us == nil {
		return nil
	}
	d := time.Duration(*us) * time.Microsecond
	return &d
}

// Cassette holds recorded exchanges by request.
type Cassette struct {
	byRequest map[eval.Digest][]Exchange
	n         int
}

// Open reads recordings from files (.jsonl, .jsonl.gz, .jsonl.zst).
func Open(paths ...string) (*Cassette, error) {
	c := &Cassette{byRequest: make(map[eval.Digest][]Exchange)}
	for _, p := range paths {
		f, err := os.Open(p)
		if err != nil {
			return nil, eval.Invalid(fmt.Errorf("open recording: %w", err), "`infer eval --record FILE` makes one")
		}
		err = c.unpack(f, p)
		if err = errors.Join(err, f.Close()); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (c *Cassette) unpack(f io.Reader, name string) error {
	switch {
	case strings.HasSuffix(name, ".gz"):
		z, err := gzip.NewReader(f)
		if err != nil {
			return eval.Invalid(fmt.Errorf("%s: %w", name, err), "check that the file is whole")
		}
		f = z
	case strings.HasSuffix(name, ".zst"):
		z, err := zstd.NewReader(f, zstd.WithDecoderMaxMemory(1<<30))
		if err != nil {
			return eval.Invalid(fmt.Errorf("%s: %w", name, err), "check that the file is whole")
		}
		defer z.Close()
		f = z
	}
	return c.Read(f, name)
}

// Read adds the exchanges of one recording. A line that is not one is an error
// with its position.
func (c *Cassette) Read(r io.Reader, name string) error {
	sc := bufio.NewScanner(r)
	sc.Buffer(make([]byte, 64<<10), maxLine)
	for line := 1; sc.Scan(); line++ {
		if len(strings.TrimSpace(sc.Text())) == 0 {
			continue
		}
		var e Exchange
		err := json.Unmarshal(sc.Bytes(), &e)
		if err == nil && e.Schema != Schema {
			err = fmt.Errorf("schema is %q, want %q", eval.Untrusted(e.Schema).Line(40), Schema)
		}
		if err == nil && (e.InFlight < 0 || e.Request.IsZero() || e.Usage != nil && !e.Usage.Plausible()) {
			err = errors.New("not a possible exchange")
		}
		if err != nil {
			return eval.Invalid(fmt.Errorf("%s:%d: %w", name, line, err), "record again with `infer eval --record FILE`")
		}
		c.byRequest[e.Request] = append(c.byRequest[e.Request], e)
		c.n++
	}
	if err := sc.Err(); err != nil {
		return eval.Invalid(fmt.Errorf("read %s: %w", name, err), "check that the file is whole")
	}
	return nil
}

// Len returns how many exchanges there are.
func (c *Cassette) Len() int { return c.n }

// find returns the exchange of that request, repeat and draw.
func (c *Cassette) find(req *eval.Request) (*Exchange, bool) {
	all := c.byRequest[req.Digest()]
	for i := range all {
		if all[i].Repeat == req.Repeat && all[i].Draw == req.Draw && all[i].TaskID == req.TaskID {
			return &all[i], true
		}
	}
	return nil, false
}
