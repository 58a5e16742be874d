package bedrock

import (
	"encoding/json"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/document"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"

	"infer/eval"
	"infer/providers"
)

// maxBlocks bounds the content blocks of one answer.
const maxBlocks = 1024

// assembly puts an answer together.
type assembly struct {
	blocks  []*openBlock
	stop    string
	usage   *types.TokenUsage
	latency *int64 // milliseconds, as the service reports it
	tier    string
	begun   bool
}

// openBlock is a content block under assembly. Reasoning is no part of the answer.
type openBlock struct {
	text     strings.Builder
	tool     bool
	id, name string
	input    []byte
}

func (a *assembly) block(index int) *openBlock {
	if index < 0 || index >= maxBlocks {
		return &openBlock{} // out of any sense: dropped
	}
	for len(a.blocks) <= index {
		a.blocks = append(a.blocks, &openBlock{})
	}
	return a.blocks[index]
}

// whole takes a block of an answer that was not streamed.
func (a *assembly) whole(index int, c types.ContentBlock) {
	b := a.block(index)
	switch c := c.(type) {
	case *types.ContentBlockMemberText:
		b.text.WriteString(c.Value)
	case *types.ContentBlockMemberToolUse:
		b.tool, b.id, b.name = true, aws.ToString(c.Value.ToolUseId), aws.ToString(c.Value.Name)
		b.input = fromDocument(c.Value.Input)
	}
}

// event takes one event of a stream.
func (a *assembly) event(ev types.ConverseStreamOutput) {
	switch e := ev.(type) {
	case *types.ConverseStreamOutputMemberContentBlockStart:
		if s, ok := e.Value.Start.(*types.ContentBlockStartMemberToolUse); ok {
			b := a.block(int(aws.ToInt32(e.Value.ContentBlockIndex)))
			b.tool, b.id, b.name = true, aws.ToString(s.Value.ToolUseId), aws.ToString(s.Value.Name)
			a.begun = true
		}
	case *types.ConverseStreamOutputMemberContentBlockDelta:
		b := a.block(int(aws.ToInt32(e.Value.ContentBlockIndex)))
		switch d := e.Value.Delta.(type) {
		case *types.ContentBlockDeltaMemberText:
			b.text.WriteString(d.Value)
			a.begun = a.begun || d.Value != ""
		case *types.ContentBlockDeltaMemberToolUse:
			b.input = append(b.input, aws.ToString(d.Value.Input)...)
			a.begun = true
		case *types.ContentBlockDeltaMemberReasoningContent:
			a.begun = true
		}
	case *types.ConverseStreamOutputMemberMessageStop:
		a.stop = string(e.Value.StopReason)
	case *types.ConverseStreamOutputMemberMetadata:
		a.usage, a.tier = e.Value.Usage, tierOf(e.Value.ServiceTier)
		if m := e.Value.Metrics; m != nil {
			a.latency = m.LatencyMs
		}
	}
}

// into writes what was put together into the response.
func (a *assembly) into(r *eval.Response) {
	var text strings.Builder
	for _, b := range a.blocks {
		text.WriteString(b.text.String())
		if b.tool {
			r.ToolCalls = append(r.ToolCalls, eval.ToolCall{ID: b.id, Name: b.name, Arguments: providers.Arguments(b.input)})
		}
	}
	r.Text = eval.Untrusted(text.String())
	r.FinishRaw, r.Finish = a.stop, providers.FinishOf(a.stop)
	r.Usage, r.Backend = usage(a.usage, a.tier), milliseconds(a.latency)
}

func fromDocument(d document.Interface) []byte {
	if d == nil {
		return nil
	}
	b, err := d.MarshalSmithyDocument()
	if err != nil {
		return nil
	}
	return b
}

func tierOf(t *types.ServiceTier) string {
	if t == nil || t.Type == types.ServiceTierTypeDefault {
		return ""
	}
	return string(t.Type)
}

// wireUsage writes a usage object under the names of the wire.
type wireUsage struct {
	Input      *int32        `json:"inputTokens,omitempty"`
	Output     *int32        `json:"outputTokens,omitempty"`
	Total      *int32        `json:"totalTokens,omitempty"`
	CacheRead  *int32        `json:"cacheReadInputTokens,omitempty"`
	CacheWrite *int32        `json:"cacheWriteInputTokens,omitempty"`
	Details    []cacheDetail `json:"cacheDetails,omitempty"`
}

type cacheDetail struct {
	TTL   string `json:"ttl"`
	Input *int32 `json:"inputTokens"`
}

// usage maps the wire's usage onto disjoint axes, which its own are already. What
// was written to a cache without a lifetime lives for five minutes. It returns
// nil for a usage that is missing or cannot be true.
func usage(t *types.TokenUsage, tier string) *eval.Usage {
	if t == nil || t.InputTokens == nil || t.OutputTokens == nil {
		return nil
	}
	w := wireUsage{Input: t.InputTokens, Output: t.OutputTokens, Total: t.TotalTokens, CacheRead: t.CacheReadInputTokens, CacheWrite: t.CacheWriteInputTokens}
	u := &eval.Usage{InFresh: int64(*t.InputTokens), OutText: int64(*t.OutputTokens), InCacheRead: int64(aws.ToInt32(t.CacheReadInputTokens)), Tier: tier}
	for _, d := range t.CacheDetails {
		w.Details = append(w.Details, cacheDetail{string(d.Ttl), d.InputTokens})
		if d.Ttl == types.CacheTTLOneHour {
			u.InCacheWrite1h += int64(aws.ToInt32(d.InputTokens))
		}
	}
	u.InCacheWrite5m = int64(aws.ToInt32(t.CacheWriteInputTokens)) - u.InCacheWrite1h
	if !u.Plausible() || u.Input() == 0 && u.Output() == 0 {
		return nil
	}
	raw, err := json.Marshal(w)
	if err == nil {
		u.Raw = raw
	}
	return u
}
