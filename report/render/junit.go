package render

import (
	"encoding/xml"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"

	"infer/eval"
	"infer/report"
)

// The elements of the JUnit dialect that CI systems agree on: GitLab keys a case
// on class and name, and shows a failure's body and not always its message, so
// both say the same.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
		Skipped  int          `xml:"skipped,attr"`
		Time     string       `xml:"time,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name       string          `xml:"name,attr"`
		Tests      int             `xml:"tests,attr"`
		Failures   int             `xml:"failures,attr"`
		Errors     int             `xml:"errors,attr"`
		Skipped    int             `xml:"skipped,attr"`
		Time       string          `xml:"time,attr"`
		Properties []junitProperty `xml:"properties>property,omitempty"`
		Cases      []junitCase     `xml:"testcase"`

		seconds float64
	}
	junitProperty struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	junitCase struct {
		Name    string        `xml:"name,attr"`
		Class   string        `xml:"classname,attr"`
		File    string        `xml:"file,attr,omitempty"`
		Line    int           `xml:"line,attr,omitempty"`
		Time    string        `xml:"time,attr"`
		Failure *junitProblem `xml:"failure,omitempty"`
		Error   *junitProblem `xml:"error,omitempty"`
		Skipped *junitProblem `xml:"skipped,omitempty"`
		Output  string        `xml:"system-out,omitempty"`
	}
	junitProblem struct {
		Message string `xml:"message,attr,omitempty"`
		Type    string `xml:"type,attr,omitempty"`
		Body    string `xml:",chardata"`
	}
)

// JUnit writes a run as JUnit XML: a suite for each candidate on each task type,
// a case for each trial. A rejected answer is a failure, a trial without an
// answer an error, an unscored one skipped. The run's own verdict is a case of its
// own, which fails exactly when the exit code is not 0.
func JUnit(w io.Writer, r *report.Report, cases iter.Seq2[Case, error]) error {
	out := junitSuites{Name: "infer " + r.Run.ID}
	index := make(map[[2]string]int)
	for c, err := range cases {
		if err != nil {
			return err
		}
		key := [2]string{c.TaskType, c.Candidate}
		i, ok := index[key]
		if !ok {
			i = len(out.Suites)
			index[key] = i
			out.Suites = append(out.Suites, junitSuite{Name: plainXML(c.TaskType + " / " + c.Candidate), Properties: properties(r, &c)})
		}
		out.Suites[i].add(&c)
	}
	if len(r.Verdict.Gates) > 0 {
		out.Suites = append(out.Suites, gateSuite(r.Run.ID, r.Verdict.Gates))
	}
	out.Suites = append(out.Suites, verdictSuite(r))
	total := 0.0
	for i := range out.Suites {
		s := &out.Suites[i]
		s.Time = seconds(s.seconds)
		total += s.seconds
		out.Tests, out.Failures, out.Errors, out.Skipped = out.Tests+s.Tests, out.Failures+s.Failures, out.Errors+s.Errors, out.Skipped+s.Skipped
	}
	out.Time = seconds(total)
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", " ")
	if err := e.Encode(out); err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func (s *junitSuite) add(c *Case) {
	jc := junitCase{Name: plainXML(c.TaskID), Class: "infer." + plainXML(dotless(c.TaskType)) + "." + plainXML(dotless(c.Candidate)),
		File: plainXML(c.File), Line: c.Line, Time: seconds(c.Latency.Seconds())}
	if c.Repeat > 0 {
		jc.Name += fmt.Sprintf(" #%d", c.Repeat+1)
	}
	why := c.Why.Line(maxCaseWhy)
	body := why
	if c.Output != "" {
		body += "\n\nanswer:\n" + c.Output.Block(maxCaseText)
	}
	s.Tests++
	s.seconds += c.Latency.Seconds()
	switch c.Verdict {
	case eval.Accepted:
	case eval.Rejected, eval.Diverged:
		s.Failures++
		jc.Failure = &junitProblem{Message: why, Type: string(c.Verdict), Body: body}
	case eval.Errored:
		s.Errors++
		jc.Error = &junitProblem{Message: why, Type: string(c.Class), Body: body}
	default:
		s.Skipped++
		jc.Skipped = &junitProblem{Message: string(c.Verdict) + ": " + why}
	}
	s.Cases = append(s.Cases, jc)
}

// properties are the figures of the suite's cell.
func properties(r *report.Report, c *Case) []junitProperty {
	for i := range r.Cells {
		x := &r.Cells[i]
		if x.TaskType != c.TaskType || x.Candidate != c.Candidate {
			continue
		}
		return []junitProperty{{"acceptance", report.Percent(x.Acceptance.Point)}, {"acceptance_interval", report.Interval(x.Acceptance)},
			{"cost_per_accepted", report.PerAccepted(x.CostPerAccepted)}, {"latency_p95", report.Millis(x.Latency.P95)}, {"retries", report.Retried(x)}}
	}
	return nil
}

// verdictSuite is the run's verdict as a case.
func verdictSuite(r *report.Report) junitSuite {
	s := junitSuite{Name: "verdict", Tests: 1}
	c := junitCase{Name: "run " + r.Run.ID, Class: "infer.verdict", Time: "0"}
	if r.Verdict.State != report.StateComplete {
		s.Failures = 1
		text := plainXML(strings.Join(r.Verdict.Reason, "; "))
		c.Failure = &junitProblem{Message: text, Type: r.Verdict.State, Body: text}
	}
	s.Cases = []junitCase{c}
	return s
}

// dotless keeps a name from looking like several levels of a class name.
func dotless(s string) string { return strings.ReplaceAll(s, ".", "_") }

// plainXML is a text on one line without the characters that XML 1.0 forbids.
func plainXML(s string) string {
	return strings.Map(func(r rune) rune {
		if r == 0xfffe || r == 0xffff {
			return 0xfffd
		}
		return r
	}, eval.Untrusted(s).Line(500))
}

func seconds(v float64) string { return strconv.FormatFloat(v, 'f', 3, 64) }
