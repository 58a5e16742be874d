package config_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"infer/cmd/internal/config"
	"infer/eval"
)

// values are the settings of a configuration by key, as "value (origin)".
func values(c *config.Config) map[string]string {
	m := make(map[string]string)
	for _, v := range c.Values() {
		m[v.Key] = v.Value + " (" + v.Origin + ")"
	}
	return m
}

// TestPrecedence sets one value in ever more places.
func TestPrecedence(t *testing.T) {
	t.Parallel()
	seed := uint64(5)
	dir := project(t, map[string]string{
		"empty/x":        "",
		"user.yaml":      "concurrency: 2\nstore: mine.db\n",
		"p/infer.yaml":   "concurrency: 3\nstore: data/its.db\nrepeats: 2\nseed: 4\n",
		"p/.env":         "INFER_CONCURRENCY=4\nINFER_SEED=9\n",
		"p/tasks.jsonl":  "{}\n",
		"other/conf.yml": "concurrency: 7\n",
	})
	at := func(parts ...string) string { return filepath.Join(append([]string{dir}, parts...)...) }
	for _, c := range []struct {
		name string
		s    config.Sources
		env  map[string]string
		want map[string]string
	}{
		{name: "default", s: config.Sources{Dir: at("empty")},
			want: map[string]string{"concurrency": "8 (default)", "repeats": "1 (default)", "seed": "1 (default)", "store": filepath.Join(".infer", "infer.db") + " (default)"}},
		{name: "user", s: config.Sources{Dir: at("empty"), UserFile: at("user.yaml")},
			want: map[string]string{"concurrency": "2 (" + at("user.yaml") + ":1)", "store": at("mine.db") + " (" + at("user.yaml") + ":2)"}},
		{name: "environment over .env", s: config.Sources{Dir: at("p"), UserFile: at("user.yaml")}, env: map[string]string{"INFER_CONCURRENCY": "6"},
			want: map[string]string{"concurrency": "6 (env INFER_CONCURRENCY)", "repeats": "2 (infer.yaml:3)", "store": at("p", "data", "its.db") + " (infer.yaml:2)"}},
		{name: ".env", s: config.Sources{Dir: at("p")},
			want: map[string]string{"concurrency": "4 (env INFER_CONCURRENCY (.env))", "seed": "9 (env INFER_SEED (.env))"}},
		{name: "flags", s: config.Sources{Dir: at("p"), Flags: config.Flags{Concurrency: 11, Store: "here.db", Repeats: 5, Seed: &seed, Live: true}}, env: map[string]string{"INFER_STORE": "x.db"},
			want: map[string]string{"concurrency": "11 (flag --concurrency)", "store": "here.db (flag --store)", "repeats": "5 (flag --repeats)", "seed": "5 (flag --seed)", "live": "true (flag --live)"}},
		{name: "environment", s: config.Sources{Dir: at("empty")}, env: map[string]string{"INFER_STORE": "x.db", "INFER_REPEATS": "3"},
			want: map[string]string{"store": "x.db (env INFER_STORE)", "repeats": "3 (env INFER_REPEATS)"}},
		{name: "INFER_CONFIG", s: config.Sources{Dir: at("p")}, env: map[string]string{"INFER_CONFIG": at("other", "conf.yml")},
			want: map[string]string{"concurrency": "7 (" + at("other", "conf.yml") + ":1)"}},
		{name: "dataset beside a project", s: config.Sources{Dir: at("empty"), Target: at("p", "tasks.jsonl")},
			want: map[string]string{"repeats": "2 (" + at("p", "infer.yaml") + ":3)"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.s.Env = environment(c.env)
			got, err := config.LoadSources(t.Context(), c.s)
			if err != nil {
				t.Fatal(err)
			}
			all := values(got)
			for key, want := range c.want {
				if all[key] != want {
					t.Errorf("%s is %s, want %s", key, all[key], want)
				}
			}
		})
	}
}

// TestUserFile checks what the user's own file adds and what it may not hold.
func TestUserFile(t *testing.T) {
	t.Parallel()
	const price = ", model: m, in: %, out: 2, source: s, as_of: 2026-01-02}"
	row := func(provider, in string) string {
		return "  - {provider: " + provider + strings.Replace(price, "%", in, 1) + "\n"
	}
	user := "providers:\n  mine: {preset: openai, api_key_cmd: pass show openai}\n  both: {preset: groq, headers: {X-A: b}}\ndefaults: {params: {a: 1, b: 1}, timeout: 5s}\nprices:\n" + row("mine", "1") + row("both", "2")
	c := load(t, map[string]string{
		"user/infer.yaml": user,
		"infer.yaml":      "providers:\n  both: {preset: xai}\ndefaults: {params: {b: 2}}\nprices:\n" + row("both", "9"),
	}, func(s *config.Sources) { s.UserFile = filepath.Join(s.Dir, "user", "infer.yaml") })
	if got := c.Providers["both"]; got.Preset != "xai" || got.Headers != nil {
		t.Errorf("the project's provider is %+v", got)
	}
	e, ok := c.Endpoint("mine")
	if diff := cmp.Diff([]string{"pass", "show", "openai"}, e.KeyCmd); !ok || diff != "" || e.KeyEnv != "" {
		t.Errorf("endpoint %+v %s", e, diff)
	}
	rows, err := c.ResolvePrices()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range rows {
		got = append(got, r.Provider+" "+eval.Money(*r.In).String())
	}
	if diff := cmp.Diff([]string{"both 0.000009", "mine 0.000001"}, got); diff != "" {
		t.Error(diff)
	}
	all := values(c)
	want := map[string]string{"defaults.params.a": "1 (user/infer.yaml:4)", "defaults.params.b": "2 (infer.yaml:3)", "defaults.timeout": "5s (user/infer.yaml:4)", "providers.both.preset": "xai (infer.yaml:2)"}
	for key, w := range want {
		if all[key] != filepath.FromSlash(w) {
			t.Errorf("%s is %s, want %s", key, all[key], w)
		}
	}
	if _, ok := all["providers.both.headers.X-A"]; ok {
		t.Error("the replaced provider's header is still listed")
	}
	_, err = try(t, map[string]string{"user.yaml": "name: x\n"}, func(s *config.Sources) { s.UserFile = filepath.Join(s.Dir, "user.yaml") })
	if err == nil || !strings.Contains(err.Error(), "user.yaml:1:7: name does not belong in your own file") {
		t.Errorf("got %v", err)
	}
}

// TestValuesHideSecrets looks for planted secrets in what infer config prints.
func TestValuesHideSecrets(t *testing.T) {
	t.Parallel()
	c := load(t, map[string]string{"infer.yaml": "name: sk-abcdefghijklmnopqrstuv\nproviders:\n  a: {preset: openai, headers: {X-Team: canary-team}}\n",
		".env": "OPENAI_API_KEY=canary-env\n"}, nil)
	for _, v := range c.Values() {
		if strings.Contains(v.Value, "canary") || strings.Contains(v.Value, "sk-abc") {
			t.Errorf("%s shows %s", v.Key, v.Value)
		}
	}
	if got := c.Env("OPENAI_API_KEY"); got != "canary-env" {
		t.Errorf("OPENAI_API_KEY is %q", got)
	}
	if got := values(c)["providers.a.headers.X-Team"]; got != "(set) (infer.yaml:3)" {
		t.Errorf("the header is shown as %s", got)
	}
}

// TestTargets checks which file and which tasks a target stands for.
func TestTargets(t *testing.T) {
	t.Parallel()
	dir := project(t, map[string]string{
		"infer.yaml":       "name: top\ndataset: [a.jsonl, b.jsonl]\n",
		"sub/infer.yml":    "name: sub\ndataset: s.jsonl\n",
		"sub/s.jsonl":      "{}\n",
		"json/infer.json":  "{\"$schema\": \"s.json\",\n\t\"name\": \"json\\u0021 \\/\",\n\t\"concurrency\": 3\n}\n",
		"data/t.jsonl":     "{}\n",
		"two/infer.yaml":   "name: a\n",
		"two/infer.yml":    "name: b\n",
		"named/other.yaml": "name: other\n",
	})
	at := func(parts ...string) string { return filepath.Join(append([]string{dir}, parts...)...) }
	for _, c := range []struct {
		name, target, flag, want string
		tasks                    []string
		bad                      bool
	}{
		{name: "here", want: "top", tasks: []string{at("a.jsonl"), at("b.jsonl")}},
		{name: "standard input", target: "-", want: "top", tasks: []string{"-"}},
		{name: "folder", target: at("sub"), want: "sub", tasks: []string{at("sub", "s.jsonl")}},
		{name: "folder of tasks", target: at("data"), want: "top", tasks: []string{at("data")}},
		{name: "dataset beside a project", target: at("sub", "s.jsonl"), want: "sub", tasks: []string{at("sub", "s.jsonl")}},
		{name: "dataset elsewhere", target: at("data", "t.jsonl"), want: "top", tasks: []string{at("data", "t.jsonl")}},
		{name: "file", target: at("named", "other.yaml"), want: "other"},
		{name: "flag", flag: at("named", "other.yaml"), target: at("data"), want: "other", tasks: []string{at("data")}},
		{name: "JSON", target: at("json"), want: "json! /"},
		{name: "JSON file", target: at("json", "infer.json"), want: "json! /"},
		{name: "both names", target: at("two"), bad: true},
		{name: "missing", target: at("none.yaml"), bad: true},
		{name: "missing flag", flag: at("none.yaml"), bad: true},
		{name: "folder as a file", flag: dir, bad: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := config.LoadSources(t.Context(), config.Sources{Dir: dir, Target: c.target, Env: environment(nil), Flags: config.Flags{Config: c.flag}})
			if c.bad {
				if err == nil || eval.Hint(err) == "" || eval.KindOf(err) != eval.KindInvalid {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got.Name != c.want {
				t.Errorf("the project is %q, want %q", got.Name, c.want)
			}
			if diff := cmp.Diff(c.tasks, got.Tasks); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestLoadEnvironment checks variables that are wrong and the user's own file in
// its usual place.
func TestLoadEnvironment(t *testing.T) {
	t.Parallel()
	dir := project(t, map[string]string{".config/infer/infer.yaml": "concurrency: 6\n"})
	c, tasks, err := config.Load(dir, "", config.Flags{}, environment(map[string]string{"HOME": dir}))
	if err != nil || c.Concurrency != 6 || tasks != nil {
		t.Errorf("concurrency %v, tasks %v, %v", c, tasks, err)
	}
	for name, v := range map[string]string{"INFER_CONCURRENCY": "many", "INFER_REPEATS": "0", "INFER_SEED": "-1"} {
		_, _, err := config.Load(dir, "", config.Flags{}, environment(map[string]string{name: v}))
		if err == nil || !strings.Contains(err.Error(), name) || eval.Hint(err) == "" {
			t.Errorf("%s=%s: %v", name, v, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := config.LoadSources(ctx, config.Sources{Dir: dir, Env: environment(nil)}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	for vars, want := range map[[2]string]string{{"XDG_CONFIG_HOME", "/x"}: "/x/infer/infer.yaml", {"HOME", "/h"}: "/h/.config/infer/infer.yaml", {"HOME", "relative"}: ""} {
		if got := config.UserFile(environment(map[string]string{vars[0]: vars[1]})); filepath.ToSlash(got) != want {
			t.Errorf("%v: user file %q, want %q", vars, got, want)
		}
	}
}

// TestQuickstart loads the example project of the repository.
func TestQuickstart(t *testing.T) {
	t.Parallel()
	dir := filepath.Join("..", "..", "..", "testdata", "quickstart")
	b, err := os.ReadFile(filepath.Join(dir, "infer.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := fits(t, compiled(t), string(b)); err != nil {
		t.Error(err)
	}
	c, tasks, err := config.Load(t.TempDir(), dir, config.Flags{}, environment(nil))
	if err != nil || len(tasks) == 0 {
		t.Fatal(tasks, err)
	}
	candidates, err := c.ResolveCandidates()
	if err != nil || len(candidates) < 2 {
		t.Errorf("%d candidates, %v", len(candidates), err)
	}
}
