package config

import (
	"sort"

	"infer/eval"
)

// Rule is the project's rule between a default and a backup, resolved.
type Rule struct {
	On      []eval.Class
	Retry   eval.Retry
	Limits  eval.Limits
	Confirm []string // task types, those that are marked confirm included
}

// ResolveRule returns the rule that infer recommend writes out.
func (c *Config) ResolveRule() Rule {
	p := c.Policy
	r := Rule{On: triggers(p.On), Retry: retry(retry(eval.Retry{Max: defaultRetries}, c.Defaults.Retries), p.Retries),
		Limits: eval.Limits{Timeout: first(p.Timeout, c.Defaults.Timeout), FirstToken: first(p.FirstToken, c.Defaults.FirstToken)}}
	names := append([]string(nil), p.Confirm...)
	for n, t := range c.TaskTypes {
		if t.Confirm && !contains(names, n) {
			names = append(names, n)
		}
	}
	r.Confirm = sorted(names)
	return r
}

// triggers are the classes that hand over to a backup; those of a passing
// failure where a policy names none.
func triggers(on []string) []eval.Class {
	if on == nil {
		return []eval.Class{eval.ClassRateLimit, eval.ClassTimeout, eval.ClassUnavailable, eval.ClassNetwork}
	}
	return classes(on)
}

// policy builds a policy candidate out of the candidates that it names.
func (c *Config) policy(f *Candidate, known map[string]*Candidate) (eval.Candidate, error) {
	p := f.Policy
	out := eval.Candidate{Name: f.Name, Policy: &eval.Policy{Default: p.Default, Backup: p.Backup, On: triggers(p.On), Confirm: p.Confirm, ContextBackup: p.ContextBackup}}
	for _, m := range []struct {
		key, name string
		dest      **eval.Candidate
	}{
		{"default", p.Default, &out.Policy.DefaultCandidate},
		{"backup", p.Backup, &out.Policy.BackupCandidate},
		{"context_backup", p.ContextBackup, &out.Policy.ContextCandidate},
	} {
		if m.name == "" {
			continue
		}
		one, err := c.candidate(known[m.name])
		if err != nil {
			return out, err
		}
		one.Limits.Timeout = first(p.Timeout, one.Limits.Timeout)
		one.Limits.FirstToken = first(p.FirstToken, one.Limits.FirstToken)
		*m.dest = &one
	}
	d := out.Policy.DefaultCandidate
	d.Retry = retry(d.Retry, p.Retries)
	out.Provider, out.Model = d.Provider, d.Model
	return out, nil
}

// validatePolicy checks that a policy names single models, and different ones.
func (c *Config) validatePolicy(at string, f *Candidate) error {
	if f.Policy == nil {
		return nil
	}
	p := f.Policy
	at += ".policy"
	for _, m := range []struct{ key, name string }{{"default", p.Default}, {"backup", p.Backup}, {"context_backup", p.ContextBackup}} {
		if m.name == "" {
			continue
		}
		if err := c.knownCandidate(at+"."+m.key, m.name); err != nil {
			return err
		}
		if c.byName(m.name).Policy != nil {
			return c.fail(at+"."+m.key, "name a candidate that is a single model", "policy %s: %s is a policy itself", f.Name, m.name)
		}
		if m.key != "default" && m.name == p.Default {
			return c.fail(at+"."+m.key, "name another candidate", "policy %s: %s is its default already", f.Name, m.name)
		}
	}
	return c.validateRetries(at+".retries", p.Retries)
}

// knownCandidate checks that the file has a candidate of that name.
func (c *Config) knownCandidate(at, name string) error {
	if c.byName(name) != nil {
		return nil
	}
	var names []string
	for i := range c.Candidates {
		names = append(names, c.Candidates[i].Name)
	}
	return c.fail(at, suggest(name, names, "the candidates are "), "unknown candidate %q", eval.Untrusted(name).Line(60))
}

func sorted(names []string) []string {
	sort.Strings(names)
	return names
}
