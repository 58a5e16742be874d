package drill_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"infer/cmd/internal/drill"
	"infer/eval"
	"infer/report/route"
)

// TestMain is also the gateway that TestLaunch starts.
func TestMain(m *testing.M) {
	if len(os.Args) > 3 && os.Args[1] == "gateway" {
		os.Exit(serve(os.Args[2], os.Args[3]))
	}
	os.Exit(m.Run())
}

// serve is a gateway that reads LiteLLM's file, falls back on every error and
// retries nothing. It fails unless its environment holds no more than it should.
func serve(config, port string) int {
	for _, name := range []string{"OPENAI_API_KEY", "INFER_TEST_SECRET"} {
		if os.Getenv(name) != "" {
			return 3
		}
	}
	b, err := os.ReadFile(config)
	if err != nil || os.Getenv("ONE_KEY") != "drill" {
		return 4
	}
	var file struct {
		Models []struct {
			Alias  string         `yaml:"model_name"`
			Params map[string]any `yaml:"litellm_params"`
		} `yaml:"model_list"`
	}
	if yaml.Unmarshal(b, &file) != nil {
		return 6
	}
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body map[string]any
		if json.NewDecoder(r.Body).Decode(&body) != nil {
			return
		}
		alias := fmt.Sprint(body["model"])
		for _, try := range []string{alias, strings.Replace(alias, "infer/", "infer-backup/", 1)} {
			for _, m := range file.Models {
				if m.Alias != try {
					continue
				}
				body["model"] = strings.TrimPrefix(fmt.Sprint(m.Params["model"]), "openai/")
				out, _ := json.Marshal(body)
				res, err := http.Post(fmt.Sprint(m.Params["api_base"])+"/chat/completions", "application/json", bytes.NewReader(out))
				if err != nil {
					continue
				}
				answer, _ := io.ReadAll(res.Body)
				_ = res.Body.Close()
				if res.StatusCode == 200 {
					w.Header().Set("x-litellm-version", "0.0.1")
					w.Header().Set("Content-Type", res.Header.Get("Content-Type"))
					_, _ = w.Write(answer)
					return
				}
			}
		}
		http.Error(w, "all failed", http.StatusBadGateway)
	})
	l, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		return 5
	}
	_ = http.Serve(l, h)
	return 0
}

// TestLaunch starts a gateway, drills it, and leaves nothing behind.
func TestLaunch(t *testing.T) {
	t.Parallel()
	r := table()
	r.Models[0].KeyEnv = "ONE_KEY"
	file, losses, err := route.Encode(r, route.FormatLiteLLM)
	if err != nil {
		t.Fatal(err)
	}
	g, err := drill.Open(drill.Options{Routes: r, Timeout: 400 * time.Millisecond, Types: []string{"backed", "plain"}, Cases: []string{"healthy", "server_500", "parameter", "both_down"}})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	redirected, changes, err := route.Redirect(file, route.FormatLiteLLM, g.Detour())
	if err != nil || len(changes) == 0 {
		t.Fatal(err)
	}
	port, err := drill.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	run, err := drill.Start(context.Background(), drill.Launch{Command: []string{self, "gateway", "{config}", "{port}"}, Format: route.FormatLiteLLM, Keys: r.KeyNames(), Wait: 30 * time.Second}, redirected, port)
	if err != nil {
		t.Fatal(err)
	}
	w := drill.NewGateway(route.FormatLiteLLM, run.Base, run.Key, nil)
	d := &route.Drill{Losses: losses}
	if err := g.Run(context.Background(), w, d); err != nil {
		t.Error(err)
	}
	if w.Version() != "0.0.1" {
		t.Errorf("version %q", w.Version())
	}
	want := map[string]string{
		"backed healthy": "as_ruled", "backed server_500": "stricter BROKEN", "backed parameter": "more_permissive", "backed both_down": "stricter BROKEN",
		"plain healthy": "as_ruled", "plain server_500": "as_ruled", "plain parameter": "as_ruled", "plain both_down": "as_ruled",
	}
	for _, c := range d.Cases {
		got := string(c.Verdict)
		if c.Broken {
			got += " BROKEN"
		}
		if got != want[c.TaskType+" "+c.Case] {
			t.Errorf("%s %s: %s: %+v %v", c.TaskType, c.Case, got, c.Observed, c.Notes)
		}
	}
	if len(d.Cases) != len(want) {
		t.Errorf("%d cases", len(d.Cases))
	}
	run.Stop()
	if c, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", port), time.Second); err == nil {
		_ = c.Close()
		t.Error("the gateway still listens")
	}
}

// TestLaunchFails says why a gateway did not start, and cleans up.
func TestLaunchFails(t *testing.T) {
	t.Parallel()
	for _, l := range []drill.Launch{
		{Command: []string{filepath.Join(t.TempDir(), "nothing")}},
		{Command: []string{"sh", "-c", "echo broken pipe dream; exit 1", "{port}"}, Path: os.Getenv("PATH")},
		{Command: []string{"sh", "-c", "sleep 60"}, Path: os.Getenv("PATH"), Wait: 300 * time.Millisecond},
	} {
		l.Format = route.FormatLiteLLM
		if l.Wait == 0 {
			l.Wait = 10 * time.Second
		}
		start := time.Now()
		_, err := drill.Start(context.Background(), l, []byte("x"), 1)
		if err == nil || eval.Hint(err) == "" {
			t.Errorf("%v: %v", l.Command, err)
		}
		if strings.Contains(fmt.Sprint(l.Command), "dream") && !strings.Contains(err.Error(), "broken pipe dream") {
			t.Errorf("what it printed is not told: %v", err)
		}
		if time.Since(start) > 20*time.Second {
			t.Errorf("%v took %s", l.Command, time.Since(start))
		}
	}
}

// TestRealGateways drills the gateways that are installed, each with a file that
// was just exported: no case may break a rule that its file can express.
func TestRealGateways(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes a minute")
	}
	for _, gw := range []struct {
		format, env string
		command     []string
		cases       []string
	}{
		{route.FormatLiteLLM, "INFER_DRILL_LITELLM", []string{"litellm", "--config", "{config}", "--host", "{host}", "--port", "{port}"}, nil},
		// Portkey 1.15.2 answers every stream with a 500, so its streams are left out.
		{route.FormatPortkey, "INFER_DRILL_PORTKEY", nil, []string{"healthy", "rate_limit", "balance", "server_500", "server_529", "timeout", "reset", "parameter", "context_overflow", "both_down"}},
		{route.FormatTensorZero, "INFER_DRILL_TENSORZERO", nil, nil},
	} {
		t.Run(gw.format, func(t *testing.T) {
			t.Parallel()
			if c := os.Getenv(gw.env); c != "" {
				gw.command = strings.Fields(c)
			}
			if len(gw.command) == 0 {
				t.Skipf("not installed: set %s to the command that starts it, with {config} and {port}", gw.env)
			}
			path, err := exec.LookPath(gw.command[0])
			if err != nil {
				t.Skipf("not installed: %v", err)
			}
			gw.command[0] = path
			drillReal(t, gw.format, gw.command, gw.cases)
		})
	}
}

func drillReal(t *testing.T, format string, command, cases []string) {
	r := table()
	file, losses, err := route.Encode(r, format)
	if err != nil {
		t.Fatal(err)
	}
	g, err := drill.Open(drill.Options{Routes: r, Timeout: time.Second, Types: []string{"backed", "long"}, Cases: cases})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	redirected, _, err := route.Redirect(file, format, g.Detour())
	if err != nil {
		t.Fatal(err)
	}
	port, err := drill.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	run, err := drill.Start(context.Background(), drill.Launch{Command: command, Format: format, Path: os.Getenv("PATH"), Wait: 2 * time.Minute}, redirected, port)
	if err != nil {
		t.Fatal(err)
	}
	defer run.Stop()
	d := &route.Drill{Losses: losses}
	if err := g.Run(context.Background(), drill.NewGateway(format, run.Base, run.Key, redirected), d); err != nil {
		t.Fatal(err)
	}
	for _, c := range d.Cases {
		if c.Broken {
			t.Errorf("%s %s: %s %+v, the rule says %+v: %v", c.TaskType, c.Case, c.Verdict, c.Observed, c.Expected, c.Notes)
		}
	}
}
