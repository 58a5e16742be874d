package cmd

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"infer/cmd/internal/cli"
	"infer/cmd/internal/config"
	"infer/datasets"
	"infer/eval"
	"infer/eval/store"
	"infer/report/render"
	"infer/scoring"
)

type scoreOptions struct {
	app   *cli.App
	run   string
	flags config.Flags
	note  string
	out   formatFlag
}

func newScoreCmd(app *cli.App) *cobra.Command {
	o := &scoreOptions{app: app}
	c := &cobra.Command{
		Use:   "score [run]",
		Short: "Grade stored answers again, without a call",
		Long: `Grade every stored answer of a run by the graders that infer.yaml has now. No
provider is called, and no cost changes but that of repairs which a rule imputes:
they follow the new verdicts. What earlier gradings said stays in the store.`,
		Example: `  # after changing graders: in infer.yaml
  $ infer score latest --config testdata/quickstart/infer.yaml

  # say why; the grading keeps the note
  $ infer score latest --note "labels are matched without case"`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				o.run = args[0]
			}
			return runScore(c.Context(), o)
		},
		ValidArgsFunction: completeRuns(app, &o.flags.Store),
	}
	storeFlag(c, &o.flags.Store)
	c.Flags().StringVar(&o.flags.Config, "config", "", "configuration with the graders (default infer.yaml here)")
	c.Flags().StringVar(&o.note, "note", "", "why the graders changed; stored with the grading")
	o.out.add(c, app, render.Formats())
	return c
}

func runScore(ctx context.Context, o *scoreOptions) (err error) {
	cfg, _, err := config.Load(o.app.Dir, "", o.flags, o.app.Env)
	if err != nil {
		return err
	}
	rules, err := scoring.CompileWith(cfg.GraderRules(), scoring.Tools{})
	if err != nil {
		return err
	}
	s, err := openStore(ctx, o.app, cfg.StorePath, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	run, err := s.Run(ctx, o.run)
	if err != nil {
		return err
	}
	tasks, err := storedTasks(ctx, s, run, cfg.Fields, rules)
	if err != nil {
		return err
	}
	g := eval.Grading{Number: run.Grading.Number + 1, Rules: cfg.GraderRules(), Note: o.note}
	g.Digest = eval.DigestJSON(g.Rules)
	graded, changed, err := s.Regrade(ctx, run, g, newRegrader(run, rules, tasks))
	if err != nil {
		return err
	}
	if !o.app.Quiet {
		_, _ = fmt.Fprintf(o.app.Err, "run %s: grading %d: %d answers graded without a call, %d verdicts changed\n", run.ID, g.Number, graded, changed)
	}
	r, err := loadReport(ctx, s, run.ID)
	if err != nil {
		return err
	}
	return writeReport(ctx, o.app, s, r, o.out.format, "")
}

// regrader judges stored answers by rules, and repairs by those of the run.
type regrader struct {
	rules *scoring.Set
	tasks map[int]*eval.Task
	types map[string]*eval.TaskType
}

func newRegrader(run *eval.Run, rules *scoring.Set, tasks map[int]*eval.Task) *regrader {
	r := &regrader{rules: rules, tasks: tasks, types: make(map[string]*eval.TaskType, len(run.TaskTypes))}
	for i := range run.TaskTypes {
		r.types[run.TaskTypes[i].Name] = &run.TaskTypes[i]
	}
	return r
}

// Grade judges one answer.
func (r *regrader) Grade(ctx context.Context, t *eval.Trial, a *eval.Attempt) (eval.Grade, error) {
	task, ok := r.tasks[t.TaskSeq]
	if !ok {
		return eval.Grade{}, store.ErrNotFound
	}
	return r.rules.Grade(ctx, task, response(a)), nil
}

// Repair applies the repair rule of the answer's task type.
func (r *regrader) Repair(t *eval.Trial, a *eval.Attempt) (*eval.RepairRule, *bool) {
	kind, task := r.types[t.TaskType], r.tasks[t.TaskSeq]
	if kind == nil || kind.Repair == nil || task == nil {
		return nil, nil
	}
	return kind.Repair, scoring.Repair(task, response(a), kind.Repair)
}

// response is a stored answer as graders see it.
func response(a *eval.Attempt) *eval.Response {
	return &eval.Response{Text: a.Output, ToolCalls: a.ToolCalls, Refusal: a.Refusal, Finish: a.Finish, FinishRaw: a.FinishRaw,
		Model: a.Served, Usage: a.Usage, Cost: &a.Cost, InFlight: a.InFlight, TTFT: a.TTFT}
}

// storedTasks reads the run's dataset lines back from the store.
func storedTasks(ctx context.Context, s *store.Store, run *eval.Run, fields map[string]string, rules *scoring.Set) (map[int]*eval.Task, error) {
	tasks := make(map[int]*eval.Task)
	for l, err := range s.Lines(ctx, run.ID) {
		if err != nil {
			return nil, err
		}
		t, err := datasets.ParseLine(l.Raw, fields)
		if err != nil {
			return nil, eval.Invalid(fmt.Errorf("%s:%d: %w", l.File, l.Line, err), "use the fields: mapping of the run's own infer.yaml")
		}
		t.Seq, t.File, t.Line = l.Seq, l.File, l.Line
		if err := rules.Check(t); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", l.File, l.Line, err)
		}
		tasks[l.Seq] = t
	}
	return tasks, nil
}
