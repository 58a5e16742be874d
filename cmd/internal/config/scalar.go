package config

import (
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"infer/eval"
	"infer/providers"
	"infer/providers/openai"
)

// The forms of values; the schema holds the same expressions.
const (
	durationForm = `^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$`
	decimalForm  = `^[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$`
	dateForm     = `^[0-9]{4}-[0-9]{2}-[0-9]{2}$`
	envForm      = `^[A-Za-z_][A-Za-z0-9_]*$`
)

var (
	durationRE = regexp.MustCompile(durationForm)
	decimalRE  = regexp.MustCompile(decimalForm)
	envRE      = regexp.MustCompile(envForm)
)

func (d *decoder) duration(n *yaml.Node, v reflect.Value, path string) error {
	t, err := time.ParseDuration(n.Value)
	if n.Kind != yaml.ScalarNode || err != nil || !durationRE.MatchString(n.Value) {
		return d.fail(n, "write durations like 500ms, 4s or 2m", "%s: %s is not a duration", orRoot(path), show(n))
	}
	v.SetInt(int64(t))
	return nil
}

// decimal keeps a number as it is written. What it says must be exact in the
// unit that it is for.
func (d *decoder) decimal(n *yaml.Node, v reflect.Value, tag reflect.StructTag, path string) error {
	if n.Kind != yaml.ScalarNode || !decimalRE.MatchString(n.Value) {
		return d.fail(n, "write it as a decimal number, like 0.02", "%s: %s is not an amount", orRoot(path), show(n))
	}
	var err error
	hint := "US dollars, at most 12 decimals"
	if tag.Get("format") == "price" {
		hint = "US dollars per million tokens, at most 6 decimals"
		_, err = eval.ParsePrice(n.Value)
	} else {
		_, err = eval.ParseUSD(n.Value)
	}
	if err != nil {
		return d.fail(n, hint, "%s: %s is too large or has too many decimals", orRoot(path), show(n))
	}
	v.SetString(n.Value)
	return nil
}

// scalar decodes a text, a truth value or a number.
func (d *decoder) scalar(n *yaml.Node, v reflect.Value, tag reflect.StructTag, path string) error {
	if n.Kind != yaml.ScalarNode {
		return d.fail(n, "write one value there", "%s: %s is not a single value", orRoot(path), show(n))
	}
	bad := func(want string) error {
		return d.fail(n, "write "+want, "%s: %s is not %s", orRoot(path), show(n), want)
	}
	kind := n.ShortTag()
	switch v.Kind() {
	case reflect.String:
		return d.text(n, v, tag, path)
	case reflect.Bool:
		if kind != "!!bool" {
			return bad("true or false")
		}
		v.SetBool(strings.EqualFold(n.Value, "true"))
	case reflect.Int, reflect.Int64:
		var i int64
		if kind != "!!int" || leadingZero(n.Value) || n.Decode(&i) != nil || i < 0 {
			return bad("a whole number from 0")
		}
		v.SetInt(i)
		return d.bounds(n, float64(i), tag, path)
	case reflect.Uint64:
		var u uint64
		if kind != "!!int" || leadingZero(n.Value) || n.Decode(&u) != nil {
			return bad("a whole number from 0")
		}
		v.SetUint(u)
	case reflect.Float64:
		var f float64
		if kind != "!!int" && kind != "!!float" || leadingZero(n.Value) || n.Decode(&f) != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return bad("a number")
		}
		v.SetFloat(f)
		return d.bounds(n, f, tag, path)
	default:
		return d.fail(n, "leave it out", "%s cannot be set", orRoot(path))
	}
	return nil
}

// text decodes a text. What YAML takes for a number or a truth value must be
// quoted, so that every reader of the file agrees on what it is.
func (d *decoder) text(n *yaml.Node, v reflect.Value, tag reflect.StructTag, path string) error {
	if kind := n.ShortTag(); kind != "!!str" && kind != "!!timestamp" {
		return d.fail(n, "put it into quotes: "+strconv.Quote(eval.Untrusted(n.Value).Line(60)), "%s: %s is not a text", orRoot(path), show(n))
	}
	s := n.Value
	switch {
	case tag.Get("required") == "true" && s == "":
		return d.fail(n, tag.Get("doc"), "%s is empty", orRoot(path))
	case strings.HasPrefix(path, "providers.") && redact(s) != s:
		return d.fail(n, "put the key into the environment and name the variable: api_key_env: NAME", "a secret does not belong in a file")
	case tag.Get("format") == "env" && !envRE.MatchString(s):
		return d.fail(n, "give the name of an environment variable, such as OPENAI_API_KEY", "%s is not the name of a variable", orRoot(path))
	case tag.Get("format") == "date" && !isDate(s):
		return d.fail(n, "write it like 2026-11-01", "%s: %s is not a date", orRoot(path), show(n))
	}
	if allowed := enumOf(tag.Get("enum")); allowed != nil && !slices.Contains(allowed, s) {
		return d.fail(n, suggest(s, allowed, "it may be "), "%s: unknown value %q", orRoot(path), eval.Untrusted(s).Line(60))
	}
	v.SetString(s)
	return nil
}

// bounds checks a number against the tags min, max, xmin and xmax.
func (d *decoder) bounds(n *yaml.Node, f float64, tag reflect.StructTag, path string) error {
	for _, b := range []struct {
		name, words string
		bad         func(limit float64) bool
	}{
		{"min", "at least", func(l float64) bool { return f < l }},
		{"max", "at most", func(l float64) bool { return f > l }},
		{"xmin", "more than", func(l float64) bool { return f <= l }},
		{"xmax", "less than", func(l float64) bool { return f >= l }},
	} {
		text, ok := tag.Lookup(b.name)
		if !ok {
			continue
		}
		limit, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return d.fail(n, "leave it out", "%s has no sound limit: %v", orRoot(path), err)
		}
		if b.bad(limit) {
			return d.fail(n, "give a number that is "+b.words+" "+text, "%s: %s is not %s %s", orRoot(path), show(n), b.words, text)
		}
	}
	return nil
}

// enumOf lists the values that a tag allows; nil = any.
func enumOf(tag string) []string {
	switch tag {
	case "":
		return nil
	case "class":
		var out []string
		for _, c := range eval.Classes() {
			out = append(out, string(c))
		}
		return out
	case "preset":
		return openai.PresetNames()
	}
	return strings.Split(tag, ",")
}

// isSecret reports whether the name of a setting is that of a credential.
func isSecret(key string) bool {
	switch strings.ToLower(strings.ReplaceAll(key, "-", "_")) {
	case "api_key", "apikey", "key", "token", "secret", "password", "authorization", "proxy_authorization", "x_api_key", "x_goog_api_key", "cookie":
		return true
	}
	return false
}

// holdsSecret reports whether an entry of a table is a credential: a header that
// carries one, or a parameter of that name.
func holdsSecret(path, key string) bool {
	switch {
	case strings.HasPrefix(path, "providers.") && strings.HasSuffix(path, ".headers"):
		k := strings.ToLower(strings.ReplaceAll(key, "-", "_"))
		return isSecret(key) || strings.Contains(k, "api_key") || strings.HasSuffix(k, "_token") || strings.HasSuffix(k, "_secret")
	case strings.HasSuffix(path, ".params"):
		k := strings.ToLower(strings.ReplaceAll(key, "-", "_"))
		return k == "api_key" || k == "apikey" || k == "authorization"
	}
	return false
}

// redact takes what looks like a key out of a text.
func redact(s string) string { return providers.NewRedactor().String(s) }

func isDate(s string) bool {
	_, err := time.Parse(time.DateOnly, s)
	return err == nil
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// leadingZero reports whether a number is one that YAML 1.1 reads as octal and
// YAML 1.2 as decimal.
func leadingZero(s string) bool {
	s = strings.TrimLeft(s, "+-")
	return len(s) > 1 && s[0] == '0' && s[1] >= '0' && s[1] <= '9'
}

// show is a value in a message.
func show(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a group of settings"
	case yaml.SequenceNode:
		return "a list"
	}
	return strconv.Quote(eval.Untrusted(redact(n.Value)).Line(60))
}
