package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"infer/cmd/internal/cli"
	"infer/cmd/internal/config"
	"infer/eval"
	"infer/eval/store"
	"infer/report/render"
)

// formatFlag is --format with its short form --json.
type formatFlag struct {
	format string
	json   bool
}

func (f *formatFlag) add(c *cobra.Command, app *cli.App, formats []string) {
	c.Flags().StringVar(&f.format, "format", "table", "output: "+strings.Join(formats, ", "))
	c.Flags().BoolVar(&f.json, "json", false, "short for --format json")
	_ = c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp))
	pre := c.PreRunE
	c.PreRunE = func(c *cobra.Command, args []string) error {
		if f.json {
			f.format = string(render.JSON)
		}
		app.JSON = f.format == string(render.JSON)
		known := false
		for _, k := range formats {
			known = known || k == f.format
		}
		if !known {
			hint := "the formats are " + strings.Join(formats, ", ")
			if near := config.Nearest(f.format, formats); near != "" {
				hint = "did you mean " + near + "?"
			}
			return eval.Invalid(fmt.Errorf("unknown format %q", f.format), hint)
		}
		if pre != nil {
			return pre(c, args)
		}
		return nil
	}
}

// storeFlag is --store, for the commands that read a store.
func storeFlag(c *cobra.Command, path *string) {
	c.Flags().StringVar(path, "store", "", "SQLite file of attempts (default .infer/infer.db, or as configured)")
}

// openStore opens the store that flags, environment or project file name, for
// reading only or for writing.
func openStore(ctx context.Context, app *cli.App, flag string, write bool) (*store.Store, error) {
	cfg, _, err := config.Load(app.Dir, "", config.Flags{Store: flag}, app.Env)
	if err != nil {
		return nil, err
	}
	if write {
		if _, err := os.Stat(cfg.StorePath); errors.Is(err, os.ErrNotExist) {
			return nil, eval.Invalid(fmt.Errorf("no store at %s", cfg.StorePath), "`infer eval PATH` makes one, `--store FILE` names another")
		}
		return store.Open(ctx, cfg.StorePath, store.Options{Now: app.Now})
	}
	return store.OpenReadOnly(ctx, cfg.StorePath)
}

// completeRuns completes run IDs; it is silent about failures.
func completeRuns(app *cli.App, path *string) cobra.CompletionFunc {
	return func(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		s, err := openStore(c.Context(), app, *path, false)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		defer s.Close() //nolint:errcheck // opened for reading only
		runs, err := s.Runs(c.Context())
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var out []string
		for _, r := range runs {
			out = append(out, r.ID+"\t"+eval.Untrusted(r.Name).Line(40))
		}
		return out, cobra.ShellCompDirectiveNoFileComp
	}
}

// next names the command that is useful now, for people.
func next(app *cli.App, format string, args ...any) {
	if !app.Quiet && app.ErrTTY || !app.Quiet && !app.JSON {
		_, _ = fmt.Fprintf(app.Err, "Next: "+format+"\n", args...)
	}
}
