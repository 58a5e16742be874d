package store

import (
	"context"
	"encoding/json"
	"fmt"

	"infer/eval"
)

// regradeGroup is how many trials one transaction re-grades.
const regradeGroup = 200

// Regrade makes g the run's current grading: grade is called for every stored
// answer, and the trials' verdicts follow from what it returns. What earlier
// gradings said stays in the store. It returns how many answers were graded and
// how many verdicts changed. No provider is called and no cost changes.
func (s *Store) Regrade(ctx context.Context, run *eval.Run, g eval.Grading, grade func(context.Context, *eval.Trial, *eval.Attempt) (eval.Grade, error)) (graded, changed int, err error) {
	id, err := s.runKey(ctx, run.ID)
	if err != nil {
		return 0, 0, err
	}
	var updates []*eval.Trial
	flush := func() error {
		if len(updates) == 0 {
			return nil
		}
		defer func() { updates = updates[:0] }()
		return s.w.wait(ctx, func(t *tx) error {
			for _, trial := range updates {
				if err := writeGrades(t, id, g.Number, trial); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := s.addGrading(ctx, id, run, g); err != nil {
		return 0, 0, explain(s.path, err)
	}
	for t, err := range s.Trials(ctx, run.ID, Filter{}) {
		if err != nil {
			return graded, changed, err
		}
		n, err := regrade(ctx, t, grade)
		if err != nil {
			return graded, changed, err
		}
		graded += n
		was := t.Verdict
		decide(t)
		if t.Verdict != was {
			changed++
		}
		updates = append(updates, t)
		if len(updates) >= regradeGroup {
			if err := flush(); err != nil {
				return graded, changed, explain(s.path, err)
			}
		}
	}
	if err := flush(); err != nil {
		return graded, changed, explain(s.path, err)
	}
	return graded, changed, s.roll(ctx, run.ID)
}

func (s *Store) addGrading(ctx context.Context, id int64, run *eval.Run, g eval.Grading) error {
	body, err := json.Marshal(g)
	if err != nil {
		return err
	}
	run.Grading = g
	plan, err := json.Marshal(run)
	if err != nil {
		return err
	}
	us := s.now().UnixMicro()
	return s.w.wait(ctx, func(t *tx) error {
		if err := t.exec("INSERT INTO gradings (run, number, body, at_us) VALUES (?, ?, ?, ?)", id, g.Number, string(body), us); err != nil {
			return err
		}
		return t.exec("UPDATE runs SET body = ?, updated_us = ?, rolled = 0 WHERE id = ?", string(plan), us, id)
	})
}

// regrade grades every answer of the trial anew.
func regrade(ctx context.Context, t *eval.Trial, grade func(context.Context, *eval.Trial, *eval.Attempt) (eval.Grade, error)) (int, error) {
	n := 0
	for i := range t.Attempts {
		a := &t.Attempts[i]
		if a.Failure != nil || a.Cause == eval.CauseJudge {
			a.Grade = nil
			continue
		}
		g, err := grade(ctx, t, a)
		if err != nil {
			return n, fmt.Errorf("grade answer to task %s: %w", eval.Untrusted(t.TaskID).Line(80), err)
		}
		a.Grade = &g
		n++
	}
	return n, nil
}

// decide derives the verdict of a trial from the grades of its answers: the
// first accepted answer counts, else the last one. A trial without an answer
// keeps its verdict. A repair that a rule imputed is undone, since it was
// imputed for another verdict.
func decide(t *eval.Trial) {
	first := true
	for i := range t.Attempts {
		g := t.Attempts[i].Grade
		if g == nil {
			continue
		}
		t.Verdict, t.Final = g.Verdict, t.Attempts[i].Seq
		if g.Verdict == eval.Unscored {
			continue
		}
		ok := g.Verdict == eval.Accepted
		t.AfterRegen = &ok
		if first {
			t.FirstTry, first = &ok, false
		}
		if ok {
			break
		}
	}
	if !first && t.HumanFixFrom == eval.Imputed {
		t.HumanFix, t.HumanFixFrom, t.HumanFixTime = nil, eval.UnknownOrigin, 0
		t.Cost.Repair = eval.Exactly(0)
	}
}

func writeGrades(t *tx, run int64, number int, trial *eval.Trial) error {
	var id int64
	if err := t.row("SELECT id FROM trials WHERE run = ? AND candidate = ? AND task = ? AND repeat = ?",
		[]any{run, trial.Candidate, trial.TaskSeq, trial.Repeat}, &id); err != nil {
		return err
	}
	for i := range trial.Attempts {
		a := &trial.Attempts[i]
		if a.Grade == nil {
			continue
		}
		scores, err := json.Marshal(a.Grade.Scores)
		if err != nil {
			return err
		}
		if err := t.exec("INSERT INTO grades (trial, grading, attempt, verdict, scores) VALUES (?,?,?,?,?)",
			id, number, a.Seq, string(a.Grade.Verdict), string(scores)); err != nil {
			return err
		}
	}
	cost := trial.Cost.Final()
	var split any
	if trial.Cost != (eval.CostSplit{Answer: cost}) {
		b, err := json.Marshal(trial.Cost)
		if err != nil {
			return err
		}
		split = string(b)
	}
	return t.exec(`UPDATE trials SET verdict = ?, final = ?, first_try = ?, after_regen = ?, human_fix = ?, fix_origin = ?, fix_us = ?,
		cost_low = ?, cost_high = ?, split = ? WHERE id = ?`,
		string(trial.Verdict), trial.Final, boolOrNull(trial.FirstTry), boolOrNull(trial.AfterRegen), boolOrNull(trial.HumanFix),
		string(trial.HumanFixFrom), micros(trial.HumanFixTime), int64(cost.Low), high(cost), split, id)
}
