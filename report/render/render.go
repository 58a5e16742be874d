// Package render writes reports: tables for terminals, Markdown, CSV, JSON and
// JSON lines. It writes values that package report computed and computes none
// itself. Everything that came from outside is sanitised on its way out.
//
// It is the only package that knows the table library.
package render

import (
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"strings"

	"infer/eval"
	"infer/report"
)

// Format is an output format.
type Format string

// The formats.
const (
	Table    Format = "table"
	Markdown Format = "md"
	CSV      Format = "csv"
	JSON     Format = "json"
	JSONL    Format = "jsonl"
)

// Formats lists the formats, for flags and completion.
func Formats() []string {
	return []string{string(Table), string(Markdown), string(CSV), string(JSON), string(JSONL)}
}

// Options of a rendering.
type Options struct {
	Width  int  // columns that a table may use; 0 = no limit
	Color  bool // a table may use colour; it reads the same without
	CSVRaw bool // do not defuse cells that a spreadsheet would run
}

// Report writes a report in any format but JSONL, which is made of records.
func Report(w io.Writer, r *report.Report, f Format, o Options) error {
	switch f {
	case Table:
		return table(w, r, o)
	case Markdown:
		return markdown(w, r)
	case CSV:
		return csvReport(w, r, o)
	case JSON:
		return Indented(w, r)
	}
	return eval.Invalid(fmt.Errorf("unknown format %q", f), "the formats are "+strings.Join(Formats(), ", "))
}

// Indented writes v as indented JSON that is safe on a terminal.
func Indented(w io.Writer, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	_, err = fmt.Fprintf(w, "%s\n", eval.EscapeJSON(b))
	return err
}

// record is the JSON form of a record: the ten fields under their exact names.
type record struct {
	Schema    string       `json:"schema"`
	Run       string       `json:"run"`
	TaskID    string       `json:"task_id"`
	Candidate string       `json:"candidate"`
	Repeat    int          `json:"repeat"`
	Verdict   eval.Verdict `json:"verdict"`
	Class     eval.Class   `json:"error_class,omitempty"`

	TaskType        string                 `json:"task_type"`
	Model           string                 `json:"model"`
	InputType       eval.InputType         `json:"input_type"`
	Latency         recordLatency          `json:"latency"`
	RetryCount      *int64                 `json:"retry_count"`
	FallbackUsed    *bool                  `json:"fallback_used"`
	UserRegenerated *bool                  `json:"user_regenerated"`
	HumanFix        *bool                  `json:"human_fix_required"`
	Accepted        *bool                  `json:"accepted_result"`
	FinalCost       *report.USD            `json:"final_cost"`
	Origins         map[string]eval.Origin `json:"origins"`
}

type recordLatency struct {
	User    *float64 `json:"user_ms"`
	Backend *float64 `json:"backend_ms"`
}

// RecordSchema names the version of a record's JSON form.
const RecordSchema = "infer.record/1"

// Records writes one line of JSON for each record.
func Records(w io.Writer, records iter.Seq2[eval.Record, error]) error {
	for r, err := range records {
		if err != nil {
			return err
		}
		b, err := json.Marshal(record{Schema: RecordSchema, Run: r.Run, TaskID: r.TaskID, Candidate: r.Candidate, Repeat: r.Repeat,
			Verdict: r.Verdict, Class: r.Class, TaskType: r.TaskType, Model: r.Model, InputType: r.InputType,
			Latency:    recordLatency{ms(r.Latency.User), ms(r.Latency.Backend)},
			RetryCount: r.RetryCount, FallbackUsed: r.FallbackUsed, UserRegenerated: r.UserRegenerated, HumanFix: r.HumanFix,
			Accepted: r.Accepted, FinalCost: (*report.USD)(r.FinalCost), Origins: r.Origins})
		if err != nil {
			return fmt.Errorf("encode record: %w", err)
		}
		if _, err := w.Write(append(eval.EscapeJSON(b), '\n')); err != nil {
			return err
		}
	}
	return nil
}

func ms(us *int64) *float64 {
	if us == nil {
		return nil
	}
	v := float64(*us) / 1000
	return &v
}
