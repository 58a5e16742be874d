package route

import (
	"encoding/json"
	"errors"
	"fmt"
	"sort"

	"infer/eval"
)

// openRouterFile holds one request body for each task type: OpenRouter keeps no
// routes, so the caller lays the body of its task type under its request.
type openRouterFile struct {
	Bodies map[string]map[string]any `json:"openrouter_bodies"`
}

// openRouterReserved are the fields of a body that are the route's.
var openRouterReserved = map[string]bool{"model": true, "models": true, "provider": true, "messages": true, "route": true}

func encodeOpenRouter(r *Routes) ([]byte, []Loss, error) {
	f := openRouterFile{Bodies: make(map[string]map[string]any)}
	var l losses
	for i := range r.Routes {
		body, err := openRouterBody(r, &r.Routes[i], &l)
		if err != nil {
			return nil, nil, err
		}
		f.Bodies[r.Routes[i].TaskType] = body
	}
	l.all(NoTaskCarrier, "")
	l.all(KeyByCaller, "key_env")
	l.common(r)
	l.all(EvidenceNotCarried, "evidence")
	b, err := toJSON(&f)
	return b, l.list, err
}

func openRouterBody(r *Routes, x *Route, l *losses) (map[string]any, error) {
	body, err := x.Params.values()
	if err != nil {
		return nil, err
	}
	for name := range body {
		if openRouterReserved[name] {
			return nil, invalid("remove the parameter", "openrouter: a parameter may not be called %s", eval.Untrusted(name).Line(60))
		}
	}
	models := []string{}
	for _, name := range []string{x.Default, x.Backup} {
		if name == "" {
			continue
		}
		m := r.model(name)
		if v := vendorOf(m); v == nil || v.name != "openrouter" {
			return nil, invalid("measure the model through the preset openrouter: other services call it by other names", "openrouter: model %s is called at %s", eval.Untrusted(m.Name).Line(60), serviceName(m))
		}
		models = append(models, m.Model)
	}
	if len(models) == 1 {
		body["model"] = models[0]
	} else {
		body["models"] = models
		l.of(x, FallbackOnAnyError, "on", "")
		l.of(x, ReasonNotLogged, "", "the answer names the model that gave it")
	}
	// Without it a model that does not know a parameter is asked without it.
	body["provider"] = map[string]any{"require_parameters": true}
	if retried(x) {
		l.of(x, NoRetries, "retry", "the caller retries")
	}
	if x.TimeoutMS > 0 {
		l.of(x, NoAttemptTimeout, "timeout_ms", "the caller times the whole request")
	}
	if x.FirstTokenMS > 0 {
		l.of(x, NoFirstTokenTimeout, "first_token_ms", "")
	}
	if x.ContextBackup != "" {
		l.of(x, NoContextBackup, "context_backup", "")
	}
	return body, nil
}

func isOpenRouter(b []byte) bool { return hasKeys(b, "openrouter_bodies") }

func decodeOpenRouter(b []byte) (*Routes, error) {
	var f struct {
		Bodies map[string]map[string]json.RawMessage `json:"openrouter_bodies"`
	}
	if err := strictJSON(b, &f); err != nil {
		return nil, err
	}
	types := make([]string, 0, len(f.Bodies))
	for name := range f.Bodies {
		types = append(types, name)
	}
	sort.Strings(types)
	t := newTable()
	for _, name := range types {
		x := Route{TaskType: name, StopAfterBackup: true}
		if err := readOpenRouterBody(t, f.Bodies[name], &x); err != nil {
			return nil, fmt.Errorf("body of %s: %w", eval.Untrusted(name).Line(60), err)
		}
		t.add(x)
	}
	return t.routes(), nil
}

func readOpenRouterBody(t *table, body map[string]json.RawMessage, x *Route) error {
	var models []string
	if raw, ok := body["models"]; ok {
		if err := json.Unmarshal(raw, &models); err != nil {
			return err
		}
	} else {
		models = make([]string, 1)
		if err := json.Unmarshal(body["model"], &models[0]); err != nil {
			return errors.New("neither model nor models")
		}
	}
	if len(models) == 0 || len(models) > 2 {
		return fmt.Errorf("%d models; infer exports one or two", len(models))
	}
	for i, dest := range []*string{&x.Default, &x.Backup}[:len(models)] {
		*dest = t.model(Model{API: APIOpenAI, BaseURL: "https://openrouter.ai/api/v1", Model: models[i]})
	}
	for name, raw := range body {
		if openRouterReserved[name] {
			continue
		}
		if x.Params == nil {
			x.Params = make(Params)
		}
		x.Params[name] = raw
	}
	return nil
}
