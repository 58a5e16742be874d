package route

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"

	"infer/eval"
)

type portkeyFile struct {
	Strategy portkeyStrategy `json:"strategy"`
	Targets  []portkeyTarget `json:"targets"`
}

type portkeyStrategy struct {
	Mode       string             `json:"mode"`
	On         []int              `json:"on_status_codes,omitempty"`
	Conditions []portkeyCondition `json:"conditions,omitempty"`
}

type portkeyCondition struct {
	Query map[string]map[string]string `json:"query"`
	Then  string                       `json:"then"`
}

// portkeyTarget is a route (with a strategy) or one model of it.
type portkeyTarget struct {
	Name     string           `json:"name,omitempty"`
	Strategy *portkeyStrategy `json:"strategy,omitempty"`
	Targets  []portkeyTarget  `json:"targets,omitempty"`

	Provider string         `json:"provider,omitempty"`
	Host     string         `json:"custom_host,omitempty"`
	Key      string         `json:"api_key,omitempty"` // ${NAME}: Portkey's gateway has no notation for a variable
	Params   map[string]any `json:"override_params,omitempty"`
	Timeout  int64          `json:"request_timeout,omitempty"` // ms; a call that takes longer counts as 408
	Retry    *portkeyRetry  `json:"retry,omitempty"`
}

type portkeyRetry struct {
	Attempts int   `json:"attempts"`
	On       []int `json:"on_status_codes,omitempty"`
	Header   bool  `json:"use_retry_after_header,omitempty"`
}

const portkeyType = "metadata.task_type"

var placeholder = regexp.MustCompile(`^\$\{([A-Za-z_][A-Za-z0-9_]*)\}$`)

func encodePortkey(r *Routes) ([]byte, []Loss, error) {
	f := portkeyFile{Strategy: portkeyStrategy{Mode: "conditional", Conditions: []portkeyCondition{}}, Targets: []portkeyTarget{}}
	var l losses
	keys := false
	for i := range r.Routes {
		x := &r.Routes[i]
		t, err := portkeyRoute(r, x, &l)
		if err != nil {
			return nil, nil, err
		}
		f.Strategy.Conditions = append(f.Strategy.Conditions, portkeyCondition{map[string]map[string]string{portkeyType: {"$eq": x.TaskType}}, x.TaskType})
		f.Targets = append(f.Targets, t)
		for _, m := range t.Targets {
			keys = keys || m.Key != ""
		}
	}
	l.common(r)
	if keys {
		l.all(KeyByCaller, "")
	}
	l.all(EvidenceNotCarried, "evidence")
	if b, err := json.Marshal(&f); err == nil && len(b) > portkeyHeader {
		l.all(HeaderLimit, "")
	}
	b, err := toJSON(&f)
	return b, l.list, err
}

// portkeyHeader is how large the file may be on one line to fit, with a request's
// other headers, into the 16 KiB that Node's server takes.
const portkeyHeader = 14 << 10

func portkeyRoute(r *Routes, x *Route, l *losses) (portkeyTarget, error) {
	x = l.expressible(x)
	t := portkeyTarget{Name: x.TaskType, Strategy: &portkeyStrategy{Mode: "single"}}
	for _, m := range []struct {
		name    string
		retries int
	}{{x.Default, x.Retry.Max}, {x.Backup, x.Retry.BackupMax}} {
		if m.name == "" {
			continue
		}
		leaf, err := portkeyModel(r.model(m.name), x, m.retries)
		if err != nil {
			return t, err
		}
		t.Targets = append(t.Targets, leaf)
	}
	if x.Backup != "" {
		both := joined(x.On, eval.ClassUnavailable, eval.ClassNetwork) // a lost connection is a 500 to Portkey
		t.Strategy = &portkeyStrategy{Mode: "fallback", On: statusesOf(both)}
		l.share(x, "on", x.On, both)
		l.of(x, ReasonNotLogged, "", "the header x-portkey-last-used-option-index says which model answered")
		l.of(x, StatusesOnly, "", "")
	}
	if x.Backup != "" || retried(x) {
		l.of(x, NoStreamFallback, "", "")
	}
	if x.ContextBackup != "" {
		l.of(x, NoContextBackup, "context_backup", "")
	}
	if x.FirstTokenMS > 0 {
		l.of(x, NoFirstTokenTimeout, "first_token_ms", "")
	}
	if retried(x) {
		l.share(x, "retry.on", x.Retry.On, ordered(append(slices.Clone(x.Retry.On), eval.ClassNetwork))) // a lost connection is always tried again
		retryLosses(x, l)
		if max(x.Retry.Max, x.Retry.BackupMax) > retryCap {
			l.of(x, RetryCapped, "retry.max", "")
		}
		if x.Backup == "" {
			l.of(x, StatusesOnly, "", "")
		}
		if x.Retry.BaseDelayMS > 0 || x.Retry.MaxDelayMS > 0 {
			l.of(x, BackoffNotCarried, "retry.delays", "")
		}
	}
	return t, nil
}

// retryLosses notes that a timeout is retried as often as anything else.
func retryLosses(x *Route, l *losses) {
	if x.Retry.retriesOf(eval.ClassTimeout, 1) == 1 && max(x.Retry.Max, x.Retry.BackupMax) > 1 {
		l.of(x, RetryCountShared, "", "")
	}
}

func portkeyModel(m *Model, x *Route, retries int) (portkeyTarget, error) {
	provider, base, err := place(m, FormatPortkey, func(v *vendor) string { return v.portkey })
	if err != nil {
		return portkeyTarget{}, err
	}
	params, err := x.Params.values()
	if err != nil {
		return portkeyTarget{}, err
	}
	if _, ok := params["model"]; ok {
		return portkeyTarget{}, invalid("remove the parameter", "portkey: a parameter may not be called model")
	}
	params["model"] = m.Model
	t := portkeyTarget{Name: m.Name, Provider: provider, Host: base, Params: params, Timeout: x.TimeoutMS, Retry: &portkeyRetry{Attempts: min(retries, retryCap)}}
	if retries > 0 {
		t.Retry.On, t.Retry.Header = statusesOf(x.Retry.On), true
	}
	if m.KeyEnv != "" {
		t.Key = "${" + m.KeyEnv + "}"
	}
	return t, nil
}

func isPortkey(b []byte) bool { return hasKeys(b, "strategy", "targets") }

func decodePortkey(b []byte) (*Routes, error) {
	var f portkeyFile
	if err := json.Unmarshal(b, &f); err != nil {
		return nil, err
	}
	if f.Strategy.Mode != "conditional" {
		return nil, errors.New("the outer strategy is not conditional")
	}
	t := newTable()
	for _, c := range f.Strategy.Conditions {
		x := Route{TaskType: c.Query[portkeyType]["$eq"], StopAfterBackup: true}
		target := -1
		for i := range f.Targets {
			if f.Targets[i].Name == c.Then {
				target = i
				break
			}
		}
		if x.TaskType == "" || target < 0 {
			return nil, fmt.Errorf("condition for %s: no task type, or no target of that name", eval.Untrusted(c.Then).Line(60))
		}
		if err := readPortkeyRoute(t, &f.Targets[target], &x); err != nil {
			return nil, fmt.Errorf("target %s: %w", eval.Untrusted(c.Then).Line(60), err)
		}
		t.add(x)
	}
	return t.routes(), nil
}

func readPortkeyRoute(t *table, p *portkeyTarget, x *Route) error {
	if len(p.Targets) == 0 || len(p.Targets) > 2 || p.Strategy == nil {
		return fmt.Errorf("%d models in a row; infer exports one or two", len(p.Targets))
	}
	names := []*string{&x.Default, &x.Backup}
	retries := []*int{&x.Retry.Max, &x.Retry.BackupMax}
	for i := range p.Targets {
		leaf := &p.Targets[i]
		m, ok := modelAt(leaf.Provider, leaf.Host, func(v *vendor) string { return v.portkey })
		model, isText := leaf.Params["model"].(string)
		if !ok || !isText {
			return fmt.Errorf("provider %s is not one that infer exports", eval.Untrusted(leaf.Provider).Line(40))
		}
		m.Name, m.Model = leaf.Name, model
		if key := placeholder.FindStringSubmatch(leaf.Key); key != nil {
			m.KeyEnv = key[1]
		}
		*names[i] = t.model(m)
		if leaf.Retry != nil {
			*retries[i] = leaf.Retry.Attempts
			x.Retry.On = ordered(append(x.Retry.On, classesOf(leaf.Retry.On)...))
			if leaf.Retry.Attempts > 0 {
				x.Retry.On = ordered(append(x.Retry.On, eval.ClassNetwork)) // whatever the list says
			}
		}
	}
	first := p.Targets[0]
	x.TimeoutMS = first.Timeout
	delete(first.Params, "model")
	var err error
	if x.Params, err = paramsOf(first.Params); err != nil {
		return err
	}
	if x.Backup != "" {
		x.On = joined(classesOf(p.Strategy.On), eval.ClassUnavailable, eval.ClassNetwork) // without a list: every error
	}
	return nil
}
