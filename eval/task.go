package eval

import (
	"encoding/json"
	"time"
)

// Task is one recorded real unit of work: one dataset line.
type Task struct {
	Seq    int    // position among the dataset's tasks, from 0
	File   string // as the user named it
	Line   int    // from 1
	Digest Digest // of the line's bytes without the line end
	Raw    []byte // the line itself

	ID             string
	Type           string // task type, "default" when the line has none
	Group          string // what was sampled independently (conversation, customer); "" means the task itself
	Messages       []Message
	System         string
	Tools          json.RawMessage // as the dataset has them; nil if none
	Params         Params
	ResponseFormat json.RawMessage
	Expected       json.RawMessage   // any JSON; nil if the line has none
	Graders        []json.RawMessage // grader specifications of this line; they replace the type's
	Tags           []string
	Recorded       *Recorded
	Extra          map[string]json.RawMessage // fields that infer does not know, kept
}

// DefaultTaskType is the task type of a line that names none.
const DefaultTaskType = "default"

// InputType is the kind of input of a task: one of the ten record fields.
type InputType string

// The input types.
const (
	InputText       InputType = "text"
	InputImage      InputType = "image"
	InputFile       InputType = "file"
	InputVideoFrame InputType = "video_frame"
	InputToolOutput InputType = "tool_output"
	InputMixed      InputType = "mixed"
)

// InputType derives the task's input type from its messages: the one kind that
// is not text, "mixed" for several, "tool_output" when a tool result is there.
func (t *Task) InputType() InputType {
	kind := InputText
	see := func(k InputType) {
		switch kind {
		case InputText, k:
			kind = k
		default:
			kind = InputMixed
		}
	}
	for i := range t.Messages {
		if t.Messages[i].Role == "tool" {
			see(InputToolOutput)
		}
		for _, p := range t.Messages[i].Parts {
			switch p.Type {
			case PartImage:
				see(InputImage)
			case PartFile:
				see(InputFile)
			case PartVideoFrame:
				see(InputVideoFrame)
			}
		}
	}
	return kind
}

// Cluster is the name of the unit that was sampled independently.
func (t *Task) Cluster() string {
	if t.Group != "" {
		return t.Group
	}
	return t.ID
}

// Params are model parameters by their OpenAI names (temperature, max_tokens,
// stop, seed, …). An adapter translates those it knows for its own wire and
// passes the others on.
type Params map[string]json.RawMessage

// Merge returns p with the entries of over laid on top; neither is changed.
func (p Params) Merge(over Params) Params {
	if len(over) == 0 {
		return p
	}
	m := make(Params, len(p)+len(over))
	for k, v := range p {
		m[k] = v
	}
	for k, v := range over {
		m[k] = v
	}
	return m
}

// Int returns the integer parameter of that name, and whether it is there.
func (p Params) Int(name string) (int64, bool) {
	var n int64
	v, ok := p[name]
	if !ok || json.Unmarshal(v, &n) != nil {
		return 0, false
	}
	return n, true
}

// MaxTokens returns the cap on output tokens under either of its names.
func (p Params) MaxTokens() (int64, bool) {
	for _, name := range []string{"max_tokens", "max_completion_tokens", "max_output_tokens"} {
		if n, ok := p.Int(name); ok {
			return n, true
		}
	}
	return 0, false
}

// Recorded is what happened in production with the incumbent, carried on the
// dataset line. Every field that the line leaves out is unknown.
type Recorded struct {
	Model           string          `json:"model,omitempty"`
	Output          *Untrusted      `json:"output,omitempty"`
	LatencyMS       *float64        `json:"latency_ms,omitempty"`
	BackendMS       *float64        `json:"backend_latency_ms,omitempty"`
	RetryCount      *int64          `json:"retry_count,omitempty"`
	FallbackUsed    *bool           `json:"fallback_used,omitempty"`
	UserRegenerated *bool           `json:"user_regenerated,omitempty"`
	HumanFix        *bool           `json:"human_fix_required,omitempty"`
	HumanFixSeconds *float64        `json:"human_fix_seconds,omitempty"`
	Accepted        *bool           `json:"accepted_result,omitempty"`
	FinalCostUSD    *json.Number    `json:"final_cost_usd,omitempty"`
	Steps           json.RawMessage `json:"steps,omitempty"`
	Example         bool            `json:"example,omitempty"` // invented for illustration, not observed
}

// RequestClass is the class of a task type: what is at stake in it.
type RequestClass string

// The request classes.
const (
	LowRisk    RequestClass = "low_risk"   // high volume, cheap to get wrong
	HighRisk   RequestClass = "high_risk"  // judgment; quality first, cost ignored
	Multimodal RequestClass = "multimodal" // images, files, video frames
	Agent      RequestClass = "agent"      // long-running, in steps
)

// TaskType is what the project says about one kind of work.
type TaskType struct {
	Name       string        `json:"name"`
	Class      RequestClass  `json:"class"`
	Margin     float64       `json:"margin"`            // non-inferiority margin δ, fixed before the run (0.05 = 5 points)
	SLO        time.Duration `json:"slo,omitempty"`     // limit on user-visible p95 latency; 0 = none
	Volume     int64         `json:"volume,omitempty"`  // tasks a month, for money at stake; 0 = unknown
	Confirm    bool          `json:"confirm,omitempty"` // never fall back silently
	Regenerate int           `json:"regenerate"`        // how often a rejected answer is asked for again
	Repair     *RepairRule   `json:"repair,omitempty"`
	Review     string        `json:"review,omitempty"` // review rule in words
}

// RepairRule says when a person would repair a rejected answer, and what that
// costs. Its outcome is imputed, never observed.
type RepairRule struct {
	MaxEditRatio     *float64 `json:"max_edit_ratio,omitempty"`     // repair if edit distance ÷ longer length is at most this
	MaxMissingFields *int     `json:"max_missing_fields,omitempty"` // repair if at most so many JSON fields are wrong or missing
	Minutes          float64  `json:"minutes"`                      // a person's time for one repair
	HourlyRate       Money    `json:"hourly_rate"`                  // pico-USD an hour
}

// Cost returns what one repair costs by the rule, rounded down to a pico-USD.
func (r *RepairRule) Cost() Money {
	rate, seconds := int64(r.HourlyRate), int64(r.Time()/time.Second)
	return Money(rate/3600*seconds + rate%3600*seconds/3600)
}

// Time returns how long one repair takes by the rule.
func (r *RepairRule) Time() time.Duration {
	return time.Duration(r.Minutes * float64(time.Minute)).Round(time.Second)
}
