package config_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"infer/cmd/internal/config"
	"infer/eval"
)

const whole = `
name: whole
incumbent: one
defaults:
  params: {temperature: 0, max_tokens: 100}
  retries: {max: 4, base_delay: 1s}
  timeout: 60s
providers:
  local: {base_url: "http://127.0.0.1:8101/v1"}
  sim: {type: simulate, models: {m: {}}}
candidates:
  - name: one
    provider: local
    model: a
    params: {temperature: 0.50}
    prompt: {system: be brief, template: "Q: {{input}}", examples: ex.jsonl, examples_per_type: 1}
    retries: {max: 1, on: [timeout]}
    first_token_timeout: 10s
  - {name: two, provider: sim, model: m}
  - {name: three, provider: groq, model: m, stream: false}
  - name: safe
    policy: {default: one, backup: two, context_backup: three, retries: {max: 0, max_delay: 5s}, timeout: 9s, confirm: [a]}
task_types:
  b:
    class: high_risk
    graders: {type: one_of, labels: [yes, no], n: 0.10}
    margin: 0.02
    slo_p95: 4s
    volume_per_month: 120000
    confirm: true
    regenerate: 2
    repair: {max_edit_ratio: 0.3, minutes: 2, hourly_rate_usd: 37.50}
    review: two people
  a: {}
graders: exact
policy: {on: [timeout], retries: {max: 7}, confirm: [z]}
prices:
  file: prices.yaml
  models:
    - {provider: local, model: a, in: "0.02", out: 0.060, reasoning: 1e-2, source: s, as_of: 2026-11-01, example_price: true}
gates:
  min_acceptance: 0.8
  max_cost_per_accepted_usd: "0.0042"
  task_types: {b: {min_acceptance: 0.9, slo_p95: 2s}}
`

func wholeProject(t *testing.T) *config.Config {
	t.Helper()
	return load(t, map[string]string{
		"infer.yaml":  whole,
		"ex.jsonl":    `{"task_type":"a","input":"1","output":"x","id":5}` + "\n\n" + `{"task_type":"a","input":"2","output":"y"}` + "\n" + `{"task_type":"b","input":"3","output":"z"}` + "\n",
		"prices.yaml": "models:\n  - {provider: local, model: a, in: 9, out: 9, source: file, as_of: 2026-01-01}\n  - {provider: sim, model: m, in: 3, out: 4, cache_read: 0.5, source: file, as_of: 2026-01-01, context_window: 8192}\n",
	}, nil)
}

func TestResolveCandidates(t *testing.T) {
	t.Parallel()
	got, err := wholeProject(t).ResolveCandidates()
	if err != nil {
		t.Fatal(err)
	}
	raw := func(s string) json.RawMessage { return json.RawMessage(s) }
	one := eval.Candidate{Name: "one", Provider: "local", Model: "a", Host: "127.0.0.1:8101", Stream: true,
		Params: eval.Params{"temperature": raw("0.50"), "max_tokens": raw("100")},
		Prompt: eval.Prompt{System: "be brief", Template: "Q: {{input}}", Examples: []eval.Example{{TaskType: "a", Input: "1", Output: "x"}, {TaskType: "b", Input: "3", Output: "z"}}},
		Retry:  eval.Retry{Max: 1, On: []eval.Class{eval.ClassTimeout}, BaseDelay: time.Second},
		Limits: eval.Limits{Timeout: time.Minute, FirstToken: 10 * time.Second}}
	base := eval.Params{"temperature": raw("0"), "max_tokens": raw("100")}
	two := eval.Candidate{Name: "two", Provider: "sim", Model: "m", Params: base, Retry: eval.Retry{Max: 4, BaseDelay: time.Second}, Limits: eval.Limits{Timeout: time.Minute}}
	three := two
	three.Name, three.Provider, three.Host = "three", "groq", "api.groq.com"
	inPolicy := func(c eval.Candidate) *eval.Candidate { c.Limits.Timeout = 9 * time.Second; return &c }
	first := inPolicy(one)
	first.Retry.Max, first.Retry.MaxDelay = 0, 5*time.Second
	safe := eval.Candidate{Name: "safe", Provider: "local", Model: "a", Policy: &eval.Policy{Default: "one", Backup: "two", ContextBackup: "three", Confirm: []string{"a"},
		On:               []eval.Class{eval.ClassRateLimit, eval.ClassTimeout, eval.ClassUnavailable, eval.ClassNetwork},
		DefaultCandidate: first, BackupCandidate: inPolicy(two), ContextCandidate: inPolicy(three)}}
	if diff := cmp.Diff([]eval.Candidate{one, two, three, safe}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestResolveWork(t *testing.T) {
	t.Parallel()
	c := wholeProject(t)
	types, err := c.ResolveTaskTypes()
	if err != nil {
		t.Fatal(err)
	}
	ratio := 0.3
	want := []eval.TaskType{
		{Name: "a", Class: eval.LowRisk, Margin: 0.05},
		{Name: "b", Class: eval.HighRisk, Margin: 0.02, SLO: 4 * time.Second, Volume: 120000, Confirm: true, Regenerate: 2, Review: "two people",
			Repair: &eval.RepairRule{MaxEditRatio: &ratio, Minutes: 2, HourlyRate: 37*eval.USD + eval.USD/2}},
	}
	if diff := cmp.Diff(want, types); diff != "" {
		t.Errorf("task types (-want +got)\n%s", diff)
	}
	rules := c.GraderRules()
	if string(rules["b"]) != `{"type":"one_of","labels":["yes","no"],"n":0.10}` || string(rules["*"]) != `"exact"` || len(rules) != 2 {
		t.Errorf("grader rules %s", rules)
	}
	rule := c.ResolveRule()
	if diff := cmp.Diff(config.Rule{On: []eval.Class{eval.ClassTimeout}, Retry: eval.Retry{Max: 7, BaseDelay: time.Second}, Limits: eval.Limits{Timeout: time.Minute}, Confirm: []string{"b", "z"}}, rule); diff != "" {
		t.Errorf("rule (-want +got)\n%s", diff)
	}
	g := c.Gates.For("b")
	if ceiling, ok := g.MaxCostPerAccepted.USD(); *g.MinAcceptance != 0.9 || g.SLO != 2*time.Second || !ok || ceiling != 4200*eval.MicroUSD {
		t.Errorf("gate of b: %+v", g)
	}
	if g := c.Gates.For("a"); *g.MinAcceptance != 0.8 || g.SLO != 0 || g.MinReliability != nil {
		t.Errorf("gate of a: %+v", g)
	}
	if g := (*config.Gates)(nil).For("a"); g != (config.Gate{}) {
		t.Errorf("gate of nothing: %+v", g)
	}
	if at := c.At("task_types.b.graders.labels[1]"); at != "infer.yaml:26:14" {
		t.Errorf("the graders of b are at %s", at)
	}
}

func TestResolvePrices(t *testing.T) {
	t.Parallel()
	rows, err := wholeProject(t).ResolvePrices()
	if err != nil {
		t.Fatal(err)
	}
	price := func(p eval.Price) *eval.Price { return &p }
	want := []eval.PriceRow{
		{Provider: "local", Model: "a", In: price(20_000), Out: price(60_000), Reasoning: price(10_000), Source: "s", AsOf: "2026-11-01", Example: true},
		{Provider: "sim", Model: "m", In: price(3_000_000), Out: price(4_000_000), CacheRead: price(500_000), ContextWindow: 8192, Source: "file", AsOf: "2026-01-01"},
	}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestResolveFiles reads files that the configuration names and that are wrong.
func TestResolveFiles(t *testing.T) {
	t.Parallel()
	const candidate = sim + "candidates: [{name: a, provider: sim, model: good, prompt: {examples: ex.jsonl}}]\nprices: {file: p.yaml}\n"
	resolve := map[string]func(*config.Config) error{
		"examples": func(c *config.Config) error { _, err := c.ResolveCandidates(); return err },
		"prices":   func(c *config.Config) error { _, err := c.ResolvePrices(); return err },
	}
	const row = "  - {provider: p, model: m, in: 1, out: 2, source: s, as_of: 2026-01-02}\n"
	for _, f := range []struct{ name, what, text, want string }{
		{"ex.jsonl", "examples", "", "ex.jsonl:2:1: not an example"},
		{"none", "examples", "", "ex.jsonl: no such file"},
		{"ex.jsonl", "examples", strings.Repeat("x", 9<<20), "larger than 8 MiB"},
		{"p.yaml", "prices", "models: [{provider: p}]", "p.yaml:1:10: models[0] needs model"},
		{"p.yaml", "prices", "file: q.yaml", "cannot name another one"},
		{"p.yaml", "prices", "models:\n" + row + row, "p.yaml:3:5: a second price of m at p"},
		{"none", "prices", "", "p.yaml: no such file"},
	} {
		text := f.text
		if text == "" {
			text = `{"input":"a","output":"b"}` + "\n" + `{"input":"a"}` + "\n"
		}
		c := load(t, map[string]string{"infer.yaml": candidate, f.name: text}, nil)
		err := resolve[f.what](c)
		if err == nil || !strings.Contains(err.Error(), f.want) || eval.KindOf(err) != eval.KindInvalid || eval.Hint(err) == "" {
			t.Errorf("%s: got %v, want %s", f.what, err, f.want)
		}
	}
	c := load(t, map[string]string{"p.yaml": row, "infer.yaml": "prices: {file: p.yaml}\n"}, nil)
	if rows, err := c.ResolvePrices(); err != nil || len(rows) != 1 {
		t.Errorf("a price file that is a list: %d rows, %v", len(rows), err)
	}
	if _, err := load(t, map[string]string{"infer.yaml": "name: x\n"}, nil).ResolveCandidates(); err == nil || eval.Hint(err) == "" {
		t.Errorf("no candidate: %v", err)
	}
}

// TestEndpoints checks who is called with whose key.
func TestEndpoints(t *testing.T) {
	t.Parallel()
	c := load(t, map[string]string{"infer.yaml": `providers:
  openai: {preset: openai}
  proxy: {preset: openai, base_url: "https://proxy.example/v1", api_key_env: PROXY_KEY}
  azure: {preset: azure, base_url: "https://x.openai.azure.com/openai/v1", api_key_file: key.txt}
  here: {base_url: "http://127.0.0.1:1/v1"}
  gate: {preset: litellm, base_url: "https://llm.example/v1"}
  claude: {type: anthropic}
  relay: {type: anthropic, base_url: "https://relay.example/v1"}
  google: {type: gemini}
  vertex: {type: gemini, base_url: "https://l-aiplatform.googleapis.com/v1/projects/p/locations/l/publishers/google", api_key_env: TOKEN, api_key_header: Authorization}
  sim: {type: simulate, models: {m: {}}}
`}, func(s *config.Sources) {
		s.Env = environment(map[string]string{"OPENAI_BASE_URL": "https://eu.example/v1", "GOOGLE_API_KEY": "k"})
	})
	for name, want := range map[string]config.Endpoint{
		"openai": {BaseURL: "https://eu.example/v1", Origin: "env OPENAI_BASE_URL", KeyEnv: "OPENAI_API_KEY"},
		"proxy":  {BaseURL: "https://proxy.example/v1", Origin: "infer.yaml:3", KeyEnv: "PROXY_KEY"},
		"azure":  {BaseURL: "https://x.openai.azure.com/openai/v1", Origin: "infer.yaml:4", KeyHeader: "api-key", KeyFile: c.Abs("key.txt")},
		"here":   {BaseURL: "http://127.0.0.1:1/v1", Origin: "infer.yaml:5"},
		"gate":   {BaseURL: "https://llm.example/v1", Origin: "infer.yaml:6", KeyEnv: "LITELLM_API_KEY"},
		"claude": {BaseURL: "https://api.anthropic.com/v1", Origin: "preset anthropic", KeyEnv: "ANTHROPIC_API_KEY"},
		"relay":  {BaseURL: "https://relay.example/v1", Origin: "infer.yaml:8"}, // Anthropic's key is not for a relay
		"google": {BaseURL: "https://generativelanguage.googleapis.com/v1beta", Origin: "preset gemini", KeyEnv: "GOOGLE_API_KEY"},
		"vertex": {BaseURL: "https://l-aiplatform.googleapis.com/v1/projects/p/locations/l/publishers/google", Origin: "infer.yaml:10", KeyEnv: "TOKEN", KeyHeader: "Authorization"},
	} {
		got, ok := c.Endpoint(name)
		if diff := cmp.Diff(want, got); !ok || diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
	d := load(t, map[string]string{"infer.yaml": "providers: {openai: {preset: openai}, anthropic: {type: anthropic}}\n",
		".env": "OPENAI_BASE_URL=https://evil.example/v1\nANTHROPIC_BASE_URL=https://evil.example/v1\n"}, nil)
	for name, home := range map[string]string{"openai": "https://api.openai.com/v1", "anthropic": "https://api.anthropic.com/v1"} {
		if e, _ := d.Endpoint(name); e.BaseURL != home {
			t.Errorf("a .env file sends the key to %s", e.BaseURL)
		}
	}
	for _, name := range []string{"sim", "nobody"} {
		if e, ok := c.Endpoint(name); ok {
			t.Errorf("%s has the endpoint %+v", name, e)
		}
	}
}

func TestNearest(t *testing.T) {
	t.Parallel()
	known := []string{"provider", "params", "prompt", "model", "é"}
	for word, want := range map[string]string{"providr": "provider", "PARAMS": "params", "promt": "prompt", "modle": "model", "mdl": "", "x": "", "É": "é", "timeout": "", "": "", "prrovidder": "provider", strings.Repeat("model", 50): ""} {
		if got := config.Nearest(word, known); got != want {
			t.Errorf("nearest to %.20q is %q, want %q", word, got, want)
		}
	}
}
