package render

import (
	"encoding/csv"
	"fmt"
	"io"
	"sort"
	"strconv"
	"strings"

	"infer/eval"
	"infer/report"
)

// markdown writes the report as GitHub-flavoured Markdown.
func markdown(w io.Writer, r *report.Report) error {
	var b strings.Builder
	fmt.Fprintf(&b, "### infer · run `%s` · %s\n\n%s · %s · %s\n\n", r.Run.ID, Escape(r.Run.Name), tasks(&r.Run), plural(r.Run.Called(), "candidate"), r.Run.State)
	overall, byType := split(r.Cells)
	mdGrid(&b, overall, columns(overall, false))
	if len(typesOf(byType)) > 1 {
		b.WriteString("\n")
		mdGrid(&b, byType, columns(byType, true))
	}
	gatesMarkdown(&b, r.Verdict.Gates)
	for _, note := range append(append([]string(nil), r.Verdict.Reason...), r.Warnings...) {
		fmt.Fprintf(&b, "\n> ⚠ %s\n", Escape(note))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func mdGrid(b *strings.Builder, cells []report.Cell, cols []column) {
	for i := range cols {
		b.WriteString("| " + cols[i].head + " ")
	}
	b.WriteString("|\n")
	for i := range cols {
		if cols[i].right {
			b.WriteString("|---:")
		} else {
			b.WriteString("|---")
		}
	}
	b.WriteString("|\n")
	for i := range cells {
		for k := range cols {
			b.WriteString("| " + Escape(cols[k].value(&cells[i])) + " ")
		}
		b.WriteString("|\n")
	}
}

// markdownSpecial are the characters that Markdown or GitHub gives a meaning.
const markdownSpecial = "\\`*_{}[]<>()#+-!|~@:$"

// Escape makes a text inert in Markdown: on one line, sanitised, and with
// everything that could become markup, a link, an image or a mention escaped.
func Escape(s string) string {
	s = eval.Untrusted(s).Line(0)
	if !strings.ContainsAny(s, markdownSpecial+"&") {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == '&':
			b.WriteString("&amp;")
		case r == '<':
			b.WriteString("&lt;")
		case r == '@' || r == ':':
			b.WriteRune(r)
			b.WriteString("<!-- -->")
		case r == '-' && i > 0, r == '(', r == ')', r == '+', r == '$':
			b.WriteRune(r)
		case strings.ContainsRune(markdownSpecial, r):
			b.WriteByte('\\')
			b.WriteRune(r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// csvReport writes one line for each cell, exact figures, unknown as empty.
func csvReport(w io.Writer, r *report.Report, o Options) error {
	c := csv.NewWriter(w)
	head := []string{"run", "task_type", "candidate", "n", "accepted", "acceptance", "acceptance_lo", "acceptance_hi", "rejected", "unscored", "errored",
		"errors", "attempts", "retries", "fallbacks", "regenerations", "human_fixes", "latency_p50_ms", "latency_p95_ms", "ttft_p50_ms", "ttft_p95_ms",
		"cost_usd", "cost_low_usd", "cost_high_usd", "cost_per_accepted_usd", "cost_per_accepted_lo", "cost_per_accepted_hi"}
	if err := c.Write(head); err != nil {
		return err
	}
	for i := range r.Cells {
		x := &r.Cells[i]
		row := []string{r.Run.ID, x.TaskType, x.Candidate, count(x.N), count(x.Accepted), exact(x.Acceptance.Point), exact(x.Acceptance.Lo), exact(x.Acceptance.Hi),
			count(x.Rejected), count(x.Unscored), count(x.Errored), classes(x.Errors), count(x.Attempts), count(x.Retries), count(x.Fallbacks),
			count(x.Regenerations), count(x.HumanFixes), exact(x.Latency.P50), exact(x.Latency.P95), exact(x.TTFT.P50), exact(x.TTFT.P95),
			money(x.Cost.Total), money(&x.Cost.Low), money(x.Cost.High), exact(x.CostPerAccepted.Point), exact(x.CostPerAccepted.Lo), exact(x.CostPerAccepted.Hi)}
		for k := range row {
			row[k] = CSVCell(row[k], o.CSVRaw)
		}
		if err := c.Write(row); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

// CSVCell makes a cell safe: sanitised, and with an apostrophe before what a
// spreadsheet would take for a formula, unless raw.
func CSVCell(s string, raw bool) string {
	if raw {
		return s
	}
	s = eval.Untrusted(s).Line(0)
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		if _, err := strconv.ParseFloat(s, 64); err != nil {
			return "'" + s
		}
	}
	return s
}

func exact(v *float64) string {
	if v == nil {
		return ""
	}
	return strconv.FormatFloat(*v, 'g', -1, 64)
}

func money(u *report.USD) string {
	if u == nil {
		return ""
	}
	return eval.Money(*u).String()
}

func classes(m map[eval.Class]int64) string {
	parts := make([]string, 0, len(m))
	for c, n := range m {
		parts = append(parts, fmt.Sprintf("%s=%d", c, n))
	}
	sort.Strings(parts)
	return strings.Join(parts, " ")
}
