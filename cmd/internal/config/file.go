package config

import (
	"encoding/json"
	"time"
)

// File is infer.yaml. The published JSON Schema is made from these structs and
// their tags: doc describes a key; required, enum, min, max, xmin, xmax (bounds
// that are excluded themselves) and format (date, env, grader, price, usd) limit
// its value.
type File struct {
	Schema      string              `yaml:"$schema" doc:"where this schema lies, for editors of infer.json"`
	Name        string              `yaml:"name" doc:"name of the project; shown in reports"`
	Dataset     Strings             `yaml:"dataset" doc:"file, folder or list of files with tasks, relative to this file"`
	Fields      map[string]string   `yaml:"fields" doc:"field of a task: dotted path in your lines, e.g. input: prompt"`
	Store       string              `yaml:"store" doc:"SQLite file that keeps every attempt, relative to this file"`
	Concurrency *int                `yaml:"concurrency" doc:"calls in flight at most (default 8)" min:"1" max:"4096"`
	Repeats     *int                `yaml:"repeats" doc:"how often each candidate tries each task (default 1)" min:"1" max:"1000"`
	Seed        *uint64             `yaml:"seed" doc:"decides the order of trials and the jitter of waits (default 1)"`
	AllowURLs   bool                `yaml:"allow_urls" doc:"tasks may name http(s) URLs for providers to fetch"`
	Record      string              `yaml:"record" doc:"file that every real call is recorded into, relative to this file"`
	Replay      string              `yaml:"replay" doc:"recording that answers every call unless --live is given"`
	Incumbent   string              `yaml:"incumbent" doc:"candidate that is the default today; it keeps ties"`
	Defaults    Defaults            `yaml:"defaults" doc:"settings of every candidate that does not set its own"`
	Providers   map[string]Provider `yaml:"providers" doc:"where models are called, by a name of yours"`
	Candidates  []Candidate         `yaml:"candidates" doc:"what is evaluated"`
	Judges      []Judge             `yaml:"judges" doc:"models that graders may ask beside the candidates; they are not evaluated"`
	Embedder    *Embedder           `yaml:"embedder" doc:"model that the grader similarity compares texts with"`
	TaskTypes   map[string]TaskType `yaml:"task_types" doc:"what you say about each kind of work"`
	Graders     json.RawMessage     `yaml:"graders" doc:"graders of every task type without its own; default: by the type of expected" format:"grader"`
	Policy      PolicyRule          `yaml:"policy" doc:"rule between default and backup that infer recommend writes out"`
	Prices      Prices              `yaml:"prices" doc:"prices that are not in, or differ from, the embedded table: a list of rows, or file and models"`
	Gates       *Gates              `yaml:"gates" doc:"what must hold for infer gate to pass"`
}

// Strings is a text or a list of texts.
type Strings []string

// Decimal is a number kept as it was written, so that money stays exact.
type Decimal string

// Defaults are settings that candidates share.
type Defaults struct {
	Params     map[string]json.RawMessage `yaml:"params" doc:"model parameters by their OpenAI names"`
	Retries    *Retries                   `yaml:"retries" doc:"retry rule"`
	Timeout    time.Duration              `yaml:"timeout" doc:"limit on one call, e.g. 60s"`
	FirstToken time.Duration              `yaml:"first_token_timeout" doc:"limit until the first token"`
	Stream     *bool                      `yaml:"stream" doc:"stream answers, which measures the time to the first token (default true)"`
}

// Retries is a retry rule.
type Retries struct {
	Max       *int          `yaml:"max" doc:"attempts after the first (default 2)" max:"100"`
	On        []string      `yaml:"on" doc:"failure classes that are tried again; default: all whose class allows it" enum:"class"`
	BaseDelay time.Duration `yaml:"base_delay" doc:"first wait; doubles each time, with jitter (default 500ms)"`
	MaxDelay  time.Duration `yaml:"max_delay" doc:"longest wait, a server's Retry-After included (default 60s)"`
}

// Provider is where models are called.
type Provider struct {
	Type         string               `yaml:"type" doc:"wire that is spoken: openai (any OpenAI-style server; the default), anthropic, gemini, bedrock; http (a JSON endpoint of yours), command (a program of yours); replay, simulate" enum:"openai,anthropic,gemini,bedrock,http,command,replay,simulate"`
	Preset       string               `yaml:"preset" doc:"base_url and key variable of a known service" enum:"preset"`
	BaseURL      string               `yaml:"base_url" doc:"URL up to and including the version, e.g. http://127.0.0.1:8101/v1"`
	API          string               `yaml:"api" doc:"openai: the API that is called, chat (default) or responses" enum:"chat,responses"`
	APIVersion   string               `yaml:"api_version" doc:"openai: sent as api-version in every address, e.g. 2024-10-21 for Azure's deployments"`
	APIKeyEnv    string               `yaml:"api_key_env" doc:"environment variable that holds the key" format:"env"`
	APIKeyFile   string               `yaml:"api_key_file" doc:"file that holds the key"`
	APIKeyCmd    Strings              `yaml:"api_key_cmd" doc:"command that prints the key, without a shell; in the user's own file only"`
	APIKeyHeader string               `yaml:"api_key_header" doc:"header that carries the key (default: the wire's own; Authorization gets Bearer in front)"`
	Headers      map[string]string    `yaml:"headers" doc:"sent with every call; not for keys"`
	AllowHTTP    bool                 `yaml:"allow_http" doc:"a key may go over plain http to a host that is not loopback"`
	Timeouts     Timeouts             `yaml:"timeouts" doc:"time limits of one call"`
	Limits       Limits               `yaml:"limits" doc:"what this provider may be sent"`
	Region       string               `yaml:"region" doc:"bedrock: AWS region (default: AWS_REGION, or that of the profile)"`
	Profile      string               `yaml:"profile" doc:"bedrock: profile of the shared AWS configuration"`
	Request      json.RawMessage      `yaml:"request" doc:"http: what is posted; {{input}}, {{system}}, {{messages}}, {{model}}, {{params}}, {{params.NAME}}, {{tools}}, {{task_id}} … stand for parts of a task"`
	Response     Reply                `yaml:"response" doc:"http: where the parts of an answer are, as dotted paths"`
	Command      Strings              `yaml:"command" doc:"command: program and arguments, without a shell; runs with --allow-exec only"`
	PerCall      bool                 `yaml:"per_call" doc:"command: start the program for each call instead of keeping it running"`
	Env          Strings              `yaml:"env" doc:"command: names of variables that the program gets beside PATH, HOME and LANG"`
	Cassette     Strings              `yaml:"cassette" doc:"replay: recorded exchanges"`
	Speed        float64              `yaml:"speed" doc:"replay: 0 waits for nothing, 1 takes the recorded time" min:"0" max:"1000"`
	Seed         uint64               `yaml:"seed" doc:"simulate: seed"`
	Models       map[string]Simulated `yaml:"models" doc:"simulate: behaviour by model name"`
}

// Reply says where the parts of an answer of an http provider are: names joined
// by dots, list elements by their number from 0.
type Reply struct {
	Text      string `yaml:"text" doc:"the answer, e.g. choices.0.text"`
	ToolCalls string `yaml:"tool_calls" doc:"a list of tool calls, in OpenAI's form"`
	Refusal   string `yaml:"refusal" doc:"why there is no answer"`
	Finish    string `yaml:"finish" doc:"why the answer ended; default: it is complete"`
	Model     string `yaml:"model" doc:"the model that answered"`
	Error     string `yaml:"error" doc:"what is there, and not null, false or empty, makes the answer a failure"`
	Input     string `yaml:"input_tokens" doc:"input tokens, cached ones included"`
	Cached    string `yaml:"cached_tokens" doc:"input tokens that were read from a cache"`
	Output    string `yaml:"output_tokens" doc:"output tokens, reasoning included"`
	Reasoning string `yaml:"reasoning_tokens" doc:"output tokens that are reasoning"`
	CostUSD   string `yaml:"cost_usd" doc:"what the call cost in US dollars, as your application knows it"`
	BackendMS string `yaml:"backend_ms" doc:"the time that your application took, in milliseconds"`
}

// Timeouts bound one call.
type Timeouts struct {
	Connect    time.Duration `yaml:"connect" doc:"until the connection stands (default 10s)"`
	FirstToken time.Duration `yaml:"first_token" doc:"until the first token"`
	Idle       time.Duration `yaml:"idle" doc:"between two pieces of a stream (default 60s)"`
	Total      time.Duration `yaml:"total" doc:"the whole call (default 300s)"`
}

// Limits bound the calls to one provider; 0 is no limit.
type Limits struct {
	Concurrency       int   `yaml:"concurrency" doc:"calls in flight at most; 0 = no limit of its own" max:"4096"`
	RequestsPerMinute int64 `yaml:"requests_per_minute" doc:"calls begun in a minute at most; 0 = no limit"`
	TokensPerMinute   int64 `yaml:"tokens_per_minute" doc:"tokens sent and received in a minute at most; 0 = no limit"`
}

// Simulated is a simulated model.
type Simulated struct {
	Accuracy     *float64           `yaml:"accuracy" doc:"chance of the expected answer (default 1)" min:"0" max:"1"`
	TypeAccuracy map[string]float64 `yaml:"type_accuracy" doc:"the same by task type" min:"0" max:"1"`
	Latency      time.Duration      `yaml:"latency" doc:"to the first token"`
	Jitter       time.Duration      `yaml:"jitter" doc:"up to so much more"`
	TokenTime    time.Duration      `yaml:"token_time" doc:"for each output token"`
	Faults       map[string]float64 `yaml:"faults" doc:"chance of each fault: 429, 500, hang, reset, cut, …" min:"0" max:"1"`
	FaultCalls   int                `yaml:"fault_calls" doc:"a faulty call fails so often, then succeeds; 0 = always"`
}

// Candidate is one candidate.
type Candidate struct {
	Name       string                     `yaml:"name" doc:"name in every table" required:"true"`
	Provider   string                     `yaml:"provider" doc:"name of a provider, or of a preset"`
	Model      string                     `yaml:"model" doc:"model string that the provider knows"`
	Params     map[string]json.RawMessage `yaml:"params" doc:"model parameters; they go over the task's own"`
	Stream     *bool                      `yaml:"stream" doc:"stream answers"`
	Prompt     Prompt                     `yaml:"prompt" doc:"what is put around a task's messages"`
	Retries    *Retries                   `yaml:"retries" doc:"retry rule"`
	Timeout    time.Duration              `yaml:"timeout" doc:"limit on one call"`
	FirstToken time.Duration              `yaml:"first_token_timeout" doc:"limit until the first token"`
	Policy     *Policy                    `yaml:"policy" doc:"makes this candidate a policy over other candidates"`
}

// Judge is a model that judges answers.
type Judge struct {
	Name     string                     `yaml:"name" doc:"name by which graders call it" required:"true"`
	Provider string                     `yaml:"provider" doc:"name of a provider, or of a preset" required:"true"`
	Model    string                     `yaml:"model" doc:"model string that the provider knows" required:"true"`
	Params   map[string]json.RawMessage `yaml:"params" doc:"model parameters; those under defaults are not its own"`
	System   string                     `yaml:"system" doc:"put before what infer tells every judge"`
	Retries  *Retries                   `yaml:"retries" doc:"retry rule"`
	Timeout  time.Duration              `yaml:"timeout" doc:"limit on one call"`
}

// Embedder is a model that turns texts into vectors, behind an OpenAI-style
// embeddings endpoint.
type Embedder struct {
	Provider string                     `yaml:"provider" doc:"name of a provider of the type openai, or of a preset" required:"true"`
	Model    string                     `yaml:"model" doc:"model string that the provider knows" required:"true"`
	Params   map[string]json.RawMessage `yaml:"params" doc:"further fields of the request, such as dimensions"`
}

// Prompt is what a candidate adds.
type Prompt struct {
	System          string `yaml:"system" doc:"system prompt for tasks that have none"`
	Template        string `yaml:"template" doc:"rewrites the last user text; {{input}} stands for it"`
	Examples        string `yaml:"examples" doc:"file of worked examples: lines of {task_type, input, output}"`
	ExamplesPerType int    `yaml:"examples_per_type" doc:"how many of them are shown (default: all of the task's type)"`
}

// Policy is a default, a backup and the rule between them.
type Policy struct {
	Default       string        `yaml:"default" doc:"candidate that is asked first" required:"true"`
	Backup        string        `yaml:"backup" doc:"candidate that takes over"`
	On            []string      `yaml:"on" doc:"failure classes that trigger the backup (default rate_limit, timeout, provider_unavailable, network)" enum:"class"`
	Retries       *Retries      `yaml:"retries" doc:"retry rule of the default, over its own"`
	Timeout       time.Duration `yaml:"timeout" doc:"limit on one call"`
	FirstToken    time.Duration `yaml:"first_token_timeout" doc:"limit until the first token"`
	Confirm       []string      `yaml:"confirm" doc:"task types that never fall back without a person's word"`
	ContextBackup string        `yaml:"context_backup" doc:"candidate with a larger context window, for overflows only"`
}

// PolicyRule is the rule between a default and a backup without the two.
type PolicyRule struct {
	On         []string      `yaml:"on" doc:"failure classes that trigger the backup (default rate_limit, timeout, provider_unavailable, network)" enum:"class"`
	Retries    *Retries      `yaml:"retries" doc:"retry rule of the default"`
	Timeout    time.Duration `yaml:"timeout" doc:"limit on one call"`
	FirstToken time.Duration `yaml:"first_token_timeout" doc:"limit until the first token"`
	Confirm    []string      `yaml:"confirm" doc:"task types that never fall back without a person's word"`
}
