package route

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"infer/eval"
)

// k8sNode is a resource whose specification is read when its kind is known.
type k8sNode struct {
	Kind string          `json:"kind"`
	Meta k8sMeta         `json:"metadata"`
	Spec json.RawMessage `json:"spec"`
}

func isEnvoy(b []byte) bool {
	return !isJSON(b) && bytes.Contains(b, []byte("kind: AIGatewayRoute")) && bytes.Contains(b, []byte("aigateway.envoyproxy.io/"))
}

func decodeEnvoy(b []byte) (*Routes, error) {
	objects, err := k8sObjects(b)
	if err != nil {
		return nil, err
	}
	services, err := envoyServices(objects)
	if err != nil {
		return nil, err
	}
	t := newTable()
	for i := range objects {
		if objects[i].Kind != "AIGatewayRoute" {
			continue
		}
		x, err := readEnvoyRoute(t, &objects[i], objects, services)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", eval.Untrusted(objects[i].Meta.Name).Line(80), err)
		}
		t.add(x)
	}
	return t.routes(), nil
}

func k8sObjects(b []byte) ([]k8sNode, error) {
	docs, err := fromYAML(b)
	if err != nil {
		return nil, err
	}
	out := make([]k8sNode, len(docs))
	for i := range docs {
		if err := json.Unmarshal(docs[i], &out[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// envoyServices are the backends by name, without a model.
func envoyServices(objects []k8sNode) (map[string]Model, error) {
	out := make(map[string]Model)
	for i := range objects {
		o := &objects[i]
		if o.Kind != "AIServiceBackend" {
			continue
		}
		var spec struct {
			Schema struct {
				Name string `json:"name"`
			} `json:"schema"`
		}
		if err := json.Unmarshal(o.Spec, &spec); err != nil {
			return nil, err
		}
		m := Model{API: strings.ToLower(spec.Schema.Name), BaseURL: o.Meta.Annotations[envoyNote+"base-url"]}
		m.BaseURL = m.base()
		for k := range objects {
			if objects[k].Kind == "BackendSecurityPolicy" && objects[k].Meta.Name == o.Meta.Name {
				m.KeyEnv = objects[k].Meta.Annotations[envoyNote+"key-env"]
			}
		}
		out[o.Meta.Name] = m
	}
	return out, nil
}

func readEnvoyRoute(t *table, o *k8sNode, objects []k8sNode, services map[string]Model) (Route, error) {
	x := Route{StopAfterBackup: true}
	var spec envoyRoute
	if err := json.Unmarshal(o.Spec, &spec); err != nil {
		return x, err
	}
	if len(spec.Rules) != 1 || len(spec.Rules[0].Matches) != 1 || len(spec.Rules[0].Matches[0].Headers) != 1 {
		return x, errors.New("infer exports one rule with one header")
	}
	rule := &spec.Rules[0]
	x.TaskType = rule.Matches[0].Headers[0].Value
	if n := len(rule.Backends); n == 0 || n > 2 {
		return x, fmt.Errorf("%d backends; infer exports one or two", n)
	}
	for i, dest := range []*string{&x.Default, &x.Backup}[:len(rule.Backends)] {
		ref := &rule.Backends[i]
		m, ok := services[ref.Name]
		if !ok {
			return x, fmt.Errorf("no AIServiceBackend %s", eval.Untrusted(ref.Name).Line(60))
		}
		if ref.Model == "" {
			return x, fmt.Errorf("backend %s has no modelNameOverride: the file does not say which model answers", eval.Untrusted(ref.Name).Line(60))
		}
		m.Model = ref.Model
		*dest = t.model(m)
	}
	if b := rule.Backends[0].Body; b != nil {
		x.Params = make(Params, len(b.Set))
		for _, f := range b.Set {
			x.Params[f.Path] = []byte(f.Value)
		}
	}
	var err error
	if x.FirstTokenMS, err = k8sMillis(rule.Idle); err != nil {
		return x, err
	}
	for i := range objects {
		if objects[i].Kind == "BackendTrafficPolicy" && objects[i].Meta.Name == o.Meta.Name {
			return x, readEnvoyPolicy(&objects[i], &x)
		}
	}
	return x, errors.New("no BackendTrafficPolicy of that name")
}

func readEnvoyPolicy(o *k8sNode, x *Route) error {
	var p envoyPolicy
	if err := json.Unmarshal(o.Spec, &p); err != nil {
		return err
	}
	x.Retry.Max = p.Retry.Num
	if x.Backup != "" {
		x.Retry.Max = p.Retry.PerPriority - 1
		x.Retry.BackupMax = p.Retry.Num - p.Retry.PerPriority
	}
	if on := p.Retry.On; on != nil {
		classes := classesOf(on.Statuses)
		if slices.Contains(on.Triggers, "connect-failure") {
			classes = ordered(append(classes, eval.ClassNetwork))
		}
		x.Retry.On = classes
		if x.Backup != "" {
			x.On = classes
		}
	}
	if p.Retry.Per == nil {
		return nil
	}
	texts := []string{p.Retry.Per.Timeout, "", ""}
	if b := p.Retry.Per.BackOff; b != nil {
		texts[1], texts[2] = b.Base, b.Max
	}
	for i, dest := range []*int64{&x.TimeoutMS, &x.Retry.BaseDelayMS, &x.Retry.MaxDelayMS} {
		var err error
		if *dest, err = k8sMillis(texts[i]); err != nil {
			return err
		}
	}
	return nil
}

func k8sMillis(s string) (int64, error) {
	if s == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(s)
	return d.Milliseconds(), err
}
