package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"infer/cmd/internal/cli"
	"infer/cmd/internal/config"
	"infer/eval"
	"infer/report/tui"
)

// reviewOptions are the flags of infer review.
type reviewOptions struct {
	app        *cli.App
	run        string
	flags      config.Flags
	size       int
	perCell    int
	pairs      string
	candidates []string
	taskType   string
	seed       uint64
	reviewer   string
	rate       string
	noInput    bool
}

// reviewSize is how many answers, or pairs, are drawn where nobody says.
const reviewSize = 40

func newReviewCmd(app *cli.App) *cobra.Command {
	o := &reviewOptions{app: app}
	c := &cobra.Command{
		Use: "review [run]", Short: "Let people judge a random sample, blind",
		Long: `Draw a seeded random sample of a run's answers and let a person judge it, blind: who
answered is not shown. Single answers are accepted, mended in $EDITOR or rejected;
with --pairs, two candidates' answers stand side by side, sides drawn by lot.

Everything is stored as it is said: the same command goes on where it stopped, each
reviewer by name has words of his own, and u takes the last one back. A mended answer
is a real repair: its time is observed, and takes the place of an imputed one in the
task's cost. Words that differ from the graders' change no verdict: they show how far
the graders can be believed (infer review results).

Without a terminal, or with --no-input, the sample is only drawn; infer review export
and import take it to a spreadsheet and back.`,
		Example: `  $ infer review latest -n 40
  $ infer review latest --per-cell 100 --task-type title --reviewer ana
  $ infer review latest --pairs small,large -n 40
  $ infer review results`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				o.run = args[0]
			}
			return runReview(c.Context(), o)
		},
		ValidArgsFunction: completeRuns(app, &o.flags.Store),
	}
	f := c.Flags()
	f.IntVarP(&o.size, "number", "n", reviewSize, "how many answers, or pairs, to draw")
	f.IntVar(&o.perCell, "per-cell", 0, "draw so many of each candidate and task type instead")
	f.StringVar(&o.pairs, "pairs", "", "compare two candidates: A,B")
	f.StringSliceVar(&o.candidates, "candidate", nil, "only these candidates")
	f.StringVar(&o.taskType, "task-type", "", "only this task type")
	f.Uint64Var(&o.seed, "seed", 1, "decides what is drawn, in which order, and the sides of pairs")
	f.StringVar(&o.rate, "hourly-rate", "", "what a reviewer's hour costs in US dollars (default: the task type's own repair rate)")
	f.BoolVar(&o.noInput, "no-input", false, "draw the sample and ask nobody")
	f.StringVar(&o.flags.Config, "config", "", "configuration with the run's field names (default infer.yaml here)")
	c.PersistentFlags().StringVar(&o.reviewer, "reviewer", "", "who judges (default $USER)")
	c.PersistentFlags().StringVar(&o.flags.Store, "store", "", "SQLite file of attempts (default .infer/infer.db, or as configured)")
	c.AddCommand(newReviewExportCmd(app, o), newReviewImportCmd(app, o), newReviewResultsCmd(app, o))
	return c
}

func runReview(ctx context.Context, o *reviewOptions) (err error) {
	cfg, _, err := config.Load(o.app.Dir, "", o.flags, o.app.Env)
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
	plan, err := o.plan(run)
	if err != nil {
		return err
	}
	review, err := s.StartReview(ctx, run, plan)
	if err != nil {
		return err
	}
	if o.noInput || !o.app.InTTY || !o.app.OutTTY {
		_, err := fmt.Fprintf(o.app.Out, "review %s: %d of %d drawn\n", review.ID, review.Items, review.Population)
		next(o.app, "`infer review export %s -o review.csv` for a spreadsheet, `infer review import review.csv` when it is filled in", review.ID)
		return err
	}
	src, err := newReviewSource(ctx, s, run, review, o.who(), cfg)
	if err != nil {
		return err
	}
	err = tui.ShowReview(ctx, tui.ReviewOptions{Reviews: src, Reviewer: o.who(), First: src.first(), Edit: o.editor, Now: o.app.Now, Output: o.app.Out, Color: o.app.Color(true)}, o.app.In)
	if err = errors.Join(err, s.Reroll(context.WithoutCancel(ctx), run.ID)); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(o.app.Err, "review %s: %d of %d judged by %s; the same command goes on\n", review.ID, src.judged(), review.Items, eval.Untrusted(o.who()).Line(40))
	next(o.app, "`infer review results %s` compares people with graders", review.ID)
	return nil
}

// who is the reviewer's name.
func (o *reviewOptions) who() string {
	for _, n := range []string{o.reviewer, o.app.Env("USER"), o.app.Env("USERNAME")} {
		if n != "" {
			return n
		}
	}
	return "reviewer"
}

// plan is the review that the flags describe. The same flags name the same one.
func (o *reviewOptions) plan(run *eval.Run) (eval.Review, error) {
	p := eval.Review{Run: run.ID, Mode: eval.ReviewSingle, Seed: o.seed, Size: o.size, TaskType: o.taskType}
	if o.perCell > 0 {
		p.Size, p.PerCell = o.perCell, true
	}
	if p.Size < 1 || o.perCell < 0 {
		return p, eval.Invalid(errors.New("a review needs at least one answer"), "draw some: -n 40, or --per-cell 100")
	}
	names := o.candidates
	if o.pairs != "" {
		p.Mode, names = eval.ReviewPairs, strings.Split(o.pairs, ",")
		if len(names) != 2 || names[0] == names[1] || len(o.candidates) > 0 {
			return p, eval.Invalid(errors.New("--pairs takes two candidates"), "write it like --pairs A,B, without --candidate")
		}
	}
	for _, n := range names {
		at, err := runCandidate(run, strings.TrimSpace(n))
		if err != nil {
			return p, err
		}
		p.Candidates = append(p.Candidates, at)
	}
	if o.rate != "" {
		m, err := eval.ParseUSD(strings.TrimPrefix(o.rate, "$"))
		if err != nil || m < 0 {
			return p, eval.Invalid(fmt.Errorf("--hourly-rate %s is not an amount of dollars", eval.Untrusted(o.rate).Line(40)), "write it like 60")
		}
		p.HourlyRate = &m
	}
	p.ID = "v" + eval.DigestJSON(p).Short()[:9]
	return p, nil
}

func runCandidate(run *eval.Run, name string) (int, error) {
	var names []string
	for i := range run.Candidates {
		if run.Candidates[i].Name == name {
			return i, nil
		}
		names = append(names, run.Candidates[i].Name)
	}
	hint := "the run's candidates are " + strings.Join(names, ", ")
	if near := config.Nearest(name, names); near != "" {
		hint = "did you mean " + near + "?"
	}
	return 0, eval.Invalid(fmt.Errorf("run %s has no candidate %q", run.ID, eval.Untrusted(name).Line(60)), hint)
}

// editor returns a command that opens the reviewer's editor on a text.
func (o *reviewOptions) editor(text string) (*exec.Cmd, func() (string, error), error) {
	words := strings.Fields(o.app.Env("VISUAL"))
	if len(words) == 0 {
		words = strings.Fields(o.app.Env("EDITOR"))
	}
	if len(words) == 0 {
		words = []string{"vi"}
	}
	if _, err := exec.LookPath(words[0]); err != nil {
		return nil, nil, fmt.Errorf("%s is not there; set EDITOR", words[0])
	}
	dir, err := os.MkdirTemp("", "infer-review-")
	if err != nil {
		return nil, nil, err
	}
	path := filepath.Join(dir, "answer.txt")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(dir))
	}
	//nolint:noctx // the editor is the user's own and ends when they end it
	return exec.Command(words[0], append(words[1:], path)...), func() (string, error) {
		b, err := os.ReadFile(path)
		return strings.TrimSuffix(string(b), "\n"), errors.Join(err, os.RemoveAll(dir))
	}, nil
}
