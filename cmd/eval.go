package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"infer/cmd/internal/cli"
	"infer/cmd/internal/config"
	"infer/datasets"
	"infer/eval"
	"infer/eval/runner"
	"infer/eval/store"
	"infer/providers/replay"
	"infer/report"
	"infer/report/otlp"
	"infer/report/render"
	"infer/scoring"
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
the calls in flight.

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

// plan is everything that an evaluation needs, checked before anything is sent.
type plan struct {
	o       *evalOptions
	app     *cli.App
	cfg     *config.Config
	source  *datasets.Source
	info    *datasets.Info
	rules   *scoring.Set
	helpers *helpers
	run     *eval.Run
	// incumbent is what the dataset says that production did; nil = it says nothing.
	incumbent *eval.Candidate
	wires     *wiring
	asked     scope
	tape      *os.File
	limits    runner.Options
}

func (p *plan) close() error {
	err := p.source.Close()
	if p.wires != nil {
		err = errors.Join(err, p.wires.close())
	}
	if p.tape != nil {
		err = errors.Join(err, p.tape.Close())
	}
	return err
}

func makePlan(ctx context.Context, o *evalOptions) (*plan, error) {
	if err := o.checkLimits(); err != nil {
		return nil, err
	}
	if err := o.checkOTLP(); err != nil {
		return nil, err
	}
	cfg, paths, err := config.Load(o.app.Dir, o.target, o.flags, o.app.Env)
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		return nil, eval.Invalid(errors.New("no dataset named"), "name one: `infer eval tasks.jsonl -m openai/gpt-5-mini`; `infer init --example` writes a project to try")
	}
	p := &plan{o: o, app: o.app, cfg: cfg}
	if p.limits, err = o.limits(); err != nil {
		return nil, err
	}
	if p.helpers, err = newHelpers(o.app, cfg, o.exec); err != nil {
		return nil, err
	}
	if p.rules, err = scoring.CompileWith(cfg.GraderRules(), p.helpers.tools()); err != nil {
		return nil, err
	}
	if err := datasets.CheckFields(cfg.Fields); err != nil {
		return nil, err
	}
	p.source, err = datasets.Open(ctx, paths, datasets.Options{Fields: cfg.Fields, AllowURLs: cfg.AllowURLs, Stdin: o.app.In})
	if err != nil {
		return nil, err
	}
	if err := p.prepare(ctx); err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

// prepare reads the whole dataset once and settles the run.
func (p *plan) prepare(ctx context.Context) error {
	info, err := p.source.Scan(ctx, p.rules.Check)
	if err != nil {
		return err
	}
	p.info = info
	if err := p.problems(info); err != nil {
		return err
	}
	candidates, err := p.cfg.ResolveCandidates()
	if err != nil {
		return err
	}
	types, err := p.cfg.ResolveTaskTypes()
	if err != nil {
		return err
	}
	book, err := newPricing(p.cfg)
	if err != nil {
		return err
	}
	prices, members := book.forRun(candidates)
	name := p.cfg.Name
	if name == "" {
		name = p.source.Name()
	}
	shard, err := parseShard(p.o.shard)
	if err != nil {
		return err
	}
	rules := p.cfg.GraderRules()
	p.run = &eval.Run{Name: name, Dataset: eval.Dataset{Name: p.source.Name(), Path: p.path(), Digest: info.Digest, Tasks: info.Tasks},
		Candidates: candidates, Prices: prices, MemberPrices: members, TaskTypes: types, Repeats: p.cfg.Repeats, Limit: p.o.limit, Shard: shard, Seed: p.cfg.Seed,
		Grading: eval.Grading{Number: 1, Digest: eval.DigestJSON(rules), Rules: rules}, Version: p.app.Version, Concurrency: p.cfg.Concurrency, Rate: p.o.rate}
	if p.run.Limit >= info.Tasks {
		p.run.Limit = 0 // no limit at all
	}
	if err := p.checkRace(); err != nil {
		return err
	}
	p.asked = scopeOf(p.run)
	p.run.ID = runID(p.run, "")
	if p.o.fresh {
		p.run.ID = runID(p.run, p.app.Now().UTC().Format("2006-01-02T15:04:05.000000"))
	}
	if p.wires, err = newWiring(p.app, p.cfg, p.o.exec); err != nil {
		return err
	}
	// Keys and addresses are checked before there is a store, a run or a recording.
	lanes, err := p.wires.lanes(p.run, nil)
	if err != nil {
		return err
	}
	if err := p.costHolds(lanes); err != nil {
		return err
	}
	if p.incumbent, err = p.recordedIncumbent(ctx); err != nil {
		return err
	}
	p.run.Grading.Judged = p.rules.Judged()
	if err := p.helpers.wire(p.wires, p.rules); err != nil {
		return err
	}
	return p.openTape()
}

// openTape opens the file that exchanges are recorded to. A recording that is
// there is continued; any other file is left alone.
func (p *plan) openTape() error {
	if p.o.record == "" {
		return nil
	}
	if ext := filepath.Ext(p.o.record); ext == ".gz" || ext == ".zst" {
		return eval.Invalid(fmt.Errorf("--record %s: recordings are written as they are", p.o.record), "name a .jsonl file and compress it afterwards")
	}
	f, err := os.OpenFile(p.o.record, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return eval.WithHint(eval.KindOperational, fmt.Errorf("record to %s: %w", p.o.record, bare(err)), "name a file in a folder that you may write")
	}
	p.tape = f
	if !replay.MayAppend(f) {
		return eval.Invalid(fmt.Errorf("%s is there already and is no recording", p.o.record), "name a new file, or a recording to continue")
	}
	p.wires.tape = replay.NewTape(f)
	return nil
}

// parseShard reads i/n; "" is nil, the whole.
func parseShard(s string) (*eval.Shard, error) {
	if s == "" {
		return nil, nil
	}
	index, of, _ := strings.Cut(s, "/")
	i, err1 := strconv.Atoi(index)
	n, err2 := strconv.Atoi(of)
	if err1 != nil || err2 != nil || n < 1 || i < 1 || i > n {
		return nil, eval.Invalid(fmt.Errorf("--shard %s", eval.Untrusted(s).Line(40)), "write it like 1/4 … 4/4, in a store of its own for each part")
	}
	return &eval.Shard{Index: i, Of: n}, nil
}

func (p *plan) path() string {
	if p.o.target != "" {
		return filepath.ToSlash(p.o.target)
	}
	return filepath.ToSlash(p.cfg.Path)
}

// runID names a run by what it is about: the project, the tasks and how many of
// them. A nonce makes a new run of the same.
func runID(r *eval.Run, nonce string) string {
	if r.Limit > 0 {
		nonce = fmt.Sprintf("the first %d %s", r.Limit, nonce)
	}
	return "r" + eval.DigestOf([]byte(r.Name), r.Dataset.Digest[:], []byte(nonce)).Short()[:9]
}

// problems decides what lines that are not tasks mean.
func (p *plan) problems(info *datasets.Info) error {
	for _, w := range info.Warnings {
		p.say("warning: %s", w)
	}
	if info.ProblemCount > 0 {
		for i, le := range info.Problems {
			if i == 10 || info.ProblemCount == 1 && !p.o.skipBad {
				break // a single one is the error itself
			}
			p.say("%s", le.Error())
		}
		if !p.o.skipBad {
			first := info.Problems[0]
			err := fmt.Errorf("%d lines are not valid tasks, the first: %w", info.ProblemCount, first)
			if info.ProblemCount == 1 {
				err = first
			}
			return eval.Invalid(err, or(first.Hint, "leave such lines out with --skip-invalid"))
		}
		p.say("left out %d lines that are not valid tasks", info.ProblemCount)
	}
	if info.Tasks == 0 {
		return eval.Invalid(fmt.Errorf("%s holds no tasks", p.path()), `each line is a task such as {"input": "…", "expected": "…"}; fields: in infer.yaml maps other names`)
	}
	return nil
}

// or joins two hints.
func or(hint, other string) string {
	switch {
	case hint == "":
		return other
	case strings.HasSuffix(hint, "?"):
		return hint + " Or " + other
	}
	return hint + "; or " + other
}

// say writes one line for people.
func (p *plan) say(format string, args ...any) {
	if !p.app.Quiet {
		_, _ = fmt.Fprintf(p.app.Err, format+"\n", args...)
	}
}

// loadReport builds the report of one run.
func loadReport(ctx context.Context, s *store.Store, ref string) (*report.Report, error) {
	run, at, err := s.Graded(ctx, ref)
	if err != nil {
		return nil, err
	}
	cells, err := s.CellsAt(ctx, run.ID, at)
	if err != nil {
		return nil, err
	}
	return report.Build(run, cells)
}

// plainWidth is how wide tables are where there is no terminal to ask.
const plainWidth = 120

// writeReport writes the report of the run that ref names to a file or to
// standard output.
func writeReport(ctx context.Context, app *cli.App, s *store.Store, r *report.Report, ref, format, output string) error {
	return toOutput(app, output, func(w io.Writer, tty bool) error {
		if format == string(render.JSONL) {
			run, at, err := s.Graded(ctx, ref)
			if err != nil {
				return err
			}
			return render.Records(w, s.RecordsAt(ctx, run, at))
		}
		if format == formatOTLP {
			run, _, err := s.Graded(ctx, ref)
			if err != nil {
				return err
			}
			return writeSpans(ctx, w, s, run, otlp.Semconvs()[0])
		}
		if format == formatHTML {
			rec, _ := recommendationOf(ctx, app, s, ref)
			return writePage(ctx, w, s, r, rec)
		}
		if done, err := writeForCI(ctx, app, w, s, r, format); done || err != nil {
			return err
		}
		opts := render.Options{Color: app.Color(tty), Width: plainWidth}
		if w := app.Width(); w > 0 {
			opts.Width = w
		}
		return render.Report(w, r, render.Format(format), opts)
	})
}
