package cmd

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"infer/cmd/internal/cli"
	"infer/eval"
)

func newManCmd(app *cli.App) *cobra.Command {
	return &cobra.Command{
		Use: "man <dir>", Short: "Write the manual pages",
		Long:    "Write a manual page for every command into a folder, which is made if it is not\nthere.",
		Example: "  $ infer man man1\n  $ infer man ~/.local/share/man/man1",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			dir := args[0]
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return eval.WithHint(eval.KindOperational, fmt.Errorf("make folder: %w", err), "name a folder that you may write")
			}
			// The date is that of the program's source and not of today, so that the
			// pages are the same whenever they are written.
			date := time.Unix(0, 0).UTC()
			head := &doc.GenManHeader{Title: "INFER", Section: "1", Source: "infer " + app.Version, Manual: "infer", Date: &date}
			root := c.Root()
			root.DisableAutoGenTag = true
			if err := doc.GenManTree(root, head, dir); err != nil {
				return eval.WithHint(eval.KindOperational, fmt.Errorf("write manual pages: %w", err), "name a folder that you may write")
			}
			pages, err := filepath.Glob(filepath.Join(dir, "infer*.1"))
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(app.Err, "wrote %d manual pages to %s\n", len(pages), dir)
			return err
		},
	}
}
