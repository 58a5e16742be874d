package eval

// ComparisonSchema names the version of the JSON form of ComparisonTable.
const ComparisonSchema = "infer.comparison/1"

// ComparisonTable compares two or more arms, each a candidate of a run, on the same tasks.
type ComparisonTable struct {
	Schema   string           `json:"schema"`
	Arms     []string         `json:"arms"`
	Types    []TypeComparison `json:"task_types"` // over all ("*") first, then by name
	Warnings []string         `json:"warnings"`
}

// TypeComparison compares the arms on one task type.
type TypeComparison struct {
	TaskType string           `json:"task_type"`
	Margin   float64          `json:"margin"`
	Tasks    int64            `json:"tasks"`
	Pairs    []PairComparison `json:"pairs"`
}

// PairComparison compares arm A with arm B, its rival.
type PairComparison struct {
	A string `json:"a"`
	B string `json:"b"`
	Comparison
	AcceptedA *Figure `json:"accepted_a"`
	AcceptedB *Figure `json:"accepted_b"`
	CostA     *Figure `json:"cost_per_accepted_a_usd"`
	CostB     *Figure `json:"cost_per_accepted_b_usd"`
	// SlowA and SlowB count the trials above the service level, those without an
	// answer included; Slower is the difference of their shares, A − B. nil = there
	// is no service level.
	SlowA  *int64   `json:"above_slo_a"`
	SlowB  *int64   `json:"above_slo_b"`
	Slower *Figure  `json:"above_slo_difference"`
	FlipsA []string `json:"only_a"` // ids of the tasks that only A got accepted
	FlipsB []string `json:"only_b"`
}
