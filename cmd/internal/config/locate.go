package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"infer/eval"
)

// FileNames are the names that a project file may have.
func FileNames() []string { return []string{"infer.yaml", "infer.yml", "infer.json"} }

// UserFile is where the user's own file lies: infer/infer.yaml under
// XDG_CONFIG_HOME, or under .config in HOME; "" where neither is known.
func UserFile(env func(string) string) string {
	if d := env("XDG_CONFIG_HOME"); filepath.IsAbs(d) {
		return filepath.Join(d, "infer", "infer.yaml")
	}
	if d := env("HOME"); filepath.IsAbs(d) {
		return filepath.Join(d, ".config", "infer", "infer.yaml")
	}
	return ""
}

const writeOne = "`infer init` writes one to start from"

// locate finds the project file and the datasets that the target names.
func locate(s Sources) (string, []string, error) {
	named, from := s.Flags.Config, "flag --config"
	if named == "" {
		named, from = s.Env("INFER_CONFIG"), "env INFER_CONFIG"
	}
	if named != "" {
		if _, err := os.Stat(named); err != nil {
			return "", nil, eval.Invalid(fmt.Errorf("configuration %s (%s): %w", named, from, reason(err)), writeOne)
		}
		if s.Target == "" {
			return named, nil, nil
		}
		return named, []string{s.Target}, nil
	}
	if s.Target == "" || s.Target == "-" {
		p, err := find(s.Dir)
		if s.Target == "" {
			return p, nil, err
		}
		return p, []string{"-"}, err
	}
	return locateTarget(s.Dir, s.Target)
}

// locateTarget is locate for a path: a project file, a folder or a dataset.
func locateTarget(dir, target string) (string, []string, error) {
	ext := strings.ToLower(filepath.Ext(target))
	if ext == ".yaml" || ext == ".yml" || slices.Contains(FileNames(), filepath.Base(target)) {
		if _, err := os.Stat(target); err != nil {
			return "", nil, eval.Invalid(fmt.Errorf("configuration %s: %w", target, reason(err)), writeOne)
		}
		return target, nil, nil
	}
	beside := filepath.Dir(target)
	if info, err := os.Stat(target); err == nil && info.IsDir() {
		if p, err := find(target); p != "" || err != nil {
			return p, nil, err
		}
		beside = dir
	}
	// A dataset: the project file beside it or in the working directory applies.
	for _, d := range []string{beside, dir} {
		if p, err := find(d); p != "" || err != nil {
			return p, []string{target}, err
		}
	}
	return "", []string{target}, nil
}

// find returns the one project file in a folder; "" = none is there.
func find(dir string) (string, error) {
	var found []string
	for _, name := range FileNames() {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil && info.Mode().IsRegular() {
			found = append(found, name)
		}
	}
	switch len(found) {
	case 0:
		return "", nil
	case 1:
		return filepath.Join(dir, found[0]), nil
	}
	return "", eval.Invalid(fmt.Errorf("%s: both %s are there", dir, strings.Join(found, " and ")), "remove one, or choose with --config FILE")
}

// errNotRegular is for what cannot be read to its end.
var errNotRegular = errors.New("not a regular file")

// readFile reads a regular file, at most limit bytes of it.
func readFile(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errNotRegular
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // opened for reading only
	return io.ReadAll(io.LimitReader(f, limit))
}

// reason takes the path out of an error, where the message has it already.
func reason(err error) error {
	var pe *os.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// display shortens a path under the working directory.
func display(dir, path string) string {
	if rel, err := filepath.Rel(dir, path); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return path
}

func contains(list []string, s string) bool { return slices.Contains(list, s) }
