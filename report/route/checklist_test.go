package route_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"infer/eval"
	"infer/report"
	"infer/report/route"
)

// launch is the evidence of a run on which everything is decided, drilled and
// reviewed.
func launch() *route.ChecklistInput {
	rec, run := recommended()
	rec.Types = rec.Types[:2]
	rec.Rule.Incumbent = "large"
	run.TaskTypes = []eval.TaskType{{Name: "triage", Class: eval.LowRisk}, {Name: "permission", Class: eval.HighRisk, Confirm: true, Review: "a lawyer reads every answer"}}
	run.Dataset = eval.Dataset{Name: "tasks", Path: "tasks.jsonl", Tasks: 30}
	run.Candidates = run.Candidates[:2]
	in, out := eval.Price(20_000), eval.Price(60_000)
	run.Prices = []eval.PriceRow{{Provider: "local", Model: "model-small", In: &in, Out: &out, Source: "the bill", AsOf: "2026-11-01"}, {Provider: "cloud", Model: "model-large", In: &in, Out: &out, Source: "the bill", AsOf: "2026-11-01"}}
	v := func(f float64) *float64 { return &f }
	for i := range rec.Types {
		d := &rec.Types[i]
		d.SLO, d.Review, d.Rollback, d.Retry = 2*time.Second, "a person reads 5 %", "below 80 %", "at most 1 retry"
		d.Backup.Rescue, d.Backup.Reason = v(0.6), "it gets 60 % of what the default fails"
		d.Downgrade = []eval.Alternative{{Candidate: "small", Rule: "when the budget rules"}}
	}
	in2 := &route.ChecklistInput{Run: run, Recommendation: rec, Reviewed: 12, Path: "tasks.jsonl",
		Drill: &route.DrillReport{Schema: route.DrillSchema, File: "litellm.yaml", Drills: []route.Drill{{Engine: "infer", Ruled: 36}}}}
	usd := report.USD(30_000_000)
	cell := func(taskType, candidate string) report.Cell {
		return report.Cell{TaskType: taskType, Candidate: candidate, N: 20, Accepted: 18, Rejected: 1, Errored: 1, Errors: map[eval.Class]int64{eval.ClassRateLimit: 1}, Faults: map[string]int64{"provider": 1},
			Attempts: 23, Retries: 2, Regenerations: 1, Latency: report.Quantiles{P95: v(900), N: 20}, TTFT: report.Quantiles{P95: v(300), N: 20},
			Cost: report.Money{Total: &usd, Low: usd, High: &usd, Known: true}, CostPerAccepted: report.CostPer{Point: v(0.0000017), Lo: v(0.0000015), Hi: v(0.0000020)}}
	}
	in2.Report = &report.Report{Run: report.Run{Candidates: []report.Candidate{{Name: "small", Provider: "local", Price: &run.Prices[0]}, {Name: "large", Provider: "cloud", Price: &run.Prices[1]}}}}
	for _, t := range []string{report.Overall, "permission", "triage"} {
		in2.Report.Cells = append(in2.Report.Cells, cell(t, "small"), cell(t, "large"))
	}
	return in2
}

func states(c *route.Checklist) map[string]route.State {
	out := make(map[string]route.State)
	for _, q := range c.Questions {
		out[q.Key] = q.State
	}
	return out
}

// TestChecklist answers every question where the evidence is whole, and takes the
// answer back where a part of it is missing.
func TestChecklist(t *testing.T) {
	t.Parallel()
	if c := launch().Checklist(); c.Answered != 10 {
		out, _ := json.MarshalIndent(c, "", " ")
		t.Fatalf("not all is answered: %s", out)
	}
	for _, tc := range []struct {
		question string
		state    route.State
		spoil    func(*route.ChecklistInput)
	}{
		{"default_model", route.Weak, func(in *route.ChecklistInput) { in.Recommendation.Types[0].Verdict = eval.InsufficientEvidence }},
		{"default_model", route.Weak, func(in *route.ChecklistInput) { in.Recommendation.Types[0].Default = "" }},
		{"default_model", route.Open, func(in *route.ChecklistInput) { in.Recommendation = nil }},
		{"backup_model", route.Weak, func(in *route.ChecklistInput) { in.Recommendation.Types[0].Backup.Rescue = nil }},
		{"backup_model", route.Open, func(in *route.ChecklistInput) {
			in.Recommendation.Types[0].Backup, in.Recommendation.Types[1].Backup = nil, nil
		}},
		{"task_classification", route.Weak, func(in *route.ChecklistInput) { in.Run.TaskTypes = in.Run.TaskTypes[:1] }},
		{"task_classification", route.Open, func(in *route.ChecklistInput) {
			in.Report.Cells = in.Report.Cells[:3]
			in.Report.Cells[2].TaskType = eval.DefaultTaskType
		}},
		{"cost_tracking", route.Weak, func(in *route.ChecklistInput) { in.Report.Run.Candidates[0].Price.Example = true }},
		{"cost_tracking", route.Weak, func(in *route.ChecklistInput) { in.Report.Cells[0].Cost.Known = false }},
		{"cost_tracking", route.Open, func(in *route.ChecklistInput) {
			in.Report.Run.Candidates[0].Price, in.Report.Run.Candidates[1].Price = nil, nil
		}},
		{"failure_tracking", route.Weak, func(in *route.ChecklistInput) {
			in.Report.Cells[0].Errored, in.Report.Cells[1].Errored = 0, 0
		}},
		{"failure_tracking", route.Weak, func(in *route.ChecklistInput) { in.Report.Cells[0].Errors[eval.ClassUnknown] = 1 }},
		{"failure_tracking", route.Open, func(in *route.ChecklistInput) { in.Run.Imported = true }},
		{"retry_rule", route.Weak, func(in *route.ChecklistInput) { in.Drill = nil }},
		{"retry_rule", route.Weak, func(in *route.ChecklistInput) { in.Drill.Drills[0].Broken = 1 }},
		{"downgrade_rule", route.Open, func(in *route.ChecklistInput) {
			in.Recommendation.Types[0].Verdict, in.Recommendation.Types[1].Verdict = eval.NoneEligible, eval.NoneEligible
		}},
		{"review_rule", route.Weak, func(in *route.ChecklistInput) { in.Reviewed = 0 }},
		{"review_rule", route.Weak, func(in *route.ChecklistInput) { in.Run.TaskTypes[1].Review = "" }},
		{"user_experience", route.Weak, func(in *route.ChecklistInput) { in.Recommendation.Types[0].SLO = 0 }},
		{"user_experience", route.Weak, func(in *route.ChecklistInput) { in.Recommendation.Types[0].SLO = 100 * time.Millisecond }},
		{"user_experience", route.Weak, func(in *route.ChecklistInput) {
			for i := range in.Report.Cells {
				in.Report.Cells[i].TTFT.P95 = nil
			}
		}},
		{"rollback_condition", route.Weak, func(in *route.ChecklistInput) { in.Recommendation.Rule.Incumbent = "" }},
	} {
		in := launch()
		tc.spoil(in)
		c := in.Checklist()
		if got := states(c)[tc.question]; got != tc.state {
			t.Errorf("%s is %s, want %s", tc.question, got, tc.state)
		}
		k := slices.IndexFunc(c.Questions, func(q route.Question) bool { return q.Key == tc.question })
		if q := c.Questions[k]; len(q.Missing) == 0 || q.Command == "" {
			t.Errorf("%s: nothing is said to be missing, or no command closes it: %+v", tc.question, q)
		}
		b, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		valid(t, schema(t, "checklist"), b)
	}
}

// TestChecklistViews holds the formats, and names that would like to be more.
func TestChecklistViews(t *testing.T) {
	t.Parallel()
	in := launch()
	evil := "<script>alert(1)</script>\x1b]52;c;x\x07\u202e|`x`\n::error::"
	in.Recommendation.Types[0].TaskType, in.Run.Name, in.Path = evil, evil, "a b"
	in.Recommendation.Types[0].Review = evil
	for i := range in.Report.Cells {
		if in.Report.Cells[i].TaskType == "triage" {
			in.Report.Cells[i].TaskType = evil
		}
	}
	c := in.Checklist()
	var text, md, page bytes.Buffer
	if err := c.Text(&text); err != nil {
		t.Fatal(err)
	}
	if err := c.Markdown(&md, func(s string) string { return strings.ReplaceAll(eval.Untrusted(s).Line(0), "<", "&lt;") }); err != nil {
		t.Fatal(err)
	}
	if err := c.HTML(&page); err != nil {
		t.Fatal(err)
	}
	for format, b := range map[string][]byte{"text": text.Bytes(), "md": md.Bytes(), "html": page.Bytes()} {
		if eval.Untrusted(b).Block(0) != string(b) {
			t.Errorf("%s: not safe to show", format)
		}
		if bytes.Contains(b, []byte("\n::error")) || format != "text" && bytes.Contains(b, []byte("<script")) {
			t.Errorf("%s: a name acts", format)
		}
	}
	if !bytes.Contains(page.Bytes(), []byte("default-src &#39;none&#39;")) && !bytes.Contains(page.Bytes(), []byte("default-src 'none'")) {
		t.Error("the page has no policy")
	}
	if n := bytes.Count(page.Bytes(), []byte("<section>")); n < 15 {
		t.Errorf("%d sections", n)
	}
}
