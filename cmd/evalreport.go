package cmd

import (
	"context"
	"io"

	"infer/cmd/internal/cli"
	"infer/eval/store"
	"infer/report"
	"infer/report/otlp"
	"infer/report/render"
)

// loadReport builds the report of one run.
func loadReport(ctx context.Context, s *store.Store, ref string) (*report.Report, error) {
	run, at, err := s.Graded(ctx, ref)
	if err != nil {
		return nil, err
	}
	cells, err := s.CellsAt(ctx, run.ID, at)
	if err != nil {
		return nil, err
	}
	return report.Build(run, cells)
}

// plainWidth is how wide tables are where there is no terminal to ask.
const plainWidth = 120

// writeReport writes the report of the run that ref names to a file or to
// standard output.
func writeReport(ctx context.Context, app *cli.App, s *store.Store, r *report.Report, ref, format, output string) error {
	return toOutput(app, output, func(w io.Writer, tty bool) error {
		if format == string(render.JSONL) {
			run, at, err := s.Graded(ctx, ref)
			if err != nil {
				return err
			}
			return render.Records(w, s.RecordsAt(ctx, run, at))
		}
		if format == formatOTLP {
			run, _, err := s.Graded(ctx, ref)
			if err != nil {
				return err
			}
			return writeSpans(ctx, w, s, run, otlp.Semconvs()[0])
		}
		if format == formatHTML {
			rec, _ := recommendationOf(ctx, app, s, ref)
			return writePage(ctx, w, s, r, rec)
		}
		if done, err := writeForCI(ctx, app, w, s, r, format); done || err != nil {
			return err
		}
		opts := render.Options{Color: app.Color(tty), Width: plainWidth}
		if w := app.Width(); w > 0 {
			opts.Width = w
		}
		return render.Report(w, r, render.Format(format), opts)
	})
}
