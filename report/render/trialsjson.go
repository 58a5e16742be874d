package render

import (
	"io"
	"time"

	"infer/eval"
	"infer/report"
)

// TrialsSchema names the version of the JSON form of a task's trials.
const TrialsSchema = "infer.trials/1"

// The JSON form of a task's trials: times in milliseconds, amounts in US dollars,
// null = unknown.
type trialsDoc struct {
	Schema    string         `json:"schema"`
	Run       string         `json:"run"`
	TaskID    string         `json:"task_id"`
	TaskType  string         `json:"task_type"`
	InputType eval.InputType `json:"input_type"`
	Place     string         `json:"place"` // file:line of the dataset line
	Line      eval.Untrusted `json:"line"`  // the dataset line itself
	Trials    []trialDoc     `json:"trials"`
}

type trialDoc struct {
	Candidate         string       `json:"candidate"`
	Repeat            int          `json:"repeat"` // from 0
	Verdict           eval.Verdict `json:"verdict"`
	CutOff            bool         `json:"cut_off,omitempty"`
	FirstTry          *bool        `json:"first_try_accepted"`
	AfterRegeneration *bool        `json:"accepted_without_repair"`
	Regenerations     int          `json:"regenerations"`
	HumanFix          *bool        `json:"human_fix_required"`
	HumanFixOrigin    eval.Origin  `json:"human_fix_origin"`
	User              *float64     `json:"latency_ms"`
	TTFT              *float64     `json:"ttft_ms"`
	Backend           *float64     `json:"backend_ms"`
	Cost              report.Money `json:"cost_usd"`
	Split             report.Split `json:"cost_split_usd"`
	Plan              string       `json:"plan,omitempty"`
	Final             *int         `json:"final_attempt"` // null = no answer counts
	Attempts          []attemptDoc `json:"attempts"`
}

type attemptDoc struct {
	Seq        int               `json:"seq"`
	Earlier    bool              `json:"earlier,omitempty"` // made by a trial that this one replaced
	Cause      eval.Cause        `json:"cause"`
	Candidate  string            `json:"candidate"`
	Provider   string            `json:"provider"`
	Model      string            `json:"model"`
	Served     string            `json:"served"`
	StartedAt  time.Time         `json:"started_at"`
	Queue      float64           `json:"queue_wait_ms"`
	Backoff    float64           `json:"backoff_ms"`
	InFlight   *float64          `json:"in_flight_ms"` // null = made in a batch, which has no times
	TTFT       *float64          `json:"ttft_ms"`
	Backend    *float64          `json:"backend_ms"`
	Recorded   bool              `json:"recorded"`        // the times come from a recording
	Batch      string            `json:"batch,omitempty"` // the provider's number of the batch that made the call
	Failure    *eval.Failure     `json:"failure"`
	Finish     eval.FinishReason `json:"finish"`
	Usage      *eval.Usage       `json:"usage"`
	Billing    eval.Billing      `json:"billing"`
	Cost       report.Money      `json:"cost_usd"`
	Status     int               `json:"status"`
	RequestID  string            `json:"request_id"`
	RateLimits map[string]string `json:"rate_limits,omitempty"`
	Reason     string            `json:"reason,omitempty"`
	Output     eval.Untrusted    `json:"output"`
	ToolCalls  []eval.ToolCall   `json:"tool_calls"`
	Refusal    eval.Untrusted    `json:"refusal"`
	Verdict    *eval.Verdict     `json:"verdict"` // null = this answer was not judged
	Scores     []eval.Score      `json:"scores"`
}

// TrialsJSON writes the trials of one task, which must not be empty.
func TrialsJSON(w io.Writer, run *eval.Run, task Task, trials []*eval.Trial) error {
	first := trials[0]
	doc := trialsDoc{Schema: TrialsSchema, Run: run.ID, TaskID: first.TaskID, TaskType: first.TaskType, InputType: first.InputType, Place: task.Place, Line: task.Line}
	for _, t := range trials {
		doc.Trials = append(doc.Trials, trialJSON(run, t))
	}
	return Indented(w, doc)
}

func trialJSON(run *eval.Run, t *eval.Trial) trialDoc {
	d := trialDoc{Candidate: run.Candidates[t.Candidate].Name, Repeat: t.Repeat, Verdict: t.Verdict, CutOff: t.CutOff, FirstTry: t.FirstTry,
		AfterRegeneration: t.AfterRegen, Regenerations: t.Regenerations, HumanFix: t.HumanFix, HumanFixOrigin: t.HumanFixFrom,
		User: milli(t.UserVisible()), TTFT: milli(t.FirstToken()), Backend: milli(t.Backend()),
		Cost: report.MoneyOf(t.Cost.Final()), Split: report.SplitOf(t.Cost), Plan: t.Plan, Attempts: make([]attemptDoc, 0, len(t.Attempts))}
	if t.Final >= 0 {
		d.Final = &t.Final
	}
	for i := range t.Attempts {
		a := &t.Attempts[i]
		doc := attemptDoc{Seq: a.Seq, Earlier: i < t.Earlier, Cause: a.Cause, Candidate: a.Candidate, Provider: a.Provider, Model: a.Model, Served: a.Served,
			StartedAt: a.StartedAt, Queue: inMS(a.QueueWait), Backoff: inMS(a.Backoff), InFlight: milli(a.InFlight, a.Batch == ""), TTFT: pointMS(a.TTFT), Backend: pointMS(a.Backend),
			Recorded: a.Recorded, Batch: a.Batch, Failure: a.Failure, Finish: a.Finish, Usage: a.Usage, Billing: a.Billing, Cost: report.MoneyOf(a.Cost), Status: a.Status,
			RequestID: a.RequestID, RateLimits: a.RateLimits, Reason: a.Reason, Output: a.Output, ToolCalls: append([]eval.ToolCall{}, a.ToolCalls...),
			Refusal: a.Refusal, Scores: []eval.Score{}}
		if a.Grade != nil {
			doc.Verdict, doc.Scores = &a.Grade.Verdict, append(doc.Scores, a.Grade.Scores...)
		}
		d.Attempts = append(d.Attempts, doc)
	}
	return d
}

func inMS(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func pointMS(d *time.Duration) *float64 {
	if d == nil {
		return nil
	}
	return milli(*d, true)
}
