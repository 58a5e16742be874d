package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"infer/cmd/internal/cli"
	"infer/cmd/internal/drill"
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

// drillPlan is a drill whose input is checked.
type drillPlan struct {
	o      *drillOptions
	file   []byte
	format string
	rule   *route.Routes
	edited []string
	losses []route.Loss
}

// maxRouteFile caps a routing file, in bytes.
const maxRouteFile = 16 << 20

// readRouteFile reads a file of routes; "-" is standard input.
func readRouteFile(app *cli.App, path string) ([]byte, error) {
	in := app.In
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, eval.Invalid(fmt.Errorf("read %s: %w", path, bare(err)), "name a file that `infer export` wrote")
		}
		defer f.Close() //nolint:errcheck // opened for reading only
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, maxRouteFile+1))
	if err != nil {
		return nil, eval.Invalid(fmt.Errorf("read %s: %w", path, bare(err)), "name a file that `infer export` wrote")
	}
	if len(b) > maxRouteFile {
		return nil, eval.Invalid(fmt.Errorf("%s is larger than 16 MiB", path), "name a file that `infer export` wrote")
	}
	return b, nil
}

// readPolicy reads a table in the neutral form, or the one that a file carries.
func readPolicy(app *cli.App, path string) (*route.Routes, error) {
	b, err := readRouteFile(app, path)
	if err != nil {
		return nil, err
	}
	d, err := route.Decode(b, "")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	r := d.Ruled()
	if err := r.Validate(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

func planDrill(o *drillOptions) (*drillPlan, error) {
	p := &drillPlan{o: o}
	if o.gateway != "" && o.launch != "" {
		return nil, eval.Invalid(errors.New("--gateway and --launch exclude each other"), "name a gateway that runs, or how to start one")
	}
	if o.timeout < 100*time.Millisecond || o.timeout > time.Minute {
		return nil, eval.Invalid(fmt.Errorf("--timeout %s", o.timeout), "give a time from 100ms to 1m: every hanging call waits for it")
	}
	for _, name := range o.cases {
		if !containsText(caseNames(), name) {
			return nil, eval.Invalid(fmt.Errorf("unknown case %q", eval.Untrusted(name).Line(40)), "the cases are "+strings.Join(caseNames(), ", "))
		}
	}
	var err error
	if p.file, err = readRouteFile(o.app, o.file); err != nil {
		return nil, err
	}
	d, err := route.Decode(p.file, o.kind)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.file, err)
	}
	p.format, p.edited = d.Format, d.Edited
	switch {
	case o.policy != "":
		if p.rule, err = readPolicy(o.app, o.policy); err != nil {
			return nil, err
		}
	case d.Source != nil:
		p.rule = d.Source
	default:
		p.rule = d.Routes
	}
	if err := p.rule.Validate(); err != nil {
		return nil, eval.Invalid(fmt.Errorf("%s does not say by itself what it is to do: %w", o.file, err), "name the rule that it was exported from with --policy")
	}
	for _, t := range o.types {
		if p.rule.Route(t) == nil {
			return nil, eval.Invalid(fmt.Errorf("%s has no task type %q", o.file, eval.Untrusted(t).Line(60)), "leave --type out for all of them")
		}
	}
	_, p.losses, err = route.Encode(p.rule, p.format)
	return p, err
}

func containsText(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}

func (p *drillPlan) options() drill.Options {
	return drill.Options{Routes: p.rule, Types: p.o.types, Cases: p.o.cases, Timeout: p.o.timeout, Port: p.o.port, OnCase: func(c *route.DrillCase) {
		if p.o.app.ErrTTY && !p.o.app.Quiet {
			_, _ = fmt.Fprintf(p.o.app.Err, "%s %s: %s\n", eval.Untrusted(c.TaskType).Line(40), c.Case, c.Verdict)
		}
	}}
}

func (p *drillPlan) writeRedirected() error {
	if p.o.port == 0 {
		return eval.Invalid(errors.New("--redirect needs --port"), "the same --port with --gateway then finds the upstreams: --port 9100")
	}
	g, err := drill.Open(p.options())
	if err != nil {
		return err
	}
	g.Close()
	b, changes, err := route.Redirect(p.file, p.format, g.Detour())
	if err != nil {
		return err
	}
	for _, c := range changes {
		_, _ = fmt.Fprintf(p.o.app.Err, "changed: %s\n", c)
	}
	if err := free(p.o.redirect); err != nil {
		return err
	}
	return toOutput(p.o.app, p.o.redirect, func(w io.Writer, _ bool) error {
		_, err := w.Write(b)
		return err
	})
}

// run drills infer's engine, then the gateway if there is one.
func (p *drillPlan) run(ctx context.Context) (*route.DrillReport, error) {
	g, err := drill.Open(p.options())
	if err != nil {
		return nil, err
	}
	defer g.Close()
	r := &route.DrillReport{Schema: route.DrillSchema, File: filepath.Base(p.o.file), Format: p.format, Edited: append([]string{}, p.edited...)}
	own := route.Drill{Engine: "infer", Version: p.o.app.Version, Losses: []route.Loss{},
		Changes: []string{fmt.Sprintf("time limits are %s at most, first waits 100 ms and longest waits 2 s", p.o.timeout)}}
	if err := g.Run(ctx, drill.NewEngine(g), &own); err != nil {
		return nil, err
	}
	r.Drills = append(r.Drills, own)
	d, err := p.gateway(ctx, g)
	if err != nil || d == nil {
		return r, err
	}
	r.Drills = append(r.Drills, *d)
	return r, nil
}

// gateway drills the gateway; nil = there is none to drill.
func (p *drillPlan) gateway(ctx context.Context, g *drill.Ground) (*route.Drill, error) {
	command := strings.Fields(p.o.launch)
	if p.o.gateway == "" && len(command) == 0 {
		if p.format != route.FormatLiteLLM {
			return nil, nil
		}
		path, err := exec.LookPath("litellm")
		if err != nil {
			_, _ = fmt.Fprintln(p.o.app.Err, "litellm is not installed: only infer's own engine was drilled. --launch says how to start a gateway.")
			return nil, nil
		}
		command = []string{path, "--config", "{config}", "--host", "{host}", "--port", "{port}"}
	}
	port, err := drill.FreePort()
	if err != nil {
		return nil, err
	}
	detour := g.Detour()
	if strings.Contains(p.o.launch, "{port}") {
		detour.Listen = fmt.Sprintf("127.0.0.1:%d", port)
	}
	file, changes, err := route.Redirect(p.file, p.format, detour)
	if err != nil {
		return nil, err
	}
	base, key := p.o.gateway, p.o.app.Env("LITELLM_MASTER_KEY")
	if base == "" {
		running, err := drill.Start(ctx, drill.Launch{Command: command, Format: p.format, Keys: p.rule.KeyNames(), Path: p.o.app.Env("PATH"), Wait: p.o.wait}, file, port)
		if err != nil {
			return nil, err
		}
		defer running.Stop()
		base, key = running.Base, running.Key
	}
	f, err := route.Lookup(p.format)
	if err != nil {
		return nil, err
	}
	d := &route.Drill{Engine: f.Title, Losses: p.losses, Changes: changes}
	gw := drill.NewGateway(p.format, base, key, file)
	err = g.Run(ctx, gw, d)
	d.Version = gw.Version()
	return d, err
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
