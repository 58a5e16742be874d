package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"infer/cmd/internal/cli"
	"infer/cmd/internal/config"
	"infer/eval"
	"infer/eval/runner"
	"infer/eval/store"
	"infer/providers/openai"
	"infer/scoring"
	"infer/scoring/judge"
	"infer/scoring/sandbox"
)

// helpers are the models that graders ask: judges and the embedder. Which of them
// are used is known once the rules are compiled; they are wired then, and given
// the store last.
type helpers struct {
	app      *cli.App
	cfg      *config.Config
	panel    *judge.Panel
	embedder *embedder // nil = none is configured
	exec     bool      // --allow-exec
	boxes    map[string]*sandbox.Box
}

// allowExec is the flag that lets graders and candidates run programs. It is a flag and nothing
// else: no file can set it.
func allowExec(c *cobra.Command, to *bool) {
	c.Flags().BoolVar(to, "allow-exec", false, "let the project run programs: code in a sandbox, and commands of its own (graders, candidates)")
}

func newHelpers(app *cli.App, cfg *config.Config, exec bool) (*helpers, error) {
	h := &helpers{app: app, cfg: cfg, exec: exec, panel: &judge.Panel{Judges: make(map[string]*judge.Judge)}, boxes: make(map[string]*sandbox.Box)}
	judges, err := cfg.ResolveJudges()
	if err != nil {
		return nil, err
	}
	for i := range judges {
		h.panel.Judges[judges[i].Name] = &judge.Judge{Candidate: judges[i]}
	}
	c, err := cfg.ResolveEmbedder()
	if err != nil {
		return nil, err
	}
	if c != nil {
		h.embedder = &embedder{candidate: *c}
	}
	return h, nil
}

// tools are what rules are compiled with.
func (h *helpers) tools() scoring.Tools {
	t := scoring.Tools{Judges: h.panel, AllowExec: h.exec, Sandbox: h.sandbox, Dir: h.cfg.Dir}
	if h.embedder != nil {
		t.Embedder = h.embedder
	}
	return t
}

// sandbox finds the sandbox for an image, once.
func (h *helpers) sandbox(image string) (*sandbox.Box, error) {
	if b, ok := h.boxes[image]; ok {
		return b, nil
	}
	b, err := sandbox.Find(context.Background(), image)
	if err != nil {
		return nil, err
	}
	h.boxes[image] = b
	if !h.app.Quiet {
		_, _ = fmt.Fprintf(h.app.Err, "code runs in %s\n", b.Name())
	}
	return b, nil
}

// wire gives every judge that the rules name, and the embedder if they need it, a
// way to be asked. Keys and addresses are checked here.
func (h *helpers) wire(w *wiring, rules *scoring.Set) error {
	for _, name := range h.panel.Used() {
		j := h.panel.Judges[name]
		t, err := w.target(nil, &j.Candidate, w.price(&j.Candidate))
		if err != nil {
			return fmt.Errorf("judge %s: %w", name, err)
		}
		j.Caller = asker{t, h.app.Now}
	}
	if h.embedder == nil || !rules.Embeds() {
		return nil
	}
	c := &h.embedder.candidate
	p := h.cfg.Providers[c.Provider]
	at, err := w.endpoint(c.Provider, &p)
	if err != nil {
		return fmt.Errorf("embedder: %w", err)
	}
	client, err := openai.NewEmbeddings(at)
	if err != nil {
		return fmt.Errorf("embedder: %w", err)
	}
	h.embedder.asker = asker{runner.Target{Candidate: c, Caller: client, Price: w.price(c), Paid: true}, h.app.Now}
	return nil
}

// keep gives them the store that remembers what they said.
func (h *helpers) keep(s *store.Store) {
	h.panel.Keeper = s
	if h.embedder != nil {
		h.embedder.keeper = s
	}
}

// asker asks one model on behalf of a grader.
type asker struct {
	target runner.Target
	now    func() time.Time
}

var _ judge.Caller = asker{}

// Ask asks with the model's own retries and limits.
func (a asker) Ask(ctx context.Context, req *eval.Request) (eval.Response, []eval.Attempt) {
	return runner.Ask(ctx, a.target, req, runner.AskOptions{Now: a.now, Sleep: runner.Sleep, Cause: eval.CauseJudge})
}

// embedder embeds texts, each once: what a text's vector is is kept by content.
type embedder struct {
	candidate eval.Candidate
	asker     asker
	keeper    judge.Keeper
}

// Embed returns one vector a text.
func (e *embedder) Embed(ctx context.Context, texts []string) ([][]float64, []eval.Call, error) {
	var out [][]float64
	var calls []eval.Call
	for _, text := range texts {
		v, call, err := e.one(ctx, text)
		calls = append(calls, call)
		if err != nil {
			return nil, calls, err
		}
		out = append(out, v)
	}
	return out, calls, nil
}

func (e *embedder) one(ctx context.Context, text string) ([]float64, eval.Call, error) {
	id := e.candidate.Digest()
	call := eval.Call{Key: eval.DigestOf([]byte("infer.embedding/1"), id[:], []byte(text)), Name: e.candidate.Model}
	answer, ok, err := e.keeper.Kept(ctx, call.Key)
	if err != nil {
		return nil, call, err
	}
	if call.Cached = ok; !ok {
		req := &eval.Request{Model: e.candidate.Model, Params: e.candidate.Params, Limits: e.candidate.Limits, Messages: []eval.Message{eval.TextMessage("user", text)}}
		if err := e.keeper.Intend(ctx, call.Key, "embedding", e.candidate.Model, []byte(text)); err != nil {
			return nil, call, err
		}
		resp, attempts := e.asker.Ask(ctx, req)
		for i := range attempts {
			call.Cost, call.Took = call.Cost.Plus(attempts[i].Cost), call.Took+attempts[i].InFlight+attempts[i].Backoff
		}
		call.Attempts = len(attempts)
		var kept *eval.Untrusted
		if resp.Failure == nil {
			kept = &resp.Text
		}
		if err := e.keeper.Keep(context.WithoutCancel(ctx), call.Key, kept, attempts); err != nil {
			return nil, call, err
		}
		if resp.Failure != nil {
			return nil, call, resp.Failure
		}
		answer = resp.Text
	}
	var v []float64
	if err := json.Unmarshal([]byte(answer), &v); err != nil {
		return nil, call, errors.New("its answer is no vector")
	}
	return v, call, nil
}
