package openai

import (
	"encoding/json"
	"math"
	"strconv"

	"infer/eval"
)

// wireUsage is OpenAI's usage object with the fields that relays add to it.
type wireUsage struct {
	Prompt     *int64          `json:"prompt_tokens"`
	Completion *int64          `json:"completion_tokens"`
	Total      *int64          `json:"total_tokens"`
	In         inDetails       `json:"prompt_tokens_details"`
	Out        outDetails      `json:"completion_tokens_details"`
	CacheHit   *int64          `json:"prompt_cache_hit_tokens"` // DeepSeek
	Cached     *int64          `json:"cached_tokens"`           // Moonshot
	Cost       json.RawMessage `json:"cost"`                    // OpenRouter: US dollars
	OwnKey     json.RawMessage `json:"is_byok"`                 // OpenRouter: true = Cost leaves out what the user's own key paid
}

type inDetails struct {
	Cached     *int64 `json:"cached_tokens"`
	CacheWrite int64  `json:"cache_write_tokens"`
	Audio      int64  `json:"audio_tokens"`
}

type outDetails struct {
	Reasoning int64 `json:"reasoning_tokens"`
	Audio     int64 `json:"audio_tokens"`
}

// responsesUsage is the Responses API's usage object: the same under other names.
type responsesUsage struct {
	Input  *int64          `json:"input_tokens"`
	Output *int64          `json:"output_tokens"`
	Total  *int64          `json:"total_tokens"`
	In     inDetails       `json:"input_tokens_details"`
	Out    outDetails      `json:"output_tokens_details"`
	Cost   json.RawMessage `json:"cost"`
}

// usageOfResponse is usage for the Responses API.
func usageOfResponse(raw json.RawMessage, tier string) *eval.Usage {
	var r responsesUsage
	if len(raw) == 0 || json.Unmarshal(raw, &r) != nil {
		return nil
	}
	w := wireUsage{Prompt: r.Input, Completion: r.Output, Total: r.Total, In: r.In, Out: r.Out, Cost: r.Cost}
	return w.axes(raw, tier)
}

// usage maps OpenAI's usage onto disjoint axes: there prompt_tokens includes
// cached, cache-writing and audio tokens, completion_tokens reasoning and audio.
// It returns nil for a usage that is missing or cannot be true.
func usage(raw json.RawMessage, tier string) *eval.Usage {
	var w wireUsage
	if len(raw) == 0 || json.Unmarshal(raw, &w) != nil {
		return nil
	}
	return w.axes(raw, tier)
}

// axes is usage, out of what was read.
func (w *wireUsage) axes(raw json.RawMessage, tier string) *eval.Usage {
	if w.Prompt == nil || w.Completion == nil {
		return nil
	}
	if *w.Prompt == 0 && *w.Completion == 0 {
		return nil // no call reads nothing: a relay that does not count says zero
	}
	u := &eval.Usage{InCacheWrite5m: w.In.CacheWrite, InAudio: w.In.Audio, OutReasoning: w.Out.Reasoning, OutAudio: w.Out.Audio, Raw: raw}
	for _, cached := range []*int64{w.In.Cached, w.CacheHit, w.Cached} {
		if cached != nil {
			u.InCacheRead = *cached
			break
		}
	}
	u.InFresh = *w.Prompt - u.InCacheRead - u.InCacheWrite5m - u.InAudio
	u.OutText = *w.Completion - u.OutReasoning - u.OutAudio
	if besides(w) {
		u.OutText += u.OutReasoning
	}
	switch tier {
	case "", "default", "auto", "standard", "on_demand":
	default:
		u.Tier = tier
	}
	if string(w.OwnKey) != "true" {
		u.ProviderCost = dollars(w.Cost)
	}
	if !u.Plausible() {
		return nil
	}
	return u
}

// besides reports whether reasoning was counted beside the completion instead of
// in it. xAI's total says so; Vercel's gateway to Gemini says so only by more
// reasoning than completion, which its own cost then confirms.
func besides(w *wireUsage) bool {
	r := w.Out.Reasoning
	return r > *w.Completion || r > 0 && w.Total != nil && *w.Total == *w.Prompt+*w.Completion+r
}

// dollars reads an amount that was computed in floating point on the other
// side: what is finer than a pico-dollar is rounding noise.
func dollars(raw json.RawMessage) *eval.Money {
	s := string(raw)
	m, err := eval.ParseUSD(s)
	if err != nil {
		f, ferr := strconv.ParseFloat(s, 64)
		pico := math.Round(f * float64(eval.USD))
		if ferr != nil || math.IsNaN(f) || math.Abs(pico) >= math.MaxInt64 {
			return nil
		}
		m = eval.Money(pico)
	}
	if m < 0 {
		return nil
	}
	return &m
}
