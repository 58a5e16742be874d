package cmd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"infer/cmd/internal/cli"
	"infer/datasets"
	"infer/eval"
)

func newDatasetsSplitCmd(app *cli.App) *cobra.Command {
	var shares, prefix string
	var seed uint64
	var force bool
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
			if err := datasets.CheckShares(parts); err != nil {
				return err
			}
			src, _, err := openDataset(c.Context(), app, args[0])
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, src.Close()) }()
			if prefix == "" {
				prefix = src.Name()
			}
			for i := range parts {
				if err := free(fmt.Sprintf("%s.%d.jsonl", prefix, i+1)); err != nil && !force {
					return err
				}
			}
			return splitTo(c.Context(), app, src, parts, seed, prefix)
		},
	}
	c.Flags().StringVar(&shares, "shares", "0.8,0.2", "shares of the parts")
	c.Flags().Uint64Var(&seed, "seed", 1, "decides who goes where")
	c.Flags().StringVar(&prefix, "prefix", "", "parts are called PREFIX.1.jsonl, … (default the dataset's name)")
	c.Flags().BoolVarP(&force, "force", "f", false, "overwrite parts that are there")
	return c
}

// splitTo streams the parts into files that appear under their names together,
// once all of them are whole.
func splitTo(ctx context.Context, app *cli.App, src *datasets.Source, shares []float64, seed uint64, prefix string) (err error) {
	parts := make([]*part, len(shares))
	defer func() {
		for _, p := range parts {
			if p != nil && p.temp != "" {
				err = errors.Join(err, p.file.Close(), os.Remove(p.temp))
			}
		}
	}()
	for i := range parts {
		if parts[i], err = newPart(fmt.Sprintf("%s.%d.jsonl", prefix, i+1)); err != nil {
			return eval.WithHint(eval.KindOperational, err, "name a folder that you may write: --prefix FOLDER/NAME")
		}
	}
	if err := src.Split(ctx, shares, seed, func(i int, t *eval.Task) error { return parts[i].write(t) }); err != nil {
		return err
	}
	for _, p := range parts {
		if err := p.finish(); err != nil {
			return err
		}
	}
	for _, p := range parts {
		if _, err := fmt.Fprintf(app.Err, "%s: %d tasks\n", p.name, p.tasks); err != nil {
			return err
		}
	}
	return nil
}

// part is one part of a split on its way to its file.
type part struct {
	name  string
	file  *os.File
	temp  string // "" once it stands under its name
	w     *bufio.Writer
	tasks int
}

func newPart(name string) (*part, error) {
	f, err := os.CreateTemp(filepath.Dir(name), ".infer-*")
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", name, bare(err))
	}
	return &part{name: name, file: f, temp: f.Name(), w: bufio.NewWriter(f)}, nil
}

func (p *part) write(t *eval.Task) error {
	p.tasks++
	_, _ = p.w.Write(t.Raw) // Flush reports the first failure
	return p.w.WriteByte('\n')
}

func (p *part) finish() error {
	err := p.w.Flush()
	if err == nil {
		err = p.file.Chmod(0o644)
	}
	if err == nil {
		err = os.Rename(p.temp, p.name)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", p.name, bare(err))
	}
	p.temp = ""
	return p.file.Close()
}
