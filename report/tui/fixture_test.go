package tui_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"

	"infer/eval"
	"infer/report"
	"infer/report/tui"
)

// hostile would act on a terminal or mislead a reader: a title, a clipboard, a link,
// a cleared screen, a reset, C1 controls in both forms, overprinting, bidirectional
// and invisible characters, tags, a tower of marks, an unterminated sequence.
const hostile = "\x1b]0;x\x07\x1b]52;c;aGk=\x1b\\\x1b]8;;http://x\x1b\\\x1b[2J\x1bc\u009b31m\u009d\x9b\u202egnp\u202c\u2066\u200b\u2028\U000e0041\b\b\rPASS\x00\xffZ\u0335\u0335\u0335\u0335\u0335\u0335\u0335\x1b]"

// source is a fixed run of three candidates on 40 tasks of two types.
type source struct {
	state   eval.RunState
	hostile bool
	fail    error
	empty   bool
	wrote   map[string]string
	stored  []eval.Overruling
	slow    int // calls to Tasks that are answered with nothing yet
	judging *desk
	closed  int // reviews
}

var (
	_ tui.Source         = (*source)(nil)
	_ tui.TaskSource     = (*source)(nil)
	_ tui.DecisionSource = (*source)(nil)
	_ tui.ExportSource   = (*source)(nil)
	_ tui.ReviewSource   = (*source)(nil)
)

// Reviews lists one that was begun and one that was not.
func (s *source) Reviews(context.Context, string) ([]tui.ReviewLine, error) {
	if s.empty {
		return nil, s.fail
	}
	return []tui.ReviewLine{
		{ID: "v1", What: s.word("single answers"), Begun: true, Items: 40, Judged: 12, Command: []string{"review", "r012345678", "-n", "40"}},
		{ID: "v2", What: s.word("pairs: alpha against beta"), Items: 40, Command: []string{"review", "r012345678", "--pairs", s.word("alpha,beta"), "-n", "40"}},
	}, s.fail
}

// Review opens one of two cards.
func (s *source) Review(_ context.Context, _, id string) (*tui.ReviewSession, error) {
	if s.fail != nil {
		return nil, s.fail
	}
	card := func(left string) tui.Card {
		c := tui.Card{TaskType: s.word("extract"), Task: eval.Untrusted(s.word("What is the total?")), Left: eval.Untrusted(s.word(left)), Rubric: eval.Untrusted(s.word("The right sum.")), Reference: "42"}
		if id == "v2" {
			right := eval.Untrusted(s.word("41"))
			c.Right = &right
		}
		return c
	}
	if s.judging == nil {
		s.judging = newDesk(card("42"), card("43"))
	}
	return &tui.ReviewSession{Reviews: s.judging, Reviewer: s.word("ana"), Edit: func(string) (*exec.Cmd, func() (string, error), error) {
		return nil, nil, errors.New("no editor in tests")
	}, Close: func(context.Context) error { s.closed++; return nil }}, nil
}

func (s *source) word(text string) string {
	if s.hostile {
		return text + hostile
	}
	return text
}

var made = time.Unix(1_800_000_000, 0).UTC()

func (s *source) run(id string) *eval.Run {
	price := eval.Price(1_000_000)
	r := &eval.Run{ID: id, Name: s.word("support"), State: s.state, CreatedAt: made, UpdatedAt: made.Add(10 * time.Minute),
		Dataset: eval.Dataset{Name: s.word("tasks"), Path: s.word("tasks.jsonl"), Tasks: 40}, Repeats: 1, Seed: 1, Concurrency: 4}
	if s.state == "" {
		r.State = eval.RunComplete
	}
	for _, n := range []string{"alpha", "beta", "gamma"} {
		r.Candidates = append(r.Candidates, eval.Candidate{Name: s.word(n), Provider: s.word("p"), Model: s.word(n)})
		r.Prices = append(r.Prices, eval.PriceRow{Provider: "p", Model: n, In: &price, Out: &price, Source: "test", AsOf: "2026-01-01"})
	}
	return r
}

// Runs lists two runs.
func (s *source) Runs(context.Context) ([]tui.RunLine, error) {
	if s.empty {
		return nil, s.fail
	}
	return []tui.RunLine{
		{ID: "r012345678", Name: s.word("support"), State: eval.RunComplete, Created: made, Updated: made.Add(10 * time.Minute), Dataset: s.word("tasks.jsonl"), Candidates: []string{s.word("alpha"), "beta", "gamma"},
			Tasks: 40, Trials: 120, Planned: 120, Accepted: 80, Cost: eval.Exactly(eval.USD / 10)},
		{ID: "r876543210", Name: "older", State: eval.RunIncomplete, Created: made.Add(-time.Hour), Updated: made.Add(-30 * time.Minute), Dataset: "old.jsonl", Candidates: []string{"alpha"},
			Tasks: 4, Trials: 3, Planned: 4, Accepted: 1, Cost: eval.UnknownCost()},
	}, s.fail
}

// Open builds the run's report.
func (s *source) Open(_ context.Context, id string) (*report.Report, error) {
	if s.fail != nil {
		return nil, s.fail
	}
	run := s.run(id)
	var cells []eval.Cell
	for c, accepted := range []int64{36, 34, 10} {
		if id == "r876543210" {
			accepted -= 4
		}
		for _, kind := range []string{report.Overall, s.word("extract"), "reply"} {
			n, k := int64(20), accepted/2
			if kind == report.Overall {
				n, k = 40, accepted
			}
			each := float64(c+1) * 0.001
			cell := eval.Cell{TaskType: kind, Candidate: c, N: n, Accepted: k, Judged: n, Rejected: n - k, FirstTry: k, AfterRegen: k, Attempts: n, Clusters: n, CostClusters: n,
				SumT2: float64(k), SumTN: float64(k), SumN2: float64(n), SumC: float64(n) * each, SumC2: float64(n) * each * each, SumCT: float64(k) * each,
				Split: eval.CostSplit{Answer: eval.Exactly(eval.Money(n) * eval.Money(c+1) * eval.USD / 1250), Retries: eval.Exactly(eval.Money(n) * eval.Money(c+1) * eval.USD / 5000)}}
			if c == 1 && n-k > 1 {
				cell.Errored, cell.Rejected, cell.Retries = 2, cell.Rejected-2, 3
				cell.Errors = map[eval.Class]int64{eval.ClassTimeout: 2}
				cell.Samples = map[eval.Class]eval.Untrusted{eval.ClassTimeout: eval.Untrusted(s.word("no answer in 60s"))}
			}
			for i := range n {
				cell.Latency.Add((i + 1) * 50_000 * int64(c+1))
				cell.TTFT.Add((i + 1) * 10_000)
			}
			cells = append(cells, cell)
		}
	}
	return report.Build(run, cells)
}

func (s *source) row(i int) tui.TaskLine {
	row := tui.TaskLine{Seq: i, ID: s.word(fmt.Sprintf("task-%02d", i)), Type: s.word("extract"), Input: eval.Untrusted(s.word(fmt.Sprintf("What is the total of invoice %d?\nAnswer with a number.", i))), Expected: `"42"`}
	if i%2 == 1 {
		row.Type = "reply"
	}
	verdicts := []eval.Verdict{eval.Accepted, eval.Accepted, eval.Rejected}
	if i%5 == 0 {
		verdicts[1] = eval.Errored
	}
	if i%4 == 0 {
		verdicts[2] = eval.Accepted
	}
	for c, v := range verdicts {
		o := tui.Outcome{Verdict: v, Repeats: 1, Calls: 1 + c%2, Latency: int64(100_000 * (c + 1 + i%7)), Cost: eval.Exactly(eval.Money(c+1) * eval.USD / 1000)}
		if v == eval.Accepted {
			o.Accepted = 1
		}
		if v == eval.Errored {
			o.Class = eval.ClassTimeout
		}
		row.Outcomes = append(row.Outcomes, o)
	}
	return row
}

// Tasks pages through the 40 tasks.
func (s *source) Tasks(_ context.Context, _ string, q tui.Query) (tui.Page, error) {
	if s.slow > 0 {
		s.slow--
		return tui.Page{Seen: 10, Of: 120}, s.fail
	}
	var all []tui.TaskLine
	for i := range 40 {
		row := s.row(i)
		has := func(f func(tui.Outcome) bool) bool {
			for c, o := range row.Outcomes {
				if (q.Among == nil || slices.Contains(q.Among, c)) && f(o) {
					return true
				}
			}
			return false
		}
		accepted := has(func(o tui.Outcome) bool { return o.Verdict == eval.Accepted })
		failed := has(func(o tui.Outcome) bool { return o.Verdict == eval.Rejected || o.Verdict == eval.Errored })
		switch {
		case q.Text != "" && !strings.Contains(row.ID, q.Text) && !strings.Contains(row.Type, q.Text):
		case q.Type != "" && q.Type != row.Type:
		case q.Only == tui.OnlyFailures && !failed, q.Only == tui.OnlyDifferent && !(accepted && failed):
		case (q.Only == tui.OnlyErrors || q.Class != "") && !has(func(o tui.Outcome) bool { return o.Verdict == eval.Errored }):
		default:
			all = append(all, row)
		}
	}
	if q.Order == tui.OrderLatency {
		slices.SortStableFunc(all, func(a, b tui.TaskLine) int { return int(b.Outcomes[2].Latency - a.Outcomes[2].Latency) })
	}
	if q.Back {
		slices.Reverse(all)
	}
	p := tui.Page{From: min(q.From, len(all)), Total: len(all), Seen: 120, Of: 120}
	p.Rows = all[p.From:min(p.From+q.Size, len(all))]
	return p, s.fail
}

// Task shows one task with a retry, a fallback and a regeneration.
func (s *source) Task(_ context.Context, _ string, seq int) (*tui.TaskDetail, error) {
	if s.fail != nil {
		return nil, s.fail
	}
	yes, no := true, false
	ttft, after := 300*time.Millisecond, 2*time.Second
	said := eval.Untrusted(s.word("41"))
	usd := json.Number("0.0042")
	alpha := &eval.Trial{TaskID: "t", Candidate: 0, Verdict: eval.Accepted, Final: 1, Cost: eval.CostSplit{Answer: eval.Exactly(0), Retries: eval.Exactly(eval.USD / 1000)}, Attempts: []eval.Attempt{
		{Cause: eval.CauseFirst, Candidate: s.word("alpha"), QueueWait: 100 * time.Millisecond, InFlight: 200 * time.Millisecond, Status: 429, Billing: eval.NotBilled, RequestID: s.word("req-1"),
			RateLimits: map[string]string{s.word("x-ratelimit-remaining"): s.word("0")},
			Failure:    &eval.Failure{Class: eval.ClassRateLimit, Status: 429, Type: s.word("rate"), Message: eval.Untrusted(s.word("slow down")), RetryAfter: &after}},
		{Seq: 1, Cause: eval.CauseRetry, Candidate: s.word("alpha"), Served: s.word("alpha-2"), Backoff: time.Second, InFlight: 800 * time.Millisecond, TTFT: &ttft, Billing: eval.Billed, Cost: eval.Exactly(eval.USD / 1000),
			Usage: &eval.Usage{InFresh: 120, OutText: 4}, Finish: eval.FinishStop, FinishRaw: s.word("end"), Output: eval.Untrusted(s.word("42")),
			Grade: &eval.Grade{Verdict: eval.Accepted, Scores: []eval.Score{{Grader: s.word("exact"), Pass: &yes, Explanation: eval.Untrusted(s.word("as expected"))}}}}}}
	beta := &eval.Trial{TaskID: "t", Candidate: 1, Verdict: eval.Rejected, Final: 1, Regenerations: 1, Cost: eval.CostSplit{Answer: eval.UnknownCost(), Judge: eval.Exactly(eval.USD / 500)}, Attempts: []eval.Attempt{
		{Cause: eval.CauseFirst, Candidate: "beta", InFlight: 900 * time.Millisecond, Output: `{"total": 41}`, Cost: eval.UnknownCost(), Billing: eval.Unbilled,
			Grade: &eval.Grade{Verdict: eval.Rejected, Scores: []eval.Score{{Grader: "exact", Pass: &no, Explanation: `expected "42"`}}}},
		{Seq: 1, Cause: eval.CauseRegenerate, Candidate: "beta", InFlight: 700 * time.Millisecond, Output: `{"total": 40, "currency": "EUR"}`,
			Grade: &eval.Grade{Verdict: eval.Rejected, Scores: []eval.Score{{Grader: "exact", Pass: &no, Explanation: `expected "42", got 40`}, {Grader: "judge", Error: eval.Untrusted(s.word("no verdict"))}}}}}}
	gamma := &eval.Trial{TaskID: "t", Candidate: 2, Verdict: eval.NeedsConfirmation, Final: -1, Plan: s.word("ask beta with the same prompt"), Attempts: []eval.Attempt{
		{Cause: eval.CauseFirst, Candidate: "gamma", InFlight: 400 * time.Millisecond, Failure: &eval.Failure{Class: eval.ClassUnavailable, Sub: s.word("overloaded"), Status: 503, Message: "try later"}}}}
	return &tui.TaskDetail{Seq: seq, ID: s.word(fmt.Sprintf("task-%02d", seq)), Type: s.word("extract"), File: s.word("tasks.jsonl"), Line: 7, System: eval.Untrusted(s.word("You read invoices.")),
		Messages: []eval.Message{eval.TextMessage("user", s.word("What is the total?\nOf the invoice."))}, Expected: eval.Untrusted(`"42"`),
		Recorded:   &eval.Recorded{Model: s.word("old-model"), Output: &said, Accepted: &no, FinalCostUSD: &usd},
		Candidates: []string{s.word("alpha"), "beta", "gamma"}, Trials: []*eval.Trial{alpha, beta, gamma}}, nil
}

// Decide decides for alpha on extract while the margin is at least 4 points.
func (s *source) Decide(_ context.Context, run string, w tui.WhatIf) (*eval.Recommendation, error) {
	if s.fail != nil {
		return nil, s.fail
	}
	v, lo, hi, gate, each := 0.9, 0.7, 0.97, 0.8, 0.001
	margin, slo, volume := 0.05, time.Duration(0), int64(1000)
	if r, ok := w.Rules[s.word("extract")]; ok {
		margin, slo, volume = r.Margin, r.SLO, r.Volume
	}
	extract := eval.TypeDecision{TaskType: s.word("extract"), Class: eval.LowRisk, Margin: margin, SLO: slo, Volume: volume, Verdict: eval.Selected, Default: s.word("alpha"),
		Reasons: []string{s.word("alpha is the cheapest of those shown to be within 5 points of the best.")},
		Backup:  &eval.Backup{Candidate: s.word("beta"), Rescue: &v, Reason: s.word("beta got 93 % of what alpha failed.")}, Retry: "twice on rate limits", Review: "5 % at random", Rollback: "when E ≥ 100",
		Downgrade: []eval.Alternative{{Candidate: s.word("gamma"), Rule: s.word("if quality may fall by 10 points")}}, Candidates: []eval.CandidateEvidence{
			{Candidate: s.word("alpha"), N: 20, Acceptance: &eval.Figure{Point: &v, Lo: &lo, Hi: &hi}, Cost: &eval.Figure{Point: &each}, Quality: "best", Eligible: true, Group: 1,
				Gates:  []eval.GateResult{{Gate: "acceptance", State: eval.GatePass, Limit: &gate}},
				Versus: []eval.Comparison{{Rival: s.word("beta"), Pairs: 20, Difference: 0.05, Lo: -0.1, Hi: 0.2, Sentence: s.word("undecided: about 300 more tasks")}}},
			{Candidate: s.word("beta"), N: 20, Quality: "within", Eligible: true, Group: 1},
			{Candidate: s.word("gamma"), N: 20, Quality: "inferior", WhyNot: s.word("worse by more than the margin"), Group: 2, Gates: []eval.GateResult{{Gate: "acceptance", State: eval.GateFail, Limit: &gate}}}}}
	if margin < 0.04 {
		extract.Verdict, extract.Default = eval.SelectedTie, s.word("beta")
	}
	return &eval.Recommendation{Schema: eval.RecommendationSchema, Run: run, Types: []eval.TypeDecision{extract,
		{TaskType: "reply", Class: eval.HighRisk, Margin: 0.02, Verdict: eval.InsufficientEvidence, Reasons: []string{"alpha and beta cannot be told apart."}, NoBackup: "no default, so no backup",
			More: &eval.MoreTasks{Tasks: 400, Hint: "about 400 more tasks would settle it"}}}}, nil
}

// Overrule remembers a choice.
func (s *source) Overrule(_ context.Context, _ string, o eval.Overruling) error {
	o.At = made
	s.stored = append(s.stored, o)
	return s.fail
}

// Overrulings returns what was remembered.
func (s *source) Overrulings(context.Context, string) ([]eval.Overruling, error) {
	return s.stored, s.fail
}

// Formats lists two targets.
func (s *source) Formats() []string { return []string{"infer", "litellm"} }

// Export encodes nothing much.
func (s *source) Export(_ context.Context, _, format string) (tui.Export, error) {
	e := tui.Export{Format: format, Ext: "yaml", Text: s.word("routes:\n  extract: alpha\n")}
	if format == "litellm" {
		e.Losses = []string{s.word("the backup's prompt is not sent")}
	}
	return e, s.fail
}

// Write remembers a file.
func (s *source) Write(_ context.Context, path string, e tui.Export) error {
	if _, ok := s.wrote[path]; ok {
		return eval.Invalid(errors.New(path+" is there already"), "name another file")
	}
	if s.wrote == nil {
		s.wrote = make(map[string]string)
	}
	s.wrote[path] = e.Text
	return nil
}
