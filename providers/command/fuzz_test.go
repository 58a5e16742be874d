//go:build unix

package command_test

import (
	"encoding/json"
	"testing"

	"infer/eval"
	"infer/providers/command"
)

// FuzzLine: whatever line a program writes, there is an answer or a failure, and
// no panic.
func FuzzLine(f *testing.F) {
	for _, s := range []string{`{"output":"x"}`, `{"id":1,"error":{"status":429,"retry_after_ms":1e9}}`, `{"tool_calls":[{"name":"f","arguments":"{"}]}`,
		`{"output":"x","usage":{"in_fresh":1},"cost_usd":1e-9,"backend_ms":-1,"ttft_ms":1e300}`, `null`, `{"tool_calls":[],"output":null}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		r := command.ReadLine(line)
		if r.Failure == nil && r.Text == "" && len(r.ToolCalls) == 0 {
			t.Fatalf("an empty success: %+v", r)
		}
		if r.Failure != nil && !r.Failure.Class.Valid() {
			t.Fatalf("class %q", r.Failure.Class)
		}
		if r.Usage != nil && !r.Usage.Plausible() {
			t.Fatalf("usage %+v", r.Usage)
		}
		for _, c := range r.ToolCalls {
			if !json.Valid(c.Arguments) {
				t.Fatalf("arguments %q", c.Arguments)
			}
		}
		if r.Finish == "" && r.Failure == nil || r.Failure == nil && r.Finish == eval.FinishRefusal {
			t.Fatalf("finish %q", r.Finish)
		}
	})
}
