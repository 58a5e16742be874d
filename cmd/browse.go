package cmd

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"infer/cmd/internal/cli"
	"infer/datasets"
	"infer/eval"
	"infer/eval/store"
	"infer/report/tui"
)

func newBrowseCmd(app *cli.App) *cobra.Command {
	var path string
	c := &cobra.Command{
		Use: "browse [run]", Aliases: []string{"tui"}, Short: "Look around in a run, interactively",
		Long: `Open the browser on a run, or on the list of runs: the board of candidates with
their intervals, the frontier of cost and acceptance, tasks with every attempt on a
time axis, and the decision for each task type. It only reads, and follows a run
that another process is writing. ? lists the keys of each screen; Y copies the
equivalent command line.`,
		Example: `  $ infer browse
  $ infer browse latest`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: completeRuns(app, &path),
		RunE: func(c *cobra.Command, args []string) (err error) {
			if !app.InTTY || !app.OutTTY {
				return eval.Invalid(errors.New("browse needs a terminal"), "`infer report` prints the same figures anywhere")
			}
			s, err := openStore(c.Context(), app, path, false)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, s.Close()) }()
			o := tui.Options{Source: browseSource{app, s}, Tasks: browseSource{app, s}, Store: path, Output: app.Out, Color: app.Color(true)}
			if len(args) > 0 {
				run, err := s.Run(c.Context(), args[0])
				if err != nil {
					return err
				}
				o.Run = run.ID
			}
			return tui.Show(c.Context(), o, app.In)
		},
	}
	storeFlag(c, &path)
	return c
}

// browseSource gives the browser what the store has.
type browseSource struct {
	app *cli.App
	s   *store.Store
}

var (
	_ tui.Source     = browseSource{}
	_ tui.TaskSource = browseSource{}
)

// Runs lists the runs.
func (b browseSource) Runs(ctx context.Context) ([]tui.RunLine, error) {
	infos, err := b.s.Runs(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]tui.RunLine, len(infos))
	for i, r := range infos {
		out[i] = tui.RunLine{ID: r.ID, Name: r.Name, State: r.State, Updated: r.UpdatedAt, Candidates: len(r.Models), Tasks: r.Dataset.Tasks, Trials: r.Trials, Planned: int64(r.Planned)}
	}
	return out, nil
}

// browseDecide is the largest run, in trials, whose recommendation is made while
// the browser opens.
const browseDecide = 50_000

// Open builds a run's report, and its recommendation unless that would take long.
func (b browseSource) Open(ctx context.Context, id string) (*tui.Run, error) {
	r, err := loadReport(ctx, b.s, id)
	if err != nil {
		return nil, err
	}
	if r.Run.Trials > browseDecide {
		return &tui.Run{Report: r, WhyNot: "a run of this size is weighed by `infer recommend " + id + "`, which takes a moment"}, nil
	}
	rec, whyNot := recommendationOf(ctx, b.app, b.s, id)
	return &tui.Run{Report: r, Recommendation: rec, WhyNot: whyNot}, nil
}

// browseChunk is how many tasks are read at once while a filter looks for more.
const browseChunk = 2000

// Tasks returns a page. A filter reads on until the page is full.
func (b browseSource) Tasks(ctx context.Context, id string, q tui.Query) (tui.Page, error) {
	run, err := b.s.Run(ctx, id)
	if err != nil {
		return tui.Page{}, err
	}
	var page tui.Page
	words := strings.ToLower(q.Text)
	chunk := browseChunk
	if words == "" && q.Only == tui.OnlyAll {
		chunk = q.Size
	}
	for from := q.From; ; {
		rows, err := b.s.TaskVerdicts(ctx, id, len(run.Candidates), from, chunk)
		if err != nil || len(rows) == 0 {
			return page, err
		}
		for i := range rows {
			t := &rows[i]
			from = t.Seq + 1
			if words != "" && !strings.Contains(strings.ToLower(t.ID), words) && !strings.Contains(strings.ToLower(t.Type), words) || !fitsOnly(q.Only, t.Verdicts) {
				continue
			}
			page.Rows = append(page.Rows, tui.TaskLine(*t))
			if len(page.Rows) >= q.Size {
				page.Next = from
				return page, nil
			}
		}
	}
}

func fitsOnly(only tui.Only, verdicts []eval.Verdict) bool {
	var accepted, failed, errored bool
	for _, v := range verdicts {
		accepted = accepted || v == eval.Accepted
		failed = failed || v == eval.Rejected || v == eval.Errored
		errored = errored || v == eval.Errored
	}
	switch only {
	case tui.OnlyFailures:
		return failed
	case tui.OnlyDifferent:
		return accepted && failed
	case tui.OnlyErrors:
		return errored
	}
	return true
}

// Task reads one task with its trials.
func (b browseSource) Task(ctx context.Context, id, task string) (*tui.TaskDetail, error) {
	run, err := b.s.Run(ctx, id)
	if err != nil {
		return nil, err
	}
	l, err := b.s.TaskLine(ctx, id, task)
	if err != nil {
		return nil, err
	}
	d := &tui.TaskDetail{ID: l.ID, File: l.File, Line: l.Line}
	for i := range run.Candidates {
		d.Candidates = append(d.Candidates, run.Candidates[i].Name)
	}
	if t, err := datasets.ParseLine(l.Raw, nil); err == nil {
		d.Type, d.Expected = t.Type, eval.Untrusted(t.Expected)
		if n := len(t.Messages); n > 0 {
			d.Input = eval.Untrusted(t.Messages[n-1].Text())
		}
	} else {
		d.Input = eval.Untrusted(l.Raw)
	}
	for t, err := range b.s.Trials(ctx, id, store.Filter{TaskID: task}) {
		if err != nil {
			return nil, err
		}
		d.Type = t.TaskType
		d.Trials = append(d.Trials, t)
	}
	return d, nil
}
