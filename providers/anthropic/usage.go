package anthropic

import (
	"encoding/json"
	"strings"

	"infer/eval"
)

// wireUsage is the API's usage object. Its input axes are disjoint already.
type wireUsage struct {
	Input      *int64 `json:"input_tokens"`
	Output     *int64 `json:"output_tokens"`
	CacheRead  int64  `json:"cache_read_input_tokens"`
	CacheWrite int64  `json:"cache_creation_input_tokens"`
	Written    struct {
		Short int64 `json:"ephemeral_5m_input_tokens"`
		Hour  int64 `json:"ephemeral_1h_input_tokens"`
	} `json:"cache_creation"`
	OutputDetails struct {
		Thinking int64 `json:"thinking_tokens"`
	} `json:"output_tokens_details"`
	ServerTools map[string]int64 `json:"server_tool_use"`
	Tier        string           `json:"service_tier"`
	Speed       string           `json:"speed"`
	Geo         string           `json:"inference_geo"`
}

// usage maps the API's usage onto disjoint axes. What was written to a cache
// without a lifetime lives for five minutes, the API's default. It returns nil
// for a usage that is missing or cannot be true.
func usage(raw json.RawMessage) *eval.Usage {
	var w wireUsage
	if len(raw) == 0 || json.Unmarshal(raw, &w) != nil || w.Input == nil || w.Output == nil {
		return nil
	}
	u := &eval.Usage{InFresh: *w.Input, InCacheRead: w.CacheRead, InCacheWrite1h: w.Written.Hour,
		OutText: *w.Output - w.OutputDetails.Thinking, OutReasoning: w.OutputDetails.Thinking, Tier: tier(&w), Raw: raw}
	u.InCacheWrite5m = max(w.CacheWrite, w.Written.Short+w.Written.Hour) - w.Written.Hour
	for tool, n := range w.ServerTools {
		if n != 0 {
			if u.ServerTools == nil {
				u.ServerTools = make(map[string]int64)
			}
			u.ServerTools[strings.TrimSuffix(tool, "_requests")] = n
		}
	}
	if !u.Plausible() || u.Input() == 0 && u.Output() == 0 {
		return nil
	}
	return u
}

// tier is the service tier that was billed, where it is not the standard one:
// the batch and priority tiers, the fast mode and inference kept in the US have
// prices of their own.
func tier(w *wireUsage) string {
	var parts []string
	if w.Tier != "" && w.Tier != "standard" {
		parts = append(parts, w.Tier)
	}
	if w.Speed == "fast" {
		parts = append(parts, w.Speed)
	}
	if w.Geo == "us" {
		parts = append(parts, w.Geo)
	}
	return strings.Join(parts, "+")
}
