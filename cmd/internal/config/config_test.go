package config_test

import (
	"os"
	"path/filepath"
	"testing"

	"infer/cmd/internal/config"
)

// project writes files into a new folder.
func project(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func environment(vars map[string]string) func(string) string {
	return func(name string) string { return vars[name] }
}

// try loads a project of files; change may alter the sources.
func try(t *testing.T, files map[string]string, change func(*config.Sources)) (*config.Config, error) {
	t.Helper()
	s := config.Sources{Dir: project(t, files), Env: environment(nil)}
	if change != nil {
		change(&s)
	}
	return config.LoadSources(t.Context(), s)
}

func load(t *testing.T, files map[string]string, change func(*config.Sources)) *config.Config {
	t.Helper()
	c, err := try(t, files, change)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
