package cmd_test

import (
	"flag"
	"io/fs"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"infer/cmd"
	"infer/providers/simulate"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"infer": func() { os.Exit(cmd.Main()) }})
}

// TestScripts runs every script below testdata/script, whichever folder it is in,
// so that none can be forgotten. Each runs the program itself, in a folder of its
// own with a pinned environment; $MOCK is the base URL of a simulated provider
// that serves the models good, half, slow, flaky (rate-limited once), refused and
// broke.
func TestScripts(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	var dirs []string
	err = filepath.WalkDir(filepath.Join("testdata", "script"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			if scripts, _ := filepath.Glob(filepath.Join(path, "*.txtar")); len(scripts) > 0 {
				dirs = append(dirs, path)
			}
		}
		return err
	})
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			testscript.Run(t, testscript.Params{Dir: dir, UpdateScripts: *update, RequireExplicitExec: true, RequireUniqueNames: true,
				Setup: func(e *testscript.Env) error { return setUp(e, root) }})
		})
	}
}

func setUp(e *testscript.Env, root string) error {
	srv := httptest.NewServer(simulate.NewServer(simulate.ServerOptions{Seed: 1, Models: map[string]simulate.Model{
		"good":    {Accuracy: 1},
		"half":    {Accuracy: 0.5},
		"flaky":   {Accuracy: 1, Faults: map[string]float64{"429": 1}, FaultCalls: 1},
		"refused": {Accuracy: 1, Faults: map[string]float64{"401": 1}},
		"broke":   {Accuracy: 1, Faults: map[string]float64{"500": 1}},
	}}))
	e.Defer(srv.Close)
	home := filepath.Join(e.WorkDir, "home")
	if err := os.MkdirAll(home, 0o700); err != nil {
		return err
	}
	env := map[string]string{"HOME": home, "XDG_CONFIG_HOME": filepath.Join(home, ".config"), "NO_COLOR": "1", "TZ": "UTC", "LC_ALL": "C.UTF-8",
		"MOCK": srv.URL + "/v1", "QUICKSTART": filepath.Join(root, "testdata", "quickstart"), "ROOT": root}
	for _, kv := range os.Environ() { // no key of the person who runs the tests
		if name, _, _ := strings.Cut(kv, "="); strings.HasSuffix(name, "_API_KEY") || strings.HasPrefix(name, "INFER_") || strings.HasPrefix(name, "OPENAI_") || strings.HasPrefix(name, "ANTHROPIC_") || strings.HasPrefix(name, "AWS_") {
			env[name] = ""
		}
	}
	for name, v := range env {
		e.Setenv(name, v)
	}
	return nil
}
