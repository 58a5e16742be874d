package browse_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"infer/cmd/internal/browse"
	"infer/eval"
	"infer/eval/store"
	"infer/report/tui"
)

// shape is a run to be made: the verdict of every trial by task, candidate and
// repeat, "" where there is none.
type shape struct {
	candidates, repeats int
	verdicts            []eval.Verdict
}

func (s *shape) tasks() int { return len(s.verdicts) / (s.candidates * s.repeats) }

func (s *shape) at(task, candidate, repeat int) eval.Verdict {
	return s.verdicts[(task*s.candidates+candidate)*s.repeats+repeat]
}

var kinds = []string{"extract", "reply 100%", "title_a"}

func idOf(i int) string   { return fmt.Sprintf("Task-%02d", i) }
func kindOf(i int) string { return kinds[i%len(kinds)] }

// latencyOf and costOf are what a trial took and cost, different for each.
func latencyOf(task, candidate, repeat int) time.Duration {
	return time.Duration(100+(task*37+candidate*11+repeat*3)%400) * time.Millisecond
}

// Parts of 1024 have no rounding, so that equal sums are equal.
func costOf(task, candidate int) eval.Money {
	return eval.Money(1+(task*13+candidate)%50) * eval.USD / 1024
}

// make writes the run to a store.
func (s *shape) make(t testing.TB, path, run string, state eval.RunState) *store.Store {
	t.Helper()
	ctx := context.Background()
	st, err := store.Open(ctx, path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := &eval.Run{ID: run, Name: run, Repeats: s.repeats, Seed: 1, Grading: eval.Grading{Number: 1}, Dataset: eval.Dataset{Name: "d", Path: "d.jsonl", Tasks: s.tasks()}}
	for c := range s.candidates {
		r.Candidates = append(r.Candidates, eval.Candidate{Name: string(rune('a' + c)), Provider: "p", Model: "m"})
		r.Prices = append(r.Prices, eval.PriceRow{})
	}
	_, err = st.StartRun(ctx, r)
	must(t, err)
	j, err := st.Journal(ctx, r)
	must(t, err)
	var block []*eval.Task
	for i := range s.tasks() {
		raw := fmt.Appendf(nil, `{"id":%q,"task_type":%q,"input":"question %d","expected":%d}`, idOf(i), kindOf(i), i, i)
		block = append(block, &eval.Task{Seq: i, File: "d.jsonl", Line: i + 1, Digest: eval.DigestOf(raw), Raw: raw, ID: idOf(i), Type: kindOf(i), Messages: []eval.Message{eval.TextMessage("user", "q")}})
	}
	must(t, j.AddTasks(ctx, block))
	for i := range s.tasks() {
		for c := range s.candidates {
			for rep := range s.repeats {
				if v := s.at(i, c, rep); v != "" {
					must(t, j.Record(ctx, trial(i, c, rep, v)))
				}
			}
		}
	}
	must(t, j.Flush(ctx))
	if state != eval.RunRunning {
		must(t, st.FinishRun(ctx, run, state))
	}
	return st
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func trial(i, c, rep int, v eval.Verdict) *eval.Trial {
	a := eval.Attempt{Cause: eval.CauseFirst, Candidate: "x", Provider: "p", Model: "m", StartedAt: time.Unix(1_800_000_000, 0), InFlight: latencyOf(i, c, rep), Billing: eval.Billed,
		Cost: eval.Exactly(costOf(i, c)), Output: eval.Untrusted(fmt.Sprintf("answer %d", i))}
	t := &eval.Trial{TaskSeq: i, TaskID: idOf(i), TaskType: kindOf(i), Cluster: idOf(i), InputType: eval.InputText, Candidate: c, Repeat: rep, Verdict: v, HumanFixFrom: eval.UnknownOrigin, Cost: eval.CostSplit{Answer: a.Cost}}
	if v == eval.Errored {
		a.Failure, t.Final = &eval.Failure{Class: classOf(i)}, -1
	}
	t.Attempts = []eval.Attempt{a}
	return t
}

func classOf(i int) eval.Class { return []eval.Class{eval.ClassTimeout, eval.ClassNetwork}[i%2] }

// wanted is what a query selects, found the plain way.
func (s *shape) wanted(q *tui.Query) []int {
	var out []int
	weight := make(map[int]float64)
	for i := range s.tasks() {
		var accepted, failed, errored, class, any bool
		var yes, calls, cost, latency float64
		for c := range s.candidates {
			for rep := range s.repeats {
				v := s.at(i, c, rep)
				any = any || v != ""
				if v == "" || q.Among != nil && !slices.Contains(q.Among, c) {
					continue
				}
				accepted = accepted || v == eval.Accepted
				failed = failed || v == eval.Rejected || v == eval.Errored
				errored = errored || v == eval.Errored
				class = class || v == eval.Errored && classOf(i) == q.Class
				if v == eval.Accepted {
					yes++
				}
				calls++
				cost += costOf(i, c).Float()
				latency = max(latency, float64(latencyOf(i, c, rep)))
			}
		}
		text := strings.ToLower(q.Text)
		if q.Text != "" && !strings.Contains(strings.ToLower(idOf(i)), text) && !strings.Contains(strings.ToLower(kindOf(i)), text) || q.Type != "" && q.Type != kindOf(i) {
			continue
		}
		if q.Only == tui.OnlyFailures && !failed || q.Only == tui.OnlyDifferent && !(accepted && failed) || q.Only == tui.OnlyErrors && !errored || q.Class != "" && !class {
			continue
		}
		if !any && (q.Only != tui.OnlyAll || q.Class != "" || q.Order != tui.OrderDataset) {
			continue
		}
		out = append(out, i)
		weight[i] = map[tui.Order]float64{tui.OrderWorst: -yes, tui.OrderCost: cost, tui.OrderLatency: latency, tui.OrderTries: calls}[q.Order]
	}
	sort.SliceStable(out, func(a, b int) bool { return weight[out[a]] > weight[out[b]] })
	if q.Back {
		slices.Reverse(out)
	}
	return out
}

// all asks until the source is done, page by page.
func all(t testing.TB, src *browse.Tasks, run string, q tui.Query) []int {
	t.Helper()
	var out []int
	for {
		q.From = len(out)
		p, err := src.Tasks(context.Background(), run, q)
		must(t, err)
		if !p.Done() {
			continue
		}
		for _, r := range p.Rows {
			out = append(out, r.Seq)
		}
		if len(out) >= p.Total {
			return out
		}
		if len(p.Rows) == 0 {
			t.Fatalf("no rows from %d of %d", q.From, p.Total)
		}
	}
}

// TestTasks holds many queries on many runs against the plain way of answering them.
func TestTasks(t *testing.T) {
	t.Parallel()
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(seed, 1))
			s := &shape{candidates: 1 + rng.IntN(3), repeats: 1 + rng.IntN(2)}
			for range (1 + rng.IntN(40)) * s.candidates * s.repeats {
				s.verdicts = append(s.verdicts, pick(rng, eval.Accepted, eval.Accepted, eval.Rejected, eval.Errored, eval.Unscored, ""))
			}
			st := s.make(t, filepath.Join(t.TempDir(), "s.db"), "r1", eval.RunComplete)
			defer st.Close() //nolint:errcheck // a test's own
			src := browse.New(st, nil)
			for range 60 {
				q := tui.Query{Only: tui.Only(rng.IntN(4)), Order: pick(rng, tui.Orders()...), Back: rng.IntN(2) == 0, Text: pick(rng, "", "", "TASK-1", "0%", "e_a", "extract", "nothing"),
					Type: pick(rng, "", "", "extract", "title_a"), Class: pick(rng, "", "", eval.ClassTimeout, eval.ClassParameter), Size: 1 + rng.IntN(12)}
				if rng.IntN(2) == 0 {
					q.Among = []int{rng.IntN(s.candidates)}
				}
				if diff := cmp.Diff(s.wanted(&q), all(t, src, "r1", q)); diff != "" {
					t.Fatalf("%+v (-want +got):\n%s", q, diff)
				}
			}
		})
	}
}

func pick[T any](rng *rand.Rand, of ...T) T { return of[rng.IntN(len(of))] }

// TestRows: a row holds what every candidate made of the task, over its repeats.
func TestRows(t *testing.T) {
	t.Parallel()
	s := &shape{candidates: 2, repeats: 2, verdicts: []eval.Verdict{eval.Accepted, eval.Rejected, eval.Errored, ""}}
	st := s.make(t, filepath.Join(t.TempDir(), "s.db"), "r1", eval.RunComplete)
	defer st.Close() //nolint:errcheck // a test's own
	p, err := browse.New(st, nil).Tasks(t.Context(), "r1", tui.Query{Size: 5})
	must(t, err)
	want := tui.Page{Total: 1, Rows: []tui.TaskLine{{ID: "Task-00", Type: "extract", Input: "question 0", Expected: "0", Outcomes: []tui.Outcome{
		{Verdict: eval.Rejected, Repeats: 2, Accepted: 1, Calls: 2, Latency: 103_000, Cost: eval.Exactly(eval.USD / 512)},
		{Verdict: eval.Errored, Class: eval.ClassTimeout, Repeats: 1, Calls: 1, Latency: 111_000, Cost: eval.Exactly(eval.USD / 512)}}}}}
	if diff := cmp.Diff(want, p); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestFollow: what another process writes meanwhile is found, without reading again
// what was read.
func TestFollow(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s.db")
	s := &shape{candidates: 1, repeats: 1, verdicts: []eval.Verdict{eval.Rejected, eval.Accepted, "", "", ""}}
	w := s.make(t, path, "r1", eval.RunRunning)
	defer w.Close() //nolint:errcheck // a test's own
	r, err := store.OpenReadOnly(t.Context(), path)
	must(t, err)
	defer r.Close() //nolint:errcheck // a test's own
	src := browse.New(r, nil)
	q := tui.Query{Only: tui.OnlyFailures, Size: 10}
	if got := all(t, src, "r1", q); !slices.Equal(got, []int{0}) {
		t.Fatalf("got %v", got)
	}
	run, err := w.Run(t.Context(), "r1")
	must(t, err)
	j, err := w.Journal(t.Context(), run)
	must(t, err)
	must(t, j.Record(t.Context(), trial(3, 0, 0, eval.Rejected)))
	must(t, j.Flush(t.Context()))
	if got := all(t, src, "r1", q); !slices.Equal(got, []int{0, 3}) {
		t.Errorf("after another trial: %v", got)
	}
	// The same trial again, with another outcome: an invocation that ended changes the
	// run's version, and all is read again.
	must(t, j.Record(t.Context(), trial(0, 0, 0, eval.Accepted)))
	must(t, w.FinishRun(t.Context(), "r1", eval.RunIncomplete))
	if got := all(t, src, "r1", q); !slices.Equal(got, []int{3}) {
		t.Errorf("after the first was run again: %v", got)
	}
}

// TestTwoRuns: the trials of another run in the store are none of this one.
func TestTwoRuns(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s.db")
	s := &shape{candidates: 1, repeats: 1, verdicts: []eval.Verdict{eval.Rejected, eval.Rejected, eval.Accepted}}
	must(t, s.make(t, path, "r1", eval.RunComplete).Close())
	o := &shape{candidates: 1, repeats: 1, verdicts: []eval.Verdict{eval.Accepted, eval.Rejected}}
	st := o.make(t, path, "r2", eval.RunComplete)
	defer st.Close() //nolint:errcheck // a test's own
	src := browse.New(st, nil)
	for run, want := range map[string][]int{"r1": {0, 1}, "r2": {1}} {
		if got := all(t, src, run, tui.Query{Only: tui.OnlyFailures, Size: 3}); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", run, got, want)
		}
	}
	if _, err := src.Tasks(t.Context(), "none", tui.Query{}); err == nil {
		t.Error("a run that is not there has tasks")
	}
}

// TestTask gives one task whole.
func TestTask(t *testing.T) {
	t.Parallel()
	s := &shape{candidates: 2, repeats: 2, verdicts: []eval.Verdict{eval.Accepted, "", "", "", eval.Accepted, eval.Rejected, eval.Errored, eval.Accepted}}
	st := s.make(t, filepath.Join(t.TempDir(), "s.db"), "r1", eval.RunComplete)
	defer st.Close() //nolint:errcheck // a test's own
	d, err := browse.New(st, nil).Task(t.Context(), "r1", 1)
	must(t, err)
	if d.ID != "Task-01" || d.Type != kinds[1] || d.File != "d.jsonl" || d.Line != 2 || d.Expected != "1" || len(d.Messages) != 1 || d.Messages[0].Text() != "question 1" || !slices.Equal(d.Candidates, []string{"a", "b"}) {
		t.Errorf("%+v", d)
	}
	var got []string
	for _, tr := range d.Trials {
		got = append(got, fmt.Sprintf("%d %d %s %s", tr.Candidate, tr.Repeat, tr.Verdict, tr.Attempts[0].Output))
	}
	if diff := cmp.Diff([]string{"0 0 accepted answer 1", "0 1 rejected answer 1", "1 0 errored answer 1", "1 1 accepted answer 1"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := browse.New(st, nil).Task(t.Context(), "r1", 9); err == nil {
		t.Error("a task that is not there was found")
	}
}
