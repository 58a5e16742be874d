// Package cli is what every command shares: the streams and whether they are
// terminals, the clock, the environment, exit codes and the printing of errors.
//
// Only NewApp touches the process; everything else works on values, so that a
// command can be run in a test with buffers.
package cli

import (
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/term"
)

// App is the surroundings of one invocation.
type App struct {
	In       io.Reader
	Out, Err io.Writer
	InTTY    bool
	OutTTY   bool
	ErrTTY   bool
	Env      func(string) string
	Now      func() time.Time
	Dir      string // working directory
	Version  string

	ColorFlag string // --color: auto, always or never
	JSON      bool   // the command's output is JSON, so errors are too
	Quiet     bool
	LogTo     LogOptions

	log   *slog.Logger
	width func() int
}

// NewApp describes the process that runs.
func NewApp(version string) (*App, error) {
	dir, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	tty := func(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }
	return &App{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr,
		InTTY: tty(os.Stdin), OutTTY: tty(os.Stdout), ErrTTY: tty(os.Stderr),
		Env: os.Getenv, Now: time.Now, Dir: dir, Version: version, ColorFlag: "auto",
		width: func() int {
			for _, f := range []*os.File{os.Stdout, os.Stderr} {
				if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
					return w
				}
			}
			return 0
		},
	}, nil
}

// Width returns how many columns output may use: the terminal's, or COLUMNS, or
// 0 for no limit.
func (a *App) Width() int {
	if n, err := strconv.Atoi(a.Env("COLUMNS")); err == nil && n > 0 {
		return n
	}
	if a.width == nil || !a.OutTTY {
		return 0
	}
	return a.width()
}

// Color reports whether a stream (a terminal or not) is written in colour:
// --color, then NO_COLOR, then CLICOLOR_FORCE or FORCE_COLOR, then TERM=dumb and
// CLICOLOR=0, then whether it is a terminal.
func (a *App) Color(tty bool) bool {
	switch a.ColorFlag {
	case "always":
		return true
	case "never":
		return false
	}
	if a.Env("NO_COLOR") != "" || a.Env("INFER_NO_COLOR") != "" {
		return false
	}
	if on(a.Env("CLICOLOR_FORCE")) || on(a.Env("FORCE_COLOR")) {
		return true
	}
	if a.Env("TERM") == "dumb" || a.Env("CLICOLOR") == "0" {
		return false
	}
	return tty
}

func on(v string) bool { return v != "" && v != "0" && !strings.EqualFold(v, "false") }
