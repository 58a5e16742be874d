package cmd_test

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"infer/providers/simulate"
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

// jsonOutputs are the commands that write JSON, by the schema that it is held to.
// The file is the example project's folder, the store that of its run.
func jsonOutputs(file, db string) map[string][]string {
	return map[string][]string{
		"report":         {"report", "--store", db, "--format", "json"},
		"record":         {"report", "--store", db, "--format", "jsonl"},
		"recommendation": {"recommend", "--store", db, "--config", filepath.Join(file, "infer.yaml"), "--json"},
		"routes":         {"export", "--store", db, "--config", filepath.Join(file, "infer.yaml"), "--format", "json"},
		"export":         {"export", "--store", db, "--config", filepath.Join(file, "infer.yaml"), "--format", "litellm", "--json"},
		"checklist":      {"checklist", "--store", db, "--config", filepath.Join(file, "infer.yaml"), "--json"},
		"runs":           {"runs", "list", "--store", db, "--json"},
		"run":            {"runs", "show", "--store", db, "--json"},
		"trials":         {"runs", "show", "--store", db, "--task", "title-014", "--json"},
		"check":          {"datasets", "check", file, "--json"},
		"stats":          {"datasets", "stats", file, "--json"},
		"config":         {"config", file, "--json"},
	}
}

// TestSchemas holds what the commands write as JSON against the published
// schemas: on the example project, which has every kind of figure.
func TestSchemas(t *testing.T) {
	t.Parallel()
	dir, db := quickstart(t)
	file, err := filepath.Abs(filepath.Join("..", "testdata", "quickstart"))
	if err != nil {
		t.Fatal(err)
	}
	for name, args := range jsonOutputs(file, db) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			validate(t, name, run(t, dir, args...))
		})
	}
}

// TestSchemasOfFailures does the same for a run that went badly: refused models,
// retries, calls of which nobody knows what they cost, and a task without an
// expected value.
func TestSchemasOfFailures(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(simulate.NewServer(simulate.ServerOptions{Seed: 1, Models: map[string]simulate.Model{
		"good": {Accuracy: 1}, "broke": {Accuracy: 1, Faults: map[string]float64{"500": 0.3, "context": 0.3, "cut": 0.3}}, "flaky": {Accuracy: 1, Faults: map[string]float64{"429": 1}, FaultCalls: 1}}}))
	t.Cleanup(srv.Close)
	dir := t.TempDir()
	writeFiles(t, dir, map[string]string{
		"tasks.jsonl": `{"id":"title-014","input":"[[answer:a]] 1","expected":"a"}` + "\n" + `{"id":"b\u202e","input":"[[answer:b]] 2","expected":"b","task_type":"\u001b]52;c;x\u0007"}` + "\n" + `{"input":"3"}` + "\n",
		"fast.yaml":   "defaults: {retries: {max: 1, base_delay: 1ms}}\n",
	})
	db := filepath.Join(dir, "bad.db")
	out, err := program(t, dir, "eval", "tasks.jsonl", "--config", "fast.yaml", "--store", db, "-q", "--repeats", "2", "--format", "csv",
		"-m", "good="+srv.URL+"/v1/good", "-m", "broke="+srv.URL+"/v1/broke", "-m", "flaky="+srv.URL+"/v1/flaky").Output()
	if len(out) == 0 { // it may well end with 3: that it went badly is what this is about
		t.Fatal(err)
	}
	for name, args := range jsonOutputs(dir, db) {
		switch name {
		case "report", "record", "runs", "run", "trials":
			validate(t, name, run(t, dir, args...))
		}
	}
}

// TestEverySchemaIsHeld fails for a published schema that no test holds an output
// to.
func TestEverySchemaIsHeld(t *testing.T) {
	t.Parallel()
	held := jsonOutputs("", "")
	files, err := filepath.Glob(filepath.Join("..", "testdata", "schemas", "*.schema.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no schemas: %v", err)
	}
	elsewhere := map[string]bool{"openrouter": true, "drill": true, "export_check": true, "review": true} // held by the tests of package route, of what is exported, and of reviews
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".schema.json")
		if _, ok := held[name]; !ok && !elsewhere[name] {
			t.Errorf("nothing is held to %s", f)
		}
	}
}

func writeFiles(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// validate holds one document, or of records one a line, to a schema.
func validate(t *testing.T, name string, out []byte) {
	t.Helper()
	schema := compile(t, name)
	docs := [][]byte{out}
	if name == "record" {
		docs = bytes.Split(bytes.TrimSpace(out), []byte("\n"))
	}
	for i, doc := range docs {
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(doc))
		if err != nil {
			t.Fatalf("%s, document %d: %v", name, i+1, err)
		}
		if err := schema.Validate(v); err != nil {
			t.Fatalf("%s, document %d: %v\n%.600s", name, i+1, err, doc)
		}
	}
}

// TestSchemasRefuse shows that the schemas can fail: each of these breaks one
// promise.
func TestSchemasRefuse(t *testing.T) {
	t.Parallel()
	dir, db := quickstart(t)
	file, err := filepath.Abs(filepath.Join("..", "testdata", "quickstart"))
	if err != nil {
		t.Fatal(err)
	}
	outputs := jsonOutputs(file, db)
	for schema, spoils := range map[string]map[string]func(doc map[string]any){
		"report": {
			"no cells":              func(d map[string]any) { delete(d, "cells") },
			"unknown as a number":   func(d map[string]any) { first(d, "cells", "cost_usd")["known"] = false },
			"a share above one":     func(d map[string]any) { first(d, "cells", "acceptance")["hi"] = 1.2 },
			"a count below zero":    func(d map[string]any) { first(d, "cells")["retries"] = -1 },
			"an unknown class":      func(d map[string]any) { first(d, "cells")["errors"] = map[string]any{"gremlins": 1} },
			"a quantile left out":   func(d map[string]any) { delete(first(d, "cells", "latency_ms"), "p95") },
			"another schema's name": func(d map[string]any) { d["schema"] = "infer.report/2" },
		},
		"trials": {
			"a verdict that is a number": func(d map[string]any) { first(d, "trials")["verdict"] = 1 },
			"an unknown cause":           func(d map[string]any) { first(d, "trials", "attempts")["cause"] = "whim" },
			"no billing state":           func(d map[string]any) { delete(first(d, "trials", "attempts"), "billing") },
			"a part that is not money":   func(d map[string]any) { first(d, "trials", "cost_split_usd")["judge"] = 0 },
		},
		"runs":   {"an unknown state": func(d map[string]any) { first(d, "runs")["state"] = "done" }},
		"run":    {"no prices": func(d map[string]any) { delete(d, "prices") }},
		"check":  {"a problem count below zero": func(d map[string]any) { d["problem_count"] = -1 }},
		"stats":  {"an unknown input type": func(d map[string]any) { d["input_types"] = map[string]any{"smell": 1} }},
		"config": {"an origin that names nothing": func(d map[string]any) { first(d, "values")["origin"] = "somewhere" }},
	} {
		good := run(t, dir, outputs[schema]...)
		compiled := compile(t, schema)
		for name, spoil := range spoils {
			var doc map[string]any
			if err := json.Unmarshal(good, &doc); err != nil {
				t.Fatal(err)
			}
			spoil(doc)
			if compiled.Validate(doc) == nil {
				t.Errorf("%s: %s: the schema lets it pass", schema, name)
			}
		}
	}
}

// first is the first element of a document's list, or an object in it; lists on
// the way stand for their first elements too.
func first(doc map[string]any, path ...string) map[string]any {
	for _, key := range path {
		switch v := doc[key].(type) {
		case []any:
			doc = v[0].(map[string]any)
		case map[string]any:
			doc = v
		}
	}
	return doc
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
