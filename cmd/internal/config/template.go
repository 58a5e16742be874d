package config

import (
	"embed"
	"fmt"
	"path"
	"strings"

	"infer/eval"
)

// Template is the commented infer.yaml that `infer init` writes.
//
//go:embed template/infer.yaml
var Template []byte

// TemplateTasks is the dataset that goes with every template.
//
//go:embed template/tasks.jsonl
var TemplateTasks []byte

//go:embed template/infer.yaml template/local.yaml template/gateway.yaml
var templates embed.FS

// TemplateKinds lists the kinds of projects that TemplateFor knows: start runs as
// it is, local is for servers of one's own, gateway for many models behind one.
func TemplateKinds() []string { return []string{"start", "local", "gateway"} }

// TemplateFor returns the commented infer.yaml for a kind of project.
func TemplateFor(kind string) ([]byte, error) {
	if !contains(TemplateKinds(), kind) {
		return nil, eval.Invalid(fmt.Errorf("unknown template %q", eval.Untrusted(kind).Line(40)), suggest(kind, TemplateKinds(), "the templates are "))
	}
	name := strings.ReplaceAll(kind, "start", "infer") + ".yaml"
	return templates.ReadFile(path.Join("template", name))
}
