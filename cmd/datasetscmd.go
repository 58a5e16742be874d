package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"infer/cmd/internal/cli"
	"infer/cmd/internal/config"
	"infer/datasets"
	"infer/eval"
	"infer/report/render"
	"infer/scoring"
)

func newDatasetsCmd(app *cli.App) *cobra.Command {
	c := &cobra.Command{
		Use: "datasets", Short: "Check, describe, sample and split datasets", Args: cobra.NoArgs,
		Long: `Work on datasets without calling anything: .jsonl files (also .gz and .zst), folders
of them, - for standard input, or a project whose infer.yaml names them.`,
		Example: "  $ infer datasets check tasks.jsonl\n  $ infer datasets stats testdata/quickstart",
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newDatasetsCheckCmd(app), newDatasetsStatsCmd(app), newDatasetsSampleCmd(app), newDatasetsSplitCmd(app),
		&cobra.Command{
			Use: "schema", Short: "Print the JSON Schema of a dataset line", Args: cobra.NoArgs,
			Long:    "Print the JSON Schema of one dataset line (infer.task/1). Nothing is read.",
			Example: "  $ infer datasets schema > task.schema.json\n  $ infer datasets schema | jq '.properties | keys'",
			RunE: func(*cobra.Command, []string) error {
				_, err := app.Out.Write(datasets.Schema)
				return err
			},
		})
	return c
}

// openDataset opens the dataset that a target names, by its project's mapping.
func openDataset(ctx context.Context, app *cli.App, target string) (*datasets.Source, *scoring.Set, error) {
	cfg, paths, err := config.Load(app.Dir, target, config.Flags{}, app.Env)
	if err != nil {
		return nil, nil, err
	}
	rules, err := scoring.CompileWith(cfg.GraderRules(), scoring.Tools{Dry: true})
	if err != nil {
		return nil, nil, err
	}
	if err := datasets.CheckFields(cfg.Fields); err != nil {
		return nil, nil, err
	}
	src, err := datasets.Open(ctx, paths, datasets.Options{Fields: cfg.Fields, AllowURLs: cfg.AllowURLs, Stdin: app.In})
	return src, rules, err
}

// scan opens and scans a dataset.
func scan(ctx context.Context, app *cli.App, target string) (info *datasets.Info, err error) {
	src, rules, err := openDataset(ctx, app, target)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	return src.Scan(ctx, rules.Check)
}

func newDatasetsCheckCmd(app *cli.App) *cobra.Command {
	var out formatFlag
	c := &cobra.Command{
		Use: "check <path>", Short: "Check every line and name what is wrong",
		Long:    "Check every line of a dataset: what is wrong is named with file, line and column,\nand how to mend it. Exit status 2 if anything is wrong.",
		Example: "  $ infer datasets check tasks.jsonl\n  $ infer datasets check testdata/quickstart --json",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			info, err := scan(c.Context(), app, args[0])
			if err != nil {
				return err
			}
			err = toOutput(app, "", func(w io.Writer, _ bool) error {
				if out.format == string(render.JSON) {
					return render.Indented(w, checkJSON(info))
				}
				for _, p := range info.Problems {
					if _, err := fmt.Fprintf(w, "%s\n  try: %s\n", eval.Untrusted(p.Error()).Line(500), p.Hint); err != nil {
						return err
					}
				}
				for _, x := range info.Warnings {
					if _, err := fmt.Fprintf(w, "warning: %s\n", x); err != nil {
						return err
					}
				}
				_, err := fmt.Fprintf(w, "%d tasks, %d problems\n", info.Tasks, info.ProblemCount)
				return err
			})
			switch {
			case err != nil:
				return err
			case info.ProblemCount > 0:
				return &cli.CodedError{Code: cli.ExitInvalid, Err: cli.ErrSilent}
			case info.Tasks == 0:
				return eval.Invalid(errors.New("the dataset holds no tasks"), `each line is a task such as {"input": "…", "expected": "…"}`)
			}
			return nil
		},
	}
	out.add(c, app, []string{string(render.Table), string(render.JSON)})
	return c
}

func checkJSON(info *datasets.Info) any {
	problems := make([]map[string]any, 0, len(info.Problems))
	for _, p := range info.Problems {
		problems = append(problems, map[string]any{"file": eval.Untrusted(p.File), "line": p.Line, "column": p.Column, "message": eval.Untrusted(p.Msg), "hint": p.Hint})
	}
	return map[string]any{"schema": "infer.check/1", "tasks": info.Tasks, "digest": info.Digest, "problem_count": info.ProblemCount, "problems": problems, "warnings": append([]string{}, info.Warnings...)}
}

func newDatasetsStatsCmd(app *cli.App) *cobra.Command {
	var out formatFlag
	c := &cobra.Command{
		Use: "stats <path>", Short: "Count tasks by type, input type and group",
		Long: `Read a whole dataset and count its tasks: by task type and input type, how many have
an expected value, graders of their own or a recorded outcome, and how many groups
they form. Lines that are not tasks are counted too, and are no error here.`,
		Example: "  $ infer datasets stats testdata/quickstart\n  $ infer datasets stats tasks.jsonl --json",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			info, err := scan(c.Context(), app, args[0])
			if err != nil {
				return err
			}
			return toOutput(app, "", func(w io.Writer, _ bool) error {
				if out.format == string(render.JSON) {
					return render.Indented(w, statsJSON(info))
				}
				rows := [][]string{{"tasks", strconv.Itoa(info.Tasks)}, {"digest", info.Digest.Short()}, {"groups", strconv.Itoa(info.Groups)},
					{"with expected", strconv.Itoa(info.WithExpected)}, {"with recorded outcome", strconv.Itoa(info.WithRecorded)},
					{"with graders of their own", strconv.Itoa(info.WithGraders)}, {"lines that are not tasks", strconv.Itoa(info.ProblemCount)}}
				for _, t := range info.InputTypes {
					rows = append(rows, []string{"input type " + t.Name, strconv.Itoa(t.N)})
				}
				for _, t := range info.Types {
					rows = append(rows, []string{"task type " + eval.Untrusted(t.Name).Line(60), strconv.Itoa(t.N)})
				}
				return render.Plain(w, []string{"what", "count"}, rows, map[int]bool{1: true})
			})
		},
	}
	out.add(c, app, []string{string(render.Table), string(render.JSON)})
	return c
}

func statsJSON(info *datasets.Info) any {
	counts := func(list []datasets.Count) map[string]int {
		m := make(map[string]int, len(list))
		for _, c := range list {
			m[c.Name] = c.N
		}
		return m
	}
	return map[string]any{"schema": "infer.stats/1", "tasks": info.Tasks, "digest": info.Digest, "groups": info.Groups, "task_types": counts(info.Types),
		"input_types": counts(info.InputTypes), "with_expected": info.WithExpected, "with_recorded": info.WithRecorded, "with_graders": info.WithGraders, "problem_count": info.ProblemCount}
}

func newDatasetsSampleCmd(app *cli.App) *cobra.Command {
	var n int
	var seed uint64
	var perType bool
	var output string
	c := &cobra.Command{
		Use: "sample <path>", Short: "Draw tasks at random",
		Long: `Draw tasks without replacement and write their lines unchanged, in the dataset's
order. The same seed draws the same tasks. A line that is not a task is an error.`,
		Example: "  $ infer datasets sample -n 100 tasks.jsonl > small.jsonl\n  $ infer datasets sample -n 5 --per-type testdata/quickstart",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) (err error) {
			src, _, err := openDataset(c.Context(), app, args[0])
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, src.Close()) }()
			tasks, err := src.Sample(c.Context(), n, seed, perType)
			if err != nil {
				return err
			}
			return toOutput(app, output, func(w io.Writer, _ bool) error {
				for _, t := range tasks {
					if _, err := w.Write(append(t.Raw, '\n')); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
	c.Flags().IntVarP(&n, "count", "n", 100, "how many tasks")
	c.Flags().Uint64Var(&seed, "seed", 1, "decides which")
	c.Flags().BoolVar(&perType, "per-type", false, "so many of each task type")
	c.Flags().StringVarP(&output, "output", "o", "", "write to this file")
	return c
}

func newDatasetsSplitCmd(app *cli.App) *cobra.Command {
	var shares, prefix string
	var seed uint64
	c := &cobra.Command{
		Use: "split <path>", Short: "Split into parts, groups kept together",
		Long: `Split a dataset into parts by shares. All tasks of a group go to one part, and the
part depends on the seed and the group alone: adding tasks moves no other.`,
		Example: `  # writes tasks.1.jsonl and tasks.2.jsonl
  $ infer datasets split tasks.jsonl --shares 0.8,0.2

  # three parts under another name
  $ infer datasets split tasks.jsonl --shares 70,15,15 --prefix fold`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) (err error) {
			var parts []float64
			for _, s := range strings.Split(shares, ",") {
				x, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
				if err != nil {
					return eval.Invalid(fmt.Errorf("--shares: %q is not a number", eval.Untrusted(s).Line(40)), "give shares such as 0.8,0.2")
				}
				parts = append(parts, x)
			}
			src, _, err := openDataset(c.Context(), app, args[0])
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, src.Close()) }()
			if prefix == "" {
				prefix = src.Name()
			}
			return splitTo(c.Context(), app, src, parts, seed, prefix)
		},
	}
	c.Flags().StringVar(&shares, "shares", "0.8,0.2", "shares of the parts")
	c.Flags().Uint64Var(&seed, "seed", 1, "decides who goes where")
	c.Flags().StringVar(&prefix, "prefix", "", "parts are called PREFIX.1.jsonl, … (default the dataset's name)")
	return c
}

func splitTo(ctx context.Context, app *cli.App, src *datasets.Source, shares []float64, seed uint64, prefix string) error {
	buffers := make([]strings.Builder, len(shares))
	counts := make([]int, len(shares))
	err := src.Split(ctx, shares, seed, func(part int, t *eval.Task) error {
		buffers[part].Write(t.Raw)
		buffers[part].WriteByte('\n')
		counts[part]++
		return nil
	})
	if err != nil {
		return err
	}
	for i := range buffers {
		name := fmt.Sprintf("%s.%d.jsonl", prefix, i+1)
		err := toOutput(app, name, func(w io.Writer, _ bool) error {
			_, err := io.WriteString(w, buffers[i].String())
			return err
		})
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(app.Err, "%s: %d tasks\n", name, counts[i]); err != nil {
			return err
		}
	}
	return nil
}

func isLineError(err error) bool {
	var le *datasets.LineError
	return errors.As(err, &le)
}
