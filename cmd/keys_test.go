package cmd_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"infer/eval/store"
)

// TestKeyNowhere lets a server echo the key that it is sent in every way that it can
// (in answers, errors, headers and usage; plain, encoded and broken over lines), and
// looks for it in everything that is written: the store and every text in it, the
// recording, the log with requests and answers, the spans and every report.
func TestKeyNowhere(t *testing.T) {
	t.Parallel()
	const key = "sk-canary-Zq7x0123456789abcdefXYZ"
	forms := []string{key, base64.StdEncoding.EncodeToString([]byte(key)), url.QueryEscape("k=" + key), key[:12] + "\\n" + key[12:], "Bearer " + key}
	n := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+key {
			t.Errorf("the server was sent %q", r.Header.Get("Authorization"))
		}
		form := forms[n/2%len(forms)]
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("X-Request-Id", "req-"+key)
		h.Set("X-Ratelimit-Limit-Requests", key)
		if n++; n%2 == 0 {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = fmt.Fprintf(w, `{"error":{"message":"bad key %[1]s","type":"%[1]s","code":"%[1]s"}}`, form)
			return
		}
		_, _ = fmt.Fprintf(w, `{"model":"m %[1]s","service_tier":"%[2]s","choices":[{"index":0,"message":{"role":"assistant","content":"yes %[1]s"},"finish_reason":"stop %[2]s"}],"usage":{"prompt_tokens":10,"completion_tokens":1,"note":"%[1]s"}}`, form, key)
	}))
	t.Cleanup(srv.Close)
	dir := t.TempDir()
	var lines strings.Builder
	for i := range 2 * len(forms) {
		fmt.Fprintf(&lines, "{\"id\":\"t%d\",\"input\":\"Task %d\",\"expected\":\"no\"}\n", i, i)
	}
	yaml := fmt.Sprintf("dataset: tasks.jsonl\nconcurrency: 1\nproviders: {p: {base_url: \"%s/v1\", api_key_env: CANARY}}\ncandidates: [{name: m, provider: p, model: m, stream: false, retries: {max: 0}}]\n", srv.URL)
	writeFiles(t, dir, map[string]string{"tasks.jsonl": lines.String(), "infer.yaml": yaml})
	said := func(args ...string) {
		cmd := program(t, dir, args...)
		cmd.Env = append(cmd.Env, "CANARY="+key)
		out, _ := cmd.CombinedOutput() // half of the tasks end in errors: the exit code says so
		if err := os.WriteFile(filepath.Join(dir, "said "+strings.ReplaceAll(strings.Join(args, " "), "/", "_")), out, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	said("eval", ".", "--store", "k.db", "--record", "tape.jsonl", "--debug", "--log-level", "debug", "--otlp", "spans.json")
	for _, format := range []string{"table", "md", "csv", "json", "jsonl", "html", "junit", "github", "gitlab", "otlp"} {
		said("report", "--store", "k.db", "--format", format)
	}
	said("runs", "show", "latest", "--store", "k.db")
	for i := range 2 * len(forms) {
		said("runs", "show", "latest", "--store", "k.db", "--task", fmt.Sprint("t", i), "--json")
	}
	said("config", "--json")
	if n != 2*len(forms) {
		t.Fatalf("%d calls, want %d", n, 2*len(forms))
	}
	shown := storeTexts(t, filepath.Join(dir, "k.db"))
	if !strings.Contains(shown, "[redacted]") {
		t.Error("nothing was redacted: the server echoed nothing, or the store kept nothing")
	}
	look := func(where string, b []byte) {
		flat := bytes.ReplaceAll(bytes.ReplaceAll(b, []byte(`\n`), nil), []byte("\n"), nil)
		for _, form := range []string{key, key[4:], forms[1], url.QueryEscape(key)} {
			if bytes.Contains(b, []byte(form)) || bytes.Contains(flat, []byte(form)) {
				t.Errorf("%s holds the key as %q", where, form)
			}
		}
	}
	look("a text of the store", []byte(shown))
	files := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		look(d.Name(), b)
		files++
		return err
	})
	if err != nil || files < 25 {
		t.Errorf("looked at %d files: %v", files, err)
	}
}

// storeTexts is everything that the store keeps of its trials.
func storeTexts(t *testing.T, db string) string {
	t.Helper()
	s, run := newestRun(t, db)
	defer s.Close() //nolint:errcheck // opened for reading only
	var b strings.Builder
	for trial, err := range s.Trials(context.Background(), run.ID, store.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		for i := range trial.Attempts {
			a := &trial.Attempts[i]
			fmt.Fprintf(&b, "%+v\n", *a)
			if a.Failure != nil {
				fmt.Fprintf(&b, "%+v\n", *a.Failure)
			}
			if a.Usage != nil {
				fmt.Fprintf(&b, "%+v %s\n", *a.Usage, a.Usage.Raw)
			}
			b.WriteString(a.Output.Raw() + "\n")
		}
	}
	return b.String()
}
