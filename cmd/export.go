package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"infer/cmd/internal/cli"
	"infer/cmd/internal/config"
	"infer/eval"
	"infer/report/render"
	"infer/report/route"
	"infer/testdata/schemas"
)

// exportOptions are the flags of infer export.
type exportOptions struct {
	app       *cli.App
	run       string
	flags     config.Flags
	format    string
	policy    string
	recommend string
	check     string
	output    string
	validDays int
	schema    bool
	overruled bool
	json      bool
}

func newExportCmd(app *cli.App, runF func(context.Context, *exportOptions) error) *cobra.Command {
	o := &exportOptions{app: app}
	formats := route.FormatNames()
	c := &cobra.Command{
		Use:   "export [run]",
		Short: "Write a routing configuration that a gateway loads",
		Long: `Write the default, the backup and the rule between them for each task type as a
configuration for a gateway: what infer recommend says of the run (the newest if
none is named), or a table that --policy names. What the gateway cannot express is
listed on standard error and in --json.

Keys are never written, only where a gateway finds them. A task type that needs
confirmation gets no backup: no gateway asks a person first. A task type that the
evidence does not decide keeps the incumbent alone; without one it gets no route.

Formats:
` + formatList() + `
--check compares a deployed file with the newest evidence, for CI.

EXIT STATUS
  0 written; the checked file is current · 2 the table or the file is invalid, or
  the format cannot express it · 3 the evidence decides nothing, or does not
  decide any more what the checked file holds · 100 the checked file differs from
  what the newest evidence decides, or has expired`,
		Example: `  # for the LiteLLM proxy, and proof of what it does
  $ infer export --format litellm -o litellm.yaml
  $ infer drill litellm.yaml

  # from a table that somebody wrote
  $ infer export --format portkey --policy routes.yaml

  # in CI: does the deployed file still agree with the evidence?
  $ infer export --check litellm.yaml`,
		Args: cobra.MaximumNArgs(1),
		PreRunE: func(*cobra.Command, []string) error {
			app.JSON = o.json
			return knownFormat(o.format)
		},
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				o.run = args[0]
			}
			if runF != nil {
				return runF(c.Context(), o)
			}
			return runExport(c.Context(), o)
		},
		ValidArgsFunction: completeRuns(app, &o.flags.Store),
	}
	f := c.Flags()
	f.StringVar(&o.format, "format", route.FormatInfer, "target: "+strings.Join(formats, ", "))
	f.StringVar(&o.policy, "policy", "", "routing table to export instead of a recommendation (infer.routes/1)")
	f.StringVar(&o.recommend, "recommendation", "", "recommendation to export instead of a new one (infer.recommendation/1)")
	f.StringVar(&o.check, "check", "", "compare this deployed file with the newest evidence and write nothing")
	f.IntVar(&o.validDays, "valid-days", 90, "days after the run until which the evidence holds; 0 = for ever")
	f.BoolVar(&o.overruled, "overruled", false, "export what people chose where they overruled the evidence (infer browse), with their reasons")
	f.BoolVar(&o.schema, "schema", false, "print the JSON Schema of infer.routes/1")
	f.BoolVar(&o.json, "json", false, "print what was exported, with the losses, as JSON")
	storeFlag(c, &o.flags.Store)
	f.StringVar(&o.flags.Config, "config", "", "configuration with incumbent, gates and providers (default infer.yaml here)")
	outputFlag(c, &o.output, "write the configuration to this file")
	_ = c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp))
	return c
}

// knownFormat refuses a format that is none and names the nearest.
func knownFormat(name string) error {
	_, err := route.Lookup(name)
	if near := config.Nearest(name, route.FormatNames()); err != nil && near != "" {
		return eval.Invalid(errors.Unwrap(err), "did you mean "+near+"?")
	}
	return err
}

func formatList() string {
	var b strings.Builder
	for _, f := range route.Formats() {
		fmt.Fprintf(&b, "  %-11s %s\n", f.Name, f.Summary)
	}
	return b.String()
}

func runExport(ctx context.Context, o *exportOptions) error {
	if o.schema {
		b, err := schemas.Files.ReadFile("routes.schema.json")
		if err != nil {
			return err
		}
		return toOutput(o.app, o.output, func(w io.Writer, _ bool) error { _, err := w.Write(b); return err })
	}
	if o.policy != "" && o.recommend != "" {
		return eval.Invalid(errors.New("--policy and --recommendation exclude each other"), "name the one to export")
	}
	r, err := exportTable(ctx, o)
	if err != nil {
		return err
	}
	if o.check != "" {
		return runExportCheck(o, r)
	}
	b, losses, err := route.Encode(r, o.format)
	if err != nil {
		return err
	}
	if err := writeExport(o, b, losses, r); err != nil {
		return err
	}
	for _, l := range route.Summary(losses, len(r.Routes)) {
		if !o.app.Quiet && !o.json {
			_, _ = fmt.Fprintf(o.app.Err, "lost: %s\n", l)
		}
	}
	tellUndecided(o.app, r)
	if o.output != "" && o.output != "-" {
		next(o.app, "`infer drill %s` proves what it does", o.output)
	}
	return nil
}

// tellUndecided names the task types that the evidence leaves open.
func tellUndecided(app *cli.App, r *route.Routes) {
	stays, none := []string{}, []string{}
	for _, u := range r.Undecided {
		name := eval.Untrusted(u.TaskType).Line(60)
		if r.Route(u.TaskType) != nil {
			stays = append(stays, name)
		} else {
			none = append(none, name)
		}
	}
	if app.Quiet {
		return
	}
	if len(stays) > 0 {
		_, _ = fmt.Fprintf(app.Err, "undecided, so the incumbent stays, without a backup: %s\n", strings.Join(stays, ", "))
	}
	if len(none) > 0 {
		_, _ = fmt.Fprintf(app.Err, "undecided, so there is no route: %s\n", strings.Join(none, ", "))
	}
}

// exported is the JSON form of an export.
type exported struct {
	Schema    string            `json:"schema"`
	Format    string            `json:"format"`
	File      string            `json:"file,omitempty"`
	Content   string            `json:"content,omitempty"` // where no file was written
	Evidence  route.Evidence    `json:"evidence"`
	Losses    []route.Loss      `json:"losses"`
	Undecided []route.Undecided `json:"undecided"`
}

func writeExport(o *exportOptions, b []byte, losses []route.Loss, r *route.Routes) error {
	file := o.output != "" && o.output != "-"
	if file || !o.json {
		if err := toOutput(o.app, o.output, func(w io.Writer, _ bool) error { _, err := w.Write(b); return err }); err != nil {
			return err
		}
	}
	if !o.json {
		return nil
	}
	out := exported{Schema: "infer.export/1", Format: o.format, Evidence: r.Evidence, Losses: losses, Undecided: append([]route.Undecided{}, r.Undecided...)}
	if file {
		out.File = o.output
	} else {
		out.Content = string(b)
	}
	return toOutput(o.app, "", func(w io.Writer, _ bool) error { return render.Indented(w, out) })
}

// runExportCheck says whether a deployed file still agrees with the evidence.
func runExportCheck(o *exportOptions, newest *route.Routes) error {
	b, err := readRouteFile(o.app, o.check)
	if err != nil {
		return err
	}
	d, err := route.Decode(b, "")
	if err != nil {
		return fmt.Errorf("%s: %w", o.check, err)
	}
	c, err := route.Compare(filepath.Base(o.check), d, newest, o.app.Now())
	if err != nil {
		return err
	}
	err = toOutput(o.app, o.output, func(w io.Writer, _ bool) error {
		if o.json {
			return render.Indented(w, c)
		}
		rows := make([][]string, 0, len(c.Types))
		for _, t := range c.Types {
			rows = append(rows, []string{eval.Untrusted(t.TaskType).Line(60), string(t.State), eval.Untrusted(t.Reason).Line(200)})
		}
		if err := render.Plain(w, []string{"task type", "state", "why"}, rows, nil); err != nil {
			return err
		}
		for _, r := range append([]string{"the file is " + string(c.State)}, c.Reasons...) {
			if _, err := fmt.Fprintln(w, r); err != nil {
				return err
			}
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case c.State == route.Stale:
		return eval.WithHint(eval.KindIncomplete, fmt.Errorf("%s is stale: the newest evidence does not decide all of it", o.check), "`infer recommend` says how many more tasks would settle it")
	case c.State != route.Current:
		return eval.WithHint(eval.KindGate, fmt.Errorf("%s is %s", o.check, c.State), "export it anew, drill it, and deploy it")
	}
	return nil
}
