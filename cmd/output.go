package cmd

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"infer/cmd/internal/cli"
	"infer/eval"
)

// toOutput runs write with standard output, or with a new file that appears
// under its name only when it is whole.
func toOutput(app *cli.App, path string, write func(w io.Writer, tty bool) error) (err error) {
	if path == "" || path == "-" {
		b := bufio.NewWriter(app.Out)
		if err := write(b, app.OutTTY); err != nil {
			return err
		}
		return b.Flush()
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".infer-*")
	if err != nil {
		return eval.WithHint(eval.KindOperational, fmt.Errorf("write %s: %w", path, err), "name a file in a folder that you may write")
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close(), os.Remove(f.Name()))
		}
	}()
	b := bufio.NewWriter(f)
	if err := write(b, false); err != nil {
		return err
	}
	if err := b.Flush(); err != nil {
		return err
	}
	if err := f.Chmod(0o644); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
