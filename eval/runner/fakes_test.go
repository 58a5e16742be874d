package runner_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"infer/eval"
	"infer/eval/runner"
	"infer/providers"
)

// say is the response that a word stands for: an answer ("ok", "bad", "?"), or a
// failure as the failure table classifies it.
func say(word string) eval.Response {
	r := eval.Response{Status: 200, InFlight: 10 * time.Millisecond}
	word, after, _ := strings.Cut(word, "/")
	fail := func(s providers.Signal) {
		if after != "" {
			s.Header = http.Header{"Retry-After": {after}}
		}
		r.Failure, r.Status = providers.Classify(s), s.Status
	}
	switch word {
	case "429", "500", "503", "408", "401", "402", "400":
		status := 0
		_, _ = fmt.Sscan(word, &status)
		fail(providers.Signal{Status: status, Message: "no", Phase: eval.PhaseResponse})
	case "context":
		fail(providers.Signal{Status: 400, Code: "context_length_exceeded", Phase: eval.PhaseResponse})
	case "blocked":
		fail(providers.Signal{Status: 400, Code: "content_filter", Phase: eval.PhaseResponse})
	case "refusal":
		r.Failure = providers.Output(eval.ClassRefusal, "refusal", "the model refused")
		r.Usage = &eval.Usage{InFresh: 10, OutText: 1}
	case "told":
		told := eval.Money(7)
		r.Usage = &eval.Usage{ProviderCost: &told}
	case "told and counted":
		told := eval.Money(7)
		r.Usage = &eval.Usage{InFresh: 10, OutText: 1, ProviderCost: &told}
	case "empty":
		r.Failure = providers.Output(eval.ClassInvalidOutput, "empty", "the answer is empty")
		r.Usage = &eval.Usage{InFresh: 10, OutText: 0}
	case "reset":
		fail(providers.Signal{Err: errors.New("connection reset"), Phase: eval.PhaseFirstByte})
	case "refused":
		fail(providers.Signal{Err: errors.New("connection refused"), Phase: eval.PhaseConnect})
	case "cut":
		fail(providers.Signal{Err: providers.ErrIncomplete, Phase: eval.PhaseMidStream})
	case "slow":
		fail(providers.Signal{Err: &providers.TimeoutError{What: "total"}, Phase: eval.PhaseFirstByte})
	case "499":
		fail(providers.Signal{Status: 499, Phase: eval.PhaseResponse})
	default:
		r.Text, r.Finish, r.FinishRaw = eval.Untrusted(word), eval.FinishStop, "stop"
		r.Usage = &eval.Usage{InFresh: 10, OutText: 2}
		ttft := 4 * time.Millisecond
		r.TTFT = &ttft
	}
	return r
}

// caller answers each call by a function of the request.
type caller struct {
	mu       sync.Mutex
	requests []eval.Request
	answer   func(ctx context.Context, req *eval.Request) eval.Response
}

// scripted answers the calls of every trial by the words of a script; the last
// one is repeated.
func scripted(words ...string) *caller {
	return &caller{answer: func(_ context.Context, req *eval.Request) eval.Response {
		return say(words[min(req.Draw, len(words)-1)])
	}}
}

// turns answers one call after another by the words, whoever asks.
func turns(words ...string) *caller {
	n := 0
	return &caller{answer: func(context.Context, *eval.Request) eval.Response {
		n++
		return say(words[min(n, len(words))-1])
	}}
}

func (c *caller) Call(ctx context.Context, req *eval.Request) eval.Response {
	c.mu.Lock()
	c.requests = append(c.requests, *req)
	c.mu.Unlock()
	return c.answer(ctx, req)
}

func (c *caller) calls() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.requests)
}

// journal keeps everything in memory.
type journal struct {
	mu      sync.Mutex
	intents []eval.Intent
	trials  []*eval.Trial
	err     error // what Record returns
}

func (j *journal) Intend(_ context.Context, in eval.Intent) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.intents = append(j.intents, in)
	return nil
}

func (j *journal) Record(_ context.Context, t *eval.Trial) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.trials = append(j.trials, t)
	return j.err
}

// finished are the trials with an outcome, ordered by cell.
func (j *journal) finished() []*eval.Trial {
	j.mu.Lock()
	defer j.mu.Unlock()
	var out []*eval.Trial
	for _, t := range j.trials {
		if !t.CutOff {
			out = append(out, t)
		}
	}
	sort.Slice(out, func(a, b int) bool { return key(out[a]) < key(out[b]) })
	return out
}

func key(t *eval.Trial) string {
	return fmt.Sprintf("%03d/%06d/%03d", t.Candidate, t.TaskSeq, t.Repeat)
}

// grader accepts "ok", cannot judge "?" and rejects the rest.
type grader struct{ cost eval.Cost }

func (g grader) Grade(_ context.Context, _ *eval.Task, r *eval.Response) eval.Grade {
	v := eval.Rejected
	switch r.Text {
	case "ok":
		v = eval.Accepted
	case "?":
		v = eval.Unscored
	}
	return eval.Grade{Verdict: v, Cost: g.cost, Scores: []eval.Score{{Grader: "word"}}}
}

func tasks(n int) iter.Seq2[*eval.Task, error] {
	return func(yield func(*eval.Task, error) bool) {
		for i := range n {
			if !yield(task(i), nil) {
				return
			}
		}
	}
}

func task(i int) *eval.Task {
	return &eval.Task{Seq: i, ID: fmt.Sprintf("t%d", i), Type: "kind", System: "Be brief.", Messages: []eval.Message{eval.TextMessage("user", "hello")},
		Tools: json.RawMessage(`[{"name":"look"}]`), Params: eval.Params{"max_tokens": json.RawMessage("100")}}
}

func price(v int64) *eval.PriceRow {
	p := eval.Price(v)
	return &eval.PriceRow{In: &p, Out: &p, MaxOutput: 50}
}

func model(name, provider string, c runner.Caller) runner.Target {
	return runner.Target{Candidate: &eval.Candidate{Name: name, Provider: provider, Model: name + "-1", Retry: eval.Retry{Max: 2}}, Caller: c, Price: price(3), Paid: true, Virtual: true}
}

// plan is a run of n tasks over single models.
func plan(n int, targets ...runner.Target) runner.Options {
	o := runner.Options{Run: &eval.Run{Repeats: 1, Seed: 7, TaskTypes: []eval.TaskType{{Name: "kind"}}}, Tasks: tasks(n), Grader: grader{}, Journal: &journal{}, Concurrency: 4}
	for _, t := range targets {
		o.Run.Candidates = append(o.Run.Candidates, *t.Candidate)
		o.Lanes = append(o.Lanes, runner.Lane{Primary: t})
	}
	return o
}

func run(t testing.TB, o runner.Options) (runner.Result, *journal) {
	t.Helper()
	res, err := runner.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return res, o.Journal.(*journal)
}

// one runs a single trial.
func one(t testing.TB, o runner.Options) *eval.Trial {
	t.Helper()
	_, j := run(t, o)
	if len(j.trials) != 1 {
		t.Fatalf("%d trials, want 1", len(j.trials))
	}
	return j.trials[0]
}

func causes(t *eval.Trial) string {
	var out []string
	for i := range t.Attempts {
		out = append(out, string(t.Attempts[i].Cause))
	}
	return strings.Join(out, " ")
}
