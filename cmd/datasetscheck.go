package cmd

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"infer/cmd/internal/cli"
	"infer/datasets"
	"infer/eval"
	"infer/report/render"
)

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
