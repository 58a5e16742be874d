package route

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"infer/eval"
)

var envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// Limits of what a route may ask for.
const (
	maxName    = 500              // bytes of a name
	maxRetries = 10               // of one model
	maxWait    = 24 * 3600 * 1000 // milliseconds
)

// invalid is an error about a place in the table.
func invalid(hint, format string, args ...any) error {
	return eval.Invalid(fmt.Errorf(format, args...), hint)
}

// Validate checks everything that can be checked without a gateway. Errors are
// eval.KindInvalid with a hint.
func (r *Routes) Validate() error {
	if r.Schema != Schema {
		return invalid("write schema: "+Schema, "not a routing table: schema is %q", eval.Untrusted(r.Schema).Line(60))
	}
	if len(r.Routes) == 0 {
		return invalid("more tasks settle a decision: `infer recommend` says how many", "the table has no route")
	}
	if err := r.Evidence.validate(); err != nil {
		return err
	}
	names := make(map[string]bool)
	for i := range r.Models {
		m := &r.Models[i]
		if err := m.validate(); err != nil {
			return err
		}
		if names[m.Name] {
			return invalid("give each model a name of its own", "two models are called %q", eval.Untrusted(m.Name).Line(60))
		}
		names[m.Name] = true
	}
	types := make(map[string]bool)
	for i := range r.Routes {
		x := &r.Routes[i]
		if err := x.validate(r); err != nil {
			return fmt.Errorf("task type %s: %w", eval.Untrusted(x.TaskType).Line(60), err)
		}
		if types[x.TaskType] {
			return invalid("keep one of them", "two routes for task type %q", eval.Untrusted(x.TaskType).Line(60))
		}
		types[x.TaskType] = true
	}
	return nil
}

func (e *Evidence) validate() error {
	for _, d := range []struct{ what, v string }{{"expires", e.Expires}, {"prices_as_of", e.PricesAsOf}} {
		if _, err := time.Parse(time.DateOnly, d.v); d.v != "" && err != nil {
			return invalid("write it like 2027-01-31", "evidence: %s %q is not a date", d.what, eval.Untrusted(d.v).Line(40))
		}
	}
	if _, err := hex.DecodeString(e.DatasetDigest); err != nil {
		return invalid("copy it from `infer runs show`", "evidence: dataset_digest is not hexadecimal")
	}
	return nil
}

// checkText refuses a name that some target could not hold.
func checkText(what, s string, must bool) error {
	switch {
	case s == "" && must:
		return invalid("give it one", "%s is missing", what)
	case len(s) > maxName:
		return invalid("shorten it", "%s is longer than %d bytes", what, maxName)
	case !utf8.ValidString(s) || strings.ContainsRune(s, 0):
		return invalid("use UTF-8 text without NUL", "%s %s is not text", what, eval.Untrusted(s).Line(60))
	}
	return nil
}

func (m *Model) validate() error {
	for _, t := range []struct {
		what, v string
		must    bool
	}{{"a model's name", m.Name, true}, {"model string", m.Model, true}, {"provider", m.Provider, false}} {
		if err := checkText(t.what, t.v, t.must); err != nil {
			return err
		}
	}
	name := eval.Untrusted(m.Name).Line(60)
	if !slices.Contains(APIs(), m.API) {
		return invalid("it may be "+strings.Join(APIs(), ", "), "model %s: unknown api %q", name, eval.Untrusted(m.API).Line(40))
	}
	if m.KeyEnv != "" && !envName.MatchString(m.KeyEnv) {
		return invalid("name an environment variable; a key itself does not belong here", "model %s: key_env is not the name of a variable", name)
	}
	if m.Endpoint != "" && m.Endpoint != "responses" {
		return invalid("it may be responses, or left out", "model %s: unknown endpoint %q", name, eval.Untrusted(m.Endpoint).Line(40))
	}
	if m.BaseURL == "" {
		return nil
	}
	u, err := url.Parse(m.BaseURL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.Fragment != "" || u.RawQuery != "" {
		return invalid("write it like https://api.example.com/v1, without a password or a query", "model %s: base_url is not a plain http or https URL", name)
	}
	return nil
}

func (x *Route) validate(r *Routes) error {
	if err := checkText("task_type", x.TaskType, true); err != nil {
		return err
	}
	for _, list := range []struct {
		what    string
		classes []eval.Class
	}{{"on", x.On}, {"retry.on", x.Retry.On}} {
		for _, c := range list.classes {
			if _, ok := ruleOf(c); !ok {
				return invalid("the classes are "+classNames(Triggers())+"; a backup for any other would hide a mistake or get round a refusal",
					"%s: class %q is not handed over", list.what, eval.Untrusted(string(c)).Line(40))
			}
		}
	}
	if err := x.validateModels(r); err != nil {
		return err
	}
	return x.validateNumbers()
}

func (x *Route) validateModels(r *Routes) error {
	for _, m := range []struct {
		key, name string
		must      bool
	}{{"default", x.Default, true}, {"backup", x.Backup, false}, {"confirm_backup", x.ConfirmBackup, false}, {"context_backup", x.ContextBackup, false}} {
		if m.name == "" && m.must {
			return invalid("name one of the models", "%s is missing", m.key)
		}
		if m.name != "" && r.model(m.name) == nil {
			return invalid("add it under models", "%s: no model is called %q", m.key, eval.Untrusted(m.name).Line(60))
		}
		if m.key != "default" && m.name != "" && m.name == x.Default {
			return invalid("name another model", "%s is the default itself", m.key)
		}
	}
	switch {
	case x.Confirm && x.Backup != "":
		return invalid("name it as confirm_backup: no gateway asks a person first", "a task type that needs confirmation has a backup")
	case !x.Confirm && x.ConfirmBackup != "":
		return invalid("set confirm: true, or name it as backup", "confirm_backup without confirm")
	case x.Backup != "" && len(ordered(x.On)) == 0:
		return invalid("list the classes that hand over with on: "+classNames(Triggers()), "the backup has no trigger")
	case !x.StopAfterBackup:
		return invalid("set stop_after_backup: true: a chain of backups was not measured", "stop_after_backup is not true")
	}
	return nil
}

func (x *Route) validateNumbers() error {
	for _, n := range []struct {
		what   string
		v, max int64
	}{{"retry.max", int64(x.Retry.Max), maxRetries}, {"retry.backup_max", int64(x.Retry.BackupMax), maxRetries}, {"retry.base_delay_ms", x.Retry.BaseDelayMS, maxWait},
		{"retry.max_delay_ms", x.Retry.MaxDelayMS, maxWait}, {"timeout_ms", x.TimeoutMS, maxWait}, {"first_token_ms", x.FirstTokenMS, maxWait}} {
		if n.v < 0 || n.v > n.max {
			return invalid(fmt.Sprintf("give a number from 0 to %d", n.max), "%s is %d", n.what, n.v)
		}
	}
	switch {
	case x.Retry.MaxDelayMS > 0 && x.Retry.BaseDelayMS > x.Retry.MaxDelayMS:
		return invalid("make base_delay_ms the smaller one", "retry: the first wait is longer than the longest")
	case x.TimeoutMS > 0 && x.FirstTokenMS > x.TimeoutMS:
		return invalid("make first_token_ms the smaller one", "the first token may take longer than the whole attempt")
	case (x.Retry.Max > 0 || x.Retry.BackupMax > 0) && len(ordered(x.Retry.On)) == 0:
		return invalid("list the classes with retry.on, or set max and backup_max to 0", "retries without a class to retry")
	}
	for name, raw := range x.Params {
		if err := checkText("a parameter's name", name, true); err != nil {
			return err
		}
		if !json.Valid(raw) {
			return invalid("give it a JSON value", "parameter %q has no value", eval.Untrusted(name).Line(60))
		}
	}
	return nil
}

func classNames(classes []eval.Class) string {
	names := make([]string, len(classes))
	for i, c := range classes {
		names[i] = string(c)
	}
	return strings.Join(names, ", ")
}

// ErrFormat is wrapped by every error about a file that is not of the format that
// it is read as.
var ErrFormat = errors.New("not a file of this format")
