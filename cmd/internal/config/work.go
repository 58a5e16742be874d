package config

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"

	"infer/eval"
)

// Limits of the files that a configuration names.
const (
	maxExamples     = 8 << 20
	maxExampleLine  = 1 << 20
	examplesMeaning = `lines of {"task_type": "…", "input": "…", "output": "…"}`
)

// validate checks what one value alone cannot show: names that refer to each
// other, and settings that exclude each other.
func (c *Config) validate() error {
	if err := c.validateProviders(); err != nil {
		return err
	}
	if err := c.validateCandidates(); err != nil {
		return err
	}
	if err := c.validateJudges(); err != nil {
		return err
	}
	if c.Incumbent != "" {
		if err := c.knownCandidate("incumbent", c.Incumbent); err != nil {
			return err
		}
	}
	if err := unique(c.Prices.Models); err != nil {
		return err
	}
	if err := c.validatePrices(); err != nil {
		return err
	}
	for _, n := range sortedKeys(c.TaskTypes) {
		at := "task_types." + n
		if err := c.checkName(at, n); err != nil {
			return err
		}
		if r := c.TaskTypes[n].Repair; r != nil && r.MaxEditRatio == nil && r.MaxMissingFields == nil {
			return c.fail(at+".repair", "set max_edit_ratio or max_missing_fields", "task type %s: repair does not say what a person would repair", n)
		}
	}
	if c.Gates != nil {
		for i, n := range c.Gates.Candidates {
			if err := c.knownCandidate(fmt.Sprintf("gates.candidates[%d]", i), n); err != nil {
				return err
			}
		}
	}
	return c.validateRetries("policy.retries", c.Policy.Retries)
}

// validatePrices finds prices whose provider is a misspelt one: they would leave
// costs unknown without a word.
func (c *Config) validatePrices() error {
	all := append(c.providerNames(), serviceNames()...)
	for i := range c.Prices.Models {
		p := &c.Prices.Models[i]
		if contains(all, p.Provider) {
			continue
		}
		if near := Nearest(p.Provider, c.providerNames()); near != "" {
			return eval.Invalid(fmt.Errorf("%s: price of %s: unknown provider %q", p.place, eval.Untrusted(p.Model).Line(60), eval.Untrusted(p.Provider).Line(60)), fmt.Sprintf("did you mean %s?", near))
		}
	}
	return nil
}

// ResolveTaskTypes returns what the file says about task types, sorted by name.
func (c *Config) ResolveTaskTypes() ([]eval.TaskType, error) {
	out := make([]eval.TaskType, 0, len(c.TaskTypes))
	for _, n := range sortedKeys(c.TaskTypes) {
		f := c.TaskTypes[n]
		t := eval.TaskType{Name: n, Class: eval.RequestClass(f.Class), Margin: DefaultMargin, SLO: f.SLO, Volume: f.Volume,
			Confirm: f.Confirm, Regenerate: f.Regenerate, Review: f.Review}
		if t.Class == "" {
			t.Class = eval.LowRisk
		}
		if f.Margin != nil {
			t.Margin = *f.Margin
		}
		if r := f.Repair; r != nil {
			rate, _ := r.HourlyRate.USD()
			t.Repair = &eval.RepairRule{MaxEditRatio: r.MaxEditRatio, MaxMissingFields: r.MaxMissingFields, Minutes: r.Minutes, HourlyRate: rate}
		}
		out = append(out, t)
	}
	return out, nil
}

// GraderRules returns the grader rules by task type, "*" for the others.
func (c *Config) GraderRules() map[string]json.RawMessage {
	rules := make(map[string]json.RawMessage)
	for n, t := range c.TaskTypes {
		if len(t.Graders) > 0 {
			rules[n] = t.Graders
		}
	}
	if len(c.Graders) > 0 {
		rules["*"] = c.Graders
	}
	return rules
}

// examples reads worked examples and keeps the first n of each task type; n = 0
// keeps all.
func examples(path string, n int) ([]eval.Example, error) {
	b, err := readFile(path, maxExamples+1)
	if err != nil {
		return nil, eval.Invalid(fmt.Errorf("read examples %s: %w", path, reason(err)), examplesMeaning)
	}
	if len(b) > maxExamples {
		return nil, eval.Invalid(fmt.Errorf("examples %s: larger than 8 MiB", path), "keep a few good examples of each task type")
	}
	var out []eval.Example
	seen := make(map[string]int)
	sc := bufio.NewScanner(bytes.NewReader(b))
	sc.Buffer(nil, maxExampleLine)
	for line := 1; sc.Scan(); line++ {
		if len(bytes.TrimSpace(sc.Bytes())) == 0 {
			continue
		}
		var e eval.Example
		if err := json.Unmarshal(sc.Bytes(), &e); err != nil || e.Input == "" || e.Output == "" {
			return nil, eval.Invalid(fmt.Errorf("%s: not an example with input and output", place{path, line, 1}), examplesMeaning)
		}
		if seen[e.TaskType]++; n == 0 || seen[e.TaskType] <= n {
			out = append(out, e)
		}
	}
	if err := sc.Err(); err != nil {
		return nil, eval.Invalid(fmt.Errorf("examples %s: %w", path, err), examplesMeaning)
	}
	return out, nil
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	return sorted(keys)
}
