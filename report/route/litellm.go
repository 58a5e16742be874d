package route

import (
	"strings"

	"infer/eval"
)

// LiteLLM asks for a model by an alias; the alias is the task type. The backup
// has an alias under another prefix, so that no task type can be mistaken for it.
const (
	litellmDefault = "infer/"
	litellmBackup  = "infer-backup/"
	litellmContext = "infer-context/"
	litellmEnv     = "os.environ/"
)

type litellmFile struct {
	ModelList []litellmModel `json:"model_list"`
	Router    litellmRouter  `json:"router_settings"`
	General   map[string]any `json:"general_settings"`
}

type litellmModel struct {
	Alias  string         `json:"model_name"`
	Params map[string]any `json:"litellm_params"`
	Info   litellmInfo    `json:"model_info,omitempty"`
}

// litellmInfo is shown by the proxy's /model/info; it routes nothing.
type litellmInfo struct {
	Candidate string `json:"infer_candidate,omitempty"`
	Provider  string `json:"infer_provider,omitempty"`
}

type litellmRouter struct {
	NumRetries       int                       `json:"num_retries"`
	RetryPolicy      map[string]map[string]int `json:"model_group_retry_policy"`
	MaxFallbacks     int                       `json:"max_fallbacks"`
	Fallbacks        []map[string][]string     `json:"fallbacks"`
	ContextFallbacks []map[string][]string     `json:"context_window_fallbacks"`
	PolicyFallbacks  []map[string][]string     `json:"content_policy_fallbacks"`
	// A cooled-down default would be skipped without being asked: the rule has no
	// such thing.
	DisableCooldowns bool `json:"disable_cooldowns"`
}

// litellmRetries are LiteLLM's names of what is retried, each with the class that
// it stands for; "" is never retried.
var litellmRetries = []struct {
	key   string
	class eval.Class
}{
	{"RateLimitErrorRetries", eval.ClassRateLimit},
	{"TimeoutErrorRetries", eval.ClassTimeout},
	{"InternalServerErrorRetries", eval.ClassUnavailable},
	{"ServiceUnavailableErrorRetries", eval.ClassUnavailable},
	{"DefaultRetries", eval.ClassNetwork}, // most network errors count as InternalServerError
	{"BadRequestErrorRetries", ""},
	{"AuthenticationErrorRetries", ""},
	{"ContentPolicyViolationErrorRetries", ""},
	{"NotFoundErrorRetries", ""},
}

func encodeLiteLLM(r *Routes) ([]byte, []Loss, error) {
	f := litellmFile{Router: litellmRouter{RetryPolicy: make(map[string]map[string]int), MaxFallbacks: 1, DisableCooldowns: true,
		Fallbacks: []map[string][]string{}, ContextFallbacks: []map[string][]string{}, PolicyFallbacks: []map[string][]string{}},
		General: map[string]any{"master_key": litellmEnv + "LITELLM_MASTER_KEY"}}
	var l losses
	for i := range r.Routes {
		if err := f.add(r, &r.Routes[i], &l); err != nil {
			return nil, nil, err
		}
	}
	l.common(r)
	b, err := toYAML(&f)
	return b, l.list, err
}

// add writes one route.
func (f *litellmFile) add(r *Routes, x *Route, l *losses) error {
	if strings.Contains(x.TaskType, "*") {
		return invalid("rename the task type, or export another format", "litellm: task type %s: LiteLLM reads * in an alias as a wildcard", eval.Untrusted(x.TaskType).Line(60))
	}
	c := *x
	x = l.retriable(x, &c)
	if !latinHeader(x.TaskType) {
		l.of(x, NoTaskCarrier, "", "LiteLLM names the alias in a header of its answer, which cannot hold this name, and every request fails")
	}
	alias := litellmDefault + x.TaskType
	context := []string{}
	for _, m := range []struct{ name, alias string }{{x.Default, alias}, {x.Backup, litellmBackup + x.TaskType}, {x.ContextBackup, litellmContext + x.TaskType}} {
		if m.name == "" {
			continue
		}
		d, err := litellmDeployment(r.model(m.name), x, m.alias)
		if err != nil {
			return err
		}
		f.ModelList = append(f.ModelList, d)
	}
	f.Router.RetryPolicy[alias] = litellmPolicy(x, x.Retry.Max)
	if x.Backup != "" {
		f.Router.RetryPolicy[litellmBackup+x.TaskType] = litellmPolicy(x, x.Retry.BackupMax)
		f.Router.Fallbacks = append(f.Router.Fallbacks, map[string][]string{alias: {litellmBackup + x.TaskType}})
		l.of(x, FallbackOnAnyError, "on", "")
		l.of(x, ReasonNotLogged, "", "the header x-litellm-attempted-fallbacks says that it happened")
	}
	if x.ContextBackup != "" {
		f.Router.RetryPolicy[litellmContext+x.TaskType] = litellmPolicy(x, 0)
		context = append(context, litellmContext+x.TaskType)
	}
	f.Router.ContextFallbacks = append(f.Router.ContextFallbacks, map[string][]string{alias: context})
	f.Router.PolicyFallbacks = append(f.Router.PolicyFallbacks, map[string][]string{alias: {}})
	if x.Backup != "" || retried(x) {
		l.of(x, NoStreamFallback, "", "")
	}
	if retried(x) {
		if p := f.Router.RetryPolicy[alias]; p["RateLimitErrorRetries"] > 0 {
			l.of(x, StatusesOnly, "", "")
		}
		l.share(x, "retry.on", x.Retry.On, joined(x.Retry.On, eval.ClassUnavailable, eval.ClassNetwork))
		if x.Retry.BaseDelayMS > 0 || x.Retry.MaxDelayMS > 0 {
			l.of(x, BackoffNotCarried, "retry.delays", "")
		}
	}
	return nil
}

// latinHeader reports whether a header of Latin-1 can hold the text.
func latinHeader(s string) bool {
	for _, r := range s {
		if r > 0xff || eval.Untrusted(r).Line(0) != string(r) {
			return false
		}
	}
	return strings.TrimSpace(s) == s
}

// litellmPolicy says for every kind of error how often it is retried, so that
// none is left to a default.
func litellmPolicy(x *Route, limit int) map[string]int {
	rule := Retry{On: joined(x.Retry.On, eval.ClassUnavailable, eval.ClassNetwork)}
	p := make(map[string]int, len(litellmRetries))
	for _, k := range litellmRetries {
		p[k.key] = 0
		if k.class != "" {
			p[k.key] = rule.retriesOf(k.class, limit)
		}
	}
	return p
}

func litellmDeployment(m *Model, x *Route, alias string) (litellmModel, error) {
	provider, base, err := place(m, FormatLiteLLM, func(v *vendor) string { return v.litellm })
	if err != nil {
		return litellmModel{}, err
	}
	params, err := x.Params.values()
	if err != nil {
		return litellmModel{}, err
	}
	for name, v := range params {
		if s, ok := v.(string); ok && strings.HasPrefix(s, litellmEnv) {
			return litellmModel{}, invalid("change the value", "litellm: parameter %s: LiteLLM would read a variable of its environment", eval.Untrusted(name).Line(60))
		}
		if litellmReserved[name] {
			return litellmModel{}, invalid("remove the parameter", "litellm: a parameter may not be called %s", eval.Untrusted(name).Line(60))
		}
	}
	params["model"] = provider + "/" + m.Model
	if base != "" {
		params["api_base"] = base
	}
	switch {
	case m.KeyEnv != "":
		params["api_key"] = litellmEnv + m.KeyEnv
	case m.API != APIBedrock:
		params["api_key"] = "none"
	}
	if x.TimeoutMS > 0 {
		params["timeout"] = float64(x.TimeoutMS) / 1000
	}
	if x.FirstTokenMS > 0 {
		params["stream_timeout"] = float64(x.FirstTokenMS) / 1000
	}
	params["max_retries"] = 0 // of the provider's own library: the router's retries are the only ones
	return litellmModel{Alias: alias, Params: params, Info: litellmInfo{m.Name, m.Provider}}, nil
}

// litellmReserved are the settings of a deployment that are not the model's.
var litellmReserved = map[string]bool{"model": true, "api_base": true, "api_key": true, "timeout": true, "stream_timeout": true, "max_retries": true}
