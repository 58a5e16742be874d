package datasets_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"infer/datasets"
	"infer/eval"
)

// FuzzReader reads any bytes as a dataset. It must not panic; places only ever go
// forward and columns lie within their lines; what is a task keeps its line byte by
// byte, so that its digest can be checked; and a mapping onto the same names reads
// the same tasks.
func FuzzReader(f *testing.F) {
	for _, seed := range []string{
		`{"id":"a","input":"1","expected":{"x":[1,2]},"recorded":{"latency_ms":1.5}}` + "\n" + `{"input":[{"role":"user","content":[{"type":"text","text":"t"}]}]}`,
		"\ufeff{\"input\":\"x\"}\r\n\r\n{", "\xff\xfe{\x00", `{"input":"\ud83d\ude00\ud800"}`, `{"input":"x","input":"y"}`, `{"INPUT":"x","input":"y","Id":1}`,
		`{"a":{"b":{"b":1},"b":2},"input":"x"}`, `[1]`, "{\"input\":\"\x00\"}", `{"input":"x","recorded":{"retry_count":1e999}}`, "null\n1\ntrue\n\"x\"", `{"input":"x"}}`,
	} {
		f.Add([]byte(seed))
	}
	path := filepath.Join(f.TempDir(), "d.jsonl")
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		plain := readAll(t, path, text, datasets.Options{MaxLine: 1 << 16})
		mapped := readAll(t, path, text, datasets.Options{MaxLine: 1 << 16, Fields: map[string]string{"input": "input", "id": "id"}})
		if len(plain) != len(mapped) {
			t.Fatalf("%d tasks, %d under a mapping that changes nothing", len(plain), len(mapped))
		}
		for i := range plain {
			if plain[i].ID != mapped[i].ID || plain[i].Digest != mapped[i].Digest || plain[i].Line != mapped[i].Line {
				t.Errorf("task %d is %s at line %d, under a mapping that changes nothing %s at line %d", i, plain[i].ID, plain[i].Line, mapped[i].ID, mapped[i].Line)
			}
		}
	})
}

func readAll(t *testing.T, path string, text []byte, o datasets.Options) []*eval.Task {
	t.Helper()
	s, err := datasets.Open(context.Background(), []string{path}, o)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.Split(bytes.TrimPrefix(text, []byte("\ufeff")), []byte("\n"))
	last, tasks := 0, []*eval.Task(nil)
	at := func(line int) []byte {
		if line <= last || line > len(lines) {
			t.Fatalf("line %d of %d after line %d", line, len(lines), last)
		}
		last = line
		return bytes.TrimSuffix(lines[line-1], []byte("\r"))
	}
	for task, err := range s.Tasks(context.Background()) {
		var le *datasets.LineError
		switch {
		case errors.As(err, &le):
			if line := at(le.Line); le.Column < 0 || le.Column > len(line)+1 || le.Msg == "" || le.Hint == "" {
				t.Fatalf("column %d of %d: %q, hint %q", le.Column, len(line), le.Msg, le.Hint)
			}
		case err != nil:
			if eval.KindOf(err) != eval.KindInvalid {
				t.Fatalf("the file cannot be read: %v", err)
			}
			return tasks
		default:
			line := at(task.Line)
			if !bytes.Equal(task.Raw, line) || task.Digest != eval.DigestOf(line) || task.Seq != len(tasks) || !json.Valid(line) {
				t.Fatalf("task %d keeps %q of the line %q", task.Seq, task.Raw, line)
			}
			if task.ID == "" || task.Type == "" || len(task.Messages) == 0 {
				t.Fatalf("a task without an id, type or message: %+v", task)
			}
			tasks = append(tasks, task)
		}
	}
	return tasks
}
