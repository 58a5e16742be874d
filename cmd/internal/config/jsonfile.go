package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"infer/eval"
)

// jsonReader reads a JSON file into the nodes that YAML is read into, so that
// one decoder serves both. YAML readers do not take all of JSON.
type jsonReader struct {
	d   *decoder
	b   []byte
	dec *json.Decoder
	// The place of the newest token; places only move forward.
	at, line, col int
}

// jsonDocument reads the one JSON value of a file.
func (d *decoder) jsonDocument(b []byte) (*yaml.Node, error) {
	r := &jsonReader{d: d, b: b, dec: json.NewDecoder(bytes.NewReader(b)), line: 1, col: 1}
	r.dec.UseNumber()
	n, err := r.value(0)
	if err != nil {
		return nil, err
	}
	if _, err := r.dec.Token(); !errors.Is(err, io.EOF) {
		r.advance(int(r.dec.InputOffset()))
		return nil, r.fail("something follows the end")
	}
	return n, nil
}

func (r *jsonReader) place() place { return place{r.d.label, r.line, r.col} }

func (r *jsonReader) fail(what string) error {
	return eval.Invalid(fmt.Errorf("%s: not JSON: %s", r.place(), what), "mend it, or write YAML: infer.yaml is easier to comment")
}

// advance moves the place to an offset.
func (r *jsonReader) advance(to int) {
	for ; r.at < min(to, len(r.b)); r.at++ {
		if r.b[r.at] == '\n' {
			r.line, r.col = r.line+1, 1
		} else if utf8.RuneStart(r.b[r.at]) {
			r.col++
		}
	}
}

// token reads the next token and moves the place to its beginning.
func (r *jsonReader) token() (json.Token, error) {
	from := int(r.dec.InputOffset())
	from += len(r.b[from:]) - len(bytes.TrimLeft(r.b[from:], " \t\r\n,:"))
	t, err := r.dec.Token()
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		from = max(from, int(syntax.Offset)-1)
	}
	r.advance(from)
	if err != nil {
		return nil, r.fail(strings.TrimPrefix(eval.Untrusted(err.Error()).Line(80), "json: "))
	}
	return t, nil
}

func (r *jsonReader) value(depth int) (*yaml.Node, error) {
	t, err := r.token()
	if err != nil {
		return nil, err
	}
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Line: r.line, Column: r.col}
	switch v := t.(type) {
	case json.Delim:
		if depth > maxNesting {
			return nil, r.fail(fmt.Sprintf("nested more than %d levels deep", maxNesting))
		}
		return n, r.group(n, v, depth)
	case string:
		n.Value = v
	case json.Number:
		if n.Tag, n.Value = "!!int", v.String(); strings.ContainsAny(n.Value, ".eE") {
			n.Tag = "!!float"
		}
	case bool:
		n.Tag, n.Value = "!!bool", fmt.Sprint(v)
	default:
		n.Tag, n.Value = "!!null", "null"
	}
	return n, nil
}

// group reads the rest of an object or a list.
func (r *jsonReader) group(n *yaml.Node, open json.Delim, depth int) error {
	n.Kind, n.Tag = yaml.SequenceNode, "!!seq"
	if open == '{' {
		n.Kind, n.Tag = yaml.MappingNode, "!!map"
	}
	for r.dec.More() {
		if open == '{' {
			key, err := r.value(depth + 1)
			if err != nil {
				return err
			}
			n.Content = append(n.Content, key)
		}
		item, err := r.value(depth + 1)
		if err != nil {
			return err
		}
		n.Content = append(n.Content, item)
	}
	_, err := r.token()
	return err
}
