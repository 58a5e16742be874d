package cmd

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"infer/cmd/internal/cli"
	"infer/eval"
)

// outputFlag adds -o FILE and --force. Before the command does anything, a file
// that is there is refused without --force: the work of an hour must neither
// replace a dataset nor be lost because it might.
func outputFlag(c *cobra.Command, path *string, usage string) {
	c.Flags().StringVarP(path, "output", "o", "", usage)
	force := c.Flags().BoolP("force", "f", false, "overwrite the file that -o names")
	pre := c.PreRunE
	c.PreRunE = func(c *cobra.Command, args []string) error {
		if !*force {
			if err := free(*path); err != nil {
				return err
			}
		}
		if pre != nil {
			return pre(c, args)
		}
		return nil
	}
}

// free fails where a file of that name is there already. Devices and pipes are
// written to, not replaced.
func free(path string) error {
	if path == "" || path == "-" {
		return nil
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err == nil && info.IsDir():
		return eval.Invalid(fmt.Errorf("%s is a folder", path), "name a file in it")
	case err == nil && isStream(info):
		return nil
	}
	return eval.Invalid(fmt.Errorf("%s is there already", path), "name another file, or overwrite with --force")
}

func isStream(info fs.FileInfo) bool {
	return info.Mode()&(fs.ModeDevice|fs.ModeCharDevice|fs.ModeNamedPipe|fs.ModeSocket) != 0
}

// toOutput runs write with standard output, or with a new file that appears
// under its name only when it is whole.
func toOutput(app *cli.App, path string, write func(w io.Writer, tty bool) error) error {
	if path == "" || path == "-" {
		b := bufio.NewWriter(app.Out)
		if err := write(b, app.OutTTY); err != nil {
			return err
		}
		return b.Flush()
	}
	if err := writeFile(path, func(w io.Writer) error { return write(w, false) }); err != nil {
		return eval.WithHint(eval.KindOperational, fmt.Errorf("write %s: %w", path, err), "name a file in a folder that you may write")
	}
	return nil
}

// writeFile writes a file beside its place and moves it there when it is whole.
// A symbolic link is replaced, not followed.
func writeFile(path string, write func(io.Writer) error) error {
	if info, err := os.Stat(path); err == nil && isStream(info) {
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return bare(err)
		}
		return errors.Join(buffered(f, write), f.Close())
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".infer-*")
	if err != nil {
		return bare(err)
	}
	err = errors.Join(buffered(f, write), f.Chmod(0o644), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(bare(err), os.Remove(f.Name()))
	}
	return nil
}

func buffered(f *os.File, write func(io.Writer) error) error {
	b := bufio.NewWriter(f)
	return errors.Join(write(b), b.Flush())
}

// bare drops the path from an error of the file system: a temporary file's name
// tells nobody anything.
func bare(err error) error {
	var pe *fs.PathError
	var le *os.LinkError
	switch {
	case errors.As(err, &pe):
		return pe.Err
	case errors.As(err, &le):
		return le.Err
	}
	return err
}
