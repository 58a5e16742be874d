package cmd

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"infer/cmd/internal/cli"
	"infer/cmd/internal/config"
	"infer/eval/store"
)

func newRunsMergeCmd(app *cli.App, path *string) *cobra.Command {
	c := &cobra.Command{
		Use: "merge <store>...", Short: "Join the parts of a sharded run",
		Long: `Copy the newest run of each named store into the store of --store, where parts of
one run become one. Trials that are there already stay as they are, so merging
twice changes nothing. The named stores are only read.`,
		Example: `  $ infer eval tasks.jsonl --shard 1/2 --store part1.db    # in one job
  $ infer eval tasks.jsonl --shard 2/2 --store part2.db    # in another
  $ infer runs merge part1.db part2.db --store infer.db    # when both have ended`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return mergeRuns(c.Context(), app, *path, args) },
	}
	return c
}

func mergeRuns(ctx context.Context, app *cli.App, path string, parts []string) (err error) {
	cfg, _, err := config.Load(app.Dir, "", config.Flags{Store: path}, app.Env)
	if err != nil {
		return err
	}
	var from []*store.Store
	defer func() {
		for _, s := range from {
			err = errors.Join(err, s.Close())
		}
	}()
	for _, p := range parts { // all must open before anything is written
		s, err := store.OpenReadOnly(ctx, p)
		if err != nil {
			return err
		}
		from = append(from, s)
	}
	to, err := store.Open(ctx, cfg.StorePath, store.Options{Now: app.Now})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	id := ""
	for _, s := range from {
		run, err := s.Run(ctx, "")
		if err != nil {
			return err
		}
		id = run.ID
		m, err := to.MergeRun(ctx, s, run)
		if err != nil {
			return fmt.Errorf("merge %s: %w", s.Path(), err)
		}
		if !app.Quiet {
			_, _ = fmt.Fprintf(app.Err, "%s: %d trials of run %s copied, %d were there already\n", s.Path(), m.Trials, id, m.Skipped)
		}
	}
	next(app, "`infer report %s --store %s`", id, cfg.StorePath)
	return nil
}
