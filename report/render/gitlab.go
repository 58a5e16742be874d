package render

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"

	"infer/eval"
	"infer/report"
)

// finding is one entry of GitLab's code quality report.
type finding struct {
	Description string   `json:"description"`
	Check       string   `json:"check_name"`
	Fingerprint string   `json:"fingerprint"`
	Severity    string   `json:"severity"` // info, minor, major, critical or blocker
	Location    location `json:"location"`
}

type location struct {
	Path  string `json:"path"`
	Lines struct {
		Begin int `json:"begin"`
	} `json:"lines"`
}

// CodeQuality writes failed trials as GitLab's code quality report, each at its
// task's dataset line. The fingerprint is that of task and candidate, so that a
// failure that stays is not a new one.
func CodeQuality(w io.Writer, cases iter.Seq2[Case, error]) error {
	findings := []finding{}
	for c, err := range cases {
		if err != nil {
			return err
		}
		if !c.bad() || c.Repeat > 0 {
			continue
		}
		sum := sha256.Sum256([]byte(c.File + "\x00" + c.TaskID + "\x00" + c.Candidate))
		f := finding{Description: c.title() + ": " + c.Why.Line(maxCaseWhy), Check: "infer/" + string(c.Verdict), Fingerprint: hex.EncodeToString(sum[:16]), Severity: "minor",
			Location: location{Path: plainXML(c.File)}}
		if c.Verdict == eval.Errored {
			f.Severity = "major"
		}
		f.Location.Lines.Begin = max(c.Line, 1)
		findings = append(findings, f)
	}
	b, err := json.MarshalIndent(findings, "", " ")
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	_, err = fmt.Fprintf(w, "%s\n", eval.EscapeJSON(b))
	return err
}

// Metrics writes the cells as OpenMetrics text, which GitLab compares between
// branches. What is unknown has no line.
func Metrics(w io.Writer, r *report.Report) error {
	var b strings.Builder
	for _, m := range []struct {
		name string
		of   func(c *report.Cell) *float64
	}{
		{"infer_acceptance", func(c *report.Cell) *float64 { return c.Acceptance.Point }},
		{"infer_acceptance_lower_bound", func(c *report.Cell) *float64 { return c.Acceptance.Lo }},
		{"infer_cost_per_accepted_usd", func(c *report.Cell) *float64 { return c.CostPerAccepted.Point }},
		{"infer_latency_p95_ms", func(c *report.Cell) *float64 { return c.Latency.P95 }},
		{"infer_errored", func(c *report.Cell) *float64 { v := float64(c.Errored); return &v }},
		{"infer_retries", func(c *report.Cell) *float64 { v := float64(c.Retries); return &v }},
	} {
		fmt.Fprintf(&b, "# TYPE %s gauge\n", m.name)
		for i := range r.Cells {
			if v := m.of(&r.Cells[i]); v != nil {
				fmt.Fprintf(&b, "%s{task_type=\"%s\",candidate=\"%s\"} %s\n", m.name, metricLabel(r.Cells[i].TaskType), metricLabel(r.Cells[i].Candidate), strconv.FormatFloat(*v, 'g', -1, 64))
			}
		}
	}
	b.WriteString("# EOF\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// metricLabel is a label's value: one line, sanitised, escaped.
func metricLabel(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(eval.Untrusted(s).Line(200))
}
