package render

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"infer/eval"
)

// GateSchema names the version of the JSON form of Gates.
const GateSchema = "infer.gate/1"

// JUnitFormat is JUnit XML.
const JUnitFormat Format = "junit"

// Gates is what a gate command says.
type Gates struct {
	Schema  string            `json:"schema"`
	Run     string            `json:"run"`
	State   eval.GateState    `json:"state"`
	Results []eval.GateResult `json:"gates"`
}

// GateFormats lists the formats of gates.
func GateFormats() []string {
	return []string{string(Table), string(Markdown), string(JSON), string(JUnitFormat)}
}

// WriteGates writes gates as text, Markdown, JSON or JUnit.
func WriteGates(w io.Writer, g *Gates, f Format, o Options) error {
	var b strings.Builder
	switch f {
	case Table:
		fmt.Fprintf(&b, "run %s · gates: %s\n", g.Run, stateWord(g.State))
		gateLines(&b, g.Results, o.Width)
	case Markdown:
		fmt.Fprintf(&b, "### infer · gates of run `%s`: %s\n", g.Run, stateWord(g.State))
		gatesMarkdown(&b, g.Results)
	case JSON:
		return Indented(w, g)
	case JUnitFormat:
		return gatesJUnit(w, g)
	default:
		return eval.Invalid(fmt.Errorf("unknown format %q", f), "the formats are "+strings.Join(GateFormats(), ", "))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func stateWord(s eval.GateState) string {
	switch s {
	case eval.GatePass:
		return "passed"
	case eval.GateFail:
		return "failed"
	}
	return "undecided"
}

// gateMark says a state in one character and a word; colour is never needed.
func gateMark(s eval.GateState) string {
	switch s {
	case eval.GatePass:
		return "✓ pass"
	case eval.GateFail:
		return "✗ fail"
	}
	return "~ unknown"
}

func gateWhere(g *eval.GateResult) string {
	where := name(g.Candidate)
	if g.TaskType != "*" && g.TaskType != "" {
		where += " on " + name(g.TaskType)
	}
	return where
}

// gateLines writes one line a gate, failures first.
func gateLines(b *strings.Builder, results []eval.GateResult, width int) {
	if len(results) == 0 {
		return
	}
	b.WriteString("\ngates\n")
	for _, want := range []eval.GateState{eval.GateFail, eval.GateUnknown, eval.GatePass} {
		for i := range results {
			if g := &results[i]; g.State == want {
				wrapped(b, gateMark(g.State), fmt.Sprintf("%s, %s: %s", g.Gate, gateWhere(g), g.Reason), width)
			}
		}
	}
}

func gatesMarkdown(b *strings.Builder, results []eval.GateResult) {
	if len(results) == 0 {
		return
	}
	b.WriteString("\n")
	rows := make([][]string, 0, len(results))
	for _, want := range []eval.GateState{eval.GateFail, eval.GateUnknown, eval.GatePass} {
		for i := range results {
			if g := &results[i]; g.State == want {
				rows = append(rows, []string{gateMark(g.State), g.Gate, gateWhere(g), g.Reason})
			}
		}
	}
	mdTable(b, []string{"state", "gate", "candidate", "why"}, rows)
}

// gateSuite is a suite with a case a gate: what is undecided is skipped.
func gateSuite(run string, results []eval.GateResult) junitSuite {
	suite := junitSuite{Name: "gates of " + plainXML(run), Time: "0"}
	for i := range results {
		r := &results[i]
		c := junitCase{Name: plainXML(r.Gate + " " + r.Candidate), Class: "infer.gate." + plainXML(dotless(r.TaskType)), Time: "0"}
		suite.Tests++
		switch r.State {
		case eval.GateFail:
			suite.Failures++
			c.Failure = &junitProblem{Message: plainXML(r.Reason), Type: "gate", Body: plainXML(r.Reason)}
		case eval.GateUnknown:
			suite.Skipped++
			c.Skipped = &junitProblem{Message: plainXML(r.Reason)}
		}
		suite.Cases = append(suite.Cases, c)
	}
	return suite
}

func gatesJUnit(w io.Writer, g *Gates) error {
	suite := gateSuite(g.Run, g.Results)
	b, err := xml.MarshalIndent(junitSuites{Name: "infer " + g.Run, Time: "0", Tests: suite.Tests, Failures: suite.Failures, Skipped: suite.Skipped, Suites: []junitSuite{suite}}, "", " ")
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	_, err = fmt.Fprintf(w, "%s%s\n", xml.Header, b)
	return err
}
