package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"infer/cmd/internal/cli"
	"infer/cmd/internal/drill"
	"infer/eval"
	"infer/report/route"
)

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
		Changes: []string{fmt.Sprintf("hanging calls are given %s at most, first waits are 100 ms and the longest 2 s", p.o.timeout)}}
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
