package cmd

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"infer/cmd/internal/cli"
	"infer/cmd/internal/config"
	"infer/eval"
	"infer/providers/prices"
	"infer/report/render"
)

func newPricesCmd(app *cli.App) *cobra.Command {
	c := &cobra.Command{
		Use: "prices", Short: "List, show and import prices", Args: cobra.NoArgs,
		Long: `Prices are dated facts. A row of infer.yaml goes before one of your own file, that
before the book that comes with infer. A model without a price has an unknown cost,
never a cost of 0, and cannot be ranked by cost.`,
		Example: "  $ infer prices list --provider anthropic\n  $ infer prices show openai/gpt-5-mini",
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newPricesListCmd(app), newPricesShowCmd(app), newPricesImportCmd(app))
	return c
}

// priceJSON is a row as the commands write it: exact amounts, null for unknown.
type priceJSON struct {
	Provider     string               `json:"provider,omitempty"`
	Model        string               `json:"model,omitempty"`
	In           *decimal             `json:"in"`
	Out          *decimal             `json:"out"`
	CacheRead    *decimal             `json:"cache_read"`
	CacheWrite5m *decimal             `json:"cache_write_5m"`
	CacheWrite1h *decimal             `json:"cache_write_1h"`
	Reasoning    *decimal             `json:"reasoning,omitempty"` // left out: as output
	InAudio      *decimal             `json:"in_audio,omitempty"`
	OutAudio     *decimal             `json:"out_audio,omitempty"`
	InImage      *decimal             `json:"in_image,omitempty"`
	OutImage     *decimal             `json:"out_image,omitempty"`
	Tools        map[string]decimal   `json:"server_tools,omitempty"` // per million calls
	Tiers        map[string]priceJSON `json:"tiers,omitempty"`
	Over         int64                `json:"long_context_over,omitempty"`
	Long         *priceJSON           `json:"long_context,omitempty"`
	Context      int64                `json:"context_window,omitempty"`
	MaxOutput    int64                `json:"max_output,omitempty"`
	Source       string               `json:"source,omitempty"`
	AsOf         string               `json:"as_of,omitempty"`
	Example      bool                 `json:"example_price,omitempty"`
}

// decimal is a price that is written to JSON exactly.
type decimal eval.Price

// MarshalJSON writes dollars per million tokens.
func (d decimal) MarshalJSON() ([]byte, error) {
	return []byte((eval.Money(d) * eval.MicroUSD).String()), nil
}

func priceText(p *eval.Price) string {
	if p == nil {
		return "–"
	}
	return (eval.Money(*p) * eval.MicroUSD).String()
}

func priceRowJSON(r *eval.PriceRow) priceJSON {
	p := priceJSON{Provider: r.Provider, Model: r.Model, In: (*decimal)(r.In), Out: (*decimal)(r.Out), CacheRead: (*decimal)(r.CacheRead), CacheWrite5m: (*decimal)(r.CacheWrite5m),
		CacheWrite1h: (*decimal)(r.CacheWrite1h), Reasoning: (*decimal)(r.Reasoning), InAudio: (*decimal)(r.InAudio), OutAudio: (*decimal)(r.OutAudio),
		InImage: (*decimal)(r.InImage), OutImage: (*decimal)(r.OutImage), Over: r.LongContextOver,
		Context: r.ContextWindow, MaxOutput: r.MaxOutput, Source: r.Source, AsOf: r.AsOf, Example: r.Example}
	for name, v := range r.ServerTools {
		if p.Tools == nil {
			p.Tools = make(map[string]decimal, len(r.ServerTools))
		}
		p.Tools[name] = decimal(v)
	}
	for name := range r.Tiers {
		if p.Tiers == nil {
			p.Tiers = make(map[string]priceJSON, len(r.Tiers))
		}
		t := r.Tiers[name]
		t.Provider, t.Model, t.Source, t.AsOf = "", "", "", ""
		p.Tiers[name] = priceRowJSON(&t)
	}
	if r.LongContext != nil {
		l := *r.LongContext
		l.Provider, l.Model, l.Source, l.AsOf = "", "", "", ""
		long := priceRowJSON(&l)
		p.Long = &long
	}
	return p
}

func writePrices(app *cli.App, format string, rows []eval.PriceRow) error {
	return toOutput(app, "", func(w io.Writer, _ bool) error {
		if format == string(render.JSON) {
			list := make([]priceJSON, len(rows))
			for i := range rows {
				list[i] = priceRowJSON(&rows[i])
			}
			return render.Indented(w, map[string]any{"schema": prices.Schema, "unit": "US dollars per million tokens", "models": list})
		}
		cells := make([][]string, len(rows))
		for i := range rows {
			r := &rows[i]
			source := eval.Untrusted(r.Source).Line(46)
			if r.Example {
				source += " (example)"
			}
			cells[i] = []string{r.Provider, eval.Untrusted(r.Model).Line(46), priceText(r.In), priceText(r.Out), priceText(r.CacheRead), priceText(r.CacheWrite5m), r.AsOf, source}
		}
		if _, err := fmt.Fprintln(w, "US dollars per million tokens; – is unknown"); err != nil {
			return err
		}
		return render.Plain(w, []string{"provider", "model", "in", "out", "cache read", "cache write", "as of", "source"}, cells, map[int]bool{2: true, 3: true, 4: true, 5: true})
	})
}

func newPricesListCmd(app *cli.App) *cobra.Command {
	var out formatFlag
	var provider string
	c := &cobra.Command{
		Use: "list [text]", Short: "List the prices that are known",
		Long:    "List the project's own prices and the book's; with TEXT, those whose model holds it.",
		Example: "  $ infer prices list --provider openai\n  $ infer prices list sonnet --json",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			cfg, _, err := config.Load(app.Dir, "", config.Flags{}, app.Env)
			if err != nil {
				return err
			}
			own, err := cfg.ResolvePrices()
			if err != nil {
				return err
			}
			var rows []eval.PriceRow
			shown := make(map[[2]string]bool)
			for _, r := range append(own, prices.Embedded().Rows()...) {
				key := [2]string{r.Provider, r.Model}
				if shown[key] {
					continue // a row before this one is used
				}
				shown[key] = true
				if (provider == "" || r.Provider == provider) && (len(args) == 0 || strings.Contains(strings.ToLower(r.Model), strings.ToLower(args[0]))) {
					rows = append(rows, r)
				}
			}
			if len(rows) == 0 && !app.Quiet {
				_, _ = fmt.Fprintln(app.Err, "no price is known of such a model")
			}
			return writePrices(app, out.format, rows)
		},
	}
	c.Flags().StringVar(&provider, "provider", "", "only this provider's")
	out.add(c, app, []string{string(render.Table), string(render.JSON)})
	return c
}

func newPricesShowCmd(app *cli.App) *cobra.Command {
	var out formatFlag
	c := &cobra.Command{
		Use: "show <provider/model>", Short: "Show the price that a model would be charged at",
		Long:    "Show the one row that an evaluation here would use for a model, with its source and\ndate. Exit status 3 if none is known.",
		Example: "  $ infer prices show openai/gpt-5-mini\n  $ infer prices show anthropic/claude-sonnet-4-5 --json",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			provider, model, ok := strings.Cut(args[0], "/")
			if !ok || model == "" {
				return eval.Invalid(fmt.Errorf("%q names no model", eval.Untrusted(args[0]).Line(80)), "write it like openai/gpt-5-mini")
			}
			cfg, _, err := config.Load(app.Dir, "", config.Flags{Models: []string{args[0]}}, app.Env)
			if err != nil {
				return err
			}
			if _, err := cfg.ResolveCandidates(); err != nil {
				return err
			}
			book, err := newPricing(cfg)
			if err != nil {
				return err
			}
			row, ok := book.of(provider, model)
			if !ok {
				return eval.WithHint(eval.KindIncomplete, fmt.Errorf("no price is known of %s", eval.Untrusted(args[0]).Line(80)), "add a row under prices: in infer.yaml; `infer prices list` shows what is known")
			}
			return writePrices(app, out.format, []eval.PriceRow{row})
		},
	}
	out.add(c, app, []string{string(render.Table), string(render.JSON)})
	return c
}
