package bedrock

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/document"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"

	"infer/eval"
	"infer/providers"
)

// params writes the parameters: those that the wire knows where it wants them,
// all others for the model.
func params(in *bedrockruntime.ConverseInput, req *eval.Request) error {
	names, err := providers.ParamNames(req.Params, "model", "modelId", "messages", "stream", "tools", "system", "response_format")
	if err != nil {
		return err
	}
	inference, more := types.InferenceConfiguration{}, make(map[string]any)
	for _, name := range names {
		v := req.Params[name]
		switch name {
		case "max_tokens", "max_completion_tokens", "max_output_tokens":
			err = json.Unmarshal(v, &inference.MaxTokens)
		case "temperature":
			err = json.Unmarshal(v, &inference.Temperature)
		case "top_p":
			err = json.Unmarshal(v, &inference.TopP)
		case "stop":
			inference.StopSequences, err = providers.StringList(v)
		case "tool_choice":
			err = toolChoice(in, v)
		case "service_tier":
			var tier string
			err = json.Unmarshal(v, &tier)
			in.ServiceTier = &types.ServiceTier{Type: types.ServiceTierType(tier)}
		case "guardrailConfig":
			var g struct{ GuardrailIdentifier, GuardrailVersion string }
			err = json.Unmarshal(v, &g)
			in.GuardrailConfig = &types.GuardrailConfiguration{GuardrailIdentifier: aws.String(g.GuardrailIdentifier), GuardrailVersion: aws.String(g.GuardrailVersion)}
		case "stream_options": // OpenAI's alone: usage always comes here
		default:
			more[name], err = plain(v)
		}
		if err != nil {
			return fmt.Errorf("params: %s: %w", name, err)
		}
	}
	if inference.MaxTokens != nil || inference.Temperature != nil || inference.TopP != nil || inference.StopSequences != nil {
		in.InferenceConfig = &inference
	}
	if len(more) > 0 {
		in.AdditionalModelRequestFields = document.NewLazyDocument(more)
	}
	return nil
}

func toolChoice(in *bedrockruntime.ConverseInput, raw json.RawMessage) error {
	mode, function, err := providers.ToolChoice(raw)
	if err != nil {
		return err
	}
	if in.ToolConfig == nil {
		return errors.New("there are no tools to choose from")
	}
	switch mode {
	case "auto":
		in.ToolConfig.ToolChoice = &types.ToolChoiceMemberAuto{}
	case "required":
		in.ToolConfig.ToolChoice = &types.ToolChoiceMemberAny{}
	case "function":
		in.ToolConfig.ToolChoice = &types.ToolChoiceMemberTool{Value: types.SpecificToolChoice{Name: aws.String(function)}}
	default:
		return errors.New("this wire has no choice of no tool: leave the tools out")
	}
	return nil
}

// streamGuardrail is a guardrail for the streamed call, which has a type of its
// own for the same.
func streamGuardrail(g *types.GuardrailConfiguration) *types.GuardrailStreamConfiguration {
	if g == nil {
		return nil
	}
	return &types.GuardrailStreamConfiguration{GuardrailIdentifier: g.GuardrailIdentifier, GuardrailVersion: g.GuardrailVersion}
}

// toDocument makes a document of JSON.
func toDocument(raw json.RawMessage) (document.Interface, error) {
	v, err := plain(raw)
	if err != nil {
		return nil, err
	}
	return document.NewLazyDocument(v), nil
}

// plain decodes JSON into what the SDK's documents are made of. Whole numbers
// stay whole.
func plain(raw json.RawMessage) (any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	return numbers(v), nil
}

func numbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		f, err := v.Float64()
		if err != nil {
			return v.String() // beyond a float64: the service says what it makes of it
		}
		return f
	case map[string]any:
		for k := range v {
			v[k] = numbers(v[k])
		}
	case []any:
		for i := range v {
			v[i] = numbers(v[i])
		}
	}
	return v
}
