package config

import (
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"infer/eval"
	"infer/providers/gemini"
	"infer/providers/httpx"
	"infer/providers/jsonhttp"
	"infer/providers/openai"
	"infer/providers/simulate"
)

// Endpoint is where a provider over HTTP is reached and where its key is found.
// It never holds a key.
type Endpoint struct {
	BaseURL   string
	Origin    string // where BaseURL is from, as in Value
	KeyHeader string // header that carries the key; "" = the wire's own
	KeyEnv    string // environment variable; "" = none
	KeyFile   string // path; "" = none
	KeyCmd    []string
}

// bedrockKey is the variable that people keep a Bedrock API key in.
const bedrockKey = "AWS_BEARER_TOKEN_BEDROCK"

// baseVariables are environment variables that move a service, from the real
// environment only: a .env that came with a project cannot redirect a key.
var baseVariables = map[string]string{"openai": "OPENAI_BASE_URL", "anthropic": "ANTHROPIC_BASE_URL"}

// Endpoint returns where a provider is reached: its base_url, or that of its
// preset or type (which a variable of the real environment may move), and the key
// of that host. Bedrock's base URL may be "": its region says where it is. It
// returns false for providers that are not reached over a network.
func (c *Config) Endpoint(name string) (Endpoint, bool) {
	p, ok := c.Providers[name]
	if p.Type == "" {
		p.Type = "openai"
	}
	if !ok || !isHTTP(p.Type) && p.Type != "bedrock" {
		return Endpoint{}, false
	}
	e := Endpoint{BaseURL: p.BaseURL, Origin: c.origin("providers." + name + ".base_url"), KeyHeader: p.APIKeyHeader,
		KeyEnv: p.APIKeyEnv, KeyFile: c.Abs(p.APIKeyFile), KeyCmd: command(p.APIKeyCmd)}
	s := serviceOf(&p)
	if s.kind == "" {
		return e, true
	}
	if e.KeyHeader == "" {
		e.KeyHeader = s.keyHeader
	}
	home := p.BaseURL == ""
	if home {
		e.BaseURL, e.Origin = s.baseURL, "preset "+first(p.Preset, p.Type)
		if variable := baseVariables[first(p.Preset, p.Type)]; variable != "" && c.real(variable) != "" {
			e.BaseURL, e.Origin = c.real(variable), "env "+variable
		}
	}
	// The key that a type of provider is known for is for its own host only; a
	// preset says which service is meant, wherever it is reached.
	if e.KeyEnv == "" && e.KeyFile == "" && e.KeyCmd == nil && (home || p.Preset != "") {
		e.KeyEnv = s.keyEnv
		if p.Type == "bedrock" && c.env(bedrockKey) != "" {
			e.KeyEnv = bedrockKey // else the credentials of the AWS chain
		}
		if e.KeyEnv == gemini.KeyEnv && c.env(e.KeyEnv) == "" && c.env("GOOGLE_API_KEY") != "" {
			e.KeyEnv = "GOOGLE_API_KEY"
		}
	}
	return e, true
}

// command is a command as its words: one text is split at white space.
func command(s Strings) []string {
	if len(s) == 1 {
		return strings.Fields(s[0])
	}
	return s
}

// host is a provider's host, for the independence of backups; "" = none.
func (c *Config) host(name string) string {
	if p := c.Providers[name]; p.Type == "bedrock" && p.BaseURL == "" {
		return "bedrock-runtime" // one service, whatever the region
	}
	e, _ := c.Endpoint(name)
	u, err := url.Parse(e.BaseURL)
	if err != nil {
		return ""
	}
	return u.Host
}

func (c *Config) providerNames() []string { return sortedKeys(c.Providers) }

// ensureProvider makes sure that a provider of that name is there: one that is
// configured, or a preset.
func (c *Config) ensureProvider(name string) (hint string, ok bool) {
	if _, ok := c.Providers[name]; ok {
		return "", true
	}
	if s, ok := services()[name]; ok {
		c.addProvider(name, Provider{Type: s.kind, Preset: s.preset})
		return "", true
	}
	all := append(c.providerNames(), serviceNames()...)
	return suggest(name, all, "define it under providers, or use one of "), false
}

func (c *Config) addProvider(name string, p Provider) {
	if c.Providers == nil {
		c.Providers = make(map[string]Provider)
	}
	c.Providers[name] = p
}

func (c *Config) validateProviders() error {
	for _, name := range c.providerNames() {
		p, at := c.Providers[name], "providers."+name
		if err := c.checkName(at, name); err != nil {
			return err
		}
		if strings.ContainsAny(name, "/=") {
			return c.fail(at, "use letters, digits, - and _", "provider %q: a name cannot hold / or =", eval.Untrusted(name).Line(60))
		}
		if p.Type == "" {
			p.Type = "openai"
			c.Providers[name] = p
		}
		if err := c.misplaced(at, p.Type); err != nil {
			return err
		}
		var err error
		switch p.Type {
		case "openai", "anthropic", "gemini":
			err = c.validateEndpoint(name, &p)
		case "http":
			if err = c.validateEndpoint(name, &p); err == nil {
				err = c.validateReply(at, &p)
			}
		case "bedrock":
			if p.BaseURL != "" {
				err = c.validateEndpoint(name, &p)
			}
		case "command":
			err = c.validateCommand(at, &p)
		case "replay":
			if len(p.Cassette) == 0 {
				err = c.fail(at, "name a recording: `infer eval --record FILE` makes one", "provider %s needs a cassette", name)
			}
		case "simulate":
			err = c.validateSimulated(at, &p)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// settings says which types of providers have a setting; what is not here, all
// have.
var settings = []struct{ kinds, keys string }{
	{"openai", "preset api api_version"},
	{"openai anthropic gemini http", "api_key_header headers"},
	{"openai anthropic gemini http bedrock", "base_url api_key_env api_key_file api_key_cmd allow_http"},
	{"openai anthropic gemini http bedrock command", "timeouts"},
	{"bedrock", "region profile"},
	{"http", "request response"},
	{"command", "command per_call env"},
	{"replay", "cassette speed"},
	{"simulate", "seed models"},
}

// validateReply checks what makes an endpoint of the user's own usable.
func (c *Config) validateReply(at string, p *Provider) error {
	cfg := jsonhttp.Config{Config: httpx.Config{Name: strings.TrimPrefix(at, "providers."), BaseURL: p.BaseURL}, Request: p.Request, Response: p.Response.Paths()}
	if _, err := jsonhttp.New(cfg); err != nil {
		where := at
		for _, part := range []string{"request", "response"} {
			if strings.Contains(err.Error(), part) {
				where = at + "." + part
			}
		}
		return c.fail(where, eval.Hint(err), "%v", err)
	}
	return nil
}

// Paths are the paths as the wire takes them.
func (r *Reply) Paths() jsonhttp.Paths {
	return jsonhttp.Paths{Text: r.Text, ToolCalls: r.ToolCalls, Refusal: r.Refusal, Finish: r.Finish, Model: r.Model, Error: r.Error,
		Input: r.Input, Cached: r.Cached, Output: r.Output, Reasoning: r.Reasoning, CostUSD: r.CostUSD, BackendMS: r.BackendMS}
}

// validateCommand checks the words of a command; whether the program is there is
// known when it is to run.
func (c *Config) validateCommand(at string, p *Provider) error {
	if len(p.Command) == 0 || p.Command[0] == "" {
		return c.fail(at, "write it like command: [python3, app.py]", "%s needs a command", strings.TrimPrefix(at, "providers."))
	}
	for i, name := range p.Env {
		if !envRE.MatchString(name) { // it may be a value, which is not shown
			return c.fail(at+".env", "give names such as APP_TOKEN; their values come from the environment", "env: number %d is not the name of a variable", i+1)
		}
	}
	return nil
}

// CommandOf is the program of a command provider, with a path that is relative
// to the project made absolute.
func (c *Config) CommandOf(p *Provider) []string {
	words := append([]string(nil), command(p.Command)...)
	if len(words) > 0 && strings.ContainsRune(words[0], '/') {
		words[0] = c.Abs(words[0])
	}
	return words
}

// misplaced finds a setting that providers of another type have.
func (c *Config) misplaced(at, kind string) error {
	for _, s := range settings {
		kinds := strings.Fields(s.kinds)
		if slices.Contains(kinds, kind) {
			continue
		}
		for _, key := range strings.Fields(s.keys) {
			if _, set := c.places[at+"."+key]; set {
				return c.fail(at+"."+key, "remove it, or set type: "+kinds[0], "%s is for providers of type %s; this one is %s", key, strings.Join(kinds, ", "), kind)
			}
		}
	}
	return nil
}

var headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")

// validateEndpoint checks what decides who gets a key.
func (c *Config) validateEndpoint(name string, p *Provider) error {
	at := "providers." + name
	service := serviceOf(p)
	if p.BaseURL == "" && service.baseURL == "" {
		hint := "give it one, or a preset: " + strings.Join(openai.PresetNames(), ", ")
		if p.Preset != "" {
			hint = "the preset " + p.Preset + " has none: every installation has its own"
		}
		return c.fail(at, hint, "provider %s needs base_url", name)
	}
	keys := 0
	for _, set := range []bool{p.APIKeyEnv != "", p.APIKeyFile != "", len(p.APIKeyCmd) > 0} {
		if set {
			keys++
		}
	}
	if keys > 1 {
		return c.fail(at, "keep one of api_key_env, api_key_file and api_key_cmd", "provider %s has more than one key", name)
	}
	if len(p.APIKeyCmd) > 0 && len(command(p.APIKeyCmd)) == 0 {
		return c.fail(at+".api_key_cmd", "write it like [pass, show, openai]", "api_key_cmd is empty")
	}
	for _, h := range sortedKeys(p.Headers) {
		v := p.Headers[h]
		if !headerName.MatchString(h) || strings.ContainsAny(v, "\r\n\x00") {
			return c.fail(at+".headers."+h, "write it as Name: one line of text", "provider %s: %q is not a header", name, eval.Untrusted(h).Line(40))
		}
	}
	if p.APIKeyHeader != "" && !headerName.MatchString(p.APIKeyHeader) {
		return c.fail(at+".api_key_header", "write a name such as X-Api-Key", "provider %s: %q is not a header", name, eval.Untrusted(p.APIKeyHeader).Line(40))
	}
	if p.BaseURL == "" {
		return nil
	}
	u, err := url.Parse(p.BaseURL)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return c.fail(at+".base_url", "write it like https://api.example.com/v1", "provider %s: base_url is not an http or https URL", name)
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return c.fail(at+".base_url", "put the key into the environment and name it with api_key_env", "provider %s: base_url holds a password, a query or a fragment", name)
	case keys == 0 && p.Preset != "" && service.keyEnv != "" && foreign(u, service.baseURL):
		return c.fail(at+".base_url", "name the key of that host with api_key_env, or leave out preset", "provider %s: the key of preset %s is not for %s", name, p.Preset, eval.Untrusted(u.Host).Line(80))
	case keys > 0 && u.Scheme == "http" && !p.AllowHTTP && !isLoopback(u.Hostname()):
		return c.fail(at+".base_url", "use https, or set allow_http: true if the network is yours", "provider %s: a key would go to %s in plain text", name, eval.Untrusted(u.Host).Line(80))
	}
	return nil
}

// foreign reports whether a URL points elsewhere than the public service that a
// preset stands for.
func foreign(u *url.URL, base string) bool {
	b, err := url.Parse(base)
	return err == nil && base != "" && !isLoopback(b.Hostname()) && !strings.EqualFold(b.Host, u.Host)
}

func isLoopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.Unmap().IsLoopback()
}

func (c *Config) validateSimulated(at string, p *Provider) error {
	if len(p.Models) == 0 {
		return c.fail(at, "add models: {good: {accuracy: 0.9, latency: 200ms}}", "a simulate provider needs models")
	}
	for _, name := range sortedKeys(p.Models) {
		m := p.Models[name]
		s := simulate.Model{Accuracy: 1, TypeAccuracy: m.TypeAccuracy, Faults: m.Faults}
		for _, fault := range sortedKeys(m.Faults) {
			if !contains(simulate.Faults(), fault) {
				return c.fail(at+".models."+name+".faults."+fault, suggest(fault, simulate.Faults(), "the faults are "), "unknown fault %q", eval.Untrusted(fault).Line(40))
			}
		}
		if err := s.Validate(); err != nil {
			return c.fail(at+".models."+name, "the chances of all faults add up to 1 at most", "model %s: %v", eval.Untrusted(name).Line(60), err)
		}
	}
	return nil
}

// checkName refuses names that cannot be shown as they are.
func (c *Config) checkName(at, name string) error {
	if strings.TrimSpace(name) != name || name == "" || eval.Untrusted(name).Line(100) != name {
		return c.fail(at, "use a name of up to 100 visible characters", "%q is not a name", eval.Untrusted(name).Line(60))
	}
	return nil
}
