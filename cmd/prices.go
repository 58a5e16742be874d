package cmd

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

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
	Provider     string   `json:"provider"`
	Model        string   `json:"model"`
	In           *decimal `json:"in"`
	Out          *decimal `json:"out"`
	CacheRead    *decimal `json:"cache_read"`
	CacheWrite5m *decimal `json:"cache_write_5m"`
	CacheWrite1h *decimal `json:"cache_write_1h"`
	Context      int64    `json:"context_window,omitempty"`
	Source       string   `json:"source"`
	AsOf         string   `json:"as_of"`
	Example      bool     `json:"example_price,omitempty"`
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
	return priceJSON{Provider: r.Provider, Model: r.Model, In: (*decimal)(r.In), Out: (*decimal)(r.Out), CacheRead: (*decimal)(r.CacheRead), CacheWrite5m: (*decimal)(r.CacheWrite5m),
		CacheWrite1h: (*decimal)(r.CacheWrite1h), Context: r.ContextWindow, Source: r.Source, AsOf: r.AsOf, Example: r.Example}
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
			for _, r := range append(own, prices.Embedded().Rows()...) {
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

func newPricesImportCmd(app *cli.App) *cobra.Command {
	var from, provider, asOf, output, only string
	var force bool
	c := &cobra.Command{
		Use: "import <file>", Short: "Turn a published price list into a price file",
		Long: `Read a price list that another project publishes and write the rows as a file that
prices: {file: …} in infer.yaml names. Amounts are converted as decimals, exactly.
A price of 0 is left out: in these lists it means that nobody knows.

Tiers and long-context prices of a list are not written: a request at another tier
has an unknown cost until its row says so.`,
		Example: `  $ infer prices import --from litellm model_prices_and_context_window.json --only openai -o prices.yaml
  $ infer prices import --from models.dev api.json -o prices.yaml`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if asOf == "" {
				asOf = app.Now().UTC().Format(time.DateOnly)
			}
			if _, err := time.Parse(time.DateOnly, asOf); err != nil {
				return eval.Invalid(fmt.Errorf("--as-of %s is no date", eval.Untrusted(asOf).Line(40)), "write it like 2026-11-01")
			}
			f, err := os.Open(args[0])
			if err != nil {
				return eval.Invalid(fmt.Errorf("read prices: %w", err), "name a file that you may read")
			}
			defer f.Close() //nolint:errcheck // opened for reading only
			rows, notes, err := prices.Read(f, from, provider, asOf)
			if err != nil {
				return eval.Invalid(err, "--from may be "+strings.Join(prices.Formats(), ", "))
			}
			kept := rows[:0]
			for _, r := range rows {
				if only == "" || r.Provider == only {
					kept = append(kept, r)
				}
			}
			if len(kept) == 0 {
				return eval.Invalid(errors.New("the list holds no price that could be taken"), "look at --from and --only")
			}
			if !app.Quiet {
				for _, n := range notes {
					_, _ = fmt.Fprintf(app.Err, "note: %s\n", n)
				}
				_, _ = fmt.Fprintf(app.Err, "%d prices\n", len(kept))
			}
			if output != "" && output != "-" && !force {
				if _, err := os.Lstat(output); err == nil {
					return eval.Invalid(fmt.Errorf("%s is there already", output), "name another file, or overwrite with --force")
				}
			}
			return toOutput(app, output, func(w io.Writer, _ bool) error { return writePriceFile(w, kept) })
		},
	}
	f := c.Flags()
	f.StringVar(&from, "from", "", "format of the list: "+strings.Join(prices.Formats(), ", "))
	f.StringVar(&provider, "provider", "", "provider, where the list names none")
	f.StringVar(&only, "only", "", "only this provider's rows")
	f.StringVar(&asOf, "as-of", "", "date of the list, YYYY-MM-DD (default today)")
	f.StringVarP(&output, "output", "o", "", "write to this file")
	f.BoolVarP(&force, "force", "f", false, "overwrite a file that is there")
	_ = c.MarkFlagRequired("from")
	_ = c.RegisterFlagCompletionFunc("from", cobra.FixedCompletions(prices.Formats(), cobra.ShellCompDirectiveNoFileComp))
	return c
}

// writePriceFile writes rows as the YAML of a price file. Every value is a JSON
// string or number, which YAML reads as it is.
func writePriceFile(w io.Writer, rows []prices.Row) error {
	var b strings.Builder
	b.WriteString("models:\n")
	for i := range rows {
		r := &rows[i]
		fmt.Fprintf(&b, "  - {provider: %s, model: %s, in: %s, out: %s", quoted(r.Provider), quoted(r.Model), r.In, r.Out)
		for _, f := range []struct{ name, value string }{{"cache_read", r.CacheRead.String()}, {"cache_write_5m", r.CacheWrite5m.String()}, {"cache_write_1h", r.CacheWrite1h.String()},
			{"reasoning", r.Reasoning.String()}, {"in_audio", r.InAudio.String()}, {"out_audio", r.OutAudio.String()}} {
			if f.value != "" {
				fmt.Fprintf(&b, ", %s: %s", f.name, f.value)
			}
		}
		if r.Context > 0 {
			fmt.Fprintf(&b, ", context_window: %d", r.Context)
		}
		if r.MaxOutput > 0 {
			fmt.Fprintf(&b, ", max_output: %d", r.MaxOutput)
		}
		fmt.Fprintf(&b, ", source: %s, as_of: %s}\n", quoted(r.Source), quoted(r.AsOf))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// quoted is a text as a JSON string, which is one in YAML too.
func quoted(s string) string {
	b, err := eval.Untrusted(s).MarshalJSON()
	if err != nil {
		return `""`
	}
	return string(b)
}
