package route

import (
	"fmt"
	"slices"
	"strings"

	"infer/eval"
)

// Code names a kind of loss. Codes are part of the JSON form: they are added to
// and never renamed.
type Code string

// The codes.
const (
	FallbackOnAnyError  Code = "fallback_on_any_error"
	RetryOnAnyError     Code = "retry_on_any_error"
	FixedTriggers       Code = "fixed_triggers"
	StatusesOnly        Code = "status_codes_only"
	ClassNotExpressible Code = "class_not_expressible"
	ConditionsShared    Code = "conditions_shared"
	NoConfirmationGate  Code = "no_confirmation_gate"
	NoRetries           Code = "no_retries"
	RetryPerProvider    Code = "retry_is_per_provider"
	RetryCountShared    Code = "retry_count_shared"
	RetryCapped         Code = "retry_capped"
	BackoffNotCarried   Code = "backoff_not_carried"
	NoAttemptTimeout    Code = "no_per_attempt_timeout"
	NoFirstTokenTimeout Code = "no_first_token_timeout"
	NoStreamFallback    Code = "no_stream_fallback"
	NoContextBackup     Code = "no_context_backup"
	NoTaskCarrier       Code = "no_task_carrier"
	ReasonNotLogged     Code = "reason_not_logged"
	PromptNotCarried    Code = "prompt_not_carried"
	ParamsNotCarried    Code = "params_not_carried"
	HeadersNotCarried   Code = "headers_not_carried"
	WireDiffers         Code = "wire_differs"
	KeyByCaller         Code = "key_by_caller"
	HeaderLimit         Code = "header_limit"
	EvidenceNotCarried  Code = "evidence_not_carried"
)

// codeWords is what each code means, in a sentence.
var codeWords = map[Code]string{
	FallbackOnAnyError:  "the backup is called on every error, a wrong parameter, a refused key and an overlong input included",
	RetryOnAnyError:     "every error is retried, whatever its class",
	FixedTriggers:       "the gateway has a fixed list of errors that hand over: server errors, network, 429, 401, 402, 403",
	StatusesOnly:        "the gateway sees statuses only: an exhausted balance that is reported as 429 is treated as a rate limit",
	ClassNotExpressible: "no status stands for the class, so the gateway cannot act on it",
	ConditionsShared:    "the gateway does not tell some failures apart",
	NoConfirmationGate:  "no gateway asks a person first: the task type is exported without a backup",
	NoRetries:           "the gateway does not retry the same model",
	RetryPerProvider:    "retries and timeouts are set for a provider, not for a task type",
	RetryCountShared:    "a timeout is retried as often as any other failure, not once",
	RetryCapped:         "the gateway retries five times at most",
	BackoffNotCarried:   "the waits between retries are the gateway's own",
	NoAttemptTimeout:    "an attempt has no time limit of its own",
	NoFirstTokenTimeout: "the first token has no time limit of its own",
	NoStreamFallback:    "a stream that has begun is not tried again, and may not be handed over",
	NoContextBackup:     "an overflowing context window cannot go to a model of its own",
	NoTaskCarrier:       "the gateway has no place for a task type: the caller picks the entry",
	ReasonNotLogged:     "an answer of the backup does not say why the default was left",
	PromptNotCarried:    "what was put around the task (system prompt, template, examples) must be sent by the caller",
	ParamsNotCarried:    "the parameters must be sent by the caller",
	HeadersNotCarried:   "headers that the provider was called with must be set in the gateway by hand",
	WireDiffers:         "the model was measured over OpenAI's Responses wire, the gateway calls chat completions",
	KeyByCaller:         "the gateway has no notation for the environment: the caller fills the key in",
	HeaderLimit:         "the file goes with every request as a header, and is larger than Node's server takes by default (16 KiB): raise --max-http-header-size, or send each task type its own part",
	EvidenceNotCarried:  "the file has no room for evidence, expiry and review rule: keep the infer file beside it",
}

// Codes lists every loss code with its meaning, in the order of the constants.
func Codes() []Loss {
	list := []Code{FallbackOnAnyError, RetryOnAnyError, FixedTriggers, StatusesOnly, ClassNotExpressible, ConditionsShared, NoConfirmationGate,
		NoRetries, RetryPerProvider, RetryCountShared, RetryCapped, BackoffNotCarried, NoAttemptTimeout, NoFirstTokenTimeout, NoStreamFallback,
		NoContextBackup, NoTaskCarrier, ReasonNotLogged, PromptNotCarried, ParamsNotCarried, HeadersNotCarried, WireDiffers, KeyByCaller, HeaderLimit, EvidenceNotCarried}
	out := make([]Loss, len(list))
	for i, c := range list {
		out[i] = Loss{Code: c, Words: codeWords[c]}
	}
	return out
}

// Loss is one part of a rule that a target cannot carry out.
type Loss struct {
	Code     Code   `json:"code"`
	TaskType string `json:"task_type,omitempty"` // "" = every task type
	// Field is what of the route is not in the file, by its JSON name; "" = all of it
	// is in the file, but the gateway acts otherwise.
	Field   string       `json:"field,omitempty"`
	Classes []eval.Class `json:"classes,omitempty"` // the classes that are lost of a list; nil = the whole list
	Words   string       `json:"words"`
}

// String writes the loss on one line.
func (l Loss) String() string {
	where := "every task type"
	if l.TaskType != "" {
		where = eval.Untrusted(l.TaskType).Line(60)
	}
	return fmt.Sprintf("%s (%s): %s", l.Code, where, l.Words)
}

// Summary writes the losses one line a code, each with those of all task types
// that it concerns.
func Summary(list []Loss, all int) []string {
	types := make(map[Code][]string)
	for _, l := range list {
		name := eval.Untrusted(l.TaskType).Line(60)
		if l.TaskType != "" && !slices.Contains(types[l.Code], name) {
			types[l.Code] = append(types[l.Code], name)
		}
	}
	var out []string
	seen := make(map[Code]bool)
	for _, l := range list {
		if seen[l.Code] {
			continue
		}
		seen[l.Code] = true
		line := string(l.Code) + ": " + codeWords[l.Code]
		switch t := types[l.Code]; {
		case len(t) == all && all > 1:
			line += " (every task type)"
		case len(t) > 0:
			line += " (" + strings.Join(t, ", ") + ")"
		}
		out = append(out, line)
	}
	return out
}

// losses collects the losses of one export.
type losses struct{ list []Loss }

// all notes a loss that concerns every task type.
func (l *losses) all(c Code, field string) {
	l.list = append(l.list, Loss{Code: c, Field: field, Words: codeWords[c]})
}

// of notes a loss of one task type; more is added to its words.
func (l *losses) of(r *Route, c Code, field, more string) {
	w := codeWords[c]
	if more != "" {
		w += ": " + more
	}
	l.list = append(l.list, Loss{Code: c, TaskType: r.TaskType, Field: field, Words: w})
}

// classes notes that some classes of a list are lost.
func (l *losses) classes(r *Route, field string, lost []eval.Class) {
	if len(lost) == 0 {
		return
	}
	names := make([]string, len(lost))
	for i, c := range lost {
		names[i] = string(c)
	}
	l.list = append(l.list, Loss{Code: ClassNotExpressible, TaskType: r.TaskType, Field: field, Classes: lost,
		Words: codeWords[ClassNotExpressible] + ": " + strings.Join(names, ", ")})
}

// share notes that a list of classes became another one because the gateway cannot
// tell some of them apart.
func (l *losses) share(r *Route, field string, was, is []eval.Class) {
	if slices.Equal(was, is) {
		return
	}
	l.list = append(l.list, Loss{Code: ConditionsShared, TaskType: r.TaskType, Field: field, Classes: is,
		Words: codeWords[ConditionsShared] + ": " + field + " becomes " + classNames(is)})
}

// expressible is the route without the class that no status stands for. Without
// it there may be nothing left that hands over, or that is retried.
func (l *losses) expressible(x *Route) *Route {
	c := *x
	if lost := keepOnly(x.On, eval.ClassInvalidOutput); lost != nil && x.Backup != "" {
		c.On = without(x.On, lost)
		field := "on"
		if len(c.On) == 0 {
			field, c.Backup, c.Retry.BackupMax = "backup", "", 0
		}
		l.classes(x, field, lost)
	}
	return l.retriable(x, &c)
}

// retriable is the same for retries alone.
func (l *losses) retriable(x, c *Route) *Route {
	if lost := keepOnly(x.Retry.On, eval.ClassInvalidOutput); lost != nil && retried(x) {
		c.Retry.On = without(x.Retry.On, lost)
		if len(c.Retry.On) == 0 {
			c.Retry = Retry{}
		}
		l.classes(x, "retry.on", lost)
	}
	c.Retry.settle(c.Backup != "")
	return c
}

// retried reports whether anything is retried under the rule.
func retried(x *Route) bool { return x.Retry.Max > 0 || x.Backup != "" && x.Retry.BackupMax > 0 }

func keepOnly(list []eval.Class, c eval.Class) []eval.Class {
	if slices.Contains(list, c) {
		return []eval.Class{c}
	}
	return nil
}

// common notes what no gateway but infer's own file carries.
func (l *losses) common(r *Routes) {
	for i := range r.Routes {
		x := &r.Routes[i]
		if x.Confirm {
			more := ""
			if x.ConfirmBackup != "" {
				more = "ask a person before " + eval.Untrusted(x.ConfirmBackup).Line(60) + " is used"
			}
			l.of(x, NoConfirmationGate, "confirm", more)
		}
		if x.PromptDigest != "" {
			l.of(x, PromptNotCarried, "prompt_digest", "")
		}
		for _, name := range []string{x.Default, x.Backup, x.ContextBackup} {
			m := r.model(name)
			if name == "" || m == nil {
				continue
			}
			if len(m.Headers) > 0 {
				l.of(x, HeadersNotCarried, "", eval.Untrusted(m.Name+": "+strings.Join(m.Headers, ", ")).Line(200))
			}
			if m.Endpoint != "" {
				l.of(x, WireDiffers, "", eval.Untrusted(m.Name).Line(60))
			}
		}
	}
}
