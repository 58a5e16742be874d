package eval

// Record is one trial in the ten fields that every export names alike, with
// the origin of each figure. nil is unknown and is written as null.
type Record struct {
	Run       string  `json:"run"`
	TaskID    string  `json:"task_id"`
	Candidate string  `json:"candidate"`
	Repeat    int     `json:"repeat"`
	Verdict   Verdict `json:"verdict"`
	Class     Class   `json:"error_class,omitempty"`

	TaskType        string        `json:"task_type"`
	Model           string        `json:"model"`
	InputType       InputType     `json:"input_type"`
	Latency         RecordLatency `json:"latency"`
	RetryCount      *int64        `json:"retry_count"`
	FallbackUsed    *bool         `json:"fallback_used"`
	UserRegenerated *bool         `json:"user_regenerated"`
	HumanFix        *bool         `json:"human_fix_required"`
	Accepted        *bool         `json:"accepted_result"`
	FinalCost       *Money        `json:"final_cost"` // exact pico-USD; nil when it is not exactly known

	Origins map[string]Origin `json:"origins"` // by field name
}

// RecordLatency is the latency of one trial in microseconds.
type RecordLatency struct {
	User    *int64 `json:"user_us"`    // first send to final result
	Backend *int64 `json:"backend_us"` // as the server reported it
}
