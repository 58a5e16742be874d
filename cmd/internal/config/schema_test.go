package config_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"infer/cmd/internal/config"
)

var update = flag.Bool("update", false, "write the golden files and the schema anew")

// TestSchemaOfStructs keeps the published schema equal to the structs that the
// loader fills: every key of one is in the other.
func TestSchemaOfStructs(t *testing.T) {
	t.Parallel()
	root := schemaOf(t, reflect.TypeFor[config.File](), "")
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["$id"] = "urn:infer:config:1"
	root["title"] = "infer.yaml"
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(root); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("schema/infer.schema.json", b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(b.String(), string(config.Schema())); diff != "" {
		t.Errorf("the schema differs from the structs; `go test -run TestSchemaOfStructs -update` writes it (-structs +schema):\n%s", diff)
	}
}

type object = map[string]any

func schemaOf(t *testing.T, typ reflect.Type, tag reflect.StructTag) object {
	t.Helper()
	switch typ {
	case reflect.TypeFor[json.RawMessage]():
		if tag.Get("format") == "grader" {
			return object{"type": []string{"string", "object", "array"}}
		}
		return object{}
	case reflect.TypeFor[time.Duration]():
		return object{"type": "string", "pattern": config.DurationForm}
	case reflect.TypeFor[config.Strings]():
		return object{"oneOf": []any{object{"type": "string"}, object{"type": "array", "items": object{"type": "string"}}}}
	case reflect.TypeFor[config.Decimal]():
		return object{"oneOf": []any{object{"type": "number", "minimum": 0}, object{"type": "string", "pattern": config.DecimalForm}}}
	case reflect.TypeFor[config.Prices]():
		return object{"oneOf": []any{structSchema(t, typ), object{"type": "array", "items": schemaOf(t, reflect.TypeFor[config.Price](), "")}}}
	}
	switch typ.Kind() {
	case reflect.Pointer:
		return schemaOf(t, typ.Elem(), tag)
	case reflect.Struct:
		return structSchema(t, typ)
	case reflect.Map:
		return object{"type": "object", "additionalProperties": schemaOf(t, typ.Elem(), tag)}
	case reflect.Slice:
		return object{"type": "array", "items": schemaOf(t, typ.Elem(), tag)}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return bounds(t, object{"type": "integer", "minimum": 0.0}, tag)
	case reflect.Float64:
		return bounds(t, object{"type": "number"}, tag)
	case reflect.String:
		return textSchema(tag)
	}
	t.Fatalf("no schema for %s", typ)
	return nil
}

func structSchema(t *testing.T, typ reflect.Type) object {
	t.Helper()
	props, required := object{}, []string{}
	for i := range typ.NumField() {
		f := typ.Field(i)
		if !f.IsExported() {
			continue
		}
		key, doc := f.Tag.Get("yaml"), f.Tag.Get("doc")
		if key == "" || doc == "" {
			t.Errorf("%s.%s has no key or no description", typ, f.Name)
		}
		s := schemaOf(t, f.Type, f.Tag)
		s["description"] = doc
		props[key] = s
		if f.Tag.Get("required") == "true" {
			required = append(required, key)
		}
	}
	s := object{"type": "object", "additionalProperties": false, "properties": props}
	if len(required) > 0 {
		s["required"] = required
	}
	return s
}

func textSchema(tag reflect.StructTag) object {
	s := object{"type": "string"}
	if allowed := config.EnumOf(tag.Get("enum")); allowed != nil {
		s["enum"] = allowed
	}
	if tag.Get("required") == "true" {
		s["minLength"] = 1
	}
	switch tag.Get("format") {
	case "env":
		s["pattern"] = config.EnvForm
	case "date":
		s["pattern"] = config.DateForm
	}
	return s
}

func bounds(t *testing.T, s object, tag reflect.StructTag) object {
	t.Helper()
	for name, key := range map[string]string{"min": "minimum", "max": "maximum", "xmin": "exclusiveMinimum", "xmax": "exclusiveMaximum"} {
		text, ok := tag.Lookup(name)
		if !ok {
			continue
		}
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatalf("tag %s: %v", name, err)
		}
		s[key] = f
	}
	return s
}

// compiled is the published schema.
func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(config.Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("urn:infer:config:1", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("urn:infer:config:1")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// fits validates a file against the schema, as an editor would.
func fits(t *testing.T, s *jsonschema.Schema, text string) error {
	t.Helper()
	var n yaml.Node
	if err := yaml.Unmarshal([]byte(text), &n); err != nil {
		t.Fatal(err)
	}
	datesAreTexts(&n)
	var v any
	if err := n.Decode(&v); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(doc)
}

// datesAreTexts undoes the one kind that YAML 1.2, and with it an editor, does
// not have.
func datesAreTexts(n *yaml.Node) {
	if n.Tag == "!!timestamp" {
		n.Tag = "!!str"
	}
	for _, c := range n.Content {
		datesAreTexts(c)
	}
}

// TestSchemaAgreesWithLoader reads files with both.
func TestSchemaAgreesWithLoader(t *testing.T) {
	t.Parallel()
	s := compiled(t)
	const row = "provider: p, model: m, in: 1, out: 2, source: s, as_of: 2026-01-02"
	for _, c := range []struct {
		name, text string
		good       bool
	}{
		{"one setting", "name: x", true},
		{"dataset list", "dataset: [a, b]", true},
		{"dataset number", "dataset: 7", false},
		{"unknown key", "nam: x", false},
		{"unknown nested key", "defaults: {retrys: {max: 1}}", false},
		{"null", "name:", false},
		{"name number", "name: 7", false},
		{"name Norway", "name: no", true},
		{"concurrency", "concurrency: 8", true},
		{"concurrency zero", "concurrency: 0", false},
		{"concurrency text", "concurrency: '8'", false},
		{"concurrency fraction", "concurrency: 1.5", false},
		{"concurrency negative", "concurrency: -1", false},
		{"concurrency too large", "concurrency: 5000", false},
		{"truth", "allow_urls: true", true},
		{"truth yes", "allow_urls: yes", false},
		{"truth text", "allow_urls: 'true'", false},
		{"duration", "defaults: {timeout: 1m30s}", true},
		{"duration number", "defaults: {timeout: 30}", false},
		{"duration words", "defaults: {timeout: 30 seconds}", false},
		{"duration negative", "defaults: {timeout: -3s}", false},
		{"params", "defaults: {params: {stop: null, n: [1, {a: b}]}}", true},
		{"params list", "defaults: {params: [a]}", false},
		{"classes", "defaults: {retries: {on: [timeout, network]}}", true},
		{"unknown class", "defaults: {retries: {on: [timeouts]}}", false},
		{"class alone", "defaults: {retries: {on: timeout}}", false},
		{"provider", "providers: {a: {type: openai, base_url: 'http://127.0.0.1/v1', api_key_env: A_1}}", true},
		{"provider type", "providers: {a: {type: opena}}", false},
		{"provider preset", "providers: {a: {preset: nowhere}}", false},
		{"key variable", "providers: {a: {api_key_env: '$KEY'}}", false},
		{"key", "providers: {a: {api_key: abc}}", false},
		{"limits", "providers: {a: {base_url: 'http://h', limits: {requests_per_minute: 300}}}", true},
		{"simulate", "providers: {a: {type: simulate, models: {m: {accuracy: 0.5}}}}", true},
		{"accuracy", "providers: {a: {type: simulate, models: {m: {accuracy: 1.5}}}}", false},
		{"fault chance", "providers: {a: {type: simulate, models: {m: {faults: {hang: -0.5}}}}}", false},
		{"candidate without name", "candidates: [{model: m}]", false},
		{"candidate with empty name", "candidates: [{name: ''}]", false},
		{"candidates as a group", "candidates: {a: {model: m}}", false},
		{"policy without default", "candidates: [{name: a, policy: {backup: b}}]", false},
		{"margin", "task_types: {a: {margin: 0.1}}", true},
		{"margin of nothing", "task_types: {a: {margin: 0}}", false},
		{"margin of all", "task_types: {a: {margin: 1}}", false},
		{"class", "task_types: {a: {class: medium}}", false},
		{"grader text", "graders: exact", true},
		{"grader list", "graders: [exact, {type: length}]", true},
		{"grader number", "graders: 5", false},
		{"repair", "task_types: {a: {repair: {max_edit_ratio: 0.3, minutes: 2, hourly_rate_usd: 40}}}", true},
		{"repair text rate", "task_types: {a: {repair: {max_edit_ratio: 0.3, minutes: 2, hourly_rate_usd: '37.50'}}}", true},
		{"repair without rate", "task_types: {a: {repair: {max_edit_ratio: 0.3, minutes: 2}}}", false},
		{"repair rate", "task_types: {a: {repair: {max_edit_ratio: 0.3, minutes: 2, hourly_rate_usd: much}}}", false},
		{"price list", "prices: [{" + row + "}]", true},
		{"price file", "prices: {file: p.yaml, models: [{" + row + "}]}", true},
		{"price without source", "prices: [{provider: p, model: m, in: 1, out: 2, as_of: 2026-01-02}]", false},
		{"price negative", "prices: [{provider: p, model: m, in: -1, out: 2, source: s, as_of: 2026-01-02}]", false},
		{"price date", "prices: [{provider: p, model: m, in: 1, out: 2, source: s, as_of: yesterday}]", false},
		{"gates", "gates: {min_acceptance: 0.8, must_pass: [a], task_types: {t: {slo_p95: 3s}}}", true},
		{"gates floor", "gates: {min_acceptance: 80}", false},
		{"policy rule", "policy: {on: [timeout], confirm: [a]}", true},
		{"list of settings", "[a]", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := config.Parse([]byte(c.text), "infer.yaml")
			if (err == nil) != c.good {
				t.Errorf("the loader says %v", err)
			}
			if err := fits(t, s, c.text); (err == nil) != c.good {
				t.Errorf("the schema says %v", err)
			}
		})
	}
}

// TestTemplates loads what infer init writes.
func TestTemplates(t *testing.T) {
	t.Parallel()
	s := compiled(t)
	for _, kind := range config.TemplateKinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			b, err := config.TemplateFor(kind)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.HasPrefix(b, []byte("# yaml-language-server: $schema=")) {
				t.Error("the first line does not name the schema")
			}
			if err := fits(t, s, string(b)); err != nil {
				t.Error(err)
			}
			c := load(t, map[string]string{"infer.yaml": string(b)}, nil)
			candidates, err := c.ResolveCandidates()
			if err != nil || len(candidates) < 2 {
				t.Errorf("%d candidates, %v", len(candidates), err)
			}
			if types, err := c.ResolveTaskTypes(); err != nil || len(types) == 0 {
				t.Errorf("%d task types, %v", len(types), err)
			}
		})
	}
	if _, err := config.TemplateFor("gatway"); err == nil {
		t.Error("an unknown template is no error")
	}
	b, err := config.TemplateFor("start")
	if err != nil || !bytes.Equal(b, config.Template) {
		t.Errorf("the template of init is not the one to start from: %v", err)
	}
}
