package runner_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"infer/eval"
	"infer/eval/runner"
)

// batcher is a provider of batches: each ends some time after it was submitted.
type batcher struct {
	takes   time.Duration
	appears time.Duration // after so long, a batch can be found
	sending time.Duration // how long a submission takes
	// answer is what comes of one call; nil = the batch ends without an answer to it.
	answer func(req *eval.Request) *eval.Response
	refuse func(n int) (*eval.Failure, bool) // of the nth Submit: the failure, and whether the batch is there all the same

	mu        sync.Mutex
	submitted int
	batches   map[string]*submitted // by number
	asked     map[eval.Digest]int   // how often each call was submitted
	collect   *eval.Failure         // of every Collect
}

type submitted struct {
	key   string
	at    time.Time
	calls []eval.BatchCall
}

func newBatcher(takes time.Duration) *batcher {
	return &batcher{takes: takes, batches: make(map[string]*submitted), asked: make(map[eval.Digest]int),
		answer: func(*eval.Request) *eval.Response { r := say("ok"); return &r }}
}

func (b *batcher) Submit(ctx context.Context, batch *eval.Batch, calls []eval.BatchCall) (string, *eval.Failure) {
	if b.sending > 0 && runner.Sleep(ctx, b.sending) != nil {
		return "", &eval.Failure{Class: eval.ClassCancelled}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.submitted++
	var f *eval.Failure
	there := true
	if b.refuse != nil {
		f, there = b.refuse(b.submitted)
	}
	if !there {
		return "", f
	}
	id := fmt.Sprint("batch", len(b.batches)+1)
	b.batches[id] = &submitted{batch.Key, time.Now(), calls}
	for _, c := range calls {
		b.asked[c.Key]++
	}
	if f != nil {
		return "", f
	}
	return id, nil
}

func (b *batcher) Find(_ context.Context, batch *eval.Batch) (string, *eval.Failure) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, s := range b.batches {
		if s.key == batch.Key && time.Since(s.at) >= b.appears {
			return id, nil
		}
	}
	return "", nil
}

func (b *batcher) Collect(_ context.Context, batch *eval.Batch, each func(eval.Digest, eval.Response)) (eval.BatchProgress, *eval.Failure) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.batches[batch.ID]
	switch {
	case b.collect != nil:
		return eval.BatchProgress{}, b.collect
	case s == nil:
		return eval.BatchProgress{}, &eval.Failure{Class: eval.ClassParameter, Status: 404}
	case time.Since(s.at) < b.takes:
		return eval.BatchProgress{Last: len(s.calls)}, nil
	}
	for _, c := range s.calls {
		if r := b.answer(c.Request); r != nil {
			each(c.Key, *r)
		}
	}
	return eval.BatchProgress{Ended: true, Done: len(s.calls), Last: len(s.calls)}, nil
}

// batchLog keeps the last word on each batch.
type batchLog struct {
	mu sync.Mutex
	by map[string]eval.Batch
}

func (l *batchLog) SaveBatch(_ context.Context, b *eval.Batch) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.by == nil {
		l.by = make(map[string]eval.Batch)
	}
	l.by[b.Key] = *b
	return nil
}

func (l *batchLog) all() []eval.Batch {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Collect(maps.Values(l.by))
}

// batched is a run of n tasks in batches.
func batched(n int, b *batcher, j *journal, log *batchLog) runner.Options {
	c := &eval.Candidate{Name: "m", Provider: "p", Model: "m", Retry: eval.Retry{Max: 2}}
	run := &eval.Run{ID: "r", Candidates: []eval.Candidate{*c}, Repeats: 1, Seed: 1}
	return runner.Options{Run: run, Lanes: []runner.Lane{{Primary: runner.Target{Candidate: c, Price: price(1), Paid: true, Batch: b}}},
		Tasks: tasks(n), Grader: grader{}, Journal: j, Concurrency: 1000,
		Batches: &runner.BatchOptions{Log: log, Known: log.all(), Settle: time.Second, Poll: 10 * time.Second, Grace: time.Minute, Most: 400}}
}

func TestBatches(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, j, log := newBatcher(time.Hour), new(journal), new(batchLog)
		res, err := runner.Run(t.Context(), batched(1000, b, j, log))
		if err != nil || res.Trials != 1000 || res.Calls != 1000 {
			t.Fatalf("%+v, %v", res, err)
		}
		if b.submitted != 3 { // of 400 at most
			t.Errorf("%d batches", b.submitted)
		}
		if len(j.intents) != 0 {
			t.Errorf("%d intents of calls that no process makes", len(j.intents))
		}
		for _, tr := range j.finished() {
			a := &tr.Attempts[0]
			if _, known := tr.UserVisible(); known || a.Batch == "" || a.QueueWait != 0 {
				t.Fatalf("a call of batch %q took %s, and waited %s", a.Batch, a.InFlight, a.QueueWait)
			}
		}
		for _, saved := range log.all() {
			if saved.State != eval.BatchEnded || saved.ID == "" || saved.EndedAt == nil {
				t.Errorf("%+v", saved)
			}
		}
	})
}

// TestBatchesContinue stops a run while its batches are under way; the same run
// finds their answers, and no call is submitted twice.
func TestBatchesContinue(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		after time.Duration // when it is stopped
		sent  int           // calls by then
	}{{"before a batch was sent", 500 * time.Millisecond, 0}, {"under way", time.Minute, 100}, {"in the retries", 61 * time.Minute, 150}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b, j, log := newBatcher(time.Hour), new(journal), new(batchLog)
				b.answer = func(req *eval.Request) *eval.Response {
					r := say("ok")
					if req.Draw == 0 && req.TaskID[len(req.TaskID)-1]%2 == 0 {
						r = say("500")
					}
					return &r
				}
				stop := make(chan struct{})
				time.AfterFunc(c.after, func() { close(stop) })
				o := batched(100, b, j, log)
				o.Stop = stop
				res, err := runner.Run(t.Context(), o)
				if err != nil || res.Stopped != "interrupted" {
					t.Fatalf("%+v, %v", res, err)
				}
				if len(b.asked) != c.sent {
					t.Errorf("%d calls were submitted before it stopped, want %d", len(b.asked), c.sent)
				}
				done := make(map[int]bool)
				for _, tr := range j.trials {
					if tr.CutOff {
						t.Errorf("task %d was recorded although its batch goes on", tr.TaskSeq)
					}
					done[tr.TaskSeq] = true
				}
				o = batched(100, b, j, log)
				o.Done = func(seq, _, _ int) bool { return done[seq] }
				if res, err = runner.Run(t.Context(), o); err != nil || res.Stopped != "" {
					t.Fatalf("%+v, %v", res, err)
				}
				if got := len(j.finished()); got != 100 {
					t.Errorf("%d trials have an outcome", got)
				}
				for key, n := range b.asked {
					if n != 1 {
						t.Errorf("call %s was submitted %d times", key, n)
					}
				}
				if got := callsOf(j.trials); got != len(b.asked) {
					t.Errorf("%d calls recorded, %d submitted", got, len(b.asked))
				}
			})
		})
	}
}

func callsOf(trials []*eval.Trial) (n int) {
	for _, t := range trials {
		n += len(t.Attempts)
	}
	return n
}

func TestBatchesThatFail(t *testing.T) {
	t.Parallel()
	down := &eval.Failure{Class: eval.ClassUnavailable, Status: 503, Retry: true, Billing: eval.Unbilled}
	for _, c := range []struct {
		name    string
		change  func(*batcher)
		verdict eval.Verdict
		calls   int // of each trial
		batches int // submitted
		billing eval.Billing
	}{
		{"no answer came", func(b *batcher) { b.answer = func(*eval.Request) *eval.Response { return nil } }, eval.Errored, 3, 3, eval.NotBilled},
		{"the first was refused, and is not there", func(b *batcher) {
			b.refuse = func(n int) (*eval.Failure, bool) { f := *down; return pick(n == 1, &f, nil), n > 1 }
		}, eval.Accepted, 2, 2, eval.NotBilled},
		{"the first seemed refused, and is there", func(b *batcher) {
			b.refuse = func(n int) (*eval.Failure, bool) { f := *down; return pick(n == 1, &f, nil), true }
		}, eval.Accepted, 1, 1, eval.Billed},
		{"its parameters are refused", func(b *batcher) {
			b.refuse = func(int) (*eval.Failure, bool) {
				return &eval.Failure{Class: eval.ClassParameter, Status: 400, Billing: eval.NotBilled}, false
			}
		}, eval.Errored, 1, 1, eval.NotBilled},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b, j := newBatcher(time.Minute), new(journal)
				c.change(b)
				if _, err := runner.Run(t.Context(), batched(5, b, j, new(batchLog))); err != nil {
					t.Fatal(err)
				}
				for _, tr := range j.finished() {
					if tr.Verdict != c.verdict || len(tr.Attempts) != c.calls || tr.Attempts[0].Billing != c.billing {
						t.Errorf("%s after %d calls, the first %s; want %s after %d, %s", tr.Verdict, len(tr.Attempts), tr.Attempts[0].Billing, c.verdict, c.calls, c.billing)
					}
				}
				if len(j.finished()) != 5 || b.submitted != c.batches {
					t.Errorf("%d trials, %d batches; want 5 and %d", len(j.finished()), b.submitted, c.batches)
				}
			})
		})
	}
}

func pick[T any](first bool, a, b T) T {
	if first {
		return a
	}
	return b
}

// TestBatchForgotten is a batch of an earlier invocation that the provider does not
// have any more: its calls are sent again.
func TestBatchForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, j, log := newBatcher(time.Minute), new(journal), new(batchLog)
		key := eval.BatchKey("r", "m", 0, 0, 0, 0, 0)
		log.by = map[string]eval.Batch{"old": {Key: "old", ID: "gone", Candidate: "m", State: eval.BatchSent, Calls: []eval.Digest{key}}}
		if _, err := runner.Run(t.Context(), batched(3, b, j, log)); err != nil || len(j.finished()) != 3 {
			t.Fatalf("%d trials, %v", len(j.finished()), err)
		}
		if log.by["old"].State != eval.BatchVoid || b.asked[key] != 1 {
			t.Errorf("the old batch is %s, its call was submitted %d times", log.by["old"].State, b.asked[key])
		}
	})
}

// TestBatchUnasked stops a run whose batches cannot be asked for: nothing of them is
// recorded, so that their answers are found when the key works again.
func TestBatchUnasked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, j, log := newBatcher(time.Minute), new(journal), new(batchLog)
		b.collect = &eval.Failure{Class: eval.ClassAuthBilling, Status: 401, Stop: true}
		res, err := runner.Run(t.Context(), batched(3, b, j, log))
		if err != nil || len(j.trials) != 0 || res.Halted["p"] == nil || res.Stopped == "" {
			t.Fatalf("%+v, %d trials, %v", res, len(j.trials), err)
		}
		b.collect = nil
		if _, err := runner.Run(t.Context(), batched(3, b, j, log)); err != nil || len(j.finished()) != 3 || b.submitted != 1 {
			t.Errorf("%d trials of %d batches, %v", len(j.finished()), b.submitted, err)
		}
	})
}

// TestBatchLimits keeps to a limit on calls: those that were begun are waited for.
func TestBatchLimits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, j := newBatcher(time.Minute), new(journal)
		o := batched(50, b, j, new(batchLog))
		o.MaxCalls = 20
		res, err := runner.Run(t.Context(), o)
		if err != nil || res.Calls != 20 || len(j.finished()) != 20 || len(b.asked) != 20 {
			t.Errorf("%+v: %d trials, %d calls submitted, %v", res, len(j.finished()), len(b.asked), err)
		}
	})
}

// TestBatchRecordedNotEnded is a process that died after it had recorded every answer of a
// batch, and before it had written that the batch ended.
func TestBatchRecordedNotEnded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, j, log := newBatcher(time.Minute), new(journal), new(batchLog)
		if _, err := runner.Run(t.Context(), batched(3, b, j, log)); err != nil {
			t.Fatal(err)
		}
		for key, l := range log.by {
			l.State, l.EndedAt = eval.BatchSent, nil
			log.by[key] = l
		}
		o := batched(3, b, j, log)
		o.Done = func(int, int, int) bool { return true }
		if _, err := runner.Run(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		for _, l := range log.all() {
			if l.State != eval.BatchEnded {
				t.Errorf("the batch is %s", l.State)
			}
		}
	})
}

// TestBatchAppears is a submission that was cut off with its process and that the
// provider shows half a minute later only: it is waited for, and nothing is sent twice.
func TestBatchAppears(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, j, log := newBatcher(time.Hour), new(journal), new(batchLog)
		b.appears = 30 * time.Second
		key := eval.BatchKey("r", "m", 0, 0, 0, 0, 0)
		req := runner.BuildRequest(task(0), &eval.Candidate{Model: "m"})
		b.batches["theirs"] = &submitted{"ours", time.Now(), []eval.BatchCall{{Key: key, Request: &req}}}
		b.asked[key] = 1
		log.by = map[string]eval.Batch{"ours": {Key: "ours", Candidate: "m", State: eval.BatchSending, Calls: []eval.Digest{key}, SentAt: time.Now()}}
		if _, err := runner.Run(t.Context(), batched(1, b, j, log)); err != nil || len(j.finished()) != 1 {
			t.Fatalf("%d trials, %v", len(j.finished()), err)
		}
		if b.submitted != 0 || log.by["ours"].State != eval.BatchEnded || log.by["ours"].ID != "theirs" {
			t.Errorf("%d submissions, %+v", b.submitted, log.by["ours"])
		}
	})
}

// TestBatchStopWhileSending interrupts a run while a batch is being submitted: the
// provider's word is waited for, so that the number of the batch is known.
func TestBatchStopWhileSending(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, j, log := newBatcher(time.Hour), new(journal), new(batchLog)
		b.sending = 3 * time.Second
		stop := make(chan struct{})
		time.AfterFunc(2*time.Second, func() { close(stop) })
		o := batched(5, b, j, log)
		o.Stop = stop
		if res, err := runner.Run(t.Context(), o); err != nil || res.Stopped != "interrupted" {
			t.Fatalf("%+v, %v", res, err)
		}
		for _, l := range log.all() {
			if l.State != eval.BatchSent || l.ID == "" {
				t.Errorf("%+v", l)
			}
		}
	})
}
