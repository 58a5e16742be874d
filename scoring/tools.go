package scoring

import (
	"errors"

	"infer/eval"
	"infer/scoring/grade"
)

// Tools are what some graders need beside the answer. A rule that names a grader
// whose tool is missing does not compile.
type Tools struct {
	Embedder grade.Embedder // for similarity; nil = none is configured
	// Dry compiles rules to check them: no tool is missing, and what needs one
	// leaves every answer unscored.
	Dry bool
}

// compiler compiles rules. data says that a rule comes with a dataset line,
// which may not make this machine run anything.
type compiler struct {
	tools Tools
	data  bool
}

// equip gives a grader its tool.
func (c *compiler) equip(_ string, g Grader) error {
	if c.tools.Dry {
		return nil
	}
	if x, ok := g.(*grade.Embedding); ok {
		if x.Embedder = c.tools.Embedder; x.Embedder == nil {
			return eval.Invalid(errors.New("grader similarity needs an embedder"), "add embedder: {provider: NAME, model: NAME} to infer.yaml")
		}
	}
	return nil
}
