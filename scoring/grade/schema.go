package grade

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"infer/eval"
)

// Schema accepts an answer that is valid JSON of a JSON Schema (2020-12).
type Schema struct {
	Schema  json.RawMessage `json:"schema" doc:"a JSON Schema" required:"true"`
	Extract bool            `json:"extract,omitempty" doc:"take the JSON out of a code fence or of the text around it"`

	compiled *jsonschema.Schema
}

// noLoader refuses every reference out of the schema: a dataset may not make us
// read files or call hosts.
type noLoader struct{}

// Load refuses.
func (noLoader) Load(url string) (any, error) {
	return nil, fmt.Errorf("reference to %s: only references within the schema are followed", url)
}

// Prepare compiles the schema.
func (g *Schema) Prepare() error {
	if len(g.Schema) == 0 {
		return errors.New("json_schema: no schema")
	}
	if len(g.Schema) > 1<<20 {
		return fmt.Errorf("json_schema: a schema of %d bytes; the limit is 1 MiB", len(g.Schema))
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(g.Schema)))
	if err != nil {
		return fmt.Errorf("json_schema: %w", err)
	}
	c := jsonschema.NewCompiler()
	c.UseLoader(noLoader{})
	if err := c.AddResource("urn:grader", doc); err != nil {
		return fmt.Errorf("json_schema: %w", err)
	}
	if g.compiled, err = c.Compile("urn:grader"); err != nil {
		return fmt.Errorf("json_schema: %w", err)
	}
	return nil
}

// Grade validates the answer.
func (g *Schema) Grade(_ context.Context, _ *eval.Task, r *eval.Response) eval.Score {
	raw := r.Text.Raw()
	if g.Extract {
		raw = extract(raw, 0)
	}
	if len(raw) > maxJSON {
		return pass("json_schema", false, fmt.Sprintf("%d bytes, more than %d", len(raw), maxJSON))
	}
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(raw))
	if err != nil {
		return pass("json_schema", false, "not JSON: "+quote(r.Text.Raw()))
	}
	if err := g.compiled.Validate(v); err != nil {
		return pass("json_schema", false, firstLines(err.Error(), 300))
	}
	return pass("json_schema", true, "fits the schema")
}

func firstLines(s string, n int) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > n {
		s = strings.ToValidUTF8(s[:n], "") + "…"
	}
	return s
}
