package cmd_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestAction runs the GitHub action's script as a runner does: inputs in the
// environment, files for outputs and the step summary. Its exit code is the
// evaluation's own, and no input becomes part of the script.
func TestAction(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("no bash")
	}
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(root, ".github", "actions", "infer", "run.sh")
	for _, c := range []struct {
		name, path string
		code       int
		outputs    string
	}{
		{"evaluated", filepath.Join(root, "testdata", "quickstart"), 0, `(?s)run-id<<(\S+)\nr[0-9a-f]{9}\n.*verdict<<\S+\n(complete|passed)\n.*default<<\S+\n\{.*report<<\S+\nreport.html\n`},
		{"nothing to evaluate", "$(touch pwned); `touch pwned` none.jsonl", 2, `(?s)run-id<<\S+\n\n.*verdict<<\S+\nnone\n`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			bin := program(t, dir).Path
			cmd := exec.Command("bash", script)
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_CONFIG_HOME="+filepath.Join(dir, "config"), "GITHUB_OUTPUT="+filepath.Join(dir, "output"), "GITHUB_STEP_SUMMARY="+filepath.Join(dir, "summary.md"),
				"GITHUB_ACTIONS=true", "IN_PATH="+c.path, "IN_ARGS=--concurrency\n4", "IN_STORE=infer.db", "IN_REPORT=report.html", "IN_INFER="+bin)
			out, err := cmd.CombinedOutput()
			if code := cmd.ProcessState.ExitCode(); code != c.code {
				t.Fatalf("exit code %d, want %d: %v\n%s", code, c.code, err, out)
			}
			got, err := os.ReadFile(filepath.Join(dir, "output"))
			if err != nil {
				t.Fatal(err)
			}
			if !regexp.MustCompile(c.outputs).Match(got) {
				t.Errorf("outputs:\n%s", got)
			}
			if _, err := os.Stat(filepath.Join(dir, "pwned")); err == nil {
				t.Error("an input was run")
			}
			if c.code != 0 {
				return
			}
			summary, err := os.ReadFile(filepath.Join(dir, "summary.md"))
			if err != nil || !strings.Contains(string(summary), "### infer") {
				t.Errorf("step summary: %v\n%.300s", err, summary)
			}
			if _, err := os.Stat(filepath.Join(dir, "report.html")); err != nil {
				t.Error(err)
			}
			if !strings.Contains(string(out), "::warning file=") {
				t.Errorf("no annotation:\n%.500s", out)
			}
		})
	}
}
