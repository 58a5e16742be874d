package cmd

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"infer/cmd/internal/cli"
	"infer/cmd/internal/config"
	"infer/eval"
	"infer/testdata/quickstart"
)

func newInitCmd(app *cli.App) *cobra.Command {
	var example, force bool
	c := &cobra.Command{
		Use: "init [dir]", Short: "Start a project, or write the example",
		Long: `Write a commented infer.yaml and a dataset of three tasks to start from. With
--example, write the example project instead: tasks, candidates and recordings of
real models, which runs without a key or a server.`,
		Example: "  $ infer init\n  $ infer init --example && infer eval quickstart",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			dir := "."
			if example {
				dir = "quickstart"
			}
			if len(args) > 0 {
				dir = args[0]
			}
			files := map[string][]byte{"infer.yaml": config.Template, "tasks.jsonl": config.TemplateTasks}
			if example {
				var err error
				if files, err = exampleFiles(); err != nil {
					return err
				}
			}
			if err := writeAll(dir, files, force); err != nil {
				return err
			}
			for _, name := range sortedNames(files) {
				if _, err := fmt.Fprintf(app.Err, "wrote %s\n", filepath.Join(dir, name)); err != nil {
					return err
				}
			}
			next(app, "`infer eval %s`", filepath.ToSlash(dir))
			return nil
		},
	}
	c.Flags().BoolVar(&example, "example", false, "write the example project with its recordings")
	c.Flags().BoolVarP(&force, "force", "f", false, "overwrite files that are there")
	return c
}

func exampleFiles() (map[string][]byte, error) {
	files := make(map[string][]byte)
	err := fs.WalkDir(quickstart.Files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files[path], err = quickstart.Files.ReadFile(path)
		return err
	})
	return files, err
}

// writeAll writes all files, or none where one of them is there already.
func writeAll(dir string, files map[string][]byte, force bool) error {
	for name := range files {
		p := filepath.Join(dir, name)
		if _, err := os.Lstat(p); !force && !errors.Is(err, fs.ErrNotExist) {
			return eval.Invalid(fmt.Errorf("%s is there already", p), "name another folder, or overwrite with --force")
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return eval.WithHint(eval.KindOperational, err, "name a folder that you may write")
	}
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			return eval.WithHint(eval.KindOperational, err, "name a folder that you may write")
		}
	}
	return nil
}

func sortedNames(files map[string][]byte) []string {
	names := make([]string, 0, len(files))
	for n := range files {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}
