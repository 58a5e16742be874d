package cmd

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"infer/eval"
	"infer/eval/runner"
	"infer/eval/store"
	"infer/report"
	"infer/scoring/decide"
)

// checkRace refuses to race what cannot be.
func (p *plan) checkRace() error {
	switch {
	case !p.o.race:
		return nil
	case len(p.run.Candidates) < 2:
		return eval.Invalid(errors.New("--race takes two candidates at least"), "name more with -m or in infer.yaml")
	case p.run.Repeats > 1:
		return eval.Invalid(errors.New("--race tries each task once"), "leave --repeats out: repeats of the choice can follow")
	case p.o.rate > 0:
		return eval.Invalid(errors.New("--race and --rate do not go together"), "a race decides between rounds what is sent next; measure the choice at a rate afterwards")
	}
	return nil
}

// raceType is the race of one task type with the tasks of its rounds.
type raceType struct {
	name   string
	race   *decide.Race
	rounds [][]int
	last   map[int]bool // tasks of the round that is run
	seen   map[int]bool // tasks of this round and those before
}

// raceRun runs round after round of tasks and stops candidates between them. What it
// decides follows from what is stored: a run that was interrupted goes on as it
// would have.
func (p *plan) raceRun(ctx context.Context, s *store.Store, journal *store.Journal, o runner.Options) (runner.Result, error) {
	types, cluster, err := p.raceTypes(ctx, o.Run)
	if err != nil {
		return runner.Result{}, err
	}
	var end time.Time
	if o.Deadline > 0 {
		end = time.Now().Add(o.Deadline)
	}
	all := runner.Result{Halted: make(map[string]*eval.Failure)}
	for round := 0; ; round++ {
		wanted := make(map[int][]bool)
		for _, t := range types {
			t.last = make(map[int]bool)
			if t.race.Over() || round >= len(t.rounds) {
				continue
			}
			for _, seq := range t.rounds[round] {
				t.last[seq], t.seen[seq], wanted[seq] = true, true, t.race.Live()
			}
		}
		if len(wanted) == 0 {
			break
		}
		res, err := runner.Run(ctx, p.roundOptions(ctx, o, wanted, end))
		all.Trials, all.Skipped, all.Calls, all.Stopped = all.Trials+res.Trials, all.Skipped+res.Skipped, all.Calls+res.Calls, res.Stopped
		maps.Copy(all.Halted, res.Halted)
		if err := errors.Join(err, journal.Flush(context.WithoutCancel(ctx))); err != nil {
			return all, err
		}
		if res.Stopped != "" || len(res.Halted) > 0 {
			break
		}
		if o.MaxCalls > 0 || o.MaxCost > 0 {
			if o.Calls, o.Cost, err = s.Spent(ctx, p.run.ID); err != nil {
				return all, err
			}
		}
		if err := p.look(ctx, s, types, cluster, round); err != nil {
			return all, err
		}
	}
	return all, p.keepRace(context.WithoutCancel(ctx), s, types)
}

// raceTypes reads the plan's tasks into races, one for each task type.
func (p *plan) raceTypes(ctx context.Context, run *eval.Run) (types []*raceType, cluster map[int]int64, err error) {
	by := make(map[string][]decide.RaceTask)
	numbers := make(map[string]int64)
	cluster = make(map[int]int64)
	for t, err := range p.tasks(ctx) {
		if err != nil {
			return nil, nil, err
		}
		if !run.Holds(t.Seq) {
			continue
		}
		name := t.Cluster()
		if _, ok := numbers[name]; !ok {
			numbers[name] = int64(len(numbers))
		}
		cluster[t.Seq] = numbers[name]
		by[t.Type] = append(by[t.Type], decide.RaceTask{Seq: t.Seq, Cluster: cluster[t.Seq]})
	}
	var names []string
	for _, i := range p.racers() {
		names = append(names, p.run.Candidates[i].Name)
	}
	for _, name := range slices.Sorted(maps.Keys(by)) {
		kind := decide.TaskTypeOf(p.run, name)
		types = append(types, &raceType{name: name, seen: make(map[int]bool), rounds: decide.RaceRounds(by[name], p.run.Seed),
			race: decide.NewRace(name, decide.RaceOptions{Names: names, Margin: kind.Margin, HighRisk: kind.Class == eval.HighRisk, Tasks: len(by[name])})})
	}
	return types, cluster, nil
}

// racers are the places in the run of the candidates that this invocation races.
func (p *plan) racers() []int {
	var out []int
	for i, asked := range p.asked.asked(p.run) {
		if asked {
			out = append(out, i)
		}
	}
	return out
}

// roundOptions narrows the plan to the trials of one round.
func (p *plan) roundOptions(ctx context.Context, o runner.Options, wanted map[int][]bool, end time.Time) runner.Options {
	place := make(map[int]int)
	for x, i := range p.racers() {
		place[i] = x
	}
	done := o.Done
	o.Done = func(task, candidate, repeat int) bool {
		x, ok := place[candidate]
		return !ok || wanted[task] == nil || !wanted[task][x] || done(task, candidate, repeat)
	}
	all := p.tasks(ctx)
	o.Tasks = func(yield func(*eval.Task, error) bool) {
		all(func(t *eval.Task, err error) bool {
			return t != nil && wanted[t.Seq] == nil || yield(t, err)
		})
	}
	if !end.IsZero() {
		o.Deadline = max(time.Until(end), time.Nanosecond)
	}
	return o
}

// look hands each race what its round came to.
func (p *plan) look(ctx context.Context, s *store.Store, types []*raceType, cluster map[int]int64, round int) error {
	racers := p.racers()
	names, err := s.TaskTypes(ctx, p.run.ID)
	if err != nil {
		return err
	}
	tallies, seen := make(map[string]*raceTally), make(map[string]map[int]bool)
	for _, t := range types {
		tallies[t.name], seen[t.name] = newRaceTally(len(racers)), t.seen
	}
	for o, err := range s.Outcomes(ctx, p.run.ID, names) {
		if err != nil {
			return err
		}
		x := slices.Index(racers, int(o.Candidate))
		kind := names[o.TaskType]
		if x < 0 || o.Repeat != 0 || !seen[kind][int(o.TaskSeq)] { // a later round's must not decide an earlier look
			continue
		}
		tallies[kind].add(x, &o, cluster[int(o.TaskSeq)])
	}
	for _, t := range types {
		if len(t.last) == 0 {
			continue
		}
		t.race.Look(tallies[t.name].clusters(t.last, cluster), tallies[t.name].perAccepted(), round == len(t.rounds)-1)
		p.tellRace(t)
	}
	return nil
}

// tellRace says what a look decided.
func (p *plan) tellRace(t *raceType) {
	r := t.race.Result()
	kind := eval.Untrusted(t.name).Line(60)
	for _, stopped := range r.Stopped {
		if stopped.After == r.Tasks {
			p.say("race, %s: %s stops after %d of %d tasks: %s", kind, eval.Untrusted(stopped.Candidate).Line(60), stopped.After, r.Planned, eval.Untrusted(stopped.Why).Line(200))
		}
	}
	switch {
	case !t.race.Over():
	case r.Winner == "":
		p.say("race, %s: %s", kind, r.How)
	default:
		p.say("race, %s: %s after %d of %d tasks, %s", kind, eval.Untrusted(r.Winner).Line(60), r.Tasks, r.Planned, r.How)
	}
}

// keepRace stores what came of the races, and what they saved.
func (p *plan) keepRace(ctx context.Context, s *store.Store, types []*raceType) error {
	race := &eval.Race{Alpha: decide.RaceError()}
	cells, err := s.Cells(ctx, p.run.ID)
	if err != nil {
		return err
	}
	ran := make(map[string]*eval.Cell)
	for i := range cells {
		ran[fmt.Sprintf("%d %s", cells[i].Candidate, cells[i].TaskType)] = &cells[i]
	}
	for _, t := range types {
		r := t.race.Result()
		race.Types = append(race.Types, r)
		for _, i := range p.racers() {
			c := ran[fmt.Sprintf("%d %s", i, t.name)]
			if c == nil || c.N == 0 || !t.race.Over() {
				continue
			}
			left := int64(r.Planned) - c.N
			race.Skipped += int(left)
			race.Saved = race.Saved.Plus(share(c.Cost(), left, c.N))
		}
	}
	p.run.Race = race
	return s.SaveRace(ctx, p.run.ID, race)
}

// share is n/of of a cost, rounded down.
func share(c eval.Cost, n, of int64) eval.Cost {
	part := func(m eval.Money) eval.Money { return eval.Money(float64(m) * float64(n) / float64(of)) }
	return eval.Cost{Low: part(c.Low), High: part(c.High), Unbounded: c.Unbounded}
}

// tellSaved says what a race saved.
func (p *plan) tellSaved() {
	race := p.run.Race
	if race == nil {
		return
	}
	all := p.run.Tasks() * len(p.racers())
	var undecided []string
	for i := range race.Types {
		if race.Types[i].Winner == "" {
			undecided = append(undecided, eval.Untrusted(race.Types[i].TaskType).Line(40))
		}
	}
	saved := "what that saved is not known"
	if race.Saved.Known() {
		saved = "about " + report.CostRange(report.MoneyOf(race.Saved)) + " saved"
	}
	p.say("race: %d of %d trials were left out (%.0f %%), %s; at most %.0f %% likely to be a wrong choice, for each task type",
		race.Skipped, all, 100*float64(race.Skipped)/float64(max(1, all)), saved, 100*race.Alpha)
	if len(undecided) > 0 {
		p.say("race: undecided on %s", strings.Join(undecided, ", "))
	}
}
