package eval

// GateState is the three-valued outcome of a gate: what could not be shown is
// neither a pass nor a failure.
type GateState string

// The gate states.
const (
	GatePass    GateState = "pass"
	GateFail    GateState = "fail"
	GateUnknown GateState = "unknown"
)

// GateResult is one condition on one candidate, as it came out.
type GateResult struct {
	Gate      string    `json:"gate"` // acceptance, reliability, slo_p95, cost_per_accepted, regression, must_pass, data
	TaskType  string    `json:"task_type"`
	Candidate string    `json:"candidate"`
	State     GateState `json:"state"`
	Measured  *float64  `json:"measured"` // the bound that was compared; nil = unknown
	Limit     *float64  `json:"limit"`
	Reason    string    `json:"reason"` // in words, with both figures
}

// WorstGate is the state of a set of gates: a failure decides, then what is
// unknown. No gate is a pass.
func WorstGate(results []GateResult) GateState {
	worst := GatePass
	for i := range results {
		switch results[i].State {
		case GateFail:
			return GateFail
		case GateUnknown:
			worst = GateUnknown
		}
	}
	return worst
}
