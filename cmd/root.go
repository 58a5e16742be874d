package cmd

import (
	"fmt"

	"github.com/spf13/cobra"

	"infer/cmd/internal/cli"
	"infer/eval"
)

// newRoot builds the command tree for one invocation.
func newRoot(app *cli.App) *cobra.Command {
	root := &cobra.Command{
		Use:   "infer",
		Short: "Evaluate models on your own recorded tasks",
		Long: `infer replays recorded real tasks against candidate models, keeps every attempt
in a local SQLite file, and reports acceptance, latency, retries and the cost of
an accepted task, so that a team can pick a default and a backup model for each
kind of task.

Nothing leaves the machine but the calls to the providers you configure.`,
		Example: `  $ infer init --example && infer eval quickstart   # see it work, without a key
  $ infer eval tasks.jsonl -m openai/gpt-5-mini      # your tasks, one model
  $ infer report                                     # the newest run again`,
		Version:           app.Version,
		SilenceErrors:     true,
		SilenceUsage:      true,
		Args:              cobra.NoArgs,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: false},
		RunE:              func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SuggestionsMinimumDistance = 2
	root.SetVersionTemplate("infer {{.Version}}\n")
	f := root.PersistentFlags()
	f.StringVar(&app.ColorFlag, "color", "auto", "colour: auto, always or never")
	f.BoolVarP(&app.Quiet, "quiet", "q", false, "no progress and no hints")
	_ = root.RegisterFlagCompletionFunc("color", cobra.FixedCompletions([]string{"auto", "always", "never"}, cobra.ShellCompDirectiveNoFileComp))
	logFlags(root, app)
	root.PersistentPreRunE = func(*cobra.Command, []string) error {
		switch app.ColorFlag {
		case "auto", "always", "never":
			return app.OpenLog()
		}
		return eval.Invalid(fmt.Errorf("--color %s is no choice", eval.Untrusted(app.ColorFlag).Line(40)), "it may be auto, always or never")
	}
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(
		newEvalCmd(app, nil), newReportCmd(app, nil), newScoreCmd(app), newReviewCmd(app), newRunsCmd(app), newInitCmd(app), newConfigCmd(app),
		newDatasetsCmd(app), newMockCmd(app), newDBCmd(app), newRecommendCmd(app, nil), newCompareCmd(app, nil), newBrowseCmd(app, nil), newExportCmd(app, nil), newDrillCmd(app, nil), newChecklistCmd(app, nil), newImportCmd(app), newModelsCmd(app), newPricesCmd(app), newManCmd(app), newVersionCmd(app),
	)
	root.AddCommand(newGateCmd(app, nil), newBaselineCmd(app), newSimulateCmd(app, nil))
	root.AddCommand(helpTopics()...)
	return root
}

func newVersionCmd(app *cli.App) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		Long:    "Print the version of the program. Nothing is read and nobody is called.",
		Example: "  $ infer version\n  $ infer --version",
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintf(app.Out, "infer %s\n", app.Version)
			return err
		},
	}
}
