package browse_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"infer/eval"
	"infer/eval/store"
)

// The store of a million attempts is large and takes a while to make, so it is made
// once, where the flag says, and used again.
var million = flag.String("million", "", "folder that keeps a store of a million attempts; it is made there if it is not")

// Shape of that store.
const (
	manyTasks      = 200_000
	manyCandidates = 5
)

var manyTypes = []string{"extract_invoice", "ticket_class", "sentiment", "reply", "title", "language", "code_review", "summarize"}

// millionStore opens the store of a million attempts, or skips.
func millionStore(tb testing.TB) *store.Store {
	tb.Helper()
	if *million == "" {
		tb.Skip("no store of a million attempts: name a folder for one with -million DIR")
	}
	path := filepath.Join(*million, "million.db")
	if _, err := os.Stat(path); err != nil {
		if err := makeMillion(context.Background(), path); err != nil {
			tb.Fatal(err)
		}
	}
	s, err := store.OpenReadOnly(context.Background(), path)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = s.Close() })
	return s
}

func makeMillion(ctx context.Context, path string) (err error) {
	s, err := store.Open(ctx, path+".part", store.Options{})
	if err != nil {
		return err
	}
	run := &eval.Run{ID: "rmillion00", Name: "million", Repeats: 1, Seed: 1, Grading: eval.Grading{Number: 1}, Concurrency: 64,
		Dataset: eval.Dataset{Name: "many.jsonl", Path: "many.jsonl", Tasks: manyTasks}}
	for c := range manyCandidates {
		in, out := eval.Price(100_000*(c+1)), eval.Price(400_000*(c+1))
		run.Candidates = append(run.Candidates, eval.Candidate{Name: fmt.Sprintf("model-%c", 'a'+c), Provider: fmt.Sprintf("provider-%d", c%3), Model: fmt.Sprintf("model-%c", 'a'+c)})
		run.Prices = append(run.Prices, eval.PriceRow{Provider: fmt.Sprintf("provider-%d", c%3), Model: fmt.Sprintf("model-%c", 'a'+c), In: &in, Out: &out, Source: "invented", AsOf: "2026-01-01"})
	}
	if _, err := s.StartRun(ctx, run); err != nil {
		return err
	}
	j, err := s.Journal(ctx, run)
	if err != nil {
		return err
	}
	const block = 4000
	for from := 0; from < manyTasks; from += block {
		var tasks []*eval.Task
		for i := from; i < from+block; i++ {
			tasks = append(tasks, manyTask(i))
		}
		if err := j.AddTasks(ctx, tasks); err != nil {
			return err
		}
		// In a shuffled order, as the runner would.
		for k := range block * manyCandidates {
			k = k * 7919 % (block * manyCandidates)
			if err := j.Record(ctx, manyTrial(from+k/manyCandidates, k%manyCandidates)); err != nil {
				return err
			}
		}
	}
	if err := j.Flush(ctx); err != nil {
		return err
	}
	if err := s.FinishRun(ctx, run.ID, eval.RunComplete); err != nil {
		return err
	}
	if err := s.Close(); err != nil {
		return err
	}
	return os.Rename(path+".part", path)
}

func manyTask(i int) *eval.Task {
	input := fmt.Sprintf("Ticket %d: the parcel %x has been stuck in the depot since day %d and the customer asks for a refund or a new delivery date.", i, i*2654435761%1_000_003, i%365)
	raw := fmt.Appendf(nil, `{"id":"ticket-%06d","task_type":"%s","input":"%s","expected":"answer %d"}`, i, manyTypes[i%len(manyTypes)], input, i%50)
	return &eval.Task{Seq: i, File: "many.jsonl", Line: i + 1, Digest: eval.DigestOf(raw), Raw: raw, ID: fmt.Sprintf("ticket-%06d", i), Type: manyTypes[i%len(manyTypes)],
		Messages: []eval.Message{eval.TextMessage("user", input)}}
}

// manyTrial is accepted, rejected, retried or errored by arithmetic.
func manyTrial(i, c int) *eval.Trial {
	h := uint32(i*manyCandidates+c) * 2654435761
	roll := h >> 8 % 1000
	t := &eval.Trial{TaskSeq: i, TaskID: fmt.Sprintf("ticket-%06d", i), TaskType: manyTypes[i%len(manyTypes)], Cluster: fmt.Sprintf("ticket-%06d", i), InputType: eval.InputText,
		Candidate: c, Verdict: eval.Accepted, HumanFixFrom: eval.UnknownOrigin}
	yes, no := true, false
	t.FirstTry, t.AfterRegen = &yes, &yes
	ttft := time.Duration(100+h%300) * time.Millisecond
	a := eval.Attempt{Cause: eval.CauseFirst, Candidate: fmt.Sprintf("model-%c", 'a'+c), Provider: fmt.Sprintf("provider-%d", c%3), Model: fmt.Sprintf("model-%c", 'a'+c),
		StartedAt: time.Unix(1_790_000_000+int64(i)/100, 0), InFlight: time.Duration(400+h%1500) * time.Millisecond, TTFT: &ttft, Finish: eval.FinishStop, Billing: eval.Billed,
		Usage: &eval.Usage{InFresh: 60, OutText: int64(5 + h%20)}, Status: 200, Cost: eval.Exactly(eval.Money(6_000_000 + h%20*400_000)), Output: eval.Untrusted(fmt.Sprintf("answer %d", h%50))}
	grade := &eval.Grade{Verdict: eval.Accepted, Scores: []eval.Score{{Grader: "exact", Pass: &yes}}}
	switch {
	case roll < 150+uint32(c)*60:
		t.Verdict, t.FirstTry, t.AfterRegen = eval.Rejected, &no, &no
		grade = &eval.Grade{Verdict: eval.Rejected, Scores: []eval.Score{{Grader: "exact", Pass: &no, Explanation: "another answer was expected"}}}
	case roll > 995:
		t.Verdict, t.FirstTry, t.AfterRegen, t.Final, grade = eval.Errored, nil, nil, -1, nil
		a.Failure = &eval.Failure{Class: []eval.Class{eval.ClassTimeout, eval.ClassUnavailable, eval.ClassRateLimit}[h%3], Status: 503, Message: "the upstream is busy"}
		a.Output, a.Usage, a.TTFT, a.Billing, a.Cost, a.Finish = "", nil, nil, eval.NotBilled, eval.Exactly(0), ""
	}
	a.Grade = grade
	if roll%50 == 7 && grade != nil { // a retry made it good
		f := a
		f.Grade, f.Output, f.Usage, f.TTFT, f.Cost, f.Billing, f.Finish = nil, "", nil, nil, eval.Exactly(0), eval.NotBilled, ""
		f.Failure = &eval.Failure{Class: eval.ClassRateLimit, Status: 429, Message: "slow down"}
		a.Seq, a.Cause, a.Backoff = 1, eval.CauseRetry, time.Second
		t.Attempts, t.Final = []eval.Attempt{f}, 1
		t.Cost.Retries = a.Cost
	} else {
		t.Cost.Answer = a.Cost
	}
	t.Attempts = append(t.Attempts, a)
	return t
}
