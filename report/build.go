package report

import (
	"fmt"
	"math"
	"sort"
	"strings"

	"infer/eval"
	"infer/scoring/stats"
)

// confidence of every interval in a report.
const confidence = 0.95

// minQueue is the wait in microseconds that a warning is worth.
const minQueue = 10_000

// few is the number of clusters below which rates are not to be relied on.
const few = 10

// Build makes the report of a run from its cells, as the store gives them: one
// for each candidate on each task type, and one on Overall.
func Build(run *eval.Run, cells []eval.Cell) (*Report, error) {
	r := &Report{Schema: Schema, Run: describe(run), Cells: make([]Cell, 0, len(cells)), Warnings: []string{}}
	for i := range cells {
		if cells[i].Candidate < 0 || cells[i].Candidate >= len(run.Candidates) {
			return nil, fmt.Errorf("cell of candidate %d, but the plan has %d", cells[i].Candidate, len(run.Candidates))
		}
		from := &run.Candidates[cells[i].Candidate]
		c := cell(&cells[i], from.Name)
		if from.Recorded {
			c.recorded()
		}
		if c.OnJudges = run.Grading.RestsOnJudges(c.TaskType); c.OnJudges {
			c.Notes = append(c.Notes, "rests on judges: no gate until people have checked a sample")
		}
		r.Cells = append(r.Cells, c)
		if cells[i].TaskType == Overall && !from.Recorded {
			r.Run.Trials += cells[i].N
		}
	}
	sort.SliceStable(r.Cells, func(i, j int) bool {
		a, b := r.Cells[i].TaskType, r.Cells[j].TaskType
		return a != b && (a == Overall || b != Overall && a < b)
	})
	r.warn(run, cells)
	r.judge(run, cells)
	return r, nil
}

// recorded marks a row of what production did. Its cost is known as a whole only.
func (c *Cell) recorded() {
	c.Recorded = true
	part := eval.UnknownCost()
	c.Split = SplitOf(eval.CostSplit{Answer: part, Retries: part, Failed: part, Fallback: part, Regeneration: part, Tools: part, Repair: part, Judge: eval.Exactly(0)})
}

func describe(run *eval.Run) Run {
	d := Run{ID: run.ID, Name: run.Name, State: run.State, CreatedAt: run.CreatedAt, UpdatedAt: run.UpdatedAt, Dataset: run.Dataset,
		Tasks: run.Tasks(), Repeats: run.Repeats, Seed: run.Seed, Concurrency: run.Concurrency, Planned: run.Planned(), Grading: run.Grading.Number,
		Version: run.Version, Imported: run.Imported, Race: run.Race, Candidates: make([]Candidate, len(run.Candidates))}
	for i := range run.Candidates {
		c := &run.Candidates[i]
		d.Candidates[i] = Candidate{Name: c.Name, Provider: c.Provider, Model: c.Model, Digest: c.Digest(), Recorded: c.Recorded}
		if i < len(run.Prices) && run.Prices[i].Model != "" {
			d.Candidates[i].Price = &run.Prices[i]
		}
	}
	return d
}

func cell(c *eval.Cell, name string) Cell {
	out := Cell{TaskType: c.TaskType, Candidate: name, N: c.N, Accepted: c.Accepted, FirstTry: c.FirstTry, AfterRegeneration: c.AfterRegen,
		Rejected: c.Rejected, Unscored: c.Unscored, Errored: c.Errored, Diverged: c.Diverged, NeedsConfirmation: c.NeedsConfirmation,
		Errors: make(map[eval.Class]int64), Faults: make(map[string]int64), Samples: c.Samples, Attempts: c.Attempts, Retries: c.Retries, RetriesUntold: c.Untold,
		Fallbacks: c.Fallbacks, Regenerations: c.Regenerations, HumanFixes: c.HumanFixes,
		Latency: quantiles(&c.Latency, c.ExactLatency), TTFT: quantiles(&c.TTFT, c.ExactTTFT),
		Flight: quantiles(&c.Flight, nil), Queue: quantiles(&c.Queue, nil), Cost: money(c.Cost())}
	for class, n := range c.Errors {
		out.Errors[class] = n
		out.Faults[class.Fault()] += n
	}
	out.Abandoned, out.Split, out.Review = money(c.Abandoned), SplitOf(c.Split), money(c.Review)
	out.Acceptance = rate(c)
	out.CostPerAccepted = costPer(c)
	out.Notes = notes(c)
	return out
}

func rate(c *eval.Cell) Rate {
	s := clusterSums(c)
	p, ok := s.Rate()
	if !ok {
		return Rate{}
	}
	iv, _ := stats.WilsonClustered(s, confidence)
	return Rate{Point: &p, Lo: &iv.Lo, Hi: &iv.Hi, Clusters: c.Clusters}
}

func clusterSums(c *eval.Cell) stats.ClusterSums {
	return stats.ClusterSums{G: float64(c.Clusters), T: float64(c.Accepted), N: float64(c.Judged), T2: c.SumT2, TN: c.SumTN, N2: c.SumN2}
}

// costPer is the cost of an accepted task. A cost that is only known as a range
// gives no point, but an interval that holds it: from the interval of the lower
// end to that of the upper one, which is the same interval scaled.
func costPer(c *eval.Cell) CostPer {
	cost := c.Cost()
	if c.Accepted == 0 {
		if !cost.Known() {
			return CostPer{}
		}
		bound, _, ok := stats.CostWithoutAccepted(cost.Low.Float(), c.N, confidence)
		if !ok {
			return CostPer{}
		}
		return CostPer{Lo: &bound}
	}
	if cost.Unbounded {
		return CostPer{}
	}
	r, ok := stats.CostPerAccepted(stats.CostSums{G: float64(c.CostClusters), C: c.SumC, A: float64(c.Accepted), C2: c.SumC2, A2: c.SumT2, CA: c.SumCT}, confidence)
	if !ok {
		return CostPer{}
	}
	out := CostPer{Lo: &r.Lo}
	if !r.Unbounded {
		out.Hi = &r.Hi
	}
	if cost.Known() {
		point := cost.Low.Float() / float64(c.Accepted) // the exact sum, not the rounded one
		out.Point = &point
		return out
	}
	if out.Hi != nil {
		if cost.Low <= 0 {
			out.Hi = nil
		} else {
			hi := r.Hi * cost.High.Float() / cost.Low.Float()
			out.Hi = &hi
		}
	}
	return out
}

// SplitOf turns where the money went into its report form.
func SplitOf(s eval.CostSplit) Split {
	return Split{Answer: money(s.Answer), Retries: money(s.Retries), Failed: money(s.Failed), Fallback: money(s.Fallback),
		Regeneration: money(s.Regeneration), Tools: money(s.Tools), Repair: money(s.Repair), Judge: money(s.Judge)}
}

// MoneyOf turns a cost into its report form.
func MoneyOf(c eval.Cost) Money { return money(c) }

func money(c eval.Cost) Money {
	m := Money{Low: USD(c.Low), Known: c.Known()}
	if !c.Unbounded {
		high := USD(c.High)
		m.High = &high
	}
	if m.Known {
		total := USD(c.Low)
		m.Total = &total
	}
	return m
}

// quantiles prefers exact order statistics; a histogram's are within 0.39 %.
func quantiles(h *eval.Histogram, exact *[2]int64) Quantiles {
	q := Quantiles{N: h.N()}
	if exact != nil {
		p50, p95 := float64(exact[0])/1000, float64(exact[1])/1000
		q.P50, q.P95 = &p50, &p95
		return q
	}
	for _, at := range []struct {
		q    float64
		dest **float64
	}{{0.5, &q.P50}, {0.95, &q.P95}} {
		if us, ok := h.Quantile(at.q); ok {
			ms := math.Round(us) / 1000
			*at.dest = &ms
		}
	}
	return q
}

// notes are what a reader of this row must know.
func notes(c *eval.Cell) []string {
	var out []string
	if c.Clusters > 0 && c.Clusters < few {
		out = append(out, fmt.Sprintf("only %d independent tasks: too few to rely on", c.Clusters))
	}
	if n := c.Errors[eval.ClassRateLimit]; n > 0 {
		out = append(out, fmt.Sprintf("%d tasks ended in the caller's own rate limit; they count as not accepted", n))
	}
	if n := c.N - c.Judged; n > 0 {
		out = append(out, fmt.Sprintf("%d of %d trials could not be judged and are in no rate", n, c.N))
	}
	if !c.Cost().Known() {
		out = append(out, "cost not exactly known: "+costReason(c))
	}
	if c.Latency.N() > eval.ExactLimit {
		out = append(out, "latencies are within 0.39 %")
	}
	return out
}

func costReason(c *eval.Cell) string {
	if c.Cost().Unbounded {
		return "a price or a usage is missing"
	}
	return "some calls failed and may have been billed"
}

// judgedTypes names task types in words.
func judgedTypes(kinds []string) string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		if names[i] = eval.Untrusted(k).Line(40); k == "*" {
			names[i] = "every task type without graders of its own"
		}
	}
	return strings.Join(names, ", ")
}

// paid reports whether a candidate's cost is known without a price: its provider
// said what each call cost.
func paid(cells []eval.Cell, candidate int) bool {
	for i := range cells {
		if c := &cells[i]; c.Candidate == candidate && c.TaskType == Overall && c.N > 0 {
			return c.Cost().Known()
		}
	}
	return false
}

// warn collects what concerns the whole run.
func (r *Report) warn(run *eval.Run, cells []eval.Cell) {
	var invented, unpriced []string
	for i := range r.Run.Candidates {
		c := &r.Run.Candidates[i]
		if p := c.Price; p == nil && run.Candidates[i].Policy == nil && !run.Candidates[i].Recorded && !run.Imported && !paid(cells, i) {
			unpriced = append(unpriced, eval.Untrusted(c.Name).Line(80))
		} else if p != nil && p.Example {
			invented = append(invented, eval.Untrusted(c.Name).Line(80))
		}
	}
	for i := range cells {
		if c := &run.Candidates[cells[i].Candidate]; c.Recorded && cells[i].TaskType == Overall {
			r.Warnings = append(r.Warnings, fmt.Sprintf("%s: what production did on %d of %d tasks, as the dataset tells it%s; under its own conditions, and nothing was called",
				eval.Untrusted(c.Name).Line(80), cells[i].N, run.Tasks(), map[bool]string{true: " (invented for the example)"}[c.Example]))
		}
	}
	if run.Race != nil {
		r.raced(run.Race)
	}
	if len(unpriced) > 0 {
		r.Warnings = append(r.Warnings, "no price is known for "+strings.Join(unpriced, ", ")+": cost unknown, so no ranking by cost")
	}
	if len(invented) > 0 {
		r.Warnings = append(r.Warnings, "invented example prices: "+strings.Join(invented, ", "))
	}
	if run.Batched {
		r.Warnings = append(r.Warnings, "calls were made in batches: costs are those of a batch, about half of what the same calls cost by themselves, and latencies are unknown")
	}
	if run.Lost > 0 {
		r.Warnings = append(r.Warnings, fmt.Sprintf("%d calls of killed processes have no outcome: they may have been billed, and what they cost is in no figure", run.Lost))
	}
	if judged := run.Grading.Judged; len(judged) > 0 {
		r.Warnings = append(r.Warnings, "acceptance rests on judges for "+judgedTypes(judged)+": people should check a sample (infer review), and no gate counts it until then")
	}
	for i := range cells {
		c := &cells[i]
		if c.TaskType != Overall {
			continue
		}
		name := eval.Untrusted(run.Candidates[c.Candidate].Name).Line(80)
		if why := missingPrice(run, c); why != "" {
			r.Warnings = append(r.Warnings, fmt.Sprintf("the cost of %s is a lower bound only: %s", name, why))
		}
		if c.N > 0 && float64(c.N-c.Judged) > 0.01*float64(c.N) {
			r.Warnings = append(r.Warnings, fmt.Sprintf("%d of %d trials of %s could not be judged", c.N-c.Judged, c.N, name))
		}
		queue, ok1 := c.Queue.Quantile(0.95)
		flight, ok2 := c.Flight.Quantile(0.5)
		if ok1 && ok2 && queue > minQueue && queue > 0.1*flight {
			r.Warnings = append(r.Warnings, fmt.Sprintf("calls of %s waited for infer's own limits (p95 %.1f ms); that wait is in no latency", name, queue/1000))
		}
	}
}

// raced says which candidates were stopped early: their rates are of fewer tasks.
func (r *Report) raced(race *eval.Race) {
	for _, t := range race.Types {
		kind := eval.Untrusted(t.TaskType).Line(60)
		for _, s := range t.Stopped {
			r.Warnings = append(r.Warnings, fmt.Sprintf("raced: %s was stopped on %s after %d of %d tasks: %s", eval.Untrusted(s.Candidate).Line(80), kind, s.After, t.Planned, eval.Untrusted(s.Why).Line(200)))
		}
		choice := eval.Untrusted(t.Winner).Line(80)
		if choice == "" {
			choice = "nobody"
		}
		r.Warnings = append(r.Warnings, fmt.Sprintf("raced: the choice on %s is %s after %d of %d tasks (%s); at most %.0f %% likely to be wrong, and rates after a race are biased", kind, choice, t.Tasks, t.Planned, t.How, 100*race.Alpha))
	}
}

// missingPrice says why a priced candidate's cost has no upper end.
func missingPrice(run *eval.Run, c *eval.Cell) string {
	if !c.Cost().Unbounded || c.Candidate >= len(run.Prices) || run.Prices[c.Candidate].Model == "" {
		return ""
	}
	p := &run.Prices[c.Candidate]
	var axes []string
	for _, axis := range []struct {
		name  string
		price *eval.Price
	}{{"in", p.In}, {"out", p.Out}, {"cache_read", p.CacheRead}} {
		if axis.price == nil {
			axes = append(axes, axis.name)
		}
	}
	if len(axes) == 0 {
		return "some calls did not say what they used"
	}
	return "its price row has no " + strings.Join(axes, ", ") + ", or some calls did not say what they used"
}

// judge fills in the verdict.
func (r *Report) judge(run *eval.Run, _ []eval.Cell) {
	r.Verdict = Verdict{State: StateComplete, Reason: []string{}}
	if missing := int64(r.Run.Planned) - r.Run.Trials; missing > 0 && !run.Imported {
		r.Verdict.State = StateIncomplete
		r.Verdict.Reason = append(r.Verdict.Reason, fmt.Sprintf("%d of %d trials have no outcome", missing, r.Run.Planned))
	}
	if r.Run.Trials == 0 {
		r.Verdict.State = StateIncomplete
		r.Verdict.Reason = append(r.Verdict.Reason, "no trial has an outcome")
	}
}
