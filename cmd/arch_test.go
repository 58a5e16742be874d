package cmd_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"testing"
)

// mayImport says which packages of this module a package may import; a trailing
// "/…" stands for everything below. The longest key that fits a package decides.
// What is not here is forbidden: a new room must be given its doors.
var mayImport = map[string][]string{
	"infer":                  {"infer/cmd"},
	"infer/cmd/…":            {"infer/…"},
	"infer/eval":             {},
	"infer/eval/runner":      {"infer/eval"},
	"infer/eval/store":       {"infer/eval"},
	"infer/datasets/…":       {"infer/eval", "infer/datasets"},
	"infer/providers":        {"infer/eval"},
	"infer/providers/…":      {"infer/eval", "infer/providers", "infer/providers/httpx"},
	"infer/scoring":          {"infer/eval", "infer/scoring/grade", "infer/scoring/judge", "infer/scoring/sandbox"},
	"infer/scoring/…":        {"infer/eval", "infer/scoring/grade"},
	"infer/scoring/stats":    {},
	"infer/scoring/decide":   {"infer/eval", "infer/scoring/stats"},
	"infer/report":           {"infer/eval", "infer/scoring/stats"},
	"infer/report/…":         {"infer/eval", "infer/report"},
	"infer/testdata/…":       {},
	"infer/report/tui/…":     {"infer/eval", "infer/report", "infer/report/tui"},
	"infer/cmd/internal/cli": {"infer/eval"},
}

// only says which one package may import a module that the rest of the house
// must not know; a trailing "…" stands for everything that begins so.
var only = map[string]string{
	"database/sql":                           "infer/eval/store",
	"modernc.org/sqlite":                     "infer/eval/store",
	"github.com/olekukonko/tablewriter…":     "infer/report/render",
	"github.com/charmbracelet/bubbletea…":    "infer/report/tui",
	"github.com/spf13/cobra…":                "infer/cmd",
	"github.com/aws/…":                       "infer/providers/bedrock",
	"github.com/expr-lang/…":                 "infer/scoring/grade",
	"gonum.org/…":                            "infer/scoring/stats",
	"github.com/santhosh-tekuri/jsonschema…": "infer/scoring/grade",
}

// TestImportDirections reads the imports of every package and fails on an arrow
// that the house does not have.
func TestImportDirections(t *testing.T) {
	t.Parallel()
	for pkg, imports := range importsOf(t) {
		allowed, ok := doors(pkg)
		if !ok {
			t.Errorf("package %s has no row in mayImport: give it its doors", pkg)
			continue
		}
		for _, path := range imports {
			if (path == "infer" || strings.HasPrefix(path, "infer/")) && !anyFits(allowed, path) {
				t.Errorf("%s imports %s", pkg, path)
			}
			if pkg == "infer/eval" && strings.Contains(strings.Split(path, "/")[0], ".") {
				t.Errorf("the domain imports %s: it knows the standard library only", path)
			}
			for guarded, home := range only {
				if fits(guarded, path) && pkg != home && pkg != home+"test" && !strings.HasPrefix(pkg, home+"/") {
					t.Errorf("%s imports %s, which belongs to %s alone", pkg, path, home)
				}
			}
		}
	}
}

// TestTopLevel keeps the first page of the project what it is.
func TestTopLevel(t *testing.T) {
	t.Parallel()
	known := map[string]bool{"cmd": true, "eval": true, "datasets": true, "scoring": true, "report": true, "providers": true, "testdata": true, "go.mod": true,
		"go.sum": true, "main.go": true, "README.md": true, "LICENSE": true, "CONTRIBUTING.md": true, "CHANGELOG.md": true}
	entries, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !known[e.Name()] && !strings.HasPrefix(e.Name(), ".") && e.Name() != "infer" && e.Name() != "dist" {
			t.Errorf("%s stands at the top level, which is fixed", e.Name())
		}
	}
}

func importsOf(t *testing.T) map[string][]string {
	t.Helper()
	seen := make(map[string]map[string]bool)
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && strings.HasPrefix(d.Name(), ".") && d.Name() != ".." {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		pkg := "infer"
		if dir := filepath.ToSlash(filepath.Dir(path)); dir != ".." {
			pkg += strings.TrimPrefix(dir, "..")
		}
		if seen[pkg] == nil {
			seen[pkg] = make(map[string]bool)
		}
		for _, im := range f.Imports {
			p, err := strconv.Unquote(im.Path.Value)
			if err != nil {
				return err
			}
			seen[pkg][p] = true
		}
		return nil
	})
	if err != nil || len(seen) < 10 {
		t.Fatalf("found %d packages: %v", len(seen), err)
	}
	out := make(map[string][]string, len(seen))
	for pkg, set := range seen {
		for p := range set {
			out[pkg] = append(out[pkg], p)
		}
		sort.Strings(out[pkg])
	}
	return out
}

func doors(pkg string) ([]string, bool) {
	best, found := "", false
	for pattern := range mayImport {
		if fits(pattern, pkg) && len(pattern) > len(best) {
			best, found = pattern, true
		}
	}
	if _, exact := mayImport[pkg]; exact {
		best = pkg
	}
	return mayImport[best], found
}

func anyFits(patterns []string, path string) bool {
	for _, p := range patterns {
		if fits(p, path) {
			return true
		}
	}
	return false
}

func fits(pattern, path string) bool {
	prefix, open := strings.CutSuffix(pattern, "…")
	if !open {
		return path == pattern
	}
	return strings.HasPrefix(path, prefix) || path == strings.TrimSuffix(prefix, "/")
}
