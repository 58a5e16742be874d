package config_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"infer/cmd/internal/config"
	"infer/eval"
)

func TestParseModelFlag(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		flag string
		want config.ModelFlag
		bad  string
	}{
		{flag: "openai/gpt-5-mini", want: config.ModelFlag{Provider: "openai", Model: "gpt-5-mini"}},
		{flag: "openrouter/google/gemini-2.5-flash", want: config.ModelFlag{Provider: "openrouter", Model: "google/gemini-2.5-flash"}},
		{flag: "mini=openai/gpt-5-mini", want: config.ModelFlag{Name: "mini", Provider: "openai", Model: "gpt-5-mini"}},
		{flag: "ollama/llama3:8b", want: config.ModelFlag{Provider: "ollama", Model: "llama3:8b"}},
		{flag: "openai/a=b", want: config.ModelFlag{Provider: "openai", Model: "a=b"}},
		{flag: "smollm2", want: config.ModelFlag{Model: "smollm2"}},
		{flag: "a=smollm2", want: config.ModelFlag{Name: "a", Model: "smollm2"}},
		{flag: "local=http://127.0.0.1:8101/v1/smollm2-135m-instruct", want: config.ModelFlag{Name: "local", BaseURL: "http://127.0.0.1:8101/v1", Model: "smollm2-135m-instruct"}},
		{flag: "http://[::1]:80/v1/org/model", want: config.ModelFlag{BaseURL: "http://[::1]:80/v1", Model: "org/model"}},
		{flag: "https://h/api/v1/x/v1/y", want: config.ModelFlag{BaseURL: "https://h/api/v1", Model: "x/v1/y"}},
		{flag: "https://h/v1beta/openai/m", want: config.ModelFlag{BaseURL: "https://h/v1beta/openai", Model: "m"}},
		{flag: "https://h/m", want: config.ModelFlag{BaseURL: "https://h", Model: "m"}},
		{flag: "https://h/v1/", bad: "no model"},
		{flag: "https://h", bad: "no model"},
		{flag: "https://h/v1/m?x=1", bad: "? or #"},
		{flag: "https://u:hunter2@h/v1/m", bad: "password"},
		{flag: "https:///v1/m", bad: "not a URL"},
		{flag: "ftp://h/m", bad: "neither http"},
		{flag: "=openai/m", bad: "no name"},
		{flag: "/m", bad: "no provider"},
		{flag: "openai/", bad: "no model"},
		{flag: "", bad: "no model"},
		{flag: "openai/a\x1b[31m", bad: "cannot be shown"},
	} {
		t.Run(c.flag, func(t *testing.T) {
			t.Parallel()
			got, err := config.ParseModelFlag(c.flag)
			if c.bad != "" {
				if err == nil || !strings.Contains(err.Error(), c.bad) || eval.Hint(err) == "" {
					t.Errorf("got %+v, %v; want %s", got, err, c.bad)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestModelFlags resolves -m against a project.
func TestModelFlags(t *testing.T) {
	t.Parallel()
	const file = sim + `
candidates:
  - {name: good, provider: sim, model: good, params: {a: 1}}
  - {name: p, policy: {default: good, backup: bad}}
  - {name: bad, provider: sim, model: bad}
`
	for _, c := range []struct {
		name  string
		flags []string
		want  string // name|provider|model|host of each
		bad   string
	}{
		{name: "candidate", flags: []string{"good"}, want: "good|sim|good|"},
		{name: "renamed candidate", flags: []string{"x=good"}, want: "x|sim|good|"},
		{name: "policy alone", flags: []string{"p"}, want: "p|sim|good|"},
		{name: "policy under its default's name", flags: []string{"good=p"}, want: "good|sim|good|"},
		{name: "provider of the project", flags: []string{"sim/bad"}, want: "sim/bad|sim|bad|"},
		{name: "preset", flags: []string{"mini=openai/gpt-5-mini"}, want: "mini|openai|gpt-5-mini|api.openai.com"},
		{name: "URLs of two APIs on a host", flags: []string{"a=http://h:1/x/v1/m", "b=http://h:1/y/v1/m", "c=http://h:1/x/v1/n"}, want: "a|h:1|m|h:1 b|h:1/y/v1|m|h:1 c|h:1|n|h:1"},
		{name: "URL without a name", flags: []string{"http://127.0.0.1:8101/v1/org/m"}, want: "org/m|127.0.0.1:8101|org/m|127.0.0.1:8101"},
		{name: "twice", flags: []string{"good", "good"}, bad: "two candidates are called"},
		{name: "unknown provider", flags: []string{"opena/x"}, bad: "did you mean openai?"},
		{name: "unknown candidate", flags: []string{"godo"}, bad: "did you mean good?"},
		{name: "nothing like it", flags: []string{"zzzzzz"}, bad: "neither a candidate"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cfg := load(t, map[string]string{"infer.yaml": file}, func(s *config.Sources) { s.Flags.Models = c.flags })
			got, err := cfg.ResolveCandidates()
			if c.bad != "" {
				if err == nil || !strings.Contains(err.Error()+eval.Hint(err), c.bad) {
					t.Errorf("got %v, want %s", err, c.bad)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var words []string
			for _, x := range got {
				words = append(words, strings.Join([]string{x.Name, x.Provider, x.Model, x.Host}, "|"))
				if _, ok := cfg.Providers[x.Provider]; !ok {
					t.Errorf("no provider %s", x.Provider)
				}
			}
			if s := strings.Join(words, " "); s != c.want {
				t.Errorf("got %s, want %s", s, c.want)
			}
			if got := values(cfg)["candidates"]; got != strings.Join(c.flags, ", ")+" (flag -m)" {
				t.Errorf("candidates: %s", got)
			}
		})
	}
}
