package render

import (
	"fmt"
	"io"
	"strings"
	"time"

	"infer/eval"
	"infer/report"
)

// Task is the dataset line that trials are about, and where it stands.
type Task struct {
	Place string
	Line  eval.Untrusted
}

func milli(d time.Duration, known bool) *float64 {
	if !known {
		return nil
	}
	v := inMS(d)
	return &v
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
