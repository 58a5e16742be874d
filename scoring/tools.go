package scoring

import (
	"errors"
	"fmt"
	"strings"

	"infer/eval"
	"infer/scoring/grade"
	"infer/scoring/judge"
	"infer/scoring/sandbox"
)

// Tools are what some graders need beside the answer. A rule that names a grader
// whose tool is missing does not compile.
type Tools struct {
	Embedder grade.Embedder // for similarity; nil = none is configured
	Judges   *judge.Panel   // for judge, pairwise and factuality; nil = there are none
	// AllowExec says that the user allows graders to run programs. Sandbox finds
	// the sandbox for code, with an image for container engines; Dir is where the
	// project's own commands run.
	AllowExec bool
	Sandbox   func(image string) (*sandbox.Box, error)
	Dir       string
	// Dry compiles rules to check them: no tool is missing, and what needs one
	// must not grade.
	Dry bool
}

// compiler compiles rules. data says that a rule comes with a dataset line,
// which may not make this machine run anything.
type compiler struct {
	tools  Tools
	data   bool
	judged bool // a rule asks a judge
	embeds bool // a rule asks the embedder
}

// equip gives a grader its tool.
func (c *compiler) equip(name string, g Grader) error {
	switch x := g.(type) {
	case *grade.Embedding:
		c.embeds = true
		if x.Embedder = c.tools.Embedder; x.Embedder == nil && !c.tools.Dry {
			return eval.Invalid(errors.New("grader similarity needs an embedder"), "add embedder: {provider: NAME, model: NAME} to infer.yaml")
		}
	case *sandbox.Code:
		return c.arm(x)
	case *sandbox.Command:
		x.Dir = c.tools.Dir
		switch {
		case c.data:
			return eval.Invalid(errors.New("a dataset line cannot run a command"), "name the grader command under graders: or task_types: in infer.yaml")
		case !c.tools.AllowExec && !c.tools.Dry:
			return notAllowed(name)
		}
	case *judge.Rubric:
		return c.seat(name, &x.Bench)
	case *judge.Pairwise:
		return c.seat(name, &x.Bench)
	case *judge.Factuality:
		return c.seat(name, &x.Bench)
	}
	return nil
}

func notAllowed(grader string) error {
	return eval.Invalid(fmt.Errorf("grader %s runs a program", grader), "allow it with --allow-exec, if you trust the project")
}

// arm gives a grader that runs code its sandbox.
func (c *compiler) arm(g *sandbox.Code) error {
	switch {
	case c.tools.Dry:
		return nil
	case !c.tools.AllowExec:
		return notAllowed("code")
	case c.tools.Sandbox == nil:
		return eval.Invalid(sandbox.ErrNone, "run this where a sandbox can be found")
	}
	box, err := c.tools.Sandbox(g.Image)
	if err != nil {
		return fmt.Errorf("grader code: %w", err)
	}
	g.Box = box
	return nil
}

// seat gives a grader its judges.
func (c *compiler) seat(grader string, b *judge.Bench) error {
	c.judged = true
	unknown := c.tools.Judges.Seat(b)
	if unknown == "" || c.tools.Dry {
		return nil
	}
	hint := "add it under judges: in infer.yaml, with a provider and a model"
	if names := c.tools.Judges.Names(); len(names) > 0 {
		hint = suggest(unknown, names, "judges") + "; or " + hint
	}
	return eval.Invalid(fmt.Errorf("grader %s: no judge %q", grader, eval.Untrusted(unknown).Line(60)), strings.TrimPrefix(hint, "; or "))
}
