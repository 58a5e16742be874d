package eval

import "time"

// ThrottleCause is why what a provider may be sent has changed.
type ThrottleCause string

// The causes.
const (
	ThrottleStart     ThrottleCause = "start"      // the first call
	ThrottleGrow      ThrottleCause = "grow"       // calls went well
	ThrottleRateLimit ThrottleCause = "rate_limit" // the provider refused a call as one too many
	ThrottlePause     ThrottleCause = "pause"      // the provider asked to wait
	ThrottleOutage    ThrottleCause = "outage"     // call after call failed
	ThrottleRecovery  ThrottleCause = "recovery"   // a call after an outage went well
)

// Throttle is what one provider could be sent from some time on.
type Throttle struct {
	At        time.Time     `json:"at"`
	Provider  string        `json:"provider"`
	Cause     ThrottleCause `json:"cause"`
	Calls     int           `json:"calls"`                // in flight at most
	PerMinute *float64      `json:"per_minute,omitempty"` // calls begun a minute at most; nil = no limit
	Wait      time.Duration `json:"wait_ns,omitempty"`    // nothing is sent for so long
}
