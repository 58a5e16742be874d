package tui

import (
	"fmt"
	"strings"

	"infer/eval"
	"infer/report"
)

// details are everything about the candidate under the cursor.
func (s *boardScreen) details(width int) []line {
	c := s.cell()
	if c == nil || width < 20 {
		return nil
	}
	out := []line{rule(title(name(c.Candidate, 30), typeName(c.TaskType, 24)), width)}
	add := func(label string, t tone, words string) {
		if words != "" {
			out = append(out, paragraph(" "+label, t, words, 12, width)...)
		}
	}
	d := decision(s.decided, s.kind())
	if e := evidence(d, c.Candidate); e != nil {
		add("verdict", plain, verdictWords(d, e))
		for i := range e.Versus {
			if v := &e.Versus[i]; d.Default == "" || v.Rival == d.Default || e.Candidate == d.Default {
				add("vs", plain, name(v.Rival, 30)+": "+v.Sentence)
			}
		}
	}
	add("accepted", plain, acceptedWords(c))
	if n := c.N - c.Accepted; n > 0 {
		add("not", plain, notAcceptedWords(c))
	}
	for _, class := range eval.Classes() {
		if n := c.Errors[class]; n > 0 {
			words := fmt.Sprintf("%s × %s (%s)", count(n), class, class.Fault())
			if m := c.Samples[class]; m != "" {
				words += ": " + m.Line(160)
			}
			add("error", bad, words)
		}
	}
	out = append(out, costLines(c, width)...)
	add("user waits", plain, fmt.Sprintf("p50 %s · p95 %s", millis(c.Latency.P50), millis(c.Latency.P95)))
	if c.TTFT.P50 != nil {
		add("1st token", plain, fmt.Sprintf("p50 %s · p95 %s", millis(c.TTFT.P50), millis(c.TTFT.P95)))
	}
	add("calls", plain, callWords(c))
	for _, n := range c.Notes {
		add("note", warn, n)
	}
	return out
}

func verdictWords(d *eval.TypeDecision, e *eval.CandidateEvidence) string {
	switch {
	case d.Default == e.Candidate && len(d.Reasons) > 0:
		return "default: " + d.Reasons[0]
	case d.Backup != nil && d.Backup.Candidate == e.Candidate:
		return "backup: " + d.Backup.Reason
	case e.WhyNot != "":
		return e.WhyNot
	}
	return e.Quality
}

func acceptedWords(c *report.Cell) string {
	words := fmt.Sprintf("%s of %s (%s; first answer %s", count(c.Accepted), count(c.N), report.Percent(c.Acceptance.Point), count(c.FirstTry))
	if n := c.AfterRegeneration - c.FirstTry; n > 0 {
		words += fmt.Sprintf(", asked again %s", count(n))
	}
	if c.HumanFixes > 0 {
		words += fmt.Sprintf(", repaired by a person %s", count(c.HumanFixes))
	}
	return words + ")"
}

func notAcceptedWords(c *report.Cell) string {
	var parts []string
	for _, p := range []struct {
		n    int64
		what string
	}{{c.Rejected, "rejected"}, {c.Errored, "errored"}, {c.Unscored, "not judged"}, {c.Diverged, "left the recording"}, {c.NeedsConfirmation, "wait for a person"}} {
		if p.n > 0 {
			parts = append(parts, count(p.n)+" "+p.what)
		}
	}
	return strings.Join(parts, " · ")
}

func callWords(c *report.Cell) string {
	words := fmt.Sprintf("%s for %s (%s each)", count(c.Attempts), plural(c.N, "trial"), ratio(c.Attempts, c.N))
	for _, p := range []struct {
		n    int64
		what string
	}{{c.Retries, "retries"}, {c.Fallbacks, "fallbacks"}, {c.Regenerations, "regenerations"}} {
		if p.n > 0 {
			words += fmt.Sprintf(" · %s %s", count(p.n), p.what)
		}
	}
	return words
}

// costLines say where the money went, with bars where it is known exactly.
func costLines(c *report.Cell, width int) []line {
	words := report.CostRange(c.Cost)
	if c.CostPerAccepted.Point != nil {
		words += " in all · " + report.PerAccepted(c.CostPerAccepted) + " an accepted task (" + report.PerAcceptedInterval(c.CostPerAccepted) + ")"
	} else {
		words += " in all · an accepted task: " + report.PerAccepted(c.CostPerAccepted)
	}
	out := paragraph(" cost", plain, words, 12, width)
	if c.Cost.Total == nil || *c.Cost.Total <= 0 {
		return out
	}
	whole := float64(*c.Cost.Total)
	for _, p := range []struct {
		what string
		m    report.Money
	}{{"answers", c.Split.Answer}, {"retries", c.Split.Retries}, {"failed calls", c.Split.Failed}, {"fallback", c.Split.Fallback},
		{"asked again", c.Split.Regeneration}, {"tools", c.Split.Tools}, {"human repair", c.Split.Repair}} {
		if p.m.Total == nil || *p.m.Total == 0 {
			continue
		}
		share := float64(*p.m.Total)
		out = append(out, line{{fmt.Sprintf("   %-13s %4.0f%% ", p.what, 100*share/whole), soft}, {bar(share, whole, max(min(width-40, 24), 4)), accent}, {" " + report.CostRange(p.m), plain}}.cut(width))
	}
	if j := c.Split.Judge; j.Total == nil || *j.Total > 0 {
		out = append(out, line{{"   judging, apart     ", soft}, {report.CostRange(j), plain}})
	}
	if c.Review.Total == nil || *c.Review.Total > 0 {
		out = append(out, line{{"   review, apart      ", soft}, {report.CostRange(c.Review), plain}})
	}
	return out
}
