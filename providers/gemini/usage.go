package gemini

import (
	"encoding/json"

	"infer/eval"
)

// wireUsage is the API's usage object. What is zero is left out of it.
type wireUsage struct {
	Prompt      *int64   `json:"promptTokenCount"` // includes cached tokens
	Cached      int64    `json:"cachedContentTokenCount"`
	Candidates  int64    `json:"candidatesTokenCount"` // excludes thoughts
	Thoughts    int64    `json:"thoughtsTokenCount"`
	ToolUse     int64    `json:"toolUsePromptTokenCount"` // input beside the prompt
	PromptParts []amount `json:"promptTokensDetails"`
	CacheParts  []amount `json:"cacheTokensDetails"`
	OutParts    []amount `json:"candidatesTokensDetails"`
	ToolParts   []amount `json:"toolUsePromptTokensDetails"`
}

type amount struct {
	Modality string `json:"modality"`
	Tokens   int64  `json:"tokenCount"`
}

func of(parts []amount, modality string) int64 {
	var n int64
	for _, p := range parts {
		if p.Modality == modality {
			n += p.Tokens
		}
	}
	return n
}

// usage maps the API's usage onto disjoint axes. Pictures, video and documents in
// the prompt cost what text costs, and count as fresh input; sound has a price of
// its own. It returns nil for a usage that is missing or cannot be true.
func usage(raw json.RawMessage) *eval.Usage {
	var w wireUsage
	if len(raw) == 0 || json.Unmarshal(raw, &w) != nil || w.Prompt == nil {
		return nil
	}
	u := &eval.Usage{InCacheRead: w.Cached, OutReasoning: w.Thoughts, Raw: raw}
	u.InAudio = of(w.PromptParts, "AUDIO") - of(w.CacheParts, "AUDIO") + of(w.ToolParts, "AUDIO")
	u.InFresh = *w.Prompt - w.Cached + w.ToolUse - u.InAudio
	u.OutAudio, u.OutImage = of(w.OutParts, "AUDIO"), of(w.OutParts, "IMAGE")
	u.OutText = w.Candidates - u.OutAudio - u.OutImage
	if !u.Plausible() || u.Input() == 0 && u.Output() == 0 {
		return nil
	}
	return u
}
