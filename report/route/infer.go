package route

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"infer/eval"
)

// encodeYAML and encodeJSON write the neutral table, which loses nothing.
func encodeYAML(r *Routes) ([]byte, []Loss, error) {
	b, err := toYAML(r)
	return b, nil, err
}

func encodeJSON(r *Routes) ([]byte, []Loss, error) {
	b, err := toJSON(r)
	return b, nil, err
}

// toJSON encodes a value with two spaces of indent.
func toJSON(v any) ([]byte, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("encode JSON: %w", err)
	}
	return eval.EscapeJSON(out.Bytes()), nil
}

func decodeYAML(b []byte) (*Routes, error) {
	if isJSON(b) {
		return decodeJSON(b)
	}
	docs, err := fromYAML(b)
	if err != nil {
		return nil, err
	}
	if len(docs) != 1 {
		return nil, errors.New("not one document")
	}
	return decodeJSON(docs[0])
}

func decodeJSON(b []byte) (*Routes, error) {
	var r Routes
	if err := strictJSON(b, &r); err != nil {
		return nil, err
	}
	return &r, nil
}

// strictJSON decodes one value; an unknown field is an error.
func strictJSON(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("text follows the JSON value")
	}
	return nil
}

func isJSON(b []byte) bool {
	b = bytes.TrimSpace(b)
	return len(b) > 0 && b[0] == '{'
}

// schemaOf is the schema that a file names; "" = none.
func schemaOf(b []byte) string {
	var s struct {
		Schema string `json:"schema"`
	}
	if json.Unmarshal(b, &s) != nil {
		return ""
	}
	return s.Schema
}

func isJSONRoutes(b []byte) bool { return isJSON(b) && schemaOf(b) == Schema }

func isYAMLRoutes(b []byte) bool {
	docs, err := fromYAML(b)
	return !isJSON(b) && err == nil && len(docs) == 1 && schemaOf(docs[0]) == Schema
}

// hasKeys reports whether a JSON object has every one of the keys.
func hasKeys(b []byte, keys ...string) bool {
	var m map[string]json.RawMessage
	if !isJSON(b) || json.Unmarshal(b, &m) != nil {
		return false
	}
	for _, k := range keys {
		if _, ok := m[k]; !ok {
			return false
		}
	}
	return true
}
