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
	"infer/datasets"
	"infer/eval"
	"infer/eval/runner"
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
	r := newRepricer(ctx, s, cfg, book, run)
	done, err := s.Reprice(ctx, run, r.now.Prices, r.now.MemberPrices, o.note, r.cost)
	if err != nil {
		return err
	}
	return o.show(r, &done)
}

// repricer prices the stored calls of one run.
type repricer struct {
	ctx    context.Context //nolint:containedctx // of one repricing, which reads tasks when it first needs them
	s      *store.Store
	cfg    *config.Config
	book   *pricing
	now    *eval.Run // the run with the new prices
	prices []repriced
	tasks  map[int]*eval.Task // read when first needed
	served map[[2]string]*eval.PriceRow

	calls        int64
	theirs, ours eval.Cost
}

// newRepricer looks the new prices up: one for each row that the run has or lacks.
func newRepricer(ctx context.Context, s *store.Store, cfg *config.Config, book *pricing, run *eval.Run) *repricer {
	now := *run
	now.Prices, now.MemberPrices = make([]eval.PriceRow, len(run.Candidates)), nil
	r := &repricer{ctx: ctx, s: s, cfg: cfg, book: book, now: &now, served: make(map[[2]string]*eval.PriceRow)}
	for i := range run.Candidates {
		c := &run.Candidates[i]
		if c.Policy == nil {
			if row := r.priceOf(c, run.PriceOf(i, c.Provider, c.Model)); row != nil {
				now.Prices[i] = *row
			}
			continue
		}
		for _, m := range []*eval.Candidate{c.Policy.DefaultCandidate, c.Policy.BackupCandidate, c.Policy.ContextCandidate} {
			if m == nil || hasPrice(now.MemberPrices, m) {
				continue
			}
			if row := r.priceOf(m, run.PriceOf(-1, m.Provider, m.Model)); row != nil {
				now.MemberPrices = append(now.MemberPrices, *row)
			}
		}
	}
	for i := range run.MemberPrices { // of models that were served in another's place
		m := &run.MemberPrices[i]
		c := &eval.Candidate{Provider: m.Provider, Model: m.Model}
		if !hasPrice(now.MemberPrices, c) {
			now.MemberPrices = append(now.MemberPrices, *r.priceOf(c, m))
		}
	}
	return r
}

// priceOf is the new price of a model, else the old one.
func (r *repricer) priceOf(c *eval.Candidate, old *eval.PriceRow) *eval.PriceRow {
	line := repriced{Provider: c.Provider, Model: c.Model, Before: rowJSON(old)}
	row, ok := r.book.of(c.Provider, c.Model)
	now := &row
	if !ok {
		now, line.Kept = old, true
	}
	line.After = rowJSON(now)
	known := false
	for i := range r.prices {
		known = known || r.prices[i].Provider == line.Provider && r.prices[i].Model == line.Model
	}
	if !known {
		r.prices = append(r.prices, line)
	}
	return now
}

func rowJSON(r *eval.PriceRow) *priceJSON {
	if r == nil {
		return nil
	}
	j := priceRowJSON(r)
	return &j
}

// cost is what a stored call costs by the new prices.
func (r *repricer) cost(t *eval.Trial, a *eval.Attempt) (eval.Cost, error) {
	asked := r.now.PriceOf(t.Candidate, a.Provider, a.Model)
	var req *eval.Request
	if a.Billing != eval.NotBilled && (a.Usage == nil || a.Billing == eval.Unbilled) && asked != nil {
		var err error
		if req, err = r.request(t); err != nil {
			return eval.Cost{}, err
		}
	}
	c := runner.Price(a, req, asked, func(model string) *eval.PriceRow { return r.find(a.Provider, model) })
	if a.Usage != nil && a.Usage.ProviderCost != nil && a.Billing != eval.NotBilled {
		r.calls++
		r.theirs, r.ours = r.theirs.Plus(eval.Exactly(*a.Usage.ProviderCost)), r.ours.Plus(c)
	}
	return c, nil
}

// find is the price of a model that was served in another's place, which the run
// keeps from now on.
func (r *repricer) find(provider, model string) *eval.PriceRow {
	key := [2]string{provider, model}
	row, ok := r.served[key]
	if !ok {
		if row = r.now.PriceOf(-1, provider, model); row == nil {
			if row = r.book.exactly(provider, model); row != nil {
				r.now.MemberPrices = append(r.now.MemberPrices, *row)
			}
		}
		r.served[key] = row
	}
	return row
}

// request is what a trial's call asked: its length bounds a cost of which nothing
// else is known.
func (r *repricer) request(t *eval.Trial) (*eval.Request, error) {
	if r.tasks == nil {
		r.tasks = make(map[int]*eval.Task)
		for l, err := range r.s.Lines(r.ctx, r.now.ID) {
			if err != nil {
				return nil, err
			}
			task, err := datasets.ParseLine(l.Raw, r.cfg.Fields)
			if err != nil {
				return nil, eval.Invalid(fmt.Errorf("%s:%d: %w", l.File, l.Line, err), "use the fields: mapping of the run's own infer.yaml: --config FILE")
			}
			r.tasks[l.Seq] = task
		}
	}
	task, ok := r.tasks[t.TaskSeq]
	if !ok {
		return nil, store.ErrNotFound
	}
	c := &r.now.Candidates[t.Candidate]
	if c.Policy != nil && c.Policy.DefaultCandidate != nil {
		c = c.Policy.DefaultCandidate // a backup is asked what the default was
	}
	req := runner.BuildRequest(task, c)
	return &req, nil
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

// words is a price in one cell: input, output and date.
func (p *priceJSON) words() string {
	if p == nil {
		return "unknown"
	}
	return fmt.Sprintf("%s in, %s out (%s)", priceText((*eval.Price)(p.In)), priceText((*eval.Price)(p.Out)), p.AsOf)
}
