package cmd_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"flag"
	"io"
	"io/fs"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
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
// that serves the models good, half, flaky (rate-limited once), refused and broke.
//
// Beside testscript's own commands there are
//
//	calls N        the provider was called N times since the last such line
//	code N ARGS    the program, run with these arguments, exits with N
//	pack FILE.EXT  write FILE compressed, as EXT (gz or zst) says
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
				Cmds:  map[string]func(*testscript.TestScript, bool, []string){"pack": pack, "calls": calls, "code": code},
				Setup: func(e *testscript.Env) error { return setUp(e, root) }})
		})
	}
}

func setUp(e *testscript.Env, root string) error {
	mock := simulate.NewServer(simulate.ServerOptions{Seed: 1, Models: map[string]simulate.Model{
		"good":    {Accuracy: 1},
		"half":    {Accuracy: 0.5},
		"slow":    {Accuracy: 1, Latency: 200 * time.Millisecond},
		"flaky":   {Accuracy: 1, Faults: map[string]float64{"429": 1}, FaultCalls: 1},
		"refused": {Accuracy: 1, Faults: map[string]float64{"401": 1}},
		"broke":   {Accuracy: 1, Faults: map[string]float64{"500": 1}},
	}})
	srv := httptest.NewServer(mock)
	e.Values[mockKey{}] = &mockSeen{server: mock}
	e.Defer(srv.Close)
	home := filepath.Join(e.WorkDir, "home")
	if err := os.MkdirAll(home, 0o700); err != nil {
		return err
	}
	env := map[string]string{"HOME": home, "XDG_CONFIG_HOME": filepath.Join(home, ".config"), "NO_COLOR": "1", "TZ": "UTC", "LC_ALL": "C.UTF-8",
		"MOCK": srv.URL + "/v1", "JUDGE": judgeServer(e), "QUICKSTART": filepath.Join(root, "testdata", "quickstart"), "ROOT": root, "TASK": "a\x1b[2J"}
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

type mockKey struct{}

// mockSeen remembers how many calls of a script's provider were asked about.
type mockSeen struct {
	server *simulate.Server
	asked  int64
}

// calls checks how often the provider was called since the last such line.
func calls(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: calls N")
	}
	seen, ok := ts.Value(mockKey{}).(*mockSeen)
	if !ok {
		ts.Fatalf("no provider")
	}
	n := seen.server.Stats().Requests
	if got := strconv.FormatInt(n-seen.asked, 10); got != args[0] {
		ts.Fatalf("the provider was called %s times, want %s", got, args[0])
	}
	seen.asked = n
}

// code runs the program and checks its exit code; its output is left for stdout
// and stderr.
func code(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N ARGS")
	}
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec("infer", args[1:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("infer: %v", err)
	}
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("exit code %d, want %s\n%s", got, args[0], ts.ReadFile("stderr"))
	}
}

// pack compresses a file.
func pack(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: pack FILE.EXT")
	}
	ext := filepath.Ext(args[0])
	plain := ts.ReadFile(strings.TrimSuffix(args[0], ext))
	var b bytes.Buffer
	var w io.WriteCloser = gzip.NewWriter(&b)
	if ext == ".zst" {
		z, err := zstd.NewWriter(&b)
		ts.Check(err)
		w = z
	}
	_, err := io.WriteString(w, plain)
	ts.Check(errors.Join(err, w.Close()))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b.Bytes(), 0o600))
}
