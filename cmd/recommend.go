package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"infer/cmd/internal/cli"
	"infer/cmd/internal/config"
	"infer/eval"
	"infer/report/render"
	"infer/scoring/decide"
)

// recommendOptions are the flags of infer recommend.
type recommendOptions struct {
	app          *cli.App
	run          string
	flags        config.Flags
	incumbent    string
	strictFamily bool
	allowPartial bool
	requireAll   bool
	policies     bool
	output       string
	out          formatFlag
}

func newRecommendCmd(app *cli.App, runF func(context.Context, *recommendOptions) error) *cobra.Command {
	o := &recommendOptions{app: app}
	c := &cobra.Command{
		Use:   "recommend [run]",
		Short: "Choose default and backup for each task type",
		Long: `Decide, for each task type of a run, which candidate should be the default, which
one its backup, what to downgrade and escalate to, and by which rules. Only the
store and infer.yaml are read. The format outputs writes default={…} and backup={…},
candidates by task type, for a CI job.

A default is the candidate with the lowest cost of an accepted task among those
shown not to be worse than the best by the margin of the task type, and past the
hard gates of gates: and slo_p95; for high_risk work it is the one with the best
quality, whatever it costs. The incumbent keeps ties. A backup is the candidate most
likely to succeed where the default fails, at another provider and host. What the
evidence does not decide is undecided, with how many more tasks would settle it and
at what price.

EXIT STATUS
  0 something is decided, or the incumbent stays meanwhile · 2 usage or
  configuration · 3 the evidence does not suffice: nothing is decided and there is
  no incumbent, with --require-all any task type is undecided, or the candidates
  were not tried on the same tasks`,
		Example: `  # the newest run
  $ infer recommend

  # for a pull request
  $ infer recommend --format md -o recommendation.md

  # for scripts: fail unless every task type is decided
  $ infer recommend --json --require-all`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				o.run = args[0]
			}
			if runF != nil {
				return runF(c.Context(), o)
			}
			return runRecommend(c.Context(), o)
		},
		ValidArgsFunction: completeRuns(app, &o.flags.Store),
	}
	f := c.Flags()
	storeFlag(c, &o.flags.Store)
	f.StringVar(&o.flags.Config, "config", "", "configuration with incumbent and gates (default infer.yaml here)")
	f.StringVar(&o.incumbent, "incumbent", "", "candidate that is the default today; it keeps ties")
	f.BoolVar(&o.strictFamily, "strict-family", false, "bound the error over all task types together, not of each")
	f.BoolVar(&o.allowPartial, "allow-partial", false, "decide on the tasks that all candidates have in common")
	f.BoolVar(&o.requireAll, "require-all", false, "exit 3 unless every task type is decided")
	f.BoolVar(&o.policies, "policies", false, "replay simple policies too: one model, a backup on errors, a cascade")
	outputFlag(c, &o.output, "write to this file")
	o.out.add(c, app, render.RecommendationFormats())
	return c
}

func runRecommend(ctx context.Context, o *recommendOptions) (err error) {
	cfg, _, err := config.Load(o.app.Dir, "", o.flags, o.app.Env)
	if err != nil {
		return err
	}
	s, err := openStore(ctx, o.app, cfg.StorePath, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	g, err := findRun(ctx, s, o.run)
	if err != nil {
		return err
	}
	if o.incumbent != "" && candidateIndex(g.run, o.incumbent) < 0 {
		return unknownCandidate(g.run, o.incumbent)
	}
	r, err := recommendation(ctx, s, cfg, g, func(in *decide.Input) {
		in.StrictFamily, in.AllowPartial, in.Policies = o.strictFamily, o.allowPartial, o.policies
		if o.incumbent != "" {
			in.Rule.Incumbent = o.incumbent
		}
	})
	if err != nil {
		return err
	}
	err = toOutput(o.app, o.output, func(w io.Writer, tty bool) error {
		return render.Recommendation(w, r, render.Format(o.out.format), renderOptions(o.app, tty))
	})
	if err != nil {
		return err
	}
	return o.verdict(r)
}

// verdict turns what could not be decided into an exit code.
func (o *recommendOptions) verdict(r *eval.Recommendation) error {
	var undecided []string
	for i := range r.Types {
		if v := r.Types[i].Verdict; v != eval.Selected && v != eval.SelectedTie {
			undecided = append(undecided, eval.Untrusted(r.Types[i].TaskType).Line(60))
		}
	}
	if n := len(undecided); n == len(r.Types) && !stays(r) || n > 0 && o.requireAll {
		return eval.WithHint(eval.KindIncomplete, fmt.Errorf("%d of %d task types are undecided: %s", n, len(r.Types), strings.Join(undecided, ", ")),
			"more tasks, or fewer candidates, settle it: the recommendation says how many")
	}
	next(o.app, "`infer compare` shows two candidates task by task; `infer report %s --format html -o report.html` shows it all", r.Run)
	return nil
}

// stays reports whether there is an incumbent to go on with.
func stays(r *eval.Recommendation) bool {
	for i := range r.Types {
		if r.Types[i].Default == "" || r.Types[i].Default != r.Rule.Incumbent {
			return false
		}
	}
	return true
}

// candidateIndex is the place of a candidate in a run; −1 = it is not there.
func candidateIndex(run *eval.Run, name string) int {
	for i := range run.Candidates {
		if run.Candidates[i].Name == name {
			return i
		}
	}
	return -1
}

func unknownCandidate(run *eval.Run, name string) error {
	names := make([]string, len(run.Candidates))
	for i := range run.Candidates {
		names[i] = run.Candidates[i].Name
	}
	hint := "its candidates are " + eval.Untrusted(strings.Join(names, ", ")).Line(300)
	if near := config.Nearest(name, names); near != "" {
		hint = "did you mean " + eval.Untrusted(near).Line(60) + "?"
	}
	return eval.Invalid(fmt.Errorf("run %s has no candidate %q", run.ID, eval.Untrusted(name).Line(60)), hint)
}

// renderOptions are how tables are written to a stream.
func renderOptions(app *cli.App, tty bool) render.Options {
	opts := render.Options{Color: app.Color(tty), Width: plainWidth}
	if w := app.Width(); w > 0 {
		opts.Width = w
	}
	return opts
}
