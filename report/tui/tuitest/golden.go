package tuitest

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Golden compares a screen, without the blanks at the ends of its lines, with a
// file, or writes the file.
func Golden(t testing.TB, path, screen string, write bool) {
	t.Helper()
	lines := strings.Split(screen, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	got := strings.Join(lines, "\n") + "\n"
	if write {
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
		t.Fatalf("%v; -update writes it", err)
	}
	if string(want) != got {
		t.Errorf("%s has\n%s\nand the screen is now\n%s", path, want, got)
	}
}

// copied is what a program writes to set the terminal's clipboard.
var copied = regexp.MustCompile("\x1b\\]52;c;([A-Za-z0-9+/=]*)\x07")

// Copied returns the texts that were copied to the terminal's clipboard.
func Copied(output string) []string {
	var out []string
	for _, m := range copied.FindAllStringSubmatch(output, -1) {
		if b, err := base64.StdEncoding.DecodeString(m[1]); err == nil {
			out = append(out, string(b))
		}
	}
	return out
}

// BesidesCopies is what a program wrote beside that.
func BesidesCopies(output string) string { return copied.ReplaceAllString(output, "") }
