package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"infer/eval"
	"infer/eval/runner"
	"infer/eval/store"
	"infer/providers/httpx"
	"infer/report"
	"infer/report/render"
)

// forecast is what one candidate would be asked and may cost.
type forecast struct {
	Candidate string       `json:"candidate"`
	Calls     int64        `json:"calls"`         // one for each trial that has no outcome yet
	CallsMost int64        `json:"calls_at_most"` // with every retry and regeneration
	InLow     int64        `json:"input_tokens_low"`
	InHigh    int64        `json:"input_tokens_high"`
	OutHigh   *int64       `json:"output_tokens_high"` // null = nothing caps them
	Cost      report.Money `json:"cost_usd"`           // from one call a trial to every call there may be
	// Likely is what so many trials of these types cost in the run LikelyFrom, where the
	// same candidate was called; null = it never was, on one of the types.
	Likely     *float64 `json:"likely_cost_usd"`
	LikelyFrom string   `json:"likely_from,omitempty"`

	cost     eval.Cost
	unlikely bool // nothing is known of one of the types
}

// dryRun says what an evaluation would send and cost, and neither sends nor
// writes anything.
func (p *plan) dryRun(ctx context.Context) error {
	done, err := p.doneBefore(ctx)
	if err != nil {
		return err
	}
	lanes, err := p.wires.lanes(p.run, p.asked.asked(p.run))
	if err != nil {
		return err
	}
	list := make([]forecast, len(lanes))
	unlimited := make([]bool, len(lanes))
	for i := range lanes {
		list[i] = forecast{Candidate: p.run.Candidates[i].Name, OutHigh: new(int64)}
	}
	rules := make(map[string]*eval.TaskType, len(p.run.TaskTypes))
	for i := range p.run.TaskTypes {
		rules[p.run.TaskTypes[i].Name] = &p.run.TaskTypes[i]
	}
	before := p.experiences(ctx)
	for t, err := range p.tasks(ctx) {
		if err != nil {
			return err
		}
		if !p.run.Holds(t.Seq) {
			continue
		}
		for i := range lanes {
			for rep := range p.run.Repeats {
				if done == nil || !done(t.Seq, i, rep) {
					unlimited[i] = list[i].add(t, &lanes[i], rules[t.Type]) || unlimited[i]
					list[i].likely(before[i], t.Type)
				}
			}
		}
	}
	for i := range list {
		if unlimited[i] {
			list[i].OutHigh = nil
		}
		list[i].Cost = report.MoneyOf(list[i].cost)
	}
	return p.showForecast(list)
}

// add counts one trial; it reports whether nothing caps its output.
func (f *forecast) add(t *eval.Task, lane *runner.Lane, rule *eval.TaskType) (unlimited bool) {
	answers := int64(1)
	if rule != nil {
		answers += int64(rule.Regenerate)
	}
	req := runner.BuildRequest(t, lane.Primary.Candidate)
	first := true
	for _, target := range []*runner.Target{&lane.Primary, lane.Backup, lane.ContextBackup} {
		if target == nil {
			continue
		}
		price := target.Price
		if target.Batch != nil && price != nil {
			price = price.Tiered(httpx.BatchTier)
		}
		e, _ := runner.EstimateCall(&req, price)
		most := answers * int64(1+target.Candidate.Retry.Max)
		f.CallsMost += most
		f.InHigh += e.InHigh * most
		if e.OutHigh == nil {
			unlimited = true
		} else {
			*f.OutHigh += *e.OutHigh * most
		}
		cost := eval.Between(0, 0)
		if first { // one call at least; what comes after it may never be sent
			f.Calls++
			f.InLow += e.InLow
			cost.Low = e.Cost.Low
		}
		cost.High, cost.Unbounded = e.Cost.High, e.Cost.Unbounded
		for n := int64(1); n < most && !cost.Unbounded; n++ {
			cost = cost.Plus(eval.Between(0, e.Cost.High))
		}
		f.cost = f.cost.Plus(cost)
		first = false
	}
	return unlimited
}

// doneBefore returns which trials need not be run, by task, candidate of this
// plan and repeat, without making a store; nil = all are to be run.
func (p *plan) doneBefore(ctx context.Context) (func(task, candidate, repeat int) bool, error) {
	if p.o.fresh {
		return nil, nil
	}
	s, err := store.OpenReadOnly(ctx, p.cfg.StorePath)
	if err != nil {
		return nil, nil //nolint:nilerr // no store yet: nothing is done
	}
	defer s.Close() //nolint:errcheck // opened for reading only
	old, err := s.Run(ctx, p.run.ID)
	if err != nil {
		return nil, nil //nolint:nilerr // no such run yet
	}
	at := make([]int, len(p.run.Candidates)) // the stored run may have others, in another order
	for i := range at {
		at[i] = -1
		for k := range old.Candidates {
			if old.Candidates[k].Digest() == p.run.Candidates[i].Digest() {
				at[i] = k
			}
		}
	}
	done, err := s.Done(ctx, p.run.ID, p.again)
	if err != nil {
		return nil, err
	}
	return func(task, candidate, repeat int) bool {
		return at[candidate] >= 0 && done.Has(task, at[candidate], repeat)
	}, nil
}

func (p *plan) showForecast(list []forecast) error {
	if len(list) == 0 {
		return eval.Invalid(errors.New("no candidate to evaluate"), "name one with -m")
	}
	return toOutput(p.app, p.o.output, func(w io.Writer, _ bool) error {
		if p.o.out.format == string(render.JSON) {
			return render.Indented(w, map[string]any{"schema": "infer.dryrun/1", "run": p.run.ID, "tasks": p.run.Tasks(), "repeats": p.run.Repeats, "candidates": list})
		}
		if _, err := fmt.Fprintf(w, "nothing was sent · run %s · tasks: %d · repeats: %d\n\n", p.run.ID, p.run.Tasks(), p.run.Repeats); err != nil {
			return err
		}
		rows, known := make([][]string, len(list)), false
		for i := range list {
			f := &list[i]
			out, likely := "no cap", report.Unknown
			if f.OutHigh != nil {
				out = strconv.FormatInt(*f.OutHigh, 10)
			}
			if f.Likely != nil {
				likely, known = report.Dollars(*f.Likely), true
			}
			rows[i] = []string{eval.Untrusted(f.Candidate).Line(40), strconv.FormatInt(f.Calls, 10), strconv.FormatInt(f.CallsMost, 10), fmt.Sprintf("%d–%d", f.InLow, f.InHigh), out, report.CostRange(f.Cost), likely}
		}
		head := []string{"candidate", "calls", "at most", "input tokens", "output tokens ≤", "cost", "likely"}
		if !known {
			head = head[:6]
			for i := range rows {
				rows[i] = rows[i][:6]
			}
		}
		if err := render.Plain(w, head, rows, map[int]bool{1: true, 2: true, 3: true, 4: true, 5: true, 6: true}); err != nil {
			return err
		}
		legend := "\ncalls: one for each trial without an outcome; at most: with every retry, fallback and regeneration\n" +
			"input tokens: one for eight bytes, to one for each byte; cost: from those without any output, to the caps\n"
		if known {
			legend += "likely: what as many trials of these task types cost the last time that the same candidate was called\n"
		}
		if slices.ContainsFunc(p.run.TaskTypes, func(t eval.TaskType) bool { return t.Repair != nil }) {
			legend += "the cost is that of the calls: what people's repairs of rejected answers cost comes on top\n"
		}
		_, err := io.WriteString(w, legend)
		return err
	})
}
