package grade

import (
	"context"
	"fmt"
	"time"

	"infer/eval"
)

// Latency accepts an answer whose own call took at most so long. Waits, retries
// and earlier answers are not in it: those are the trial's, and the SLO of the
// task type is about them.
type Latency struct {
	Max string `json:"max" doc:"longest time of the call, e.g. 2s" required:"true"`
	Of  string `json:"of,omitempty" doc:"total (default) or first_token"`

	max time.Duration
}

// Prepare reads the limit.
func (g *Latency) Prepare() error {
	d, err := time.ParseDuration(g.Max)
	if err != nil || d <= 0 {
		return fmt.Errorf("latency: %s is not a time such as 800ms or 2s", quote(g.Max))
	}
	if g.Of != "" && g.Of != "total" && g.Of != "first_token" {
		return fmt.Errorf("latency: of is %s; it may be total or first_token", quote(g.Of))
	}
	g.max = d
	return nil
}

// Grade compares the measured time; one that was not measured is unscored.
func (g *Latency) Grade(_ context.Context, _ *eval.Task, r *eval.Response) eval.Score {
	took, what := r.InFlight, "the call"
	if g.Of == "first_token" {
		what = "the first token"
		took = 0
		if r.TTFT != nil {
			took = *r.TTFT
		}
	}
	if took <= 0 {
		return unscored("latency", "the time of "+what+" is not known")
	}
	return pass("latency", took <= g.max, fmt.Sprintf("%s took %s, at most %s is allowed", what, took.Round(time.Microsecond), g.max))
}

// Cost accepts an answer whose own call cost at most so much. A cost that is
// only known as a range is unscored, unless the limit lies outside the range.
type Cost struct {
	MaxUSD string `json:"max_usd" doc:"most that the call may cost in US dollars, as a text such as \"0.002\"" required:"true"`

	max eval.Money
}

// Prepare reads the limit.
func (g *Cost) Prepare() error {
	m, err := eval.ParseUSD(g.MaxUSD)
	if err != nil || m < 0 {
		return fmt.Errorf("cost: %s is not an amount of US dollars", quote(g.MaxUSD))
	}
	g.max = m
	return nil
}

// Grade compares the cost.
func (g *Cost) Grade(_ context.Context, _ *eval.Task, r *eval.Response) eval.Score {
	switch c := r.Cost; {
	case c == nil:
		return unscored("cost", "the cost of the call is not known")
	case c.Low > g.max:
		return pass("cost", false, fmt.Sprintf("the call cost at least $%s, at most $%s is allowed", c.Low, g.max))
	case c.Unbounded:
		return unscored("cost", fmt.Sprintf("the call cost at least $%s; how much is not known", c.Low))
	case c.High > g.max:
		return unscored("cost", fmt.Sprintf("the call cost between $%s and $%s, and $%s is allowed", c.Low, c.High, g.max))
	case !c.Known():
		return pass("cost", true, fmt.Sprintf("the call cost at most $%s, at most $%s is allowed", c.High, g.max))
	default:
		return pass("cost", true, fmt.Sprintf("the call cost $%s, at most $%s is allowed", c.Low, g.max))
	}
}
