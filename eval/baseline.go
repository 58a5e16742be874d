package eval

import "time"

// BaselineSchema names the version of the JSON form of Baseline.
const BaselineSchema = "infer.baseline/1"

// Baseline is what one candidate achieved on each task, kept to compare later runs
// with. Take it from a fresh run of the chosen candidate, never from the run that
// chose it: the best of several looks better than it is.
type Baseline struct {
	Schema    string            `json:"schema"`
	Name      string            `json:"name"`
	Run       string            `json:"run"`
	Candidate string            `json:"candidate"`
	Config    Digest            `json:"config"`  // the candidate's digest
	Grading   Digest            `json:"grading"` // the grader rules' digest
	OnJudges  bool              `json:"rests_on_judges,omitempty"`
	SavedAt   time.Time         `json:"saved_at"`
	Outcomes  []BaselineOutcome `json:"outcomes"`
}

// BaselineOutcome is one repeat of one task.
type BaselineOutcome struct {
	ID       string  `json:"id"`
	TaskType string  `json:"task_type"`
	Line     Digest  `json:"line"`    // of the dataset line
	Cluster  int32   `json:"cluster"` // number of the cluster within the baseline
	Repeat   int32   `json:"repeat"`
	Verdict  Verdict `json:"verdict"`
	Class    Class   `json:"error_class,omitempty"`
	Cost     Cost    `json:"cost"`       // pico-USD
	Latency  int64   `json:"latency_us"` // user-visible, −1 unknown
}
