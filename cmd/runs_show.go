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
	"infer/report/render"
)

func newRunsShowCmd(app *cli.App, path *string) *cobra.Command {
	var task string
	var out formatFlag
	c := &cobra.Command{
		Use: "show [run]", Short: "Show a run's plan, or one of its tasks",
		Long: `Show the plan of a run: its dataset, its candidates, the prices that it was reckoned
with, and what each provider could be sent in the course of it: calls at once, calls
a minute once it had refused some, and waits. With --task, show that task's trials
instead: every attempt with its times and cost, what was answered and what the graders
said. Only the store is read.`,
		Example: "  $ infer runs show latest\n  $ infer runs show latest --task ticket-001\n  $ infer runs show latest --task ticket-001 --json",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) (err error) {
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
			throttles, err := s.Throttles(c.Context(), run.ID)
			if err != nil {
				return err
			}
			show := func(w io.Writer, run *eval.Run) error { return render.Run(w, run, throttles) }
			showJSON := func(w io.Writer, run *eval.Run) error { return render.RunJSON(w, run, throttles) }
			if task != "" {
				trials, err := trialsOf(c.Context(), s, run, task)
				if err != nil {
					return err
				}
				line, err := lineOf(c.Context(), s, run, trials[0].TaskSeq)
				if err != nil {
					return err
				}
				show = func(w io.Writer, run *eval.Run) error { return render.Trials(w, run, line, trials) }
				showJSON = func(w io.Writer, run *eval.Run) error { return render.TrialsJSON(w, run, line, trials) }
			}
			if out.format == string(render.JSON) {
				show = showJSON
			}
			return toOutput(app, "", func(w io.Writer, _ bool) error { return show(w, run) })
		},
		ValidArgsFunction: completeRuns(app, path),
	}
	c.Flags().StringVar(&task, "task", "", "id of a task")
	out.add(c, app, []string{string(render.Table), string(render.JSON)})
	return c
}

// lineOf finds a task's dataset line.
func lineOf(ctx context.Context, s *store.Store, run *eval.Run, seq int) (render.Task, error) {
	for l, err := range s.Lines(ctx, run.ID) {
		if err != nil {
			return render.Task{}, err
		}
		if l.Seq == seq {
			return render.Task{Place: fmt.Sprintf("%s:%d", l.File, l.Line), Line: eval.Untrusted(l.Raw)}, nil
		}
	}
	return render.Task{}, nil
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
