package drill

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"infer/eval"
	"infer/eval/runner"
	"infer/providers/httpx"
	"infer/providers/openai"
	"infer/providers/simulate"
	"infer/report/route"
)

// Engine drills infer's own policy engine: the one that evaluates a policy as a
// candidate, with real calls to the upstreams.
type Engine struct{ g *Ground }

var _ Caller = (*Engine)(nil)

// NewEngine returns the engine on the ground.
func NewEngine(g *Ground) *Engine { return &Engine{g} }

// Ask runs one task through the route's policy.
func (e *Engine) Ask(ctx context.Context, x *route.Route, c route.Case) route.Observed {
	lane, err := e.lane(x, c)
	if err != nil {
		return route.Observed{Outcome: route.Broken, Detail: err.Error()}
	}
	t := &eval.Task{ID: "drill", Type: x.TaskType, System: systemPrompt, Messages: []eval.Message{eval.TextMessage("user", question)}, Tools: json.RawMessage(toolsJSON)}
	var j journal
	run := &eval.Run{ID: "drill", Repeats: 1, Seed: 1, Candidates: []eval.Candidate{*lane.Primary.Candidate}, Dataset: eval.Dataset{Tasks: 1}}
	_, err = runner.Run(ctx, runner.Options{Run: run, Lanes: []runner.Lane{lane}, Grader: grader{}, Journal: &j, Concurrency: 1, Now: time.Now,
		Tasks: func(yield func(*eval.Task, error) bool) { yield(t, nil) }})
	if err != nil || j.trial == nil {
		return route.Observed{Outcome: route.Broken, Detail: fmt.Sprint(err)}
	}
	return outcome(j.trial)
}

// patience is how long an answer that should come at once may take.
const patience = 20 * time.Second

// lane is the route as the runner takes it.
func (e *Engine) lane(x *route.Route, c route.Case) (runner.Lane, error) {
	p := &eval.Policy{Default: "A", On: x.On}
	if x.Confirm {
		p.Confirm = []string{x.TaskType}
		if len(p.On) == 0 {
			p.On = route.Triggers()
		}
	}
	lane := runner.Lane{Policy: p}
	a, err := e.target(x, c, route.UpstreamA, x.Retry.Max)
	if err != nil {
		return lane, err
	}
	lane.Primary = a
	if x.Backup != "" || x.ConfirmBackup != "" {
		p.Backup = "B"
		b, err := e.target(x, c, route.UpstreamB, x.Retry.BackupMax)
		if err != nil {
			return lane, err
		}
		lane.Backup = &b
	}
	if x.ContextBackup != "" {
		p.ContextBackup = "C"
		b, err := e.target(x, c, route.UpstreamC, 0)
		if err != nil {
			return lane, err
		}
		lane.ContextBackup = &b
	}
	return lane, nil
}

func (e *Engine) target(x *route.Route, c route.Case, upstream string, retries int) (runner.Target, error) {
	client, err := openai.New(httpx.Config{Name: "upstream " + upstream, BaseURL: e.g.base[upstream]})
	if err != nil {
		return runner.Target{}, err
	}
	wait := func(ms int64, longest time.Duration) time.Duration {
		if d := time.Duration(ms) * time.Millisecond; d > 0 && d < longest {
			return d
		}
		return longest
	}
	// Time limits are shortened where it is them that the case is about: elsewhere a
	// busy machine would look like a slow model.
	longest := e.g.opts.Timeout
	if c.Class != eval.ClassTimeout {
		longest = max(longest, patience)
	}
	limits := eval.Limits{Timeout: wait(x.TimeoutMS, longest)}
	if x.FirstTokenMS > 0 {
		limits.FirstToken = wait(x.FirstTokenMS, longest)
	}
	// Waits are shortened, but not below the second that an upstream asks for.
	retry := eval.Retry{Max: retries, On: x.Retry.On, BaseDelay: wait(x.Retry.BaseDelayMS, 100*time.Millisecond), MaxDelay: wait(x.Retry.MaxDelayMS, 2*time.Second)}
	return runner.Target{Caller: client, Candidate: &eval.Candidate{Name: upstream, Provider: "upstream " + upstream, Model: e.g.modelOf(x.TaskType, upstream),
		Params: eval.Params(x.Params), Stream: c.Stream, Retry: retry, Limits: limits}}, nil
}

// outcome reads what a caller of the policy is left with.
func outcome(t *eval.Trial) route.Observed {
	o := route.Observed{Outcome: route.FailedOpenly}
	if t.Verdict == eval.NeedsConfirmation {
		o.Outcome = route.Asked
		var plan struct {
			Reason string `json:"reason"`
		}
		if json.Unmarshal([]byte(t.Plan), &plan) == nil {
			o.Reason = plan.Reason
		}
		return o
	}
	last := &t.Attempts[len(t.Attempts)-1]
	if f := last.Failure; f != nil {
		if f.Class == eval.ClassRefusal && f.Status == 200 {
			o.Outcome = route.Refused
		}
		o.Detail = f.Error()
		return o
	}
	o.Outcome = answeredBy(last.Output.Raw())
	for i := range t.Attempts {
		if t.Attempts[i].Reason != "" {
			o.Reason = t.Attempts[i].Reason
		}
	}
	return o
}

// answeredBy tells from an answer's text which upstream gave it.
func answeredBy(text string) route.Outcome {
	outcomes := map[string]route.Outcome{route.UpstreamA: route.FromDefault, route.UpstreamB: route.FromBackup, route.UpstreamC: route.FromContext}
	for name, o := range outcomes {
		if strings.TrimSpace(text) == simulate.Answer(name) {
			return o
		}
	}
	return route.Broken
}

// grader accepts every answer: what an answer is worth is not drilled.
type grader struct{}

// Grade accepts.
func (grader) Grade(context.Context, *eval.Task, *eval.Response) eval.Grade {
	return eval.Grade{Verdict: eval.Accepted}
}

// journal keeps the one trial.
type journal struct{ trial *eval.Trial }

// Intend has nothing to keep: no call costs anything.
func (*journal) Intend(context.Context, eval.Intent) error { return nil }

// Record keeps the trial.
func (j *journal) Record(_ context.Context, t *eval.Trial) error {
	c := *t
	c.Attempts = slices.Clone(t.Attempts)
	j.trial = &c
	return nil
}
