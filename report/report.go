// Package report turns a run's sums into what people and scripts read: a view
// model with every interval computed, every unknown marked and every warning in
// words. It does no input or output and knows nothing of terminals; the folders
// below it render its values.
package report

import (
	"fmt"
	"time"

	"infer/eval"
)

// Schema names the version of the JSON form of Report. Fields are only ever
// added to it.
const Schema = "infer.report/1"

// Overall is the task type of the rows over all task types.
const Overall = "*"

// Report is everything that a report on one run says.
type Report struct {
	Schema   string   `json:"schema"`
	Run      Run      `json:"run"`
	Cells    []Cell   `json:"cells"`
	Warnings []string `json:"warnings"`
	Verdict  Verdict  `json:"verdict"`
}

// Run describes the run that a report is on.
type Run struct {
	ID          string        `json:"id"`
	Name        string        `json:"name"`
	State       eval.RunState `json:"state"`
	CreatedAt   time.Time     `json:"created_at"`
	UpdatedAt   time.Time     `json:"updated_at"`
	Dataset     eval.Dataset  `json:"dataset"`
	Candidates  []Candidate   `json:"candidates"`
	Tasks       int           `json:"tasks"` // in the plan: fewer than the dataset's under a limit
	Repeats     int           `json:"repeats"`
	Seed        uint64        `json:"seed"`
	Concurrency int           `json:"concurrency"`
	Planned     int           `json:"planned"`
	Trials      int64         `json:"trials"`
	Grading     int           `json:"grading"`
	Version     string        `json:"version"`
	Race        *eval.Race    `json:"race,omitempty"` // what came of racing the candidates
	Imported    bool          `json:"imported,omitempty"`
}

// Candidate describes one candidate and the price that its cost rests on.
type Candidate struct {
	Name     string         `json:"name"`
	Provider string         `json:"provider"`
	Model    string         `json:"model"`
	Digest   eval.Digest    `json:"digest"`
	Price    *eval.PriceRow `json:"price"` // null = no price known
	// Recorded marks what production did, as the dataset tells it: nothing was called.
	Recorded bool `json:"recorded,omitempty"`
}

// Measured is the report without the rows of what was recorded elsewhere.
func (r *Report) Measured() *Report {
	out := *r
	out.Cells = nil
	for i := range r.Cells {
		if !r.Cells[i].Recorded {
			out.Cells = append(out.Cells, r.Cells[i])
		}
	}
	return &out
}

// Called is how many of the candidates were called.
func (r *Run) Called() int {
	n := 0
	for i := range r.Candidates {
		if !r.Candidates[i].Recorded {
			n++
		}
	}
	return n
}

// Verdict is the one object that text, JSON, JUnit and exit code are made from.
type Verdict struct {
	State  string            `json:"state"` // complete, incomplete, gate_failed, gate_unknown
	Reason []string          `json:"reasons"`
	Gates  []eval.GateResult `json:"gates,omitempty"`
}

// The states of a Verdict.
const (
	StateComplete    = "complete"
	StateIncomplete  = "incomplete"
	StateGateFailed  = "gate_failed"
	StateGateUnknown = "gate_unknown"
)

// Gate adds the results of gates to the verdict. An incomplete run stays so.
func (v *Verdict) Gate(results []eval.GateResult) {
	v.Gates = append(v.Gates, results...)
	if v.State != StateComplete || len(results) == 0 {
		return
	}
	counts := make(map[eval.GateState]int)
	for i := range v.Gates {
		counts[v.Gates[i].State]++
	}
	switch eval.WorstGate(v.Gates) {
	case eval.GateFail:
		v.State = StateGateFailed
		v.Reason = append(v.Reason, fmt.Sprintf("%d of %d gates failed", counts[eval.GateFail], len(v.Gates)))
	case eval.GateUnknown:
		v.State = StateGateUnknown
		v.Reason = append(v.Reason, fmt.Sprintf("%d of %d gates are undecided", counts[eval.GateUnknown], len(v.Gates)))
	}
}

// Cell is one row: one candidate on one task type, or over all of them ("*").
// Every null is unknown.
type Cell struct {
	TaskType  string `json:"task_type"`
	Candidate string `json:"candidate"`

	N                 int64                `json:"n"`
	Accepted          int64                `json:"accepted"`
	Acceptance        Rate                 `json:"acceptance"`
	FirstTry          int64                `json:"first_try_accepted"`
	AfterRegeneration int64                `json:"accepted_without_repair"`
	Rejected          int64                `json:"rejected"`
	Unscored          int64                `json:"unscored"`
	Errored           int64                `json:"errored"`
	Diverged          int64                `json:"diverged"`
	NeedsConfirmation int64                `json:"needs_confirmation"`
	Errors            map[eval.Class]int64 `json:"errors"`
	Faults            map[string]int64     `json:"faults"` // the same errors by whose fault they are
	// Samples are what the first failure of each class said; over all task types only.
	Samples map[eval.Class]eval.Untrusted `json:"error_samples,omitempty"`

	Attempts int64 `json:"attempts"`
	// Recorded marks a row of what production did, as the dataset tells it.
	Recorded bool `json:"recorded,omitempty"`

	Retries int64 `json:"retries"`
	// RetriesUntold counts trials that were run elsewhere and did not come with
	// their retries: where it is not 0, Retries is the least number there can be.
	RetriesUntold int64 `json:"retries_untold,omitempty"`
	Fallbacks     int64 `json:"fallbacks"`
	Regenerations int64 `json:"regenerations"`
	HumanFixes    int64 `json:"human_fixes"`

	Latency Quantiles `json:"latency_ms"` // user-visible
	TTFT    Quantiles `json:"ttft_ms"`
	Flight  Quantiles `json:"in_flight_ms"`  // of every attempt but those made in a batch
	Queue   Quantiles `json:"queue_wait_ms"` // of every attempt; ours, in no other figure

	Cost  Money `json:"cost_usd"`
	Split Split `json:"cost_split_usd"`
	// Abandoned is what was spent on tasks that were never accepted, across the
	// parts of the split.
	Abandoned       Money   `json:"cost_abandoned_usd"`
	CostPerAccepted CostPer `json:"cost_per_accepted_usd"`
	// Review is what people's time on reviews cost, mending apart; like judging, it
	// is no part of the cost.
	Review Money `json:"cost_review_usd"`

	// OnJudges marks a cell whose verdicts rest on what judges say: an opinion until
	// people have checked it, which decides no gate by itself.
	OnJudges bool     `json:"rests_on_judges,omitempty"`
	Notes    []string `json:"notes,omitempty"`
}

// Rate is a share with its 95 % interval: Wilson's, on effective counts where
// tasks repeat or cluster. All three are null where nothing was judged.
type Rate struct {
	Point    *float64 `json:"point"`
	Lo       *float64 `json:"lo"`
	Hi       *float64 `json:"hi"`
	Clusters int64    `json:"clusters"` // how many independent units it rests on
}

// Quantiles are order statistics in milliseconds; null where nothing was
// measured.
type Quantiles struct {
	P50 *float64 `json:"p50"`
	P95 *float64 `json:"p95"`
	N   int64    `json:"n"`
}

// Money is a cost in US dollars. Total is null unless it is exactly known; then
// Low and High say what is known, High null where there is no upper end.
type Money struct {
	Total *USD `json:"total"`
	Low   USD  `json:"low"`
	High  *USD `json:"high"`
	Known bool `json:"known"`
}

// Split is where the money went. Judge is apart from the final cost.
type Split struct {
	Answer       Money `json:"answers"`
	Retries      Money `json:"retries"`
	Failed       Money `json:"failed_attempts"`
	Fallback     Money `json:"fallback"`
	Regeneration Money `json:"regenerations"`
	Tools        Money `json:"tools"`
	Repair       Money `json:"human_repair"`
	Judge        Money `json:"judge"`
}

// CostPer is the cost of an accepted task in US dollars with its 95 % interval.
// Point is null where the cost is not exactly known or nothing was accepted; Lo
// then still is a lower bound where one is known.
type CostPer struct {
	Point *float64 `json:"point"`
	Lo    *float64 `json:"lo"`
	Hi    *float64 `json:"hi"`
}

// USD is an amount in US dollars that is written to JSON exactly.
type USD eval.Money

// MarshalJSON writes the amount as a decimal number of dollars.
func (u USD) MarshalJSON() ([]byte, error) { return []byte(eval.Money(u).String()), nil }
