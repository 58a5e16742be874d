package eval

import "time"

// Class is the normalised class of a failed attempt. It decides whether the
// attempt is retried, whether a policy may fall back, and who is to blame.
type Class string

// The failure classes.
const (
	ClassUserInput     Class = "user_input"
	ClassParameter     Class = "parameter"
	ClassAuthBilling   Class = "auth_billing"
	ClassRateLimit     Class = "rate_limit"
	ClassTimeout       Class = "timeout"
	ClassUnavailable   Class = "provider_unavailable"
	ClassNetwork       Class = "network"
	ClassRefusal       Class = "model_refusal"
	ClassTruncated     Class = "model_output_truncated"
	ClassInvalidOutput Class = "model_output_invalid"
	ClassCancelled     Class = "caller_cancelled"
	ClassUnknown       Class = "unknown"
)

// Classes lists every class in the order in which tables show them.
func Classes() []Class {
	return []Class{ClassUserInput, ClassParameter, ClassAuthBilling, ClassRateLimit, ClassTimeout,
		ClassUnavailable, ClassNetwork, ClassRefusal, ClassTruncated, ClassInvalidOutput, ClassCancelled, ClassUnknown}
}

// Valid reports whether c is one of Classes.
func (c Class) Valid() bool {
	for _, k := range Classes() {
		if c == k {
			return true
		}
	}
	return false
}

// Fault rolls a class up into the question that a team asks: was it the model,
// a parameter, the provider, the user's input, the credentials or the caller?
func (c Class) Fault() string {
	switch c {
	case ClassUserInput:
		return "user_input"
	case ClassParameter:
		return "parameter"
	case ClassAuthBilling:
		return "credentials"
	case ClassRateLimit, ClassTimeout, ClassUnavailable, ClassNetwork:
		return "provider"
	case ClassRefusal, ClassTruncated, ClassInvalidOutput:
		return "model"
	case ClassCancelled:
		return "caller"
	}
	return "unknown"
}

// Phase is how far a call had come when it failed.
type Phase string

// The phases.
const (
	PhaseConnect    Phase = "connect"     // nothing was sent
	PhaseFirstByte  Phase = "first_byte"  // sent, no response yet
	PhaseFirstToken Phase = "first_token" // response begun, no output yet
	PhaseMidStream  Phase = "mid_stream"  // some output had arrived
	PhaseResponse   Phase = "response"    // a whole response arrived and is a failure
)

// Failure is why one attempt has no usable answer. Classification looks at
// status, type, code and phase together, never at the status alone.
type Failure struct {
	Class      Class          `json:"class"`
	Sub        string         `json:"sub,omitempty"` // finer name inside the class, e.g. "context_window", "daily", "ttft"
	Phase      Phase          `json:"phase,omitempty"`
	Status     int            `json:"status,omitempty"` // HTTP status, 0 if there was none
	Type       string         `json:"type,omitempty"`   // the provider's error type
	Code       string         `json:"code,omitempty"`   // the provider's error code
	Message    Untrusted      `json:"message,omitempty"`
	RetryAfter *time.Duration `json:"retry_after,omitempty"` // the wait that the server asked for, already clamped
	Retry      bool           `json:"retry"`                 // the class table allows the same model again
	RetryOnce  bool           `json:"retry_once,omitempty"`  // …but once at most
	Fallback   bool           `json:"fallback"`              // the class table allows a backup
	Stop       bool           `json:"stop,omitempty"`        // this provider is of no more use in this run
	Billing    Billing        `json:"billing"`               // what the provider's rule says of a call that failed so
}

// Error makes a Failure usable as an error; the message is sanitised.
func (f *Failure) Error() string {
	s := string(f.Class)
	if f.Sub != "" {
		s += " (" + f.Sub + ")"
	}
	if f.Message != "" {
		s += ": " + f.Message.Line(300)
	}
	return s
}
