package render

import (
	"fmt"
	"io"
	"strings"

	"infer/eval"
	"infer/report"
)

// ReviewFormats lists the forms of a review's results.
func ReviewFormats() []string { return []string{string(Table), string(JSON)} }

// Review writes what people said of a sample, as tables for people.
func Review(w io.Writer, r *report.ReviewResult) error {
	var b strings.Builder
	fmt.Fprintf(&b, "review %s of run %s: %d of %d %s, seed %d\n", r.Review.ID, r.Review.Run, r.Review.Items, r.Review.Population, what(r.Review.Mode), r.Review.Seed)
	for _, p := range r.Reviewers {
		fmt.Fprintf(&b, "  %s: %d judged, %d could not be told\n", eval.Untrusted(p.Reviewer).Line(40), p.Labels, p.Skipped)
	}
	for _, x := range r.Between {
		fmt.Fprintf(&b, "  %s and %s on %d of both: %s\n", eval.Untrusted(x.A).Line(40), eval.Untrusted(x.B).Line(40), x.Both, agreement(&x.Agreement))
	}
	b.WriteByte('\n')
	if _, err := io.WriteString(w, b.String()); err != nil {
		return err
	}
	if r.Pairs != nil {
		return reviewPairs(w, r.Pairs)
	}
	return reviewCells(w, r)
}

func what(m eval.ReviewMode) string {
	if m == eval.ReviewPairs {
		return "pairs"
	}
	return "answers"
}

func agreement(a *report.Agreement) string {
	if a == nil {
		return unknown
	}
	return fmt.Sprintf("%.1f%% κ %.2f AC1 %.2f", a.Raw*100, a.Kappa, a.AC1)
}

func reviewCells(w io.Writer, r *report.ReviewResult) error {
	head := []string{"task type", "candidate", "labels", "people accept", "95% CI", "graders accept", "bias", "agreement", "corrected", "95% CI"}
	var rows [][]string
	var notes []string
	for i := range r.Cells {
		c := &r.Cells[i]
		bias, corrected, interval3 := unknown, unknown, ""
		if c.Bias != nil {
			bias = fmt.Sprintf("%+.1f (%+.1f to %+.1f)", c.Bias.Point*100, c.Bias.Lo*100, c.Bias.Hi*100)
		}
		if c.Corrected != nil {
			corrected, interval3 = report.Percent(&c.Corrected.Point), fmt.Sprintf("%.1f–%.1f", c.Corrected.Lo*100, c.Corrected.Hi*100)
		} else {
			notes = append(notes, fmt.Sprintf("%s, %s: no corrected figure: %s", eval.Untrusted(c.TaskType).Line(40), eval.Untrusted(c.Candidate).Line(40), c.Why))
		}
		k := c.Confusion
		notes = append(notes, fmt.Sprintf("%s, %s: both accept %d, only people %d, only graders %d, neither %d; graders find %s of what people accept and %s of what they do not",
			eval.Untrusted(c.TaskType).Line(40), eval.Untrusted(c.Candidate).Line(40), k.BothAccept, k.PeopleOnly, k.GradersOnly, k.BothReject, report.Percent(c.Sensitivity), report.Percent(c.Specificity)))
		rows = append(rows, []string{eval.Untrusted(c.TaskType).Line(maxName), eval.Untrusted(c.Candidate).Line(maxName), fmt.Sprint(c.Labels), report.Percent(c.People.Point), report.Interval(c.People),
			report.Percent(c.Graders.Point), bias, agreement(c.Agreement), corrected, interval3})
	}
	if len(rows) == 0 {
		_, err := io.WriteString(w, "nothing is judged yet\n")
		return err
	}
	if err := Plain(w, head, rows, map[int]bool{2: true, 3: true, 4: true, 5: true, 6: true, 8: true, 9: true}); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\nbias: the graders' rate less the people's, on the sample, in points. An answer that somebody had to mend is not accepted.\n%s\n", strings.Join(notes, "\n"))
	return err
}

func reviewPairs(w io.Writer, p *report.PairResult) error {
	if p.Labels == 0 {
		_, err := io.WriteString(w, "nothing is judged yet\n")
		return err
	}
	first, second := eval.Untrusted(p.First).Line(maxName), eval.Untrusted(p.Second).Line(maxName)
	if err := Plain(w, []string{"pairs", first + " better", second + " better", "both ok", "both bad"},
		[][]string{{fmt.Sprint(p.Labels), fmt.Sprint(p.FirstN), fmt.Sprint(p.SecondN), fmt.Sprint(p.Both), fmt.Sprint(p.Neither)}}, map[int]bool{0: true, 1: true, 2: true, 3: true, 4: true}); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%s leads by %+.1f points (95%% CI %+.1f to %+.1f). Of the pairs decided, the left answer won %s: half of them without a bias of place.\n",
		first, p.Lead.Point*100, p.Lead.Lo*100, p.Lead.Hi*100, report.Percent(p.LeftRate))
	return err
}
