package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"infer/cmd/internal/cli"
	"infer/cmd/internal/config"
	"infer/datasets"
	"infer/eval"
	"infer/eval/runner"
	"infer/providers/replay"
	"infer/scoring"
)

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
	unpriced  bool // what the dataset says that production cost is 0 everywhere: unknown
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
	if err := o.checkBatch(); err != nil {
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
		Grading: eval.Grading{Number: 1, Digest: eval.DigestJSON(rules), Rules: rules}, Version: p.app.Version, Concurrency: p.cfg.Concurrency, Rate: p.o.rate, Batched: p.o.batch}
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
	p.wires.batch = p.o.batch
	// Keys and addresses are checked before there is a store, a run or a recording.
	lanes, err := p.wires.lanes(p.run, nil)
	if err != nil {
		return err
	}
	p.batchPrices(lanes)
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
