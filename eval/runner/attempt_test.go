package runner_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"infer/eval"
	"infer/eval/runner"
)

// TestAttempts is the retry layer: what is tried again, how often, and how the
// trial ends.
func TestAttempts(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, words string
		retry       eval.Retry
		causes      string
		verdict     eval.Verdict
		class       eval.Class
	}{
		{"an answer", "ok", eval.Retry{Max: 2}, "first", eval.Accepted, ""},
		{"a rejected answer is no failure", "bad", eval.Retry{Max: 2}, "first", eval.Rejected, ""},
		{"an answer that cannot be judged", "?", eval.Retry{Max: 2}, "first", eval.Unscored, ""},
		{"a rate limit, then an answer", "429 ok", eval.Retry{Max: 2}, "first retry", eval.Accepted, ""},
		{"two failures, then an answer", "500 reset ok", eval.Retry{Max: 2}, "first retry retry", eval.Accepted, ""},
		{"one failure too many", "500 429 503 ok", eval.Retry{Max: 2}, "first retry retry", eval.Errored, eval.ClassUnavailable},
		{"no retries allowed", "429 ok", eval.Retry{}, "first", eval.Errored, eval.ClassRateLimit},
		{"only the classes that the rule names", "429 ok", eval.Retry{Max: 2, On: []eval.Class{eval.ClassTimeout}}, "first", eval.Errored, eval.ClassRateLimit},
		{"no class at all", "429 ok", eval.Retry{Max: 2, On: []eval.Class{}}, "first", eval.Errored, eval.ClassRateLimit},
		{"what the rule names but the table does not retry", "401 ok", eval.Retry{Max: 2, On: []eval.Class{eval.ClassAuthBilling}}, "first", eval.Errored, eval.ClassAuthBilling},
		{"a parameter is not retried", "400 ok", eval.Retry{Max: 2}, "first", eval.Errored, eval.ClassParameter},
		{"a refusal is not retried", "refusal ok", eval.Retry{Max: 2}, "first", eval.Errored, eval.ClassRefusal},
		{"refused connections are not retried", "refused ok", eval.Retry{Max: 2}, "first", eval.Errored, eval.ClassNetwork},
		{"a timeout once", "408 408 ok", eval.Retry{Max: 5}, "first retry", eval.Errored, eval.ClassTimeout},
		{"another failure does not use up the once", "429 429 408 ok", eval.Retry{Max: 5}, "first retry retry retry", eval.Accepted, ""},
		{"an empty answer once", "empty empty ok", eval.Retry{Max: 5}, "first retry", eval.Errored, eval.ClassInvalidOutput},
		{"a cut stream", "cut ok", eval.Retry{Max: 1}, "first retry", eval.Accepted, ""},
		{"the provider says cancelled", "499 ok", eval.Retry{Max: 2}, "first", eval.Errored, eval.ClassCancelled},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := scripted(strings.Fields(tc.words)...)
			target := model("m", "p", c)
			target.Candidate.Retry = tc.retry
			o := plan(1, target)
			got := one(t, o)
			if causes(got) != tc.causes || got.Verdict != tc.verdict || got.ErrorClass() != tc.class || got.CutOff {
				t.Errorf("%s, %s %q, cut off %v; want %s, %s %q", causes(got), got.Verdict, got.ErrorClass(), got.CutOff, tc.causes, tc.verdict, tc.class)
			}
			if n := len(o.Journal.(*journal).intents); n != len(got.Attempts) || n != c.calls() {
				t.Errorf("%d intents, %d attempts, %d calls", n, len(got.Attempts), c.calls())
			}
			if want := strings.Count(tc.causes, "retry"); got.Retries() != want {
				t.Errorf("%d retries, want %d", got.Retries(), want)
			}
			for i := range got.Attempts {
				if got.Attempts[i].Seq != i {
					t.Errorf("attempt %d has number %d", i, got.Attempts[i].Seq)
				}
			}
		})
	}
}

// TestBackoff is the waits: exponential with jitter over the upper half, what
// the server asks for where that is longer, and never more than the cap.
func TestBackoff(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, words string
		retry       eval.Retry
		lo, hi      []time.Duration // of the wait before each retry
	}{
		{"the default grows from half a second", "429", eval.Retry{Max: 3},
			[]time.Duration{250e6, 500e6, 1e9}, []time.Duration{500e6, 1e9, 2e9}},
		{"base and cap are the rule's", "500", eval.Retry{Max: 4, BaseDelay: time.Second, MaxDelay: 3 * time.Second},
			[]time.Duration{5e8, 1e9, 15e8, 15e8}, []time.Duration{1e9, 2e9, 3e9, 3e9}},
		{"a longer Retry-After is honoured exactly", "429/7", eval.Retry{Max: 2}, []time.Duration{7e9, 7e9}, []time.Duration{7e9, 7e9}},
		{"a shorter one is not a reason to hurry", "429/0", eval.Retry{Max: 1}, []time.Duration{250e6}, []time.Duration{500e6}},
		{"an absurd one is capped", "429/1000000000", eval.Retry{Max: 1}, []time.Duration{60e9}, []time.Duration{60e9}},
		{"a negative one is none", "429/-5", eval.Retry{Max: 1}, []time.Duration{250e6}, []time.Duration{500e6}},
		{"one above the rule's cap", "429/50", eval.Retry{Max: 1, MaxDelay: 20 * time.Second}, []time.Duration{20e9}, []time.Duration{20e9}},
		{"many retries stay at the cap", "500", eval.Retry{Max: 70, MaxDelay: time.Minute}, nil, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			target := model("m", "p", scripted(tc.words))
			target.Candidate.Retry = tc.retry
			got := one(t, plan(1, target))
			for i := range got.Attempts {
				w := got.Attempts[i].Backoff
				switch {
				case i == 0 && w != 0:
					t.Errorf("waited %s before the first attempt", w)
				case i > 0 && tc.lo != nil && (w < tc.lo[i-1] || w > tc.hi[i-1]):
					t.Errorf("waited %s before retry %d, want %s to %s", w, i, tc.lo[i-1], tc.hi[i-1])
				case w < 0 || w > time.Minute:
					t.Errorf("waited %s before retry %d", w, i)
				}
			}
		})
	}
}

// TestWaits: a back-off is slept where time is real and counted either way, and
// a replayed run waits what the recorded one did.
func TestWaits(t *testing.T) {
	t.Parallel()
	trial := func(virtual bool, seed uint64) (*eval.Trial, []time.Duration) {
		var slept []time.Duration
		target := model("m", "p", scripted("429", "429", "ok"))
		target.Virtual = virtual
		o := plan(1, target)
		o.Run.Seed = seed
		o.Sleep = func(_ context.Context, d time.Duration) error {
			slept = append(slept, d)
			return nil
		}
		return one(t, o), slept
	}
	real, slept := trial(false, 1)
	virtual, none := trial(true, 1)
	if len(none) != 0 || len(slept) != 2 {
		t.Fatalf("slept %v really, %v virtually", slept, none)
	}
	for i, w := range slept {
		if real.Attempts[i+1].Backoff != w || virtual.Attempts[i+1].Backoff != w {
			t.Errorf("wait %d: slept %s, stored %s, replayed %s", i, w, real.Attempts[i+1].Backoff, virtual.Attempts[i+1].Backoff)
		}
	}
	if other, _ := trial(true, 2); other.Attempts[1].Backoff == virtual.Attempts[1].Backoff {
		t.Error("another seed draws the same jitter")
	}
}

// TestClocks: what the user sees is waits and calls, from the first send to the
// final result, and never our own queue.
func TestClocks(t *testing.T) {
	t.Parallel()
	target := model("m", "p", scripted("429/2", "bad", "500/3", "ok"))
	o := plan(1, target)
	o.Run.TaskTypes[0].Regenerate = 1
	got := one(t, o)
	if causes(got) != "first retry regenerate retry" {
		t.Fatalf("causes %s", causes(got))
	}
	for i := range got.Attempts {
		got.Attempts[i].QueueWait = time.Hour
	}
	if d, ok := got.UserVisible(); !ok || d != 5*time.Second+40*time.Millisecond {
		t.Errorf("user-visible %s, %v; want the waits of 2 s and 3 s and four calls of 10 ms", d, ok)
	}
	if d, ok := got.FirstToken(); !ok || d != 5*time.Second+34*time.Millisecond {
		t.Errorf("first token of the answer that counts after %s, %v", d, ok)
	}
	if _, ok := got.Backend(); ok {
		t.Error("a backend time that no server reported")
	}
}

// TestStopsProvider: refused credentials and an exhausted balance end a
// provider's part of the run at once; the others go on.
func TestStopsProvider(t *testing.T) {
	t.Parallel()
	for _, word := range []string{"401", "402"} {
		t.Run(word, func(t *testing.T) {
			t.Parallel()
			broke, fine := scripted(word), scripted("ok")
			o := plan(50, model("a", "broke", broke), model("b", "fine", fine))
			o.Concurrency = 3
			res, j := run(t, o)
			if broke.calls() > 3 {
				t.Errorf("%d calls to a provider that said %s to the first", broke.calls(), word)
			}
			if fine.calls() != 50 || res.Halted["broke"] == nil || res.Halted["fine"] != nil {
				t.Errorf("%d calls to the other one; halted %v", fine.calls(), res.Halted)
			}
			for _, trial := range j.trials {
				if trial.Candidate == 0 && (trial.Verdict != eval.Errored || trial.ErrorClass() != eval.ClassAuthBilling) {
					t.Errorf("trial of the stopped provider: %s %s", trial.Verdict, trial.ErrorClass())
				}
			}
		})
	}
}

// TestStopsProviderInBackoff: a trial that waits for its retry does not call a
// provider that was given up meanwhile, and says that it has no outcome.
func TestStopsProviderInBackoff(t *testing.T) {
	t.Parallel()
	c := turns("429", "401", "ok")
	m := model("m", "p", c)
	m.Virtual = false
	o := plan(2, m)
	o.Concurrency = 1
	waiting := make(chan struct{})
	o.Sleep = func(context.Context, time.Duration) error {
		<-waiting
		return nil
	}
	o.OnTrial = func(*eval.Trial) { close(waiting) } // the one that met the 401
	res, j := run(t, o)
	if c.calls() != 2 || res.Trials != 1 || len(j.trials) != 2 {
		t.Fatalf("%d calls, %d trials with an outcome, %d handed over", c.calls(), res.Trials, len(j.trials))
	}
	if last := j.trials[1]; !last.CutOff || len(last.Attempts) != 1 {
		t.Errorf("the waiting trial: cut off %v after %d attempts", last.CutOff, len(last.Attempts))
	}
}

// TestRequest: a retry asks the same again; the hashes of all attempts are those
// of what was asked, also where tasks bring no tools or parameters of their own.
func TestRequest(t *testing.T) {
	t.Parallel()
	for name, bare := range map[string]bool{"a task with tools and parameters": false, "a task with a prompt alone": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := scripted("429", "bad", "ok")
			m := model("m", "p", c)
			m.Candidate.Params = eval.Params{"temperature": json.RawMessage("0.5")}
			o := plan(1, m)
			o.Run.TaskTypes[0].Regenerate = 1
			if bare {
				o.Tasks = func(yield func(*eval.Task, error) bool) {
					yield(&eval.Task{ID: "t0", Type: "kind", Messages: []eval.Message{eval.TextMessage("user", "hello")}}, nil)
				}
			}
			got := one(t, o)
			for i, req := range c.requests {
				a := got.Attempts[i]
				system, tools, params := req.Hashes()
				if a.SystemHash != system || a.ToolsHash != tools || a.ParamsHash != params || a.Model != "m-1" || req.Draw != i {
					t.Errorf("attempt %d: hashes or model differ from what was sent, or draw is %d", i, req.Draw)
				}
				if req.Digest() != c.requests[0].Digest() {
					t.Errorf("attempt %d asked something else", i)
				}
			}
		})
	}
}

func TestBuildRequest(t *testing.T) {
	t.Parallel()
	c := &eval.Candidate{Model: "m", Params: eval.Params{"max_tokens": json.RawMessage("5"), "temperature": json.RawMessage("0")},
		Prompt: eval.Prompt{System: "Candidate's.", Template: "Q: {{input}}", Examples: []eval.Example{{TaskType: "kind", Input: "1+1", Output: "2"}, {TaskType: "other", Input: "x", Output: "y"}}}}
	task := task(0)
	req := runner.BuildRequest(task, c)
	var said []string
	for i := range req.Messages {
		said = append(said, req.Messages[i].Role+": "+req.Messages[i].Text())
	}
	if got := strings.Join(said, " | "); got != "user: Q: 1+1 | assistant: 2 | user: Q: hello" {
		t.Errorf("messages: %s", got)
	}
	if req.System != "Be brief." || string(req.Params["max_tokens"]) != "5" || string(req.Params["temperature"]) != "0" {
		t.Errorf("system %q, params %s", req.System, req.Params)
	}
	if task.Messages[0].Text() != "hello" || string(task.Params["max_tokens"]) != "100" {
		t.Error("the task was changed")
	}
	task.System = ""
	if req := runner.BuildRequest(task, c); req.System != "Candidate's." {
		t.Errorf("system %q of a task without one", req.System)
	}
}
