package cmd

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"infer/cmd/internal/cli"
	"infer/eval"
)

func newDBCmd(app *cli.App) *cobra.Command {
	var path string
	c := &cobra.Command{
		Use: "db", Short: "Check and back up the store", Args: cobra.NoArgs,
		Long:    "Look after the SQLite file in which every attempt is kept. Nothing here changes it.",
		Example: "  $ infer db check\n  $ infer db backup copy.db",
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.PersistentFlags().StringVar(&path, "store", "", "SQLite file of attempts (default .infer/infer.db, or as configured)")
	check := &cobra.Command{
		Use: "check", Short: "Read the whole store and name what is damaged", Args: cobra.NoArgs,
		Long: `Read the whole store, every page and every reference between its rows. What is
damaged is named, nothing is changed. Exit status 1 if anything is damaged.`,
		Example: "  $ infer db check\n  $ infer db check --store old.db",
		RunE: func(c *cobra.Command, _ []string) (err error) {
			s, err := openStore(c.Context(), app, path, true)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, s.Close()) }()
			problems, err := s.Check(c.Context())
			if err != nil {
				return err
			}
			for _, p := range problems {
				_, _ = fmt.Fprintln(app.Out, eval.Untrusted(p).Line(500))
			}
			if len(problems) > 0 {
				return eval.WithHint(eval.KindOperational, fmt.Errorf("store %s is damaged in %d places", s.Path(), len(problems)), "restore a backup; the file was not changed")
			}
			_, err = fmt.Fprintf(app.Out, "%s: ok\n", s.Path())
			return err
		},
	}
	backup := &cobra.Command{
		Use: "backup <file>", Short: "Write a consistent copy of the store", Args: cobra.ExactArgs(1),
		Long: `Write a consistent copy of the store to a new file, while others may write the store.
A file that is there already is not overwritten.`,
		Example: "  $ infer db backup copy.db\n  $ infer db backup /backups/infer.db --store .infer/infer.db",
		RunE: func(c *cobra.Command, args []string) (err error) {
			s, err := openStore(c.Context(), app, path, false)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, s.Close()) }()
			if err := s.Backup(c.Context(), args[0]); err != nil {
				return err
			}
			_, err = fmt.Fprintf(app.Err, "wrote %s\n", args[0])
			return err
		},
	}
	c.AddCommand(check, backup)
	return c
}
