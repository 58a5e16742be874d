package cmd

import (
	"errors"
	"io"

	"github.com/spf13/cobra"

	"infer/cmd/internal/cli"
)

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
	outputFlag(c, &output, "write to this file")
	return c
}
