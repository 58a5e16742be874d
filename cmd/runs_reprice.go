package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"infer/cmd/internal/cli"
	"infer/cmd/internal/config"
	"infer/eval"
	"infer/eval/store"
	"infer/report"
	"infer/report/render"
)

// repriceOptions are the flags of infer runs reprice.
type repriceOptions struct {
	app   *cli.App
	run   string
	store *string
	flags config.Flags
	file  string
	note  string
	out   formatFlag
}

func newRunsRepriceCmd(app *cli.App, path *string) *cobra.Command {
	o := &repriceOptions{app: app, store: path}
	c := &cobra.Command{
		Use: "reprice <run>", Short: "Price a run anew from its stored usage",
		Long: `Reckon what every stored call of a run cost, from the usage that is stored with it
and the prices that are known now: those of --prices, then the project's, your own,
and the book's. A model of which none is known keeps the price that the run has.

The run's figures are those of the new prices from then on. The prices before, and
what the run cost by them, stay in it: infer runs show RUN --json. What repairs and
judges cost does not change. No provider is called.`,
		Example: `  # after the provider changed its prices
  $ infer runs reprice latest --prices prices.yaml --note "list of November"

  # by the prices that infer.yaml and the book have now
  $ infer runs reprice latest --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			o.run = args[0]
			return runReprice(c.Context(), o)
		},
		ValidArgsFunction: completeRuns(app, path),
	}
	c.Flags().StringVar(&o.file, "prices", "", "price file whose rows go before all others")
	c.Flags().StringVar(&o.flags.Config, "config", "", "configuration with prices and fields (default infer.yaml here)")
	c.Flags().StringVar(&o.note, "note", "", "why the run is priced anew; stored with it")
	o.out.add(c, app, []string{string(render.Table), string(render.JSON)})
	return c
}

// repriced is one model's price before and after.
type repriced struct {
	Provider string     `json:"provider"`
	Model    string     `json:"model"`
	Before   *priceJSON `json:"before"` // null = none was known
	After    *priceJSON `json:"after"`
	Kept     bool       `json:"kept,omitempty"` // no other price is known
}

// repriceResult is what a repricing did.
type repriceResult struct {
	Schema    string       `json:"schema"`
	Run       string       `json:"run"`
	Prices    []repriced   `json:"prices"`
	Attempts  int64        `json:"attempts"`
	Changed   int64        `json:"attempts_changed"`
	Untold    int64        `json:"attempts_without_usage"` // their cost is a range at best
	Elsewhere int64        `json:"trials_without_attempts"`
	Before    report.Money `json:"cost_before_usd"`
	After     report.Money `json:"cost_after_usd"`
	// Told is what providers said that calls cost, and Ours what the new prices make
	// of the same calls.
	Told *reportedCost `json:"provider_reported,omitempty"`
}

// reportedCost sets what providers say beside what prices say.
type reportedCost struct {
	Calls  int64        `json:"calls"`
	Theirs report.Money `json:"reported_usd"`
	Ours   report.Money `json:"by_price_usd"`
}

func runReprice(ctx context.Context, o *repriceOptions) (err error) {
	o.flags.Store = *o.store
	cfg, _, err := config.Load(o.app.Dir, "", o.flags, o.app.Env)
	if err != nil {
		return err
	}
	book, err := newPricing(cfg)
	if err != nil {
		return err
	}
	if o.file != "" {
		path := o.file
		if !filepath.IsAbs(path) {
			path = filepath.Join(o.app.Dir, path)
		}
		rows, err := cfg.ReadPrices(path)
		if err != nil {
			return err
		}
		book.rows = append(rows, book.rows...)
	}
	s, err := openStore(ctx, o.app, cfg.StorePath, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	run, err := s.Run(ctx, o.run)
	if err != nil {
		return err
	}
	r := newRepricer(s, cfg, book, run)
	cost := func(t *eval.Trial, a *eval.Attempt) (eval.Cost, error) { return r.cost(ctx, t, a) }
	done, err := s.Reprice(ctx, run, r.now.Prices, r.now.MemberPrices, o.note, cost)
	if err != nil {
		return err
	}
	return o.show(r, &done)
}

func (o *repriceOptions) show(r *repricer, done *store.Repriced) error {
	res := repriceResult{Schema: "infer.reprice/1", Run: r.now.ID, Prices: r.prices, Attempts: done.Attempts, Changed: done.Changed, Untold: done.Untold,
		Elsewhere: done.Elsewhere, Before: report.MoneyOf(done.Before), After: report.MoneyOf(done.After)}
	if r.calls > 0 {
		res.Told = &reportedCost{r.calls, report.MoneyOf(r.theirs), report.MoneyOf(r.ours)}
	}
	err := toOutput(o.app, "", func(w io.Writer, _ bool) error {
		if o.out.format == string(render.JSON) {
			return render.Indented(w, res)
		}
		return res.table(w)
	})
	if err != nil {
		return err
	}
	next(o.app, "`infer report %s`", res.Run)
	return nil
}

func (r *repriceResult) table(w io.Writer) error {
	rows := make([][]string, len(r.Prices))
	for i := range r.Prices {
		p := &r.Prices[i]
		now := p.After.words()
		if p.Kept && p.After != nil {
			now = "kept: no other is known"
		}
		rows[i] = []string{eval.Untrusted(p.Provider).Line(40), eval.Untrusted(p.Model).Line(46), p.Before.words(), now}
	}
	if _, err := fmt.Fprintf(w, "run %s priced anew · %d calls, %d of them cost another amount now\n\n", r.Run, r.Attempts, r.Changed); err != nil {
		return err
	}
	if err := render.Plain(w, []string{"provider", "model", "price before", "price now"}, rows, nil); err != nil {
		return err
	}
	lines := fmt.Sprintf("\ncost before: %s   now: %s\n", report.CostRange(r.Before), report.CostRange(r.After))
	if r.Untold > 0 {
		lines += fmt.Sprintf("%d calls did not say what they used: what they cost is a range at best\n", r.Untold)
	}
	if r.Elsewhere > 0 {
		lines += fmt.Sprintf("%d trials were run elsewhere: their cost stays as it was told\n", r.Elsewhere)
	}
	if t := r.Told; t != nil {
		lines += fmt.Sprintf("providers themselves put %d of the calls at %s; by these prices they cost %s\n", t.Calls, report.CostRange(t.Theirs), report.CostRange(t.Ours))
	}
	_, err := io.WriteString(w, lines)
	return err
}

// words is a price in one cell: input, output, cached input where it has a price, and
// date.
func (p *priceJSON) words() string {
	if p == nil {
		return "unknown"
	}
	cached := ""
	if p.CacheRead != nil {
		cached = ", " + priceText((*eval.Price)(p.CacheRead)) + " cached"
	}
	return fmt.Sprintf("%s in, %s out%s (%s)", priceText((*eval.Price)(p.In)), priceText((*eval.Price)(p.Out)), cached, p.AsOf)
}
