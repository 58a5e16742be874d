package route_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"infer/report/route"
)

// envoyGateway is the module whose custom resource definitions the resources of
// gateway.envoyproxy.io are held against: the client module proxy has it.
const envoyGateway = "github.com/envoyproxy/gateway@v1.6.0"

// resources encodes the table for Envoy and returns its documents by API group.
func resources(t *testing.T, r *route.Routes) map[string][]map[string]any {
	t.Helper()
	b, _, err := route.Encode(r, route.FormatEnvoy)
	if err != nil {
		t.Fatal(err)
	}
	out := make(map[string][]map[string]any)
	d := yaml.NewDecoder(bytes.NewReader(b))
	for {
		var v map[string]any
		err := d.Decode(&v)
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		group, _, _ := strings.Cut(v["apiVersion"].(string), "/")
		out[group] = append(out[group], v)
	}
}

func check(t *testing.T, s *jsonschema.Schema, v any) {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(doc); err != nil {
		t.Errorf("%v\n%s", err, b)
	}
}

// TestEnvoyResources holds the resources of the AI gateway against a schema made
// from its API types, hostile names included.
func TestEnvoyResources(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile(filepath.Join("testdata", "envoy-aigateway.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	s := compile(t, b)
	for _, name := range append([]string{"triage"}, hostile...) {
		r := shop()
		r.Routes[2].TaskType = name
		r.Models[1].Model = "m" + name
		if r.Validate() != nil {
			continue
		}
		docs := resources(t, r)["aigateway.envoyproxy.io"]
		if len(docs) < 5 {
			t.Fatalf("%d resources", len(docs))
		}
		for _, doc := range docs {
			check(t, s, doc)
		}
	}
}

// TestEnvoyKeys checks that a service gets its key in the header that it reads, at
// the path that it answers.
func TestEnvoyKeys(t *testing.T) {
	t.Parallel()
	got := make(map[string]string)
	prefix := make(map[string]string)
	for _, doc := range resources(t, shop())["aigateway.envoyproxy.io"] {
		name, spec := doc["metadata"].(map[string]any)["name"].(string), doc["spec"].(map[string]any)
		switch doc["kind"] {
		case "AIServiceBackend":
			schema := spec["schema"].(map[string]any)
			prefix[name] = schema["name"].(string) + " " + schema["prefix"].(string)
		case "BackendSecurityPolicy":
			got[name] = spec["type"].(string)
		}
	}
	want := map[string]string{"Anthropic /v1": "AnthropicAPIKey", "OpenAI /v1": "APIKey"}
	seen := make(map[string]bool)
	for name, kind := range got {
		seen[prefix[name]] = true
		if want[prefix[name]] != kind {
			t.Errorf("%s: %s has its key as %s", name, prefix[name], kind)
		}
	}
	if len(seen) != len(want) {
		t.Errorf("services with a key: %v", seen)
	}
}

// TestEnvoyCRDs holds the resources of the gateway against its own custom
// resource definitions, every unknown field refused.
func TestEnvoyCRDs(t *testing.T) {
	t.Parallel()
	cache, err := exec.Command("go", "env", "GOMODCACHE").Output()
	dir := filepath.Join(strings.TrimSpace(string(cache)), filepath.FromSlash(envoyGateway), "charts", "gateway-crds-helm", "templates", "generated")
	if _, statErr := os.Stat(dir); err != nil || statErr != nil {
		t.Skipf("Envoy's definitions are not in the module cache: `go mod download %s` puts them there", envoyGateway)
	}
	schemas := map[string]*jsonschema.Schema{"Backend": crd(t, filepath.Join(dir, "gateway.envoyproxy.io_backends.yaml")),
		"BackendTrafficPolicy": crd(t, filepath.Join(dir, "gateway.envoyproxy.io_backendtrafficpolicies.yaml"))}
	seen := make(map[string]int)
	for _, doc := range resources(t, shop())["gateway.envoyproxy.io"] {
		kind := doc["kind"].(string)
		seen[kind]++
		check(t, schemas[kind], doc["spec"])
	}
	if seen["Backend"] != 3 || seen["BackendTrafficPolicy"] != 3 {
		t.Errorf("resources: %v", seen)
	}
}

// crd compiles the schema of a definition's spec. The chart's templates stand on
// lines of their own. A cluster drops unknown fields in silence; here they fail.
func crd(t *testing.T, path string) *jsonschema.Schema {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var plain []string
	for _, line := range strings.Split(string(b), "\n") {
		if !strings.Contains(line, "{{") {
			plain = append(plain, line)
		}
	}
	var doc struct {
		Spec struct {
			Versions []struct {
				Schema struct {
					Root struct {
						Properties map[string]any `yaml:"properties"`
					} `yaml:"openAPIV3Schema"`
				} `yaml:"schema"`
			} `yaml:"versions"`
		} `yaml:"spec"`
	}
	if err := yaml.Unmarshal([]byte(strings.Join(plain, "\n")), &doc); err != nil {
		t.Fatal(err)
	}
	spec := doc.Spec.Versions[0].Schema.Root.Properties["spec"]
	closeObjects(spec)
	out, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	d, err := jsonschema.UnmarshalJSON(bytes.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("crd.json", d); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("crd.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func closeObjects(v any) {
	switch v := v.(type) {
	case map[string]any:
		if _, ok := v["properties"]; ok && v["type"] == "object" && v["x-kubernetes-preserve-unknown-fields"] == nil {
			v["additionalProperties"] = false
		}
		for _, x := range v {
			closeObjects(x)
		}
	case []any:
		for _, x := range v {
			closeObjects(x)
		}
	}
}
