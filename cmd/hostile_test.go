package cmd_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"unicode/utf8"
)

// hostileTexts would act on a terminal, a page, a spreadsheet or a CI log, or mislead
// who reads it.
var hostileTexts = []string{
	"\x1b]52;c;aGk=\x07", "\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "\x1b[2J\x1b[6n\x1b[?1049h\x1bc", "\x1bPq#0\x1b\\\x1b_G\x1b\\", "\u009b31mred\u009d0;t\u009c", "end \x1b]",
	"FAIL\rPASS\b\b", "\u202egnp.exe\u202c\u2066x\u2069\u200b\u2028y\U000e0041", "\n::error::owned\n::stop-commands::x", "\n##vso[task.complete]\n##teamcity[x]\n##[group]",
	"=cmd|'/c calc'!A1", "+1", "@sum", "<script>alert(1)</script><img src=x onerror=alert(1)>", "]]>&\x00\x0b\ufffe", "| a | `b` | ```", "{{.}} ${x} %s", "javascript:alert(1)",
}

// harmlessBytes fails for anything in an output that would act on what shows it.
func harmlessBytes(t *testing.T, what string, b []byte) {
	t.Helper()
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		bad := r == utf8.RuneError && n == 1 || r < 0x20 && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0
		switch {
		case r == 0x200b, r >= 0x2028 && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r >= 0xe0000 && r <= 0xe0fff:
			bad = true
		}
		if bad {
			t.Errorf("%s holds %U: %q", what, r, b[max(i-40, 0):min(i+40, len(b))])
			return
		}
		i += n
	}
}

// commands are what CI services take for commands at the start of a line. Our own
// annotations name a file first.
var ciCommands = regexp.MustCompile(`(?m)^\s*(::(?:[a-z-]+)::|::stop-commands|##\[|##vso\[|##teamcity\[)`)

// TestHostileEverywhere puts such texts into every field that somebody else writes (ids,
// types, tags, groups, inputs, expected values, answers, tool calls, errors, headers)
// and looks at everything that comes out: nothing of them acts.
func TestHostileEverywhere(t *testing.T) {
	t.Parallel()
	var n atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		i := int(n.Add(1))
		bad := hostileTexts[i%len(hostileTexts)]
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Ratelimit-Limit-Requests", "\u202e9")
		if i%5 == 0 {
			w.WriteHeader(http.StatusBadRequest)
			_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]string{"message": bad, "type": bad, "code": bad}})
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"model": bad, "id": bad, "service_tier": bad, "usage": map[string]any{"prompt_tokens": 1, "completion_tokens": 1, "x": bad},
			"choices": []any{map[string]any{"index": 0, "finish_reason": "stop" + bad, "message": map[string]any{"role": "assistant", "content": bad + "\n" + bad,
				"tool_calls": []any{map[string]any{"id": bad, "function": map[string]string{"name": bad, "arguments": `{"a":` + strings.ReplaceAll(fmt.Sprintf("%q", "x"), "\\x", "") + `}`}}}}}}})
	}))
	t.Cleanup(srv.Close)
	dir := t.TempDir()
	var lines strings.Builder
	for i, bad := range hostileTexts {
		for k := range 2 {
			line, err := json.Marshal(map[string]any{"id": fmt.Sprint(i, "-", k, " ", bad), "task_type": "kind " + hostileTexts[i%4], "group": bad, "input": bad + fmt.Sprint(i, k), "expected": bad, "tags": []string{bad},
				"recorded": map[string]any{"model": bad, "output": bad, "accepted_result": k == 0, "final_cost_usd": 0.01}})
			if err != nil {
				t.Fatal(err)
			}
			lines.Write(append(line, '\n'))
		}
	}
	yaml := fmt.Sprintf(`dataset: tasks.jsonl
concurrency: 2
providers: {p: {base_url: "%[1]s/v1"}, q: {base_url: "%[1]s/v1"}}
candidates: [{name: one, provider: p, model: m, stream: false, retries: {max: 0}}, {name: two, provider: q, model: n, stream: false, retries: {max: 0}}]
prices: [{provider: p, model: m, in: 1, out: 1, source: test, as_of: 2026-01-01}]
`, srv.URL)
	writeFiles(t, dir, map[string]string{"tasks.jsonl": lines.String(), "infer.yaml": yaml})
	look := func(codes string, args ...string) {
		t.Helper()
		cmd := program(t, dir, args...)
		cmd.Env = append(cmd.Env, "NO_COLOR=1", "GITHUB_STEP_SUMMARY="+filepath.Join(dir, "summary.md"))
		var errs strings.Builder
		cmd.Stderr = &errs
		out, err := cmd.Output()
		code := 0
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			code = exit.ExitCode()
		}
		what := strings.Join(args, " ")
		if !strings.Contains(codes, fmt.Sprint(code)) {
			t.Errorf("%s ended with %d: %s", what, code, &errs)
		}
		harmlessBytes(t, what, out)
		harmlessBytes(t, what+", standard error", []byte(errs.String()))
		if strings.Contains(what, "json") || strings.Contains(what, "html") || strings.Contains(what, "otlp") || args[0] == "review" {
			return // files: of a sheet for reviewers, a cell holds an answer with its lines
		}
		if m := ciCommands.Find(out); m != nil {
			t.Errorf("%s: a line begins with %q", what, m)
		}
		if m := ciCommands.FindString(errs.String()); m != "" {
			t.Errorf("%s: a line of its messages begins with %q", what, m)
		}
	}
	look("0", "datasets", "check", ".")
	look("0", "datasets", "stats", ".")
	look("03", "eval", ".", "--store", "h.db", "--log-level", "debug", "--debug", "--otlp", "spans.json")
	for _, format := range []string{"table", "md", "csv", "json", "jsonl", "html", "junit", "github", "gitlab", "openmetrics", "otlp"} {
		look("03", "report", "--store", "h.db", "--format", format)
	}
	for _, format := range []string{"table", "md", "json"} {
		look("03", "recommend", "--store", "h.db", "--format", format)
		look("03", "compare", "one", "two", "--store", "h.db", "--format", format)
		look("03", "checklist", "--store", "h.db", "--format", format)
	}
	for _, format := range []string{"infer", "litellm", "envoy", "json", "portkey"} {
		look("023", "export", "--store", "h.db", "--format", format)
	}
	look("0", "runs", "list", "--store", "h.db")
	look("0", "runs", "show", "--store", "h.db")
	for i, bad := range hostileTexts {
		if i%2 == 1 {
			continue
		}
		look("02", "runs", "show", "--store", "h.db", "--task", strings.ReplaceAll(fmt.Sprint(i, "-", 0, " ", bad), "\x00", ""))
		look("02", "runs", "show", "--store", "h.db", "--json", "--task", strings.ReplaceAll(fmt.Sprint(i, "-", 0, " ", bad), "\x00", ""))
	}
	look("0", "review", "latest", "-n", "10", "--no-input", "--store", "h.db")
	look("0", "review", "export", "--store", "h.db")
	for _, name := range []string{"spans.json", "summary.md"} {
		if b, err := os.ReadFile(filepath.Join(dir, name)); err == nil {
			harmlessBytes(t, name, b)
		}
	}
	csv := string(run(t, dir, "report", "--store", "h.db", "--format", "csv"))
	if m := regexp.MustCompile(`(?m)(^|,)"?[=+@-][A-Za-z(]`).FindString(csv); m != "" {
		t.Errorf("a cell of the CSV would be a formula: %q", m)
	}
	if xmllint, err := exec.LookPath("xmllint"); err == nil {
		cmd := exec.Command(xmllint, "--noout", "-")
		cmd.Stdin = strings.NewReader(string(run(t, dir, "report", "--store", "h.db", "--format", "junit")))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("xmllint: %v: %s", err, out)
		}
	}
}
