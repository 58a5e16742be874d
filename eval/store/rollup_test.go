package store_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sort"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"infer/eval"
	"infer/eval/store"
)

// drawTrial is any trial that a run can end with.
func drawTrial(rt *rapid.T, i, candidate, repeat int) *eval.Trial {
	t := plain(i, candidate, rapid.Bool().Draw(rt, "ok"), eval.Money(rapid.Int64Range(0, 1e9).Draw(rt, "cost")))
	t.Repeat = repeat
	t.Cluster = fmt.Sprintf("g%d", rapid.IntRange(0, 5).Draw(rt, "cluster"))
	t.Attempts[0].InFlight = time.Duration(rapid.Int64Range(0, 5e6).Draw(rt, "flight")) * time.Microsecond
	switch rapid.IntRange(0, 7).Draw(rt, "end") {
	case 0:
		class := rapid.SampledFrom(eval.Classes()).Draw(rt, "class")
		cost := rapid.SampledFrom([]eval.Cost{eval.Exactly(0), eval.Between(1, 9), eval.UnknownCost()}).Draw(rt, "failed")
		at := t.Cluster
		t = failed(i, candidate, class, cost)
		t.Repeat, t.Cluster, t.CutOff = repeat, at, rapid.Bool().Draw(rt, "cut off")
	case 1:
		t.Verdict, t.FirstTry, t.AfterRegen = eval.Unscored, nil, nil
		t.Attempts[0].Grade.Verdict = eval.Unscored
	case 2:
		t.Verdict, t.Plan = eval.NeedsConfirmation, "{}"
	case 3:
		retry := failed(i, candidate, eval.ClassRateLimit, eval.Between(0, 3)).Attempts[0]
		last := t.Attempts[0]
		last.Seq, last.Cause, last.Backoff = 1, rapid.SampledFrom([]eval.Cause{eval.CauseRetry, eval.CauseFallback}).Draw(rt, "cause"), time.Second
		t.Attempts, t.Final = []eval.Attempt{retry, last}, 1
		t.Cost = eval.CostSplit{Failed: retry.Cost, Retries: last.Cost, Judge: eval.Exactly(2)}
	case 4:
		t.Verdict, t.HumanFix, t.HumanFixFrom, t.Regenerations = eval.Accepted, ptr(true), eval.Imputed, 2
		t.Cost.Repair = eval.Exactly(1e12)
	}
	return t
}

// sums is what the cells must say, counted the plain way.
func sums(all []*eval.Trial) map[string]*eval.Cell {
	cells := make(map[string]*eval.Cell)
	type group struct{ t, n, c float64 }
	groups := make(map[string]map[string]*group)
	latency, ttft := make(map[string][]int64), make(map[string][]int64)
	for _, t := range all {
		for _, kind := range []string{t.TaskType, "*"} {
			key := fmt.Sprintf("%s/%d", kind, t.Candidate)
			c := cells[key]
			if c == nil {
				c = &eval.Cell{TaskType: kind, Candidate: t.Candidate, Errors: map[eval.Class]int64{}}
				cells[key], groups[key] = c, make(map[string]*group)
			}
			g := groups[key][t.Cluster]
			if g == nil {
				g = &group{}
				groups[key][t.Cluster] = g
			}
			g.c += t.Cost.Final().Low.Float()
			c.Attempts += int64(len(t.Attempts))
			c.Retries += int64(t.Retries())
			c.Regenerations += int64(t.Regenerations)
			c.Split = c.Split.Plus(t.Cost)
			if t.CutOff || t.Verdict != eval.Accepted {
				c.Abandoned = c.Abandoned.Plus(t.Cost.Final())
			}
			for i := range t.Attempts {
				c.Flight.Add(t.Attempts[i].InFlight.Microseconds())
				c.Queue.Add(t.Attempts[i].QueueWait.Microseconds())
			}
			if t.CutOff {
				continue
			}
			c.N++
			switch t.Verdict {
			case eval.Accepted:
				c.Accepted++
			case eval.Rejected:
				c.Rejected++
			case eval.Unscored:
				c.Unscored++
			case eval.Errored:
				c.Errored++
				c.Errors[t.ErrorClass()]++
			case eval.NeedsConfirmation:
				c.NeedsConfirmation++
			}
			if eval.Judged(t.Verdict, t.ErrorClass()) {
				c.Judged++
				g.n++
				if t.Verdict == eval.Accepted {
					g.t++
				}
			}
			for b, n := range map[*bool]*int64{t.FirstTry: &c.FirstTry, t.HumanFix: &c.HumanFixes} {
				if b != nil && *b {
					*n++
				}
			}
			if t.AfterRegen != nil && *t.AfterRegen {
				c.AfterRegen++
			}
			if t.FallbackUsed() {
				c.Fallbacks++
			}
			if d, ok := t.UserVisible(); ok && t.Final >= 0 {
				c.Latency.Add(d.Microseconds())
				latency[key] = append(latency[key], d.Microseconds())
			}
			if d, ok := t.FirstToken(); ok {
				c.TTFT.Add(d.Microseconds())
				ttft[key] = append(ttft[key], d.Microseconds())
			}
		}
	}
	for key, c := range cells {
		for _, g := range groups[key] {
			c.CostClusters++
			c.SumC, c.SumC2, c.SumCT, c.SumT2 = c.SumC+g.c, c.SumC2+g.c*g.c, c.SumCT+g.c*g.t, c.SumT2+g.t*g.t
			if g.n > 0 {
				c.Clusters++
				c.SumTN, c.SumN2 = c.SumTN+g.t*g.n, c.SumN2+g.n*g.n
			}
		}
		c.ExactLatency, c.ExactTTFT = ranks(latency[key]), ranks(ttft[key])
	}
	return cells
}

// ranks are the order statistics ⌈n/2⌉ and ⌈0.95·n⌉.
func ranks(v []int64) *[2]int64 {
	if len(v) == 0 {
		return nil
	}
	slices.Sort(v)
	n := float64(len(v))
	return &[2]int64{v[int(math.Ceil(n/2))-1], v[int(math.Ceil(0.95*n-1e-9))-1]}
}

// TestCells: roll-ups, a scan and the plain sums over the trials agree, whatever
// the trials are, and also while the run is still being written.
func TestCells(t *testing.T) {
	t.Parallel()
	s := fresh(t)
	opts := cmp.Options{cmpopts.EquateApprox(1e-9, 1e-15), cmp.Comparer(func(a, b eval.Histogram) bool {
		x, _ := a.MarshalText()
		y, _ := b.MarshalText()
		return string(x) == string(y)
	}), cmpopts.IgnoreFields(eval.Cell{}, "Samples"), cmpopts.EquateEmpty()}
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		run := newRun(fmt.Sprintf("r%d", n), "a", "b")
		run.Repeats = 2
		j := begin(t, s, run, 6)
		var all []*eval.Trial
		for i := range 6 {
			for c := range 2 {
				for r := range 2 {
					if rapid.IntRange(0, 9).Draw(rt, "ran") < 8 {
						all = append(all, drawTrial(rt, i, c, r))
					}
				}
			}
		}
		for _, trial := range all {
			if err := j.Record(context.Background(), trial); err != nil {
				rt.Fatal(err)
			}
		}
		if err := j.Flush(context.Background()); err != nil {
			rt.Fatal(err)
		}
		want := sums(all)
		compare := func(when string) {
			cells, err := s.Cells(context.Background(), run.ID)
			if err != nil {
				rt.Fatal(err)
			}
			if len(cells) != len(want) {
				rt.Fatalf("%s: %d cells, want %d", when, len(cells), len(want))
			}
			if !sort.SliceIsSorted(cells, func(i, j int) bool {
				a, b := cells[i], cells[j]
				return a.TaskType < b.TaskType || a.TaskType == b.TaskType && a.Candidate < b.Candidate
			}) {
				rt.Fatalf("%s: the cells are not in order", when)
			}
			for _, c := range cells {
				if diff := cmp.Diff(*want[fmt.Sprintf("%s/%d", c.TaskType, c.Candidate)], c, opts); diff != "" {
					rt.Fatalf("%s, %s of candidate %d (-sums +cell):\n%s", when, c.TaskType, c.Candidate, diff)
				}
			}
		}
		compare("while it is written")
		if err := s.FinishRun(context.Background(), run.ID, eval.RunComplete); err != nil {
			rt.Fatal(err)
		}
		compare("from the roll-ups")
		if err := store.Forget(s); err != nil {
			rt.Fatal(err)
		}
		compare("from a scan")
	})
}

// TestSamples: the first failure of each class says what it said.
func TestSamples(t *testing.T) {
	t.Parallel()
	s := fresh(t)
	j := begin(t, s, newRun("r1", "a"), 4)
	late, early := failed(3, 0, eval.ClassTimeout, eval.Exactly(0)), failed(1, 0, eval.ClassTimeout, eval.Exactly(0))
	late.Attempts[0].Failure.Message, early.Attempts[0].Failure.Message = "the late one", "the early one"
	record(t, j, late, early, plain(0, 0, true, 1))
	if got := overall(t, s, "r1", 0).Samples[eval.ClassTimeout]; got != "the early one" {
		t.Errorf("sample %q", got.Raw())
	}
}

// TestRollNotStale: a run that another process took over meanwhile does not get
// roll-ups that lack what that one wrote.
func TestRollNotStale(t *testing.T) {
	t.Parallel()
	path := t.TempDir() + "/infer.db"
	a, b := open(t, path), open(t, path)
	run := newRun("r1", "a")
	j := begin(t, a, run, 2)
	record(t, j, plain(0, 0, true, 1))
	store.LetGo(a) // it was silent for too long
	if _, err := b.StartRun(t.Context(), run); err != nil {
		t.Fatal(err)
	}
	jb, err := b.Journal(t.Context(), run)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.FinishRun(t.Context(), "r1", eval.RunComplete); eval.KindOf(err) != eval.KindStore {
		t.Errorf("the first process finished a run that was no longer its own: %v", err)
	}
	if err := a.Beat(t.Context(), "r1"); eval.KindOf(err) != eval.KindStore {
		t.Errorf("nor did its beat say so: %v", err)
	}
	record(t, jb, plain(1, 0, true, 1))
	if n := overall(t, a, "r1", 0).N; n != 2 {
		t.Errorf("the cells count %d trials, want 2", n)
	}
	if err := errors.Join(b.FinishRun(t.Context(), "r1", eval.RunComplete)); err != nil {
		t.Fatal(err)
	}
	if n := overall(t, a, "r1", 0).N; n != 2 {
		t.Errorf("the roll-ups count %d trials, want 2", n)
	}
}
