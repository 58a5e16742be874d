package config_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"infer/cmd/internal/config"
)

// TestRawJSON checks that YAML becomes JSON without a change of meaning.
func TestRawJSON(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ yaml, want string }{
		{"{a: no, b: on, c: NO, d: y}", `{"a":"no","b":"on","c":"NO","d":"y"}`},
		{"{a: true, b: False, c: 'true', d: ~}", `{"a":true,"b":false,"c":"true","d":null}`},
		{"{a: 0.10, b: 1e3, c: 12345678901234567890123, d: -0}", `{"a":0.10,"b":1e3,"c":12345678901234567890123,"d":-0}`},
		{"{a: 0x1F, b: 1_000, c: +5, d: .5}", `{"a":31,"b":1000,"c":5,"d":0.5}`},
		{"{a: '1e3', b: 2026-11-01, c: 12:30:00}", `{"a":"1e3","b":"2026-11-01","c":"12:30:00"}`},
		{"{1: a, true: b, '': c}", ""},
		{"{1: a, true: b}", `{"1":"a","true":"b"}`},
		{`{a: "\u00e9\n", b: [], c: {}}`, `{"a":"é\n","b":[],"c":{}}`},
		{"[&x {type: exact}, *x]", `[{"type":"exact"},{"type":"exact"}]`},
		{"exact", `"exact"`},
	} {
		t.Run(c.yaml, func(t *testing.T) {
			t.Parallel()
			f, err := config.Parse([]byte("graders: "+c.yaml), "infer.yaml")
			if c.want == "" {
				if err == nil {
					t.Errorf("got %s, want an error", f.Graders)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, string(f.Graders)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestJSONFile reads infer.json: the same settings, positions and strictness.
func TestJSONFile(t *testing.T) {
	t.Parallel()
	f, err := config.Parse([]byte("{\n\t\"name\": \"a\\/b \\ud83d\\ude00\",\n\t\"concurrency\": 8,\n\t\"graders\": {\"type\": \"number\", \"tolerance\": 1E-3, \"x\": [true, null, -0.50]}\n}\n"), "infer.json")
	if err != nil {
		t.Fatal(err)
	}
	if f.Name != "a/b 😀" || *f.Concurrency != 8 || string(f.Graders) != `{"type":"number","tolerance":1E-3,"x":[true,null,-0.50]}` {
		t.Errorf("got %q, %d, %s", f.Name, *f.Concurrency, f.Graders)
	}
	for _, c := range []struct{ text, want string }{
		{"{\"name\": \"x\",\n  \"naem\": 1}", `infer.json:2:3: unknown key "naem"`},
		{"{\"name\": \"x\",\n  \"name\": \"y\"}", "infer.json:2:3: name stands twice"},
		{"{\"é\": 1, \"name\": 5}", "infer.json:1:2: unknown key"},
		{"{\"name\": 5}", "infer.json:1:10: name: \"5\" is not a text"},
		{"{\"concurrency\": 1.5}", "infer.json:1:17: concurrency: \"1.5\" is not a whole number"},
		{"{\"name\": \"x\",}", "infer.json:1:14: not JSON: "},
		{"{\"name\": x}", "infer.json:1:10: not JSON: "},
		{"{\"name\": \"x\"", "infer.json:1:13: not JSON: "},
		{"{} {}", "infer.json:1:5: not JSON: something follows"},
		{"{\"graders\": " + strings.Repeat("[", 100000), "nested more than 40 levels"},
		{"[]", "infer.json:1:1: the file: a list is not"},
		{"// comment\n{}", "infer.json:1:1: not JSON: "},
	} {
		if _, err := config.Parse([]byte(c.text), "infer.json"); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.40s: got %v, want %s", c.text, err, c.want)
		}
	}
}
