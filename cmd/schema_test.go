package cmd_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// quickstart runs the example project into a store of its own and returns the
// store's path and the folder to run further commands in.
func quickstart(t *testing.T) (dir, db string) {
	t.Helper()
	dir = t.TempDir()
	db = filepath.Join(dir, "quickstart.db")
	root, err := filepath.Abs(filepath.Join("..", "testdata", "quickstart"))
	if err != nil {
		t.Fatal(err)
	}
	run(t, dir, "eval", root, "--store", db, "-q")
	return dir, db
}

// run runs the program and returns what it wrote to standard output.
func run(t *testing.T, dir string, args ...string) []byte {
	t.Helper()
	cmd := program(t, dir, args...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("infer %v: %v\n%s", args, err, &errs)
	}
	return out
}

// TestSchemas holds what the commands write as JSON against the published
// schemas: on the example project, which has every kind of figure.
func TestSchemas(t *testing.T) {
	t.Parallel()
	dir, db := quickstart(t)
	config, err := filepath.Abs(filepath.Join("..", "testdata", "quickstart", "infer.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		schema string
		lines  bool
		args   []string
	}{
		{"report", false, []string{"report", "--store", db, "--format", "json"}},
		{"record", true, []string{"report", "--store", db, "--format", "jsonl"}},
		{"recommendation", false, []string{"recommend", "--store", db, "--config", config, "--json"}},
	} {
		t.Run(c.schema, func(t *testing.T) {
			t.Parallel()
			schema := compile(t, c.schema)
			out := run(t, dir, c.args...)
			docs := [][]byte{out}
			if c.lines {
				docs = bytes.Split(bytes.TrimSpace(out), []byte("\n"))
			}
			if len(docs) == 0 {
				t.Fatal("nothing was written")
			}
			for i, doc := range docs {
				v, err := jsonschema.UnmarshalJSON(bytes.NewReader(doc))
				if err != nil {
					t.Fatalf("document %d: %v", i+1, err)
				}
				if err := schema.Validate(v); err != nil {
					t.Fatalf("document %d: %v\n%.600s", i+1, err, doc)
				}
			}
		})
	}
}

// TestSchemasRefuse shows that the schemas can fail: each of these breaks one
// promise of the report's contract.
func TestSchemasRefuse(t *testing.T) {
	t.Parallel()
	dir, db := quickstart(t)
	schema := compile(t, "report")
	good := run(t, dir, "report", "--store", db, "--format", "json")
	for name, spoil := range map[string]func(report map[string]any){
		"no cells":              func(r map[string]any) { delete(r, "cells") },
		"unknown as a number":   func(r map[string]any) { cell(r)["cost_usd"].(map[string]any)["known"] = false },
		"a share above one":     func(r map[string]any) { cell(r)["acceptance"].(map[string]any)["hi"] = 1.2 },
		"a count below zero":    func(r map[string]any) { cell(r)["retries"] = -1 },
		"an unknown class":      func(r map[string]any) { cell(r)["errors"] = map[string]any{"gremlins": 1} },
		"a quantile left out":   func(r map[string]any) { delete(cell(r)["latency_ms"].(map[string]any), "p95") },
		"another schema's name": func(r map[string]any) { r["schema"] = "infer.report/2" },
	} {
		var r map[string]any
		if err := json.Unmarshal(good, &r); err != nil {
			t.Fatal(err)
		}
		spoil(r)
		if schema.Validate(r) == nil {
			t.Errorf("%s: the schema lets it pass", name)
		}
	}
}

func cell(report map[string]any) map[string]any {
	return report["cells"].([]any)[0].(map[string]any)
}

func compile(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	path := filepath.Join("..", "testdata", "schemas", name+".schema.json")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(name, doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
