package datasets_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"infer/datasets"
	"infer/eval"
)

// write writes files into a folder of the test and returns the folder.
func write(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// open opens a dataset that must be there.
func open(t testing.TB, o datasets.Options, paths ...string) *datasets.Source {
	t.Helper()
	s, err := datasets.Open(context.Background(), paths, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// read returns the tasks, and what else came as text, with the base names of
// files.
func read(s *datasets.Source) (tasks []*eval.Task, problems []string) {
	for t, err := range s.Tasks(context.Background()) {
		if err != nil {
			problems = append(problems, short(err))
			continue
		}
		tasks = append(tasks, t)
	}
	return tasks, problems
}

func short(err error) string {
	var le *datasets.LineError
	if errors.As(err, &le) {
		copied := *le
		copied.File = filepath.Base(le.File)
		return copied.Error()
	}
	return err.Error()
}

// TestLines reads one bad line each: where it is said to be wrong, and that the
// good lines around it are read all the same.
func TestLines(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", 501) + strings.Repeat("]", 501)
	for name, c := range map[string]struct{ line, want string }{
		"trailing comma":        {`{"input":"x",}`, "14: not valid JSON: invalid character '}' looking for beginning of object key string"},
		"not JSON":              {`hello`, "1: not valid JSON: invalid character 'h' looking for beginning of value"},
		"two values":            {`{"input":"x"} {"input":"y"}`, "15: not valid JSON: invalid character '{' after top-level value"},
		"cut off in a string":   {`{"input":"x`, "11: the line ends in the middle of its JSON"},
		"cut off in an object":  {`{"input":"x","tags":["a"]`, "25: the line ends in the middle of its JSON"},
		"cut off in an escape":  {`{"input":"x\`, "12: the line ends in the middle of its JSON"},
		"closed too often":      {`{"input":"x"}}`, "14: not valid JSON: invalid character '}' after top-level value"},
		"a list":                {`[1,2]`, "1: a JSON list, not a task"},
		"a text":                {`"input"`, "1: the line is not a JSON object"},
		"a number":              {`12`, "1: the line is not a JSON object"},
		"NaN":                   {`{"input":"x","expected":NaN}`, "25: not valid JSON: invalid character 'N' looking for beginning of value"},
		"invalid UTF-8":         {"{\"input\":\"a\xffb\"}", "12: not valid UTF-8"},
		"cut off UTF-8":         {"{\"input\":\"\xe2\x82\"}", "11: not valid UTF-8"},
		"raw C1 byte":           {"{\"input\":\"\x9b2J\"}", "11: not valid UTF-8"},
		"NUL between":           {"{\"input\":\x00\"x\"}", "10: a NUL byte"},
		"NUL in a string":       {"{\"input\":\"a\x00b\"}", "12: a NUL byte"},
		"lone high surrogate":   {`{"input":"\ud800"}`, "11: half of a UTF-16 surrogate pair"},
		"lone low surrogate":    {`{"input":"ab\udc00"}`, "13: half of a UTF-16 surrogate pair"},
		"pair in disorder":      {`{"input":"\udc00\ud800"}`, "11: half of a UTF-16 surrogate pair"},
		"field twice":           {`{"input":"x","id":"1","input":"y"}`, `23: the field "input" stands twice`},
		"field twice, escaped":  {`{"input":"x","\u0069nput":"y"}`, `14: the field "input" stands twice`},
		"field twice, deep":     {`{"input":"x","expected":{"a":[{"b":1,"b":2}]}}`, `38: the field "b" stands twice`},
		"nested too deep":       {`{"input":"x","expected":` + deep + `}`, "524: nested deeper than 500"},
		"no input":              {`{"id":"a"}`, "no input"},
		"null input":            {`{"input":null}`, "no input"},
		"empty input":           {`{"input":" \n"}`, "10: input is empty"},
		"input is a number":     {`{"id":"a","input":3}`, "19: input is neither a text nor a list of messages"},
		"no messages":           {`{"input": []}`, "11: input has no message that a model could answer"},
		"system alone":          {`{"input":[{"role":"system","content":"x"}]}`, "10: input has no message that a model could answer"},
		"no role":               {`{"input":[{"content":"x"}]}`, "10: input: a message without a role"},
		"a message is a number": {`{"input":["a",1]}`, "10: input: a text, want an object"},
		"unknown part":          {`{"input":[{"role":"user","content":[{"type":"smell"}]}]}`, `10: input: content part type "smell" is not one of text, image, file, video_frame`},
		"empty image":           {`{"input":[{"role":"user","content":[{"type":"image"}]}]}`, "10: input: a image part needs path, url or data"},
		"id is a list":          {`{"input":"x","id":[1]}`, "19: id is neither text nor a number"},
		"type is a number":      {`{"input":"x","task_type": 3}`, "27: task_type is a number, want a text"},
		"tags are a text":       {`{"input":"x","tags":"a"}`, "21: tags is a text, want a list"},
		"a tag is a number":     {`{"input":"x","tags":["a",1]}`, "21: tags is a number, want a text"},
		"flag is a text":        {`{"input":"x","recorded":{"model":"m","accepted_result":"yes"}}`, "56: recorded.accepted_result is a text, want true or false"},
		"number too large":      {`{"input":"x","recorded":{"latency_ms":1e999}}`, "39: recorded.latency_ms is 1e999, want a number of at most 64 bits"},
		"count with a fraction": {`{"input":"x","recorded":{"retry_count":1.5}}`, "40: recorded.retry_count is 1.5, want a whole number"},
		"recorded is a list":    {`{"input":"x","recorded":[]}`, "25: recorded is a list, want an object"},
		"params are a list":     {`{"input":"x","params":[]}`, "23: params is a list, want an object"},
		"escape in a type":      {`{"input":"x","\u001b]52;c;x\u0007":1,"\u001b]52;c;x\u0007":1}`, `38: the field "␛]52;c;x␇" stands twice`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := write(t, map[string]string{"d.jsonl": `{"id":"before","input":"x"}` + "\n" + c.line + "\n" + `{"id":"after","input":"y"}` + "\n"})
			tasks, problems := read(open(t, datasets.Options{}, filepath.Join(dir, "d.jsonl")))
			want := "d.jsonl:2:" + c.want
			if !strings.Contains("0123456789", c.want[:1]) {
				want = "d.jsonl:2: " + c.want
			}
			if diff := cmp.Diff([]string{want}, problems); diff != "" {
				t.Error(diff)
			}
			if len(tasks) != 2 || tasks[0].ID != "before" || tasks[1].ID != "after" || tasks[1].Seq != 1 || tasks[1].Line != 3 {
				t.Errorf("the good lines were read as %v", tasks)
			}
		})
	}
}

// TestGoodLines reads lines that are odd, but tasks.
func TestGoodLines(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		line  string
		check func(*eval.Task) bool
	}{
		"no id":              {`{"input":"x"}`, func(t *eval.Task) bool { return t.ID == t.Digest.Short() && t.Type == "default" }},
		"id is a number":     {`{"id":12345678901234567890,"input":"x"}`, func(t *eval.Task) bool { return t.ID == "12345678901234567890" }},
		"id is null":         {`{"id":null,"input":"x"}`, func(t *eval.Task) bool { return t.ID == t.Digest.Short() }},
		"expected is null":   {`{"input":"x","expected":null}`, func(t *eval.Task) bool { return t.Expected == nil }},
		"expected is 0":      {`{"input":"x","expected":0}`, func(t *eval.Task) bool { return string(t.Expected) == "0" }},
		"expected is exact":  {`{"input":"x","expected":9007199254740993}`, func(t *eval.Task) bool { return string(t.Expected) == "9007199254740993" }},
		"white space":        {" \t {\"input\":\"x\"} \t", func(t *eval.Task) bool { return t.Messages[0].Text() == "x" }},
		"surrogate pair":     {`{"input":"\ud83d\ude00"}`, func(t *eval.Task) bool { return t.Messages[0].Text() == "😀" }},
		"escaped backslash":  {`{"input":"\\ud800"}`, func(t *eval.Task) bool { return t.Messages[0].Text() == `\ud800` }},
		"same key elsewhere": {`{"input":"x","expected":[{"a":1},{"a":2}]}`, func(t *eval.Task) bool { return t.Expected != nil }},
		"depth 500":          {`{"input":"x","expected":` + strings.Repeat("[", 499) + strings.Repeat("]", 499) + `}`, func(t *eval.Task) bool { return t.Expected != nil }},
		"fields kept":        {`{"input":"x","meta":{"a":1},"z":null}`, func(t *eval.Task) bool { return string(t.Extra["meta"]) == `{"a":1}` && len(t.Extra) == 2 }},
		"another case": {`{"input":"x","INPUT":"y","Expected":"z","ID":7}`, func(t *eval.Task) bool {
			return t.Messages[0].Text() == "x" && t.Expected == nil && t.ID == t.Digest.Short() && string(t.Extra["INPUT"]) == `"y"` && len(t.Extra) == 3
		}},
		"messages": {`{"system":"s","input":[{"role":"system","content":"t"},{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"data:,"}}]},{"role":"assistant","content":null,"tool_calls":[{"id":"1","function":{"name":"f","arguments":"{\"x\":1}"}}]},{"role":"tool","tool_call_id":"1","content":"r"}]}`, func(t *eval.Task) bool {
			return t.System == "s\n\nt" && len(t.Messages) == 3 && t.Messages[0].Parts[1].Type == eval.PartImage &&
				string(t.Messages[1].ToolCalls[0].Arguments) == `{"x":1}` && t.InputType() == eval.InputMixed
		}},
		"everything": {`{"id":"i","task_type":"t","group":"g","input":"x","params":{"max_tokens":3},"tools":[],"response_format":{},"expected":{"a":1},"graders":["exact"],"tags":["a"],"recorded":{"model":"m","output":"o","latency_ms":1.5,"retry_count":1,"fallback_used":false,"final_cost_usd":0.0042}}`, func(t *eval.Task) bool {
			n, ok := t.Params.MaxTokens()
			return t.ID == "i" && t.Type == "t" && t.Cluster() == "g" && ok && n == 3 && string(t.Tools) == "[]" && len(t.Graders) == 1 && len(t.Tags) == 1 &&
				*t.Recorded.LatencyMS == 1.5 && t.Recorded.HumanFix == nil && t.Recorded.FinalCostUSD.String() == "0.0042"
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := write(t, map[string]string{"d.jsonl": c.line})
			tasks, problems := read(open(t, datasets.Options{}, filepath.Join(dir, "d.jsonl")))
			if len(problems) > 0 || len(tasks) != 1 {
				t.Fatalf("%d tasks, problems %q", len(tasks), problems)
			}
			if !c.check(tasks[0]) {
				t.Errorf("read as %+v", tasks[0])
			}
			if string(tasks[0].Raw) != c.line || tasks[0].Digest != eval.DigestOf([]byte(c.line)) {
				t.Errorf("the line was not kept: %q", tasks[0].Raw)
			}
		})
	}
}

// TestFiles reads files that are odd as a whole.
func TestFiles(t *testing.T) {
	t.Parallel()
	const a, b = `{"id":"a","input":"1"}`, `{"id":"b","input":"2"}`
	for name, c := range map[string]struct{ file, text, ids, problem string }{
		"plain":              {"d.jsonl", a + "\n" + b + "\n", "a1 b2", ""},
		"no last line end":   {"d.jsonl", a + "\n" + b, "a1 b2", ""},
		"Windows line ends":  {"d.jsonl", a + "\r\n" + b + "\r\n", "a1 b2", ""},
		"byte order mark":    {"d.jsonl", "\ufeff" + a + "\n" + b, "a1 b2", ""},
		"blank lines":        {"d.jsonl", "\n \t\n" + a + "\n\r\n\n" + b + "\n\n", "a3 b6", ""},
		"UTF-16":             {"d.jsonl", "\xff\xfe{\x00", "", "d.jsonl is UTF-16"},
		"UTF-16, big endian": {"d.jsonl", "\xfe\xff\x00{", "", "d.jsonl is UTF-16"},
		"gzip":               {"d.jsonl.gz", gz(a + "\n" + b), "a1 b2", ""},
		"gzip in two parts":  {"d.jsonl.gz", gz(a+"\n") + gz(b), "a1 b2", ""},
		"zstd":               {"d.jsonl.zst", zst(a + "\n" + b), "a1 b2", ""},
		"not gzip":           {"d.jsonl.gz", a, "", "d.jsonl.gz: not a gzip file: gzip: invalid header"},
		"not zstd":           {"d.jsonl.zst", a, "", "magic number mismatch"},
		"gzip cut off":       {"d.jsonl.gz", gz(a + "\n" + b)[:45], "a1", "d.jsonl.gz: line 2: unexpected EOF"},
		"gzip damaged":       {"d.jsonl.gz", spoil(gz(a + "\n" + b)), "a1", "d.jsonl.gz: line 2: gzip: invalid checksum"},
		"empty gzip":         {"d.jsonl.gz", gz(""), "", ""},
		"empty":              {"d.jsonl", "", "", ""},
		"line too long":      {"d.jsonl", a + "\n{\"input\":\"" + strings.Repeat("x", 3<<20) + "\"}\n" + b, "a1 b3", "d.jsonl:2: the line is longer than 1 MiB"},
		"last line too long": {"d.jsonl", a + "\n" + strings.Repeat("x", 3<<20), "a1", "d.jsonl:2: the line is longer than 1 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := write(t, map[string]string{c.file: c.text})
			var ids []string
			var problems []string
			for task, err := range open(t, datasets.Options{MaxLine: 1 << 20}, filepath.Join(dir, c.file)).Tasks(context.Background()) {
				if err != nil {
					problems = append(problems, strings.ReplaceAll(short(err), dir+string(filepath.Separator), ""))
					continue
				}
				ids = append(ids, fmt.Sprint(task.ID, task.Line))
			}
			if got := strings.Join(ids, " "); got != c.ids {
				t.Errorf("tasks %q, want %q", got, c.ids)
			}
			if got := strings.Join(problems, "; "); c.problem == "" && got != "" || !strings.Contains(got, c.problem) {
				t.Errorf("problems %q, want %q", got, c.problem)
			}
		})
	}
}

func gz(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := io.WriteString(w, text)
	if err = errors.Join(err, w.Close()); err != nil {
		panic(err)
	}
	return b.String()
}

func zst(text string) string {
	w, err := zstd.NewWriter(nil)
	if err != nil {
		panic(err)
	}
	return string(w.EncodeAll([]byte(text), nil))
}

// spoil changes the checksum at a gzip file's end.
func spoil(packed string) string {
	b := []byte(packed)
	b[len(b)-8] ^= 1
	return string(b)
}

// TestBombs unpacks files that are nothing but repetition: reading them stops with
// an error once they have shown what they are.
func TestBombs(t *testing.T) {
	t.Parallel()
	zeros := make([]byte, 1<<20)
	for _, ext := range []string{".gz", ".zst"} {
		t.Run(ext, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "bomb.jsonl"+ext)
			f, err := os.Create(path)
			if err != nil {
				t.Fatal(err)
			}
			var w io.WriteCloser = gzip.NewWriter(f)
			if ext == ".zst" {
				if w, err = zstd.NewWriter(f, zstd.WithEncoderLevel(zstd.SpeedFastest)); err != nil {
					t.Fatal(err)
				}
			}
			for range 96 {
				if _, err := w.Write(zeros); err != nil {
					t.Fatal(err)
				}
			}
			if err := errors.Join(w.Close(), f.Close()); err != nil {
				t.Fatal(err)
			}
			_, problems := read(open(t, datasets.Options{}, path))
			last := problems[len(problems)-1]
			if !strings.Contains(last, "unpacks to more than 1000 times its size") {
				t.Errorf("it was read to its end: %s", last)
			}
		})
	}
}

// TestFolder reads the files of a folder in the order of their names, and nothing
// else that lies there.
func TestFolder(t *testing.T) {
	t.Parallel()
	line := func(id string) string { return `{"id":"` + id + `","input":"x"}` + "\n" }
	dir := write(t, map[string]string{"b.jsonl": line("b"), "a.jsonl.gz": gz(line("a")), "c.ndjson": line("c"), "d.jsonl.zst": zst(line("d")),
		"notes.txt": "x", "e.json": line("no"), ".hidden.jsonl": line("no"), "left-out.jsonl": line("no"), "sub/f.jsonl": line("no")})
	if err := os.Symlink(filepath.Join(dir, "b.jsonl"), filepath.Join(dir, "link.jsonl")); err != nil {
		t.Fatal(err)
	}
	s := open(t, datasets.Options{Exclude: []string{"left-out.jsonl"}}, dir)
	for range 2 { // it can be read again
		tasks, problems := read(s)
		var got []string
		for _, task := range tasks {
			got = append(got, fmt.Sprintf("%s %d %s:%d", task.ID, task.Seq, filepath.Base(task.File), task.Line))
		}
		want := []string{"a 0 a.jsonl.gz:1", "b 1 b.jsonl:1", "c 2 c.ndjson:1", "d 3 d.jsonl.zst:1"}
		if diff := cmp.Diff(want, got); diff != "" || len(problems) > 0 {
			t.Errorf("%s%q", diff, problems)
		}
	}
	if s.Name() != filepath.Base(dir) {
		t.Errorf("its name is %q", s.Name())
	}
}

// TestOpen names what cannot be opened, each with a hint, as invalid.
func TestOpen(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{"empty/readme.txt": ""})
	for name, c := range map[string]struct {
		paths []string
		want  string
	}{
		"nothing":      {nil, "no dataset named"},
		"missing":      {[]string{filepath.Join(dir, "none.jsonl")}, "no such file"},
		"empty folder": {[]string{filepath.Join(dir, "empty")}, "holds no tasks"},
		"a device":     {[]string{os.DevNull}, "not a regular file"},
		"no stdin":     {[]string{"-"}, "no standard input"},
	} {
		_, err := datasets.Open(context.Background(), c.paths, datasets.Options{})
		if err == nil || !strings.Contains(err.Error(), c.want) || eval.KindOf(err) != eval.KindInvalid || eval.Hint(err) == "" {
			t.Errorf("%s: %v (hint %q)", name, err, eval.Hint(err))
		}
	}
}

// TestStdin spools standard input, so that it can be read twice, and removes what
// it spooled.
func TestStdin(t *testing.T) {
	t.Parallel()
	s, err := datasets.Open(context.Background(), []string{"-"}, datasets.Options{Stdin: strings.NewReader(`{"id":"a","input":"1"}` + "\nx\n")})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		tasks, problems := read(s)
		if len(tasks) != 1 || tasks[0].File != "stdin" || len(problems) != 1 || !strings.HasPrefix(problems[0], "stdin:2:1: ") {
			t.Errorf("%v %q", tasks, problems)
		}
	}
	if s.Name() != "stdin" {
		t.Errorf("its name is %q", s.Name())
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("closed again: %v", err)
	}
}

// TestCancel stops reading when the context ends.
func TestCancel(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{"d.jsonl": strings.Repeat(`{"input":"x"}`+"\n", 5000)})
	ctx, cancel := context.WithCancelCause(context.Background())
	cause := errors.New("enough")
	cancel(cause)
	n := 0
	var last error
	for _, err := range open(t, datasets.Options{}, filepath.Join(dir, "d.jsonl")).Tasks(ctx) {
		n, last = n+1, err
	}
	if !errors.Is(last, cause) || n > 1100 {
		t.Errorf("after %d lines: %v", n, last)
	}
}

// TestMemory reads a stream of twenty thousand tasks: the memory in use does not
// grow with what was read. It runs alone, since it measures.
func TestMemory(t *testing.T) { //nolint:paralleltest // what others allocate would count
	path := filepath.Join(t.TempDir(), "large.jsonl")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	const lines = 20_000
	filler := strings.Repeat("lorem ipsum ", 80)
	for i := range lines {
		if _, err := fmt.Fprintf(f, `{"id":"t%d","input":"%s"}`+"\n", i, filler); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	var start, now runtime.MemStats
	n, most := 0, uint64(0)
	for _, err := range open(t, datasets.Options{}, path).Tasks(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 1000 {
			runtime.GC()
			runtime.ReadMemStats(&start)
		} else if n%5000 == 0 {
			runtime.GC()
			runtime.ReadMemStats(&now)
			if now.HeapAlloc > start.HeapAlloc {
				most = max(most, now.HeapAlloc-start.HeapAlloc)
			}
		}
	}
	if n != lines {
		t.Errorf("%d tasks", n)
	}
	if most > 4<<20 { // the file has 20 MB
		t.Errorf("%d MB more in use than after a thousand lines", most>>20)
	}
}
