package render_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"infer/eval"
	"infer/report/render"
)

func of[T any](v T) *T { return &v }

func figure(point, lo, hi float64) *eval.Figure { return &eval.Figure{Point: &point, Lo: &lo, Hi: &hi} }

// recommended is a recommendation with every kind of decision, and hostile names.
func recommended() *eval.Recommendation {
	cheap := eval.CandidateEvidence{Candidate: "cheap", N: 400, Acceptance: figure(0.94, 0.912, 0.959), Cost: figure(0.0012, 0.0011, 0.0013), Eligible: true, Group: 1, Quality: "within"}
	dear := eval.CandidateEvidence{Candidate: hostile, N: 400, Acceptance: figure(0.951, 0.925, 0.968), Cost: &eval.Figure{Lo: of(0.004), Hi: of(0.005)}, Group: 1, Quality: "best",
		WhyNot: "fails the gate slo_p95: " + hostile}
	return &eval.Recommendation{Schema: eval.RecommendationSchema, Run: "r0123456789", Dataset: eval.Dataset{Name: "tasks " + hostile, Tasks: 800},
		EvidenceAt: time.Unix(1_800_000_000, 0), Grading: 1, Rule: eval.Rule{Alpha: 0.05, Incumbent: hostile}, PricesAsOf: "2026-11-24", ExpectedWrong: 0.05, Warnings: []string{"warned " + hostile},
		Types: []eval.TypeDecision{
			{TaskType: "extract", Class: eval.LowRisk, Margin: 0.05, Tasks: 400, Clusters: 400, Verdict: eval.Selected, Default: "cheap",
				Reasons: []string{"cheap is the cheapest of 2 shown to be within 5 points of the best", "against " + hostile + ": -1.1 points"},
				Backup:  &eval.Backup{Candidate: hostile, Rescue: of(0.7), RescueLo: of(0.5), RescueHi: of(0.8), Failures: 24, Combined: of(0.985), BothFail: of(0.015), Reason: "it gets 70% of them"},
				Confirm: true, Downgrade: []eval.Alternative{{Candidate: hostile, Rule: "when the budget rules"}}, Escalate: []eval.Alternative{{Candidate: "dear", Rule: "for rejected answers"}},
				Retry: "at most 2 retries", Review: "a person reviews " + hostile, Rollback: "Roll back when E ≥ 100.", Candidates: []eval.CandidateEvidence{cheap, dear},
				Honest: &eval.Honest{Acceptance: 0.936, CostUSD: of(0.00121), Splits: 20}, SameChoice: of(0.93), RegretUSD: of(12.5), Volume: 100_000},
			{TaskType: "reply " + hostile, Class: eval.HighRisk, Margin: 0.02, Tasks: 400, Verdict: eval.InsufficientEvidence, Default: "cheap", Reasons: []string{"not shown"},
				NoBackup: "no default is selected", Retry: "r", Review: "v", Rollback: "b", More: &eval.MoreTasks{Tasks: 612, CostUSD: of(3.1), Hint: "about 612 more tasks, at about $3.10"},
				Candidates: []eval.CandidateEvidence{cheap}},
			{TaskType: "title", Class: eval.LowRisk, Margin: 0.05, Tasks: 20, Verdict: eval.NoneEligible, Reasons: []string{"no candidate may be the default"}, NoBackup: "none", Retry: "r", Review: "v", Rollback: "b"},
		},
		Static: &eval.StaticComparison{Table: eval.PolicyValue{Name: "per-type table", Acceptance: figure(0.93, 0.91, 0.95), Cost: figure(0.002, 0.001, 0.003), CallsPer: 1.02, LatencyP95: of(int64(1_500_000))},
			BestSingle: eval.PolicyValue{Name: hostile, Acceptance: figure(0.94, 0.92, 0.96), CallsPer: 1}, Oracle: eval.PolicyValue{Name: "oracle", CallsPer: 1}},
		Policies: []eval.PolicyValue{{Name: "cheap → " + hostile, Acceptance: figure(0.97, 0.95, 0.98), Cost: figure(0.0015, 0.0014, 0.0016), CallsPer: 1.06, Extrapolated: true, Notes: "an oracle checks"}},
	}
}

func TestRecommendation(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		golden string
		format render.Format
		width  int
	}{{"recommendation", render.Table, 120}, {"recommendation-80", render.Table, 80}, {"recommendation-md", render.Markdown, 0}, {"recommendation-json", render.JSON, 0}, {"recommendation-outputs", render.Outputs, 0}} {
		t.Run(c.golden, func(t *testing.T) {
			t.Parallel()
			var b bytes.Buffer
			if err := render.Recommendation(&b, recommended(), c.format, render.Options{Width: c.width}); err != nil {
				t.Fatal(err)
			}
			golden(t, c.golden, b.Bytes())
			for _, bad := range []string{"\x1b", "\x07", "\u202e", "\u200b"} {
				if strings.Contains(b.String(), bad) {
					t.Errorf("%q came through", bad)
				}
			}
			if c.format == render.Markdown && (strings.Contains(b.String(), "<b>") || strings.Contains(b.String(), "![i]")) {
				t.Error("markup came through")
			}
		})
	}
	if err := render.Recommendation(&bytes.Buffer{}, recommended(), render.CSV, render.Options{}); err == nil {
		t.Error("a format that there is not was taken")
	}
}
