package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"infer/cmd/internal/cli"
	"infer/cmd/internal/config"
	"infer/eval"
	"infer/eval/runner"
	"infer/providers"
	"infer/providers/httpx"
	"infer/providers/openai"
	"infer/providers/replay"
	"infer/providers/simulate"
)

// wiring turns a configuration into callers, one a provider.
type wiring struct {
	app      *cli.App
	cfg      *config.Config
	tape     *replay.Tape // nil = not recording
	callers  map[string]link
	cassette *replay.Player // answers everything; nil = live
}

// link is one provider, wired.
type link struct {
	caller  runner.Caller
	paid    bool
	virtual bool
	limiter runner.Limiter
}

func newWiring(app *cli.App, cfg *config.Config) (*wiring, error) {
	w := &wiring{app: app, cfg: cfg, callers: make(map[string]link)}
	if cfg.Replay != "" && !cfg.Live {
		c, err := replay.Open(cfg.ReplayPath())
		if err != nil {
			return nil, err
		}
		w.cassette = replay.NewPlayer(c, 0, sleep)
	}
	return w, nil
}

// lanes builds what runs for each candidate, with its price.
func (w *wiring) lanes(candidates []eval.Candidate, prices []eval.PriceRow) ([]runner.Lane, error) {
	out := make([]runner.Lane, len(candidates))
	byName := make(map[string]*eval.PriceRow)
	for i := range candidates {
		if prices[i].Model != "" {
			byName[candidates[i].Name] = &prices[i]
		}
	}
	for i := range candidates {
		c := &candidates[i]
		var err error
		if c.Policy == nil {
			out[i].Primary, err = w.target(c, byName[c.Name])
			if err != nil {
				return nil, err
			}
			continue
		}
		p := c.Policy
		out[i].Policy = p
		if out[i].Primary, err = w.target(p.DefaultCandidate, w.price(p.DefaultCandidate)); err != nil {
			return nil, err
		}
		for _, b := range []struct {
			c    *eval.Candidate
			dest **runner.Target
		}{{p.BackupCandidate, &out[i].Backup}, {p.ContextCandidate, &out[i].ContextBackup}} {
			if b.c == nil {
				continue
			}
			t, err := w.target(b.c, w.price(b.c))
			if err != nil {
				return nil, err
			}
			*b.dest = &t
		}
	}
	return out, nil
}

// price is the price row of one model; nil = unknown.
func (w *wiring) price(c *eval.Candidate) *eval.PriceRow {
	rows, err := w.cfg.ResolvePrices()
	if err != nil {
		return nil // reported when the plan was made
	}
	for i := range rows {
		if rows[i].Provider == c.Provider && rows[i].Model == c.Model {
			return &rows[i]
		}
	}
	return nil
}

func (w *wiring) target(c *eval.Candidate, price *eval.PriceRow) (runner.Target, error) {
	l, err := w.provider(c.Provider)
	if err != nil {
		return runner.Target{}, err
	}
	t := runner.Target{Candidate: c, Caller: l.caller, Price: price, Paid: l.paid, Virtual: l.virtual, Limiter: l.limiter}
	if w.tape != nil {
		t.Caller = replay.NewRecorder(l.caller, w.tape, c.Name)
	}
	return t, nil
}

func (w *wiring) provider(name string) (link, error) {
	if w.cassette != nil {
		return link{caller: w.cassette, virtual: true}, nil
	}
	if l, ok := w.callers[name]; ok {
		return l, nil
	}
	p := w.cfg.Providers[name]
	var l link
	var err error
	switch p.Type {
	case "replay":
		l, err = w.replay(&p)
	case "simulate":
		l, err = simulated(name, &p)
	default:
		l, err = w.openai(name, &p)
	}
	if err != nil {
		return l, err
	}
	if n := p.Limits.Concurrency; n > 0 {
		l.limiter = runner.NewSlots(n)
	}
	w.callers[name] = l
	return l, nil
}

func (w *wiring) replay(p *config.Provider) (link, error) {
	if len(p.Cassette) == 0 {
		return link{}, eval.Invalid(errors.New("a replay provider needs a cassette"), "name a recording: `infer eval --record FILE` makes one")
	}
	paths := make([]string, len(p.Cassette))
	for i, c := range p.Cassette {
		paths[i] = w.cfg.Abs(c)
	}
	c, err := replay.Open(paths...)
	if err != nil {
		return link{}, err
	}
	return link{caller: replay.NewPlayer(c, p.Speed, sleep), virtual: p.Speed == 0}, nil
}

func simulated(name string, p *config.Provider) (link, error) {
	c := &simulate.Caller{Seed: p.Seed, Models: make(map[string]simulate.Model)}
	for model, m := range p.Models {
		s := simulate.Model{Accuracy: 1, TypeAccuracy: m.TypeAccuracy, Latency: m.Latency, Jitter: m.Jitter, TokenTime: m.TokenTime, Faults: m.Faults, FaultCalls: m.FaultCalls}
		if m.Accuracy != nil {
			s.Accuracy = *m.Accuracy
		}
		if err := s.Validate(); err != nil {
			return link{}, eval.Invalid(fmt.Errorf("provider %s: model %s: %w", name, eval.Untrusted(model).Line(60), err), "the faults are "+strings.Join(simulate.Faults(), ", "))
		}
		c.Models[model] = s
	}
	return link{caller: c, virtual: true}, nil
}

func (w *wiring) openai(name string, p *config.Provider) (link, error) {
	cfg := openai.Config{Name: name, BaseURL: p.BaseURL, Headers: p.Headers, AllowHTTP: p.AllowHTTP,
		Timeouts: httpx.Timeouts{Connect: p.Timeouts.Connect, FirstToken: p.Timeouts.FirstToken, Idle: p.Timeouts.Idle, Total: p.Timeouts.Total}}
	keyEnv := p.APIKeyEnv
	if preset, ok := openai.PresetOf(p.Preset); ok {
		cfg.KeyHeader = preset.KeyHeader
		if cfg.BaseURL == "" {
			cfg.BaseURL = preset.BaseURL
		}
		if p.Preset == "openai" && p.BaseURL == "" && w.app.Env("OPENAI_BASE_URL") != "" {
			cfg.BaseURL = w.app.Env("OPENAI_BASE_URL")
		}
		if keyEnv == "" && p.APIKeyFile == "" {
			keyEnv = preset.KeyEnv
		}
	}
	if cfg.BaseURL == "" {
		return link{}, eval.Invalid(fmt.Errorf("provider %s has no base_url", name), "give it one, or a preset: "+strings.Join(openai.PresetNames(), ", "))
	}
	key, err := w.key(name, keyEnv, p.APIKeyFile)
	if err != nil {
		return link{}, err
	}
	cfg.Key = key
	client, err := openai.New(cfg)
	if err != nil {
		return link{}, err
	}
	return link{caller: client, paid: true}, nil
}

// key finds a provider's key. It is read only when the provider is used.
func (w *wiring) key(provider, env, file string) (providers.Key, error) {
	switch {
	case env != "":
		v := w.app.Env(env)
		if v == "" {
			return providers.Key{}, eval.WithHint(eval.KindCredentials, fmt.Errorf("provider %s: the key is missing: %s is not set", provider, env), "export "+env+"=…, or name another variable with api_key_env")
		}
		return providers.NewKey(strings.TrimSpace(v)), nil
	case file != "":
		b, err := os.ReadFile(w.cfg.Abs(file))
		if err != nil {
			return providers.Key{}, eval.WithHint(eval.KindCredentials, fmt.Errorf("provider %s: read api_key_file: %w", provider, err), "name a file that you may read")
		}
		return providers.NewKey(strings.TrimSpace(string(b))), nil
	}
	return providers.Key{}, nil
}

// sleep waits, unless the context ends first.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
