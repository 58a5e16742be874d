package cmd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"infer/cmd/internal/cli"
	"infer/eval"
	"infer/providers/simulate"
)

func newMockCmd(app *cli.App) *cobra.Command {
	var addr string
	var models []string
	var seed uint64
	var batch time.Duration
	c := &cobra.Command{
		Use: "mock", Short: "Serve a simulated model over HTTP, with faults",
		Long: `Serve simulated models over the OpenAI wire on loopback, for trying configurations
and for tests; batches over OpenAI's and Anthropic's wires too. A prompt that holds
[[answer:X]] is answered X with the model's accuracy. GET /stats says what was asked;
POST /reset forgets it.

A model is NAME:key=value,…: acc, latency, jitter, token (time for each output
token), calls (a faulty call fails so often, then succeeds) and the chance of each
fault: 429, 500, 503, 529, 401, 402, 400, context, filter, refusal, length, empty,
hang, reset, cut, malformed.`,
		Example: `  $ infer mock --model good:acc=0.95,latency=200ms --model flaky:acc=0.9,429=0.1,calls=1
  $ infer eval tasks.jsonl -m good=http://127.0.0.1:8099/v1/good`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o := simulate.ServerOptions{Seed: seed, Batch: batch, Models: make(map[string]simulate.Model)}
			for _, m := range models {
				name, model, err := simulate.ParseModel(m)
				if err != nil {
					return err
				}
				o.Models[name] = model
			}
			if len(o.Models) == 0 {
				o.Models["good"] = simulate.Model{Accuracy: 1}
			}
			return serveMock(c.Context(), app, addr, simulate.NewServer(o))
		},
	}
	c.Flags().StringVar(&addr, "addr", "127.0.0.1:8099", "address to listen on")
	c.Flags().StringArrayVar(&models, "model", nil, "model as NAME:key=value,…; repeatable (default good)")
	c.Flags().DurationVar(&batch, "batch-time", 0, "how long a batch takes")
	c.Flags().Uint64Var(&seed, "seed", 1, "decides answers and faults")
	return c
}

func serveMock(ctx context.Context, app *cli.App, addr string, h http.Handler) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return eval.WithHint(eval.KindOperational, fmt.Errorf("listen on %s: %w", addr, err), "choose another address: --addr 127.0.0.1:0")
	}
	_, _ = fmt.Fprintf(app.Err, "serving http://%s/v1 (Ctrl-C stops)\n", l.Addr())
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	_ = srv.Close()
	if err := <-done; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
