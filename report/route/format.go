package route

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"infer/eval"
)

// Format is one target that routes are exported to.
type Format struct {
	Name    string `json:"name"`
	Title   string `json:"title"`
	Ext     string `json:"ext"` // of its files, without the dot
	Summary string `json:"summary"`

	encode func(*Routes) ([]byte, []Loss, error)
	decode func([]byte) (*Routes, error)
	is     func([]byte) bool
	// comment begins a comment line; "" = the syntax has none, so that nothing can be
	// carried beside what the gateway reads.
	comment string
}

// The names of the formats.
const (
	FormatInfer      = "infer"
	FormatJSON       = "json"
	FormatLiteLLM    = "litellm"
	FormatPortkey    = "portkey"
	FormatTensorZero = "tensorzero"
	FormatEnvoy      = "envoy"
	FormatBifrost    = "bifrost"
	FormatOpenRouter = "openrouter"
	FormatCloudflare = "cloudflare"
	FormatEnv        = "env"
)

// Formats lists the targets.
func Formats() []Format {
	return []Format{
		{FormatInfer, "infer", "yaml", "the neutral table with its evidence, as YAML", encodeYAML, decodeYAML, isYAMLRoutes, ""},
		{FormatJSON, "infer (JSON)", "json", "the same as JSON", encodeJSON, decodeJSON, isJSONRoutes, ""},
		{FormatLiteLLM, "LiteLLM proxy", "yaml", "config.yaml; the task type is the model's alias infer/TYPE", encodeLiteLLM, decodeLiteLLM, isLiteLLM, "# "},
		{FormatPortkey, "Portkey gateway", "json", "the value of the header x-portkey-config; the task type is metadata.task_type", encodePortkey, decodePortkey, isPortkey, ""},
		{FormatTensorZero, "TensorZero", "toml", "tensorzero.toml; the task type is the function's name", encodeTensorZero, decodeTensorZero, isTensorZero, "# "},
		{FormatEnvoy, "Envoy AI Gateway", "yaml", "Kubernetes resources; the task type is the header x-task-type", encodeEnvoy, decodeEnvoy, isEnvoy, "# "},
		{FormatBifrost, "Bifrost", "json", "config.json; the task type is the header x-task-type", encodeBifrost, decodeBifrost, isBifrost, ""},
		{FormatOpenRouter, "OpenRouter", "json", "one request body for each task type", encodeOpenRouter, decodeOpenRouter, isOpenRouter, ""},
		{FormatCloudflare, "Cloudflare AI Gateway", "json", "a dynamic route; the task type is metadata.task_type", encodeCloudflare, decodeCloudflare, isCloudflare, ""},
		{FormatEnv, "environment", "env", "variables for an application that routes by itself", encodeEnv, decodeEnv, isEnv, "# "},
	}
}

// FormatNames lists the names of the formats.
func FormatNames() []string {
	fs := Formats()
	out := make([]string, len(fs))
	for i := range fs {
		out[i] = fs[i].Name
	}
	return out
}

// Lookup finds a format by its name.
func Lookup(name string) (Format, error) {
	for _, f := range Formats() {
		if f.Name == name {
			return f, nil
		}
	}
	return Format{}, eval.Invalid(fmt.Errorf("unknown format %q", eval.Untrusted(name).Line(40)), "the formats are "+strings.Join(FormatNames(), ", "))
}

// Detect finds out what a file is.
func Detect(b []byte) (Format, error) {
	for _, f := range Formats() {
		if f.is(b) {
			return f, nil
		}
	}
	return Format{}, eval.Invalid(fmt.Errorf("%w: the file is of none that infer exports", ErrFormat), "name it with --format: "+strings.Join(FormatNames(), ", "))
}

// Encode writes the routes for one target and says what it cannot carry out. The
// bytes are a function of the routes alone.
func Encode(r *Routes, format string) ([]byte, []Loss, error) {
	f, err := Lookup(format)
	if err != nil {
		return nil, nil, err
	}
	if err := r.Validate(); err != nil {
		return nil, nil, err
	}
	b, losses, err := f.write(r)
	if err != nil {
		return nil, nil, err
	}
	if f.comment != "" {
		note, err := embed(r, &f, losses)
		if err != nil {
			return nil, nil, err
		}
		b = append(note, b...)
	}
	if losses == nil {
		losses = []Loss{}
	}
	return b, losses, nil
}

// write encodes the table in the form that exporters expect; the neutral formats
// keep it as it is.
func (f *Format) write(r *Routes) ([]byte, []Loss, error) {
	if f.Name != FormatInfer && f.Name != FormatJSON {
		r = r.settled()
	}
	return f.encode(r)
}

// Deployed is a file as it was read back.
type Deployed struct {
	Format string
	// Routes is what the gateway's own syntax says.
	Routes *Routes
	// Source is the table that the file was exported from, where the syntax has room
	// to carry it; nil = it has none.
	Source *Routes
	// Edited names the task types whose rule is not the one that was exported.
	Edited []string
}

// Ruled is the table that the file stands for: the one that it carries where the
// file still agrees with it, else what the file itself says.
func (d *Deployed) Ruled() *Routes {
	if d.Source != nil && len(d.Edited) == 0 {
		return d.Source
	}
	return d.Routes
}

// Decode reads a file of a format back; "" = find out which.
func Decode(b []byte, format string) (*Deployed, error) {
	f, err := Detect(b)
	if format != "" {
		f, err = Lookup(format)
	}
	if err != nil {
		return nil, err
	}
	unreadable := func(err error) error {
		return eval.Invalid(fmt.Errorf("read %s: %w", f.Title, err), "`infer export --format "+f.Name+"` writes one")
	}
	r, err := f.decode(b)
	if err != nil {
		return nil, unreadable(err)
	}
	d := &Deployed{Format: f.Name, Routes: r}
	if f.Name == FormatInfer || f.Name == FormatJSON {
		if err := r.Validate(); err != nil {
			return nil, err
		}
		d.Source = r
		return d, nil
	}
	if d.Source = extract(b, &f); d.Source == nil {
		return d, nil
	}
	if d.Edited, err = edits(d.Source, r, &f); err != nil {
		return nil, unreadable(err)
	}
	return d, nil
}

// edits names the task types whose rule in the file is not the exported one.
func edits(source, file *Routes, f *Format) ([]string, error) {
	_, losses, err := f.write(source)
	if err != nil {
		return nil, err
	}
	want, err := source.Rules()
	if err != nil {
		return nil, err
	}
	have, err := file.Rules()
	if err != nil {
		return nil, err
	}
	var out []string
	want = Strip(want, losses)
	for i := range want {
		k := indexRule(have, want[i].TaskType)
		if k < 0 || len(want[i].Differences(&have[k])) > 0 {
			out = append(out, want[i].TaskType)
		}
	}
	for i := range have {
		if indexRule(want, have[i].TaskType) < 0 {
			out = append(out, have[i].TaskType)
		}
	}
	return out, nil
}

func indexRule(rules []Rule, taskType string) int {
	for i := range rules {
		if rules[i].TaskType == taskType {
			return i
		}
	}
	return -1
}

// embed is the head of a file whose syntax has comments: what it is, what it
// loses, and the whole table on one line of JSON, so that a drill and a check know
// the rule from the file alone. JSON has no line end inside and every character
// that a parser might take for one is escaped: it stays a comment.
func embed(r *Routes, f *Format, losses []Loss) ([]byte, error) {
	b, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encode routes: %w", err)
	}
	var out bytes.Buffer
	line := func(format string, args ...any) { fmt.Fprintf(&out, f.comment+format+"\n", args...) }
	line("%s: exported by infer; `infer drill` proves what it does.", f.Title)
	seen := make(map[Code]bool)
	for _, l := range losses {
		if !seen[l.Code] {
			line("Lost, %s: %s.", l.Code, codeWords[l.Code])
		}
		seen[l.Code] = true
	}
	line("%s %s", Schema, eval.EscapeJSON(b))
	return out.Bytes(), nil
}

// extract finds the embedded table; nil = there is none, or none that is valid.
func extract(b []byte, f *Format) *Routes {
	if f.comment == "" {
		return nil
	}
	for _, line := range bytes.Split(b, []byte("\n")) {
		rest, ok := bytes.CutPrefix(line, []byte(f.comment+Schema+" "))
		if !ok {
			continue
		}
		r, err := decodeJSON(rest)
		if err != nil || r.Validate() != nil {
			return nil
		}
		return r
	}
	return nil
}
