package providers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"infer/eval"
)

// Key is a provider's secret. It does not print, format or marshal; Reveal is
// for the one place that puts it into a request.
type Key struct{ value string }

// NewKey wraps a secret.
func NewKey(value string) Key { return Key{value} }

// Reveal returns the secret.
func (k Key) Reveal() string { return k.value }

// Empty reports whether there is no secret.
func (k Key) Empty() bool { return k.value == "" }

// String hides the secret.
func (k Key) String() string { return redacted }

// GoString hides the secret from %#v.
func (k Key) GoString() string { return redacted }

// Format hides the secret from every verb, also where a Key is a field of what
// is printed.
func (k Key) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// MarshalJSON hides the secret.
func (k Key) MarshalJSON() ([]byte, error) { return json.Marshal(redacted) }

// MarshalText hides the secret from encoders of text, YAML and flags.
func (k Key) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// KeySource says where a key is kept. The first field that is set is used; none
// means that the provider needs no key.
type KeySource struct {
	Env     string   // name of an environment variable
	File    string   // path of a file that holds the key alone
	Command []string // program and arguments that print the key
}

// KeyReaders are how a key source is read: the process's environment, files and
// programs belong to the command line. A nil reader refuses its kind of source.
type KeyReaders struct {
	Env  func(name string) string
	File func(path string) ([]byte, error)
	Run  func(ctx context.Context, command []string) ([]byte, error)
}

// ResolveKey reads a key, without the white space around it. Errors are
// eval.KindCredentials and never hold what was read.
func ResolveKey(ctx context.Context, src KeySource, read KeyReaders) (Key, error) {
	var raw []byte
	var err error
	var from string
	switch {
	case src.Env != "" && read.Env != nil:
		raw, from = []byte(read.Env(src.Env)), "environment variable "+src.Env
	case src.File != "" && read.File != nil:
		from = "api_key_file"
		raw, err = read.File(src.File)
	case len(src.Command) > 0 && read.Run != nil:
		from = "api_key_command"
		raw, err = read.Run(ctx, src.Command)
	case src.Env == "" && src.File == "" && len(src.Command) == 0:
		return Key{}, nil
	default:
		err, from = errors.New("not allowed here"), "key source"
	}
	if err != nil {
		return Key{}, eval.WithHint(eval.KindCredentials, fmt.Errorf("read %s: %w", from, err), "name a source that you may read")
	}
	value := strings.TrimSpace(string(raw))
	if value == "" {
		return Key{}, eval.WithHint(eval.KindCredentials, fmt.Errorf("the key is missing: %s is empty", from), "set it, or name another source")
	}
	if strings.ContainsAny(value, "\r\n\x00") {
		return Key{}, eval.WithHint(eval.KindCredentials, fmt.Errorf("%s holds more than one line", from), "keep the key alone in it")
	}
	return Key{value}, nil
}
