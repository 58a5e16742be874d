package route

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"

	"infer/eval"
)

func isLiteLLM(b []byte) bool {
	f, err := readLiteLLM(b)
	return !isJSON(b) && err == nil && len(f.ModelList) > 0
}

func readLiteLLM(b []byte) (*litellmFile, error) {
	docs, err := fromYAML(b)
	if err != nil {
		return nil, err
	}
	if len(docs) != 1 {
		return nil, errors.New("not one document")
	}
	var f litellmFile
	return &f, json.Unmarshal(docs[0], &f)
}

func decodeLiteLLM(b []byte) (*Routes, error) {
	f, err := readLiteLLM(b)
	if err != nil {
		return nil, err
	}
	t := newTable()
	at := make(map[string]*litellmModel)
	for i := range f.ModelList {
		at[f.ModelList[i].Alias] = &f.ModelList[i]
	}
	for i := range f.ModelList {
		taskType, ok := strings.CutPrefix(f.ModelList[i].Alias, litellmDefault)
		if !ok {
			continue
		}
		x, err := f.route(t, taskType, at)
		if err != nil {
			return nil, fmt.Errorf("alias %s: %w", eval.Untrusted(f.ModelList[i].Alias).Line(80), err)
		}
		t.add(x)
	}
	return t.routes(), nil
}

// route reads one task type back.
func (f *litellmFile) route(t *table, taskType string, at map[string]*litellmModel) (Route, error) {
	alias := litellmDefault + taskType
	x := Route{TaskType: taskType, StopAfterBackup: true}
	var err error
	if x.Default, err = f.model(t, at[alias], &x); err != nil {
		return x, err
	}
	for _, l := range []struct {
		list []map[string][]string
		dest *string
	}{{f.Router.Fallbacks, &x.Backup}, {f.Router.ContextFallbacks, &x.ContextBackup}} {
		for _, m := range l.list {
			if to := m[alias]; len(to) > 0 {
				if at[to[0]] == nil {
					return x, fmt.Errorf("falls back to %s, which is not in model_list", eval.Untrusted(to[0]).Line(80))
				}
				if *l.dest, err = f.model(t, at[to[0]], nil); err != nil {
					return x, err
				}
			}
		}
	}
	x.Retry = litellmRetry(f.Router.RetryPolicy[alias])
	if b := litellmRetry(f.Router.RetryPolicy[litellmBackup+taskType]); x.Backup != "" {
		x.Retry.BackupMax = b.Max
		x.Retry.On = ordered(append(x.Retry.On, b.On...))
	}
	return x, nil
}

// litellmRetry reads a retry policy back.
func litellmRetry(p map[string]int) Retry {
	var r Retry
	for _, k := range litellmRetries {
		if n := p[k.key]; n > 0 && k.class != "" {
			r.Max = max(r.Max, n)
			r.On = append(r.On, k.class)
		}
	}
	r.On = ordered(r.On)
	return r
}

// model adds a deployment's model to the table; x, if not nil, gets what the
// deployment says of the route.
func (f *litellmFile) model(t *table, d *litellmModel, x *Route) (string, error) {
	if d == nil {
		return "", errors.New("no such alias")
	}
	text := func(key string) string { s, _ := d.Params[key].(string); return s }
	provider, name, ok := strings.Cut(text("model"), "/")
	m, known := modelAt(provider, text("api_base"), func(v *vendor) string { return v.litellm })
	if !ok || !known {
		return "", fmt.Errorf("model %s is not one that infer exports", eval.Untrusted(text("model")).Line(80))
	}
	m.Model, m.Name, m.Provider = name, d.Info.Candidate, d.Info.Provider
	if key, ok := strings.CutPrefix(text("api_key"), litellmEnv); ok {
		m.KeyEnv = key
	}
	if x != nil {
		x.TimeoutMS, x.FirstTokenMS = millisOf(d.Params["timeout"]), millisOf(d.Params["stream_timeout"])
		params := make(map[string]any)
		for k, v := range d.Params {
			if !litellmReserved[k] {
				params[k] = v
			}
		}
		var err error
		if x.Params, err = paramsOf(params); err != nil {
			return "", err
		}
	}
	return t.model(m), nil
}

// millisOf reads a number of seconds.
func millisOf(v any) int64 {
	switch v := v.(type) {
	case int:
		return int64(v) * 1000
	case int64:
		return v * 1000
	case float64:
		return int64(math.Round(v * 1000))
	}
	return 0
}
