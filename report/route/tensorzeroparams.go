package route

import (
	"strings"

	"infer/eval"
)

// setParams writes the parameters that a variant has a setting for as such, the
// others into the body.
func (v *tzVariant) setParams(x *Route, tell bool, l *losses) error {
	values, err := x.Params.values()
	if err != nil {
		return err
	}
	for _, name := range x.Params.names() {
		if v.native(name, values[name]) {
			continue
		}
		if holdsNull(values[name]) {
			if tell {
				l.of(x, ParamsNotCarried, "params."+name, eval.Untrusted(name).Line(60)+" holds null, which TOML cannot write")
			}
			continue
		}
		v.Extra = append(v.Extra, tzExtra{"/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name), values[name]})
	}
	return nil
}

// native sets a parameter that a variant has a setting for.
func (v *tzVariant) native(name string, value any) bool {
	if dest, ok := map[string]**float64{"temperature": &v.Temperature, "top_p": &v.TopP, "presence_penalty": &v.PresencePenalty, "frequency_penalty": &v.FrequencyPenalty}[name]; ok {
		switch n := value.(type) {
		case int64:
			f := float64(n)
			*dest = &f
			return true
		case float64:
			*dest = &n
			return true
		}
		return false
	}
	if dest, ok := map[string]**int64{"max_tokens": &v.MaxTokens, "seed": &v.Seed}[name]; ok {
		n, whole := value.(int64)
		if whole && n >= 0 && n < 1<<32 {
			*dest = &n
			return true
		}
		return false
	}
	list, ok := value.([]any)
	if name != "stop" || !ok || len(list) == 0 {
		return false
	}
	stops := make([]string, len(list))
	for i := range list {
		if stops[i], ok = list[i].(string); !ok {
			return false
		}
	}
	v.Stop = stops
	return true
}

func holdsNull(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case map[string]any:
		for _, x := range v {
			if holdsNull(x) {
				return true
			}
		}
	case []any:
		for _, x := range v {
			if holdsNull(x) {
				return true
			}
		}
	}
	return false
}

// params is the inverse of setParams.
func (v *tzVariant) params() (Params, error) {
	values := make(map[string]any)
	for name, p := range map[string]*float64{"temperature": v.Temperature, "top_p": v.TopP, "presence_penalty": v.PresencePenalty, "frequency_penalty": v.FrequencyPenalty} {
		if p != nil {
			values[name] = *p
		}
	}
	for name, p := range map[string]*int64{"max_tokens": v.MaxTokens, "seed": v.Seed} {
		if p != nil {
			values[name] = *p
		}
	}
	if len(v.Stop) > 0 {
		values["stop"] = v.Stop
	}
	for _, e := range v.Extra {
		name := strings.NewReplacer("~1", "/", "~0", "~").Replace(strings.TrimPrefix(e.Pointer, "/"))
		values[name] = e.Value
	}
	return paramsOf(values)
}
