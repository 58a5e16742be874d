package cmd

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"infer/cmd/internal/cli"
	"infer/cmd/internal/config"
	"infer/datasets"
	"infer/scoring"
)

func newDatasetsCmd(app *cli.App) *cobra.Command {
	c := &cobra.Command{
		Use: "datasets", Short: "Check, describe, sample and split datasets", Args: cobra.NoArgs,
		Long: `Work on datasets without calling anything: .jsonl files (also .gz and .zst), folders
of them, - for standard input, or a project whose infer.yaml names them.`,
		Example: "  $ infer datasets check tasks.jsonl\n  $ infer datasets stats testdata/quickstart",
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newDatasetsCheckCmd(app), newDatasetsStatsCmd(app), newDatasetsSampleCmd(app), newDatasetsSplitCmd(app),
		&cobra.Command{
			Use: "schema", Short: "Print the JSON Schema of a dataset line", Args: cobra.NoArgs,
			Long:    "Print the JSON Schema of one dataset line (infer.task/1). Nothing is read.",
			Example: "  $ infer datasets schema > task.schema.json\n  $ infer datasets schema | jq '.properties | keys'",
			RunE: func(*cobra.Command, []string) error {
				_, err := app.Out.Write(datasets.Schema)
				return err
			},
		})
	return c
}

// openDataset opens the dataset that a target names, by its project's mapping.
func openDataset(ctx context.Context, app *cli.App, target string) (*datasets.Source, *scoring.Set, error) {
	cfg, paths, err := config.Load(app.Dir, target, config.Flags{}, app.Env)
	if err != nil {
		return nil, nil, err
	}
	rules, err := scoring.CompileWith(cfg.GraderRules(), scoring.Tools{Dry: true})
	if err != nil {
		return nil, nil, err
	}
	if err := datasets.CheckFields(cfg.Fields); err != nil {
		return nil, nil, err
	}
	src, err := datasets.Open(ctx, paths, datasets.Options{Fields: cfg.Fields, AllowURLs: cfg.AllowURLs, Stdin: app.In})
	return src, rules, err
}

// scan opens and scans a dataset.
func scan(ctx context.Context, app *cli.App, target string) (info *datasets.Info, err error) {
	src, rules, err := openDataset(ctx, app, target)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	return src.Scan(ctx, rules.Check)
}

func isLineError(err error) bool {
	var le *datasets.LineError
	return errors.As(err, &le)
}
