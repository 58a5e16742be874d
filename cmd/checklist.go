package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"infer/cmd/internal/cli"
	"infer/cmd/internal/config"
	"infer/eval"
	"infer/eval/store"
	"infer/report/render"
	"infer/report/route"
)

// checklistHTML is the checklist's format for a page.
const checklistHTML = "html"

// checklistOptions are the flags of infer checklist.
type checklistOptions struct {
	app    *cli.App
	run    string
	flags  config.Flags
	drill  string
	strict bool
	output string
	out    formatFlag
}

func newChecklistCmd(app *cli.App, runF func(context.Context, *checklistOptions) error) *cobra.Command {
	o := &checklistOptions{app: app}
	c := &cobra.Command{
		Use:   "checklist [run]",
		Short: "Answer the ten questions before a launch",
		Long: `Answer ten questions before a launch from the evidence of a run: default model,
backup model, task classification, cost tracking, failure tracking, retry rule,
downgrade rule, review rule, user experience and rollback condition. Each is
answered, weak (what is missing is named) or open, with the command that closes it.
Then the questions of operation: which task types fail most, which failures come
from provider limits, which cheap models raise retries, what to upgrade and what can
move down. Only the store and infer.yaml are read.

--drill names what infer drill --json wrote for the deployed file: the proof that
the retry rule is carried out.

EXIT STATUS
  0 done · 2 usage or configuration · 100 with --strict, while a question is open`,
		Example: `  # the newest run
  $ infer checklist

  # for a launch document, with the proof of the deployed file
  $ infer drill litellm.yaml --json -o drill.json
  $ infer checklist --drill drill.json --format md -o launch.md

  # in CI: no launch while a question is open
  $ infer checklist --strict`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				o.run = args[0]
			}
			if runF != nil {
				return runF(c.Context(), o)
			}
			return runChecklist(c.Context(), o)
		},
		ValidArgsFunction: completeRuns(app, &o.flags.Store),
	}
	f := c.Flags()
	storeFlag(c, &o.flags.Store)
	f.StringVar(&o.flags.Config, "config", "", "configuration with incumbent and gates (default infer.yaml here)")
	f.StringVar(&o.drill, "drill", "", "result of infer drill --json on the deployed file")
	f.BoolVar(&o.strict, "strict", false, "exit 100 while a question is open")
	outputFlag(c, &o.output, "write the checklist to this file")
	o.out.add(c, app, []string{string(render.Table), string(render.Markdown), checklistHTML, string(render.JSON)})
	return c
}

func runChecklist(ctx context.Context, o *checklistOptions) (err error) {
	cfg, _, err := config.Load(o.app.Dir, "", o.flags, o.app.Env)
	if err != nil {
		return err
	}
	in := &route.ChecklistInput{}
	if o.drill != "" {
		if in.Drill, err = readDrill(o.app, o.drill); err != nil {
			return err
		}
	}
	s, err := openStore(ctx, o.app, cfg.StorePath, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := o.collect(ctx, s, cfg, in); err != nil {
		return err
	}
	list := in.Checklist()
	err = toOutput(o.app, o.output, func(w io.Writer, _ bool) error {
		switch o.out.format {
		case string(render.JSON):
			return render.Indented(w, list)
		case string(render.Markdown):
			return list.Markdown(w, render.Escape)
		case checklistHTML:
			return list.HTML(w)
		}
		return list.Text(w)
	})
	if err != nil {
		return err
	}
	if o.strict && list.Open > 0 {
		return eval.WithHint(eval.KindGate, fmt.Errorf("%d of %d questions are open", list.Open, len(list.Questions)), "each names the command that closes it")
	}
	if in.Drill == nil {
		next(o.app, "`infer export --format litellm -o litellm.yaml`, then `infer drill litellm.yaml`: proof that the rule is carried out")
	}
	return nil
}

// collect reads the evidence of the run.
func (o *checklistOptions) collect(ctx context.Context, s *store.Store, cfg *config.Config, in *route.ChecklistInput) error {
	g, err := findRun(ctx, s, o.run)
	if err != nil {
		return err
	}
	in.Run = g.run
	r, err := loadReport(ctx, s, o.run)
	if err != nil {
		return err
	}
	in.Report = r.Measured()
	if in.Recommendation, err = recommendation(ctx, s, cfg, g, nil); err != nil {
		if k := eval.KindOf(err); k != eval.KindIncomplete && k != eval.KindInvalid {
			return err
		}
		in.Recommendation, in.Why = nil, err.Error()
	}
	in.Reviewed, err = reviewed(ctx, s, g.run.ID)
	return err
}

// reviewed counts the answers of a run that people have judged.
func reviewed(ctx context.Context, s *store.Store, run string) (int, error) {
	reviews, err := s.Reviews(ctx, run)
	if err != nil {
		return 0, err
	}
	n := 0
	for i := range reviews {
		labels, err := s.Labels(ctx, reviews[i].ID)
		if err != nil {
			return 0, err
		}
		items := make(map[int]bool)
		for k := range labels {
			if labels[k].Kind != eval.LabelSkip {
				items[labels[k].Item] = true
			}
		}
		n += len(items)
	}
	return n, nil
}

// readDrill reads the JSON form of a drill.
func readDrill(app *cli.App, path string) (*route.DrillReport, error) {
	b, err := readRouteFile(app, path)
	if err != nil {
		return nil, err
	}
	var r route.DrillReport
	if err := json.Unmarshal(b, &r); err != nil || r.Schema != route.DrillSchema {
		return nil, eval.Invalid(fmt.Errorf("%s is not the result of a drill", path), "`infer drill FILE --json -o drill.json` writes one")
	}
	return &r, nil
}
