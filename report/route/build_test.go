package route_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"infer/eval"
	"infer/report/route"
)

// recommended is a run with a recommendation on four task types: a choice with a
// backup, one that a person must confirm, a measured policy, and one that is open.
func recommended() (*eval.Recommendation, *eval.Run) {
	model := func(name, provider string) eval.Candidate {
		return eval.Candidate{Name: name, Provider: provider, Model: "model-" + name, Params: eval.Params{"temperature": json.RawMessage("0")}, Limits: eval.Limits{Timeout: 45 * time.Second},
			Prompt: eval.Prompt{Examples: []eval.Example{{TaskType: "triage", Input: "a", Output: "b"}}}, Retry: eval.Retry{Max: 2}}
	}
	small, large := model("small", "local"), model("large", "cloud")
	policy := eval.Candidate{Name: "small-then-large", Provider: "local", Model: "model-small", Policy: &eval.Policy{Default: "small", Backup: "large", ContextBackup: "large",
		On: []eval.Class{eval.ClassUnavailable, eval.ClassAuthBilling}, Confirm: []string{"permission"}, DefaultCandidate: &small, BackupCandidate: &large, ContextCandidate: &large}}
	run := &eval.Run{ID: "r0123456789", Name: "shop", Candidates: []eval.Candidate{small, large, policy}}
	v := func(f float64) *float64 { return &f }
	rec := &eval.Recommendation{Schema: eval.RecommendationSchema, Run: run.ID, Dataset: eval.Dataset{Name: "tasks", Digest: eval.DigestOf([]byte("x")), Tasks: 90},
		EvidenceAt: time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC), Grading: 2, PricesAsOf: "2026-11-01",
		Rule: eval.Rule{Triggers: []eval.Class{eval.ClassRateLimit, eval.ClassUnavailable}, Retry: eval.Retry{Max: 1, MaxDelay: 8 * time.Second}},
		Types: []eval.TypeDecision{
			{TaskType: "triage", Class: eval.LowRisk, Verdict: eval.Selected, Default: "small", Reasons: []string{"cheapest within the margin"}, Review: "read 5 %", Rollback: "below 80 %",
				Backup:     &eval.Backup{Candidate: "large", Rescue: v(0.6), RescueLo: v(0.3), RescueHi: v(0.8)},
				Candidates: []eval.CandidateEvidence{{Candidate: "small", N: 30, Clusters: 30, Acceptance: &eval.Figure{Point: v(0.9), Lo: v(0.74), Hi: v(0.97)}}}},
			{TaskType: "permission", Class: eval.HighRisk, Confirm: true, Verdict: eval.SelectedTie, Default: "large", Backup: &eval.Backup{Candidate: "small"}},
			{TaskType: "mixed", Class: eval.LowRisk, Verdict: eval.Selected, Default: "small-then-large"},
			{TaskType: "title", Verdict: eval.InsufficientEvidence, Reasons: []string{"no candidate is shown to be within the margin"}, More: &eval.MoreTasks{Tasks: 140}},
			{TaskType: "urgent", Class: eval.LowRisk, Verdict: eval.InsufficientEvidence, Default: "small", NoBackup: "no default is selected, so no backup is", Reasons: []string{"a tie"}},
		}}
	return rec, run
}

func services2(provider string) route.Service {
	switch provider {
	case "local":
		return route.Service{API: route.APIOpenAI, BaseURL: "http://127.0.0.1:8101/v1"}
	case "cloud":
		return route.Service{API: route.APIAnthropic, BaseURL: "https://api.anthropic.com", KeyEnv: "ANTHROPIC_API_KEY"}
	}
	return route.Service{}
}

// TestBuild turns a recommendation into a table.
func TestBuild(t *testing.T) {
	t.Parallel()
	rec, run := recommended()
	r, err := route.Build(rec, run, route.BuildOptions{Service: services2, Expires: time.Date(2027, 2, 22, 0, 0, 0, 0, time.UTC)})
	if err != nil {
		t.Fatal(err)
	}
	b, _, err := route.Encode(r, route.FormatInfer)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "build.yaml", b)
	valid(t, schema(t, "routes"), asJSON(t, b))
	triage, permission, mixed := r.Route("triage"), r.Route("permission"), r.Route("mixed")
	if triage.PromptDigest == "" || permission.PromptDigest != "" {
		t.Error("the examples are for triage alone")
	}
	if permission.Backup != "" || permission.ConfirmBackup != "small" {
		t.Errorf("permission: %+v", permission)
	}
	if mixed.Backup != "large" || mixed.ContextBackup != "large" || len(mixed.On) != 1 || mixed.On[0] != eval.ClassUnavailable {
		t.Errorf("a policy is exported as it was measured, without what its engine never hands over: %+v", mixed)
	}
	if r.Route("title") != nil || len(r.Undecided) != 2 {
		t.Error("an open type without an incumbent has a route")
	}
	if u := r.Route("urgent"); u == nil || u.Default != "small" || u.Backup != "" || u.Evidence.Verdict != eval.InsufficientEvidence {
		t.Errorf("the incumbent does not stay: %+v", u)
	}
}

// TestBuildRefuses names what cannot be exported.
func TestBuildRefuses(t *testing.T) {
	t.Parallel()
	rec, run := recommended()
	_, err := route.Build(rec, run, route.BuildOptions{Service: func(string) route.Service { return route.Service{} }})
	if eval.KindOf(err) != eval.KindInvalid || !strings.Contains(err.Error(), "no gateway can call") {
		t.Errorf("%v", err)
	}
	rec.Types = rec.Types[3:4]
	if _, err = route.Build(rec, run, route.BuildOptions{Service: services2}); eval.KindOf(err) != eval.KindIncomplete {
		t.Errorf("%v", err)
	}
}

// TestCompare holds deployed files of several formats against newer evidence.
func TestCompare(t *testing.T) {
	t.Parallel()
	day := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		name   string
		change func(*route.Routes)
		now    time.Time
		state  route.CheckState
	}{
		{"the same", func(*route.Routes) {}, day, route.Current},
		{"a newer run that decides the same", func(r *route.Routes) { r.Evidence.Run, r.Evidence.DatasetDigest = "rnewer", "ff" }, day, route.Current},
		{"another default", func(r *route.Routes) { r.Routes[2].Default = "large" }, day, route.Changed},
		{"no backup any more", func(r *route.Routes) { r.Routes[2].Backup = "" }, day, route.Changed},
		{"a type that is open now", func(r *route.Routes) {
			r.Undecided = append(r.Undecided, route.Undecided{TaskType: "triage", Reason: "too few tasks"})
			r.Routes = r.Routes[:2]
		}, day, route.Stale},
		{"a type that the file does not have", func(r *route.Routes) {
			x := r.Routes[2]
			x.TaskType = "zz"
			r.Routes = append(r.Routes, x)
		}, day, route.Changed},
		{"the day has come", func(*route.Routes) {}, time.Date(2027, 2, 22, 0, 0, 0, 0, time.UTC), route.Expired},
		{"the day before", func(*route.Routes) {}, time.Date(2027, 2, 21, 23, 0, 0, 0, time.UTC), route.Current},
	} {
		for _, format := range []string{route.FormatInfer, route.FormatLiteLLM, route.FormatPortkey, route.FormatTensorZero, route.FormatEnvoy, route.FormatBifrost, route.FormatEnv} {
			t.Run(tc.name+"/"+format, func(t *testing.T) {
				t.Parallel()
				b, _, err := route.Encode(shop(), format)
				if err != nil {
					t.Fatal(err)
				}
				d, err := route.Decode(b, "")
				if err != nil {
					t.Fatal(err)
				}
				newest := shop()
				tc.change(newest)
				c, err := route.Compare("f", d, newest, tc.now)
				if err != nil {
					t.Fatal(err)
				}
				if c.State != tc.state {
					out, _ := json.MarshalIndent(c, "", " ")
					t.Errorf("%s, want %s: %s", c.State, tc.state, bytes.TrimSpace(out))
				}
			})
		}
	}
}
