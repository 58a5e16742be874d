package decide_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"infer/eval"
	"infer/scoring/decide"
	"infer/scoring/stats"
)

// million is a stream of one million outcomes: 6 candidates on 20 task types.
func million(yield func(eval.Outcome, error) bool) {
	const candidates, types, perType = 6, 20, 8334
	rng := rand.New(rand.NewPCG(1, 2))
	for c := range candidates {
		for i := range types * perType {
			o := eval.Outcome{TaskSeq: int32(i), Cluster: int32(i), TaskType: int32(i % types), Candidate: int32(c), Verdict: eval.Rejected, Attempts: 1,
				Cost: eval.Exactly(eval.Money(1e6 * (1 + rng.Int64N(1000)) * int64(c+1))), LatencyUS: 1000 * (1 + rng.Int64N(5000)), TTFTUS: -1}
			if rng.IntN(100) < 96-c {
				o.Verdict = eval.Accepted
			}
			if rng.IntN(400) == 0 {
				o.Verdict, o.Class = eval.Errored, eval.ClassTimeout
			}
			if !yield(o, nil) {
				return
			}
		}
	}
}

// BenchmarkRecommend is a whole recommendation over 6 candidates × 20 task types
// and 1,000,000 trials, from the stream of outcomes to the last sentence.
func BenchmarkRecommend(b *testing.B) {
	run := &eval.Run{ID: "r1"}
	var names []string
	for i := range 20 {
		names = append(names, fmt.Sprintf("type%02d", i))
		run.TaskTypes = append(run.TaskTypes, eval.TaskType{Name: names[i], Class: eval.LowRisk, Margin: 0.05, SLO: 10 * time.Second, Volume: 10_000})
	}
	for i := range 6 {
		run.Candidates = append(run.Candidates, eval.Candidate{Name: fmt.Sprint("m", i), Provider: fmt.Sprint("p", i)})
	}
	floor := 0.9
	for b.Loop() {
		e, err := decide.Collect(names, 6, million)
		if err != nil {
			b.Fatal(err)
		}
		r, err := decide.Recommend(decide.Input{Run: run, Evidence: e, Rule: decide.DefaultRule(1),
			Limits: func(string) eval.GateLimits { return eval.GateLimits{MinReliability: &floor} }})
		if err != nil || len(r.Types) != 20 {
			b.Fatal(err)
		}
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(m.Sys)/(1<<20), "MiB-from-OS")
}

// BenchmarkResamples is 10,000 bucket resamples of 6 candidates and their pairs.
func BenchmarkResamples(b *testing.B) {
	sums := stats.NewSums(stats.MaxBuckets, 40)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range sums.Values {
		sums.Values[i] = rng.Float64()
	}
	var dst [stats.Together][]float64
	for i := range dst {
		dst[i] = make([]float64, 40)
	}
	for b.Loop() {
		d := stats.NewDraws(stats.MaxBuckets, 10_000, 1)
		for r := 0; r < 10_000; r += stats.Together {
			sums.Totals(&dst, &[stats.Together][]uint8{d.Row(r), d.Row(r + 1), d.Row(r + 2), d.Row(r + 3)})
		}
	}
}
