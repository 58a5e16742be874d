package cmd_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"infer/cmd"
	"infer/cmd/internal/cli"
)

// testApp is the surroundings of a command that is run inside the test.
func testApp(out, errs *bytes.Buffer) *cli.App {
	return &cli.App{In: strings.NewReader(""), Out: out, Err: errs, Env: func(string) string { return "" }, Now: time.Now, Dir: ".", Version: "test", ColorFlag: "auto"}
}

// everyCommand calls f for each command of the tree but those that cobra adds.
func everyCommand(f func(path string, c *cobra.Command)) {
	var out, errs bytes.Buffer
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		f(c.CommandPath(), c)
		for _, sub := range c.Commands() {
			if sub.Name() != "help" && sub.Name() != "completion" {
				walk(sub)
			}
		}
	}
	walk(cmd.NewRoot(testApp(&out, &errs)))
}

// TestHelp compares every command's help with its golden file, so that a change
// to a flag or a sentence is seen in review. A golden file of a command that is
// gone fails too.
func TestHelp(t *testing.T) {
	t.Parallel()
	dir := filepath.Join("testdata", "help")
	left := make(map[string]bool)
	old, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range old {
		left[filepath.Base(p)] = true
	}
	everyCommand(func(path string, _ *cobra.Command) {
		words := strings.Fields(path)
		var out, errs bytes.Buffer
		args := append(append([]string(nil), words[1:]...), "--help")
		if code := cmd.Run(context.Background(), testApp(&out, &errs), args); code != 0 || errs.Len() > 0 {
			t.Errorf("%s --help: exit %d, %s", path, code, &errs)
		}
		golden := strings.Join(words, "-") + ".txt"
		delete(left, golden)
		compareGolden(t, filepath.Join(dir, golden), withoutCommands(out.String()))
	})
	for name := range left {
		t.Errorf("%s is the help of no command: delete it", filepath.Join(dir, name))
	}
}

// withoutCommands leaves the list of commands out: each of them has a file of its
// own, and two that are added at once would meet here.
func withoutCommands(help string) string {
	before, rest, ok := strings.Cut(help, "Available Commands:\n")
	if !ok {
		return help
	}
	_, after, _ := strings.Cut(rest, "\n\n")
	return before + after
}

// compareGolden compares with a golden file, or writes it under -update.
func compareGolden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Errorf("%v; `go test ./cmd -run %s -update` writes it", err, t.Name())
		return
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-golden +now); `go test ./cmd -run %s -update` writes it anew:\n%s", path, t.Name(), diff)
	}
}

// TestHelpRules holds every command to the house's manner of speaking.
func TestHelpRules(t *testing.T) {
	t.Parallel()
	everyCommand(func(path string, c *cobra.Command) {
		if n := utf8.RuneCountInString(c.Short); n == 0 || n > 60 || strings.HasSuffix(c.Short, ".") {
			t.Errorf("%s: its short description has %d characters or ends with a stop: %q", path, n, c.Short)
		}
		if !c.Runnable() {
			return // a page of help
		}
		if c.Long == "" {
			t.Errorf("%s: no long description", path)
		}
		examples := 0
		for _, line := range strings.Split(c.Example, "\n") {
			if strings.HasPrefix(strings.TrimSpace(line), "$ infer") {
				examples++
			}
		}
		if examples < 2 {
			t.Errorf("%s: %d examples that begin with $, want 2", path, examples)
		}
		for _, line := range strings.Split(c.Long+"\n"+c.Example, "\n") {
			if n := utf8.RuneCountInString(line); n > 110 {
				t.Errorf("%s: a line of help has %d characters: %s", path, n, line)
			}
		}
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if f.Usage == "" || strings.HasSuffix(f.Usage, ".") {
				t.Errorf("%s: --%s: usage %q", path, f.Name, f.Usage)
			}
		})
	})
}
