package replay

import (
	"context"
	"fmt"
	"time"

	"infer/eval"
)

// Player answers calls from a cassette.
type Player struct {
	cassette *Cassette
	speed    float64
	sleep    func(context.Context, time.Duration) error
}

// NewPlayer returns a player. At speed 0 nothing is waited for; at speed 1 a
// call takes as long as it did, at 2 half of that. sleep is only used above 0.
func NewPlayer(c *Cassette, speed float64, sleep func(context.Context, time.Duration) error) *Player {
	return &Player{c, speed, sleep}
}

// Call returns what was recorded for the request.
func (p *Player) Call(ctx context.Context, req *eval.Request) eval.Response {
	e, ok := p.cassette.find(req)
	if !ok {
		return eval.Response{Recorded: true, Failure: &eval.Failure{Class: eval.ClassParameter, Sub: "not_recorded", Phase: eval.PhaseConnect, Billing: eval.NotBilled,
			Message: eval.Untrusted(fmt.Sprintf("no recording of %s on task %s (repeat %d, call %d): the prompt, the parameters or the model changed since; "+
				"--live --record FILE makes a new one", req.Model, req.TaskID, req.Repeat, req.Draw))}}
	}
	r := e.response()
	if p.speed > 0 {
		if err := p.sleep(ctx, time.Duration(float64(r.InFlight)/p.speed)); err != nil {
			return eval.Response{Failure: &eval.Failure{Class: eval.ClassCancelled, Phase: eval.PhaseFirstByte, Billing: eval.NotBilled, Message: "cancelled by the caller"}}
		}
	}
	return r
}
