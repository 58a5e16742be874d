package prices_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"infer/eval"
	"infer/providers/prices"
)

// TestEmbedded: every row is complete, dated and sourced, and none is 0.
func TestEmbedded(t *testing.T) {
	t.Parallel()
	rows := prices.Embedded().Rows()
	if len(rows) < 60 {
		t.Fatalf("%d rows", len(rows))
	}
	seen := make(map[[2]string]bool)
	for _, r := range rows {
		key := [2]string{r.Provider, r.Model}
		if seen[key] {
			t.Errorf("%v stands twice", key)
		}
		seen[key] = true
		if r.In == nil || r.Out == nil || *r.In <= 0 || *r.Out <= 0 || r.Source == "" {
			t.Errorf("%v: a price or its source is missing", key)
		}
		if _, err := time.Parse(time.DateOnly, r.AsOf); err != nil {
			t.Errorf("%v: %v", key, err)
		}
		if r.CacheRead != nil && *r.CacheRead >= *r.In {
			t.Errorf("%v: reading a cache costs as much as fresh input", key)
		}
		if r.CacheWrite5m != nil && *r.CacheWrite5m < *r.In {
			t.Errorf("%v: writing a cache costs less than fresh input", key)
		}
	}
}

func TestLookup(t *testing.T) {
	t.Parallel()
	b := prices.Embedded()
	for _, c := range []struct {
		provider, model string
		in              eval.Price // micro-dollars a million; 0 = not known
	}{
		{"openai", "gpt-4o", 2_500_000},
		{"anthropic", "claude-sonnet-4-5-20250929", 3_000_000},
		{"anthropic", "claude-sonnet-4-5", 3_000_000}, // its date left out
		{"openai", "gpt-4o-2099-01-01", 2_500_000},
		{"openai", "gpt-4o-but-another", 0},
		{"openai", "gpt-4o-2024-05-13", 5_000_000}, // a snapshot that costs more than its successors
		{"bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", 3_000_000},
		{"bedrock", "eu.anthropic.claude-sonnet-4-5-20250929-v1:0", 3_300_000}, // a region has its own prices
		{"nobody", "gpt-4o", 0},
		{"openai", "", 0},
	} {
		p, ok := b.Lookup(c.provider, c.model)
		switch {
		case c.in == 0 && ok:
			t.Errorf("%s/%s has a price: %+v", c.provider, c.model, p)
		case c.in != 0 && (!ok || *p.In != c.in || p.Model != c.model):
			t.Errorf("%s/%s: %v %+v, want %d", c.provider, c.model, ok, p, c.in)
		}
	}
}

// TestTraps are the ways in which costs went wrong elsewhere.
func TestTraps(t *testing.T) {
	t.Parallel()
	b := prices.Embedded()
	gpt, _ := b.Lookup("openai", "gpt-4o")
	claude, _ := b.Lookup("anthropic", "claude-sonnet-4-5")
	gemini, _ := b.Lookup("gemini", "gemini-2.5-pro")
	unsure, _ := b.Lookup("gemini", "gemini-3-pro-preview")
	million := int64(1_000_000)
	for _, c := range []struct {
		name  string
		row   *eval.PriceRow
		usage eval.Usage
		want  string // dollars; "" = unknown
	}{
		{"cache reads are not fresh input", &gpt, eval.Usage{InFresh: million, InCacheRead: million}, "3.75"},
		{"a cache write is charged once", &claude, eval.Usage{InFresh: 100_000, InCacheWrite5m: 100_000}, "0.675"},
		{"an hour's cache costs twice the input", &claude, eval.Usage{InCacheWrite1h: 100_000}, "0.6"},
		{"batches are charged at the tier that came back", &gpt, eval.Usage{InFresh: million, Tier: "batch"}, "1.25"},
		{"a tier that is not in the row is charged as usual", &gpt, eval.Usage{InFresh: million, Tier: "default"}, "2.5"},
		{"a long input raises the price of the whole request", &gemini, eval.Usage{InFresh: 300_000, OutText: 1000}, "0.765"},
		{"just below it does not", &gemini, eval.Usage{InFresh: 200_000}, "0.25"},
		{"a long input whose price nobody gave is unknown", &unsure, eval.Usage{InFresh: 300_000}, ""},
		{"an axis without a price is unknown", &gpt, eval.Usage{InFresh: 10, InAudio: 10}, ""},
		{"reasoning is charged as output", &gpt, eval.Usage{OutText: million, OutReasoning: million}, "20"},
		{"absurd usage is unknown", &gpt, eval.Usage{InFresh: -5}, ""},
	} {
		got := c.row.Cost(&c.usage)
		if c.want == "" {
			if got.Known() {
				t.Errorf("%s: %s", c.name, got.Low)
			}
			continue
		}
		want, err := eval.ParseUSD(c.want)
		if err != nil {
			t.Fatal(err)
		}
		if !got.Known() || got.Low != want {
			t.Errorf("%s: %+v, want %s", c.name, got, c.want)
		}
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		format, text string
		rows         int
		in, read     string
	}{
		{"litellm", `{"sample_spec":{},"gpt-x":{"litellm_provider":"openai","mode":"chat","input_cost_per_token":2.5e-06,"output_cost_per_token":1e-05,"cache_read_input_token_cost":1.25e-06,"input_cost_per_token_batches":1.25e-06,"output_cost_per_token_batches":5e-06},
			"free":{"litellm_provider":"openai","mode":"chat","input_cost_per_token":0.0,"output_cost_per_token":0.0},"image":{"litellm_provider":"openai","mode":"image_generation"}}`, 1, "2.5", "1.25"},
		{"models.dev", `{"openai":{"models":{"gpt-x":{"cost":{"input":2.5,"output":10,"cache_read":1.25},"limit":{"context":128000}}}}}`, 1, "2.5", "1.25"},
		{"catwalk", `{"id":"openai","models":[{"id":"gpt-x","cost_per_1m_in":0.39999999999999997,"cost_per_1m_out":10,"cost_per_1m_in_cached":1.25},{"id":"z","cost_per_1m_in":0,"cost_per_1m_out":0}]}`, 1, "0.4", ""},
		{"openrouter", `{"data":[{"id":"a/b","pricing":{"prompt":"0.0000025","completion":"0.00001","input_cache_read":"0.00000125"}},{"id":"a/free","pricing":{"prompt":"0","completion":"0"}}]}`, 1, "2.5", "1.25"},
	} {
		t.Run(c.format, func(t *testing.T) {
			t.Parallel()
			rows, _, err := prices.Read(strings.NewReader(c.text), c.format, "", "2026-01-01")
			if err != nil || len(rows) != c.rows {
				t.Fatalf("%d rows: %v", len(rows), err)
			}
			if r := rows[0]; r.In.String() != c.in || r.CacheRead.String() != c.read || r.AsOf != "2026-01-01" || r.Source != c.format {
				t.Errorf("%+v", r)
			}
		})
	}
	if _, _, err := prices.Read(strings.NewReader("[]"), "litellm", "", ""); err == nil {
		t.Error("a list of another form is taken")
	}
	if _, _, err := prices.Read(strings.NewReader("{}"), "nobody", "", ""); err == nil {
		t.Error("an unknown format is taken")
	}
}

// TestReadPublished reads the real lists, where they are, and compares a price
// that two of them give.
func TestReadPublished(t *testing.T) {
	t.Parallel()
	dir := filepath.Join("..", "..", "..", "shared", "data", "prices")
	for _, c := range []struct {
		format, file string
		least        int
	}{{"litellm", "tokencost/model_prices.json", 700}, {"catwalk", "catwalk/openai.json", 20}, {"catwalk", "catwalk/openrouter.json", 150}} {
		f, err := os.Open(filepath.Join(dir, c.file))
		if err != nil {
			t.Skipf("no recorded price lists: %v", err)
		}
		rows, _, err := prices.Read(f, c.format, "", "2026-08-01")
		_ = f.Close()
		if err != nil || len(rows) < c.least {
			t.Fatalf("%s: %d rows, %v", c.file, len(rows), err)
		}
		for _, r := range rows {
			if r.Provider == "openai" && r.Model == "gpt-4o" && (r.In != "2.5" || r.Out != "10") {
				t.Errorf("%s: gpt-4o is %s and %s", c.file, r.In, r.Out)
			}
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add("litellm", `{"m":{"litellm_provider":"p","mode":"chat","input_cost_per_token":1e-6,"output_cost_per_token":"2e-6"}}`)
	f.Add("openrouter", `{"data":[{"id":"a","pricing":{"prompt":"1e999999","completion":"1/3"}}]}`)
	f.Add("catwalk", `{"id":"x","models":[{"id":"y","cost_per_1m_in":1,"cost_per_1m_out":1}]}`)
	f.Fuzz(func(t *testing.T, format, text string) {
		rows, _, err := prices.Read(strings.NewReader(text), format, "p", "2026-01-01")
		if err != nil {
			return
		}
		for i := range rows {
			p, err := rows[i].Price()
			if err != nil || p.In == nil || *p.In <= 0 || p.Out == nil || *p.Out <= 0 {
				b, _ := json.Marshal(rows[i])
				t.Fatalf("%s: %v", b, err)
			}
		}
	})
}
