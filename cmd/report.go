package cmd

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"infer/cmd/internal/cli"
)

// reportOptions are the flags of infer report.
type reportOptions struct {
	app    *cli.App
	run    string
	store  string
	output string
	out    formatFlag
}

func newReportCmd(app *cli.App, runF func(context.Context, *reportOptions) error) *cobra.Command {
	o := &reportOptions{app: app}
	c := &cobra.Command{
		Use:   "report [run]",
		Short: "Show the results of a run",
		Long: `Show acceptance with its interval, errors, retries, latency, cost and cost per
accepted task, for each candidate over all tasks and by task type. Without a run,
the newest is shown. Only the store is read.

jsonl writes one line a trial with the ten record fields; html a page that needs no
network and no script; otlp a span for each call, as OpenTelemetry has them. For CI:
junit; github (annotations, and the step summary into $GITHUB_STEP_SUMMARY); gitlab
(code quality) and openmetrics.`,
		Example: `  # the newest run
  $ infer report

  # every trial with the ten record fields
  $ infer report --format jsonl -o trials.jsonl

  # a page to mail, print or attach to a build
  $ infer report --format html -o report.html

  # for scripts
  $ infer report --json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				o.run = args[0]
			}
			if runF != nil {
				return runF(c.Context(), o)
			}
			return runReport(c.Context(), o)
		},
		ValidArgsFunction: completeRuns(app, &o.store),
	}
	storeFlag(c, &o.store)
	outputFlag(c, &o.output, "write to this file")
	o.out.add(c, app, reportFormats())
	return c
}

func runReport(ctx context.Context, o *reportOptions) (err error) {
	s, err := openStore(ctx, o.app, o.store, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	r, err := loadReport(ctx, s, o.run)
	if err != nil {
		return err
	}
	return writeReport(ctx, o.app, s, r, o.run, o.out.format, o.output)
}
