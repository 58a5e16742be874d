package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"infer/eval"
)

// Command asks a program of the project's own. It is given one JSON object on
// standard input, {"schema":"infer.grade/1","task":…,"answer":…,"expected":…,
// "tool_calls":…,"finish":…}, and answers with one on standard output:
// {"pass": true, false or null, "value": a number from 0 to 1, "explanation": …}.
// It runs outside any sandbox, but with no variable of ours beside PATH, HOME, LANG
// and those that it names.
type Command struct {
	Command []string `json:"command" doc:"program and arguments; no shell" required:"true"`
	Timeout string   `json:"timeout,omitempty" doc:"wall clock; default 30s"`
	Env     []string `json:"env,omitempty" doc:"names of variables that it is given"`

	Dir string `json:"-"` // where it runs; set by whoever compiles the rule

	limits Limits
}

// maxVerdict is how much of a command's output is read.
const maxVerdict = 1 << 20

// Prepare checks the options.
func (g *Command) Prepare() error {
	if len(g.Command) == 0 || g.Command[0] == "" {
		return errors.New("command: no program is named")
	}
	g.limits = Limits{Time: 30 * time.Second, Output: maxVerdict}
	if g.Timeout != "" {
		d, err := time.ParseDuration(g.Timeout)
		if err != nil || d <= 0 || d > time.Hour {
			return errors.New("command: timeout is not a time between 1ms and 1h")
		}
		g.limits.Time = d
	}
	return nil
}

// Grade runs the command.
func (g *Command) Grade(ctx context.Context, t *eval.Task, r *eval.Response) eval.Score {
	in, err := json.Marshal(map[string]any{"schema": "infer.grade/1", "task": json.RawMessage(orNull(t.Raw)), "task_id": t.ID, "task_type": t.Type,
		"expected": json.RawMessage(orNull(t.Expected)), "answer": r.Text.Raw(), "tool_calls": r.ToolCalls, "finish": r.Finish})
	if err != nil {
		return commandFailed(fmt.Errorf("write its input: %w", err))
	}
	res, err := execute(ctx, g.limits, func(ctx context.Context) (*exec.Cmd, func(), error) {
		c := exec.CommandContext(ctx, g.Command[0], g.Command[1:]...)
		c.Dir, c.Stdin, c.Env = g.Dir, bytes.NewReader(in), g.environment()
		return c, func() {}, nil
	})
	switch {
	case err != nil:
		return commandFailed(err)
	case res.Over == "time":
		return commandFailed(fmt.Errorf("did not end within %s", g.limits.Time))
	case res.Over != "":
		return commandFailed(fmt.Errorf("wrote more than %d bytes", maxVerdict))
	case res.Exit != 0:
		return commandFailed(fmt.Errorf("exit code %d: %s", res.Exit, lastWords(Result{Stderr: res.Stderr, Exit: res.Exit})))
	}
	var v struct {
		Pass        *bool          `json:"pass"`
		Value       *float64       `json:"value"`
		Explanation eval.Untrusted `json:"explanation"`
	}
	d := json.NewDecoder(bytes.NewReader(res.Stdout))
	if err := d.Decode(&v); err != nil || len(bytes.TrimSpace(res.Stdout[d.InputOffset():])) > 0 {
		return commandFailed(errors.New(`its output is not one object like {"pass": true}`))
	}
	s := eval.Score{Grader: "command", Pass: v.Pass, Value: v.Value, Explanation: v.Explanation}
	if v.Pass == nil {
		s.Value, s.Error = nil, "the command could not judge it: "+v.Explanation
		return s
	}
	if s.Value == nil {
		value := 0.0
		if *v.Pass {
			value = 1
		}
		s.Value = &value
	}
	if s.Explanation == "" {
		s.Explanation = eval.Untrusted(fmt.Sprintf("%s says pass: %t", g.Command[0], *v.Pass))
	}
	return s
}

func commandFailed(err error) eval.Score {
	return eval.Score{Grader: "command", Error: eval.Untrusted("the command failed: " + err.Error())}
}

// environment is what the command sees of ours.
func (g *Command) environment() []string {
	env := []string{}
	for _, name := range append([]string{"PATH", "HOME", "LANG"}, g.Env...) {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}

func orNull(b []byte) []byte {
	if !json.Valid(b) {
		return []byte("null")
	}
	return b
}
