package simulate

import (
	"context"
	"fmt"
	"time"

	"infer/eval"
	"infer/providers"
)

// Caller is the simulated provider as an adapter. Times are reported and, unless
// Wait is set, not spent.
type Caller struct {
	Seed   uint64
	Models map[string]Model
	Wait   func(context.Context, time.Duration) error // nil = do not wait
}

// Call answers from the request's model, task and expected value.
func (c *Caller) Call(ctx context.Context, req *eval.Request) eval.Response {
	m, ok := c.Models[req.Model]
	if !ok {
		return eval.Response{Failure: providers.Classify(providers.Signal{Status: 404, Code: "model_not_found", Phase: eval.PhaseResponse,
			Message: fmt.Sprintf("no simulated model %q", req.Model)})}
	}
	prompt := req.TaskID
	if prompt == "" {
		prompt = lastText(req.Messages)
	}
	d := m.draw(c.Seed, req.Model, prompt, req.TaskType, expectedText(req.Expected), req.Repeat, req.Draw)
	d.in = 0
	for i := range req.Messages {
		d.in += tokens(req.Messages[i].Text())
	}
	if c.Wait != nil {
		if err := c.Wait(ctx, d.total); err != nil {
			return eval.Response{Failure: providers.Classify(providers.Signal{Err: err, Phase: eval.PhaseFirstByte})}
		}
	}
	r := eval.Response{Status: 200, Model: req.Model, InFlight: d.total, Recorded: c.Wait == nil}
	if d.fault != "" {
		fail(&r, d, req)
		return r
	}
	r.TTFT = &d.ttft
	r.Text, r.Finish, r.FinishRaw = eval.Untrusted(d.answer), eval.FinishStop, "stop"
	r.Usage = &eval.Usage{InFresh: d.in, OutText: d.out}
	return r
}

func lastText(messages []eval.Message) string {
	if len(messages) == 0 {
		return ""
	}
	return messages[len(messages)-1].Text()
}

// fail writes the fault into the response as the wire would have.
func fail(r *eval.Response, d draw, req *eval.Request) {
	s := providers.Signal{Phase: eval.PhaseResponse, Message: "simulated fault " + d.fault}
	switch d.fault {
	case "429", "500", "503", "529", "401", "402", "400":
		if _, err := fmt.Sscanf(d.fault, "%d", &s.Status); err != nil {
			s.Status = 500
		}
	case "context":
		s.Status, s.Code = 400, "context_length_exceeded"
	case "hang":
		limit := req.Limits.Timeout
		if limit <= 0 {
			limit = 60 * time.Second
		}
		r.InFlight = limit
		s.Err, s.Phase = &providers.TimeoutError{What: "total"}, eval.PhaseFirstByte
	case "reset":
		s.Err, s.Phase = fmt.Errorf("connection reset (simulated)"), eval.PhaseFirstByte
	case "cut":
		s.Err, s.Phase = providers.ErrIncomplete, eval.PhaseMidStream
	case "malformed":
		s.Err = providers.ErrMalformed
	default:
		outputFault(r, d)
		return
	}
	if s.Err != nil {
		s.Status = 0
	}
	r.Status, r.Failure = s.Status, providers.Classify(s)
}

// outputFault is a fault of an answer that came whole.
func outputFault(r *eval.Response, d draw) {
	r.Usage = &eval.Usage{InFresh: d.in, OutText: d.out}
	switch d.fault {
	case "filter":
		r.Finish, r.FinishRaw = eval.FinishFilter, "content_filter"
		r.Failure = providers.Output(eval.ClassRefusal, "output_blocked", "a content filter stopped the answer")
	case "refusal":
		r.Finish, r.FinishRaw = eval.FinishRefusal, "refusal"
		r.Failure = providers.Output(eval.ClassRefusal, "refusal", "the model refused")
	case "length":
		r.Finish, r.FinishRaw = eval.FinishLength, "length"
		r.Failure = providers.Output(eval.ClassTruncated, "no_output", "the token cap was reached before any answer")
	default:
		r.Finish, r.FinishRaw = eval.FinishStop, "stop"
		r.Failure = providers.Output(eval.ClassInvalidOutput, "empty", "the answer is empty")
	}
}
