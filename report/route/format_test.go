package route_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"infer/eval"
	"infer/report/route"
)

// schema compiles a published schema.
func schema(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "testdata", "schemas", name+".schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	return compile(t, b)
}

func compile(t *testing.T, b []byte) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func valid(t *testing.T, s *jsonschema.Schema, b []byte) {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(doc); err != nil {
		t.Error(err)
	}
}

// asJSON turns one YAML document into JSON.
func asJSON(t *testing.T, b []byte) []byte {
	t.Helper()
	var v any
	if err := yaml.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestGolden holds every format's file and losses.
func TestGolden(t *testing.T) {
	t.Parallel()
	for _, f := range route.Formats() {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			b, losses, err := route.Encode(tableFor(f.Name), f.Name)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, "export/"+f.Name+"."+f.Ext, b)
			var words bytes.Buffer
			for _, l := range losses {
				words.WriteString(l.String() + "\n")
			}
			golden(t, "export/"+f.Name+".losses", words.Bytes())
			for _, name := range []string{"ANTHROPIC_API_KEY", "OPENAI_API_KEY", "OPENROUTER_API_KEY"} {
				if strings.Contains(string(b), name) && strings.Contains(string(b), name+"=") {
					t.Errorf("%s is assigned in the file", name)
				}
			}
		})
	}
}

// TestSchemas holds the files whose form is published against their schemas.
func TestSchemas(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ format, schema string }{{route.FormatInfer, "routes"}, {route.FormatJSON, "routes"}, {route.FormatOpenRouter, "openrouter"}} {
		t.Run(tc.format, func(t *testing.T) {
			t.Parallel()
			b, _, err := route.Encode(tableFor(tc.format), tc.format)
			if err != nil {
				t.Fatal(err)
			}
			valid(t, schema(t, tc.schema), asJSON(t, b))
		})
	}
}

// TestSchemaAgrees checks that the published schema and Validate refuse the same
// mistakes where both can see them.
func TestSchemaAgrees(t *testing.T) {
	t.Parallel()
	s := schema(t, "routes")
	for name, spoil := range map[string]func(*route.Routes){
		"schema":  func(r *route.Routes) { r.Schema = "infer.routes/2" },
		"routes":  func(r *route.Routes) { r.Routes = []route.Route{} },
		"class":   func(r *route.Routes) { r.Routes[1].On = []eval.Class{eval.ClassParameter} },
		"key":     func(r *route.Routes) { r.Models[0].KeyEnv = "sk-secret!" },
		"api":     func(r *route.Routes) { r.Models[0].API = "smtp" },
		"url":     func(r *route.Routes) { r.Models[1].BaseURL = "http://user:pass@host/v1" },
		"retries": func(r *route.Routes) { r.Routes[1].Retry.Max = 11 },
		"stop":    func(r *route.Routes) { r.Routes[1].StopAfterBackup = false },
		"expires": func(r *route.Routes) { r.Evidence.Expires = "soon" },
	} {
		r := shop()
		spoil(r)
		if r.Validate() == nil {
			t.Errorf("%s: Validate lets it pass", name)
		}
		b, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		if s.Validate(doc) == nil {
			t.Errorf("%s: the schema lets it pass", name)
		}
	}
}

// TestValidate names what is wrong and how to mend it.
func TestValidate(t *testing.T) {
	t.Parallel()
	for want, spoil := range map[string]func(*route.Routes){
		`task type triage: backup: no model is called "missing"`:                      func(r *route.Routes) { r.Routes[2].Backup = "missing" },
		`task type triage: backup is the default itself`:                              func(r *route.Routes) { r.Routes[2].Backup = "local" },
		`task type triage: the backup has no trigger`:                                 func(r *route.Routes) { r.Routes[2].On = nil },
		`task type permission: a task type that needs confirmation has a backup`:      func(r *route.Routes) { r.Routes[0].Backup = "small" },
		`task type triage: confirm_backup without confirm`:                            func(r *route.Routes) { r.Routes[2].ConfirmBackup = "small" },
		`task type triage: on: class "auth_billing" is not handed over`:               func(r *route.Routes) { r.Routes[2].On = []eval.Class{eval.ClassAuthBilling} },
		`two routes for task type "triage"`:                                           func(r *route.Routes) { r.Routes[1].TaskType = "triage" },
		`two models are called "small"`:                                               func(r *route.Routes) { r.Models[0].Name = "small" },
		`task type summarize: the first token may take longer than the whole attempt`: func(r *route.Routes) { r.Routes[1].FirstTokenMS = 31_000 },
		`task type triage: retry: the first wait is longer than the longest`:          func(r *route.Routes) { r.Routes[2].Retry.MaxDelayMS = 100 },
		`task type triage: retries without a class to retry`:                          func(r *route.Routes) { r.Routes[2].Retry.On = nil },
		`model small: key_env is not the name of a variable`:                          func(r *route.Routes) { r.Models[2].KeyEnv = "sk-abc" },
		`model string m␀ is not text`:                                                 func(r *route.Routes) { r.Models[2].Model = "m\x00" },
		`the table has no route`:                                                      func(r *route.Routes) { r.Routes = nil },
		`task type summarize: parameter "stop" has no value`:                          func(r *route.Routes) { r.Routes[1].Params["stop"] = nil },
	} {
		r := shop()
		spoil(r)
		err := r.Validate()
		if err == nil || eval.KindOf(err) != eval.KindInvalid || eval.Hint(err) == "" {
			t.Errorf("%s: %v", want, err)
			continue
		}
		if d := cmp.Diff(want, eval.Untrusted(err.Error()).Line(0)); d != "" {
			t.Error(d)
		}
	}
	if err := shop().Validate(); err != nil {
		t.Error(err)
	}
}

// TestUnknownField refuses a misspelt key in a table that somebody wrote.
func TestUnknownField(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"schema: infer.routes/1\nmodels: []\nroutes: []\nrouts: []\n",
		`{"schema":"infer.routes/1","models":[],"routes":[{"task_type":"x","deafult":"y"}]}`,
		"schema: infer.routes/1\n---\nschema: infer.routes/1\n",
	} {
		if _, err := route.Decode([]byte(text), route.FormatInfer); err == nil {
			t.Errorf("read: %s", text)
		}
	}
}

// TestOldYAML keeps words and numbers that YAML 1.1 takes for something else in
// quotes: gateways in Python read that version.
func TestOldYAML(t *testing.T) {
	t.Parallel()
	for _, word := range []string{"no", "On", "y", "N", "off", "Yes", "~", "null", "12:30:00", "1_000", "0777", ".5", "1e3", "2026-01-01", "=", "<<", "a: b", "a #b", "+1", "x:"} {
		r := shop()
		r.Routes[2].TaskType = word
		for _, format := range []string{route.FormatInfer, route.FormatEnvoy} {
			b, _, err := route.Encode(r, format)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Contains(b, []byte(`: "`+word+`"`)) {
				t.Errorf("%s: %s stands without quotes", format, word)
			}
		}
	}
}

// TestEdited finds a file that was changed after its export.
func TestEdited(t *testing.T) {
	t.Parallel()
	for format, change := range map[string][2]string{
		route.FormatLiteLLM:    {"openai/model-small", "openai/model-other"},
		route.FormatTensorZero: {"num_retries = 2", "num_retries = 5"},
		route.FormatEnvoy:      {"numAttemptsPerPriority: 3", "numAttemptsPerPriority: 2"},
		route.FormatEnv:        {"_TIMEOUT_MS='20000'", "_TIMEOUT_MS='2000'"},
	} {
		b, _, err := route.Encode(shop(), format)
		if err != nil {
			t.Fatal(err)
		}
		d, err := route.Decode(b, "")
		if err != nil || len(d.Edited) > 0 || d.Source == nil || d.Ruled() != d.Source {
			t.Fatalf("%s: untouched: %v %v", format, d, err)
		}
		head, body, _ := bytes.Cut(b, []byte("\n# infer.routes/1"))
		comment, rest, _ := bytes.Cut(body, []byte("\n"))
		changed := bytes.Replace(rest, []byte(change[0]), []byte(change[1]), 1)
		if bytes.Equal(changed, rest) {
			t.Fatalf("%s: nothing to change", format)
		}
		file := string(head) + "\n# infer.routes/1" + string(comment) + "\n" + string(changed)
		d, err = route.Decode([]byte(file), "")
		if err != nil || len(d.Edited) == 0 || d.Ruled() != d.Routes {
			t.Errorf("%s: the change was not seen: %+v %v", format, d, err)
		}
	}
}

// TestEnvInShell gives the variables to a real shell: every hostile value arrives
// as it is, and none is run.
func TestEnvInShell(t *testing.T) {
	t.Parallel()
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no shell here")
	}
	r := shop()
	for i, s := range []string{"$(touch ran)`touch ran`", "it's; touch ran\n\"quoted\"", "\\' && touch ran #"} {
		r.Routes[i].TaskType = s
	}
	b, _, err := route.Encode(r, route.FormatEnv)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "routes.env"), b, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(sh, "-c", `set -eu; . ./routes.env; for r in $INFER_ROUTES; do eval "printf '%s\0' \"\$INFER_ROUTE_${r}__TASK_TYPE\""; done`)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, out, b)
	}
	var got []string
	for _, s := range strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		if strings.HasPrefix(s, `"`) {
			if err := json.Unmarshal([]byte(s), &s); err != nil {
				t.Fatal(err)
			}
		}
		got = append(got, s)
	}
	want := []string{r.Routes[0].TaskType, r.Routes[1].TaskType, r.Routes[2].TaskType}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s\n%s", d, b)
	}
	if _, err := os.Stat(filepath.Join(dir, "ran")); err == nil {
		t.Error("a value was run")
	}
}

// TestCodes says what every code means.
func TestCodes(t *testing.T) {
	t.Parallel()
	seen := make(map[route.Code]bool)
	for _, l := range route.Codes() {
		if l.Words == "" || seen[l.Code] {
			t.Errorf("%s: no words, or twice", l.Code)
		}
		seen[l.Code] = true
	}
	published, err := os.ReadFile(filepath.Join("..", "..", "testdata", "schemas", "export.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	for code := range seen {
		if !bytes.Contains(published, []byte(`"`+code+`"`)) {
			t.Errorf("%s is not in the published schema", code)
		}
	}
	for _, f := range route.FormatNames() {
		_, losses, err := route.Encode(tableFor(f), f)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range losses {
			if !seen[l.Code] {
				t.Errorf("%s: %s is not among Codes", f, l.Code)
			}
		}
	}
}
