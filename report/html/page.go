// Package html writes a run's report as one self-contained page: no network, a
// strict content security policy, plots as SVG drawn here, readable without a
// script (which only filters and sorts), on paper, in the dark and by a screen
// reader.
//
// It writes values that other packages computed. Everything that came from
// outside passes through eval.Untrusted and html/template's escaping.
package html

import (
	"crypto/sha256"
	_ "embed" // the page's parts
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"time"

	"infer/eval"
	"infer/report"
)

//go:embed page.tmpl
var pageText string

//go:embed style.css
var styleText string

//go:embed filter.js
var scriptText string

// Page is everything that a page shows.
type Page struct {
	Report         *report.Report
	Recommendation *eval.Recommendation // nil = none was made
	Cells          []eval.Cell          // of the same run: latency distributions
	Tasks          []Task               // worst first, shown with inputs and answers
	Brief          []Task               // those after them, a line each
	TasksLeftOut   int                  // tasks that are in the run and on no list
	Failures       []FailureCount       // by time
	Flips          []Flip
	Store          string // path of the store, to trace figures in
}

// Task is one task with what every candidate made of it.
type Task struct {
	ID, Type string
	File     string
	Line     int
	Input    eval.Untrusted // cut by the caller
	Expected eval.Untrusted
	Answers  []Answer // one a candidate, in the report's order
	Accepted int      // how many candidates were accepted on it
}

// Answer is what one candidate made of one task, its first repeat.
type Answer struct {
	Verdict eval.Verdict   // "" = it has no outcome
	Class   eval.Class     // of an errored one
	Latency time.Duration  // user-visible; 0 = unknown
	Tries   int            // attempts
	Cost    eval.Cost      // everything spent
	Text    eval.Untrusted // cut by the caller; "" = left out
	Why     eval.Untrusted // the graders' explanation, or the failure's message
}

// FailureCount is how many attempts failed so in one stretch of the run.
type FailureCount struct {
	From  time.Time
	Class eval.Class
	N     int64
}

// Flip counts tasks on which two candidates differ: the first repeat of both was
// judged and one was accepted.
type Flip struct {
	A, B         int // indexes into the report's candidates
	OnlyA, OnlyB int
	Examples     []string // task ids, of both kinds
}

// Render writes the page.
func Render(w io.Writer, p *Page) error {
	t, err := template.New("page").Funcs(functions(p)).Parse(pageText)
	if err != nil {
		return fmt.Errorf("page: %w", err)
	}
	v := view{Page: p, Style: template.CSS(styleText), Script: template.JS(scriptText),
		StyleHash: integrity(styleText), ScriptHash: integrity(scriptText)}
	v.prepare()
	if err := t.Execute(w, &v); err != nil {
		return fmt.Errorf("page: %w", err)
	}
	return nil
}

// integrity is the hash by which the policy lets an inline element in.
func integrity(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}
