package config

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"

	"infer/eval"
)

// decoder fills structs from YAML nodes, strictly, and remembers where each
// value stands.
type decoder struct {
	label  string // the file's name in messages
	places places
	left   int  // values that may still come
	prices bool // a price file, which may be larger
}

func (d *decoder) place(n *yaml.Node) place { return place{d.label, n.Line, n.Column} }

func (d *decoder) fail(n *yaml.Node, hint, format string, args ...any) error {
	return eval.Invalid(fmt.Errorf("%s: %s", d.place(n), fmt.Sprintf(format, args...)), hint)
}

// enter resolves aliases and applies the limits on every value that is read.
func (d *decoder) enter(n *yaml.Node, depth int) (*yaml.Node, error) {
	at := n
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if d.left--; d.left < 0 {
		return nil, d.fail(at, "write less, and use fewer aliases", "more than %d values", maxValues)
	}
	if depth > maxNesting {
		return nil, d.fail(at, "flatten it", "nested more than %d levels deep", maxNesting)
	}
	if n.Style&yaml.TaggedStyle != 0 {
		return nil, d.fail(n, "write it as plain YAML", "the tag %s is not allowed", eval.Untrusted(n.Tag).Line(40))
	}
	return n, nil
}

// value decodes n into v. tag holds the limits on the value.
func (d *decoder) value(n *yaml.Node, v reflect.Value, tag reflect.StructTag, path string, depth int) error {
	n, err := d.enter(n, depth)
	if err != nil {
		return err
	}
	if path != "" {
		d.places[path] = d.place(n)
	}
	if v.Type() == reflect.TypeFor[json.RawMessage]() {
		return d.raw(n, v, tag, path, depth)
	}
	if isNull(n) {
		return d.fail(n, "give it a value, or leave the key out", "%s has no value", orRoot(path))
	}
	switch v.Type() {
	case reflect.TypeFor[time.Duration]():
		return d.duration(n, v, path)
	case reflect.TypeFor[Decimal]():
		return d.decimal(n, v, tag, path)
	case reflect.TypeFor[Strings]():
		if n.Kind == yaml.ScalarNode {
			n = &yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{n}, Line: n.Line, Column: n.Column}
		}
	case reflect.TypeFor[Prices]():
		if n.Kind == yaml.SequenceNode {
			d.places.forget(path)
			return d.value(n, v.FieldByName("Models"), tag, path+".models", depth)
		}
	case reflect.TypeFor[Price]():
		v.Addr().Interface().(*Price).place = d.place(n)
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		return d.value(n, v.Elem(), tag, path, depth)
	case reflect.Struct:
		return d.object(n, v, path, depth)
	case reflect.Map:
		return d.table(n, v, tag, path, depth)
	case reflect.Slice:
		return d.list(n, v, tag, path, depth)
	}
	return d.scalar(n, v, tag, path)
}

// raw decodes a value that is kept as JSON.
func (d *decoder) raw(n *yaml.Node, v reflect.Value, tag reflect.StructTag, path string, depth int) error {
	if tag.Get("format") == "grader" && n.Kind == yaml.ScalarNode && n.ShortTag() != "!!str" {
		return d.fail(n, "name a grader, or write {type: NAME}; `infer help grading` lists them", "%s: %s is not a grader", orRoot(path), show(n))
	}
	b, err := d.json(n, path, depth)
	if err != nil {
		return err
	}
	v.SetBytes(b)
	return nil
}

func (d *decoder) list(n *yaml.Node, v reflect.Value, tag reflect.StructTag, path string, depth int) error {
	if n.Kind != yaml.SequenceNode {
		return d.fail(n, "write it as a list: [a, b]", "%s: %s is not a list", path, show(n))
	}
	if v.Len() > 0 {
		here := d.places[path]
		d.places.forget(path)
		d.places[path] = here
	}
	out := reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content))
	for i, item := range n.Content {
		if err := d.value(item, out.Index(i), tag, path+"["+strconv.Itoa(i)+"]", depth+1); err != nil {
			return err
		}
	}
	v.Set(out)
	return nil
}

func (d *decoder) object(n *yaml.Node, v reflect.Value, path string, depth int) error {
	if n.Kind != yaml.MappingNode {
		return d.fail(n, "write it as key: value", "%s: %s is not a group of settings", orRoot(path), show(n))
	}
	known := keysOf(v.Type())
	seen := make(map[string]bool, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, err := d.key(n.Content[i], path, seen)
		if err != nil {
			return err
		}
		f, ok := fieldOf(v.Type(), key)
		if !ok {
			return d.unknown(n.Content[i], key, path, known)
		}
		if err := d.value(n.Content[i+1], v.FieldByIndex(f.Index), f.Tag, join(path, key), depth+1); err != nil {
			return err
		}
	}
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if key := f.Tag.Get("yaml"); f.Tag.Get("required") == "true" && !seen[key] {
			return d.fail(n, "add "+key+": "+f.Tag.Get("doc"), "%s needs %s", orRoot(path), key)
		}
	}
	return nil
}

// unknown says what is wrong with a key that a group of settings does not have.
func (d *decoder) unknown(n *yaml.Node, key, path string, known []string) error {
	if isSecret(key) {
		return d.fail(n, "put the key into the environment and name the variable: api_key_env: NAME", "a secret does not belong in a file")
	}
	return d.fail(n, suggest(key, known, "the keys here are "), "unknown key %q", eval.Untrusted(join(path, key)).Line(80))
}

// table decodes a mapping with names of the user's own. Entries that v has
// already stay, unless n has one of that name.
func (d *decoder) table(n *yaml.Node, v reflect.Value, tag reflect.StructTag, path string, depth int) error {
	if n.Kind != yaml.MappingNode {
		return d.fail(n, "write it as key: value", "%s: %s is not a group of settings", path, show(n))
	}
	if v.IsNil() {
		v.Set(reflect.MakeMap(v.Type()))
	}
	seen := make(map[string]bool, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, err := d.key(n.Content[i], path, seen)
		if err != nil {
			return err
		}
		if holdsSecret(path, key) {
			return d.fail(n.Content[i], "put the key into the environment and name the variable: api_key_env: NAME", "a secret does not belong in a file")
		}
		if v.MapIndex(reflect.ValueOf(key)).IsValid() {
			d.places.forget(join(path, key))
		}
		item := reflect.New(v.Type().Elem()).Elem()
		if err := d.value(n.Content[i+1], item, tag, join(path, key), depth+1); err != nil {
			return err
		}
		v.SetMapIndex(reflect.ValueOf(key), item)
	}
	return nil
}

// key reads the key of a mapping, which must be a single value that does not
// stand there twice.
func (d *decoder) key(n *yaml.Node, path string, seen map[string]bool) (string, error) {
	switch {
	case n.Kind != yaml.ScalarNode || n.Style&yaml.TaggedStyle != 0 || n.Value == "":
		return "", d.fail(n, "write keys as plain text", "%s: a key must be a single word", orRoot(path))
	case n.ShortTag() == "!!merge":
		return "", d.fail(n, "write the settings out, or put what candidates share under defaults", "%s: merge keys (<<) are not supported", orRoot(path))
	case seen[n.Value]:
		return "", d.fail(n, "keep one of them", "%s stands twice", eval.Untrusted(join(path, n.Value)).Line(80))
	}
	seen[n.Value] = true
	return n.Value, nil
}

// fieldOf finds the field of a struct that a key sets.
func fieldOf(t reflect.Type, key string) (reflect.StructField, bool) {
	for i := range t.NumField() {
		if f := t.Field(i); f.IsExported() && f.Tag.Get("yaml") == key {
			return f, true
		}
	}
	return reflect.StructField{}, false
}

// keysOf lists the keys of a struct in their order.
func keysOf(t reflect.Type) []string {
	var keys []string
	for i := range t.NumField() {
		if f := t.Field(i); f.IsExported() {
			keys = append(keys, f.Tag.Get("yaml"))
		}
	}
	return keys
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func orRoot(path string) string {
	if path == "" {
		return "the file"
	}
	return eval.Untrusted(path).Line(80)
}
