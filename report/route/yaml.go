package route

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"infer/eval"
)

// toYAML encodes a value by its JSON form, in the order of its fields. Every text
// that is not plain is put into double quotes: the library's block scalars do not
// survive a line separator, and parsers differ on what is a text.
func toYAML(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	n, err := node(d)
	if err != nil {
		return nil, fmt.Errorf("encode YAML: %w", err)
	}
	var out bytes.Buffer
	e := yaml.NewEncoder(&out)
	e.SetIndent(2)
	if err := errors.Join(e.Encode(n), e.Close()); err != nil {
		return nil, fmt.Errorf("encode YAML: %w", err)
	}
	return escapeRunes(out.Bytes()), nil
}

// node reads the next JSON value as a YAML node.
func node(d *json.Decoder) (*yaml.Node, error) {
	tok, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch v := tok.(type) {
	case json.Delim:
		n := &yaml.Node{Kind: yaml.SequenceNode}
		if v == '{' {
			n.Kind = yaml.MappingNode
		}
		for d.More() { // a key is a value too: keys and values alternate
			c, err := node(d)
			if err != nil {
				return nil, err
			}
			n.Content = append(n.Content, c)
		}
		if len(n.Content) == 0 {
			n.Style = yaml.FlowStyle
		}
		_, err := d.Token() // the closing bracket
		return n, err
	case string:
		return textNode(v), nil
	case json.Number:
		tag := "!!int"
		if strings.ContainsAny(v.String(), ".eE") {
			tag = "!!float"
		}
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: v.String()}, nil
	case bool:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: fmt.Sprint(v)}, nil
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}, nil
}

// plainText are texts that every YAML parser takes for themselves without
// quotes; the older version of the language reads far more words and numbers as
// something else, and gateways' parsers speak it.
var plainText = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*([-./ ][A-Za-z0-9_]+)*$`)

// oldWords are words that version 1.1 takes for a truth value or a number.
var oldWords = map[string]bool{"y": true, "n": true, "yes": true, "no": true, "on": true, "off": true, "true": true, "false": true, "null": true}

func textNode(s string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s}
	if !plainText.MatchString(s) || oldWords[strings.ToLower(s)] {
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}

// ascii reports whether the text is printable ASCII on one line.
func ascii(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7e {
			return false
		}
	}
	return true
}

// escapeRunes writes the characters that act on a terminal or hide as escapes of
// YAML and TOML. They can only stand in double quotes, since everything that is
// not ASCII does: the value is unchanged.
func escapeRunes(b []byte) []byte {
	var out bytes.Buffer
	for _, r := range string(b) {
		switch {
		case r < 0x80 || string(r) == eval.Untrusted(r).Line(0):
			out.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&out, `\U%08X`, r)
		default:
			fmt.Fprintf(&out, `\u%04X`, r)
		}
	}
	return out.Bytes()
}

// fromYAML reads the documents of a file, each as JSON.
func fromYAML(b []byte) ([]json.RawMessage, error) {
	var out []json.RawMessage
	d := yaml.NewDecoder(bytes.NewReader(b))
	for {
		var v any
		err := d.Decode(&v)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		doc, err := json.Marshal(settle(v))
		if err != nil {
			return nil, err
		}
		out = append(out, doc)
	}
}
