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

// checkDoc is what `datasets check --json` writes.
type checkDoc struct {
	Schema       string         `json:"schema"`
	Tasks        int            `json:"tasks"`
	Digest       eval.Digest    `json:"digest"`
	ProblemCount int            `json:"problem_count"`
	Problems     []checkProblem `json:"problems"` // the first ones
	Warnings     []string       `json:"warnings"`
}

type checkProblem struct {
	File    eval.Untrusted `json:"file"`
	Line    int            `json:"line"`
	Column  int            `json:"column"` // in bytes, from 1; 0 = the whole line
	Message eval.Untrusted `json:"message"`
	Hint    string         `json:"hint"`
}

func checkJSON(info *datasets.Info) checkDoc {
	d := checkDoc{Schema: "infer.check/1", Tasks: info.Tasks, Digest: info.Digest, ProblemCount: info.ProblemCount,
		Problems: make([]checkProblem, 0, len(info.Problems)), Warnings: append([]string{}, info.Warnings...)}
	for _, p := range info.Problems {
		d.Problems = append(d.Problems, checkProblem{eval.Untrusted(p.File), p.Line, p.Column, eval.Untrusted(p.Msg), p.Hint})
	}
	return d
}
