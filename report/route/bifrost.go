package route

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"infer/eval"
)

type bifrostFile struct {
	Schema     string                     `json:"$schema"`
	Providers  map[string]bifrostProvider `json:"providers"`
	Governance bifrostGovernance          `json:"governance"`
}

type bifrostProvider struct {
	Keys    []bifrostKey   `json:"keys"`
	Network bifrostNetwork `json:"network_config"`
	Custom  *bifrostCustom `json:"custom_provider_config,omitempty"`
}

type bifrostKey struct {
	Name   string   `json:"name"`
	Value  string   `json:"value"` // env.NAME
	Models []string `json:"models"`
	Weight float64  `json:"weight"`
}

type bifrostNetwork struct {
	Base     string `json:"base_url,omitempty"`
	Timeout  int64  `json:"default_request_timeout_in_seconds,omitempty"`
	Retries  int    `json:"max_retries"`
	MinDelay int64  `json:"retry_backoff_initial,omitempty"` // ms
	MaxDelay int64  `json:"retry_backoff_max,omitempty"`     // ms
}

type bifrostCustom struct {
	Base string `json:"base_provider_type"`
}

type bifrostGovernance struct {
	Rules []bifrostRule `json:"routing_rules"`
}

type bifrostRule struct {
	ID        string          `json:"id"`
	Name      string          `json:"name"`
	Enabled   bool            `json:"enabled"`
	CEL       string          `json:"cel_expression"`
	Targets   []bifrostTarget `json:"targets"`
	Fallbacks []bifrostTarget `json:"fallbacks"`
	Scope     string          `json:"scope"`
	Priority  int             `json:"priority"`
}

type bifrostTarget struct {
	Provider string  `json:"provider"`
	Model    string  `json:"model"`
	Weight   float64 `json:"weight,omitempty"`
}

const (
	bifrostSchema = "https://www.getbifrost.ai/schema"
	bifrostCEL    = `headers["` + envoyHeader + `"] == `
	bifrostEnv    = "env."
)

func encodeBifrost(r *Routes) ([]byte, []Loss, error) {
	f := bifrostFile{Schema: bifrostSchema, Providers: make(map[string]bifrostProvider), Governance: bifrostGovernance{Rules: []bifrostRule{}}}
	var l losses
	custom := make(map[string]string)
	for i := range r.Routes {
		x := &r.Routes[i]
		// Bifrost reads its expressions as CEL, whose text literals are quoted like
		// Go's in ASCII.
		rule := bifrostRule{ID: fmt.Sprintf("infer-%d", i+1), Name: x.TaskType, Enabled: true, CEL: bifrostCEL + strconv.QuoteToASCII(x.TaskType), Scope: "global", Priority: i, Fallbacks: []bifrostTarget{}}
		for _, m := range []struct {
			name    string
			retries int
		}{{x.Default, x.Retry.Max}, {x.Backup, x.Retry.BackupMax}} {
			if m.name == "" {
				continue
			}
			provider, err := f.provider(r.model(m.name), x, m.retries, custom)
			if err != nil {
				return nil, nil, err
			}
			t := bifrostTarget{Provider: provider, Model: r.model(m.name).Model}
			if m.name == x.Default {
				t.Weight = 1
				rule.Targets = append(rule.Targets, t)
			} else {
				rule.Fallbacks = append(rule.Fallbacks, t)
			}
		}
		bifrostLosses(x, &l)
		f.Governance.Rules = append(f.Governance.Rules, rule)
	}
	l.common(r)
	l.all(EvidenceNotCarried, "evidence")
	b, err := toJSON(&f)
	return b, l.list, err
}

func bifrostLosses(x *Route, l *losses) {
	if x.Backup != "" {
		l.of(x, FixedTriggers, "on", "")
		l.of(x, ReasonNotLogged, "", "")
	}
	if x.Backup != "" || retried(x) {
		l.of(x, NoStreamFallback, "", "")
	}
	if retried(x) {
		l.of(x, RetryPerProvider, "retry", "the largest of the types that use a provider")
	}
	if x.TimeoutMS > 0 {
		l.of(x, NoAttemptTimeout, "timeout_ms", "the largest of the types that use a provider")
	}
	if x.FirstTokenMS > 0 {
		l.of(x, NoFirstTokenTimeout, "first_token_ms", "")
	}
	if x.ContextBackup != "" {
		l.of(x, NoContextBackup, "context_backup", "")
	}
	if len(x.Params) > 0 {
		l.of(x, ParamsNotCarried, "params", "")
	}
}

// provider adds the model's service and widens its limits to those of the route.
func (f *bifrostFile) provider(m *Model, x *Route, retries int, custom map[string]string) (string, error) {
	name, base, err := place(m, FormatBifrost, func(v *vendor) string { return v.bifrost })
	if err != nil {
		return "", err
	}
	kind := name
	if base != "" || f.Providers[name].otherKey(m.KeyEnv) {
		key := name + " " + base + " " + m.KeyEnv
		if custom[key] == "" {
			custom[key] = fmt.Sprintf("infer-%s-%d", name, len(custom)+1)
		}
		name = custom[key]
	}
	p, ok := f.Providers[name]
	if !ok {
		p.Network.Base = base
		if name != kind {
			p.Custom = &bifrostCustom{kind}
		}
		p.Keys = []bifrostKey{{Name: name + "-key", Models: []string{}, Weight: 1}}
		if m.KeyEnv != "" {
			p.Keys[0].Value = bifrostEnv + m.KeyEnv
		}
	}
	have := false
	for _, k := range p.Keys[0].Models {
		have = have || k == m.Model
	}
	if !have {
		p.Keys[0].Models = append(p.Keys[0].Models, m.Model)
	}
	n := &p.Network
	n.Retries = max(n.Retries, retries)
	n.Timeout = max(n.Timeout, (x.TimeoutMS+999)/1000)
	if retries > 0 {
		n.MinDelay, n.MaxDelay = max(n.MinDelay, x.Retry.BaseDelayMS), max(n.MaxDelay, x.Retry.MaxDelayMS)
	}
	f.Providers[name] = p
	return name, nil
}

// otherKey reports whether the provider is there with another key.
func (p bifrostProvider) otherKey(env string) bool {
	return len(p.Keys) > 0 && strings.TrimPrefix(p.Keys[0].Value, bifrostEnv) != env
}

func isBifrost(b []byte) bool { return hasKeys(b, "providers", "governance") }

func decodeBifrost(b []byte) (*Routes, error) {
	var f bifrostFile
	if err := json.Unmarshal(b, &f); err != nil {
		return nil, err
	}
	t := newTable()
	for i := range f.Governance.Rules {
		rule := &f.Governance.Rules[i]
		x := Route{StopAfterBackup: true}
		quoted, ok := strings.CutPrefix(rule.CEL, bifrostCEL)
		var err error
		if x.TaskType, err = strconv.Unquote(quoted); !ok || err != nil {
			return nil, fmt.Errorf("rule %s: the expression is not one that infer exports", eval.Untrusted(rule.ID).Line(60))
		}
		if len(rule.Targets) != 1 || len(rule.Fallbacks) > 1 {
			return nil, fmt.Errorf("rule %s: infer exports one target and at most one fallback", eval.Untrusted(rule.ID).Line(60))
		}
		for k, target := range append(append([]bifrostTarget(nil), rule.Targets...), rule.Fallbacks...) {
			m, err := f.model(&target)
			if err != nil {
				return nil, fmt.Errorf("rule %s: %w", eval.Untrusted(rule.ID).Line(60), err)
			}
			*[]*string{&x.Default, &x.Backup}[k] = t.model(m)
		}
		t.add(x)
	}
	return t.routes(), nil
}

func (f *bifrostFile) model(target *bifrostTarget) (Model, error) {
	p, ok := f.Providers[target.Provider]
	if !ok || len(p.Keys) != 1 {
		return Model{}, errors.New("its provider is not there, or has not one key")
	}
	kind := target.Provider
	if p.Custom != nil {
		kind = p.Custom.Base
	}
	m, ok := modelAt(kind, p.Network.Base, func(v *vendor) string { return v.bifrost })
	if !ok {
		return m, fmt.Errorf("provider %s is not one that infer exports", eval.Untrusted(kind).Line(40))
	}
	m.Model = target.Model
	m.KeyEnv, _ = strings.CutPrefix(p.Keys[0].Value, bifrostEnv)
	return m, nil
}
