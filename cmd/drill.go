package cmd

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"infer/cmd/internal/cli"
	"infer/eval"
	"infer/report/render"
	"infer/report/route"
)

// drillOptions are the flags of infer drill.
type drillOptions struct {
	app      *cli.App
	file     string
	policy   string
	kind     string
	gateway  string
	launch   string
	redirect string
	types    []string
	cases    []string
	timeout  time.Duration
	wait     time.Duration
	port     int
	output   string
	out      formatFlag
}

func newDrillCmd(app *cli.App, runF func(context.Context, *drillOptions) error) *cobra.Command {
	o := &drillOptions{app: app}
	c := &cobra.Command{
		Use:   "drill <file>",
		Short: "Prove what an exported routing file does under faults",
		Long: `Send each task type of a routing file through every class of failure and compare
what happens with the rule: which models were called how often, who answered,
whether the request stayed the same and whether the reason is told.

FILE is what infer export wrote, in any format. Upstreams that fail as they are
told are started on loopback. infer's own policy engine is always drilled: it is
the one that evaluates policies. A gateway is drilled too if --gateway names one
that runs, if --launch says how to start one, or if FILE is LiteLLM's and litellm
is installed; its file is redirected to the upstreams, its time limits are
shortened, and no real key reaches it. Everything that was started is ended.

A gateway that runs already has to be started with the redirected file: write it
with --redirect and --port. Portkey takes its file with every request.

EXIT STATUS
  0 as ruled, or different only by losses that the export names · 2 the file is
  no routing file · 100 a rule that the target can express is broken`,
		Example: `  # infer's own engine, and LiteLLM if it is installed
  $ infer drill litellm.yaml

  # a gateway that is started for the drill
  $ infer drill portkey.json --launch "node start-server.js --headless --port={port}"

  # one task type, for a pull request
  $ infer drill routes.yaml --type triage --format md`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			o.file = args[0]
			if runF != nil {
				return runF(c.Context(), o)
			}
			return runDrill(c.Context(), o)
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"yaml", "json", "toml", "env"}, cobra.ShellCompDirectiveFilterFileExt
		},
	}
	f := c.Flags()
	f.StringVar(&o.policy, "policy", "", "the rule that the file was exported from (default: what the file carries)")
	f.StringVar(&o.kind, "file-format", "", "format of FILE (default: find out): "+strings.Join(route.FormatNames(), ", "))
	f.StringVar(&o.gateway, "gateway", "", "URL of a gateway that runs with the redirected file")
	f.StringVar(&o.launch, "launch", "", "command that starts the gateway; {config}, {host} and {port} are filled in")
	f.StringVar(&o.redirect, "redirect", "", "write the redirected file here and end; needs --port")
	f.StringSliceVar(&o.types, "type", nil, "only this task type; repeatable")
	f.StringSliceVar(&o.cases, "case", nil, "only this case; repeatable")
	f.DurationVar(&o.timeout, "timeout", 2*time.Second, "longest time limit that the drilled file keeps")
	f.DurationVar(&o.wait, "start-timeout", 2*time.Minute, "how long a gateway may take to start")
	f.IntVar(&o.port, "port", 0, "port of the first of four upstreams (default: free ones)")
	outputFlag(c, &o.output, "write the result to this file")
	o.out.add(c, app, []string{string(render.Table), string(render.Markdown), string(render.JSON)})
	_ = c.RegisterFlagCompletionFunc("file-format", cobra.FixedCompletions(route.FormatNames(), cobra.ShellCompDirectiveNoFileComp))
	_ = c.RegisterFlagCompletionFunc("case", cobra.FixedCompletions(caseNames(), cobra.ShellCompDirectiveNoFileComp))
	return c
}

func caseNames() []string {
	cases := route.Cases()
	names := make([]string, len(cases))
	for i := range cases {
		names[i] = cases[i].Name
	}
	return names
}

func runDrill(ctx context.Context, o *drillOptions) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	p, err := planDrill(o)
	if err != nil {
		return err
	}
	if o.redirect != "" {
		return p.writeRedirected()
	}
	r, err := p.run(ctx)
	if ctx.Err() != nil {
		return &cli.CodedError{Code: cli.ExitInterrupted, Err: cli.ErrSilent}
	}
	if err != nil {
		return err
	}
	if err := toOutput(o.app, o.output, func(w io.Writer, _ bool) error { return writeDrill(w, r, o.out.format) }); err != nil {
		return err
	}
	if n := r.Broken(); n > 0 {
		return eval.WithHint(eval.KindGate, fmt.Errorf("%d cases break a rule that the target can express", n), "look for BROKEN in the table; the JSON has every case with its notes")
	}
	next(o.app, "`infer export --check %s` in CI says when the evidence has moved on", o.file)
	return nil
}

// writeDrill writes the result.
func writeDrill(w io.Writer, r *route.DrillReport, format string) error {
	switch format {
	case string(render.JSON):
		return render.Indented(w, r)
	case string(render.Markdown):
		return r.Markdown(w, render.Escape)
	}
	if len(r.Edited) > 0 {
		if _, err := fmt.Fprintf(w, "changed since its export: %s\n\n", eval.Untrusted(strings.Join(r.Edited, ", ")).Line(300)); err != nil {
			return err
		}
	}
	for i := range r.Drills {
		d := &r.Drills[i]
		if _, err := fmt.Fprintf(w, "%s\n\n", d.Title()); err != nil {
			return err
		}
		var rows [][]string
		for _, row := range d.Rows() {
			rows = append(rows, row.Cells(d.TaskTypes()))
		}
		if err := render.Plain(w, route.DrillColumns(), rows, nil); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(w); err != nil {
			return err
		}
	}
	return nil
}
