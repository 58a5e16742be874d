package render

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
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

// Task is the dataset line that trials are about, and where it stands.
type Task struct {
	Place string
	Line  eval.Untrusted
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

func milli(d time.Duration, known bool) *float64 {
	if !known {
		return nil
	}
	v := inMS(d)
	return &v
}

func pointMS(d *time.Duration) *float64 {
	if d == nil {
		return nil
	}
	return milli(*d, true)
}

// How much of an answer and of a dataset line a person is shown.
const (
	maxOutput = 4000
	maxLine   = 1000
)

// Trials writes the trials of one task, which must not be empty, for people: each
// attempt with its times and cost, what was answered, and what the graders said.
func Trials(w io.Writer, run *eval.Run, task Task, trials []*eval.Trial) error {
	var b strings.Builder
	first := trials[0]
	fmt.Fprintf(&b, "task %s · %s · %s · run %s\n", name(first.TaskID), name(first.TaskType), first.InputType, run.ID)
	fmt.Fprintf(&b, "%s\n", eval.Untrusted(task.Place).Line(200))
	quote(&b, "  ", eval.Untrusted(task.Line.Line(maxLine)))
	for _, t := range trials {
		fmt.Fprintf(&b, "\n%s", name(run.Candidates[t.Candidate].Name))
		if run.Repeats > 1 {
			fmt.Fprintf(&b, " · repeat %d of %d", t.Repeat+1, run.Repeats)
		}
		verdict := string(t.Verdict)
		if t.CutOff {
			verdict = "cut off: it is run again"
		}
		fmt.Fprintf(&b, " · %s · %s · %s\n", verdict, report.Millis(milli(t.UserVisible())), report.CostRange(report.MoneyOf(t.Cost.Final())))
		if t.Plan != "" {
			fmt.Fprintf(&b, "  waits for a confirmation: %s\n", eval.Untrusted(t.Plan).Line(300))
		}
		if t.HumanFix != nil && *t.HumanFix {
			fmt.Fprintf(&b, "  a person repairs it in %s (%s)\n", t.HumanFixTime, t.HumanFixFrom)
		}
		for i := range t.Attempts {
			attempt(&b, t, i)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func attempt(b *strings.Builder, t *eval.Trial, i int) {
	a := &t.Attempts[i]
	fmt.Fprintf(b, "  %d %s · %s %s", i+1, a.Cause, name(a.Provider), name(a.Model))
	if a.Served != "" && a.Served != a.Model {
		fmt.Fprintf(b, " (served %s)", name(a.Served))
	}
	if a.Backoff > 0 {
		fmt.Fprintf(b, " · waited %s", report.Millis(milli(a.Backoff, true)))
	}
	if a.Batch != "" {
		b.WriteString(" · in batch " + name(a.Batch))
	} else {
		fmt.Fprintf(b, " · %s", report.Millis(milli(a.InFlight, true)))
	}
	if a.TTFT != nil {
		fmt.Fprintf(b, " · first token %s", report.Millis(pointMS(a.TTFT)))
	}
	if a.Recorded {
		b.WriteString(" (recorded)")
	}
	if u := a.Usage; u != nil {
		fmt.Fprintf(b, " · %d → %d tokens", u.Input(), u.Output())
	}
	fmt.Fprintf(b, " · %s", report.CostRange(report.MoneyOf(a.Cost)))
	if i < t.Earlier {
		b.WriteString(" · of an earlier trial that was replaced")
	}
	b.WriteByte('\n')
	if a.Reason != "" {
		fmt.Fprintf(b, "    because: %s\n", eval.Untrusted(a.Reason).Line(300))
	}
	if f := a.Failure; f != nil {
		fmt.Fprintf(b, "    failed: %s\n", f.Error())
	}
	quote(b, "    ", a.Output)
	quote(b, "    ", a.Refusal)
	for k := range a.ToolCalls {
		fmt.Fprintf(b, "    calls %s %s\n", name(a.ToolCalls[k].Name), eval.Untrusted(a.ToolCalls[k].Arguments).Line(500))
	}
	if a.Grade != nil {
		fmt.Fprintf(b, "    %s\n", a.Grade.Verdict)
		for k := range a.Grade.Scores {
			score(b, &a.Grade.Scores[k])
		}
	}
}

// quote writes a text from outside behind a bar, so that none of its lines can
// pass for ours, or for a command to a CI system.
func quote(b *strings.Builder, pad string, text eval.Untrusted) {
	if strings.TrimSpace(text.Raw()) == "" {
		return
	}
	for _, line := range strings.Split(strings.TrimRight(text.Block(maxOutput), "\n"), "\n") {
		b.WriteString(strings.TrimRight(pad+"│ "+line, " ") + "\n")
	}
}

func score(b *strings.Builder, s *eval.Score) {
	mark := "?"
	if s.Pass != nil {
		mark = map[bool]string{true: "✓", false: "✗"}[*s.Pass]
	}
	fmt.Fprintf(b, "    %s %s", mark, name(s.Grader))
	if s.Value != nil && (s.Pass == nil || *s.Value != 0 && *s.Value != 1) { // the mark says the others
		fmt.Fprintf(b, " %.3g", *s.Value)
	}
	if s.Explanation != "" {
		fmt.Fprintf(b, ": %s", s.Explanation.Line(500))
	}
	if s.Error != "" {
		fmt.Fprintf(b, ": could not judge: %s", s.Error.Line(500))
	}
	b.WriteByte('\n')
}

// RunSchema names the version of the JSON form of a run's plan.
const RunSchema = "infer.run/1"

// RunJSON writes a run's plan as it is stored: times in nanoseconds, prices in
// micro-USD per million tokens.
func RunJSON(w io.Writer, run *eval.Run, throttles []eval.Throttle) error {
	return Indented(w, struct {
		Schema string `json:"schema"`
		*eval.Run
		Throttles []eval.Throttle `json:"throttles,omitempty"`
	}{RunSchema, run, throttles})
}

// Run writes a run's plan for people, with what its providers could be sent in the
// course of it.
func Run(w io.Writer, run *eval.Run, throttles []eval.Throttle) error {
	var b strings.Builder
	fmt.Fprintf(&b, "run %s · %s · %s\n\n", run.ID, name(run.Name), run.State)
	tasksOf := plural(run.Dataset.Tasks, "task")
	if n := run.Tasks(); n < run.Dataset.Tasks {
		tasksOf = fmt.Sprintf("%d of %s", n, tasksOf)
	}
	fmt.Fprintf(&b, "dataset  %s, digest %s\n", eval.Untrusted(run.Dataset.Path).Line(200), run.Dataset.Digest.Short())
	fmt.Fprintf(&b, "plan     %s × %s × %s = %s\n", tasksOf, plural(run.Called(), "candidate"), plural(run.Repeats, "repeat"), plural(run.Planned(), "trial"))
	fmt.Fprintf(&b, "order    seed %d, at most %s in flight", run.Seed, plural(run.Concurrency, "call"))
	if run.Rate > 0 {
		fmt.Fprintf(&b, ", %s trials a second", strconv.FormatFloat(run.Rate, 'g', 4, 64))
	}
	b.WriteByte('\n')
	fmt.Fprintf(&b, "grading  %d, digest %s", run.Grading.Number, run.Grading.Digest.Short())
	if run.Grading.Note != "" {
		fmt.Fprintf(&b, ": %s", eval.Untrusted(run.Grading.Note).Line(200))
	}
	fmt.Fprintf(&b, "\nmade     %s by infer %s, last written %s\n\n", stamp(run.CreatedAt), eval.Untrusted(run.Version).Line(60), stamp(run.UpdatedAt))
	rows := make([][]string, len(run.Candidates))
	for i := range run.Candidates {
		c := &run.Candidates[i]
		row := []string{name(c.Name), name(c.Provider), name(c.Model), params(c), unknown, unknown, unknown}
		if i < len(run.Prices) && run.Prices[i].Model != "" {
			p := &run.Prices[i]
			row[4], row[5], row[6] = perMillion(p.In), perMillion(p.Out), p.AsOf
			if p.Example {
				row[6] = "invented"
			}
		}
		rows[i] = row
	}
	if err := plain(&b, []string{"candidate", "provider", "model", "parameters", "$/M in", "$/M out", "price of"}, rows, func(i int) bool { return i == 4 || i == 5 }); err != nil {
		return err
	}
	if err := throttled(&b, throttles); err != nil {
		return err
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// shownThrottles is how many changes of each provider are shown; the others are
// counted.
const shownThrottles = 12

// throttled shows the last changes of what each provider could be sent.
func throttled(b *strings.Builder, throttles []eval.Throttle) error {
	of := make(map[string]int)
	for _, t := range throttles {
		of[t.Provider]++
	}
	seen := make(map[string]int)
	var rows [][]string
	hidden := 0
	for _, t := range throttles {
		if seen[t.Provider]++; seen[t.Provider] <= of[t.Provider]-shownThrottles {
			hidden++
			continue
		}
		row := []string{t.At.UTC().Format("15:04:05.000"), name(t.Provider), string(t.Cause), strconv.Itoa(t.Calls), unknown, unknown}
		if t.PerMinute != nil {
			row[4] = strconv.FormatFloat(*t.PerMinute, 'f', 1, 64)
		}
		if t.Wait > 0 {
			row[5] = t.Wait.Round(time.Millisecond).String()
		}
		rows = append(rows, row)
	}
	if len(rows) == 0 {
		return nil
	}
	b.WriteByte('\n')
	if err := plain(b, []string{"at", "provider", "limits", "calls at once", "a minute", "wait"}, rows, func(i int) bool { return i >= 3 }); err != nil {
		return err
	}
	if hidden > 0 {
		fmt.Fprintf(b, "%s before these; --json has all\n", plural(hidden, "change"))
	}
	return nil
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") }

func perMillion(p *eval.Price) string {
	if p == nil {
		return unknown
	}
	return eval.Money(int64(*p) * int64(eval.MicroUSD)).String()
}

func params(c *eval.Candidate) string {
	if c.Policy != nil {
		return name("default " + c.Policy.Default + ", backup " + c.Policy.Backup)
	}
	if len(c.Params) == 0 {
		return ""
	}
	b, err := json.Marshal(c.Params)
	if err != nil {
		return unknown
	}
	return name(string(b))
}
