package route

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"sort"
	"strings"

	"github.com/BurntSushi/toml"

	"infer/eval"
)

type tzFile struct {
	Models    map[string]tzModel    `toml:"models"`
	Functions map[string]tzFunction `toml:"functions"`
}

type tzModel struct {
	Routing   []string              `toml:"routing"`
	Providers map[string]tzProvider `toml:"providers"`

	of string // candidate
}

// tzProvider is where a model is called. Its time limits are those of one
// attempt: a variant's own would span all of its retries.
type tzProvider struct {
	Type     string      `toml:"type"`
	Model    string      `toml:"model_name"`
	Base     string      `toml:"api_base,omitempty"`
	Key      string      `toml:"api_key_location"` // env::NAME or none
	Timeouts *tzTimeouts `toml:"timeouts,omitempty"`
}

type tzFunction struct {
	Type     string               `toml:"type"`
	Variants map[string]tzVariant `toml:"variants"`
	Choice   tzChoice             `toml:"experimentation"`
}

type tzVariant struct {
	Type    string     `toml:"type"`
	Model   string     `toml:"model"`
	Retries *tzRetries `toml:"retries,omitempty"`

	Temperature      *float64  `toml:"temperature,omitempty"`
	TopP             *float64  `toml:"top_p,omitempty"`
	MaxTokens        *int64    `toml:"max_tokens,omitempty"`
	Seed             *int64    `toml:"seed,omitempty"`
	PresencePenalty  *float64  `toml:"presence_penalty,omitempty"`
	FrequencyPenalty *float64  `toml:"frequency_penalty,omitempty"`
	Stop             []string  `toml:"stop_sequences,omitempty"`
	Extra            []tzExtra `toml:"extra_body,omitempty"`
}

// tzExtra sets one field of the request body, by JSON pointer.
type tzExtra struct {
	Pointer string `toml:"pointer"`
	Value   any    `toml:"value"`
}

type tzRetries struct {
	Max      int     `toml:"num_retries"`
	MaxDelay float64 `toml:"max_delay_s"`
}

type tzTimeouts struct {
	Plain  *tzLimit `toml:"non_streaming,omitempty"`
	Stream *tzLimit `toml:"streaming,omitempty"`
}

type tzLimit struct {
	Total int64 `toml:"total_ms,omitzero"`
	First int64 `toml:"ttft_ms,omitzero"`
}

type tzChoice struct {
	Type       string   `toml:"type"`
	Candidates []string `toml:"candidate_variants"`
	Fallbacks  []string `toml:"fallback_variants,omitempty"`
}

// The variants of a function.
const (
	tzDefault = "default"
	tzBackup  = "backup"
	tzEnv     = "env::"
	// tzDelay is TensorZero's own longest wait, in seconds.
	tzDelay = 10
)

func encodeTensorZero(r *Routes) ([]byte, []Loss, error) {
	f := tzFile{Models: make(map[string]tzModel), Functions: make(map[string]tzFunction)}
	var l losses
	for i := range r.Routes {
		x := &r.Routes[i]
		fn, err := f.function(r, x, &l)
		if err != nil {
			return nil, nil, err
		}
		f.Functions[x.TaskType] = fn
	}
	l.common(r)
	var out bytes.Buffer
	e := toml.NewEncoder(&out)
	e.Indent = ""
	if err := e.Encode(&f); err != nil {
		return nil, nil, fmt.Errorf("encode TOML: %w", err)
	}
	return escapeRunes(out.Bytes()), l.list, nil
}

func (f *tzFile) function(r *Routes, x *Route, l *losses) (tzFunction, error) {
	fn := tzFunction{Type: "chat", Variants: make(map[string]tzVariant), Choice: tzChoice{Type: "static", Candidates: []string{tzDefault}}}
	for _, m := range []struct {
		variant, name string
		retries       int
	}{{tzDefault, x.Default, x.Retry.Max}, {tzBackup, x.Backup, x.Retry.BackupMax}} {
		if m.name == "" {
			continue
		}
		name, err := f.addModel(r, m.name, x)
		if err != nil {
			return fn, err
		}
		v := tzVariant{Type: "chat_completion", Model: name}
		if m.retries > 0 {
			v.Retries = &tzRetries{Max: m.retries, MaxDelay: tzDelay}
			if x.Retry.MaxDelayMS > 0 {
				v.Retries.MaxDelay = float64(x.Retry.MaxDelayMS) / 1000
			}
		}
		if err := v.setParams(x, m.variant == tzDefault, l); err != nil {
			return fn, err
		}
		fn.Variants[m.variant] = v
	}
	if x.Backup != "" {
		fn.Choice.Fallbacks = []string{tzBackup}
		l.of(x, FallbackOnAnyError, "on", "")
		l.of(x, ReasonNotLogged, "", "the answer names the variant that gave it")
	}
	if x.Backup != "" || retried(x) {
		l.of(x, NoStreamFallback, "", "")
	}
	if x.ContextBackup != "" {
		l.of(x, NoContextBackup, "context_backup", "")
	}
	if retried(x) {
		l.of(x, RetryOnAnyError, "retry.on", "")
		if x.Retry.BaseDelayMS > 0 {
			l.of(x, BackoffNotCarried, "retry.base_delay_ms", "the first wait")
		}
	}
	return fn, nil
}

// addModel adds a model with the route's time limits and returns its name: the
// candidate's, with a number where another route has other limits.
func (f *tzFile) addModel(r *Routes, candidate string, x *Route) (string, error) {
	m := r.model(candidate)
	provider, base, err := place(m, FormatTensorZero, func(v *vendor) string { return v.tensorzero })
	if err != nil {
		return "", err
	}
	p := tzProvider{Type: provider, Model: m.Model, Key: "none", Timeouts: tzTimeoutsOf(x)}
	if base != "" {
		p.Base = base + "/"
	}
	if m.KeyEnv != "" {
		p.Key = tzEnv + m.KeyEnv
	}
	routing := m.Provider
	if routing == "" {
		routing = provider
	}
	name := candidate
	for n := 2; ; n++ {
		old, taken := f.Models[name]
		if taken && old.of == candidate && reflect.DeepEqual(old.Providers[routing], p) {
			return name, nil
		}
		if !taken && (name == candidate || r.model(name) == nil) {
			break
		}
		name = fmt.Sprintf("%s #%d", candidate, n)
	}
	f.Models[name] = tzModel{Routing: []string{routing}, Providers: map[string]tzProvider{routing: p}, of: candidate}
	return name, nil
}

func tzTimeoutsOf(x *Route) *tzTimeouts {
	if x.TimeoutMS == 0 && x.FirstTokenMS == 0 {
		return nil
	}
	t := &tzTimeouts{Stream: &tzLimit{Total: x.TimeoutMS, First: x.FirstTokenMS}}
	if x.TimeoutMS > 0 {
		t.Plain = &tzLimit{Total: x.TimeoutMS}
	}
	return t
}

func isTensorZero(b []byte) bool {
	var f map[string]any
	if isJSON(b) || toml.Unmarshal(b, &f) != nil {
		return false
	}
	_, ok := f["functions"]
	return ok
}

func decodeTensorZero(b []byte) (*Routes, error) {
	var f tzFile
	if err := toml.Unmarshal(b, &f); err != nil {
		return nil, err
	}
	names := make([]string, 0, len(f.Functions))
	for name := range f.Functions {
		names = append(names, name)
	}
	sort.Strings(names)
	t := newTable()
	for _, name := range names {
		x, err := f.route(t, name)
		if err != nil {
			return nil, fmt.Errorf("function %s: %w", eval.Untrusted(name).Line(60), err)
		}
		t.add(x)
	}
	return t.routes(), nil
}

func (f *tzFile) route(t *table, name string) (Route, error) {
	fn := f.Functions[name]
	x := Route{TaskType: name, StopAfterBackup: true}
	if len(fn.Choice.Candidates) != 1 || len(fn.Choice.Fallbacks) > 1 {
		return x, errors.New("infer exports one candidate variant and at most one fallback variant")
	}
	variants := append(append([]string(nil), fn.Choice.Candidates...), fn.Choice.Fallbacks...)
	names, retries := []*string{&x.Default, &x.Backup}, []*int{&x.Retry.Max, &x.Retry.BackupMax}
	for i, key := range variants {
		v, ok := fn.Variants[key]
		if !ok {
			return x, fmt.Errorf("no variant %s", eval.Untrusted(key).Line(60))
		}
		m, err := f.model(v.Model)
		if err != nil {
			return x, err
		}
		*names[i] = t.model(m)
		if v.Retries != nil {
			*retries[i] = v.Retries.Max
			if ms := millisOf(v.Retries.MaxDelay); ms != tzDelay*1000 {
				x.Retry.MaxDelayMS = ms
			}
		}
		if i > 0 {
			continue
		}
		if x.Params, err = v.params(); err != nil {
			return x, err
		}
		if t := f.Models[v.Model].timeouts(); t != nil && t.Stream != nil {
			x.TimeoutMS, x.FirstTokenMS = t.Stream.Total, t.Stream.First
		}
	}
	return x, nil
}

// timeouts are those of the model's one provider; nil = none.
func (m tzModel) timeouts() *tzTimeouts {
	for _, p := range m.Providers {
		return p.Timeouts
	}
	return nil
}

func (f *tzFile) model(name string) (Model, error) {
	d, ok := f.Models[name]
	if !ok || len(d.Routing) != 1 {
		return Model{}, fmt.Errorf("model %s: none, or several providers in a row", eval.Untrusted(name).Line(60))
	}
	p := d.Providers[d.Routing[0]]
	m, ok := modelAt(p.Type, p.Base, func(v *vendor) string { return v.tensorzero })
	if !ok {
		return m, fmt.Errorf("provider type %s is not one that infer exports", eval.Untrusted(p.Type).Line(40))
	}
	m.Name, m.Provider, m.Model = name, d.Routing[0], p.Model
	m.KeyEnv, _ = strings.CutPrefix(p.Key, tzEnv)
	if p.Key == "none" {
		m.KeyEnv = ""
	}
	return m, nil
}
