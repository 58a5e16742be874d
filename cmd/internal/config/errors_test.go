package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"infer/cmd/internal/config"
	"infer/eval"
)

const sim = "providers: {sim: {type: simulate, models: {good: {}, bad: {}}}}\n"

// mistakes are files with one mistake each.
func mistakes() []struct{ name, text string } {
	return []struct{ name, text string }{
		{"empty", ""},
		{"tab", "name: x\n\tstore: y\n"},
		{"unclosed", "name: [a, b\nstore: y\n"},
		{"not UTF-8", "name: x\nstore: caf\xe9\n"},
		{"two documents", "name: x\n---\nname: y\n"},
		{"list", "- name: x\n"},
		{"unknown key", "name: x\nconcurency: 4\n"},
		{"unknown key far from all", "name: x\nfoo: 4\n"},
		{"unknown nested key", "candidates:\n  - name: a\n    modle: b\n"},
		{"key twice", "name: x\nstore: y\nname: z\n"},
		{"key twice in a table", "fields:\n  input: a\n  input: b\n"},
		{"key twice in graders", "graders: {type: exact, type: exact}\n"},
		{"no value", "name: x\nstore:\n"},
		{"merge key", "providers:\n  a: &a {base_url: \"http://127.0.0.1/v1\"}\n  b:\n    <<: *a\n"},
		{"tag", "name: !!binary aGVsbG8=\n"},
		{"custom tag", "graders: !exec {cmd: rm}\n"},
		{"complex key", "fields: {? [a] : b}\n"},
		{"unknown anchor", "name: *nobody\n"},
		{"alias to itself", "graders: &a [*a]\n"},
		{"judge of a taken name", "providers: {a: {base_url: \"http://127.0.0.1/v1\"}}\ncandidates:\n  - {name: x, provider: a, model: m}\njudges:\n  - {name: x, provider: a, model: n}\n"},
		{"judge of an unknown provider", "judges:\n  - {name: x, provider: opnai, model: m}\n"},
		{"judge without a model", "judges:\n  - {name: x, provider: openai}\n"},
		{"embedder of another wire", "providers: {a: {type: simulate}}\nembedder: {provider: a, model: m}\n"},
		{"not a number", "concurrency: many\n"},
		{"octal", "concurrency: 010\n"},
		{"octal in JSON", "defaults: {params: {seed: 007}}\n"},
		{"infinity in JSON", "defaults: {params: {temperature: .inf}}\n"},
		{"text that is a number", "name: 1e3\n"},
		{"not a duration", "defaults: {timeout: 60}\n"},
		{"unknown class", "defaults:\n  retries: {on: [rate_limit, timout]}\n"},
		{"unknown preset", "providers: {a: {preset: openruter}}\n"},
		{"api_key", "providers:\n  a:\n    preset: openai\n    api_key: sk-abcdefghijklmnopqrstuvwx\n"},
		{"key instead of variable", "providers:\n  a: {preset: openai, api_key_env: sk-abcdefghijklmnopqrstuvwx}\n"},
		{"short key instead of variable", "providers:\n  a: {preset: openai, api_key_env: hunter-2}\n"},
		{"key in a header", "providers:\n  a:\n    preset: openai\n    headers: {Authorization: Bearer abc}\n"},
		{"key in a plain header", "providers:\n  a:\n    preset: openai\n    headers: {X-Info: Bearer abcdefghijklmnopqrstuvwx}\n"},
		{"key in params", "defaults: {params: {api_key: abc}}\n"},
		{"key at the top", "api-key: abc\n"},
		{"key in a URL", "providers: {a: {base_url: \"https://user:hunter2@h/v1\"}}\n"},
		{"key in a query", "providers: {a: {base_url: \"https://h/v1?key=hunter2\"}}\n"},
		{"command of a project", "providers: {a: {preset: openai, api_key_cmd: [pass, show, openai]}}\n"},
		{"plain text", "providers: {a: {base_url: \"http://example.com/v1\", api_key_env: A}}\n"},
		{"key of another host", "providers: {a: {preset: openai, base_url: \"https://example.com/v1\"}}\n"},
		{"two keys", "providers: {a: {preset: openai, api_key_env: A, api_key_file: b}}\n"},
		{"no base URL", "providers: {a: {}}\n"},
		{"no base URL for preset", "providers: {a: {preset: azure}}\n"},
		{"not a URL", "providers: {a: {base_url: \"127.0.0.1:8101\"}}\n"},
		{"bad header", "providers: {a: {preset: openai, headers: {\"X Y\": z}}}\n"},
		{"misplaced", "providers: {a: {base_url: \"http://127.0.0.1/v1\", cassette: x}}\n"},
		{"misplaced preset", "providers: {a: {type: anthropic, preset: openai}}\n"},
		{"misplaced api", "providers: {a: {type: gemini, api: responses}}\n"},
		{"unknown api", "providers: {a: {preset: openai, api: respones}}\n"},
		{"bad key header", "providers: {a: {preset: openai, api_key_header: \"X Key\"}}\n"},
		{"plain text to another wire", "providers: {a: {type: anthropic, base_url: \"http://example.com/v1\", api_key_env: A}}\n"},
		{"key in a query of another wire", "providers: {a: {type: gemini, base_url: \"https://h/v1beta?key=hunter2\"}}\n"},
		{"key in another wire's header", "providers: {a: {type: gemini, headers: {x-goog-api-key: hunter2}}}\n"},
		{"misplaced region", "providers: {a: {preset: openai, region: us-east-1}}\n"},
		{"plain text to Bedrock", "providers: {a: {type: bedrock, base_url: \"http://example.com\", api_key_env: A}}\n"},
		{"no template", "providers: {a: {type: http, base_url: \"http://127.0.0.1:1/a\", response: {text: a}}}\n"},
		{"no path", "providers:\n  a: {type: http, base_url: \"http://127.0.0.1:1/a\", request: {q: \"{{input}}\"}, response: {model: m}}\n"},
		{"unknown path", "providers: {a: {type: http, base_url: \"http://127.0.0.1:1/a\", request: {q: \"{{input}}\"}, response: {txt: m}}}\n"},
		{"unknown placeholder", "providers: {a: {type: http, base_url: \"http://127.0.0.1:1/a\", request: {q: \"{{inptu}}\"}, response: {text: m}}}\n"},
		{"key in a template", "providers: {a: {type: http, base_url: \"http://127.0.0.1:1/a\", request: {api_key: hunter2}, response: {text: m}}}\n"},
		{"no command", "providers: {a: {type: command}}\n"},
		{"value in env", "providers: {a: {type: command, command: x, env: [\"TOKEN=hunter2\"]}}\n"},
		{"no cassette", "providers: {a: {type: replay}}\n"},
		{"unknown fault", "providers: {a: {type: simulate, models: {m: {faults: {hangs: 0.1}}}}}\n"},
		{"faults add up", "providers: {a: {type: simulate, models: {m: {faults: {hang: 0.8, cut: 0.8}}}}}\n"},
		{"provider name", "providers: {a/b: {base_url: \"http://h/v1\"}}\n"},
		{"unknown provider", sim + "candidates:\n  - {name: a, provider: smi, model: good}\n"},
		{"unknown simulated model", sim + "candidates:\n  - {name: a, provider: sim, model: god}\n"},
		{"no model", sim + "candidates:\n  - {name: a, provider: sim}\n"},
		{"same name", sim + "candidates:\n  - {name: a, provider: sim, model: good}\n  - {name: a, provider: sim, model: bad}\n"},
		{"name with control", sim + "candidates: [{name: \"a\\e[31m\", provider: sim, model: good}]\n"},
		{"template", sim + "candidates:\n  - name: a\n    provider: sim\n    model: good\n    prompt: {template: \"hello {input}\"}\n"},
		{"examples per type", sim + "candidates: [{name: a, provider: sim, model: good, prompt: {examples_per_type: 3}}]\n"},
		{"policy with model", sim + "candidates:\n  - {name: a, provider: sim, model: good}\n  - {name: p, model: good, policy: {default: a}}\n"},
		{"policy unknown", sim + "candidates:\n  - {name: alpha, provider: sim, model: good}\n  - {name: p, policy: {default: alhpa}}\n"},
		{"policy of policy", sim + "candidates:\n  - {name: a, provider: sim, model: good}\n  - {name: p, policy: {default: a}}\n  - {name: q, policy: {default: p}}\n"},
		{"policy same", sim + "candidates:\n  - {name: a, provider: sim, model: good}\n  - {name: p, policy: {default: a, backup: a}}\n"},
		{"delays", "defaults: {retries: {base_delay: 3s, max_delay: 1s}}\n"},
		{"incumbent", sim + "incumbent: b\ncandidates: [{name: alpha, provider: sim, model: good}]\n"},
		{"repair of nothing", "task_types: {a: {repair: {minutes: 2, hourly_rate_usd: 40}}}\n"},
		{"margin", "task_types: {a: {margin: 5}}\n"},
		{"price twice", "prices:\n  - {provider: p, model: m, in: 1, out: 2, source: s, as_of: 2026-01-02}\n  - {provider: p, model: m, in: 3, out: 2, source: s, as_of: 2026-01-02}\n"},
		{"price too fine", "prices:\n  - {provider: p, model: m, in: 0.0000001, out: 2, source: s, as_of: 2026-01-02}\n"},
		{"price of misspelt provider", sim + "prices:\n  - {provider: sin, model: m, in: 1, out: 2, source: s, as_of: 2026-01-02}\n"},
		{"price date", "prices:\n  - {provider: p, model: m, in: 1, out: 2, source: s, as_of: 2026-13-02}\n"},
		{"price without date", "prices:\n  - {provider: p, model: m, in: 1, out: 2, source: s}\n"},
		{"gate candidate", sim + "gates: {candidates: [b]}\ncandidates: [{name: alpha, provider: sim, model: good}]\n"},
	}
}

// TestErrors shows every message: one line that begins with the position, and a
// hint.
func TestErrors(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	for _, m := range mistakes() {
		_, err := try(t, map[string]string{"infer.yaml": m.text}, nil)
		if err == nil {
			t.Errorf("%s: no error", m.name)
			continue
		}
		if eval.KindOf(err) != eval.KindInvalid || eval.Hint(err) == "" {
			t.Errorf("%s: kind %v, hint %q", m.name, eval.KindOf(err), eval.Hint(err))
		}
		msg := err.Error()
		if !strings.HasPrefix(msg, "infer.yaml:") || strings.ContainsAny(msg+eval.Hint(err), "\n\x1b") {
			t.Errorf("%s: not one line with a position: %q", m.name, msg)
		}
		for _, secret := range []string{"abcdefghijkl", "hunter"} {
			if strings.Contains(msg+eval.Hint(err), secret) {
				t.Errorf("%s: the message shows the secret: %s", m.name, msg)
			}
		}
		fmt.Fprintf(&out, "%s\n  %s\n  try: %s\n", m.name, msg, eval.Hint(err))
	}
	golden(t, "errors.golden", out.String())
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// TestHostileFiles reads files made to exhaust the reader.
func TestHostileFiles(t *testing.T) {
	t.Parallel()
	bomb := "defaults:\n  params:\n    a: &a [x, x, x, x, x, x, x, x, x]\n"
	for c := 'b'; c <= 'i'; c++ {
		bomb += fmt.Sprintf("    %c: &%c [*%c, *%c, *%c, *%c, *%c, *%c, *%c, *%c, *%c]\n", c, c, c-1, c-1, c-1, c-1, c-1, c-1, c-1, c-1, c-1)
	}
	for _, h := range []struct{ name, text, want string }{
		{"aliases", bomb, "more than 100000 values"},
		{"deep flow", "graders: " + strings.Repeat("[", 20000) + strings.Repeat("]", 20000), "not YAML"},
		{"deep list", "graders: " + strings.Repeat("[", 60) + strings.Repeat("]", 60), "nested more than 40 levels"},
		{"deep settings", "defaults: {params: {a: " + strings.Repeat("{a: ", 60) + "1" + strings.Repeat("}", 60) + "}}", "nested more than 40 levels"},
		{"large", "name: x #" + strings.Repeat("x", 1<<20), "larger than 1 MiB"},
		{"many values", "graders: [" + strings.Repeat("1,", 110_000) + "1]", "more than 100000 values"},
		{"UTF-16", "\xff\xfen\x00:\x00 \x00x\x00", "not UTF-8"},
		{"NUL", "name: \"a\x00b\"", "not YAML"},
	} {
		t.Run(h.name, func(t *testing.T) {
			t.Parallel()
			_, err := config.Parse([]byte(h.text), "infer.yaml")
			if err == nil || !strings.Contains(err.Error(), h.want) || !strings.HasPrefix(err.Error(), "infer.yaml:") {
				t.Errorf("got %v, want %q", err, h.want)
			}
		})
	}
}
