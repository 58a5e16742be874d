package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

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
	app     *cli.App
	run     string
	flags   config.Flags
	note    string
	graders string
	exec    bool
	out     formatFlag
}

func newScoreCmd(app *cli.App) *cobra.Command {
	o := &scoreOptions{app: app}
	c := &cobra.Command{
		Use:   "score [run]",
		Short: "Grade stored answers again, without asking anew",
		Long: `Grade every stored answer of a run by the graders that infer.yaml has now, or by
those of --graders. No candidate is called. Judges are, but only about what they
were not asked before: their answers are kept by content, so a changed rubric asks
again and everything else is read back.

The new verdicts become the run's own. No cost changes but that of repairs which a
rule imputes, since they follow the verdicts, and that of judging. Earlier gradings
stay in the store: RUN@1 names the run as its first grading left it.`,
		Example: `  # after changing graders: in infer.yaml
  $ infer score latest --config testdata/quickstart/infer.yaml

  # try another rule on every task, say why, and look at what it was before
  $ infer score latest --graders '{"type": "contains", "ignore_case": true}' --note "lenient"
  $ infer report latest@1`,
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
	c.Flags().StringVar(&o.graders, "graders", "", "grader of every task type, or graders by task type: a name, JSON, or a file of JSON or YAML")
	c.Flags().StringVar(&o.note, "note", "", "why the graders changed; stored with the grading")
	allowExec(c, &o.exec)
	o.out.add(c, app, render.Formats())
	return c
}

func runScore(ctx context.Context, o *scoreOptions) (err error) {
	cfg, _, err := config.Load(o.app.Dir, "", o.flags, o.app.Env)
	if err != nil {
		return err
	}
	given, err := o.rules(cfg)
	if err != nil {
		return err
	}
	help, err := newHelpers(o.app, cfg, o.exec)
	if err != nil {
		return err
	}
	rules, err := scoring.CompileWith(given, help.tools())
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
	wires, err := newWiring(o.app, cfg, o.exec)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, wires.close()) }()
	if err := help.wire(wires, rules); err != nil {
		return err
	}
	help.keep(s)
	g := eval.Grading{Number: run.Grading.Number + 1, Rules: given, Judged: rules.Judged(), Note: o.note}
	g.Digest = eval.DigestJSON(g.Rules)
	by := newRegrader(run, rules, tasks, cfg.Concurrency)
	graded, changed, err := s.Regrade(ctx, run, g, by)
	if err != nil {
		return err
	}
	if !o.app.Quiet {
		_, _ = fmt.Fprintf(o.app.Err, "run %s: grading %d: %d answers graded again, %d verdicts changed; no candidate was called\n", run.ID, g.Number, graded, changed)
		if by.asked > 0 {
			_, _ = fmt.Fprintf(o.app.Err, "judges and embedder: %d questions, %d of them asked before and not again; %s\n", by.asked, by.kept, spent(by.cost))
		}
	}
	r, err := loadReport(ctx, s, run.ID)
	if err != nil {
		return err
	}
	if err := writeReport(ctx, o.app, s, r, run.ID, o.out.format, ""); err != nil {
		return err
	}
	next(o.app, "`infer report %s@%d` shows what the grading before it said", run.ID, g.Number-1)
	return nil
}

// regrader judges stored answers by rules, and repairs by those of the run.
type regrader struct {
	rules *scoring.Set
	tasks map[int]*eval.Task
	types map[string]*eval.TaskType
	width int

	mu          sync.Mutex
	asked, kept int       // questions to judges and the embedder
	cost        eval.Cost // spent on them now
}

// spent says what was spent in words.
func spent(c eval.Cost) string {
	switch {
	case c.Known():
		return "$" + c.Low.String() + " spent"
	case c.Unbounded:
		return "at least $" + c.Low.String() + " spent: a price or a usage is missing"
	}
	return fmt.Sprintf("$%s to $%s spent", c.Low, c.High)
}

func newRegrader(run *eval.Run, rules *scoring.Set, tasks map[int]*eval.Task, width int) *regrader {
	r := &regrader{rules: rules, tasks: tasks, width: width, types: make(map[string]*eval.TaskType, len(run.TaskTypes))}
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
	g := r.rules.Grade(ctx, task, response(a))
	if err := ctx.Err(); err != nil {
		return g, err // a judge may have been cut off
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cost = r.cost.Plus(g.Cost)
	for i := range g.Scores {
		for k := range g.Scores[i].Calls {
			r.asked++
			if g.Scores[i].Calls[k].Cached {
				r.kept++
			}
		}
	}
	return g, nil
}

// Workers is how many answers are judged at once.
func (r *regrader) Workers() int { return r.width }

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
		Model: a.Served, Usage: a.Usage, Cost: &a.Cost, InFlight: a.InFlight, TTFT: a.TTFT, Batch: a.Batch}
}

// rules are the grader rules by task type: those of the configuration, with those
// of --graders over them.
func (o *scoreOptions) rules(cfg *config.Config) (map[string]json.RawMessage, error) {
	raw, err := o.readGraders()
	if err != nil || raw == nil {
		return cfg.GraderRules(), err
	}
	var byType map[string]json.RawMessage
	if json.Unmarshal(raw, &byType) != nil || scoring.IsRule(byType) {
		return map[string]json.RawMessage{scoring.Other: raw}, nil
	}
	rules := cfg.GraderRules()
	for kind, rule := range byType {
		rules[kind] = rule
	}
	return rules, nil
}

// readGraders reads --graders: JSON, a grader's name, or a file; nil = not given.
func (o *scoreOptions) readGraders() (json.RawMessage, error) {
	text, label := strings.TrimSpace(o.graders), "--graders"
	switch {
	case text == "":
		return nil, nil
	case strings.HasPrefix(text, "{") || strings.HasPrefix(text, "["):
	case filepath.Ext(text) != "" || strings.ContainsAny(text, `/\`):
		path := text
		if !filepath.IsAbs(path) {
			path = filepath.Join(o.app.Dir, path)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, eval.Invalid(fmt.Errorf("read graders: %w", err), "name a file that you may read, or write the grader out as JSON")
		}
		label, text = text, string(b)
	default:
		text = strconv.Quote(text)
	}
	return config.ParseGraders(label, []byte(text))
}

// storedTasks reads the run's dataset lines back from the store; rules = nil checks
// no graders.
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
		if rules != nil {
			if err := rules.Check(t); err != nil {
				return nil, fmt.Errorf("%s:%d: %w", l.File, l.Line, err)
			}
		}
		tasks[l.Seq] = t
	}
	return tasks, nil
}
