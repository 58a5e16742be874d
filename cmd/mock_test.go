package cmd_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// TestMock starts the fault-injecting server as the program does, evaluates
// against it, asks what it saw, and ends it as Ctrl-C would.
func TestMock(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeFiles(t, dir, map[string]string{"tasks.jsonl": `{"id":"a","input":"[[answer:a]] 1","expected":"a"}` + "\n"})
	cmd := program(t, dir, "mock", "--addr", "127.0.0.1:0", "--model", "good:acc=1", "--model", "flaky:acc=1,429=1,calls=1")
	errs, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	defer func() { _ = cmd.Process.Kill() }()
	line, err := bufio.NewReader(errs).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	base, ok := strings.CutPrefix(strings.Fields(line)[1], "http://")
	if !ok || !strings.HasPrefix(base, "127.0.0.1:") {
		t.Fatalf("it says %q", line)
	}
	out := string(run(t, dir, "eval", "tasks.jsonl", "-m", "http://"+base+"/good", "-m", "http://"+base+"/flaky", "--format", "csv"))
	for _, want := range []string{",*,good,1,1,1,", ",*,flaky,1,1,1,"} {
		if !strings.Contains(out, want) {
			t.Errorf("the report lacks %q:\n%s", want, out)
		}
	}
	resp, err := http.Get("http://" + strings.TrimSuffix(base, "/v1") + "/stats")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end
	var stats struct {
		ByModel map[string]map[string]int `json:"by_model"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&stats); err != nil {
		t.Fatal(err)
	}
	if stats.ByModel["good"]["200"] != 1 || stats.ByModel["flaky"]["429"] != 1 || stats.ByModel["flaky"]["200"] != 1 {
		t.Errorf("it saw %v", stats.ByModel)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("it ended with %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("it did not end")
	}
}
