package cli

import (
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"

	"infer/eval"
)

// LogOptions are the flags of the log.
type LogOptions struct {
	Level  string // debug, info, warn, error; "" = no log
	Format string // text or json
	Debug  bool   // level debug, with the bodies of requests and answers
}

// logLevels are the levels by name, the least first.
var logLevels = map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}

// LogLevels and LogFormats list what the flags may be.
func LogLevels() []string { return []string{"debug", "info", "warn", "error"} }

// LogFormats lists the forms of a log.
func LogFormats() []string { return []string{"text", "json"} }

// OpenLog makes the log that the flags ask for. Every text in it is sanitised: what
// providers and datasets say reaches a terminal or a CI log as words alone.
func (a *App) OpenLog() error {
	o := a.LogTo
	if o.Debug {
		o.Level = "debug"
	}
	if o.Level == "" {
		return nil
	}
	level, ok := logLevels[o.Level]
	switch {
	case !ok:
		return eval.Invalid(fmt.Errorf("--log-level %s is no level", eval.Untrusted(o.Level).Line(40)), "it may be "+strings.Join(LogLevels(), ", "))
	case !slices.Contains(LogFormats(), o.Format):
		return eval.Invalid(fmt.Errorf("--log-format %s is no form", eval.Untrusted(o.Format).Line(40)), "it may be "+strings.Join(LogFormats(), ", "))
	}
	a.log = slog.New(handler(a.Err, level, o.Format))
	return nil
}

func handler(w io.Writer, level slog.Level, format string) slog.Handler {
	o := &slog.HandlerOptions{Level: level, ReplaceAttr: func(_ []string, at slog.Attr) slog.Attr {
		if at.Value.Kind() == slog.KindString {
			at.Value = slog.StringValue(eval.Untrusted(at.Value.String()).Line(0))
		}
		return at
	}}
	if format == "json" {
		return slog.NewJSONHandler(w, o)
	}
	return slog.NewTextHandler(w, o)
}

// Log is the log of this invocation; nil where nobody asked for one.
func (a *App) Log() *slog.Logger { return a.log }
