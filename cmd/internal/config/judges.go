package config

import (
	"fmt"

	"infer/eval"
)

// ResolveJudges returns every model that may judge: those under judges, then the
// candidates that are single models. A judge does not stream, and has no
// parameters but its own.
func (c *Config) ResolveJudges() ([]eval.Candidate, error) {
	var out []eval.Candidate
	for i := range c.Judges {
		j := &c.Judges[i]
		no := false
		f := Candidate{Name: j.Name, Provider: j.Provider, Model: j.Model, Params: j.Params, Stream: &no, Prompt: Prompt{System: j.System}, Retries: j.Retries, Timeout: j.Timeout}
		one, err := c.candidate(&f)
		if err != nil {
			return nil, err
		}
		one.Params = eval.Params(j.Params)
		out = append(out, one)
	}
	for i := range c.Candidates {
		if c.Candidates[i].Policy != nil {
			continue
		}
		one, err := c.candidate(&c.Candidates[i])
		if err != nil {
			return nil, err
		}
		one.Prompt.Template, one.Prompt.Examples = "", nil // they are about the tasks
		out = append(out, one)
	}
	return out, nil
}

// ResolveEmbedder returns the model that embeds texts; nil = none is configured.
func (c *Config) ResolveEmbedder() (*eval.Candidate, error) {
	e := c.Embedder
	if e == nil {
		return nil, nil
	}
	one, err := c.candidate(&Candidate{Name: "embedder", Provider: e.Provider, Model: e.Model})
	if err != nil {
		return nil, err
	}
	one.Params, one.Stream = eval.Params(e.Params), false
	return &one, nil
}

// validateJudges checks that judges have names of their own and providers that
// there are.
func (c *Config) validateJudges() error {
	index := make(map[string]string)
	for i := range c.Candidates {
		index[c.Candidates[i].Name] = fmt.Sprintf("candidates[%d].name", i)
	}
	for i := range c.Judges {
		j, at := &c.Judges[i], fmt.Sprintf("judges[%d]", i)
		if err := c.checkName(at+".name", j.Name); err != nil {
			return err
		}
		if other, ok := index[j.Name]; ok {
			return c.fail(at+".name", "give each a name of its own", "judge %s: the name is taken by the one at %s", j.Name, c.At(other))
		}
		index[j.Name] = at + ".name"
		if err := c.checkJudgeProvider(at, "judge "+j.Name, j.Provider); err != nil {
			return err
		}
		if err := c.validateRetries(at+".retries", j.Retries); err != nil {
			return err
		}
	}
	if c.Embedder == nil {
		return nil
	}
	if err := c.checkJudgeProvider("embedder", "embedder", c.Embedder.Provider); err != nil {
		return err
	}
	if p, ok := c.Providers[c.Embedder.Provider]; ok && p.Type != "" && p.Type != "openai" {
		return c.fail("embedder.provider", "name a provider of the type openai", "embedder: a provider of the type %s has no embeddings endpoint", p.Type)
	}
	return nil
}

func (c *Config) checkJudgeProvider(at, who, name string) error {
	if _, ok := c.Providers[name]; ok || contains(serviceNames(), name) {
		return nil
	}
	hint, _ := c.ensureProvider(name)
	return c.fail(at+".provider", hint, "%s: unknown provider %q", who, eval.Untrusted(name).Line(60))
}
