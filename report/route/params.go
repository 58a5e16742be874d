package route

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"sort"
	"strings"
)

// Params are model parameters by their names, as JSON values.
type Params map[string]json.RawMessage

// names returns the parameters' names, sorted.
func (p Params) names() []string {
	names := make([]string, 0, len(p))
	for n := range p {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

// values returns the parameters as plain values: int64 for whole numbers that fit
// and are written as such, else float64.
func (p Params) values() (map[string]any, error) {
	out := make(map[string]any, len(p))
	for name, raw := range p {
		v, err := plainJSON(raw)
		if err != nil {
			return nil, fmt.Errorf("parameter %q: %w", name, err)
		}
		out[name] = v
	}
	return out, nil
}

// plainJSON decodes one JSON value, numbers as int64 or float64.
func plainJSON(raw json.RawMessage) (any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	return plain(v), nil
}

func plain(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil && !strings.ContainsAny(v.String(), ".eE") {
			return n
		}
		f, err := v.Float64()
		if err != nil {
			return v.String()
		}
		return f
	case map[string]any:
		for k := range v {
			v[k] = plain(v[k])
		}
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	}
	return v
}

// paramsOf is the inverse of values: the canonical JSON of each.
func paramsOf(values map[string]any) (Params, error) {
	if len(values) == 0 {
		return nil, nil
	}
	p := make(Params, len(values))
	for name, v := range values {
		raw, err := json.Marshal(settle(v))
		if err != nil {
			return nil, fmt.Errorf("parameter %q: %w", name, err)
		}
		p[name] = raw
	}
	return p, nil
}

// settle turns what YAML and TOML decoders return into what JSON has: maps with
// text keys, whole floats as integers (1.0 and 1 are one number in JSON).
func settle(v any) any {
	switch v := v.(type) {
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return int64(v)
		}
	case map[any]any:
		m := make(map[string]any, len(v))
		for k, x := range v {
			m[fmt.Sprint(k)] = settle(x)
		}
		return m
	case map[string]any:
		m := make(map[string]any, len(v))
		for k, x := range v {
			m[k] = settle(x)
		}
		return m
	case []map[string]any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = settle(v[i])
		}
		return list
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = settle(v[i])
		}
		return list
	}
	return v
}

// canonical returns the parameters in the form in which they come back from any
// file.
func (p Params) canonical() (Params, error) {
	values, err := p.values()
	if err != nil {
		return nil, err
	}
	return paramsOf(values)
}

// UnmarshalJSON reads the parameters, each without the white space around and
// inside it.
func (p *Params) UnmarshalJSON(b []byte) error {
	var m map[string]json.RawMessage
	if err := json.Unmarshal(b, &m); err != nil {
		return err
	}
	for name, raw := range m {
		var out bytes.Buffer
		if err := json.Compact(&out, raw); err != nil {
			return err
		}
		m[name] = out.Bytes()
	}
	*p = m
	return nil
}
