package datasets_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"infer/datasets"
	"infer/eval"
)

// TestFields reads foreign lines by a mapping.
func TestFields(t *testing.T) {
	t.Parallel()
	fields := map[string]string{"id": "meta.ref", "input": "prompt", "expected": "gold", "task_type": "a.b", "recorded.latency_ms": "t.total", "recorded.model": "served"}
	for name, c := range map[string]struct {
		line  string
		check func(*eval.Task) bool
	}{
		"all": {`{"meta":{"ref":7,"who":"x"},"prompt":"p","gold":4,"a":{"b":"sum"},"t":{"total":12.5},"served":"m","left":true}`, func(t *eval.Task) bool {
			return t.ID == "7" && t.Messages[0].Text() == "p" && string(t.Expected) == "4" && t.Type == "sum" && *t.Recorded.LatencyMS == 12.5 && t.Recorded.Model == "m" &&
				string(t.Extra["left"]) == "true" && t.Extra["prompt"] == nil && string(t.Extra["meta"]) == `{"ref":7,"who":"x"}`
		}},
		"what is missing is left out": {`{"prompt":"p","meta":3,"t":{}}`, func(t *eval.Task) bool {
			return t.ID == t.Digest.Short() && t.Type == "default" && t.Expected == nil && t.Recorded == nil
		}},
		"a field of that name is another": {`{"prompt":"p","expected":"not this","id":"nor this"}`, func(t *eval.Task) bool {
			return t.Expected == nil && t.ID == t.Digest.Short()
		}},
		"what is there already is laid under": {`{"prompt":"p","recorded":{"model":"old","retry_count":2},"served":"new"}`, func(t *eval.Task) bool {
			return t.Recorded.Model == "new" && *t.Recorded.RetryCount == 2
		}},
		"a key with a dot": {`{"prompt":"p","a.b":"dotted","a":{"b":"nested"}}`, func(t *eval.Task) bool { return t.Type == "dotted" }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := write(t, map[string]string{"d.jsonl": c.line})
			tasks, problems := read(open(t, datasets.Options{Fields: fields}, filepath.Join(dir, "d.jsonl")))
			if len(problems) > 0 || len(tasks) != 1 {
				t.Fatalf("%d tasks, problems %q", len(tasks), problems)
			}
			if !c.check(tasks[0]) {
				t.Errorf("read as %+v, recorded %+v", tasks[0], tasks[0].Recorded)
			}
			if string(tasks[0].Raw) != c.line {
				t.Errorf("the line was not kept: %q", tasks[0].Raw)
			}
		})
	}
}

// TestFieldPositions finds the place in the line as it is written, not as it was
// mapped.
func TestFieldPositions(t *testing.T) {
	t.Parallel()
	fields := map[string]string{"input": "q.text", "task_type": "kind", "recorded.latency_ms": "t.total"}
	for line, want := range map[string]string{
		`{"q":{"lang":"en","text": 3}}`:                   "d.jsonl:1:27: input is neither a text nor a list of messages",
		`{"q":{"text":"x"},"kind":[1]}`:                   "d.jsonl:1:26: task_type is a list, want a text",
		`{"t":{"total":"long"},"q":{"text":"x"}}`:         "d.jsonl:1:15: recorded.latency_ms is a text, want a number of at most 64 bits",
		`{"q":{"text":"x"},"recorded":{"model":[1]}}`:     "d.jsonl:1:39: recorded.model is a list, want a text",
		`{"q":{"txt":"x"}}`:                               "d.jsonl:1: no input",
		`{"q":{"text":"x"},"recorded":3,"t":{"total":1}}`: "d.jsonl:1:30: recorded: a number, want an object",
	} {
		dir := write(t, map[string]string{"d.jsonl": line})
		_, problems := read(open(t, datasets.Options{Fields: fields}, filepath.Join(dir, "d.jsonl")))
		if diff := cmp.Diff([]string{want}, problems); diff != "" {
			t.Errorf("%s: %s", line, diff)
		}
	}
}

// TestCheckFields refuses mappings that could not work.
func TestCheckFields(t *testing.T) {
	t.Parallel()
	for target, want := range map[string]string{"inptu": `"inptu" is not a field of a task`, "input.text": `"input.text" is not a field of a task`, "input": "maps to nothing", "": `"" is not`} {
		path := "x"
		if target == "input" {
			path = ""
		}
		err := datasets.CheckFields(map[string]string{target: path})
		if err == nil || !strings.Contains(err.Error(), want) || eval.KindOf(err) != eval.KindInvalid {
			t.Errorf("%s: %v", target, err)
		}
	}
	if err := datasets.CheckFields(map[string]string{"input": "a.b", "recorded.model": "m"}); err != nil {
		t.Error(err)
	}
	if err := datasets.CheckFields(nil); err != nil {
		t.Error(err)
	}
}

// TestParseLine reads a line by itself as a file of it would be read.
func TestParseLine(t *testing.T) {
	t.Parallel()
	task, err := datasets.ParseLine([]byte(`{"q":"x"}`), map[string]string{"input": "q"})
	if err != nil || task.Messages[0].Text() != "x" {
		t.Errorf("%v, %v", task, err)
	}
	if _, err := datasets.ParseLine([]byte(`{"q":1}`), map[string]string{"input": "q"}); err == nil {
		t.Error("a number passes for an input")
	}
}
