package route

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"infer/eval"
)

// Upstream is a model as a gateway calls it.
type Upstream struct {
	API     string `json:"api"`
	Model   string `json:"model"`
	BaseURL string `json:"base_url,omitempty"`
	KeyEnv  string `json:"key_env,omitempty"`
}

// Rule is one route with its models written out: what two files have to agree in
// to be the same policy, whatever they call their models.
type Rule struct {
	TaskType      string       `json:"task_type"`
	Default       Upstream     `json:"default"`
	Backup        *Upstream    `json:"backup,omitempty"`
	ContextBackup *Upstream    `json:"context_backup,omitempty"`
	Confirm       bool         `json:"confirm,omitempty"`
	ConfirmBackup *Upstream    `json:"confirm_backup,omitempty"`
	On            []eval.Class `json:"on,omitempty"`
	Retry         Retry        `json:"retry"`
	TimeoutMS     int64        `json:"timeout_ms,omitempty"`
	FirstTokenMS  int64        `json:"first_token_ms,omitempty"`
	Params        Params       `json:"params,omitempty"`
	PromptDigest  string       `json:"prompt_digest,omitempty"`
}

// Rules writes the routes out, in their order.
func (r *Routes) Rules() ([]Rule, error) {
	out := make([]Rule, len(r.Routes))
	for i := range r.Routes {
		x := &r.Routes[i]
		rule := Rule{TaskType: x.TaskType, Confirm: x.Confirm, On: ordered(x.On), Retry: x.Retry,
			TimeoutMS: x.TimeoutMS, FirstTokenMS: x.FirstTokenMS, PromptDigest: x.PromptDigest}
		var err error
		if rule.Params, err = x.Params.canonical(); err != nil {
			return nil, fmt.Errorf("task type %s: %w", eval.Untrusted(x.TaskType).Line(80), err)
		}
		d := r.upstream(x.Default)
		if d == nil {
			return nil, fmt.Errorf("task type %s: no model %q", eval.Untrusted(x.TaskType).Line(80), x.Default)
		}
		rule.Default = *d
		rule.Backup, rule.ContextBackup, rule.ConfirmBackup = r.upstream(x.Backup), r.upstream(x.ContextBackup), r.upstream(x.ConfirmBackup)
		if x.Backup == "" {
			rule.On = nil
		}
		rule.Retry.settle(x.Backup != "")
		out[i] = rule
	}
	return out, nil
}

func (r *Routes) upstream(name string) *Upstream {
	m := r.model(name)
	if name == "" || m == nil {
		return nil
	}
	return &Upstream{API: m.API, Model: m.Model, BaseURL: m.base(), KeyEnv: m.KeyEnv}
}

// Strip returns the rules without what the losses say is not in a file: what the
// file can at most be found to hold.
func Strip(rules []Rule, losses []Loss) []Rule {
	out := make([]Rule, len(rules))
	for i := range rules {
		out[i] = rules[i]
		out[i].Retry.On = slices.Clone(rules[i].Retry.On)
		for _, l := range losses {
			if l.TaskType == "" || l.TaskType == rules[i].TaskType {
				out[i].lose(l)
			}
		}
		out[i].Retry.settle(out[i].Backup != nil)
	}
	return out
}

// settle brings a retry rule into the one form that its effect has: classes that
// are tried again once at most ask for no more, and a rule for retries that are
// never made is none. No class at all stands for every error.
func (r *Retry) settle(backup bool) {
	r.On = ordered(r.On)
	most := 0
	if len(r.On) == 0 {
		most = maxRetries
	}
	for _, c := range r.On {
		most = max(most, r.retriesOf(c, maxRetries))
	}
	r.Max, r.BackupMax = min(r.Max, most), min(r.BackupMax, most)
	if !backup {
		r.BackupMax = 0
	}
	if r.Max == 0 && r.BackupMax == 0 {
		*r = Retry{}
	}
}

// settled is the table as exporters write it: every retry rule in its one form,
// every list of classes in order.
func (r *Routes) settled() *Routes {
	c := *r
	c.Routes = slices.Clone(r.Routes)
	for i := range c.Routes {
		x := &c.Routes[i]
		x.On = ordered(x.On)
		x.Retry.settle(x.Backup != "")
	}
	return &c
}

// lose takes one loss off a rule.
func (r *Rule) lose(l Loss) {
	if name, ok := strings.CutPrefix(l.Field, "params."); ok {
		r.Params = maps.Clone(r.Params)
		delete(r.Params, name)
		if len(r.Params) == 0 {
			r.Params = nil
		}
		return
	}
	switch l.Field {
	case "on":
		r.On = l.of(r.On)
	case "backup":
		r.Backup, r.On, r.Retry.BackupMax = nil, nil, 0
	case "retry.on":
		r.Retry.On = l.of(r.Retry.On)
		if l.Classes != nil && len(r.Retry.On) == 0 {
			r.Retry = Retry{} // not one class is left: nothing is retried
		}
	case "retry":
		r.Retry = Retry{}
	case "retry.max":
		r.Retry.Max, r.Retry.BackupMax = min(r.Retry.Max, retryCap), min(r.Retry.BackupMax, retryCap)
	case "retry.backup_max":
		r.Retry.BackupMax = min(r.Retry.BackupMax, r.Retry.Max)
	case "retry.delays":
		r.Retry.BaseDelayMS, r.Retry.MaxDelayMS = 0, 0
	case "retry.base_delay_ms":
		r.Retry.BaseDelayMS = 0
	case "timeout_ms":
		r.TimeoutMS = 0
	case "first_token_ms":
		r.FirstTokenMS = 0
	case "params":
		r.Params = nil
	case "prompt_digest":
		r.PromptDigest = ""
	case "confirm":
		r.Confirm, r.ConfirmBackup = false, nil
	case "context_backup":
		r.ContextBackup = nil
	case "key_env":
		r.Default.KeyEnv = ""
		for _, u := range []**Upstream{&r.Backup, &r.ContextBackup} {
			if *u != nil {
				c := **u
				c.KeyEnv = ""
				*u = &c
			}
		}
	}
}

// retryCap is the most retries that a capped gateway makes.
const retryCap = 5

// of is what the loss makes of a list of classes: nil stands for every error.
func (l Loss) of(list []eval.Class) []eval.Class {
	switch {
	case l.Classes == nil:
		return nil
	case l.Code == ConditionsShared:
		return l.Classes
	}
	return without(list, l.Classes)
}

// Differences names, by JSON name, the fields in which two rules differ.
func (r *Rule) Differences(other *Rule) []string {
	var out []string
	a, b := fieldsOf(r), fieldsOf(other)
	for _, name := range []string{"default", "backup", "context_backup", "confirm", "confirm_backup", "on", "retry", "timeout_ms", "first_token_ms", "params", "prompt_digest"} {
		if string(a[name]) != string(b[name]) {
			out = append(out, name)
		}
	}
	return out
}

func fieldsOf(r *Rule) map[string]json.RawMessage {
	b, err := json.Marshal(r)
	if err != nil {
		return nil // plain data always encodes
	}
	var m map[string]json.RawMessage
	if json.Unmarshal(b, &m) != nil {
		return nil
	}
	return m
}
