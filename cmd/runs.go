package cmd

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"infer/cmd/internal/cli"
	"infer/eval"
	"infer/eval/store"
	"infer/report"
	"infer/report/render"
)

func newRunsCmd(app *cli.App) *cobra.Command {
	var path string
	c := &cobra.Command{
		Use: "runs", Short: "List, show, merge, reprice and delete runs",
		Long: `Work on the runs of a store. A run is named by its ID, the beginning of one, its name,
or latest.`,
		Example: "  $ infer runs list\n  $ infer runs show latest",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.PersistentFlags().StringVar(&path, "store", "", "SQLite file of attempts (default .infer/infer.db, or as configured)")
	c.AddCommand(newRunsListCmd(app, &path), newRunsShowCmd(app, &path), newRunsMergeCmd(app, &path), newRunsRepriceCmd(app, &path), newRunsDeleteCmd(app, &path))
	return c
}

func newRunsListCmd(app *cli.App, path *string) *cobra.Command {
	var out formatFlag
	c := &cobra.Command{
		Use: "list", Short: "List the runs of the store", Args: cobra.NoArgs,
		Long:    "List the runs of the store, the newest first: how far they came, what was accepted and\nwhat they cost. Only the store is read.",
		Example: "  $ infer runs list\n  $ infer runs list --json",
		RunE: func(c *cobra.Command, _ []string) (err error) {
			s, err := openStore(c.Context(), app, *path, false)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, s.Close()) }()
			infos, err := s.Runs(c.Context())
			if err != nil {
				return err
			}
			list := make([]render.RunRow, len(infos))
			for i := range infos {
				list[i] = runRow(&infos[i])
			}
			return toOutput(app, "", func(w io.Writer, tty bool) error {
				if out.format == string(render.JSON) {
					return render.Indented(w, struct {
						Schema string          `json:"schema"`
						Runs   []render.RunRow `json:"runs"`
					}{"infer.runs/1", list})
				}
				return render.Runs(w, list)
			})
		},
	}
	out.add(c, app, []string{string(render.Table), string(render.JSON)})
	return c
}

func runRow(r *store.RunInfo) render.RunRow {
	return render.RunRow{ID: r.ID, Name: r.Name, State: r.State, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt, Tasks: r.Tasks,
		Candidates: r.Models, Planned: r.Planned, Trials: r.Trials, Accepted: r.Accepted, Cost: report.MoneyOf(r.Cost)}
}

func newRunsDeleteCmd(app *cli.App, path *string) *cobra.Command {
	var force bool
	c := &cobra.Command{
		Use: "delete <run>", Short: "Delete a run with its attempts",
		Long: `Delete a run with its trials, attempts, scores and stored texts for good. Without
--force it only says what would go.`,
		Example:           "  $ infer runs delete r3f2a9c1b\n  $ infer runs delete r3f2a9c1b --force",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeRuns(app, path),
		RunE: func(c *cobra.Command, args []string) (err error) {
			s, err := openStore(c.Context(), app, *path, true)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, s.Close()) }()
			run, err := s.Run(c.Context(), args[0])
			if err != nil {
				return err
			}
			if !force {
				return eval.Invalid(fmt.Errorf("run %s (%s) would be deleted for good", run.ID, eval.Untrusted(run.Name).Line(60)), "add --force if you mean it; `infer db backup` makes a copy first")
			}
			if err := s.DeleteRun(c.Context(), run.ID); err != nil {
				return err
			}
			_, err = fmt.Fprintf(app.Err, "deleted run %s\n", run.ID)
			return err
		},
	}
	c.Flags().BoolVarP(&force, "force", "f", false, "delete without asking")
	return c
}
