package config

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"infer/eval"
)

// secretHint says where a secret belongs.
const secretHint = "put the key into the environment and name the variable: api_key_env: NAME"

// json converts a node to JSON faithfully: numbers keep their digits, and words
// that YAML 1.1 alone takes for truth values (no, on) stay texts.
func (d *decoder) json(n *yaml.Node, path string, depth int) (json.RawMessage, error) {
	switch n.Kind {
	case yaml.MappingNode:
		return d.jsonObject(n, path, depth)
	case yaml.SequenceNode:
		return d.jsonList(n, path, depth)
	}
	return d.jsonScalar(n, path)
}

// ParseGraders reads grader rules that stand in a file or a flag of their own, as
// YAML or JSON. label names the place in messages.
func ParseGraders(label string, b []byte) (json.RawMessage, error) {
	d := &decoder{label: label, places: make(places), left: maxValues}
	n, err := d.document(b)
	if err != nil {
		return nil, err
	}
	if n == nil {
		return nil, eval.Invalid(fmt.Errorf("%s: no graders in it", label), "write them like {type: exact}")
	}
	if n, err = d.enter(n, 0); err != nil {
		return nil, err
	}
	return d.json(n, "", 0)
}

func (d *decoder) jsonObject(n *yaml.Node, path string, depth int) (json.RawMessage, error) {
	b := []byte{'{'}
	seen := make(map[string]bool, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, err := d.key(n.Content[i], path, seen)
		if err != nil {
			return nil, err
		}
		name, err := json.Marshal(k)
		if err != nil {
			return nil, d.fail(n.Content[i], "write keys as plain text", "%s: %v", orRoot(path), err)
		}
		item, err := d.enter(n.Content[i+1], depth+1)
		if err != nil {
			return nil, err
		}
		if strings.HasPrefix(path, "providers.") && isSecret(k) && item.Kind == yaml.ScalarNode && !strings.Contains(item.Value, "{{") {
			return nil, d.fail(n.Content[i], secretHint, "a secret does not belong in a file")
		}
		v, err := d.json(item, join(path, k), depth+1)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, name...), ':'), v...)
	}
	return append(b, '}'), nil
}

func (d *decoder) jsonList(n *yaml.Node, path string, depth int) (json.RawMessage, error) {
	b := []byte{'['}
	for i, c := range n.Content {
		item, err := d.enter(c, depth+1)
		if err != nil {
			return nil, err
		}
		v, err := d.json(item, path+"["+strconv.Itoa(i)+"]", depth+1)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, v...)
	}
	return append(b, ']'), nil
}

func (d *decoder) jsonScalar(n *yaml.Node, path string) (json.RawMessage, error) {
	bad := func() (json.RawMessage, error) {
		return nil, d.fail(n, "write a plain decimal number, or a text in quotes", "%s: %s is not a number that JSON knows", orRoot(path), show(n))
	}
	if strings.HasPrefix(path, "providers.") && redact(n.Value) != n.Value {
		return nil, d.fail(n, secretHint, "a secret does not belong in a file")
	}
	var v any = n.Value
	switch n.ShortTag() {
	case "!!null":
		return json.RawMessage("null"), nil
	case "!!bool":
		var t bool
		if n.Decode(&t) != nil {
			return bad()
		}
		v = t
	case "!!int":
		switch i, u := int64(0), uint64(0); {
		case json.Valid([]byte(n.Value)):
			return json.RawMessage(n.Value), nil
		case leadingZero(n.Value):
			return bad()
		case n.Decode(&i) == nil:
			v = i
		case n.Decode(&u) == nil:
			v = u
		default:
			return bad()
		}
	case "!!float":
		if json.Valid([]byte(n.Value)) {
			return json.RawMessage(n.Value), nil
		}
		var f float64
		if leadingZero(n.Value) || n.Decode(&f) != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return bad()
		}
		v = f
	}
	b, err := json.Marshal(v)
	if err != nil {
		return nil, d.fail(n, "write it as plain YAML", "%s: %s", orRoot(path), eval.Untrusted(err.Error()).Line(80))
	}
	return b, nil
}
