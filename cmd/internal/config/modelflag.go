package config

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"infer/eval"
)

// ModelFlag is one -m, taken apart.
type ModelFlag struct {
	Name     string // what stands before =; "" = nothing
	Provider string // of NAME/MODEL; "" with a URL, or when only a candidate is named
	BaseURL  string // of a URL: up to and including /v1, or up to the last /
	Model    string // the rest, which may hold slashes; or a candidate's name
}

// ParseModelFlag reads one -m: [NAME=]PROVIDER/MODEL, split at the first slash,
// [NAME=]URL, whose model begins behind /v1/ or else behind the last slash, or
// [NAME=]CANDIDATE.
func ParseModelFlag(s string) (ModelFlag, error) {
	var f ModelFlag
	fail := func(why string) (ModelFlag, error) {
		return ModelFlag{}, eval.Invalid(fmt.Errorf("-m %s: %s", eval.Untrusted(redact(s)).Line(100), why), "write it like openai/gpt-5-mini, or local=http://127.0.0.1:8101/v1/MODEL")
	}
	target := s
	if name, rest, ok := strings.Cut(s, "="); ok && !strings.Contains(name, "/") {
		if f.Name, target = name, rest; name == "" {
			return fail("no name in front of =")
		}
	}
	lower := strings.ToLower(target)
	if strings.HasPrefix(lower, "http://") || strings.HasPrefix(lower, "https://") {
		var err error
		if f.BaseURL, f.Model, err = splitURL(target); err != nil {
			return fail(err.Error())
		}
	} else if provider, model, ok := strings.Cut(target, "/"); ok {
		f.Provider, f.Model = provider, model
		if provider == "" {
			return fail("no provider in front of /")
		}
		if strings.ContainsAny(provider, ":=") {
			return fail("neither http nor https")
		}
	} else {
		f.Model = target
	}
	if f.Model == "" {
		return fail("no model is named")
	}
	if eval.Untrusted(s).Line(2000) != s {
		return fail("it holds characters that cannot be shown")
	}
	return f, nil
}

// splitURL splits the URL of a model into that of the API and the model string.
func splitURL(s string) (base, model string, err error) {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "":
		return "", "", errors.New("not a URL")
	case u.User != nil:
		return "", "", errors.New("a URL cannot hold a password; configure a provider with api_key_env")
	case u.RawQuery != "" || u.ForceQuery || strings.Contains(s, "#"):
		return "", "", errors.New("a URL with ? or # has no model at its end")
	}
	start := strings.Index(s, "//") + 2
	slash := strings.IndexByte(s[start:], '/')
	if slash < 0 {
		return "", "", errors.New("no model after the URL of the API")
	}
	path := start + slash
	if i := strings.Index(s[path:], "/v1/"); i >= 0 {
		base, model = s[:path+i+3], s[path+i+4:]
	} else {
		i := strings.LastIndexByte(s, '/')
		base, model = s[:i], s[i+1:]
	}
	if model == "" {
		return "", "", errors.New("no model after the URL of the API")
	}
	return base, model, nil
}

// String writes the flag as it may be given.
func (f ModelFlag) String() string {
	s := f.Model
	switch {
	case f.BaseURL != "":
		s = f.BaseURL + "/" + s
	case f.Provider != "":
		s = f.Provider + "/" + s
	}
	if f.Name != "" {
		s = f.Name + "=" + s
	}
	return s
}

// fromFlag makes a candidate of one -m. Providers that it names implicitly are
// added.
func (c *Config) fromFlag(s string) (Candidate, error) {
	if one := c.byName(s); one != nil {
		return *one, nil
	}
	f, err := ParseModelFlag(s)
	if err != nil {
		return Candidate{}, err
	}
	refuse := func(hint, format string, args ...any) (Candidate, error) {
		return Candidate{}, eval.Invalid(fmt.Errorf("-m %s: %s", eval.Untrusted(s).Line(100), fmt.Sprintf(format, args...)), hint)
	}
	target := strings.TrimPrefix(s, f.Name+"=")
	if one := c.byName(target); f.Name != "" && one != nil {
		named := *one
		named.Name = f.Name
		return named, nil
	}
	out := Candidate{Name: f.Name, Provider: f.Provider, Model: f.Model}
	switch {
	case f.BaseURL != "":
		out.Provider, target = c.providerAt(f.BaseURL), f.Model
	case f.Provider != "":
		if hint, ok := c.ensureProvider(f.Provider); !ok {
			return refuse(hint, "unknown provider %q", eval.Untrusted(f.Provider).Line(60))
		}
	default:
		var names []string
		for i := range c.Candidates {
			names = append(names, c.Candidates[i].Name)
		}
		hint := "write it like openai/gpt-5-mini, or local=http://127.0.0.1:8101/v1/MODEL"
		if near := Nearest(f.Model, names); near != "" {
			hint = fmt.Sprintf("did you mean %s?", near)
		}
		return refuse(hint, "neither a candidate of the project nor provider/model")
	}
	if out.Name == "" {
		out.Name = target
	}
	return out, nil
}

// providerAt returns the provider with that base URL: one that is configured, or
// a new one that is called by its host.
func (c *Config) providerAt(base string) string {
	for _, name := range c.providerNames() {
		if strings.TrimSuffix(c.Providers[name].BaseURL, "/") == base {
			return name
		}
	}
	_, name, _ := strings.Cut(base, "//")
	host, _, _ := strings.Cut(name, "/")
	if _, taken := c.Providers[host]; !taken {
		name = host
	}
	c.addProvider(name, Provider{Type: "openai", BaseURL: base})
	return name
}

func (c *Config) byName(name string) *Candidate {
	for i := range c.Candidates {
		if c.Candidates[i].Name == name {
			return &c.Candidates[i]
		}
	}
	return nil
}
