package eval

import "encoding/json"

// Usage is what one call consumed, on disjoint axes: no token is counted on
// two of them, whatever the provider's own convention is. A nil *Usage means
// that the provider did not say.
type Usage struct {
	InFresh        int64 `json:"in_fresh"`                    // input tokens neither read from nor written to a cache
	InCacheRead    int64 `json:"in_cache_read,omitempty"`     // input tokens read from a cache
	InCacheWrite5m int64 `json:"in_cache_write_5m,omitempty"` // input tokens written to a short-lived cache
	InCacheWrite1h int64 `json:"in_cache_write_1h,omitempty"` // input tokens written to a one-hour cache
	InAudio        int64 `json:"in_audio,omitempty"`
	InImage        int64 `json:"in_image,omitempty"`
	OutText        int64 `json:"out_text"` // output tokens that are not reasoning, audio or image
	OutReasoning   int64 `json:"out_reasoning,omitempty"`
	OutAudio       int64 `json:"out_audio,omitempty"`
	OutImage       int64 `json:"out_image,omitempty"`

	ServerTools  map[string]int64 `json:"server_tools,omitempty"`  // calls of tools that the provider ran, by name
	Tier         string           `json:"tier,omitempty"`          // service tier that was billed, as returned
	ProviderCost *Money           `json:"provider_cost,omitempty"` // what the provider says the call cost, kept beside ours
	Raw          json.RawMessage  `json:"-"`                       // the provider's own usage object
}

// Input returns all input tokens, cached ones included.
func (u *Usage) Input() int64 {
	return u.InFresh + u.InCacheRead + u.InCacheWrite5m + u.InCacheWrite1h + u.InAudio + u.InImage
}

// Output returns all output tokens, reasoning included.
func (u *Usage) Output() int64 {
	return u.OutText + u.OutReasoning + u.OutAudio + u.OutImage
}

// Counted reports whether any token was counted. A usage without one holds a cost
// alone: no call reads nothing.
func (u *Usage) Counted() bool { return u.Input() != 0 || u.Output() != 0 }

// Plausible reports whether every axis is non-negative and below 10⁹ tokens.
// A usage that is not plausible is treated as unknown, never as a number.
func (u *Usage) Plausible() bool {
	const most = 1_000_000_000
	for _, n := range []int64{u.InFresh, u.InCacheRead, u.InCacheWrite5m, u.InCacheWrite1h, u.InAudio,
		u.InImage, u.OutText, u.OutReasoning, u.OutAudio, u.OutImage} {
		if n < 0 || n > most {
			return false
		}
	}
	for _, n := range u.ServerTools {
		if n < 0 || n > most {
			return false
		}
	}
	return true
}

// Billing says how an attempt is known to be charged.
type Billing string

// The billing states.
const (
	Billed    Billing = "billed"     // charged for the usage that the provider reported
	Estimated Billing = "estimated"  // charged; usage was estimated by us
	NotBilled Billing = "not_billed" // not charged by the provider's published rule
	Unbilled  Billing = "unknown"    // may or may not have been charged
)

// Origin says how a figure is known.
type Origin string

// The origins.
const (
	Observed      Origin = "observed"  // it happened and was recorded
	Imputed       Origin = "imputed"   // a rule stood in for a person
	EstimatedFrom Origin = "estimated" // computed from something near
	UnknownOrigin Origin = "unknown"   // nobody knows
)
