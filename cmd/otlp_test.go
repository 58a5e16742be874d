package cmd_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// TestCollector sends the spans of a run to a collector: each once, at its path, with
// the headers that the environment gives.
func TestCollector(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	spans, requests := 0, 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil || !json.Valid(b) || r.URL.Path != "/v1/traces" || r.Header.Get("X-Team") != "a b" || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %v %v", r.URL.Path, r.Header, err)
		}
		mu.Lock()
		defer mu.Unlock()
		spans += strings.Count(string(b), `"spanId"`)
		requests++
	}))
	defer srv.Close()
	dir := t.TempDir()
	var tasks strings.Builder
	for i := range 600 {
		fmt.Fprintf(&tasks, "{\"input\":\"Say %d\",\"expected\":\"A\"}\n", i)
	}
	writeFiles(t, dir, map[string]string{"tasks.jsonl": tasks.String(), "infer.yaml": "dataset: tasks.jsonl\nproviders: {sim: {type: simulate, models: {m: {accuracy: 1}}}}\ncandidates: [{name: m, provider: sim, model: m}]\n"})
	cmd := program(t, dir, "eval", ".", "-q", "--otlp", srv.URL)
	cmd.Env = append(cmd.Env, "OTEL_EXPORTER_OTLP_HEADERS=x-team=a%20b")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if spans != 1201 || requests < 2 {
		t.Errorf("%d spans in %d requests, want 1201 in some", spans, requests)
	}
}
