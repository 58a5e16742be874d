package cmd

import (
	"context"
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
		Use: "runs", Short: "List, show, merge and delete runs",
		Long: `Work on the runs of a store. A run is named by its ID, the beginning of one, its name,
or latest.`,
		Example: "  $ infer runs list\n  $ infer runs show latest",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.PersistentFlags().StringVar(&path, "store", "", "SQLite file of attempts (default .infer/infer.db, or as configured)")
	c.AddCommand(newRunsListCmd(app, &path), newRunsShowCmd(app, &path), newRunsMergeCmd(app, &path), newRunsDeleteCmd(app, &path))
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

func newRunsShowCmd(app *cli.App, path *string) *cobra.Command {
	var task string
	c := &cobra.Command{
		Use: "show [run]", Short: "Show a run's plan, or one of its tasks",
		Long: `Show the plan of a run as JSON. With --task, show that task's trials instead, with
every attempt, its times, cost, answer and scores.`,
		Example: "  $ infer runs show latest\n  $ infer runs show latest --task ticket-001",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) (err error) {
			app.JSON = true
			ref := ""
			if len(args) > 0 {
				ref = args[0]
			}
			s, err := openStore(c.Context(), app, *path, false)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, s.Close()) }()
			run, err := s.Run(c.Context(), ref)
			if err != nil {
				return err
			}
			var v any = run
			if task != "" {
				if v, err = trialsOf(c.Context(), s, run, task); err != nil {
					return err
				}
			}
			return toOutput(app, "", func(w io.Writer, _ bool) error { return render.Indented(w, v) })
		},
		ValidArgsFunction: completeRuns(app, path),
	}
	c.Flags().StringVar(&task, "task", "", "id of a task")
	return c
}

func trialsOf(ctx context.Context, s *store.Store, run *eval.Run, task string) ([]*eval.Trial, error) {
	var trials []*eval.Trial
	for t, err := range s.Trials(ctx, run.ID, store.Filter{TaskID: task}) {
		if err != nil {
			return nil, err
		}
		trials = append(trials, t)
	}
	if len(trials) == 0 {
		return nil, eval.Invalid(fmt.Errorf("run %s has no trial of task %q", run.ID, eval.Untrusted(task).Line(80)), "`infer report --format jsonl` lists the tasks")
	}
	return trials, nil
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
