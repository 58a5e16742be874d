package runner_test

import (
	"encoding/json"
	"strings"
	"testing"

	"infer/eval"
	"infer/eval/runner"
)

// policy is a run of one task over a policy of two models; context, if not nil,
// is the model that overflows go to.
func policy(first, backup, context runner.Caller, on []eval.Class) runner.Options {
	d, b := model("main", "p", first), model("spare", "q", backup)
	b.Candidate.Params = eval.Params{"temperature": json.RawMessage("1")} // its own, which a policy must not use
	b.Candidate.Prompt.System = "Something else."
	b.Price = price(7)
	p := &eval.Policy{Default: "main", Backup: "spare", On: on, DefaultCandidate: d.Candidate, BackupCandidate: b.Candidate}
	o := plan(1, d)
	o.Run.Candidates = []eval.Candidate{{Name: "policy", Provider: "p", Policy: p}}
	o.Lanes = []runner.Lane{{Primary: d, Policy: p, Backup: &b}}
	if context != nil {
		wide := model("wide", "w", context)
		p.ContextBackup, p.ContextCandidate = "wide", wide.Candidate
		o.Lanes[0].ContextBackup = &wide
	}
	return o
}

var outage = []eval.Class{eval.ClassRateLimit, eval.ClassTimeout, eval.ClassUnavailable, eval.ClassNetwork}

// TestFallback is the rule of a responsible fallback: what triggers it, what
// never does, and that it ends with the backup.
func TestFallback(t *testing.T) {
	t.Parallel()
	all := eval.Classes()
	for _, tc := range []struct {
		name, first, backup, context string
		on                           []eval.Class
		causes, called               string
		verdict                      eval.Verdict
		class                        eval.Class
	}{
		{"the default answers", "ok", "ok", "", outage, "first", "main", eval.Accepted, ""},
		{"a rejected answer is no trigger", "bad", "ok", "", outage, "first", "main", eval.Rejected, ""},
		{"an outage, after the default's own retries", "500", "ok", "", outage, "first retry retry fallback", "main main main spare", eval.Accepted, ""},
		{"a server that nobody runs", "refused", "ok", "", outage, "first fallback", "main spare", eval.Accepted, ""},
		{"a class that is no trigger", "429", "ok", "", []eval.Class{eval.ClassTimeout}, "first retry retry", "main main main", eval.Errored, eval.ClassRateLimit},
		{"no triggers", "429", "ok", "", nil, "first retry retry", "main main main", eval.Errored, eval.ClassRateLimit},
		{"it stops after the backup fails", "500", "503", "", outage, "first retry retry fallback retry retry", "main main main spare spare spare", eval.Errored, eval.ClassUnavailable},
		{"the backup is retried by its own rule", "500", "429 ok", "", outage, "first retry retry fallback retry", "main main main spare spare", eval.Accepted, ""},
		{"a wrong parameter is not hidden", "400", "ok", "", all, "first", "main", eval.Errored, eval.ClassParameter},
		{"refused credentials are not hidden", "401", "ok", "", all, "first", "main", eval.Errored, eval.ClassAuthBilling},
		{"a refusal is not got round", "refusal", "ok", "", all, "first", "main", eval.Errored, eval.ClassRefusal},
		{"nor is a blocked input", "blocked", "ok", "", all, "first", "main", eval.Errored, eval.ClassRefusal},
		{"an overflow stays where no rule names a larger window", "context", "ok", "", all, "first", "main", eval.Errored, eval.ClassUserInput},
		{"an overflow goes to the larger window only", "context", "bad", "ok", outage, "first fallback", "main wide", eval.Accepted, ""},
		{"and stops there", "context", "ok", "context", outage, "first fallback", "main wide", eval.Errored, eval.ClassUserInput},
		{"the larger window takes nothing else", "500", "ok", "bad", outage, "first retry retry fallback", "main main main spare", eval.Accepted, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			first := scripted(tc.first)
			script := func(words string) *caller { // by the calls of this target alone
				if words == "" {
					return nil
				}
				return turns(strings.Fields(words)...)
			}
			backup, context := script(tc.backup), script(tc.context)
			var wide runner.Caller
			if context != nil {
				wide = context
			}
			got := one(t, policy(first, backup, wide, tc.on))
			var called []string
			for i := range got.Attempts {
				called = append(called, got.Attempts[i].Candidate)
			}
			if c := strings.Join(called, " "); causes(got) != tc.causes || c != tc.called || got.Verdict != tc.verdict || got.ErrorClass() != tc.class {
				t.Errorf("%s of %s: %s %q; want %s of %s: %s %q", causes(got), c, got.Verdict, got.ErrorClass(), tc.causes, tc.called, tc.verdict, tc.class)
			}
			for i := range got.Attempts {
				a := &got.Attempts[i]
				if (a.Cause == eval.CauseFallback) != (a.Reason != "") {
					t.Errorf("attempt %d, %s: reason %q", i, a.Cause, a.Reason)
				}
			}
		})
	}
}

// TestFallbackAsksTheSame: the backup sees the default's prompt, tools and
// parameters under its own model string, which the stored hashes prove.
func TestFallbackAsksTheSame(t *testing.T) {
	t.Parallel()
	first, backup := scripted("500"), scripted("ok")
	o := policy(first, backup, nil, outage)
	got := one(t, o)
	a, b := got.Attempts[0], got.Attempts[3]
	if a.SystemHash != b.SystemHash || a.ToolsHash != b.ToolsHash || a.ParamsHash != b.ParamsHash {
		t.Error("the hashes differ")
	}
	asked := backup.requests[0]
	system, tools, params := asked.Hashes()
	if b.SystemHash != system || b.ToolsHash != tools || b.ParamsHash != params {
		t.Error("the hashes are not of what the backup was asked")
	}
	if asked.Model != "spare-1" || b.Model != "spare-1" || b.Provider != "q" {
		t.Errorf("asked model %s, stored %s of %s", asked.Model, b.Model, b.Provider)
	}
	if want := "provider_unavailable after 3 attempts of main triggers spare"; b.Reason != want {
		t.Errorf("reason %q, want %q", b.Reason, want)
	}
	if b.Cost.Low != 84 || got.Cost.Fallback != b.Cost {
		t.Errorf("the backup's 12 tokens at its own price of 7 cost %v; the split says %v", b.Cost, got.Cost.Fallback)
	}
}

// TestConfirm: a task type that needs a confirmation never falls back silently.
// The plan of the backup is stored, and nothing of it is executed.
func TestConfirm(t *testing.T) {
	t.Parallel()
	for name, set := range map[string]func(*runner.Options){
		"by the policy":    func(o *runner.Options) { o.Lanes[0].Policy.Confirm = []string{"other", "kind"} },
		"by the task type": func(o *runner.Options) { o.Run.TaskTypes[0].Confirm = true },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first, backup := scripted("500"), scripted("ok")
			o := policy(first, backup, nil, outage)
			set(&o)
			got := one(t, o)
			if got.Verdict != eval.NeedsConfirmation || got.ErrorClass() != eval.ClassUnavailable || backup.calls() != 0 || causes(got) != "first retry retry" || got.CutOff {
				t.Fatalf("%s %s after %s; the backup was called %d times", got.Verdict, got.ErrorClass(), causes(got), backup.calls())
			}
			var p map[string]string
			if err := json.Unmarshal([]byte(got.Plan), &p); err != nil {
				t.Fatal(err)
			}
			a := got.Attempts[0]
			want := map[string]string{"candidate": "spare", "provider": "q", "model": "spare-1", "reason": "provider_unavailable after 3 attempts of main triggers spare",
				"system_hash": a.SystemHash.String(), "tools_hash": a.ToolsHash.String(), "params_hash": a.ParamsHash.String()}
			for k, v := range want {
				if p[k] != v {
					t.Errorf("plan: %s is %q, want %q", k, p[k], v)
				}
			}
		})
	}
	t.Run("no trigger needs none", func(t *testing.T) {
		t.Parallel()
		o := policy(scripted("400"), scripted("ok"), nil, outage)
		o.Run.TaskTypes[0].Confirm = true
		if got := one(t, o); got.Verdict != eval.Errored || got.Plan != "" {
			t.Errorf("%s, plan %q", got.Verdict, got.Plan)
		}
	})
	t.Run("after a rejected answer", func(t *testing.T) {
		t.Parallel()
		backup := scripted("ok")
		o := policy(scripted("bad", "refused"), backup, nil, outage)
		o.Run.TaskTypes[0].Confirm, o.Run.TaskTypes[0].Regenerate = true, 1
		got := one(t, o)
		if got.Verdict != eval.NeedsConfirmation || got.Final != 0 || got.FirstTry == nil || *got.FirstTry || backup.calls() != 0 {
			t.Errorf("%s, final %d, %d calls of the backup", got.Verdict, got.Final, backup.calls())
		}
	})
}

// TestBackupGivenUp: once the backup's provider is of no use, trials that need it
// have no outcome; they are not errors of the default's.
func TestBackupGivenUp(t *testing.T) {
	t.Parallel()
	backup := scripted("401")
	o := policy(scripted("refused"), backup, nil, outage)
	o.Tasks, o.Concurrency = tasks(5), 1
	res, j := run(t, o)
	if backup.calls() != 1 || res.Trials != 1 || res.Halted["q"] == nil {
		t.Errorf("%d calls of the backup, %d trials with an outcome, halted %v", backup.calls(), res.Trials, res.Halted)
	}
	for _, trial := range j.trials[1:] {
		if !trial.CutOff || len(trial.Attempts) != 1 {
			t.Errorf("task %s: cut off %v after %d attempts", trial.TaskID, trial.CutOff, len(trial.Attempts))
		}
	}
}
