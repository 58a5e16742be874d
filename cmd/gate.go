package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"infer/cmd/internal/cli"
	"infer/cmd/internal/config"
	"infer/eval"
	"infer/report/render"
)

// gateOptions are the flags of infer gate.
type gateOptions struct {
	app      *cli.App
	run      string
	flags    config.Flags
	baseline string
	failCode int
	output   string
	out      formatFlag
}

func newGateCmd(app *cli.App, runF func(context.Context, *gateOptions) error) *cobra.Command {
	o := &gateOptions{app: app}
	c := &cobra.Command{
		Use:   "gate [run]",
		Short: "Pass or fail a run by the project's gates",
		Long: `Decide the gates: of infer.yaml on a run: floors on the exact lower bound of
acceptance and reliability, p95 of latency by counting what is slower, ceilings on
cost, tasks that must pass, and, against a baseline, regressions. Each gate passes,
fails or is undecided; a run with missing tasks, or tasks that are not the
baseline's, fails. Verdicts that rest on judges alone pass no gate. Only the store
and infer.yaml are read.

A baseline is a saved one (infer baseline save), its file, or RUN[:CANDIDATE]. One
repeat passes or fails what is clear; the rest takes three (--repeats 3): no change
fails in 1% of the cases at most, a drop of the margin passes in 5% at most.

EXIT STATUS
  0 all pass · 2 usage or configuration · 3 undecided · 100 failed
  (--fail-exit-code sets another number)`,
		Example: `  # the gates of infer.yaml on the newest run
  $ infer gate

  # and against what the default did before
  $ infer gate latest --baseline main

  # for a CI job that shows JUnit
  $ infer gate --format junit -o gates.xml`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				o.run = args[0]
			}
			if runF != nil {
				return runF(c.Context(), o)
			}
			return runGate(c.Context(), o)
		},
		ValidArgsFunction: completeRuns(app, &o.flags.Store),
	}
	f := c.Flags()
	storeFlag(c, &o.flags.Store)
	f.StringVar(&o.flags.Config, "config", "", "configuration with the gates (default infer.yaml here)")
	f.StringVar(&o.baseline, "baseline", "", "saved baseline, its file, or RUN[:CANDIDATE]")
	failCodeFlag(c, &o.failCode)
	outputFlag(c, &o.output, "write to this file")
	o.out.add(c, app, render.GateFormats())
	return c
}

// failCodeFlag is --fail-exit-code.
func failCodeFlag(c *cobra.Command, code *int) {
	c.Flags().IntVar(code, "fail-exit-code", cli.ExitGate, "exit code where a gate fails")
}

func runGate(ctx context.Context, o *gateOptions) (err error) {
	if o.failCode < 0 || o.failCode > 255 {
		return eval.Invalid(fmt.Errorf("--fail-exit-code %d", o.failCode), "an exit code is a number from 0 to 255")
	}
	cfg, _, err := config.Load(o.app.Dir, "", o.flags, o.app.Env)
	if err != nil {
		return err
	}
	if cfg.Gates == nil && o.baseline == "" {
		return eval.Invalid(errors.New("there is no gate"), "set gates: in infer.yaml, name it with --config, or compare with --baseline")
	}
	s, err := openStore(ctx, o.app, cfg.StorePath, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	g, err := findRun(ctx, s, o.run)
	if err != nil {
		return err
	}
	var base *eval.Baseline
	if o.baseline != "" {
		if base, err = findBaseline(ctx, s, g, cfg, o.baseline, o.app.Now()); err != nil {
			return err
		}
	}
	results, err := gateResults(ctx, s, cfg, g, base)
	if err != nil {
		return err
	}
	view := &render.Gates{Schema: render.GateSchema, Run: g.run.ID, State: eval.WorstGate(results), Results: results}
	if err := toOutput(o.app, o.output, func(w io.Writer, tty bool) error {
		return render.WriteGates(w, view, render.Format(o.out.format), renderOptions(o.app, tty))
	}); err != nil {
		return err
	}
	if err := gateError(results, o.failCode); err != nil {
		return err
	}
	next(o.app, "`infer baseline save NAME --run %s` keeps it to compare with", g.run.ID)
	return nil
}
