package cmd

import (
	"context"
	"errors"
	"os"

	"github.com/spf13/cobra"

	"infer/cmd/internal/browse"
	"infer/cmd/internal/cli"
	"infer/cmd/internal/config"
	"infer/eval"
	"infer/eval/store"
	"infer/report"
	"infer/report/tui"
)

// browseOptions are the flags of infer browse.
type browseOptions struct {
	app   *cli.App
	run   string
	flags config.Flags
	who   string
}

func newBrowseCmd(app *cli.App, runF func(context.Context, *browseOptions) error) *cobra.Command {
	o := &browseOptions{app: app}
	c := &cobra.Command{
		Use: "browse [run]", Aliases: []string{"tui"}, Short: "Look around in a run, interactively",
		Long: `Open the browser on a run, or on the list of runs: the board of candidates with
their intervals, the frontier of cost and acceptance, tasks with every attempt on a
time axis, two runs side by side, and the decision for each task type under policies
that you change to see it move. It follows a run that another process is writing.

Only the store and infer.yaml are read, unless you overrule a decision (stored with
your reason), judge answers (infer review, blind) or write an export. ? lists the
keys of each screen, : finds a command by some of its letters, Y copies the
equivalent command line.

EXIT STATUS
  0 you quit · 1 the store cannot be read · 2 there is no terminal, or no such run`,
		Example: `  # the list of runs
  $ infer browse

  # the newest run
  $ infer browse latest`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: completeRuns(app, &o.flags.Store),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				o.run = args[0]
			}
			if runF != nil {
				return runF(c.Context(), o)
			}
			return runBrowse(c.Context(), o)
		},
	}
	storeFlag(c, &o.flags.Store)
	c.Flags().StringVar(&o.flags.Config, "config", "", "configuration with incumbent, gates and providers (default infer.yaml here)")
	c.Flags().StringVar(&o.who, "reviewer", "", "who judges answers (default $USER)")
	return c
}

func runBrowse(ctx context.Context, o *browseOptions) (err error) {
	app := o.app
	if !app.InTTY || !app.OutTTY || app.Env("TERM") == "dumb" {
		return eval.Invalid(errors.New("browse needs a terminal"), "`infer report` prints the same figures anywhere")
	}
	cfg, _, err := config.Load(app.Dir, "", o.flags, app.Env)
	if err != nil {
		return err
	}
	s, err := openBrowsed(ctx, o, cfg)
	if err != nil {
		return err
	}
	if s == nil { // nothing was ever run here: the browser says how to begin
		return tui.Show(ctx, tui.Options{Source: noRuns{}, Output: app.Out, Color: app.Color(true)}, app.In)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	show, reviews, err := o.show(ctx, cfg, s)
	if err != nil {
		return err
	}
	return errors.Join(tui.Show(ctx, show, app.In), reviews.Close(context.WithoutCancel(ctx)))
}

// show is what the browser shows of a store.
func (o *browseOptions) show(ctx context.Context, cfg *config.Config, s *store.Store) (tui.Options, *browseReviews, error) {
	src := &browseSource{app: o.app, cfg: cfg, s: s}
	reviews := &browseReviews{browseSource: src, as: reviewOptions{app: o.app, reviewer: o.who}}
	show := tui.Options{Source: src, Tasks: browse.New(s, cfg.Fields), Decisions: src, Exports: src, Reviews: reviews, Store: o.flags.Store, Output: o.app.Out, Color: o.app.Color(true)}
	if o.run == "" {
		return show, reviews, nil
	}
	run, err := s.Run(ctx, o.run)
	if err == nil {
		show.Run = run.ID
	}
	return show, reviews, err
}

// openBrowsed opens the store for reading; nil where there is none yet and none was
// asked for.
func openBrowsed(ctx context.Context, o *browseOptions, cfg *config.Config) (*store.Store, error) {
	if _, err := os.Stat(cfg.StorePath); errors.Is(err, os.ErrNotExist) && o.run == "" && o.flags.Store == "" {
		return nil, nil
	}
	return store.OpenReadOnly(ctx, cfg.StorePath)
}

// noRuns is where nothing was run yet.
type noRuns struct{}

// Runs lists none.
func (noRuns) Runs(context.Context) ([]tui.RunLine, error) { return nil, nil }

// Open finds none.
func (noRuns) Open(context.Context, string) (*report.Report, error) { return nil, store.ErrNotFound }
