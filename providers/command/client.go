// Package command calls a program of the user's own: the team's application as a
// candidate. It runs only where the user has allowed programs.
//
// The program reads one request a line from its standard input and writes one
// answer a line to its standard output, both JSON objects:
//
//	{"schema":"infer.call/1","id":1,"model":"…","system":"…","messages":[…],"tools":…,
//	 "response_format":…,"params":{…},"task_id":"…","task_type":"…","repeat":0}
//	{"id":1,"output":"…","tool_calls":[…],"finish":"stop","model":"…","usage":{"in_fresh":9,"out_text":3},
//	 "cost_usd":0.0001,"backend_ms":120}
//	{"id":1,"error":{"message":"…","type":"…","code":"…","status":429,"retry_after_ms":500}}
//
// It is kept running and asked again and again; as many run side by side as there
// are calls in flight. One that ends is started anew with the next call. With
// PerCall it is started for each call, and its standard input ends behind the
// request. An id that comes back must be that of the request; a program that does
// not send it back must answer each line with exactly one.
//
// The program gets PATH, HOME, LANG and the variables that the user names, and no
// others. It and whatever it has started are killed when a call is cut off or runs
// out of time.
//
// Not guaranteed: that a program which runs on by itself dies with an infer that
// is killed; its standard input ends then.
package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"sync"
	"time"

	"infer/eval"
	"infer/providers"
)

// DefaultTotal bounds a call where nothing else does.
const DefaultTotal = 300 * time.Second

// Config of a client.
type Config struct {
	Name    string          // the provider's name, for messages
	Command []string        // program and arguments; no shell
	Dir     string          // where it runs
	Env     []string        // NAME=value, all that it gets
	Secrets []providers.Key // values that are never kept of what it says
	PerCall bool            // start it for each call
	Total   time.Duration   // limit on one call; 0 = DefaultTotal
}

// Client runs one program. It is safe for concurrent use.
type Client struct {
	cfg    Config
	redact *providers.Redactor

	mu   sync.Mutex
	idle []*worker
	next int64 // id of the last request
}

// New checks that the program is there. Errors are eval.KindInvalid.
func New(cfg Config) (*Client, error) {
	if len(cfg.Command) == 0 || cfg.Command[0] == "" {
		return nil, eval.Invalid(fmt.Errorf("provider %s names no program", cfg.Name), "write it like command: [python3, app.py]")
	}
	if _, err := exec.LookPath(cfg.Command[0]); err != nil {
		return nil, eval.Invalid(fmt.Errorf("provider %s: %w", cfg.Name, err), "name a program that is there and may be run")
	}
	if cfg.Total <= 0 {
		cfg.Total = DefaultTotal
	}
	return &Client{cfg: cfg, redact: providers.NewRedactor(cfg.Secrets...)}, nil
}

// Close ends the programs that wait for a call.
func (c *Client) Close() error {
	c.mu.Lock()
	idle := c.idle
	c.idle = nil
	c.mu.Unlock()
	for _, w := range idle {
		w.end()
	}
	return nil
}

// Call asks the program once.
func (c *Client) Call(ctx context.Context, req *eval.Request) eval.Response {
	c.mu.Lock()
	c.next++
	id := c.next
	c.mu.Unlock()
	line, err := encode(id, req)
	if err != nil {
		return eval.Response{Failure: providers.Unsent(err, c.redact)}
	}
	total := c.cfg.Total
	if req.Limits.Timeout > 0 {
		total = req.Limits.Timeout
	}
	ctx, cancel := context.WithTimeoutCause(ctx, total, &providers.TimeoutError{What: "total"})
	defer cancel()
	w, err := c.worker()
	if err != nil {
		return eval.Response{Failure: c.broke(err, eval.PhaseConnect)}
	}
	a, took, err := w.ask(ctx, line, c.cfg.PerCall)
	r := eval.Response{InFlight: took}
	if err != nil {
		w.kill()
		r.Failure = c.failure(ctx, w, err)
		return r
	}
	if s := a.read(id, &r); s != nil {
		s.Redactor = c.redact
		r.Failure = providers.Classify(*s)
		if s.Err != nil {
			w.kill() // whatever it sends next may belong to this request
		}
	} else {
		providers.Judge(&r)
	}
	c.scrub(&r)
	if !c.cfg.PerCall {
		c.keep(w)
	}
	return r
}

// worker returns a program that waits for a call, or starts one. A program that
// wrote a line nobody had asked for cannot be trusted to answer the next one.
func (c *Client) worker() (*worker, error) {
	for {
		c.mu.Lock()
		var w *worker
		if n := len(c.idle); n > 0 {
			w, c.idle = c.idle[n-1], c.idle[:n-1]
		}
		c.mu.Unlock()
		if w == nil {
			return start(&c.cfg)
		}
		if w.quiet() {
			return w, nil
		}
		w.kill()
	}
}

func (c *Client) keep(w *worker) {
	if !w.quiet() {
		w.kill()
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.idle = append(c.idle, w)
}

// failure says why a program gave no answer.
func (c *Client) failure(ctx context.Context, w *worker, err error) *eval.Failure {
	s := providers.Signal{Err: err, Phase: eval.PhaseFirstByte, Redactor: c.redact}
	var ended *endedError
	switch {
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		s.Err = context.Cause(ctx)
		if limit := new(providers.TimeoutError); !errors.As(s.Err, &limit) {
			s.Err = fmt.Errorf("%w: %w", context.Canceled, s.Err)
		}
	case errors.As(err, &ended):
		how := ended.how
		if how == success && !c.cfg.PerCall {
			how += " (one that answers once and ends wants per_call: true)"
		}
		return c.broke(fmt.Errorf("the program ended without an answer: %s%s", how, w.lastWords(c.redact)), eval.PhaseFirstByte)
	}
	return providers.Classify(s)
}

// broke is the failure of a program that does not run: it may do so the next
// time. Whether what it had done cost anything, nobody says.
func (c *Client) broke(err error, phase eval.Phase) *eval.Failure {
	f := providers.Classify(providers.Signal{Type: "server_error", Message: err.Error(), Phase: phase, Redactor: c.redact})
	f.Sub = "process"
	if phase != eval.PhaseConnect {
		f.Billing = eval.Unbilled
	}
	return f
}

// scrub takes secrets out of what the program said.
func (c *Client) scrub(r *eval.Response) {
	r.Text = eval.Untrusted(c.redact.Answer(r.Text.Raw()))
	r.Refusal = eval.Untrusted(c.redact.Answer(r.Refusal.Raw()))
	r.FinishRaw, r.Model = c.redact.Answer(r.FinishRaw), c.redact.Answer(r.Model)
	for i := range r.ToolCalls {
		t := &r.ToolCalls[i]
		t.ID, t.Name, t.Arguments = c.redact.Answer(t.ID), c.redact.Answer(t.Name), json.RawMessage(c.redact.Answer(string(t.Arguments)))
	}
	if r.Usage != nil {
		r.Usage.Raw = []byte(c.redact.Answer(string(r.Usage.Raw)))
	}
}
