package eval

import "errors"

// Kind says what an error means to whoever started the program. The command
// line turns it into an exit code.
type Kind int

// The kinds of errors.
const (
	KindOperational Kind = iota // a file, the network or the store failed
	KindInvalid                 // usage, configuration or dataset invalid; nothing was sent
	KindIncomplete              // the run stopped early, or the evidence does not suffice
	KindCredentials             // a key is missing, refused or out of credit
	KindStore                   // the store is locked or newer than this program
	KindGate                    // a gate failed
	KindInterrupted             // the user stopped it
)

// Error is an error with a kind and, where the user can do something about it,
// a hint in the imperative.
type Error struct {
	Kind Kind
	Err  error
	Hint string
}

// Error returns the message of the wrapped error.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the wrapped error.
func (e *Error) Unwrap() error { return e.Err }

// WithHint wraps err with a kind and a hint. It returns nil for nil.
func WithHint(kind Kind, err error, hint string) error {
	if err == nil {
		return nil
	}
	return &Error{Kind: kind, Err: err, Hint: hint}
}

// Invalid is WithHint for KindInvalid.
func Invalid(err error, hint string) error { return WithHint(KindInvalid, err, hint) }

// KindOf returns the kind of the outermost *Error in err's chain, and
// KindOperational when there is none.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return KindOperational
}

// Hint returns the hint of the outermost *Error that has one, or "".
func Hint(err error) string {
	for err != nil {
		var e *Error
		if !errors.As(err, &e) {
			return ""
		}
		if e.Hint != "" {
			return e.Hint
		}
		err = e.Err
	}
	return ""
}
