package config

import (
	"slices"
	"sort"

	"infer/providers/anthropic"
	"infer/providers/gemini"
	"infer/providers/openai"
)

// overHTTP are the types of providers that have a base URL and a key.
var overHTTP = []string{"openai", "anthropic", "gemini", "http"}

// service is what is known of a place where models are called.
type service struct {
	kind      string // type of provider
	preset    string // "" = the type says all
	baseURL   string // "" = the user must give one
	keyEnv    string // environment variable that people keep its key in; "" = none needed
	keyHeader string // "" = the wire's own
}

// services are the names that work as a provider without being configured: the
// presets of the OpenAI wire, and the wires that belong to one vendor.
func services() map[string]service {
	out := map[string]service{
		"anthropic": {kind: "anthropic", baseURL: anthropic.BaseURL, keyEnv: anthropic.KeyEnv},
		"bedrock":   {kind: "bedrock"},
		"gemini":    {kind: "gemini", baseURL: gemini.BaseURL, keyEnv: gemini.KeyEnv},
	}
	for _, name := range openai.PresetNames() {
		p, _ := openai.PresetOf(name)
		out[name] = service{kind: "openai", preset: name, baseURL: p.BaseURL, keyEnv: p.KeyEnv, keyHeader: p.KeyHeader}
	}
	return out
}

func serviceNames() []string {
	var names []string
	for n := range services() {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

// serviceOf is the service behind a provider: its preset, or that of its type.
func serviceOf(p *Provider) service {
	name := p.Preset
	if name == "" && p.Type != "openai" {
		name = p.Type
	}
	return services()[name]
}

// isHTTP reports whether a type of provider has a base URL and a key.
func isHTTP(kind string) bool { return slices.Contains(overHTTP, kind) }
