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

// baselineOptions are the flags of infer baseline.
type baselineOptions struct {
	app            *cli.App
	name           string
	flags          config.Flags
	run, candidate string
	output         string
	out            formatFlag
}

func newBaselineCmd(app *cli.App) *cobra.Command {
	c := &cobra.Command{
		Use: "baseline", Short: "Keep what a candidate achieved, for gates", Args: cobra.NoArgs,
		Long:    "Keep what a candidate achieved on each task, so that infer gate can compare later\nruns with it.",
		Example: "  $ infer baseline save main --candidate gpt-5-mini\n  $ infer gate --baseline main",
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newBaselineSaveCmd(app), newBaselineShowCmd(app))
	return c
}

func newBaselineSaveCmd(app *cli.App) *cobra.Command {
	o := &baselineOptions{app: app}
	c := &cobra.Command{
		Use: "save <name>", Short: "Save a baseline from a run",
		Long: `Save what one candidate achieved on each task of a run under a name, in the store
and, with -o, in a file to commit. Take it from a fresh run of the chosen candidate,
with --repeats 3, not from the run that chose it: the best of several looks better
than it is. A baseline of that name is replaced.`,
		Example: `  $ infer baseline save main
  $ infer baseline save main --run r1a2b3c4d5 --candidate gpt-5-mini -o baseline.json`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			o.name = args[0]
			return runBaselineSave(c.Context(), o)
		},
	}
	storeFlag(c, &o.flags.Store)
	c.Flags().StringVar(&o.flags.Config, "config", "", "configuration with the incumbent (default infer.yaml here)")
	c.Flags().StringVar(&o.run, "run", "", "run to save from (default the newest)")
	c.Flags().StringVar(&o.candidate, "candidate", "", "candidate to save (default the gated one)")
	outputFlag(c, &o.output, "write it to this file too")
	return c
}

func runBaselineSave(ctx context.Context, o *baselineOptions) (err error) {
	cfg, _, err := config.Load(o.app.Dir, "", o.flags, o.app.Env)
	if err != nil {
		return err
	}
	s, err := openStore(ctx, o.app, cfg.StorePath, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	g, err := findRun(ctx, s, o.run)
	if err != nil {
		return err
	}
	if o.candidate == "" {
		who, err := gated(cfg, g.run)
		if err != nil {
			return err
		}
		if len(who) != 1 {
			return eval.Invalid(fmt.Errorf("run %s has %d candidates", g.run.ID, len(who)), "name the one to save with --candidate")
		}
		o.candidate = g.run.Candidates[who[0]].Name
	}
	i := candidateIndex(g.run, o.candidate)
	if i < 0 {
		return unknownCandidate(g.run, o.candidate)
	}
	b, err := makeBaseline(ctx, s, arm{g, i, o.candidate}, o.name, o.app.Now())
	if err != nil {
		return err
	}
	if err := s.SaveBaseline(ctx, b); err != nil {
		return err
	}
	if o.output != "" {
		if err := toOutput(o.app, o.output, func(w io.Writer, _ bool) error { return render.Indented(w, b) }); err != nil {
			return err
		}
	}
	if !o.app.Quiet {
		_, _ = fmt.Fprintf(o.app.Err, "saved baseline %s: %s in run %s, %d outcomes\n", eval.Untrusted(o.name).Line(60), eval.Untrusted(o.candidate).Line(60), g.run.ID, len(b.Outcomes))
	}
	next(o.app, "`infer gate --baseline %s` compares a later run with it", eval.Untrusted(o.name).Line(60))
	return nil
}

func newBaselineShowCmd(app *cli.App) *cobra.Command {
	o := &baselineOptions{app: app}
	c := &cobra.Command{
		Use: "show [name]", Short: "Show saved baselines",
		Long: "List the saved baselines, or show one. Only the store is read.",
		Example: `  $ infer baseline show
  $ infer baseline show main --json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				o.name = args[0]
			}
			return runBaselineShow(c.Context(), o)
		},
	}
	storeFlag(c, &o.flags.Store)
	o.out.add(c, app, []string{string(render.Table), string(render.JSON)})
	return c
}

func runBaselineShow(ctx context.Context, o *baselineOptions) (err error) {
	s, err := openStore(ctx, o.app, o.flags.Store, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	names := []string{o.name}
	if o.name == "" {
		if names, err = s.Baselines(ctx); err != nil {
			return err
		}
	}
	all := make([]*eval.Baseline, 0, len(names))
	for _, n := range names {
		b, err := s.Baseline(ctx, n)
		if err != nil {
			return eval.Invalid(err, "`infer baseline show` lists them")
		}
		all = append(all, b)
	}
	return toOutput(o.app, "", func(w io.Writer, _ bool) error {
		if o.out.format == string(render.JSON) {
			if o.name != "" {
				return render.Indented(w, all[0])
			}
			return render.Indented(w, all)
		}
		rows := make([][]string, len(all))
		for i, b := range all {
			accepted := 0
			for k := range b.Outcomes {
				if b.Outcomes[k].Verdict == eval.Accepted {
					accepted++
				}
			}
			rows[i] = []string{eval.Untrusted(b.Name).Line(40), eval.Untrusted(b.Candidate).Line(40), b.Run, b.SavedAt.UTC().Format("2006-01-02 15:04"), fmt.Sprint(len(b.Outcomes)), fmt.Sprint(accepted)}
		}
		return render.Plain(w, []string{"baseline", "candidate", "run", "saved", "outcomes", "accepted"}, rows, map[int]bool{4: true, 5: true})
	})
}
