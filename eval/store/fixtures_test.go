package store_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"infer/eval"
	"infer/eval/store"
)

// clock is a time that stands until it is moved.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func newClock() *clock { return &clock{time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)} }

// open opens a store for a test and closes it at its end.
func open(t testing.TB, path string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), path, store.Options{Now: newClock().now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func fresh(t testing.TB) *store.Store {
	t.Helper()
	return open(t, filepath.Join(t.TempDir(), "infer.db"))
}

func newRun(id string, candidates ...string) *eval.Run {
	r := &eval.Run{ID: id, Name: "name of " + id, Repeats: 1, Seed: 1, Grading: eval.Grading{Number: 1}, Dataset: eval.Dataset{Name: "d", Path: "d.jsonl"}}
	for _, c := range candidates {
		r.Candidates = append(r.Candidates, eval.Candidate{Name: c, Provider: "p", Model: c + "-model"})
		r.Prices = append(r.Prices, eval.PriceRow{})
	}
	return r
}

// begin starts a run of n tasks of two types and returns its journal.
func begin(t testing.TB, s *store.Store, run *eval.Run, n int) *store.Journal {
	t.Helper()
	run.Dataset.Tasks = n
	if _, err := s.StartRun(t.Context(), run); err != nil {
		t.Fatal(err)
	}
	j, err := s.Journal(t.Context(), run)
	if err != nil {
		t.Fatal(err)
	}
	var block []*eval.Task
	for i := range n {
		block = append(block, task(i))
	}
	if err := j.AddTasks(t.Context(), block); err != nil {
		t.Fatal(err)
	}
	return j
}

func kind(i int) string { return []string{"label", "title"}[i%2] }

func task(i int) *eval.Task {
	raw := fmt.Appendf(nil, `{"id":"t%d","input":"question %d"}`, i, i)
	return &eval.Task{Seq: i, File: "d.jsonl", Line: i + 1, Digest: eval.DigestOf(raw), Raw: raw, ID: fmt.Sprintf("t%d", i), Type: kind(i),
		Messages: []eval.Message{eval.TextMessage("user", "question")}}
}

// answered is a trial of one attempt that was accepted or rejected.
func plain(i, candidate int, ok bool, cost eval.Money) *eval.Trial {
	v := eval.Rejected
	if ok {
		v = eval.Accepted
	}
	a := eval.Attempt{Cause: eval.CauseFirst, Candidate: "a", Provider: "p", Model: "a-model", Served: "a-model-0301", StartedAt: newClock().at,
		InFlight: 120 * time.Millisecond, TTFT: new(time.Duration), Finish: eval.FinishStop, FinishRaw: "stop", Usage: &eval.Usage{InFresh: 12, OutText: 3},
		Billing: eval.Billed, Cost: eval.Exactly(cost), Status: 200, RequestID: "req-1", Output: eval.Untrusted(fmt.Sprintf("answer %d", i)),
		SystemHash: eval.DigestOf([]byte("system")), ToolsHash: eval.DigestOf(nil), ParamsHash: eval.DigestOf([]byte("params")),
		Grade: &eval.Grade{Verdict: v, Scores: []eval.Score{{Grader: "exact", Pass: &ok}}}}
	*a.TTFT = 40 * time.Millisecond
	return &eval.Trial{TaskSeq: i, TaskID: fmt.Sprintf("t%d", i), TaskType: kind(i), Cluster: fmt.Sprintf("t%d", i), InputType: eval.InputText, Candidate: candidate,
		Verdict: v, Attempts: []eval.Attempt{a}, FirstTry: &ok, AfterRegen: &ok, HumanFixFrom: eval.UnknownOrigin, Cost: eval.CostSplit{Answer: a.Cost}}
}

// failed is a trial whose only attempt gave no answer.
func failed(i, candidate int, class eval.Class, cost eval.Cost) *eval.Trial {
	t := plain(i, candidate, false, 0)
	a := &t.Attempts[0]
	a.Failure = &eval.Failure{Class: class, Phase: eval.PhaseResponse, Status: 500, Message: "it broke"}
	a.Grade, a.Output, a.Usage, a.TTFT, a.Finish, a.FinishRaw, a.Billing, a.Cost, a.Status = nil, "", nil, nil, "", "", eval.Unbilled, cost, 500
	t.Verdict, t.Final, t.FirstTry, t.AfterRegen = eval.Errored, -1, nil, nil
	t.Cost = eval.CostSplit{Failed: cost}
	return t
}

func record(t testing.TB, j *store.Journal, trials ...*eval.Trial) {
	t.Helper()
	for _, trial := range trials {
		if err := j.Record(t.Context(), trial); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func trials(t testing.TB, s *store.Store, run string, f store.Filter) []*eval.Trial {
	t.Helper()
	var out []*eval.Trial
	for trial, err := range s.Trials(context.Background(), run, f) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, trial)
	}
	return out
}

// overall is the cell of a candidate over all task types.
func overall(t testing.TB, s *store.Store, run string, candidate int) eval.Cell {
	t.Helper()
	cells, err := s.Cells(context.Background(), run)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cells {
		if c.TaskType == "*" && c.Candidate == candidate {
			return c
		}
	}
	t.Fatalf("no cell of candidate %d", candidate)
	return eval.Cell{}
}

func asJSON(t testing.TB, v any) string {
	t.Helper()
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
