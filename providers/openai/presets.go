package openai

import "sort"

// Preset is what a known service needs beside a key.
type Preset struct {
	BaseURL   string // "" = the user must give one
	KeyEnv    string // environment variable that people keep its key in; "" = none needed
	KeyHeader string // "" = Authorization: Bearer
}

// presets are services that speak this wire. Azure's address is the user's own:
// https://NAME.openai.azure.com/openai/v1, or the older
// https://NAME.openai.azure.com/openai/deployments/DEPLOYMENT with an API version
// beside it. A WisGate is where its operator put it.
var presets = map[string]Preset{
	"openai":      {BaseURL: "https://api.openai.com/v1", KeyEnv: "OPENAI_API_KEY"},
	"azure":       {KeyEnv: "AZURE_OPENAI_API_KEY", KeyHeader: "api-key"},
	"openrouter":  {BaseURL: "https://openrouter.ai/api/v1", KeyEnv: "OPENROUTER_API_KEY"},
	"groq":        {BaseURL: "https://api.groq.com/openai/v1", KeyEnv: "GROQ_API_KEY"},
	"deepseek":    {BaseURL: "https://api.deepseek.com/v1", KeyEnv: "DEEPSEEK_API_KEY"},
	"mistral":     {BaseURL: "https://api.mistral.ai/v1", KeyEnv: "MISTRAL_API_KEY"},
	"xai":         {BaseURL: "https://api.x.ai/v1", KeyEnv: "XAI_API_KEY"},
	"together":    {BaseURL: "https://api.together.xyz/v1", KeyEnv: "TOGETHER_API_KEY"},
	"fireworks":   {BaseURL: "https://api.fireworks.ai/inference/v1", KeyEnv: "FIREWORKS_API_KEY"},
	"cerebras":    {BaseURL: "https://api.cerebras.ai/v1", KeyEnv: "CEREBRAS_API_KEY"},
	"huggingface": {BaseURL: "https://router.huggingface.co/v1", KeyEnv: "HF_TOKEN"},
	"vercel":      {BaseURL: "https://ai-gateway.vercel.sh/v1", KeyEnv: "AI_GATEWAY_API_KEY"},
	"llamacpp":    {BaseURL: "http://127.0.0.1:8080/v1"},
	"lmstudio":    {BaseURL: "http://127.0.0.1:1234/v1"},
	"ollama":      {BaseURL: "http://127.0.0.1:11434/v1"},
	"vllm":        {BaseURL: "http://127.0.0.1:8000/v1"},
	"litellm":     {BaseURL: "http://127.0.0.1:4000/v1", KeyEnv: "LITELLM_API_KEY"},
	"wisgate":     {KeyEnv: "WISGATE_API_KEY"},
}

// PresetOf returns a known service.
func PresetOf(name string) (Preset, bool) {
	p, ok := presets[name]
	return p, ok
}

// PresetNames lists the known services, sorted.
func PresetNames() []string {
	names := make([]string, 0, len(presets))
	for n := range presets {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}
