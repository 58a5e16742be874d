package cmd

import (
	"encoding/json"
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
)

// pricesImportOptions are the flags of infer prices import.
type pricesImportOptions struct {
	app                              *cli.App
	from, provider, only, asOf, file string
	output                           string
	force                            bool
}

func newPricesImportCmd(app *cli.App) *cobra.Command {
	o := &pricesImportOptions{app: app}
	c := &cobra.Command{
		Use: "import <file>", Short: "Turn a published price list into a price file",
		Long: `Read a price list that another project publishes and write the rows as a file that
prices: {file: …} names, in infer.yaml or in your own file. Amounts are converted as
decimals, exactly. What a list does not say stays unknown: a price of 0 is left out,
since in these lists it means that nobody knows.

The rows go before the book that comes with infer, and behind those that infer.yaml
itself holds. What they change is said.`,
		Example: `  $ infer prices import --from litellm model_prices_and_context_window.json --only openai -o prices.yaml
  $ infer prices import --from models.dev api.json -o prices.yaml`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			o.file = args[0]
			return runPricesImport(o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.from, "from", "", "format of the list: "+strings.Join(prices.Formats(), ", "))
	f.StringVar(&o.provider, "provider", "", "provider, where the list names none")
	f.StringVar(&o.only, "only", "", "only this provider's rows")
	f.StringVar(&o.asOf, "as-of", "", "date of the list, YYYY-MM-DD (default: when the file was last changed)")
	f.StringVarP(&o.output, "output", "o", "", "write to this file")
	f.BoolVarP(&o.force, "force", "f", false, "overwrite a file that is there")
	_ = c.MarkFlagRequired("from")
	_ = c.RegisterFlagCompletionFunc("from", cobra.FixedCompletions(prices.Formats(), cobra.ShellCompDirectiveNoFileComp))
	return c
}

func runPricesImport(o *pricesImportOptions) error {
	rows, notes, err := o.read()
	if err != nil {
		return err
	}
	kept := rows[:0]
	for _, r := range rows {
		if o.only == "" || r.Provider == o.only {
			kept = append(kept, r)
		}
	}
	if len(kept) == 0 {
		return eval.Invalid(errors.New("the list holds no price that could be taken"), "look at --from and --only")
	}
	said, err := o.changes(kept)
	if err != nil {
		return err
	}
	if !o.app.Quiet {
		for _, n := range append(notes, said...) {
			_, _ = fmt.Fprintln(o.app.Err, n)
		}
	}
	if o.output != "" && o.output != "-" && !o.force {
		if _, err := os.Lstat(o.output); err == nil {
			return eval.Invalid(fmt.Errorf("%s is there already", o.output), "name another file, or overwrite with --force")
		}
	}
	if err := toOutput(o.app, o.output, func(w io.Writer, _ bool) error { return writePriceFile(w, kept) }); err != nil {
		return err
	}
	if o.output != "" && o.output != "-" {
		next(o.app, "write `prices: {file: %s}` into infer.yaml; `infer runs reprice` prices a run that is there anew", o.output)
	}
	return nil
}

// read reads the list, and dates it.
func (o *pricesImportOptions) read() ([]prices.Row, []string, error) {
	f, err := os.Open(o.file)
	if err != nil {
		return nil, nil, eval.Invalid(fmt.Errorf("read prices: %w", err), "name a file that you may read")
	}
	defer f.Close() //nolint:errcheck // opened for reading only
	if o.asOf == "" {
		info, err := f.Stat()
		if err != nil {
			return nil, nil, fmt.Errorf("read prices: %w", err)
		}
		o.asOf = info.ModTime().UTC().Format(time.DateOnly)
	}
	if _, err := time.Parse(time.DateOnly, o.asOf); err != nil {
		return nil, nil, eval.Invalid(fmt.Errorf("--as-of %s is no date", eval.Untrusted(o.asOf).Line(40)), "write it like 2026-11-01")
	}
	rows, notes, err := prices.Read(f, o.from, o.provider, o.asOf)
	if err != nil {
		return nil, nil, eval.Invalid(err, "--from may be "+strings.Join(prices.Formats(), ", "))
	}
	return rows, notes, nil
}

// maxChanges is how many changed prices are named.
const maxChanges = 12

// changes says how the rows differ from what is known now: from the file that is
// to be overwritten and the project's own rows, else from the book.
func (o *pricesImportOptions) changes(rows []prices.Row) ([]string, error) {
	cfg, _, err := config.Load(o.app.Dir, "", config.Flags{}, o.app.Env)
	if err != nil {
		return nil, err
	}
	own, err := cfg.ResolvePrices()
	if err != nil {
		return nil, err
	}
	before := make(map[[2]string]eval.PriceRow)
	for _, list := range [][]eval.PriceRow{prices.Embedded().Rows(), own} {
		for _, r := range list {
			before[[2]string{r.Provider, r.Model}] = r
		}
	}
	var out []string
	var fresh, same, changed int
	for i := range rows {
		now, err := rows[i].Price()
		if err != nil {
			return nil, err
		}
		old, ok := before[[2]string{now.Provider, now.Model}]
		switch {
		case !ok:
			fresh++
		case equalPrice(old.In, now.In) && equalPrice(old.Out, now.Out) && equalPrice(old.CacheRead, now.CacheRead) && equalPrice(old.CacheWrite5m, now.CacheWrite5m):
			same++
		default:
			if changed++; changed <= maxChanges {
				out = append(out, fmt.Sprintf("changed: %s/%s in %s → %s, out %s → %s, cache read %s → %s, cache write %s → %s", eval.Untrusted(now.Provider).Line(40), eval.Untrusted(now.Model).Line(60),
					priceText(old.In), priceText(now.In), priceText(old.Out), priceText(now.Out), priceText(old.CacheRead), priceText(now.CacheRead), priceText(old.CacheWrite5m), priceText(now.CacheWrite5m)))
			}
		}
	}
	if changed > maxChanges {
		out = append(out, fmt.Sprintf("… and %d more", changed-maxChanges))
	}
	return append(out, fmt.Sprintf("%d prices of %s: %d new, %d changed, %d as before", len(rows), o.asOf, fresh, changed, same)), nil
}

func equalPrice(a, b *eval.Price) bool { return (a == nil) == (b == nil) && (a == nil || *a == *b) }

// writePriceFile writes rows as a price file: YAML whose rows are JSON objects, one
// a line.
func writePriceFile(w io.Writer, rows []prices.Row) error {
	var b strings.Builder
	b.WriteString("models:\n")
	for i := range rows {
		row, err := json.Marshal(&rows[i])
		if err != nil {
			return fmt.Errorf("write prices: %w", err)
		}
		b.WriteString("  - ")
		b.Write(eval.EscapeJSON(row))
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, b.String())
	return err
}
