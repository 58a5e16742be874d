package eval

import (
	"encoding/json"
	"time"
)

// Candidate is what is evaluated: a model as configured, or a policy over
// other candidates.
type Candidate struct {
	Name     string  `json:"name"`
	Provider string  `json:"provider"` // the provider's name in the configuration
	Model    string  `json:"model"`
	Host     string  `json:"host,omitempty"` // upstream host, for independence of backups; "" = none (replay, simulate)
	Params   Params  `json:"params,omitempty"`
	Prompt   Prompt  `json:"prompt"`
	Stream   bool    `json:"stream,omitempty"`
	Retry    Retry   `json:"retry"`
	Limits   Limits  `json:"limits"`
	Policy   *Policy `json:"policy,omitempty"` // set for a policy candidate; Provider and Model are then those of its default
	// Recorded marks the incumbent as production knew it: its trials are the
	// outcomes that dataset lines carry, and nothing is called for it.
	Recorded bool `json:"recorded,omitempty"`
	Example  bool `json:"example,omitempty"` // some of what was recorded is invented for illustration
}

// Prompt is what a candidate adds around a task's own messages.
type Prompt struct {
	System   string    `json:"system,omitempty"`   // used where the task has no system prompt of its own
	Template string    `json:"template,omitempty"` // rewrites the last user text; {{input}} stands for it
	Examples []Example `json:"examples,omitempty"` // earlier turns shown to the model, by task type
}

// Example is one worked example of a task type.
type Example struct {
	TaskType string `json:"task_type"`
	Input    string `json:"input"`
	Output   string `json:"output"`
}

// Retry is the one retry layer's rule: which failure classes are tried again on
// the same model, how often, and how long the waits may get.
type Retry struct {
	Max       int           `json:"max"`                  // attempts after the first, per answer
	On        []Class       `json:"on,omitempty"`         // nil = every class whose table row allows it
	BaseDelay time.Duration `json:"base_delay,omitempty"` // first back-off; doubles, jittered
	MaxDelay  time.Duration `json:"max_delay,omitempty"`  // cap on one wait, Retry-After included
}

// Allows reports whether a failure may be tried again after n retries of the
// same answer, once of which were for failures that are retried once at most.
func (r Retry) Allows(f *Failure, n, once int) bool {
	if !f.Retry || n >= r.Max || f.RetryOnce && once >= 1 {
		return false
	}
	return r.On == nil || containsClass(r.On, f.Class)
}

// Limits bound one call.
type Limits struct {
	Timeout    time.Duration `json:"timeout,omitempty"`     // whole call; 0 = the provider's default
	FirstToken time.Duration `json:"first_token,omitempty"` // until the first token; 0 = none
}

// Policy is a default, a backup and the rule between them.
type Policy struct {
	Default string   `json:"default"`           // candidate name
	Backup  string   `json:"backup,omitempty"`  // candidate name; "" = none
	On      []Class  `json:"on,omitempty"`      // classes that trigger the backup
	Confirm []string `json:"confirm,omitempty"` // task types that never fall back silently
	// ContextBackup names a candidate with a larger context window that takes
	// over on a context-window overflow only; "" = never.
	ContextBackup string `json:"context_backup,omitempty"`

	// The candidates, resolved; filled in by the configuration.
	DefaultCandidate *Candidate `json:"default_candidate,omitempty"`
	BackupCandidate  *Candidate `json:"backup_candidate,omitempty"`
	ContextCandidate *Candidate `json:"context_candidate,omitempty"`
}

// Triggers reports whether the policy hands the failure to its backup.
func (p *Policy) Triggers(f *Failure) bool {
	return p.Backup != "" && f.Fallback && containsClass(p.On, f.Class)
}

// Digest identifies the candidate by everything that can change an answer, a
// latency or a cost. The name is left out: renaming a candidate costs nothing.
func (c *Candidate) Digest() Digest {
	d := *c
	d.Name = ""
	return DigestJSON(&d)
}

func containsClass(cs []Class, c Class) bool {
	for _, k := range cs {
		if k == c {
			return true
		}
	}
	return false
}

// Request is one provider call, before any wire format.
type Request struct {
	Model          string
	System         string
	Messages       []Message // without the system prompt
	Tools          json.RawMessage
	ResponseFormat json.RawMessage
	Params         Params
	Stream         bool
	Limits         Limits

	// TaskID, Repeat and Draw tell deterministic adapters (replay, simulate)
	// which of several answers to the same request is wanted: Draw counts the
	// calls of this trial from 0. Wires ignore them.
	TaskID   string
	TaskType string
	Repeat   int
	Draw     int
	Expected json.RawMessage // for simulate only; wires never see it
}

// Hashes returns digests of the system prompt, the tools and the parameters,
// stored on every attempt: they prove that a backup was asked the same.
func (r *Request) Hashes() (system, tools, params Digest) {
	return DigestOf([]byte(r.System)), DigestOf(r.Tools), DigestJSON(r.Params)
}

// Digest identifies the request by what the model sees: model, messages,
// system prompt, tools, format and parameters. Recordings are looked up by it.
func (r *Request) Digest() Digest {
	return DigestJSON(struct {
		Model    string
		System   string
		Messages []Message
		Tools    json.RawMessage
		Format   json.RawMessage
		Params   Params
	}{r.Model, r.System, r.Messages, nullIfEmpty(r.Tools), nullIfEmpty(r.ResponseFormat), r.Params})
}

func nullIfEmpty(b json.RawMessage) json.RawMessage {
	if len(b) == 0 {
		return json.RawMessage("null")
	}
	return b
}

// FinishReason is why generation ended, normalised.
type FinishReason string

// The finish reasons.
const (
	FinishStop      FinishReason = "stop"
	FinishLength    FinishReason = "length"
	FinishToolCalls FinishReason = "tool_calls"
	FinishFilter    FinishReason = "content_filter"
	FinishRefusal   FinishReason = "refusal"
	FinishOther     FinishReason = "other"
)

// Response is what came of one provider call, good or bad: a failed call is a
// measurement too, so an adapter always returns one.
type Response struct {
	Text      Untrusted
	ToolCalls []ToolCall
	Refusal   Untrusted
	Finish    FinishReason
	FinishRaw string // the provider's own word
	Model     string // the model that the provider says it served; "" = not said
	Usage     *Usage // nil = not said
	Cost      *Cost  // what the call cost, filled in by whoever bills it; nil = not billed yet
	Failure   *Failure

	InFlight time.Duration  // from the send to the last byte
	TTFT     *time.Duration // from the send to the first token; nil = not streamed or none came
	Backend  *time.Duration // as the server reports it; nil = it does not
	Recorded bool           // the times were recorded earlier and not waited for now
	Batch    string         // the provider's number of the batch that answered; such an answer has no times. "" = none

	Status     int
	RequestID  string
	RateLimits map[string]string // rate-limit headers, by lower-case name
	Body       []byte            // the raw response body, capped and redacted; nil unless asked for
}
