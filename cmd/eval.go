package cmd

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"infer/cmd/internal/cli"
	"infer/cmd/internal/config"
	"infer/eval/store"
	"infer/report/otlp"
)

// evalOptions are the flags of infer eval.
type evalOptions struct {
	app    *cli.App
	target string
	flags  config.Flags
	out    formatFlag

	output  string
	limit   int
	record  string
	retry   []string
	fresh   bool
	skipBad bool
	exec    bool

	shard    string
	dry      bool
	maxCalls int64
	maxCost  string
	deadline time.Duration
	rate     float64
	race     bool
	batch    bool
	poll     time.Duration
	otlp     string
	semconv  string
	failCode int
}

// newEvalCmd returns the command; runF, if not nil, is run instead of runEval.
func newEvalCmd(app *cli.App, runF func(context.Context, *evalOptions) error) *cobra.Command {
	o := &evalOptions{app: app}
	var seed uint64
	c := &cobra.Command{
		Use:   "eval <path>",
		Short: "Run tasks against candidate models",
		Long: `Run every task of a dataset against every candidate, grade the answers, keep
every attempt in the store and print the comparison.

PATH is a dataset (.jsonl, .jsonl.gz, .jsonl.zst, a folder of these, or - for
standard input), an infer.yaml, or a folder that holds one. Candidates come from
infer.yaml or from -m. All tasks are checked before anything is sent.

The same command continues where it stopped, and another -m runs only what is
new. Ctrl-C stops starting tasks and keeps what is done; a second one cuts off
the calls in flight. On a terminal, p pauses the run, d drops a candidate and q is
Ctrl-C; elsewhere a line is written every five seconds.

EXIT STATUS
  0 done · 1 failure · 2 nothing was sent: usage, configuration or dataset
  invalid · 3 incomplete, or a gate is undecided · 4 credentials · 5 store in
  use · 100 a gate failed · 130 interrupted`,
		Example: `  # the example project, from recordings: no key, no server
  $ infer eval testdata/quickstart

  # a dataset and two models, no configuration
  $ infer eval tasks.jsonl -m openai/gpt-5-mini -m local=http://127.0.0.1:8101/v1/smollm2-135m-instruct

  # try again what ended in an error
  $ infer eval testdata/quickstart --retry errors`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				o.target = args[0]
			}
			if c.Flags().Changed("seed") {
				o.flags.Seed = &seed
			}
			if runF != nil {
				return runF(c.Context(), o)
			}
			return runEval(c.Context(), o)
		},
	}
	f := c.Flags()
	f.StringArrayVarP(&o.flags.Models, "model", "m", nil, "candidate: [name=]provider/model or [name=]URL/model; repeatable")
	f.StringVar(&o.flags.Config, "config", "", "configuration file (default infer.yaml beside the dataset or here)")
	f.StringVar(&o.flags.Store, "store", "", "SQLite file that keeps every attempt (default .infer/infer.db)")
	f.IntVar(&o.flags.Concurrency, "concurrency", 0, "calls in flight at most (default 8)")
	f.IntVar(&o.flags.Repeats, "repeats", 0, "how often each candidate tries each task (default 1)")
	f.Uint64Var(&seed, "seed", 1, "decides the order of trials and the jitter of waits")
	f.IntVar(&o.limit, "limit", 0, "only the first so many tasks, as a run of its own")
	f.StringVar(&o.shard, "shard", "", "only part i of n of the tasks, as i/n; infer runs merge joins the parts")
	f.BoolVarP(&o.dry, "dry-run", "n", false, "say what would be sent and what it may cost, and send nothing")
	f.StringVar(&o.record, "record", "", "write every exchange to this file, for replay")
	f.BoolVar(&o.flags.Live, "live", false, "call the providers although the project has a recording")
	f.StringSliceVar(&o.retry, "retry", nil, "run again what ended so: errors, unscored")
	f.BoolVar(&o.fresh, "new", false, "start a new run instead of continuing one")
	f.BoolVar(&o.skipBad, "skip-invalid", false, "leave out lines that are not tasks, and say how many")
	f.Int64Var(&o.maxCalls, "max-calls", 0, "stop after so many calls")
	failCodeFlag(c, &o.failCode)
	f.StringVar(&o.maxCost, "max-cost", "", "stop when so many US dollars are spent")
	f.DurationVar(&o.deadline, "deadline", 0, "stop after so long, e.g. 30m")
	f.Float64Var(&o.rate, "rate", 0, "begin so many trials a second, whatever became of those before; latency counts from then (256 calls in flight by default)")
	f.BoolVar(&o.race, "race", false, "stop candidates early, for each task type, once they are shown not to be the choice")
	f.BoolVar(&o.batch, "batch", false, "send the calls through the provider's batch endpoint: about half the price, within a day, no latency")
	f.DurationVar(&o.poll, "batch-poll", batchPoll, "how often a batch is asked for")
	f.StringVar(&o.otlp, "otlp", "", "write a span for each call to this file, or send them to the collector at this URL, when the run has ended")
	f.StringVar(&o.semconv, "semconv", otlp.Semconvs()[0], "names of the spans' attributes: "+strings.Join(otlp.Semconvs(), ", "))
	outputFlag(c, &o.output, "write the report to this file")
	allowExec(c, &o.exec)
	o.out.add(c, app, reportFormats())
	_ = c.RegisterFlagCompletionFunc("semconv", cobra.FixedCompletions(otlp.Semconvs(), cobra.ShellCompDirectiveNoFileComp))
	_ = c.RegisterFlagCompletionFunc("retry", cobra.FixedCompletions([]string{"errors", "unscored"}, cobra.ShellCompDirectiveNoFileComp))
	c.ValidArgsFunction = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return []string{"jsonl", "gz", "zst", "yaml"}, cobra.ShellCompDirectiveFilterFileExt
	}
	return c
}

func runEval(ctx context.Context, o *evalOptions) (err error) {
	p, err := makePlan(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	if o.dry {
		return p.dryRun(ctx)
	}
	s, err := store.Open(ctx, p.cfg.StorePath, store.Options{Now: o.app.Now})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	res, err := p.execute(ctx, s)
	if err != nil {
		return err
	}
	if err := p.exportSpans(ctx, s); err != nil {
		return err
	}
	r, err := loadReport(ctx, s, p.run.ID)
	if err != nil {
		return err
	}
	if p.cfg.Gates != nil {
		results, err := gateResults(ctx, s, p.cfg, gradedRun{run: p.run}, nil)
		if err != nil {
			return err
		}
		r.Verdict.Gate(results)
	}
	if err := writeReport(ctx, o.app, s, r, p.run.ID, o.out.format, o.output); err != nil {
		return err
	}
	if err := p.verdict(r, res); err != nil {
		return err
	}
	return gateError(r.Verdict.Gates, o.failCode)
}
