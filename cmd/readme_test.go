package cmd_test

import (
	"bytes"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"infer/providers/simulate"
)

// TestReadme runs every command of the README's shell blocks, in order, in one
// folder that holds the example project, and compares the outputs that it shows
// with what is really written. `go run . …` is run as the program; `go test` is
// what runs this. Models that need a key or a server are simulated here.
func TestReadme(t *testing.T) {
	t.Parallel()
	path := filepath.Join("..", "README.md")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(simulate.NewServer(simulate.ServerOptions{Seed: 1, Models: map[string]simulate.Model{
		"gpt-5-mini": {Accuracy: 1}, "smollm2-135m-instruct": {Accuracy: 1}}}))
	t.Cleanup(srv.Close)
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "testdata", "quickstart"), os.DirFS(filepath.Join("..", "testdata", "quickstart"))); err != nil {
		t.Fatal(err)
	}
	commands := shellCommands(string(b))
	if len(commands) < 10 {
		t.Fatalf("found only %d commands", len(commands))
	}
	text, shown := string(b), 0
	for _, line := range commands {
		args, ok := commandArgs(line)
		if !ok {
			continue
		}
		out := readmeCommand(t, dir, srv.URL, line, args)
		block := outputBlock(line)
		m := block.FindStringSubmatch(text)
		if m == nil {
			continue
		}
		shown++
		want := strings.TrimRight(trimLines(out), "\n") + "\n"
		if *update {
			text = strings.Replace(text, m[0], m[1]+want+m[3], 1)
		} else if diff := cmp.Diff(m[2], want); diff != "" {
			t.Errorf("%s: the README shows something else (-README +real); `go test ./cmd -run TestReadme -update` writes it:\n%s", line, diff)
		}
	}
	if n := strings.Count(text, "<!-- output: "); shown != n {
		t.Errorf("%d of %d shown outputs were compared: each needs its command in a shell block", shown, n)
	}
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

var shellBlock = regexp.MustCompile("(?s)```sh\n(.*?)```")

func shellCommands(text string) []string {
	var out []string
	for _, m := range shellBlock.FindAllStringSubmatch(text, -1) {
		for _, line := range strings.Split(m[1], "\n") {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
				out = append(out, line)
			}
		}
	}
	return out
}

// outputBlock finds the block that shows what a command writes.
func outputBlock(line string) *regexp.Regexp {
	return regexp.MustCompile("(?s)(<!-- output: " + regexp.QuoteMeta(strings.Replace(line, "go run . ", "infer ", 1)) + " -->\n```text\n)(.*?)(```\n<!-- end -->)")
}

// commandArgs splits a line as a shell would, as far as the README needs it.
func commandArgs(line string) ([]string, bool) {
	if line == "go test ./..." {
		return nil, false
	}
	line = strings.Replace(line, "go run . ", "infer ", 1)
	var args []string
	for _, m := range regexp.MustCompile(`"([^"]*)"|'([^']*)'|(\S+)`).FindAllStringSubmatch(line, -1) {
		args = append(args, m[1]+m[2]+m[3])
	}
	return args, true
}

func readmeCommand(t *testing.T, dir, mock, line string, args []string) string {
	t.Helper()
	if args[0] != "infer" {
		t.Fatalf("the README shows a command that is not run: %s", line)
	}
	for i := range args {
		args[i] = strings.Replace(args[i], "http://127.0.0.1:8101/v1", mock+"/v1", 1)
	}
	cmd := program(t, dir, args[1:]...)
	cmd.Env = append(cmd.Env, "OPENAI_API_KEY=not-a-key", "OPENAI_BASE_URL="+mock+"/v1", "NO_COLOR=1", "TZ=UTC")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", line, err, &errs)
	}
	return string(out)
}

func trimLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}
