package cmd

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
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
	out               formatFlag
}

func newImportOutcomesCmd(app *cli.App) *cobra.Command {
	o := &importOptions{app: app}
	c := &cobra.Command{
		Use: "outcomes <file>", Short: "Make a run of recorded outcomes, without a call",
		Long: `Read outcomes in long form, one repeat of one task by one candidate a row, and make
a run of them: report, compare, recommend, simulate and gate work on it as on one
that was run here. FILE is CSV with a head, or a JSON object a line.

Columns: task_id, task_type, candidate, accepted (true/false); optional repeat (from
0), group, provider, cost_usd, latency_ms, retry_count, error_class, fallback_used,
user_regenerated, human_fix_required and volume (tasks of the type a month). Other
columns are left aside. An empty cell is unknown, never 0.

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
	c.Flags().StringVar(&o.name, "name", "", "name of the run (default the file's)")
	o.out.add(c, app, render.Formats())
	return c
}

// imported is what the first pass over a file finds.
type imported struct {
	digest     string
	tasks      []*eval.Task
	seq        map[[2]string]int // by task type and id
	candidates []eval.Candidate
	index      map[string]int
	repeats    int
	volume     map[string]int64
	trials     int
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

// survey reads the file once: which tasks, candidates and repeats there are.
func (o *importOptions) survey() (*imported, error) {
	found := &imported{seq: make(map[[2]string]int), index: make(map[string]int), volume: make(map[string]int64)}
	type cell struct{ task, candidate, repeat int }
	seen := make(map[cell]bool)
	var err error
	found.digest, err = o.outcomes(func(row importer.Outcome) error {
		seq := found.task(&row)
		c := found.candidate(&row)
		key := cell{seq, c, row.Repeat}
		if seen[key] {
			return eval.Invalid(fmt.Errorf("task %s has two outcomes of %s in repeat %d", eval.Untrusted(row.TaskID).Line(60), eval.Untrusted(row.Candidate).Line(60), row.Repeat),
				"number repeats of one task by one candidate in a column repeat, from 0")
		}
		seen[key] = true
		found.trials++
		found.repeats = max(found.repeats, row.Repeat+1)
		if row.Volume != nil {
			found.volume[row.TaskType] = *row.Volume
		}
		return nil
	})
	if err == nil && found.trials == 0 {
		err = eval.Invalid(fmt.Errorf("%s holds no outcomes", o.file), "each row is task_id, task_type, candidate, accepted")
	}
	return found, err
}

// task returns the position of the row's task, which it adds where it is new.
func (f *imported) task(row *importer.Outcome) int {
	key := [2]string{row.TaskType, row.TaskID}
	if seq, ok := f.seq[key]; ok {
		return seq
	}
	raw, err := json.Marshal(map[string]string{"id": row.TaskID, "task_type": row.TaskType, "group": row.Group})
	if err != nil {
		raw = []byte("{}") // strings always encode
	}
	t := &eval.Task{Seq: len(f.tasks), ID: row.TaskID, Type: row.TaskType, Group: row.Group, Raw: raw, Digest: eval.DigestOf(raw), File: "imported", Line: len(f.tasks) + 1}
	f.seq[key] = t.Seq
	f.tasks = append(f.tasks, t)
	return t.Seq
}

func (f *imported) candidate(row *importer.Outcome) int {
	if i, ok := f.index[row.Candidate]; ok {
		return i
	}
	f.index[row.Candidate] = len(f.candidates)
	f.candidates = append(f.candidates, eval.Candidate{Name: row.Candidate, Provider: row.Provider, Model: row.Candidate, Host: row.Provider})
	return len(f.candidates) - 1
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
		return j.Record(ctx, importedTrial(&row, t, f.index[row.Candidate]))
	}); err != nil {
		return err
	}
	if err := j.Flush(ctx); err != nil {
		return err
	}
	return s.FinishRun(ctx, run.ID, eval.RunComplete)
}

// importedTrial turns a row into a trial.
func importedTrial(row *importer.Outcome, t *eval.Task, candidate int) *eval.Trial {
	trial := &eval.Trial{TaskSeq: t.Seq, TaskID: t.ID, TaskType: t.Type, Cluster: t.Cluster(), InputType: eval.InputText, Candidate: candidate, Repeat: row.Repeat,
		Final: -1, HumanFix: row.HumanFix, HumanFixFrom: eval.UnknownOrigin, Told: &eval.Told{Latency: row.Latency, Retries: row.Retries, Fallback: row.Fallback, Regenerated: row.Regenerated, Class: row.Class}}
	if row.HumanFix != nil {
		trial.HumanFixFrom = eval.Observed
	}
	if row.Regenerated != nil && *row.Regenerated {
		trial.Regenerations = 1
	}
	trial.Cost.Answer = eval.UnknownCost()
	if row.Cost != nil {
		trial.Cost.Answer = eval.Exactly(*row.Cost)
	}
	if row.Accepted != nil {
		accept(trial, *row.Accepted)
	}
	if row.Accepted == nil || row.Class != "" && !*row.Accepted {
		trial.Verdict = eval.Errored
	}
	return trial
}
