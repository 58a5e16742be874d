package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"infer/cmd/internal/cli"
	"infer/cmd/internal/config"
	"infer/eval"
	"infer/report/render"
)

// checkTimeout bounds the question to one provider.
const checkTimeout = 15 * time.Second

type modelsOptions struct {
	app    *cli.App
	target string
	flags  config.Flags
	out    formatFlag
}

func newModelsCmd(app *cli.App) *cobra.Command {
	c := &cobra.Command{
		Use: "models", Short: "List the candidates, and check that they answer", Args: cobra.NoArgs,
		Long:    "Say which models are configured, which of them are priced, and, with check, which\ncan be reached with their keys.",
		Example: "  $ infer models list testdata/quickstart\n  $ infer models check -m openai/gpt-5-mini",
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newModelsListCmd(app), newModelsCheckCmd(app))
	return c
}

func modelsFlags(c *cobra.Command, o *modelsOptions) {
	c.Flags().StringArrayVarP(&o.flags.Models, "model", "m", nil, "candidate: [name=]provider/model or [name=]URL/model; repeatable")
	c.Flags().StringVar(&o.flags.Config, "config", "", "configuration file")
	o.out.add(c, o.app, []string{string(render.Table), string(render.JSON)})
}

// modelLine is one candidate, as configured and, after a check, as found.
type modelLine struct {
	Candidate string     `json:"candidate"`
	Provider  string     `json:"provider"`
	Model     string     `json:"model"`
	Price     *priceJSON `json:"price"`                    // null = unknown
	Context   *int64     `json:"context_window,omitempty"` // tokens; left out where unknown
	Reachable *bool      `json:"reachable,omitempty"`
	Offered   *bool      `json:"offered,omitempty"` // the provider lists the model
	Problem   string     `json:"problem,omitempty"`
}

func (o *modelsOptions) load() (*config.Config, []eval.Candidate, []modelLine, error) {
	cfg, _, err := config.Load(o.app.Dir, o.target, o.flags, o.app.Env)
	if err != nil {
		return nil, nil, nil, err
	}
	candidates, err := cfg.ResolveCandidates()
	if err != nil {
		return nil, nil, nil, err
	}
	book, err := newPricing(cfg)
	if err != nil {
		return nil, nil, nil, err
	}
	var singles []eval.Candidate
	var lines []modelLine
	for i := range candidates {
		c := &candidates[i]
		if c.Policy != nil {
			continue // its members are candidates themselves
		}
		l := modelLine{Candidate: c.Name, Provider: c.Provider, Model: c.Model}
		if row, ok := book.of(c.Provider, c.Model); ok {
			p := priceRowJSON(&row)
			l.Price = &p
			if row.ContextWindow > 0 {
				l.Context = &row.ContextWindow
			}
		}
		singles, lines = append(singles, *c), append(lines, l)
	}
	return cfg, singles, lines, nil
}

func (o *modelsOptions) write(lines []modelLine, checked bool) error {
	return toOutput(o.app, "", func(w io.Writer, _ bool) error {
		if o.out.format == string(render.JSON) {
			return render.Indented(w, map[string]any{"schema": "infer.models/1", "models": lines})
		}
		head := []string{"candidate", "provider", "model", "in", "out", "price of", "context"}
		if checked {
			head = append(head, "found")
		}
		rows := make([][]string, len(lines))
		for i := range lines {
			l := &lines[i]
			in, out, of, window := "–", "–", "no price known", "–"
			if l.Price != nil {
				in, out, of = priceText((*eval.Price)(l.Price.In)), priceText((*eval.Price)(l.Price.Out)), l.Price.AsOf
				if l.Price.Example {
					of += " (example)"
				}
			}
			if l.Context != nil {
				window = fmt.Sprint(*l.Context)
			}
			rows[i] = []string{eval.Untrusted(l.Candidate).Line(40), l.Provider, eval.Untrusted(l.Model).Line(40), in, out, of, window}
			if checked {
				rows[i] = append(rows[i], l.found())
			}
		}
		return render.Plain(w, head, rows, map[int]bool{3: true, 4: true, 6: true})
	})
}

func (l *modelLine) found() string {
	switch {
	case l.Problem != "":
		return "✗ " + eval.Untrusted(l.Problem).Line(80)
	case l.Offered == nil:
		return "✓ reached"
	case *l.Offered:
		return "✓ reached, model offered"
	}
	return "? reached, but it does not list the model"
}

func newModelsListCmd(app *cli.App) *cobra.Command {
	o := &modelsOptions{app: app}
	c := &cobra.Command{
		Use: "list [path]", Short: "List the configured models with their prices",
		Long:    "List the candidates of a project, or of -m, with their prices in US dollars per\nmillion tokens. Nothing is sent.",
		Example: "  $ infer models list\n  $ infer models list testdata/quickstart --json",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				o.target = args[0]
			}
			_, _, lines, err := o.load()
			if err != nil {
				return err
			}
			return o.write(lines, false)
		},
	}
	modelsFlags(c, o)
	return c
}

func newModelsCheckCmd(app *cli.App) *cobra.Command {
	o := &modelsOptions{app: app}
	c := &cobra.Command{
		Use: "check [path]", Short: "Ask each provider whether it is there",
		Long: `Ask the provider of each candidate for its list of models: is it reached, does it
take the key, does it offer the model. That costs nothing.

EXIT STATUS
  0 all are reached · 1 one is not · 4 a key is missing or refused`,
		Example: "  $ infer models check\n  $ infer models check -m local=http://127.0.0.1:8101/v1/smollm2-135m-instruct",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				o.target = args[0]
			}
			return runModelsCheck(c.Context(), o)
		},
	}
	modelsFlags(c, o)
	return c
}

// lister is a caller that can be asked what it offers.
type lister interface {
	Models(ctx context.Context) ([]string, error)
}

func runModelsCheck(ctx context.Context, o *modelsOptions) error {
	o.flags.Live = true // a recording is always there; the question is about the providers
	cfg, candidates, lines, err := o.load()
	if err != nil {
		return err
	}
	w, err := newWiring(o.app, cfg, true) // nothing is run: a program is only looked for
	if err != nil {
		return err
	}
	type answer struct {
		models []string
		err    error
		asked  bool
	}
	answers := make(map[string]answer)
	var worst error
	for i := range candidates {
		name := candidates[i].Provider
		a, ok := answers[name]
		if !ok {
			l, err := w.provider(name)
			if err != nil {
				a.err = err
			} else if m, can := l.caller.(lister); can {
				a.asked = true
				a.models, a.err = ask(ctx, m)
			}
			answers[name] = a
		}
		reached := a.err == nil
		lines[i].Reachable = &reached
		if a.err != nil {
			lines[i].Problem = a.err.Error()
			worst = graver(worst, a.err)
		} else if a.asked && len(a.models) > 0 {
			offered := slices.Contains(a.models, candidates[i].Model)
			lines[i].Offered = &offered
		}
	}
	if err := o.write(lines, true); err != nil {
		return err
	}
	return worst
}

func ask(ctx context.Context, m lister) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	return m.Models(ctx)
}

// graver keeps the error that matters more: a key before an address.
func graver(worst, err error) error {
	var f *eval.Failure
	if errors.As(err, &f) {
		hint, kind := "is the server running, and base_url right?", eval.KindOperational
		if f.Class == eval.ClassAuthBilling {
			hint, kind = "mend the key or the account", eval.KindCredentials
		}
		err = eval.WithHint(kind, err, hint)
	}
	if worst == nil || eval.KindOf(err) == eval.KindCredentials && eval.KindOf(worst) != eval.KindCredentials {
		return err
	}
	return worst
}
