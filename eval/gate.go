package eval

import "time"

// GateState is the three-valued outcome of a gate: what could not be shown is
// neither a pass nor a failure.
type GateState string

// The gate states.
const (
	GatePass    GateState = "pass"
	GateFail    GateState = "fail"
	GateUnknown GateState = "unknown"
)

// GateLimits are what a candidate must keep to on one task type, fixed before a run
// is looked at. nil and 0 set no limit.
type GateLimits struct {
	MinAcceptance      *float64      `json:"min_acceptance,omitempty"`        // floor on the exact one-sided 95 % lower bound
	MinReliability     *float64      `json:"min_reliability,omitempty"`       // the same for the share of trials with an answer
	MaxCritical        *float64      `json:"max_critical_failures,omitempty"` // ceiling on the exact one-sided 95 % upper bound of the share of critical failures
	SLO                time.Duration `json:"slo_p95,omitempty"`               // limit on p95 of user-visible latency, nanoseconds
	MaxCostPerAccepted *Money        `json:"max_cost_per_accepted,omitempty"` // ceiling on the upper end of the interval, pico-USD
}

// GateResult is one condition on one candidate, as it came out.
type GateResult struct {
	Gate      string    `json:"gate"` // acceptance, reliability, critical_failures, slo_p95, cost_per_accepted, price, regression, cost_regression, slo_regression, must_pass, data
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
