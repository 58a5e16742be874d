package prices_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"infer/providers/prices"
)

// TestReadDetails: what a list says beside two prices is kept or left unknown,
// never taken for something cheaper.
func TestReadDetails(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, format, text string
		want               string // the rows as JSON
		notes              string // part of a note; "" = none
	}{
		{"tiers with their caches", "litellm",
			`{"m":{"litellm_provider":"openai","mode":"responses","input_cost_per_token":2e-06,"output_cost_per_token":8e-06,"input_cost_per_token_priority":3.5e-06,"output_cost_per_token_priority":1.4e-05,"cache_read_input_token_cost_priority":8.75e-07,"input_cost_per_token_flex":1e-06}}`,
			`[{"provider":"openai","model":"m","in":2,"out":8,"tiers":{"priority":{"in":3.5,"out":14,"cache_read":0.875}},"list_price":true,"source":"litellm","as_of":"2026-01-01"}]`, ""},
		{"a limit of any size", "litellm",
			`{"gemini/m":{"litellm_provider":"gemini","mode":"chat","input_cost_per_token":1.25e-06,"output_cost_per_token":5e-06,"input_cost_per_token_above_128k_tokens":2.5e-06,"output_cost_per_token_above_128k_tokens":1e-05}}`,
			`[{"provider":"gemini","model":"m","in":1.25,"out":5,"long_context":{"over":128000,"in":2.5,"out":10},"list_price":true,"source":"litellm","as_of":"2026-01-01"}]`, ""},
		{"two limits: unknown above the lower one", "litellm",
			`{"m":{"litellm_provider":"p","mode":"chat","input_cost_per_token":1e-06,"output_cost_per_token":5e-06,"input_cost_per_token_above_128k_tokens":2e-06,"input_cost_per_token_above_200k_tokens":4e-06}}`,
			`[{"provider":"p","model":"m","in":1,"out":5,"long_context":{"over":128000},"list_price":true,"source":"litellm","as_of":"2026-01-01"}]`, ""},
		{"steps are not a price", "litellm",
			`{"m":{"litellm_provider":"p","mode":"chat","input_cost_per_token":1e-06,"output_cost_per_token":5e-06,"tiered_pricing":[{"range":[0,32000],"input_cost_per_token":1e-06}]}}`, `[]`, "1 models left out: they are charged"},
		{"one model under two spellings", "litellm",
			`{"xai/m":{"litellm_provider":"xai","mode":"chat","input_cost_per_token":1e-06,"output_cost_per_token":5e-06,"cache_read_input_token_cost":1e-07},"m":{"litellm_provider":"xai","mode":"chat","input_cost_per_token":1e-06,"output_cost_per_token":5e-06}}`,
			`[{"provider":"xai","model":"m","in":1,"out":5,"list_price":true,"source":"litellm","as_of":"2026-01-01"}]`, ""},
		{"one model at two prices", "litellm",
			`{"xai/m":{"litellm_provider":"xai","mode":"chat","input_cost_per_token":1e-06,"output_cost_per_token":5e-06},"m":{"litellm_provider":"xai","mode":"chat","input_cost_per_token":2e-06,"output_cost_per_token":5e-06}}`, `[]`, "twice, at different prices"},
		{"a web search of one price", "litellm",
			`{"m":{"litellm_provider":"together_ai","mode":"chat","input_cost_per_token":1e-06,"output_cost_per_token":5e-06,"search_context_cost_per_query":{"search_context_size_low":0.01,"search_context_size_high":0.01}}}`,
			`[{"provider":"together","model":"m","in":1,"out":5,"server_tools":{"web_search":10000},"list_price":true,"source":"litellm","as_of":"2026-01-01"}]`, ""},
		{"a price that is no amount", "litellm",
			`{"m":{"litellm_provider":"p","mode":"chat","input_cost_per_token":1.2345678e-07,"output_cost_per_token":5e-06}}`, `[]`, "1 prices left out: not an exact"},
		{"noise of floating point", "catwalk", `{"id":"p","models":[{"id":"m","cost_per_1m_in":0.09999999999999999,"cost_per_1m_out":1.5999999999999999}]}`,
			`[{"provider":"p","model":"m","in":0.1,"out":1.6,"list_price":true,"source":"catwalk","as_of":"2026-01-01"}]`, "2 prices read without the rounding error"},
		{"over 200k", "models.dev", `{"google":{"models":{"m":{"cost":{"input":1.25,"output":10,"context_over_200k":{"input":2.5,"output":15,"cache_read":0.25}}}}}}`,
			`[{"provider":"gemini","model":"m","in":1.25,"out":10,"long_context":{"over":200000,"in":2.5,"out":15,"cache_read":0.25},"list_price":true,"source":"models.dev","as_of":"2026-01-01"}]`, ""},
		{"a price of the request", "openrouter", `{"data":[{"id":"m","pricing":{"prompt":"0.000001","completion":"0.000002","request":"0.005"}}]}`, `[]`, "charged by the request"},
		{"a price that depends", "openrouter", `{"data":[{"id":"openrouter/auto","pricing":{"prompt":"-1","completion":"-1"}}]}`, `[]`, "1 models left out: no price"},
		{"free is not known to be free", "openrouter", `{"data":[{"id":"m:free","pricing":{"prompt":"0","completion":"0"}}]}`, `[]`, "1 models left out: no price"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			rows, notes, err := prices.Read(strings.NewReader(c.text), c.format, "", "2026-01-01")
			if err != nil {
				t.Fatal(err)
			}
			got, err := json.Marshal(append([]prices.Row{}, rows...))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, string(got)); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
			if all := strings.Join(notes, "\n"); c.notes == "" && all != "" && c.format != "catwalk" || !strings.Contains(all, c.notes) {
				t.Errorf("notes are %q, want %q", all, c.notes)
			}
		})
	}
}
