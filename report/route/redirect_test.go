package route_test

import (
	"strings"
	"testing"

	"infer/eval"
	"infer/report/route"
)

// TestRedirect leaves nothing in a file that would reach a provider: neither what
// was exported nor what somebody added by hand.
func TestRedirect(t *testing.T) {
	t.Parallel()
	added := map[string][2]string{
		route.FormatLiteLLM: {"router_settings:\n", `  - model_name: mine
    litellm_params: {model: openai/other, api_base: "https://elsewhere.test/v1", api_key: os.environ/MY_KEY, timeout: 600}
router_settings:
  default_fallbacks: [mine]
`},
		route.FormatPortkey: {`"targets": [`, `"targets": [{"name": "mine", "provider": "groq", "api_key": "${MY_KEY}", "custom_host": "https://elsewhere.test/v1"},`},
		route.FormatTensorZero: {"[functions.triage.experimentation]", `[functions.triage.variants.mine]
type = "chat_completion"
model = "mine"
[models.mine]
routing = ["x"]
[models.mine.providers.x]
type = "openai"
api_base = "https://elsewhere.test/v1/"
model_name = "other"
api_key_location = "env::MY_KEY"
[functions.triage.experimentation]`},
	}
	for _, format := range route.Drillable() {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			b, _, err := route.Encode(shop(), format)
			if err != nil {
				t.Fatal(err)
			}
			file := strings.Replace(string(b), added[format][0], added[format][1], 1)
			if file == string(b) {
				t.Fatal("nothing was added")
			}
			seen := make(map[string]bool)
			out, changes, err := route.Redirect([]byte(file), format, route.Detour{Timeout: 1500, Wait: 500, To: func(taskType, upstream string) (string, string) {
				seen[taskType+" "+upstream] = true
				return "drill-" + upstream, "http://127.0.0.1:1/v1"
			}})
			if err != nil || len(changes) == 0 {
				t.Fatal(err)
			}
			for _, left := range []string{"elsewhere", "8101", "ANTHROPIC_API_KEY", "OPENAI_API_KEY", "MY_KEY", "anthropic/", "30000", "20000", "60000"} {
				for _, line := range strings.Split(string(out), "\n") {
					if strings.Contains(line, left) && !strings.HasPrefix(line, "#") {
						t.Errorf("%s is left: %s", left, line)
					}
				}
			}
			for _, want := range []string{"permission A", "summarize A", "summarize B", "triage A", "triage B", " stray"} {
				if !seen[want] {
					t.Errorf("%s was not redirected: %v", want, seen)
				}
			}
			if d, err := route.Decode(out, format); err == nil && d.Routes.Route("triage") == nil {
				t.Error("triage is gone")
			}
		})
	}
	if _, _, err := route.Redirect([]byte("{}"), route.FormatEnvoy, route.Detour{}); eval.KindOf(err) != eval.KindInvalid {
		t.Errorf("%v", err)
	}
}
