package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"infer/cmd/internal/cli"
	"infer/cmd/internal/config"
	"infer/eval"
	"infer/report/route"
)

// exportTable is the table to export, or the one that a deployed file is held
// against: the one that the user names, or that of the recommendation.
func exportTable(ctx context.Context, o *exportOptions) (_ *route.Routes, err error) {
	if o.policy != "" {
		return readPolicy(o.app, o.policy)
	}
	var rec *eval.Recommendation
	if o.recommend != "" {
		if rec, err = readRecommendation(o.app, o.recommend); err != nil {
			return nil, err
		}
		if o.run == "" {
			o.run = fmt.Sprintf("%s@%d", rec.Run, rec.Grading)
		}
	}
	cfg, _, err := config.Load(o.app.Dir, "", o.flags, o.app.Env)
	if err != nil {
		return nil, err
	}
	s, err := openStore(ctx, o.app, cfg.StorePath, false)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	g, err := findRun(ctx, s, o.run)
	if err != nil {
		return nil, err
	}
	if rec == nil {
		if rec, err = recommendation(ctx, s, cfg, g, nil); err != nil {
			return nil, err
		}
	}
	if g.run.ID != rec.Run {
		return nil, eval.Invalid(fmt.Errorf("the recommendation is on run %s, not %s", eval.Untrusted(rec.Run).Line(40), g.run.ID), "name that run, or make a recommendation on this one")
	}
	choices, err := s.Overrulings(ctx, g.run.ID)
	if err != nil {
		return nil, err
	}
	if o.overruled {
		rec = rec.Overrule(choices)
	} else if n := standing(choices); n > 0 && !o.app.Quiet {
		_, _ = fmt.Fprintf(o.app.Err, "note: people overruled the decision on %d task types; the file holds what the evidence decides, --overruled what they chose\n", n)
	}
	return route.Build(rec, g.run, route.BuildOptions{Service: services(cfg), Expires: o.expires(rec)})
}

// standing counts the choices that were not taken back.
func standing(choices []eval.Overruling) (n int) {
	for _, o := range choices {
		if o.Default != "" {
			n++
		}
	}
	return n
}

// expires is the day from which on the evidence is to be renewed.
func (o *exportOptions) expires(rec *eval.Recommendation) time.Time {
	if o.validDays <= 0 {
		return time.Time{}
	}
	return rec.EvidenceAt.AddDate(0, 0, o.validDays)
}

// readRecommendation reads the JSON form of a recommendation.
func readRecommendation(app *cli.App, path string) (*eval.Recommendation, error) {
	b, err := readRouteFile(app, path)
	if err != nil {
		return nil, err
	}
	var rec eval.Recommendation
	if err := json.Unmarshal(b, &rec); err != nil || rec.Schema != eval.RecommendationSchema {
		return nil, eval.Invalid(fmt.Errorf("%s is not a recommendation", path), "`infer recommend --json` writes one")
	}
	return &rec, nil
}

// services says where the configuration's providers are called. A key that is in a
// file or comes from a command is expected by a gateway in a variable of the
// provider's name.
func services(cfg *config.Config) func(string) route.Service {
	return func(provider string) route.Service {
		p := cfg.Providers[provider]
		at, ok := cfg.Endpoint(provider)
		switch {
		case p.Type == "replay" || p.Type == "simulate":
			return route.Service{Why: "it is of type " + p.Type}
		case !ok:
			return route.Service{}
		case p.APIVersion != "" || strings.Contains(at.BaseURL, "?"):
			return route.Service{Why: "it needs a query in its address, which no exporter writes"}
		}
		s := route.Service{API: p.Type, BaseURL: at.BaseURL, KeyEnv: at.KeyEnv}
		if s.API == "" {
			s.API = route.APIOpenAI
		}
		if p.API == "responses" {
			s.Endpoint = p.API
		}
		for h := range p.Headers {
			s.Headers = append(s.Headers, h)
		}
		slices.Sort(s.Headers)
		if s.KeyEnv == "" && (at.KeyFile != "" || len(at.KeyCmd) > 0) {
			s.KeyEnv = variable(provider) + "_API_KEY"
		}
		return s
	}
}

// variable is a name as a part of an environment variable's.
func variable(s string) string {
	return "INFER_" + strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, s)
}
