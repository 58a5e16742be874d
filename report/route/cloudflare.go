package route

import (
	"encoding/json"
	"errors"
	"fmt"

	"infer/eval"
)

// cloudflareFile is a dynamic route as Cloudflare's REST interface takes it: a
// graph that asks for the task type first and then calls models.
type cloudflareFile struct {
	Name     string              `json:"name"`
	Elements []cloudflareElement `json:"elements"`
}

type cloudflareElement struct {
	ID         string                    `json:"id"`
	Type       string                    `json:"type"` // start, conditional, model, end
	Properties *cloudflareProperties     `json:"properties,omitempty"`
	Outputs    map[string]cloudflareNext `json:"outputs"`
}

type cloudflareProperties struct {
	Conditions map[string]map[string]string `json:"conditions,omitempty"`
	Provider   string                       `json:"provider,omitempty"`
	Model      string                       `json:"model,omitempty"`
	Timeout    int64                        `json:"timeout,omitempty"` // ms
	Retries    int                          `json:"retries,omitempty"`
}

type cloudflareNext struct {
	Element string `json:"elementId"`
}

// cloudflareName is the route's name: requests ask for the model dynamic/NAME.
const cloudflareName = "infer"

func encodeCloudflare(r *Routes) ([]byte, []Loss, error) {
	f := cloudflareFile{Name: cloudflareName}
	var l losses
	next := func(id string) map[string]cloudflareNext { return map[string]cloudflareNext{"next": {id}} }
	f.Elements = append(f.Elements, cloudflareElement{ID: "start", Type: "start", Outputs: next("if-1")})
	for i := range r.Routes {
		x := &r.Routes[i]
		other := "end" // a task type that is not in the table is answered by no model
		if i+1 < len(r.Routes) {
			other = fmt.Sprintf("if-%d", i+2)
		}
		first := fmt.Sprintf("default-%d", i+1)
		f.Elements = append(f.Elements, cloudflareElement{ID: fmt.Sprintf("if-%d", i+1), Type: "conditional",
			Properties: &cloudflareProperties{Conditions: map[string]map[string]string{portkeyType: {"$eq": x.TaskType}}},
			Outputs:    map[string]cloudflareNext{"true": {first}, "false": {other}}})
		second := "end"
		if x.Backup != "" {
			second = fmt.Sprintf("backup-%d", i+1)
		}
		for _, m := range []struct {
			id, name, fallback string
			retries            int
		}{{first, x.Default, second, x.Retry.Max}, {second, x.Backup, "end", x.Retry.BackupMax}} {
			if m.name == "" {
				continue
			}
			e, err := cloudflareModel(r.model(m.name), x, m.retries)
			if err != nil {
				return nil, nil, err
			}
			e.ID, e.Outputs = m.id, map[string]cloudflareNext{"success": {"end"}, "fallback": {m.fallback}}
			f.Elements = append(f.Elements, e)
		}
		cloudflareLosses(x, &l)
	}
	f.Elements = append(f.Elements, cloudflareElement{ID: "end", Type: "end", Outputs: map[string]cloudflareNext{}})
	l.all(KeyByCaller, "key_env")
	l.common(r)
	l.all(EvidenceNotCarried, "evidence")
	b, err := toJSON(&f)
	return b, l.list, err
}

func cloudflareLosses(x *Route, l *losses) {
	if x.Backup != "" {
		l.of(x, FallbackOnAnyError, "on", "")
		l.of(x, ReasonNotLogged, "", "")
	}
	if x.Backup != "" || retried(x) {
		l.of(x, NoStreamFallback, "", "")
	}
	if retried(x) {
		l.of(x, RetryOnAnyError, "retry.on", "")
		if max(x.Retry.Max, x.Retry.BackupMax) > retryCap {
			l.of(x, RetryCapped, "retry.max", "")
		}
		if x.Retry.BaseDelayMS > 0 || x.Retry.MaxDelayMS > 0 {
			l.of(x, BackoffNotCarried, "retry.delays", "")
		}
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

func cloudflareModel(m *Model, x *Route, retries int) (cloudflareElement, error) {
	provider, base, err := place(m, FormatCloudflare, func(v *vendor) string { return v.cloudflare })
	if err != nil {
		return cloudflareElement{}, err
	}
	if base != "" {
		return cloudflareElement{}, invalid("export another format", "cloudflare: model %s: it calls public services only, not %s", eval.Untrusted(m.Name).Line(60), serviceName(m))
	}
	return cloudflareElement{Type: "model", Properties: &cloudflareProperties{Provider: provider, Model: m.Model, Timeout: x.TimeoutMS, Retries: min(retries, retryCap)}}, nil
}

func isCloudflare(b []byte) bool { return hasKeys(b, "name", "elements") }

func decodeCloudflare(b []byte) (*Routes, error) {
	var f cloudflareFile
	if err := json.Unmarshal(b, &f); err != nil {
		return nil, err
	}
	at := make(map[string]*cloudflareElement, len(f.Elements))
	for i := range f.Elements {
		at[f.Elements[i].ID] = &f.Elements[i]
	}
	t := newTable()
	for i := range f.Elements {
		e := &f.Elements[i]
		if e.Type != "conditional" || e.Properties == nil {
			continue
		}
		x := Route{TaskType: e.Properties.Conditions[portkeyType]["$eq"], StopAfterBackup: true}
		if err := readCloudflareRoute(t, at, e.Outputs["true"].Element, &x); err != nil {
			return nil, fmt.Errorf("element %s: %w", eval.Untrusted(e.ID).Line(60), err)
		}
		t.add(x)
	}
	return t.routes(), nil
}

func readCloudflareRoute(t *table, at map[string]*cloudflareElement, id string, x *Route) error {
	names, retries := []*string{&x.Default, &x.Backup}, []*int{&x.Retry.Max, &x.Retry.BackupMax}
	for i := 0; ; i++ {
		e := at[id]
		if e == nil || i > 0 && e.Type == "end" {
			break
		}
		if i == len(names) || e.Type != "model" || e.Properties == nil {
			return errors.New("not one or two models in a row")
		}
		m, ok := modelAt(e.Properties.Provider, "", func(v *vendor) string { return v.cloudflare })
		if !ok {
			return fmt.Errorf("provider %s is not one that infer exports", eval.Untrusted(e.Properties.Provider).Line(40))
		}
		m.Model = e.Properties.Model
		*names[i], *retries[i] = t.model(m), e.Properties.Retries
		if i == 0 {
			x.TimeoutMS = e.Properties.Timeout
		}
		id = e.Outputs["fallback"].Element
	}
	if x.Default == "" {
		return errors.New("no model")
	}
	return nil
}
