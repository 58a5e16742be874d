package grade

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/vm"

	"infer/eval"
)

// Expression accepts an answer for which an expression (expr-lang) is true, or
// is a number from the threshold on. It knows answer, expected, json (the JSON
// in the answer, nil if there is none), task (id, type, group, tags, input,
// system), words, chars, finish, refusal, tool_calls (name, arguments), and
// latency_ms, ttft_ms, cost_usd, input_tokens and output_tokens, which are nil
// where unknown.
//
// An expression cannot read files, the clock or the network. Its size, its
// memory and its time are bounded; one that goes beyond them, or fails, leaves
// the answer unscored.
type Expression struct {
	Expr      string   `json:"expr" doc:"expression of answer, expected, json, task, words, chars, finish, refusal, tool_calls, latency_ms, ttft_ms, cost_usd, input_tokens, output_tokens" required:"true"`
	Threshold *float64 `json:"threshold,omitempty" doc:"least value that is accepted where the expression is a number in [0, 1]; default 0.5"`

	program *vm.Program
}

// The limits of one expression.
const (
	maxExprText   = 10_000
	maxExprNodes  = 1_000
	maxExprAnswer = 1 << 20
	maxExprBytes  = 64 << 20 // that all steps together may produce
	maxExprItems  = 1_000_000
	maxExprTime   = time.Second
)

// exprTask is the task as an expression sees it.
type exprTask struct {
	ID     string   `expr:"id"`
	Type   string   `expr:"type"`
	Group  string   `expr:"group"`
	Tags   []string `expr:"tags"`
	Input  string   `expr:"input"`
	System string   `expr:"system"`
}

// exprCall is a tool call as an expression sees it.
type exprCall struct {
	Name      string `expr:"name"`
	Arguments any    `expr:"arguments"`
}

// exprEnv is everything that an expression sees.
type exprEnv struct {
	Answer       string                 `expr:"answer"`
	Expected     any                    `expr:"expected"`
	JSON         any                    `expr:"json"`
	Task         exprTask               `expr:"task"`
	Words        int                    `expr:"words"`
	Chars        int                    `expr:"chars"`
	Finish       string                 `expr:"finish"`
	Refusal      string                 `expr:"refusal"`
	ToolCalls    []exprCall             `expr:"tool_calls"`
	LatencyMS    any                    `expr:"latency_ms"`
	TTFTMS       any                    `expr:"ttft_ms"`
	CostUSD      any                    `expr:"cost_usd"`
	InputTokens  any                    `expr:"input_tokens"`
	OutputTokens any                    `expr:"output_tokens"`
	Step         func(any) (any, error) `expr:"step__"`
}

// unbounded are the built-in functions whose result can be much larger than
// what they are given, or which depend on the clock.
var unbounded = []string{"replace", "repeat", "join", "toJSON", "toBase64", "fromBase64", "string", "concat", "flatten", "toPairs", "fromPairs", "uniq",
	"now", "duration", "date", "timezone"}

// meter makes every step that can produce something, or repeat, report it.
type meter struct{}

// Visit wraps a node in a call of step__.
func (meter) Visit(node *ast.Node) {
	wrap := func(n ast.Node) ast.Node {
		return &ast.CallNode{Callee: &ast.IdentifierNode{Value: "step__"}, Arguments: []ast.Node{n}}
	}
	switch n := (*node).(type) {
	case *ast.PredicateNode:
		n.Node = wrap(n.Node)
	case *ast.BuiltinNode, *ast.CallNode:
		ast.Patch(node, wrap(n))
	case *ast.BinaryNode:
		if n.Operator == "+" || n.Operator == "==" || n.Operator == "!=" {
			ast.Patch(node, wrap(n))
		}
	}
}

// Prepare compiles the expression.
func (g *Expression) Prepare() error {
	if len(g.Expr) > maxExprText {
		return fmt.Errorf("expr: an expression of %d bytes; the limit is %d", len(g.Expr), maxExprText)
	}
	if t := g.Threshold; t != nil && !(*t >= 0 && *t <= 1) {
		return errors.New("expr: threshold is not between 0 and 1")
	}
	if strings.Contains(g.Expr, "step__") {
		return errors.New("expr: step__ is a reserved name")
	}
	options := []expr.Option{expr.Env(exprEnv{}), expr.MaxNodes(maxExprNodes), expr.Patch(meter{})}
	for _, name := range unbounded {
		options = append(options, expr.DisableBuiltin(name))
	}
	p, err := expr.Compile(g.Expr, options...)
	if err != nil {
		return fmt.Errorf("expr: %w", err)
	}
	g.program = p
	return nil
}

// Grade runs the expression.
func (g *Expression) Grade(ctx context.Context, t *eval.Task, r *eval.Response) eval.Score {
	if len(r.Text) > maxExprAnswer {
		return unscored("expr", fmt.Sprintf("an answer of %d bytes; expressions are given at most %d", len(r.Text), maxExprAnswer))
	}
	env := environment(t, r)
	ctx, cancel := context.WithTimeout(ctx, maxExprTime)
	defer cancel()
	env.Step = steps(ctx)
	type result struct {
		v   any
		err error
	}
	done := make(chan result, 1)
	go func() {
		machine := vm.VM{MemoryBudget: maxExprItems}
		v, err := machine.Run(g.program, env)
		done <- result{v, err}
	}()
	select {
	case res := <-done:
		if res.err != nil {
			return unscored("expr", "the expression failed: "+firstLines(res.err.Error(), 300))
		}
		return g.score(res.v)
	case <-ctx.Done():
		return unscored("expr", "the expression took longer than "+maxExprTime.String())
	}
}

// steps counts what the steps of one run produce, and ends a run that is out of
// time: the context is asked at every step, so nothing goes on long after it.
func steps(ctx context.Context) func(any) (any, error) {
	left := maxExprBytes
	return func(v any) (any, error) {
		switch x := v.(type) {
		case string:
			left -= len(x)
		case []any:
			left -= 16 * len(x)
		case []string:
			left -= 16 * len(x)
		case map[string]any:
			left -= 64 * len(x)
		}
		left -= 8
		if left < 0 {
			return nil, errors.New("it produces too much")
		}
		return v, ctx.Err()
	}
}

func (g *Expression) score(v any) eval.Score {
	f := 0.0
	switch x := v.(type) {
	case bool:
		return pass("expr", x, fmt.Sprintf("%s is %t", quote(g.Expr), x))
	case int:
		f = float64(x)
	case float64:
		f = x
	default:
		return unscored("expr", fmt.Sprintf("the expression gave %T, which is neither true, false nor a number", v))
	}
	if math.IsNaN(f) || f < 0 || f > 1 {
		return unscored("expr", fmt.Sprintf("the expression gave %v, which is not between 0 and 1", f))
	}
	threshold := 0.5
	if g.Threshold != nil {
		threshold = *g.Threshold
	}
	return valued("expr", f >= threshold, f, fmt.Sprintf("%s is %.4g, need %.4g", quote(g.Expr), f, threshold))
}

func environment(t *eval.Task, r *eval.Response) exprEnv {
	answer := r.Text.Raw()
	e := exprEnv{Answer: answer, Expected: plainValue(string(t.Expected)), Words: len(strings.Fields(answer)), Chars: utf8.RuneCountInString(answer),
		Finish: string(r.Finish), Refusal: r.Refusal.Raw(), JSON: plainValue(extract(answer, opening(t.Expected))),
		Task: exprTask{ID: t.ID, Type: t.Type, Group: t.Group, Tags: t.Tags, System: t.System}}
	for i := range t.Messages {
		if t.Messages[i].Role == "user" {
			e.Task.Input = t.Messages[i].Text()
		}
	}
	for _, c := range r.ToolCalls {
		e.ToolCalls = append(e.ToolCalls, exprCall{c.Name, plainValue(string(eval.UnwrapJSON(c.Arguments)))})
	}
	if r.InFlight > 0 {
		e.LatencyMS = float64(r.InFlight.Microseconds()) / 1000
	}
	if r.TTFT != nil {
		e.TTFTMS = float64(r.TTFT.Microseconds()) / 1000
	}
	if r.Cost != nil && r.Cost.Known() {
		e.CostUSD = r.Cost.Low.Float()
	}
	if r.Usage != nil {
		e.InputTokens, e.OutputTokens = int(r.Usage.Input()), int(r.Usage.Output())
	}
	return e
}

// plainValue decodes JSON for an expression: whole numbers are integers; nil
// where there is no JSON.
func plainValue(s string) any {
	v, err := decode(s)
	if err != nil {
		return nil
	}
	return plainNumbers(v)
}

func plainNumbers(v any) any {
	switch x := v.(type) {
	case json.Number:
		if n, err := x.Int64(); err == nil && n == int64(int(n)) {
			return int(n)
		}
		f, err := x.Float64()
		if err != nil {
			return nil
		}
		return f
	case []any:
		for i := range x {
			x[i] = plainNumbers(x[i])
		}
	case map[string]any:
		for k := range x {
			x[k] = plainNumbers(x[k])
		}
	}
	return v
}
