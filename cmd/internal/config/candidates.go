package config

import (
	"errors"
	"fmt"
	"strings"

	"infer/eval"
)

// ResolveCandidates returns the candidates: those of -m if there are any, else
// those of the file, each with the defaults merged in, its examples loaded and,
// for a policy, its members. Providers that -m or a preset's name imply are added
// to Providers.
func (c *Config) ResolveCandidates() ([]eval.Candidate, error) {
	list, err := c.selected()
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, eval.Invalid(errors.New("no candidate to evaluate"), "name models: -m openai/gpt-5-mini -m local=http://127.0.0.1:8101/v1/MODEL, or write an infer.yaml: `infer init`")
	}
	known := make(map[string]*Candidate)
	for i := range c.Candidates {
		known[c.Candidates[i].Name] = &c.Candidates[i]
	}
	seen := make(map[string]bool)
	for i := range list {
		name := list[i].Name
		if seen[name] {
			return nil, eval.Invalid(fmt.Errorf("two candidates are called %q", eval.Untrusted(name).Line(60)), "give each a name of its own: -m NAME=provider/model")
		}
		seen[name] = true
	}
	out := make([]eval.Candidate, len(list))
	for i := range list {
		if list[i].Policy != nil {
			out[i], err = c.policy(&list[i], known)
		} else {
			out[i], err = c.candidate(&list[i])
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// selected are the candidates of -m, else those of the file.
func (c *Config) selected() ([]Candidate, error) {
	if len(c.models) == 0 {
		return append([]Candidate(nil), c.Candidates...), nil
	}
	list := make([]Candidate, len(c.models))
	for i, m := range c.models {
		var err error
		if list[i], err = c.fromFlag(m); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// where is the key of a candidate of the file; "" = it is not from there.
func (c *Config) where(name string) string {
	for i := range c.Candidates {
		if c.Candidates[i].Name == name && len(c.models) == 0 {
			return fmt.Sprintf("candidates[%d]", i)
		}
	}
	return ""
}

// candidate merges one candidate with the defaults.
func (c *Config) candidate(f *Candidate) (eval.Candidate, error) {
	params := make(eval.Params, len(c.Defaults.Params)+len(f.Params))
	for k, v := range c.Defaults.Params {
		params[k] = v
	}
	for k, v := range f.Params {
		params[k] = v
	}
	if hint, ok := c.ensureProvider(f.Provider); !ok {
		return eval.Candidate{}, c.unknownProvider(f, hint)
	}
	out := eval.Candidate{Name: f.Name, Provider: f.Provider, Model: f.Model, Host: c.host(f.Provider), Params: params,
		Prompt: eval.Prompt{System: f.Prompt.System, Template: f.Prompt.Template},
		Stream: c.Providers[f.Provider].Type != "simulate",
		Retry:  retry(retry(eval.Retry{Max: defaultRetries}, c.Defaults.Retries), f.Retries),
		Limits: eval.Limits{Timeout: first(f.Timeout, c.Defaults.Timeout), FirstToken: first(f.FirstToken, c.Defaults.FirstToken)}}
	for _, s := range []*bool{c.Defaults.Stream, f.Stream} {
		if s != nil {
			out.Stream = *s
		}
	}
	if f.Prompt.Examples != "" {
		var err error
		if out.Prompt.Examples, err = examples(c.Abs(f.Prompt.Examples), f.Prompt.ExamplesPerType); err != nil {
			return out, fmt.Errorf("candidate %s: %w", eval.Untrusted(f.Name).Line(60), err)
		}
	}
	return out, nil
}

func (c *Config) unknownProvider(f *Candidate, hint string) error {
	return c.fail(c.where(f.Name)+".provider", hint, "candidate %s: unknown provider %q", eval.Untrusted(f.Name).Line(60), eval.Untrusted(f.Provider).Line(60))
}

// validateCandidates checks the candidates of the file without changing
// anything.
func (c *Config) validateCandidates() error {
	index := make(map[string]int)
	for i := range c.Candidates {
		f, at := &c.Candidates[i], fmt.Sprintf("candidates[%d]", i)
		if err := c.checkName(at+".name", f.Name); err != nil {
			return err
		}
		if j, ok := index[f.Name]; ok {
			return c.fail(at+".name", "give each a name of its own", "candidate %s: the name is taken by the one at %s", f.Name, c.At(fmt.Sprintf("candidates[%d].name", j)))
		}
		index[f.Name] = i
		if f.Policy == nil {
			if err := c.validateModel(at, f); err != nil {
				return err
			}
			continue
		}
		for _, key := range []string{"provider", "model", "params", "stream", "prompt", "retries", "timeout", "first_token_timeout"} {
			if _, set := c.places[at+"."+key]; set {
				return c.fail(at+"."+key, "set it on the candidates that the policy names", "candidate %s is a policy; it has no %s of its own", f.Name, key)
			}
		}
	}
	for i := range c.Candidates {
		if err := c.validatePolicy(fmt.Sprintf("candidates[%d]", i), &c.Candidates[i]); err != nil {
			return err
		}
	}
	return c.validateRetries("defaults.retries", c.Defaults.Retries)
}

func (c *Config) validateModel(at string, f *Candidate) error {
	switch {
	case f.Provider == "" || f.Model == "":
		return c.fail(at, "or make it a policy over other candidates", "candidate %s needs provider and model", f.Name)
	case f.Prompt.Template != "" && !strings.Contains(f.Prompt.Template, "{{input}}"):
		return c.fail(at+".prompt.template", "put {{input}} where the task's text belongs", "candidate %s: the template does not hold {{input}}", f.Name)
	case f.Prompt.ExamplesPerType > 0 && f.Prompt.Examples == "":
		return c.fail(at+".prompt.examples_per_type", "name the file with examples:", "candidate %s: there are no examples", f.Name)
	}
	p, configured := c.Providers[f.Provider]
	if !configured && !contains(serviceNames(), f.Provider) {
		hint, _ := c.ensureProvider(f.Provider)
		return c.unknownProvider(f, hint)
	}
	if _, ok := p.Models[f.Model]; p.Type == "simulate" && !ok {
		return c.fail(at+".model", suggest(f.Model, sortedKeys(p.Models), "it has "), "candidate %s: provider %s simulates no model %q", f.Name, f.Provider, eval.Untrusted(f.Model).Line(60))
	}
	return c.validateRetries(at+".retries", f.Retries)
}

// validateRetries refuses a first wait that is longer than the longest.
func (c *Config) validateRetries(at string, r *Retries) error {
	if r != nil && r.MaxDelay > 0 && r.BaseDelay > r.MaxDelay {
		return c.fail(at+".base_delay", "make base_delay the smaller one", "base_delay %s is longer than max_delay %s", r.BaseDelay, r.MaxDelay)
	}
	return nil
}

// first is the first value that is set.
func first[T comparable](values ...T) T {
	var none T
	for _, v := range values {
		if v != none {
			return v
		}
	}
	return none
}

// retry lays a rule of the file over another.
func retry(r eval.Retry, over *Retries) eval.Retry {
	if over == nil {
		return r
	}
	if over.Max != nil {
		r.Max = *over.Max
	}
	if over.On != nil {
		r.On = classes(over.On)
	}
	r.BaseDelay, r.MaxDelay = first(over.BaseDelay, r.BaseDelay), first(over.MaxDelay, r.MaxDelay)
	return r
}

func classes(names []string) []eval.Class {
	out := make([]eval.Class, len(names))
	for i, n := range names {
		out[i] = eval.Class(n)
	}
	return out
}
