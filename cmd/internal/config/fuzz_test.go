package config_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"infer/cmd/internal/config"
	"infer/eval"
)

// FuzzLoad reads any bytes as a project file, in both notations: it never
// panics, it says the same twice, and its errors are one line with a position.
func FuzzLoad(f *testing.F) {
	for _, kind := range config.TemplateKinds() {
		b, err := config.TemplateFor(kind)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, false)
	}
	for _, m := range mistakes() {
		f.Add([]byte(m.text), false)
	}
	f.Add([]byte(whole), false)
	f.Add([]byte(`{"name": "x", "graders": {"type": "exact", "n": [1, 2.5e3, null]}}`), true)
	f.Fuzz(func(t *testing.T, b []byte, asJSON bool) {
		name := "infer.yaml"
		if asJSON {
			name = "infer.json"
		}
		s := config.Sources{Dir: project(t, map[string]string{name: string(b)}), Env: environment(nil)}
		one, err := config.LoadSources(t.Context(), s)
		two, again := config.LoadSources(t.Context(), s)
		if (err == nil) != (again == nil) || err != nil && err.Error() != again.Error() {
			t.Fatalf("read twice: %v, then %v", err, again)
		}
		if err != nil {
			if !strings.HasPrefix(err.Error(), name+":") || strings.ContainsAny(err.Error(), "\n\x1b\r") || eval.Hint(err) == "" {
				t.Fatalf("not a line with a position and a hint: %q %q", err.Error(), eval.Hint(err))
			}
			return
		}
		if diff := cmp.Diff(one.Values(), two.Values()); diff != "" {
			t.Fatalf("read twice:\n%s", diff)
		}
		if diff := cmp.Diff(one.File, two.File, cmpopts.IgnoreUnexported(config.Price{})); diff != "" {
			t.Fatalf("read twice:\n%s", diff)
		}
		for rule, spec := range one.GraderRules() {
			if !json.Valid(spec) {
				t.Fatalf("graders of %s are not JSON: %s", rule, spec)
			}
		}
		candidates, err := one.ResolveCandidates()
		for i := range candidates {
			if _, ok := one.Providers[candidates[i].Provider]; err == nil && !ok {
				t.Fatalf("candidate %s has no provider", candidates[i].Name)
			}
		}
	})
}

// FuzzModelFlag takes any -m apart: what it makes can be written and read again.
func FuzzModelFlag(f *testing.F) {
	for _, s := range []string{"openai/gpt-5-mini", "local=http://127.0.0.1:8101/v1/a/b", "a=b/c", "x", "=x", "a=", "http://h/m", "https://h/v1/", "http://u:p@h/v1/m", "a/b=c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		one, err := config.ParseModelFlag(s)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\x1b\r") || eval.Hint(err) == "" {
				t.Fatalf("not a line with a hint: %q", err)
			}
			return
		}
		if one.Model == "" || one.BaseURL != "" && one.Provider != "" {
			t.Fatalf("%q is %+v", s, one)
		}
		two, err := config.ParseModelFlag(one.String())
		if err != nil || one != two || one.String() != s {
			t.Fatalf("%q is %+v, written %q, then %+v (%v)", s, one, one.String(), two, err)
		}
	})
}

// FuzzDotEnv reads any bytes as variables.
func FuzzDotEnv(f *testing.F) {
	for _, s := range []string{"A=b", "export A='b c' # d", "A=\"x\\n\\\"\"", "A", "=b", "A=$(rm)", "# x\n\nA=1\nA=2", "A='x", "\ufeffA=b\r\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		vars, err := config.ParseDotEnv(b, ".env")
		if err != nil {
			if !strings.HasPrefix(err.Error(), ".env:") || strings.ContainsAny(err.Error(), "\n\x1b\r") {
				t.Fatalf("not a line with a position: %q", err)
			}
			return
		}
		for name, v := range vars {
			if name == "" || strings.ContainsAny(name, "= \x00") || strings.ContainsRune(v, 0) {
				t.Fatalf("%q is %q", name, v)
			}
			quoted := `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`).Replace(v) + `"`
			again, err := config.ParseDotEnv([]byte(name+"="+quoted), ".env")
			if err != nil || again[name] != v {
				t.Fatalf("%s=%s reads as %q (%v), want %q", name, quoted, again[name], err, v)
			}
		}
	})
}
