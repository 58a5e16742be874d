package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"infer/eval"
)

// Regrader judges stored answers.
type Regrader interface {
	// Grade judges one answer. Its error ends the whole re-grading.
	Grade(ctx context.Context, t *eval.Trial, a *eval.Attempt) (eval.Grade, error)
	// Repair applies the task type's repair rule to a rejected answer. rule is nil
	// where the type has none, fix where the rule cannot say.
	Repair(t *eval.Trial, a *eval.Attempt) (rule *eval.RepairRule, fix *bool)
	// Workers is how many answers Grade is called for at once.
	Workers() int
}

// Regrade makes g the run's current grading: every stored answer is graded, and
// the trials' verdicts follow from that as they did when the trials ran. What
// earlier gradings said stays in the store. It returns how many answers were
// graded and how many verdicts changed. What was spent stays spent, regenerations
// that the new verdicts would not have asked for included; what judging costs is
// added, and repairs that a rule imputes follow the verdicts. People's words on
// the answers are laid over the result again.
//
// The verdicts change all at once at the end: where Regrade fails or is cut off,
// the run is as it was. It fails with eval.KindStore while another live process
// writes the run.
func (s *Store) Regrade(ctx context.Context, run *eval.Run, g eval.Grading, by Regrader) (graded, changed int, err error) {
	id, err := s.runKey(ctx, run.ID)
	if err != nil {
		return 0, 0, err
	}
	if err := s.hold(ctx, run.ID, id); err != nil {
		return 0, 0, explain(s.path, err)
	}
	defer func() { err = errors.Join(err, s.letGo(context.WithoutCancel(ctx), id)) }()
	r := &regrading{s: s, id: id, number: g.Number, by: by, types: run.TaskTypes}
	if r.labelled, err = s.labelled(ctx, id); err != nil {
		return 0, 0, err
	}
	for at := start; ; {
		page, err := s.trialPage(ctx, id, Filter{}, at)
		if err != nil {
			return r.graded, r.changed, explain(s.path, err)
		}
		if err := r.page(ctx, page); err != nil {
			return r.graded, r.changed, explain(s.path, err)
		}
		if len(page) < pageRows {
			break
		}
		at = page[len(page)-1].place()
	}
	if err := r.adopt(ctx, run, g); err != nil {
		return r.graded, r.changed, explain(s.path, err)
	}
	return r.graded, r.changed, s.roll(ctx, run.ID, nil)
}

// hold makes this process the one that writes a run, without changing its state.
func (s *Store) hold(ctx context.Context, key string, id int64) error {
	now := s.now()
	return s.w.wait(ctx, func(t *tx) error {
		var h holder
		if err := t.row("SELECT writer_pid, writer_us, writer FROM runs WHERE id = ?", []any{id}, &h.pid, &h.beat, &h.writer); err != nil {
			return err
		}
		if h.holds(s.self, now) {
			return h.err(key)
		}
		return t.exec("UPDATE runs SET writer_pid = ?, writer_us = ?, writer = ? WHERE id = ?", os.Getpid(), now.UnixMicro(), s.self, id)
	})
}

// letGo ends what hold began.
func (s *Store) letGo(ctx context.Context, id int64) error {
	return explain(s.path, s.w.wait(ctx, func(t *tx) error {
		return t.exec("UPDATE runs SET writer_pid = NULL, writer = NULL WHERE id = ? AND writer = ?", id, s.self)
	}))
}

// regrading is one re-grading under way.
type regrading struct {
	s        *Store
	id       int64
	number   int
	by       Regrader
	types    []eval.TaskType
	labelled map[int64]bool // trials that people have said something of

	mu              sync.Mutex
	graded, changed int
	updates         []stored // those whose row changes, without their attempts
}

// page grades the answers of some trials and stores the grades, which count for
// nothing until the grading is adopted.
func (r *regrading) page(ctx context.Context, page []stored) error {
	stop := r.beat(ctx)
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(max(1, r.by.Workers()))
	for i := range page {
		group.Go(func() error { return r.trial(gctx, page[i]) })
	}
	err := group.Wait()
	stop()
	if err != nil {
		return err
	}
	return r.s.w.wait(ctx, func(t *tx) error {
		for _, trial := range page {
			for i := range trial.Attempts {
				if err := insertGrade(t, trial.id, &trial.Attempts[i], trial.Attempts[i].Seq, r.number); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// beat says again and again that this process still writes the run: judges may
// take their time over one page.
func (r *regrading) beat(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for tick := time.NewTicker(staleAfter / 4); ; {
			us := r.s.now().UnixMicro()
			if r.s.w.wait(ctx, func(t *tx) error {
				return t.exec("UPDATE runs SET writer_us = ? WHERE id = ? AND writer = ?", us, r.id, r.s.self)
			}) != nil {
				tick.Stop()
				return // the page's own writes say what is wrong
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				tick.Stop()
				return
			}
		}
	}()
	return func() { cancel(); <-ended }
}

// trial grades every answer of a trial anew and draws the conclusion.
func (r *regrading) trial(ctx context.Context, t stored) error {
	was := *t.Trial
	if r.labelled[t.id] { // what a person said of it is laid over again afterwards
		t.HumanFix, t.HumanFixFrom = nil, eval.UnknownOrigin
	}
	graded := 0
	for i := range t.Attempts {
		a := &t.Attempts[i]
		a.Grade = nil
		if a.Failure != nil || a.Cause == eval.CauseJudge {
			continue
		}
		g, err := r.by.Grade(ctx, t.Trial, a)
		if err != nil {
			return fmt.Errorf("grade answer to task %s: %w", eval.Untrusted(t.TaskID).Line(80), err)
		}
		a.Grade = &g
		t.Cost.Judge = t.Cost.Judge.Plus(g.Cost)
		graded++
	}
	t.Conclude()
	var rule *eval.RepairRule
	var fix *bool
	if t.Verdict == eval.Rejected && t.Final >= 0 {
		rule, fix = r.by.Repair(t.Trial, &t.Attempts[t.Final])
	}
	if !t.CutOff && t.Final >= 0 {
		t.Mend(rule, fix)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.graded += graded
	if t.Verdict != was.Verdict {
		r.changed++
	}
	if r.labelled[t.id] || t.Verdict != was.Verdict || t.Final != was.Final || !sameBool(t.FirstTry, was.FirstTry) || !sameBool(t.AfterRegen, was.AfterRegen) ||
		!sameBool(t.HumanFix, was.HumanFix) || t.HumanFixFrom != was.HumanFixFrom || t.HumanFixTime != was.HumanFixTime || t.Cost != was.Cost {
		short := *t.Trial
		short.Attempts = nil
		r.updates = append(r.updates, stored{t.id, &short})
	}
	return nil
}

func sameBool(a, b *bool) bool { return (a == nil) == (b == nil) && (a == nil || *a == *b) }

// adopt makes a grading the current one, with the verdicts that follow from it.
// What the one before said of the trials is kept.
func (r *regrading) adopt(ctx context.Context, run *eval.Run, g eval.Grading) error {
	s, id := r.s, r.id
	body, err := json.Marshal(g)
	if err != nil {
		return err
	}
	next := *run
	next.Grading = g
	plan, err := json.Marshal(&next)
	if err != nil {
		return err
	}
	us := s.now().UnixMicro()
	err = s.w.wait(ctx, func(t *tx) error {
		if err := t.exec("INSERT INTO verdicts (trial, grading, "+verdictColumns+") SELECT id, ?, "+verdictColumns+" FROM trials WHERE run = ? ON CONFLICT DO NOTHING", run.Grading.Number, id); err != nil {
			return err
		}
		if err := t.exec("INSERT INTO gradings (run, number, body, at_us) VALUES (?, ?, ?, ?)", id, g.Number, string(body), us); err != nil {
			return err
		}
		for _, trial := range r.updates {
			if err := updateVerdict(t, trial); err != nil {
				return err
			}
		}
		for trial := range r.labelled {
			if err := reapply(t, trial, g.Number, r.types); err != nil {
				return err
			}
		}
		return t.exec("UPDATE runs SET body = ?, updated_us = ?, rolled = 0 WHERE id = ?", string(plan), us, id)
	})
	if err == nil {
		run.Grading = g
	}
	return err
}

// insertGrade stores what a grading says of one answer; nothing where it was not
// graded. What an abandoned grading of the same number said is replaced.
func insertGrade(t *tx, trial int64, a *eval.Attempt, seq, number int) error {
	if a.Grade == nil {
		return nil
	}
	scores, err := json.Marshal(a.Grade.Scores)
	if err != nil {
		return err
	}
	return t.exec(`INSERT INTO grades (trial, grading, attempt, verdict, scores) VALUES (?,?,?,?,?)
		ON CONFLICT DO UPDATE SET verdict = excluded.verdict, scores = excluded.scores`,
		trial, number, seq, string(a.Grade.Verdict), string(scores))
}

func updateVerdict(t *tx, trial stored) error {
	cost := trial.Cost.Final()
	split, err := encodeSplit(trial.Cost)
	if err != nil {
		return err
	}
	return t.exec(`UPDATE trials SET verdict = ?, final = ?, first_try = ?, after_regen = ?, human_fix = ?, fix_origin = ?, fix_us = ?,
		cost_low = ?, cost_high = ?, split = ? WHERE id = ?`,
		string(trial.Verdict), trial.Final, boolOrNull(trial.FirstTry), boolOrNull(trial.AfterRegen), boolOrNull(trial.HumanFix),
		string(trial.HumanFixFrom), micros(trial.HumanFixTime), int64(cost.Low), high(cost), split, trial.id)
}
