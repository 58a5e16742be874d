package cmd_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
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

// evaluated is the example project, evaluated at the fixed time; a folder with its
// store, and its configuration.
func evaluated(t *testing.T) (dir, db, config string) {
	t.Helper()
	dir = t.TempDir()
	db = filepath.Join(dir, "quickstart.db")
	inProcess(t, ".", 0, "eval", "../testdata/quickstart", "--store", db, "-q")
	return dir, db, filepath.Join("..", "testdata", "quickstart", "infer.yaml")
}

// TestQuickstartExports holds what the example project exports to every target
// that can call its local models, and reads each file back as current.
func TestQuickstartExports(t *testing.T) {
	t.Parallel()
	dir, db, config := evaluated(t)
	for _, f := range route.Formats() {
		if f.Name == route.FormatOpenRouter || f.Name == route.FormatCloudflare {
			_, errs := inProcess(t, ".", 2, "export", "--store", db, "--config", config, "--format", f.Name)
			if !bytes.Contains([]byte(errs), []byte("127.0.0.1")) {
				t.Errorf("%s: %s", f.Name, errs)
			}
			continue
		}
		out, errs := inProcess(t, ".", 0, "export", "--store", db, "--config", config, "--format", f.Name)
		compareGolden(t, filepath.Join("testdata", "export", "quickstart-"+f.Name+"."+f.Ext), out)
		compareGolden(t, filepath.Join("testdata", "export", "quickstart-"+f.Name+".stderr"), errs)
		file := filepath.Join(dir, "deployed-"+f.Name)
		if err := os.WriteFile(file, []byte(out), 0o600); err != nil {
			t.Fatal(err)
		}
		check, _ := inProcess(t, ".", 0, "export", "--store", db, "--config", config, "--check", file, "--json")
		validate(t, "export_check", []byte(check))
	}
}

// TestQuickstartChecklist holds the example project's checklist in every format,
// with and without the proof of a drilled file.
func TestQuickstartChecklist(t *testing.T) {
	t.Parallel()
	dir, db, config := evaluated(t)
	for format, ext := range map[string]string{"table": "txt", "md": "md", "json": "json", "html": "html"} {
		out, _ := inProcess(t, ".", 0, "checklist", "--store", db, "--config", config, "--format", format)
		compareGolden(t, filepath.Join("testdata", "export", "quickstart-checklist."+ext), out)
		if format == "json" {
			validate(t, "checklist", []byte(out))
		}
	}
	_, errs := inProcess(t, ".", 100, "checklist", "--store", db, "--config", config, "--strict")
	if !strings.Contains(errs, "2 of 10 questions are open") {
		t.Error(errs)
	}
	file, drill := filepath.Join(dir, "routes.yaml"), filepath.Join(dir, "drill.json")
	inProcess(t, ".", 0, "export", "--store", db, "--config", config, "-o", file, "-q")
	inProcess(t, ".", 0, "drill", file, "--json", "-o", drill, "--type", "title", "--case", "healthy", "--case", "server_500", "--timeout", "300ms")
	b, err := os.ReadFile(drill)
	if err != nil {
		t.Fatal(err)
	}
	validate(t, "drill", b)
	out, _ := inProcess(t, ".", 0, "checklist", "--store", db, "--config", config, "--drill", drill)
	if !strings.Contains(out, "drilled routes.yaml: infer test: 2 cases as ruled") {
		t.Error(out)
	}
}
