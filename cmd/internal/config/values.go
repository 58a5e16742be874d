package config

import (
	"encoding/json"
	"fmt"
	"reflect"
	"sort"
	"strings"
	"time"
)

// Value is one setting with where it came from.
type Value struct {
	Key    string `json:"key"`
	Value  string `json:"value"`
	Origin string `json:"origin"` // "flag --store", "env INFER_STORE", "env INFER_STORE (.env)", "infer.yaml:12" or "default"
}

// lineOnly is the place without its column, as an origin is shown.
func (p place) lineOnly() string { return fmt.Sprintf("%s:%d", p.file, p.line) }

// Values lists every value that is set, with its origin, sorted by key. Secrets
// are not among them: files cannot hold any, the values of headers are not
// shown, and what looks like a key is blotted out.
func (c *Config) Values() []Value {
	all := make(map[string]Value, len(c.values)+len(c.places))
	flat := make(map[string]string)
	flatten(reflect.ValueOf(&c.File).Elem(), "", flat)
	for key, p := range c.places {
		if v, ok := flat[key]; ok {
			all[key] = Value{key, v, p.lineOnly()}
		}
	}
	for key, v := range c.values {
		all[key] = v
	}
	out := make([]Value, 0, len(all))
	for _, v := range all {
		v.Value = redact(v.Value)
		if strings.HasPrefix(v.Key, "providers.") && strings.Contains(v.Key, ".headers.") {
			v.Value = "(set)"
		}
		out = append(out, v)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Key < out[j].Key })
	return out
}

// flatten collects the leaf values of a file by dotted path.
func flatten(v reflect.Value, path string, out map[string]string) {
	switch x := v.Interface().(type) {
	case json.RawMessage:
		out[path] = string(x)
		return
	case time.Duration:
		out[path] = x.String()
		return
	case Strings:
		out[path] = strings.Join(x, ", ")
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			flatten(v.Elem(), path, out)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				flatten(v.Field(i), join(path, f.Tag.Get("yaml")), out)
			}
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			flatten(v.MapIndex(k), join(path, k.String()), out)
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() != reflect.Struct {
			words := make([]string, v.Len())
			for i := range words {
				words[i] = v.Index(i).String()
			}
			out[path] = strings.Join(words, ", ")
			return
		}
		for i := range v.Len() {
			flatten(v.Index(i), fmt.Sprintf("%s[%d]", path, i), out)
		}
	default:
		out[path] = fmt.Sprint(v.Interface())
	}
}
