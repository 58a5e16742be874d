//go:build unix

package command_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"infer/eval"
	"infer/eval/runner"
	"infer/providers"
	"infer/providers/command"
	"infer/providers/internal/wiretest"
)

var _ runner.Caller = (*command.Client)(nil)

func client(t testing.TB, cfg command.Config) *command.Client {
	t.Helper()
	cfg.Name = "app"
	if cfg.Dir == "" {
		cfg.Dir = t.TempDir()
	}
	cfg.Env = append(cfg.Env, "PATH="+os.Getenv("PATH"))
	c, err := command.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// sh answers each line with what the script prints for it; $line is the request.
func sh(script string) []string {
	return []string{"sh", "-c", `while IFS= read -r line; do ` + script + `; done`}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	dollars := eval.Money(420_000_000)
	backend := 120 * time.Millisecond
	for name, c := range map[string]struct {
		answer string
		want   eval.Response
	}{
		"text": {`{"output":"Florence"}`, eval.Response{Text: "Florence", Finish: eval.FinishStop, FinishRaw: "stop"}},
		"all": {`{"output":"x","finish":"length","model":"app-2","usage":{"in_fresh":9,"out_text":3},"cost_usd":0.00042,"backend_ms":120}`,
			eval.Response{Text: "x", Finish: eval.FinishLength, FinishRaw: "length", Model: "app-2", Backend: &backend, Usage: &eval.Usage{InFresh: 9, OutText: 3, ProviderCost: &dollars}}},
		"a cost without tokens": {`{"output":"x","cost_usd":0.00042}`, eval.Response{Text: "x", Finish: eval.FinishStop, FinishRaw: "stop", Usage: &eval.Usage{ProviderCost: &dollars}}},
		"calls, as OpenAI writes them": {`{"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}},{"name":"g","arguments":{}}],"finish":"tool_calls"}`,
			eval.Response{Finish: eval.FinishToolCalls, FinishRaw: "tool_calls", ToolCalls: []eval.ToolCall{{ID: "a", Name: "f", Arguments: json.RawMessage(`{"x":1}`)}, {Name: "g", Arguments: json.RawMessage(`{}`)}}}},
		"absurd usage is unknown": {`{"output":"x","usage":{"in_fresh":-9,"out_text":3}}`, eval.Response{Text: "x", Finish: eval.FinishStop, FinishRaw: "stop"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "answer.json")
			if err := os.WriteFile(file, []byte(c.answer+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			cl := client(t, command.Config{Command: sh("cat " + file)})
			for range 3 { // the same program answers again
				got := cl.Call(t.Context(), wiretest.Ask(false))
				if diff := cmp.Diff(c.want, got, cmpopts.IgnoreFields(eval.Response{}, "InFlight"), cmpopts.IgnoreFields(eval.Usage{}, "Raw")); diff != "" || got.InFlight <= 0 {
					t.Errorf("after %s (-want +got):\n%s", got.InFlight, diff)
				}
			}
		})
	}
}

// TestRequestLine: what the program is told, byte for byte.
func TestRequestLine(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cl := client(t, command.Config{Dir: dir, Command: []string{"sh", "-c", `cat > request.json; echo '{"id":1,"output":"ok"}'`}, PerCall: true})
	req := wiretest.Requests()["tools"]
	req.System, req.TaskID, req.TaskType, req.Repeat, req.Expected = "S", "t-1", "weather", 2, json.RawMessage(`"canary: the program must not see it"`)
	if got := cl.Call(t.Context(), &req); got.Failure != nil || got.Text != "ok" {
		t.Fatalf("%v", got.Failure)
	}
	b, err := os.ReadFile(filepath.Join(dir, "request.json"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(b), "canary") || strings.Count(string(b), "\n") != 1 {
		t.Errorf("request %s", b)
	}
	wiretest.Golden(t, "tools", b)
}

func TestFailures(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		command []string
		once    bool
		want    string
		words   string
	}{
		"its own rate limit":     {sh(`echo '{"error":{"message":"slow down","status":429,"retry_after_ms":7000}}'`), false, "rate_limit/ response RF not_billed", "slow down"},
		"its own error":          {sh(`echo '{"error":{"message":"database gone"}}'`), false, "provider_unavailable/in_stream response RF unknown", "database gone"},
		"a refused key":          {sh(`echo '{"error":{"message":"no","code":"invalid_api_key"}}'`), false, "auth_billing/credentials response S not_billed", ""},
		"refusal":                {sh(`echo '{"refusal":"I will not"}'`), false, "model_refusal/refusal response  billed", ""},
		"empty":                  {sh(`echo '{"output":""}'`), false, "model_output_invalid/empty response R1F billed", ""},
		"nothing in it":          {sh(`echo '{}'`), false, "provider_unavailable/malformed_response response RF unknown", "neither"},
		"not JSON":               {sh(`echo Traceback`), false, "provider_unavailable/malformed_response response RF unknown", "not a JSON object"},
		"another's answer":       {sh(`echo '{"id":77,"output":"x"}'`), false, "provider_unavailable/malformed_response response RF unknown", "another request"},
		"ends":                   {[]string{"sh", "-c", "read line; echo boom >&2; exit 3"}, false, "provider_unavailable/process first_byte RF unknown", "exit status 3: boom"},
		"ends in peace":          {[]string{"sh", "-c", "read line"}, false, "provider_unavailable/process first_byte RF unknown", "per_call"},
		"killed":                 {[]string{"sh", "-c", "read line; kill -9 $$"}, false, "provider_unavailable/process first_byte RF unknown", "killed"},
		"answers, then fails":    {[]string{"sh", "-c", `read line; echo '{"output":"x"}'; exit 4`}, true, "provider_unavailable/process first_byte RF unknown", "exit status 4"},
		"answers twice":          {[]string{"sh", "-c", `read line; echo '{"output":"x"}'; echo '{"output":"y"}'`}, true, "provider_unavailable/malformed_response first_byte RF unknown", "second line"},
		"closes its output":      {[]string{"sh", "-c", "exec >&-; sleep 0.1; exit 5"}, false, "provider_unavailable/process first_byte RF unknown", "exit status 5"},
		"control characters":     {[]string{"sh", "-c", `read line; printf '\033]52;c;x\007' >&2; exit 1`}, false, "provider_unavailable/process first_byte RF unknown", "exit status 1"},
		"a flood on its stderr":  {[]string{"sh", "-c", `read line; head -c 9000000 /dev/zero | tr '\0' x >&2; echo; echo last words >&2; exit 1`}, false, "provider_unavailable/process first_byte RF unknown", "last words"},
		"a line that never ends": {[]string{"sh", "-c", `read line; exec head -c 40000000 /dev/zero`}, false, "model_output_invalid/too_large first_byte  unknown", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := client(t, command.Config{Command: c.command, PerCall: c.once}).Call(t.Context(), wiretest.Ask(false))
			f := got.Failure
			if d := wiretest.Decision(f); d != c.want || !strings.Contains(f.Message.Raw(), c.words) || len(f.Message) > 2100 {
				t.Errorf("%s (%v), want %s with %q", d, f, c.want, c.words)
			}
			if strings.Contains(f.Error(), "\x1b") {
				t.Errorf("an escape in %q", f.Error())
			}
			if c.words == "slow down" && (f.RetryAfter == nil || *f.RetryAfter != 7*time.Second) {
				t.Errorf("wait %v", f.RetryAfter)
			}
		})
	}
}

// TestStarted: a program that is not there is known before anything is run.
func TestStarted(t *testing.T) {
	t.Parallel()
	for _, c := range [][]string{nil, {""}, {"no-such-program-anywhere"}, {"./not-here"}} {
		if _, err := command.New(command.Config{Name: "app", Command: c}); eval.KindOf(err) != eval.KindInvalid || eval.Hint(err) == "" {
			t.Errorf("%q: %v", c, err)
		}
	}
}

// TestKilledWhole: a call that is cut off or runs out of time ends the program and
// what it has started; the next call gets a new one.
func TestKilledWhole(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		cancel bool
		want   string
	}{
		"out of time": {false, "timeout/ttft first_byte R1F unknown"},
		"cut off":     {true, "caller_cancelled/ first_byte  unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			cl := client(t, command.Config{Dir: dir, Command: sh(`case "$line" in *Florence*) sleep 60 & echo $! > child; wait;; *) echo '{"output":"again"}';; esac`)})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			req := wiretest.Ask(false)
			if c.cancel {
				time.AfterFunc(300*time.Millisecond, cancel)
			} else {
				req.Limits.Timeout = 300 * time.Millisecond
			}
			got := cl.Call(ctx, req)
			if d := wiretest.Decision(got.Failure); d != c.want || got.InFlight < 200*time.Millisecond || got.InFlight > 10*time.Second {
				t.Errorf("%s after %s (%v), want %s", d, got.InFlight, got.Failure, c.want)
			}
			gone(t, filepath.Join(dir, "child"))
			next := cl.Call(t.Context(), &eval.Request{Model: "m", Messages: []eval.Message{eval.TextMessage("user", "Rome?")}})
			if next.Failure != nil || next.Text != "again" {
				t.Errorf("the next call: %v", next.Failure)
			}
		})
	}
}

// gone waits until the process whose number a file holds has ended.
func gone(t *testing.T, file string) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Sscan(string(b), &pid); err != nil {
		t.Fatal(err)
	}
	for range 200 {
		if err := syscall.Kill(pid, 0); err != nil || zombie(pid) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("process %d, which the program had started, runs on", pid)
}

func zombie(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && strings.Contains(string(b), ") Z ")
}

// TestSideBySide: as many programs run as there are calls in flight, each answers
// its own request, and they are used again.
func TestSideBySide(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cl := client(t, command.Config{Dir: dir, Command: []string{"sh", "-c", `echo >> started; while IFS= read -r line; do id=${line#*\"id\":}; id=${id%%,*}; echo "{\"id\":$id,\"output\":\"$id\"}"; done`}})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 25 {
				if got := cl.Call(t.Context(), wiretest.Ask(false)); got.Failure != nil {
					t.Errorf("%v", got.Failure)
				}
			}
		})
	}
	wg.Wait()
	b, err := os.ReadFile(filepath.Join(dir, "started"))
	if err != nil || len(b) < 1 || len(b) > 4 {
		t.Errorf("%d programs were started for 4 calls at once: %v", len(b), err)
	}
}

// TestEnvironment: the program sees what the user names and nothing else, and no
// secret of these is kept.
func TestEnvironment(t *testing.T) {
	t.Setenv("INFER_TEST_UNNAMED", "canary-unnamed")
	cl := client(t, command.Config{Env: []string{"APP_TOKEN=canary-0123456789"}, Secrets: []providers.Key{providers.NewKey("canary-0123456789")},
		Command: sh(`echo "{\"output\":\"token $APP_TOKEN unnamed $INFER_TEST_UNNAMED.\"}"`)})
	if got := cl.Call(t.Context(), wiretest.Ask(false)); got.Failure != nil || got.Text != "token [redacted] unnamed ." {
		t.Errorf("text %q: %v", got.Text, got.Failure)
	}
	failing := client(t, command.Config{Env: []string{"APP_TOKEN=canary-0123456789"}, Secrets: []providers.Key{providers.NewKey("canary-0123456789")},
		Command: []string{"sh", "-c", `echo "bad token $APP_TOKEN" >&2; exit 1`}})
	if f := failing.Call(t.Context(), wiretest.Ask(false)).Failure; f == nil || strings.Contains(f.Error(), "canary") || !strings.Contains(f.Error(), "bad token [redacted]") {
		t.Errorf("failure %v", f)
	}
}

func BenchmarkCall(b *testing.B) {
	cl := client(b, command.Config{Dir: b.TempDir(), Command: sh(`echo '{"output":"x"}'`)})
	req := wiretest.Ask(false)
	for b.Loop() {
		if r := cl.Call(b.Context(), req); r.Failure != nil {
			b.Fatal(r.Failure)
		}
	}
}
