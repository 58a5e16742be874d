package cmd

import (
	"context"
	"fmt"
	"io"
	"iter"
	"os"

	"infer/cmd/internal/cli"
	"infer/eval"
	"infer/eval/store"
	"infer/report"
	"infer/report/render"
)

// The formats that CI systems read, and the page. They are made from single
// trials, which package render does not know.
const (
	formatHTML    = "html"
	formatOTLP    = "otlp"
	formatJUnit   = "junit"
	formatGitHub  = "github"
	formatGitLab  = "gitlab"
	formatMetrics = "openmetrics"
)

// reportFormats are the formats of a report.
func reportFormats() []string {
	return append(render.Formats(), formatHTML, formatJUnit, formatGitHub, formatGitLab, formatMetrics, formatOTLP)
}

// writeForCI writes the formats that are made from single trials; done is false
// for any other.
func writeForCI(ctx context.Context, app *cli.App, w io.Writer, s *store.Store, r *report.Report, format string) (done bool, err error) {
	run, err := s.Run(ctx, r.Run.ID)
	if err != nil {
		return true, err
	}
	switch format {
	case formatJUnit:
		return true, render.JUnit(w, r, casesOf(ctx, s, run))
	case formatGitHub:
		return true, writeGitHub(app, w, r, casesOf(ctx, s, run))
	case formatGitLab:
		return true, render.CodeQuality(w, casesOf(ctx, s, run))
	case formatMetrics:
		return true, render.Metrics(w, r)
	}
	return false, nil
}

// writeGitHub writes annotations to w and appends the summary to the file that
// GITHUB_STEP_SUMMARY names; without one it follows the annotations.
func writeGitHub(app *cli.App, w io.Writer, r *report.Report, cases iter.Seq2[render.Case, error]) error {
	if err := render.Annotations(w, r, cases); err != nil {
		return err
	}
	path := app.Env("GITHUB_STEP_SUMMARY")
	if path == "" {
		return render.Summary(w, r)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return eval.WithHint(eval.KindOperational, fmt.Errorf("append the step summary: %w", err), "GITHUB_STEP_SUMMARY must name a file that may be written")
	}
	if err := render.Summary(f, r); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}

// casesOf streams the run's trials as cases, in the store's order.
func casesOf(ctx context.Context, s *store.Store, run *eval.Run) iter.Seq2[render.Case, error] {
	return func(yield func(render.Case, error) bool) {
		type place struct {
			file string
			line int
		}
		places := make(map[int]place, run.Dataset.Tasks)
		for l, err := range s.Lines(ctx, run.ID) {
			if err != nil {
				yield(render.Case{}, err)
				return
			}
			places[l.Seq] = place{l.File, l.Line}
		}
		for t, err := range s.Trials(ctx, run.ID, store.Filter{}) {
			if err != nil {
				yield(render.Case{}, err)
				return
			}
			a := pageAnswerOf(t)
			c := render.Case{TaskType: t.TaskType, TaskID: t.TaskID, Repeat: t.Repeat, File: places[t.TaskSeq].file, Line: places[t.TaskSeq].line, Verdict: t.Verdict,
				Class: a.Class, Latency: a.Latency, Retries: t.Retries(), Cost: a.Cost, Why: a.Why, Output: a.Text}
			if t.Candidate < len(run.Candidates) {
				c.Candidate = run.Candidates[t.Candidate].Name
			}
			if !yield(c, nil) {
				return
			}
		}
	}
}
