package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"infer/cmd/internal/cli"
	"infer/cmd/internal/config"
	"infer/eval"
	"infer/eval/store"
	"infer/report"
	"infer/report/route"
	"infer/report/tui"
	"infer/scoring/decide"
)

// browseSource gives the browser runs, decisions and exports.
type browseSource struct {
	app *cli.App
	cfg *config.Config
	s   *store.Store // for reading
}

var (
	_ tui.Source         = (*browseSource)(nil)
	_ tui.DecisionSource = (*browseSource)(nil)
	_ tui.ExportSource   = (*browseSource)(nil)
)

// Runs lists the runs.
func (b *browseSource) Runs(ctx context.Context) ([]tui.RunLine, error) {
	infos, err := b.s.Runs(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]tui.RunLine, len(infos))
	for i := range infos {
		r := &infos[i]
		out[i] = tui.RunLine{ID: r.ID, Name: r.Name, State: r.State, Created: r.CreatedAt, Updated: r.UpdatedAt, Dataset: r.Dataset.Path, Candidates: r.Models, Tasks: r.Dataset.Tasks,
			Trials: r.Trials, Planned: int64(r.Planned), Accepted: r.Accepted, Cost: r.Cost}
	}
	return out, nil
}

// Open builds a run's report.
func (b *browseSource) Open(ctx context.Context, id string) (*report.Report, error) {
	return loadReport(ctx, b.s, id)
}

// browseDecide is the largest run, in trials, that is weighed while the browser is
// open: a larger one takes seconds, and more memory than a browser should.
const browseDecide = 200_000

// Decide weighs the candidates under the run's policy with changes. A service level
// that is changed takes the place of the one in infer.yaml too.
func (b *browseSource) Decide(ctx context.Context, id string, w tui.WhatIf) (*eval.Recommendation, error) {
	g, err := findRun(ctx, b.s, id)
	if err != nil {
		return nil, err
	}
	if n := g.run.Planned(); n > browseDecide {
		return nil, fmt.Errorf("a run of %d trials is weighed by `infer recommend %s`, which takes a moment", n, id)
	}
	return recommendation(ctx, b.s, b.cfg, g, func(in *decide.Input) {
		if len(w.Rules) == 0 {
			return
		}
		types, err := b.s.TaskTypes(ctx, id)
		if err != nil {
			return // the evidence was read a moment ago; without types nothing is changed
		}
		in.Run, in.Limits = whatIfRun(g.run, types, w), whatIfLimits(in.Limits, w)
	})
}

// whatIfRun is the run with its task types' policies changed.
func whatIfRun(run *eval.Run, types []string, w tui.WhatIf) *eval.Run {
	changed := *run
	changed.TaskTypes = append([]eval.TaskType(nil), run.TaskTypes...)
	known := make(map[string]bool, len(changed.TaskTypes))
	for i := range changed.TaskTypes {
		known[changed.TaskTypes[i].Name] = true
	}
	for _, name := range types {
		if _, ok := w.Rules[name]; ok && !known[name] {
			changed.TaskTypes = append(changed.TaskTypes, eval.TaskType{Name: name, Class: eval.LowRisk})
		}
	}
	for i := range changed.TaskTypes {
		if r, ok := w.Rules[changed.TaskTypes[i].Name]; ok {
			changed.TaskTypes[i].Margin, changed.TaskTypes[i].SLO, changed.TaskTypes[i].Volume = r.Margin, r.SLO, r.Volume
		}
	}
	return &changed
}

func whatIfLimits(limits func(string) eval.GateLimits, w tui.WhatIf) func(string) eval.GateLimits {
	return func(taskType string) eval.GateLimits {
		l := limits(taskType)
		if r, ok := w.Rules[taskType]; ok {
			l.SLO = r.SLO
		}
		return l
	}
}

// Overrulings returns the choices that are stored.
func (b *browseSource) Overrulings(ctx context.Context, id string) ([]eval.Overruling, error) {
	return b.s.Overrulings(ctx, id)
}

// Overrule stores a choice. The store is opened for writing for that moment alone.
func (b *browseSource) Overrule(ctx context.Context, id string, o eval.Overruling) (err error) {
	w, err := store.Open(ctx, b.s.Path(), store.Options{Now: b.app.Now})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	return w.Overrule(ctx, id, o)
}

// Formats lists the targets of exports.
func (b *browseSource) Formats() []string { return route.FormatNames() }

// browseValidDays is how long what is exported here holds, as with infer export.
const browseValidDays = 90

// Export encodes the decision on a run for a target.
func (b *browseSource) Export(ctx context.Context, id, format string) (tui.Export, error) {
	f, err := route.Lookup(format)
	if err != nil {
		return tui.Export{}, err
	}
	g, err := findRun(ctx, b.s, id)
	if err != nil {
		return tui.Export{}, err
	}
	rec, err := recommendation(ctx, b.s, b.cfg, g, nil)
	if err != nil {
		return tui.Export{}, err
	}
	overruled, err := b.s.Overrulings(ctx, id)
	if err != nil {
		return tui.Export{}, err
	}
	r, err := route.Build(rec.Overrule(overruled), g.run, route.BuildOptions{Service: services(b.cfg), Expires: rec.EvidenceAt.AddDate(0, 0, browseValidDays)})
	if err != nil {
		return tui.Export{}, err
	}
	text, losses, err := route.Encode(r, format)
	if err != nil {
		return tui.Export{}, err
	}
	e := tui.Export{Format: format, Text: string(text), Ext: f.Ext, Losses: route.Summary(losses, len(r.Routes))}
	if standing(overruled) > 0 {
		e.Flags = []string{"--overruled"}
	}
	return e, nil
}

// Write writes an export to a file that is not there yet.
func (b *browseSource) Write(_ context.Context, path string, e tui.Export) error {
	if !filepath.IsAbs(path) {
		path = filepath.Join(b.app.Dir, path)
	}
	if err := free(path); err != nil {
		return err
	}
	if err := writeFile(path, func(w io.Writer) error { _, err := io.WriteString(w, e.Text); return err }); err != nil {
		return eval.WithHint(eval.KindOperational, fmt.Errorf("write %s: %w", path, err), "name a file in a folder that you may write")
	}
	return nil
}
