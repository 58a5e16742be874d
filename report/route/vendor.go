package route

import (
	"fmt"
	"strings"

	"infer/eval"
)

// The wire protocols of a Model.
const (
	APIOpenAI    = "openai"
	APIAnthropic = "anthropic"
	APIGemini    = "gemini"
	APIBedrock   = "bedrock"
)

// APIs lists the wire protocols.
func APIs() []string { return []string{APIOpenAI, APIAnthropic, APIGemini, APIBedrock} }

// vendor is a public service that gateways know by a name of their own. A name
// that is "" says that the gateway is not known to have one: an OpenAI-style
// service is then named by its address.
type vendor struct {
	name string
	api  string
	base string // address; "" = the wire's own service
	own  string // the address that "" stands for

	litellm, portkey, tensorzero, bifrost, cloudflare string
}

// vendors, the wire's own service first.
var vendors = []vendor{
	{"openai", APIOpenAI, "", "https://api.openai.com/v1", "openai", "openai", "openai", "openai", "openai"},
	{"anthropic", APIAnthropic, "", "https://api.anthropic.com", "anthropic", "anthropic", "anthropic", "anthropic", "anthropic"},
	{"gemini", APIGemini, "", "https://generativelanguage.googleapis.com", "gemini", "google", "google_ai_studio_gemini", "gemini", "google-ai-studio"},
	{"bedrock", APIBedrock, "", "", "bedrock", "", "", "", ""},
	{"openrouter", APIOpenAI, "https://openrouter.ai/api/v1", "", "openrouter", "openrouter", "openrouter", "openrouter", "openrouter"},
	{"groq", APIOpenAI, "https://api.groq.com/openai/v1", "", "groq", "groq", "groq", "groq", "groq"},
	{"deepseek", APIOpenAI, "https://api.deepseek.com/v1", "", "deepseek", "deepseek", "deepseek", "", "deepseek"},
	{"mistral", APIOpenAI, "https://api.mistral.ai/v1", "", "mistral", "mistral-ai", "mistral", "mistral", "mistral"},
	{"xai", APIOpenAI, "https://api.x.ai/v1", "", "xai", "x-ai", "xai", "", "grok"},
	{"together", APIOpenAI, "https://api.together.xyz/v1", "", "together_ai", "together-ai", "together", "", ""},
	{"fireworks", APIOpenAI, "https://api.fireworks.ai/inference/v1", "", "fireworks_ai", "fireworks-ai", "fireworks", "", ""},
}

// base is the model's address without a trailing slash, "" for the wire's own
// service.
func (m *Model) base() string {
	b := strings.TrimRight(m.BaseURL, "/")
	for i := range vendors {
		if vendors[i].api == m.API && vendors[i].own == b {
			return ""
		}
	}
	return b
}

// vendorOf returns the service that a model is called at; nil = one that only its
// address names.
func vendorOf(m *Model) *vendor {
	for i := range vendors {
		if vendors[i].api == m.API && vendors[i].base == m.base() {
			return &vendors[i]
		}
	}
	return nil
}

// place says how a gateway names a model's service: by a name of its own, or as
// an OpenAI-style service with an address.
func place(m *Model, format string, name func(*vendor) string) (string, string, error) {
	if v := vendorOf(m); v != nil && name(v) != "" {
		return name(v), "", nil
	}
	switch {
	case m.API == APIOpenAI && m.base() != "":
		return name(&vendors[0]), m.base(), nil
	case m.base() != "" && m.API != APIBedrock:
		for i := range vendors {
			if vendors[i].api == m.API && vendors[i].base == "" && name(&vendors[i]) != "" {
				return name(&vendors[i]), m.base(), nil
			}
		}
	}
	return "", "", eval.Invalid(fmt.Errorf("%s: model %s: the gateway has no way to call %s", format, eval.Untrusted(m.Name).Line(80), serviceName(m)),
		"export another format, or measure the model through a provider that the gateway knows")
}

func serviceName(m *Model) string {
	if b := m.base(); b != "" {
		return "the " + m.API + " wire at " + eval.Untrusted(b).Line(120)
	}
	return "the " + m.API + " wire"
}

// modelAt is the inverse of place.
func modelAt(provider, base string, name func(*vendor) string) (Model, bool) {
	for i := range vendors {
		v := &vendors[i]
		if n := name(v); n == "" || n != provider {
			continue
		}
		m := Model{API: v.api, BaseURL: v.base}
		if base != "" {
			m.BaseURL = strings.TrimRight(base, "/")
			m.BaseURL = m.base()
		}
		return m, true
	}
	return Model{}, false
}
