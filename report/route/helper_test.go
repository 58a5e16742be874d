package route_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"infer/eval"
	"infer/report/route"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares with a file of testdata, or writes it.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (run with -update)", err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("%s differs (-want +got):\n%s", path, d)
	}
}

func f(v float64) *float64 { return &v }

// shop is a table as a small shop might have it: a cheap default with a backup, a
// high-risk type that needs a person's word, and one with a larger model for long
// inputs.
func shop() *route.Routes {
	at := time.Date(2026, 11, 24, 10, 30, 0, 0, time.UTC)
	classes := []eval.Class{eval.ClassRateLimit, eval.ClassTimeout, eval.ClassUnavailable, eval.ClassNetwork}
	retry := route.Retry{Max: 2, BackupMax: 1, On: classes, BaseDelayMS: 500, MaxDelayMS: 8000}
	return &route.Routes{
		Schema: route.Schema, Name: "shop",
		Evidence: route.Evidence{Run: "r0123456789", Grading: 1, Dataset: "tasks", DatasetDigest: "00112233445566778899aabbccddeeff", Tasks: 196, At: &at,
			PricesAsOf: "2026-11-01", Expires: "2027-02-22"},
		Models: []route.Model{
			{Name: "large", Provider: "anthropic", API: route.APIAnthropic, Model: "model-large", KeyEnv: "ANTHROPIC_API_KEY"},
			{Name: "local", Provider: "llama", API: route.APIOpenAI, Model: "smollm2-135m-instruct", BaseURL: "http://127.0.0.1:8101/v1"},
			{Name: "small", Provider: "openai", API: route.APIOpenAI, Model: "model-small", KeyEnv: "OPENAI_API_KEY"},
		},
		Routes: []route.Route{
			{TaskType: "permission", Class: eval.HighRisk, Default: "large", Confirm: true, ConfirmBackup: "small", NoBackup: "a person must agree first",
				StopAfterBackup: true, Retry: retry, TimeoutMS: 60_000, Review: "a person reads every answer",
				Evidence: route.RouteEvidence{Verdict: eval.Selected, N: 40, Clusters: 40, Acceptance: &route.Interval{Point: f(0.95), Lo: f(0.835), Hi: f(0.986)}}},
			{TaskType: "summarize", Class: eval.LowRisk, Default: "small", Backup: "local", On: classes, ContextBackup: "large", StopAfterBackup: true, Retry: retry,
				TimeoutMS: 30_000, FirstTokenMS: 10_000, PromptDigest: "6f1f2b8c0d9e4a35b7c1d2e3f4a5b6c7",
				Params: route.Params{"temperature": json.RawMessage("0.2"), "max_tokens": json.RawMessage("300"), "stop": json.RawMessage(`["\n\n"]`)}},
			{TaskType: "triage", Class: eval.LowRisk, Default: "local", Backup: "small", On: classes, StopAfterBackup: true, Retry: retry, TimeoutMS: 20_000,
				Evidence: route.RouteEvidence{Verdict: eval.SelectedTie, N: 120, Clusters: 60, Acceptance: &route.Interval{Point: f(0.9), Lo: f(0.81), Hi: f(0.95)},
					CostPerAccepted: &route.Interval{Point: f(0.0004), Lo: f(0.0003), Hi: f(0.0005)}, BackupRescue: &route.Interval{Point: f(0.5), Lo: f(0.25), Hi: f(0.75)}}},
		},
		Undecided: []route.Undecided{{TaskType: "title", Reason: "insufficient evidence: about 140 more tasks"}},
	}
}

// public is a table whose models are all at a service that OpenRouter and
// Cloudflare can call.
func public() *route.Routes {
	r := shop()
	r.Models = []route.Model{
		{Name: "large", Provider: "openrouter", API: route.APIOpenAI, Model: "maker/model-large", BaseURL: "https://openrouter.ai/api/v1", KeyEnv: "OPENROUTER_API_KEY"},
		{Name: "local", Provider: "openrouter", API: route.APIOpenAI, Model: "other/model-tiny", BaseURL: "https://openrouter.ai/api/v1", KeyEnv: "OPENROUTER_API_KEY"},
		{Name: "small", Provider: "openrouter", API: route.APIOpenAI, Model: "maker/model-small", BaseURL: "https://openrouter.ai/api/v1", KeyEnv: "OPENROUTER_API_KEY"},
	}
	return r
}

// tableFor is the fixture that a format can express.
func tableFor(format string) *route.Routes {
	if format == route.FormatOpenRouter || format == route.FormatCloudflare {
		return public()
	}
	return shop()
}

// hostile are names that some parser somewhere takes for more than a name.
var hostile = []string{`"`, `'`, `"""`, "'''", "a\nb", "a\r\nb", "\t", "- a", "a: b", "#x", "x #y", "{{ .Env }}", "{% x %}", "${HOME}", "$(id)", "`id`", "%s", "\\", "\\n", "\\u0041",
	"[table]", "[[x]]", "key = 1", "a.b", "a/b", "a/b/c", "~", "null", "true", "no", "1e3", "0x1f", "2026-01-01", "!!binary x", "&a", "*", "a*", "? x", "| x", "> x", "%YAML 1.2", "---", "...", "@x", "",
	"é", "日本語", "👩‍👩‍👧", "\u202etxt", "\u2028", "\u0085", "\u009b31m", "\x1b[2J", "\x7f", "\ufeff", "\uffff", "\ufffe", "\U000e0041", "os.environ/SECRET", "env::SECRET", "env.SECRET", "../../x", "-rf", "con",
	"</script>", "a--backup", "infer/x", "x (2)", "end", "default", "\"}}", "']", "\"]", "x\"\n[functions.y]", "x\\", " x ", "ok"}

// name draws a name that is hostile more often than not.
func name() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		s := rapid.SampledFrom(hostile).Draw(t, "hostile")
		switch rapid.IntRange(0, 3).Draw(t, "how") {
		case 0:
			s += rapid.StringN(0, 12, -1).Draw(t, "any")
		case 1:
			s = rapid.SampledFrom(hostile).Draw(t, "first") + s
		}
		clean := []rune{}
		for _, r := range s {
			if r != 0 && r != 0xfffd {
				clean = append(clean, r)
			}
		}
		if len(clean) == 0 {
			return "x"
		}
		return string(clean)
	})
}
