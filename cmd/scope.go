package cmd

import (
	"context"
	"fmt"

	"infer/eval"
	"infer/eval/runner"
	"infer/eval/store"
)

// scope is what one invocation asks for. The run that it continues may hold
// more: other candidates, more repeats of them, other parts of the tasks. None of
// those is called unasked.
type scope struct {
	candidates map[named]bool
	repeats    int
	shard      *eval.Shard
}

// named is a candidate as a plan holds it: two names of one model are two.
type named struct {
	name   string
	digest eval.Digest
}

func scopeOf(run *eval.Run) scope {
	s := scope{candidates: make(map[named]bool, len(run.Candidates)), repeats: run.Repeats, shard: run.Shard}
	for i := range run.Candidates {
		s.candidates[named{run.Candidates[i].Name, run.Candidates[i].Digest()}] = true
	}
	return s
}

// asked says by index which of the run's candidates are in the scope.
func (s scope) asked(run *eval.Run) []bool {
	out := make([]bool, len(run.Candidates))
	for i := range run.Candidates {
		out[i] = s.candidates[named{run.Candidates[i].Name, run.Candidates[i].Digest()}]
	}
	return out
}

// narrow makes the runner's plan no wider than what was asked for. It needs the
// run as it was merged with what is stored.
func (p *plan) narrow(o *runner.Options) error {
	asked := p.asked.asked(p.run)
	narrowed := *p.run
	narrowed.Repeats, narrowed.Shard = p.asked.repeats, p.asked.shard
	o.Run = &narrowed
	lanes, err := p.wires.lanes(p.run, asked)
	if err != nil {
		return err
	}
	o.Lanes = lanes
	done := o.Done
	o.Done = func(task, candidate, repeat int) bool {
		return !asked[candidate] || done != nil && done(task, candidate, repeat)
	}
	return nil
}

// todo counts the trials of this invocation, and those of each candidate that are
// still to run.
func (p *plan) todo(o *runner.Options) (asked int64, left []int64) {
	left = make([]int64, len(o.Run.Candidates))
	wanted := p.asked.asked(p.run)
	for t := range o.Run.Dataset.Tasks {
		if !o.Run.Holds(t) {
			continue
		}
		for c := range o.Run.Candidates {
			if !wanted[c] {
				continue
			}
			for r := range o.Run.Repeats {
				asked++
				if !o.Done(t, c, r) {
					left[c]++
				}
			}
		}
	}
	return asked, left
}

// settle finds the run that this invocation continues: the newest of that name on
// the same tasks. It refuses to mix what would make the figures mean two things.
func (p *plan) settle(ctx context.Context, s *store.Store) error {
	if p.o.fresh {
		return nil
	}
	runs, err := s.Runs(ctx)
	if err != nil {
		return err
	}
	newest := true
	for _, r := range runs {
		if r.Name != p.run.Name {
			continue
		}
		if r.Dataset.Digest != p.run.Dataset.Digest {
			if newest && r.State != eval.RunComplete && r.Dataset.Path == p.run.Dataset.Path && r.Dataset.Path != "-" {
				return eval.Invalid(fmt.Errorf("the dataset has changed since run %s, which is not finished", r.ID), "put the dataset back to finish that run, or start a new one with --new")
			}
			newest = newest && r.Dataset.Path != p.run.Dataset.Path
			continue
		}
		old, err := s.Run(ctx, r.ID)
		if err != nil {
			return err
		}
		if old.Imported || old.Limit != p.run.Limit {
			continue
		}
		p.run.ID = old.ID
		return p.match(old)
	}
	return nil
}

// match refuses to continue a run that was about something else.
func (p *plan) match(old *eval.Run) error {
	if old.Grading.Digest != p.run.Grading.Digest {
		return eval.Invalid(fmt.Errorf("the graders are not those of run %s", old.ID),
			fmt.Sprintf("`infer score %s` grades its stored answers by the new ones without a call; --new starts a new run", old.ID))
	}
	if old.Seed != p.run.Seed {
		return eval.Invalid(fmt.Errorf("run %s has the seed %d", old.ID, old.Seed), "continue with the same --seed, or start a new run with --new")
	}
	if old.Rate != p.run.Rate {
		return eval.Invalid(fmt.Errorf("run %s was made at another rate, and its latencies mean something else", old.ID), "continue with the same --rate, or start a new run with --new")
	}
	for i := range p.run.Candidates {
		for k := range old.Candidates {
			a, b := &p.run.Candidates[i], &old.Candidates[k]
			if a.Name == b.Name && a.Digest() != b.Digest() {
				return eval.Invalid(fmt.Errorf("candidate %s is not the one that run %s has: %s", eval.Untrusted(a.Name).Line(60), old.ID, difference(a, b)),
					"give it another name to compare both, or start a new run with --new")
			}
		}
	}
	return nil
}

// difference names what two candidates of one name do not share.
func difference(a, b *eval.Candidate) string {
	for _, part := range []struct {
		name string
		lay  func(c *eval.Candidate) // what b has, onto c
	}{
		{"provider", func(c *eval.Candidate) { c.Provider = b.Provider }},
		{"model", func(c *eval.Candidate) { c.Model = b.Model }},
		{"host", func(c *eval.Candidate) { c.Host = b.Host }},
		{"parameters", func(c *eval.Candidate) { c.Params = b.Params }},
		{"prompt", func(c *eval.Candidate) { c.Prompt = b.Prompt }},
		{"streaming", func(c *eval.Candidate) { c.Stream = b.Stream }},
		{"retries", func(c *eval.Candidate) { c.Retry = b.Retry }},
		{"timeouts", func(c *eval.Candidate) { c.Limits = b.Limits }},
	} {
		laid := *a
		part.lay(&laid)
		if laid.Digest() != a.Digest() {
			return "its " + part.name + " changed"
		}
	}
	return "its policy changed"
}
