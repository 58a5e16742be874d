package config_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"infer/cmd/internal/config"
	"infer/eval"
)

func TestParseDotEnv(t *testing.T) {
	t.Parallel()
	got, err := config.ParseDotEnv([]byte("\ufeff# keys\r\nA=b\r\n\nexport B = c d # note\nC='x # $HOME \\n'\nD=\"x\\n\\\"y\\\" \\$ # z\" # end\nE=\nF=a#b\nG=$(rm -rf /)${A}`x`\nH=1\nH=2\n"), ".env")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"A": "b", "B": "c d", "C": `x # $HOME \n`, "D": "x\n\"y\" \\$ # z", "E": "", "F": "a#b", "G": "$(rm -rf /)${A}`x`", "H": "2"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for text, want := range map[string]string{
		"A=1\nsecret-without-name": ".env:2:1: not NAME=value",
		"A-B=secret":               ".env:1:1: not NAME=value",
		"A='secret":                ".env:1:3: A: the quotes",
		"A=\"secret":               ".env:1:3: A: the quotes",
		"A='secret' secret":        ".env:1:3: A: the quotes",
		"A=secret\x00":             ".env:1:1: A: a NUL",
		"A=secret\xff":             ".env:1:9: not UTF-8",
		strings.Repeat("#", 70000): ".env:1:1: the file is larger",
	} {
		_, err := config.ParseDotEnv([]byte(text), ".env")
		if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "secret") || eval.Hint(err) == "" {
			t.Errorf("%.30q: got %v, want %s", text, err, want)
		}
	}
}

// TestEnvFiles checks the order of the files and that the real environment goes
// first.
func TestEnvFiles(t *testing.T) {
	t.Parallel()
	files := map[string]string{"infer.yaml": "name: x\n", ".env": "A=dot\nB=dot\nC=dot\nD=dot\n", "one.env": "B=one\nC=one\n", "two.env": "C=two\n"}
	c := load(t, files, func(s *config.Sources) {
		s.EnvFiles = []string{filepath.Join(s.Dir, "one.env"), filepath.Join(s.Dir, "two.env")}
		s.Env = environment(map[string]string{"D": "real"})
	})
	if got := c.Env("A") + c.Env("B") + c.Env("C") + c.Env("D") + c.Env("E"); got != "dotonetworeal" {
		t.Errorf("got %s", got)
	}
	if _, err := try(t, files, func(s *config.Sources) { s.EnvFiles = []string{filepath.Join(s.Dir, "none.env")} }); err == nil || eval.KindOf(err) != eval.KindInvalid {
		t.Errorf("a missing file that was named: %v", err)
	}
	delete(files, "infer.yaml")
	if got := load(t, files, nil).Env("A"); got != "" {
		t.Errorf("a .env without a project was read: %q", got)
	}
}
