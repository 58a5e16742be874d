package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"infer/cmd/internal/cli"
	"infer/cmd/internal/config"
	"infer/eval"
	"infer/report/render"
	"infer/scoring/decide"
)

// simulateOptions are the flags of infer simulate.
type simulateOptions struct {
	app      *cli.App
	policies []string
	run      string
	flags    config.Flags
	outages  []string
	output   string
	out      formatFlag
}

func newSimulateCmd(app *cli.App, runF func(context.Context, *simulateOptions) error) *cobra.Command {
	o := &simulateOptions{app: app}
	c := &cobra.Command{
		Use:   "simulate <policy> [more...]",
		Short: "Replay policies from stored outcomes, without a call",
		Long: `Replay what policies would have achieved on the tasks of a run, from the stored
outcomes. A policy is

  a       one candidate            a,b   b where a gives no answer (an error that
  a*2     called twice at most            policy: on: names)
                                   a>b   b where a's answer is not accepted: what a
                                         perfect check would do

Repeated calls use distinct stored repeats and average over all orders; where too few
are stored, further calls are extrapolated from how repeats vary and marked so, or
refused where nothing is known of that.

It is assumed that an answer does not depend on calls made before it, that models
have not changed since, and that repeats are exchangeable.

EXIT STATUS
  0 replayed · 2 usage · 3 not enough repeats stored`,
		Example: `  # a cheap model, and a strong one for what it gets wrong
  $ infer simulate 'cheap>strong'

  # the same, and a plain backup, side by side
  $ infer simulate 'cheap>strong' cheap,strong strong --run latest

  # what if the provider openai is down 1% of the time
  $ infer simulate gpt-5-mini,claude-haiku --outage openai=0.01`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			o.policies = args
			if runF != nil {
				return runF(c.Context(), o)
			}
			return runSimulate(c.Context(), o)
		},
		ValidArgsFunction: completeCandidates(app, &o.flags.Store, &o.run),
	}
	f := c.Flags()
	storeFlag(c, &o.flags.Store)
	f.StringVar(&o.flags.Config, "config", "", "configuration with policy: on: (default infer.yaml here)")
	f.StringVar(&o.run, "run", "", "run to replay (default the newest)")
	f.StringArrayVar(&o.outages, "outage", nil, "provider=share of the time that it is down; repeatable")
	outputFlag(c, &o.output, "write to this file")
	o.out.add(c, app, render.PolicyFormats())
	return c
}

func runSimulate(ctx context.Context, o *simulateOptions) (err error) {
	cfg, _, err := config.Load(o.app.Dir, "", o.flags, o.app.Env)
	if err != nil {
		return err
	}
	s, err := openStore(ctx, o.app, cfg.StorePath, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	g, err := findRun(ctx, s, o.run)
	if err != nil {
		return err
	}
	e, err := g.evidence(ctx, s)
	if err != nil {
		return err
	}
	r := decide.Replay{Evidence: e, Triggers: cfg.ResolveRule().On, Seed: g.run.Seed}
	for i := range g.run.Candidates {
		r.Names, r.Providers = append(r.Names, g.run.Candidates[i].Name), append(r.Providers, g.run.Candidates[i].Provider)
	}
	values, err := o.replay(&r)
	if err != nil {
		return err
	}
	if err := toOutput(o.app, o.output, func(w io.Writer, tty bool) error {
		return render.Policies(w, &render.PolicyList{Schema: render.PolicySchema, Run: g.run.ID, Policies: values}, render.Format(o.out.format), renderOptions(o.app, tty))
	}); err != nil {
		return err
	}
	next(o.app, "`infer recommend %s --policies` searches simple policies", g.run.ID)
	return nil
}

func (o *simulateOptions) replay(r *decide.Replay) ([]eval.PolicyValue, error) {
	var values []eval.PolicyValue
	for _, text := range o.policies {
		p, err := decide.ParsePolicy(text, r.Names)
		if err != nil {
			return nil, err
		}
		if len(o.outages) == 0 {
			v, err := r.Value(&p, "")
			if err != nil {
				return nil, err
			}
			values = append(values, v)
		}
		for _, outage := range o.outages {
			provider, text, ok := strings.Cut(outage, "=")
			share, err := strconv.ParseFloat(text, 64)
			if !ok || err != nil || share < 0 || share > 1 {
				return nil, eval.Invalid(fmt.Errorf("--outage %s", eval.Untrusted(outage).Line(60)), "write it like openai=0.01")
			}
			if !slices.Contains(r.Providers, provider) {
				return nil, eval.Invalid(fmt.Errorf("--outage %s: no candidate is at provider %s", eval.Untrusted(outage).Line(60), eval.Untrusted(provider).Line(60)),
					"the providers are "+eval.Untrusted(strings.Join(r.Providers, ", ")).Line(200))
			}
			v, err := r.WhatIf(&p, provider, share)
			if err != nil {
				return nil, err
			}
			values = append(values, v...)
		}
	}
	return values, nil
}
