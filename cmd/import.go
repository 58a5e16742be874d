package cmd

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"infer/cmd/internal/cli"
	"infer/cmd/internal/config"
	"infer/datasets"
	"infer/datasets/importer"
	"infer/eval"
	"infer/eval/store"
	"infer/report/render"
)

func newImportCmd(app *cli.App) *cobra.Command {
	c := &cobra.Command{
		Use: "import", Short: "Make runs of results that were recorded elsewhere", Args: cobra.NoArgs,
		Long:    "Make runs of results that were recorded elsewhere, so that a team decides on the\nlogs that it has.",
		Example: "  $ infer import outcomes log.csv --name september\n  $ infer recommend september",
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newImportOutcomesCmd(app))
	return c
}

type importOptions struct {
	app               *cli.App
	file, name, store string
	free              bool
	out               formatFlag
}

func newImportOutcomesCmd(app *cli.App) *cobra.Command {
	o := &importOptions{app: app}
	c := &cobra.Command{
		Use: "outcomes <file>", Short: "Make a run of recorded outcomes, without a call",
		Long: `Read outcomes in long form, one repeat of one task by one candidate a row, and make
a run of them: report, compare, recommend, simulate and gate work on it as on one
that was run here. FILE is CSV with a head, or a JSON object a line.

Columns: task_id, task_type, candidate, accepted (true/false, or empty where nobody
judged the answer or the judge failed: that is no rejection); optional repeat (from
0), group, provider, cost_usd, latency_ms, retry_count, error_class, fallback_used,
user_regenerated, human_fix_required and volume (tasks of the type a month). Other
columns are left aside. An empty cell is unknown, never 0. A candidate whose costs are
all 0 was run without a price, as most logs write it: they are unknown, unless
--zero-is-free says that it cost nothing.

Nothing is imported unless every row can be read.`,
		Example: `  $ infer import outcomes log.csv --name september
  $ infer report september
  $ infer recommend september`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			o.file = args[0]
			return runImport(c.Context(), o)
		},
	}
	storeFlag(c, &o.store)
	c.Flags().BoolVar(&o.free, "zero-is-free", false, "costs that are all 0 mean that the candidate costs nothing")
	c.Flags().StringVar(&o.name, "name", "", "name of the run (default the file's)")
	o.out.add(c, app, render.Formats())
	return c
}

func runImport(ctx context.Context, o *importOptions) (err error) {
	cfg, _, err := config.Load(o.app.Dir, "", config.Flags{Store: o.store}, o.app.Env)
	if err != nil {
		return err
	}
	found, err := o.survey()
	if err != nil {
		return err
	}
	o.tellUnpriced(found)
	run, err := o.plan(cfg, found)
	if err != nil {
		return err
	}
	s, err := store.Open(ctx, cfg.StorePath, store.Options{Now: o.app.Now})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := o.record(ctx, s, run, found); err != nil {
		return err
	}
	r, err := loadReport(ctx, s, run.ID)
	if err != nil {
		return err
	}
	if err := writeReport(ctx, o.app, s, r, run.ID, o.out.format, ""); err != nil {
		return err
	}
	next(o.app, "`infer recommend %s`", run.ID)
	return nil
}

// outcomes reads the file from its beginning.
func (o *importOptions) outcomes(each func(importer.Outcome) error) (digest string, err error) {
	f, err := os.Open(o.file)
	if err != nil {
		return "", eval.Invalid(fmt.Errorf("read outcomes: %w", err), "name a CSV or JSONL file that you may read")
	}
	defer f.Close() //nolint:errcheck // opened for reading only
	h := sha256.New()
	var bad []*datasets.LineError
	for row, err := range importer.Outcomes(io.TeeReader(f, h), o.file) {
		var le *datasets.LineError
		switch {
		case errors.As(err, &le):
			bad = append(bad, le)
		case err != nil:
			return "", err
		default:
			if err := each(row); err != nil {
				return "", err
			}
		}
	}
	if len(bad) > 0 {
		for i := range bad[:min(len(bad), 10)] {
			if len(bad) > 1 {
				_, _ = fmt.Fprintf(o.app.Err, "%s\n", eval.Untrusted(bad[i].Error()).Line(300))
			}
		}
		err := error(bad[0])
		if len(bad) > 1 {
			err = fmt.Errorf("%d rows cannot be read, the first: %w", len(bad), bad[0])
		}
		return "", eval.Invalid(err, bad[0].Hint)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// plan makes the run. What infer.yaml says of the task types holds here too.
func (o *importOptions) plan(cfg *config.Config, f *imported) (*eval.Run, error) {
	types, err := cfg.ResolveTaskTypes()
	if err != nil {
		return nil, err
	}
	for name, n := range f.volume {
		i := 0
		for i < len(types) && types[i].Name != name {
			i++
		}
		if i == len(types) {
			types = append(types, eval.TaskType{Name: name, Class: eval.LowRisk, Margin: config.DefaultMargin})
		}
		types[i].Volume = n
	}
	slices.SortFunc(types, func(a, b eval.TaskType) int { return strings.Compare(a.Name, b.Name) })
	name := o.name
	if name == "" {
		name = strings.TrimSuffix(filepath.Base(o.file), filepath.Ext(o.file))
	}
	digest := eval.DigestOf([]byte(f.digest))
	run := &eval.Run{Name: name, Dataset: eval.Dataset{Name: name, Path: filepath.ToSlash(o.file), Digest: digest, Tasks: len(f.tasks)}, Candidates: f.candidates,
		TaskTypes: types, Repeats: f.repeats, Seed: cfg.Seed, Grading: eval.Grading{Number: 1, Digest: digest, Note: "as recorded"},
		Prices: make([]eval.PriceRow, len(f.candidates)), Version: o.app.Version, Imported: true}
	run.ID = runID(run, "imported")
	return run, nil
}

func (o *importOptions) record(ctx context.Context, s *store.Store, run *eval.Run, f *imported) error {
	resumed, err := s.StartRun(ctx, run)
	if err != nil {
		return err
	}
	j, err := s.Journal(ctx, run)
	if err != nil {
		return err
	}
	done, err := s.Done(ctx, run.ID, nil)
	if err != nil {
		return err
	}
	if resumed && !o.app.Quiet {
		_, _ = fmt.Fprintf(o.app.Err, "run %s: %d of %d outcomes are there already\n", run.ID, done.Len(), f.trials)
	}
	const block = 1000
	for i := 0; i < len(f.tasks); i += block {
		if err := j.AddTasks(ctx, f.tasks[i:min(i+block, len(f.tasks))]); err != nil {
			return err
		}
	}
	if _, err := o.outcomes(func(row importer.Outcome) error {
		t := f.tasks[f.seq[[2]string{row.TaskType, row.TaskID}]]
		if done.Has(t.Seq, f.index[row.Candidate], row.Repeat) {
			return nil
		}
		c := f.index[row.Candidate]
		return j.Record(ctx, importedTrial(&row, t, c, o.free || f.spent[c] > 0))
	}); err != nil {
		return err
	}
	if err := j.Flush(ctx); err != nil {
		return err
	}
	return s.FinishRun(ctx, run.ID, eval.RunComplete)
}

// importedTrial turns a row into a trial. priced is false where the candidate's costs
// say that no price was known.
func importedTrial(row *importer.Outcome, t *eval.Task, candidate int, priced bool) *eval.Trial {
	trial := &eval.Trial{TaskSeq: t.Seq, TaskID: t.ID, TaskType: t.Type, Cluster: t.Cluster(), InputType: eval.InputText, Candidate: candidate, Repeat: row.Repeat,
		Final: -1, HumanFix: row.HumanFix, HumanFixFrom: eval.UnknownOrigin, Told: &eval.Told{Latency: row.Latency, Retries: row.Retries, Fallback: row.Fallback, Regenerated: row.Regenerated, Class: row.Class}}
	if row.HumanFix != nil {
		trial.HumanFixFrom = eval.Observed
	}
	if row.Regenerated != nil && *row.Regenerated {
		trial.Regenerations = 1
	}
	trial.Cost.Answer = eval.UnknownCost()
	if row.Cost != nil && priced {
		trial.Cost.Answer = eval.Exactly(*row.Cost)
	}
	switch {
	case row.Accepted != nil:
		accept(trial, *row.Accepted)
	case row.Class == "": // nobody judged it, or the judge failed: that says nothing of the answer
		trial.Verdict = eval.Unscored
	}
	if row.Class != "" && (row.Accepted == nil || !*row.Accepted) {
		trial.Verdict = eval.Errored
	}
	return trial
}
