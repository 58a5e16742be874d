package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"infer/eval"
)

// The exit codes. Scripts depend on them: they change only with a major
// version.
const (
	ExitOK          = 0   // all is well
	ExitFailure     = 1   // a file, the network or the store failed
	ExitInvalid     = 2   // usage, configuration or dataset invalid; nothing was sent
	ExitIncomplete  = 3   // the run stopped early, or the evidence does not suffice
	ExitCredentials = 4   // a key is missing, refused or out of credit
	ExitStore       = 5   // the store is locked, or newer than this program
	ExitGate        = 100 // a gate failed; --fail-exit-code sets another number
	ExitInterrupted = 130 // stopped by Ctrl-C
)

// ErrSilent ends a command with its exit code after it has printed everything
// itself.
var ErrSilent = errors.New("already reported")

// Code returns the exit code for an error.
func Code(err error) int {
	if err == nil {
		return ExitOK
	}
	var coded *CodedError
	if errors.As(err, &coded) {
		return coded.Code
	}
	switch eval.KindOf(err) {
	case eval.KindInvalid:
		return ExitInvalid
	case eval.KindIncomplete:
		return ExitIncomplete
	case eval.KindCredentials:
		return ExitCredentials
	case eval.KindStore:
		return ExitStore
	case eval.KindGate:
		return ExitGate
	case eval.KindInterrupted:
		return ExitInterrupted
	}
	return ExitFailure
}

// CodedError is an error with an exit code of its own, for --fail-exit-code.
type CodedError struct {
	Code int
	Err  error
}

// Error returns the wrapped error's message.
func (e *CodedError) Error() string { return e.Err.Error() }

// Unwrap returns the wrapped error.
func (e *CodedError) Unwrap() error { return e.Err }

// PrintError writes err for a person ("Error: …", "Try: …"), or as one line of
// JSON where the command's own output is JSON. What an error says may come from
// outside, so it is sanitised.
func PrintError(w io.Writer, err error, asJSON bool) {
	if err == nil || errors.Is(err, ErrSilent) {
		return
	}
	hint := eval.Hint(err)
	if asJSON {
		b, mErr := json.Marshal(map[string]any{"error": map[string]any{
			"message": eval.Untrusted(err.Error()), "hint": hint, "exit_code": Code(err)}})
		if mErr == nil {
			_, _ = fmt.Fprintf(w, "%s\n", b)
			return
		}
	}
	_, _ = fmt.Fprintf(w, "Error: %s\n", eval.Untrusted(err.Error()).Line(2000))
	if hint != "" {
		_, _ = fmt.Fprintf(w, "Try: %s\n", hint)
	}
}
