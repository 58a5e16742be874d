package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"infer/cmd/internal/cli"
	"infer/eval"
	"infer/report/render"
	"infer/scoring/decide"
)

// defaultCompareMargin is the margin of a task type that sets none.
const defaultCompareMargin = 0.05

// compareOptions are the flags of infer compare.
type compareOptions struct {
	app          *cli.App
	refs         []string
	run, store   string
	margin       float64
	slo          time.Duration
	allowPartial bool
	output       string
	out          formatFlag
}

func newCompareCmd(app *cli.App, runF func(context.Context, *compareOptions) error) *cobra.Command {
	o := &compareOptions{app: app}
	c := &cobra.Command{
		Use:   "compare <a> <b> [more...]",
		Short: "Compare candidates or runs on the same tasks",
		Long: `Compare two or more arms task by task: the difference of acceptance with Tango's
interval, McNemar's mid-p, Holm's correction over the pairs, the ratio of the costs of an
accepted task, trials above the service level, and the tasks that flipped. It says
one of three things: better, within the margin, or undecided with how many more
tasks would settle it; never equal. Only the store is read.

An arm is a candidate of the run (the newest, or --run), RUN:CANDIDATE, or a RUN with
one candidate. RUN@N is the run as its grading N left it. Tasks of two runs are the
same where their id and their line are.

EXIT STATUS
  0 compared, whatever came out · 2 usage · 3 the arms do not have the same tasks`,
		Example: `  # two candidates of the newest run
  $ infer compare gpt-5-mini claude-haiku

  # the same candidate before and after a change
  $ infer compare r1a2b3c4d5:gpt-5-mini latest:gpt-5-mini

  # what other graders said
  $ infer compare latest@1:gpt-5-mini latest@2:gpt-5-mini --json`,
		Args: cobra.MinimumNArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			o.refs = args
			if runF != nil {
				return runF(c.Context(), o)
			}
			return runCompare(c.Context(), o)
		},
		ValidArgsFunction: completeCandidates(app, &o.store, &o.run),
	}
	f := c.Flags()
	storeFlag(c, &o.store)
	f.StringVar(&o.run, "run", "", "run that candidates are of (default the newest)")
	f.Float64Var(&o.margin, "margin", 0, "how much worse is still as good (default that of the task type, else 0.05)")
	f.DurationVar(&o.slo, "slo", 0, "count trials that took longer (default the task type's slo_p95)")
	f.BoolVar(&o.allowPartial, "allow-partial", false, "compare on the tasks that all arms have")
	outputFlag(c, &o.output, "write to this file")
	o.out.add(c, app, render.ComparisonFormats())
	return c
}

func runCompare(ctx context.Context, o *compareOptions) (err error) {
	if o.margin < 0 || o.margin >= 1 {
		return eval.Invalid(fmt.Errorf("--margin %v", o.margin), "it is a share, such as 0.05 for 5 points")
	}
	s, err := openStore(ctx, o.app, o.store, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	base, err := findRun(ctx, s, o.run)
	if err != nil {
		return err
	}
	var arms []arm
	var names []string
	for _, ref := range o.refs {
		a, err := findArm(ctx, s, base, ref)
		if err != nil {
			return err
		}
		arms, names = append(arms, a), append(names, a.name)
	}
	e, table, err := armEvidence(ctx, s, arms)
	if err != nil {
		return err
	}
	if n := len(table.changed); n > 0 && !o.allowPartial {
		return eval.WithHint(eval.KindIncomplete, fmt.Errorf("%d tasks have the same id but another line, the first: %s", n, eval.Untrusted(table.changed[0]).Line(60)),
			"compare on the tasks that did not change with --allow-partial")
	}
	c, err := decide.Compare(decide.Arms{Names: names, Evidence: e, Kind: kindOf(arms, o.margin, o.slo.Microseconds()), ID: table.id, Alpha: decide.DefaultRule(0).Alpha, AllowPartial: o.allowPartial})
	if err != nil {
		return err
	}
	if err := toOutput(o.app, o.output, func(w io.Writer, tty bool) error {
		return render.Comparison(w, c, render.Format(o.out.format), renderOptions(o.app, tty))
	}); err != nil {
		return err
	}
	next(o.app, "`infer recommend %s` weighs all candidates", base.run.ID)
	return nil
}

func asDuration(us int64) time.Duration { return time.Duration(us) * time.Microsecond }

// completeCandidates completes the names of a run's candidates; it is silent about
// failures.
func completeCandidates(app *cli.App, path, run *string) cobra.CompletionFunc {
	return func(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		s, err := openStore(c.Context(), app, *path, false)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		defer s.Close() //nolint:errcheck // opened for reading only
		g, err := findRun(c.Context(), s, *run)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var out []string
		for i := range g.run.Candidates {
			if name := g.run.Candidates[i].Name; !strings.Contains(strings.Join(args, "\x00"), name) {
				out = append(out, eval.Untrusted(name).Line(60))
			}
		}
		return out, cobra.ShellCompDirectiveNoFileComp
	}
}
