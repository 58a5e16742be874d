package cmd_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"infer/cmd"
	"infer/cmd/internal/cli"
	"infer/report/route"
)

// fixedApp is a program at a fixed time in a folder.
func fixedApp(dir string, out, errs *bytes.Buffer) *cli.App {
	app := testApp(out, errs)
	app.Dir, app.Env = dir, os.Getenv
	app.Now = func() time.Time { return time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC) }
	return app
}

// inProcess runs the program inside the test, at the fixed time.
func inProcess(t *testing.T, dir string, want int, args ...string) (string, string) {
	t.Helper()
	var out, errs bytes.Buffer
	if code := cmd.Run(context.Background(), fixedApp(dir, &out, &errs), args); code != want {
		t.Fatalf("infer %v: exit %d, want %d\n%s", args, code, want, &errs)
	}
	return out.String(), errs.String()
}

// evaluated is the example project, evaluated at the fixed time; its store.
func evaluated(t *testing.T) (dir, db, config string) {
	t.Helper()
	dir = t.TempDir()
	root, err := filepath.Abs(filepath.Join("..", "testdata", "quickstart"))
	if err != nil {
		t.Fatal(err)
	}
	db, config = filepath.Join(dir, "quickstart.db"), filepath.Join(root, "infer.yaml")
	inProcess(t, dir, 0, "eval", root, "--store", db, "-q")
	return dir, db, config
}

// TestQuickstartExports holds what the example project exports to every target
// that can call its local models, and reads each file back as current.
func TestQuickstartExports(t *testing.T) {
	t.Parallel()
	dir, db, config := evaluated(t)
	for _, f := range route.Formats() {
		if f.Name == route.FormatOpenRouter || f.Name == route.FormatCloudflare {
			_, errs := inProcess(t, dir, 2, "export", "--store", db, "--config", config, "--format", f.Name)
			if !bytes.Contains([]byte(errs), []byte("127.0.0.1")) {
				t.Errorf("%s: %s", f.Name, errs)
			}
			continue
		}
		out, errs := inProcess(t, dir, 0, "export", "--store", db, "--config", config, "--format", f.Name)
		compareGolden(t, filepath.Join("testdata", "export", "quickstart-"+f.Name+"."+f.Ext), out)
		compareGolden(t, filepath.Join("testdata", "export", "quickstart-"+f.Name+".stderr"), errs)
		file := filepath.Join(dir, "deployed-"+f.Name)
		if err := os.WriteFile(file, []byte(out), 0o600); err != nil {
			t.Fatal(err)
		}
		inProcess(t, dir, 0, "export", "--store", db, "--config", config, "--check", file)
	}
}
