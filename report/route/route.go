// Package route turns a recommendation into configurations that real gateways
// load, and says what each of them cannot express.
//
// Between a recommendation and a gateway stands one neutral schema, Routes: for
// each task type the default, the backup and the rule between them, with the
// evidence they rest on. An exporter encodes it for one gateway with a real
// encoder, so that a hostile name stays a name, and returns the losses: the parts
// of the rule that the gateway will not carry out. What an exporter drops without
// naming it is a defect, and a property test looks for it.
//
// The package also holds the pure half of two commands: what a drill expects of a
// rule and how it judges what a gateway did, and the checklist before a launch.
// It does no input or output beyond values and writers.
package route

import (
	"slices"
	"time"

	"infer/eval"
)

// Schema names the version of the neutral form. Fields are only ever added to it.
const Schema = "infer.routes/1"

// Routes is a routing table with its evidence.
type Routes struct {
	Schema   string   `json:"schema"`
	Name     string   `json:"name,omitempty"` // of the project
	Evidence Evidence `json:"evidence"`
	Models   []Model  `json:"models"`
	Routes   []Route  `json:"routes"`
	// Undecided are task types that the evidence does not decide, and why. They keep
	// the incumbent alone or have no route: nothing is routed on a guess.
	Undecided []Undecided `json:"undecided,omitempty"`
}

// Evidence is what the whole table rests on. The zero value is a table that
// somebody wrote by hand.
type Evidence struct {
	Run           string     `json:"run,omitempty"`
	Grading       int        `json:"grading,omitempty"`
	Dataset       string     `json:"dataset,omitempty"`
	DatasetDigest string     `json:"dataset_digest,omitempty"` // hexadecimal
	Tasks         int        `json:"tasks,omitempty"`
	At            *time.Time `json:"evidence_at,omitempty"`  // when the run was last written
	PricesAsOf    string     `json:"prices_as_of,omitempty"` // oldest date among the prices, YYYY-MM-DD
	Expires       string     `json:"expires,omitempty"`      // YYYY-MM-DD; from that day on the table is to be measured again
}

// Model is one model that routes name: where it is called and where its key is
// found. It never holds a key.
type Model struct {
	Name     string `json:"name"`               // of the candidate
	Provider string `json:"provider,omitempty"` // its name in the configuration, for people
	API      string `json:"api"`                // wire protocol: openai, azure, anthropic, gemini or bedrock
	Model    string `json:"model"`              // model string
	BaseURL  string `json:"base_url,omitempty"` // "" = the wire's own service
	KeyEnv   string `json:"key_env,omitempty"`  // environment variable that holds the key; "" = none is needed
	// Headers are the names of headers that the configuration sends with every call;
	// their values may be secrets and stay where they are.
	Headers []string `json:"headers,omitempty"`
	// Endpoint is responses where the model was measured over OpenAI's Responses wire;
	// "" = the wire's usual one.
	Endpoint string `json:"endpoint,omitempty"`
}

// Route is the rule for one task type.
type Route struct {
	TaskType string            `json:"task_type"`
	Class    eval.RequestClass `json:"class,omitempty"`
	Default  string            `json:"default"`             // name of a model
	Backup   string            `json:"backup,omitempty"`    // name of a model; "" = none
	NoBackup string            `json:"no_backup,omitempty"` // why there is none, in words

	// On are the failure classes that hand over to the backup. The backup is asked
	// once per trigger and then it is over.
	On              []eval.Class `json:"on,omitempty"`
	StopAfterBackup bool         `json:"stop_after_backup"` // always true
	// Confirm marks a task type whose backup a person must agree to first. Backup is
	// then empty and ConfirmBackup names what would be proposed.
	Confirm       bool   `json:"confirm,omitempty"`
	ConfirmBackup string `json:"confirm_backup,omitempty"`
	// ContextBackup takes over where the context window overflows, and only there.
	ContextBackup string `json:"context_backup,omitempty"`

	Retry        Retry `json:"retry"`
	TimeoutMS    int64 `json:"timeout_ms,omitempty"`     // one attempt, whole; 0 = the caller's own
	FirstTokenMS int64 `json:"first_token_ms,omitempty"` // one attempt, to its first token; 0 = none

	// Params are asked of the default and the backup alike, on top of the request's.
	Params Params `json:"params,omitempty"`
	// PromptDigest identifies what the measured candidate put around the task: a
	// system prompt, a template, examples. The caller has to send the same; "" =
	// nothing was put around it.
	PromptDigest string `json:"prompt_digest,omitempty"`
	Review       string `json:"review,omitempty"`   // review rule, in words
	Rollback     string `json:"rollback,omitempty"` // rollback condition, in words

	Evidence RouteEvidence `json:"evidence,omitzero"`
}

// Retry is the rule for asking the same model again. A timeout and a malformed
// answer are tried again once at most, whatever Max says.
type Retry struct {
	Max         int          `json:"max"`                     // attempts of the default after the first
	BackupMax   int          `json:"backup_max"`              // the same for the backup
	On          []eval.Class `json:"on,omitempty"`            // classes that are tried again
	BaseDelayMS int64        `json:"base_delay_ms,omitempty"` // first wait; doubles; 0 = the caller's own
	MaxDelayMS  int64        `json:"max_delay_ms,omitempty"`  // cap on one wait; 0 = the caller's own
}

// RouteEvidence is what the choice for one task type rests on.
type RouteEvidence struct {
	Verdict         eval.DecisionVerdict `json:"verdict,omitempty"`
	N               int64                `json:"n,omitempty"`        // judged trials of the default
	Clusters        int64                `json:"clusters,omitempty"` // independent tasks
	Acceptance      *Interval            `json:"acceptance,omitempty"`
	CostPerAccepted *Interval            `json:"cost_per_accepted_usd,omitempty"`
	BackupRescue    *Interval            `json:"backup_rescue,omitempty"` // P(backup accepted | default not)
	Reason          string               `json:"reason,omitempty"`
}

// Interval is a figure with its interval; null = unknown or without bound.
type Interval struct {
	Point *float64 `json:"point"`
	Lo    *float64 `json:"lo"`
	Hi    *float64 `json:"hi"`
}

// Undecided is a task type that the evidence does not decide, and why.
type Undecided struct {
	TaskType string `json:"task_type"`
	Reason   string `json:"reason"`
}

// model returns the model of that name; nil = none.
func (r *Routes) model(name string) *Model {
	for i := range r.Models {
		if r.Models[i].Name == name {
			return &r.Models[i]
		}
	}
	return nil
}

// Route returns the route of a task type; nil = none.
func (r *Routes) Route(taskType string) *Route {
	for i := range r.Routes {
		if r.Routes[i].TaskType == taskType {
			return &r.Routes[i]
		}
	}
	return nil
}

// KeyNames lists the environment variables that the models' keys are in, sorted.
func (r *Routes) KeyNames() []string {
	var out []string
	for i := range r.Models {
		if k := r.Models[i].KeyEnv; k != "" && !slices.Contains(out, k) {
			out = append(out, k)
		}
	}
	slices.Sort(out)
	return out
}
