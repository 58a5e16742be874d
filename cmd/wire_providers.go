package cmd

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"time"

	"infer/cmd/internal/config"
	"infer/eval"
	"infer/eval/runner"
	"infer/providers"
	"infer/providers/anthropic"
	"infer/providers/bedrock"
	"infer/providers/command"
	"infer/providers/gemini"
	"infer/providers/httpx"
	"infer/providers/jsonhttp"
	"infer/providers/openai"
	"infer/providers/replay"
	"infer/providers/simulate"
)

// build makes the caller of one provider. It is the one place that knows which
// package serves which type.
func (w *wiring) build(name string, p *config.Provider) (link, error) {
	switch p.Type {
	case "replay":
		return w.replay(p)
	case "simulate":
		return simulated(name, p)
	case "bedrock":
		return w.bedrock(name, p)
	case "command":
		return w.command(name, p)
	}
	cfg, err := w.endpoint(name, p)
	if err != nil {
		return link{}, err
	}
	var c runner.Caller
	switch {
	case p.Type == "anthropic":
		return batching(anthropic.New(cfg))
	case p.Type == "gemini":
		c, err = gemini.New(cfg)
	case p.Type == "http":
		c, err = jsonhttp.New(jsonhttp.Config{Config: cfg, Request: p.Request, Response: p.Response.Paths()})
	case p.API == "responses":
		return batching(openai.NewResponses(cfg))
	default:
		return batching(openai.New(cfg))
	}
	return link{caller: c, paid: true}, err
}

// batching is a provider that makes calls in batches too.
func batching[B runner.Batcher](c interface {
	runner.Caller
	Batches() B
}, err error) (link, error) {
	if err != nil {
		return link{}, err
	}
	return link{caller: c, paid: true, batch: c.Batches()}, nil
}

// endpoint is where a provider over HTTP is reached, and what it may be sent.
func (w *wiring) endpoint(name string, p *config.Provider) (httpx.Config, error) {
	at, _ := w.cfg.Endpoint(name)
	if at.BaseURL == "" {
		return httpx.Config{}, eval.Invalid(fmt.Errorf("provider %s has no base_url", name), "give it one, or a preset: "+strings.Join(openai.PresetNames(), ", "))
	}
	key, err := w.key(name, at)
	if err != nil {
		return httpx.Config{}, err
	}
	cfg := httpx.Config{Name: name, BaseURL: at.BaseURL, Key: key, KeyHeader: at.KeyHeader, Headers: p.Headers, AllowHTTP: p.AllowHTTP,
		Timeouts: timeouts(p)}
	if p.APIVersion != "" {
		cfg.Query = url.Values{"api-version": {p.APIVersion}}.Encode()
	}
	return cfg, nil
}

func timeouts(p *config.Provider) httpx.Timeouts {
	return httpx.Timeouts{Connect: p.Timeouts.Connect, FirstToken: p.Timeouts.FirstToken, Idle: p.Timeouts.Idle, Total: p.Timeouts.Total}
}

func (w *wiring) bedrock(name string, p *config.Provider) (link, error) {
	at, _ := w.cfg.Endpoint(name)
	key, err := w.key(name, at)
	if err != nil {
		return link{}, err
	}
	c, err := bedrock.New(context.Background(), bedrock.Config{Name: name, Region: p.Region, Profile: p.Profile, BaseURL: at.BaseURL, Key: key,
		AllowHTTP: p.AllowHTTP, Timeouts: timeouts(p)})
	return link{caller: c, paid: true}, err
}

// programVariables are what every program gets of the environment.
var programVariables = []string{"PATH", "HOME", "LANG"}

// command makes the caller of a program. Only a flag allows it, no file does.
func (w *wiring) command(name string, p *config.Provider) (link, error) {
	if !w.exec {
		return link{}, eval.Invalid(fmt.Errorf("provider %s runs a program", name), "allow it with --allow-exec, if you trust the project")
	}
	cfg := command.Config{Name: name, Command: w.cfg.CommandOf(p), Dir: w.cfg.Dir, PerCall: p.PerCall, Total: p.Timeouts.Total}
	for _, variable := range programVariables {
		if v := w.cfg.Env(variable); v != "" {
			cfg.Env = append(cfg.Env, variable+"="+v)
		}
	}
	for _, variable := range p.Env {
		v := w.cfg.Env(variable)
		if v == "" {
			return link{}, eval.WithHint(eval.KindCredentials, fmt.Errorf("provider %s: %s is not set", name, variable), "export "+variable+"=…, or take it out of env")
		}
		cfg.Env = append(cfg.Env, variable+"="+v)
		cfg.Secrets = append(cfg.Secrets, providers.NewKey(v))
	}
	c, err := command.New(cfg)
	if err != nil {
		return link{}, err
	}
	w.closers = append(w.closers, c)
	return link{caller: c, paid: true}, nil
}

// keyTime bounds a command that prints a key.
const keyTime = 30 * time.Second

// key finds a provider's key. It is read only when the provider is used.
func (w *wiring) key(provider string, at config.Endpoint) (providers.Key, error) {
	if at.KeyEnv != "" && w.cfg.Env(at.KeyEnv) == "" {
		return providers.Key{}, eval.WithHint(eval.KindCredentials, fmt.Errorf("provider %s: the key is missing: %s is not set", provider, at.KeyEnv), "export "+at.KeyEnv+"=…, or name another variable with api_key_env")
	}
	ctx, cancel := context.WithTimeout(context.Background(), keyTime)
	defer cancel()
	key, err := providers.ResolveKey(ctx, providers.KeySource{Env: at.KeyEnv, File: at.KeyFile, Command: at.KeyCmd}, providers.KeyReaders{Env: w.cfg.Env, File: os.ReadFile, Run: w.run})
	if err != nil {
		return key, fmt.Errorf("provider %s: %w", provider, err)
	}
	w.keys = append(w.keys, key)
	return key, nil
}

// run returns what a command prints. What it says on standard error goes to the
// user: it may ask for a passphrase.
func (w *wiring) run(ctx context.Context, words []string) ([]byte, error) {
	c := exec.CommandContext(ctx, words[0], words[1:]...)
	c.Stderr = w.app.Err
	out, err := c.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return nil, fmt.Errorf("%s ended with %s", words[0], exit.ProcessState)
	}
	return out, err
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
	return link{caller: replay.NewPlayer(c, p.Speed, runner.Sleep), virtual: p.Speed == 0}, nil
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
