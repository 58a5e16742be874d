// Package cmd is the command line of infer: one file a command, each of which
// reads flags, calls the packages that do the work and prints what they return.
// Nobody imports it but main.
package cmd

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"infer/cmd/internal/cli"
)

// version is set by the release build with -ldflags -X.
var version = ""

// Main runs the program on the process's own arguments and streams and returns
// its exit code.
func Main() int {
	app, err := cli.NewApp(buildVersion())
	if err != nil {
		cli.PrintError(os.Stderr, err, false)
		return cli.ExitFailure
	}
	signal.Ignore(syscall.SIGPIPE)
	return Run(context.Background(), app, os.Args[1:])
}

// Run runs one command line and returns its exit code. Errors are printed to
// app.Err.
func Run(ctx context.Context, app *cli.App, args []string) int {
	root := newRoot(app)
	root.SetArgs(args)
	root.SetIn(app.In)
	root.SetOut(app.Out)
	root.SetErr(app.Err)
	c, err := root.ExecuteContextC(ctx)
	if errors.Is(err, syscall.EPIPE) {
		return cli.ExitOK // the reader of a pipe left: `infer report | head -1`
	}
	err = usageError(c, err)
	cli.PrintError(app.Err, err, app.JSON)
	return cli.Code(err)
}

func buildVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		if v := info.Main.Version; v != "" && v != "(devel)" {
			return v
		}
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && len(s.Value) >= 12 {
				return "devel-" + s.Value[:12]
			}
		}
	}
	return "devel"
}
