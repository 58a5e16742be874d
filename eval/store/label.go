package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"infer/eval"
)

// AddLabel stores a reviewer's word on an item, in place of an earlier one of
// his, and lays it over the trial as eval.Trial.Apply says. The run's roll-ups
// follow with Reroll.
func (s *Store) AddLabel(ctx context.Context, run *eval.Run, r *eval.Review, l *eval.Label) error {
	reasons, err := json.Marshal(append([]string{}, l.Reasons...))
	if err != nil {
		return err
	}
	at := l.At
	if at.IsZero() {
		at = s.now()
	}
	return explain(s.path, s.w.wait(ctx, func(t *tx) error {
		review, trial, err := findItem(t, r.ID, l.Item)
		if err != nil {
			return err
		}
		var edit any
		if l.Edit != nil {
			b := []byte(*l.Edit)
			d := eval.DigestOf(b)
			if err := t.put(d, b); err != nil {
				return err
			}
			edit = d[:]
		}
		// A new row, so that the order of rows is the order of words.
		if err := t.exec("DELETE FROM labels WHERE review = ? AND item = ? AND reviewer = ?", review, l.Item, l.Reviewer); err != nil {
			return err
		}
		if err := t.exec("INSERT INTO labels (review, item, reviewer, label, reasons, note, edit, fix_us, took_us, at_us) VALUES (?,?,?,?,?,?,?,?,?,?)",
			review, l.Item, l.Reviewer, string(l.Kind), string(reasons), string(l.Note), edit, microsOrNull(l.FixTime), microsOrNull(l.Took), at.UnixMicro()); err != nil {
			return err
		}
		return reapply(t, trial, run.Grading.Number, run.TaskTypes)
	}))
}

func findItem(t *tx, reviewID string, item int) (review, trial int64, err error) {
	err = t.row("SELECT i.review, i.trial FROM review_items i JOIN reviews r ON r.id = i.review WHERE r.key = ? AND i.seq = ?", []any{reviewID, item}, &review, &trial)
	if isNoRows(err) {
		err = eval.Invalid(fmt.Errorf("review %s has no item %d", reviewID, item), "`infer review export` lists its items")
	}
	return review, trial, err
}

// Undo takes back the reviewer's latest label of a review and returns the item it
// was on; false where there is none.
func (s *Store) Undo(ctx context.Context, run *eval.Run, r *eval.Review, reviewer string) (item int, ok bool, err error) {
	err = s.w.wait(ctx, func(t *tx) error {
		var id, trial int64
		err := t.row(`SELECT l.id, l.item, i.trial FROM labels l JOIN review_items i ON i.review = l.review AND i.seq = l.item JOIN reviews r ON r.id = l.review
			WHERE r.key = ? AND l.reviewer = ? ORDER BY l.id DESC LIMIT 1`, []any{r.ID, reviewer}, &id, &item, &trial)
		if isNoRows(err) {
			return nil
		}
		if err != nil {
			return err
		}
		ok = true
		if err := t.exec("DELETE FROM labels WHERE id = ?", id); err != nil {
			return err
		}
		return reapply(t, trial, run.Grading.Number, run.TaskTypes)
	})
	return item, ok, explain(s.path, err)
}

// Labels returns every label of a review in the order in which they were given.
func (s *Store) Labels(ctx context.Context, reviewID string) ([]eval.Label, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT l.item, l.reviewer, l.label, l.reasons, l.note, p.codec, p.body, l.fix_us, l.took_us, l.at_us
		FROM labels l JOIN reviews r ON r.id = l.review LEFT JOIN payloads p ON p.digest = l.edit WHERE r.key = ? ORDER BY l.id`, reviewID)
	if err != nil {
		return nil, explain(s.path, err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err is checked
	var out []eval.Label
	for rows.Next() {
		var l eval.Label
		var reasons []byte
		var codec, fix, took sql.NullInt64
		var body []byte
		var at int64
		if err := rows.Scan(&l.Item, &l.Reviewer, &l.Kind, &reasons, &l.Note, &codec, &body, &fix, &took, &at); err != nil {
			return nil, explain(s.path, err)
		}
		if err := json.Unmarshal(reasons, &l.Reasons); err != nil {
			return nil, fmt.Errorf("read reasons of a label: %w", err)
		}
		if codec.Valid {
			text, err := s.unpack(int(codec.Int64), body)
			if err != nil {
				return nil, err
			}
			u := eval.Untrusted(text)
			l.Edit = &u
		}
		l.FixTime, l.Took, l.At = durationPtr(fix), durationPtr(took), time.UnixMicro(at).UTC()
		out = append(out, l)
	}
	return out, explain(s.path, rows.Err())
}

// Reroll brings the run's roll-ups up to its trials, after labels. It leaves that
// to a process that writes the run, if there is one.
func (s *Store) Reroll(ctx context.Context, runID string) error {
	id, err := s.runKey(ctx, runID)
	if err != nil {
		return err
	}
	if err := s.hold(ctx, runID, id); err != nil {
		if eval.KindOf(err) == eval.KindStore {
			return nil
		}
		return explain(s.path, err)
	}
	return errors.Join(s.roll(ctx, runID, nil), s.letGo(ctx, id))
}

// labelled returns the trials of a run that people have said something of.
func (s *Store) labelled(ctx context.Context, run int64) (map[int64]bool, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT DISTINCT i.trial FROM labels l JOIN review_items i ON i.review = l.review AND i.seq = l.item
		JOIN trials t ON t.id = i.trial WHERE t.run = ? AND i.other IS NULL`, run)
	if err != nil {
		return nil, explain(s.path, err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err is checked
	out := make(map[int64]bool)
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, explain(s.path, err)
		}
		out[id] = true
	}
	return out, explain(s.path, rows.Err())
}

// reapply sets a trial to what the machine says of it under a grading, with the
// latest word of a person on its answer laid over.
func reapply(t *tx, id int64, grading int, types []eval.TaskType) error {
	if err := t.exec("INSERT INTO verdicts (trial, grading, "+verdictColumns+") SELECT id, ?, "+verdictColumns+" FROM trials WHERE id = ? ON CONFLICT DO NOTHING", grading, id); err != nil {
		return err
	}
	trial, run, err := machineState(t, id, grading)
	if err != nil {
		return err
	}
	l, rate, err := latestWord(t, id, trial.Final)
	if err != nil {
		return err
	}
	if l != nil {
		var rule *eval.RepairRule
		for i := range types {
			if types[i].Name == trial.TaskType {
				rule = types[i].Repair
			}
		}
		trial.Apply(l, rule, rate)
	}
	if err := updateVerdict(t, stored{id, trial}); err != nil {
		return err
	}
	return t.exec("UPDATE runs SET rolled = 0 WHERE id = ?", run)
}

// machineState reads a trial's kept state under a grading.
func machineState(t *tx, id int64, grading int) (*eval.Trial, int64, error) {
	trial := new(eval.Trial)
	var run, fixUS, low int64
	var first, after, fix sql.NullBool
	var high sql.NullInt64
	var split sql.NullString
	err := t.row(`SELECT t.run, n.name, v.verdict, v.final, v.first_try, v.after_regen, v.human_fix, v.fix_origin, v.fix_us, v.cost_low, v.cost_high, v.split
		FROM verdicts v JOIN trials t ON t.id = v.trial JOIN names n ON n.id = t.type WHERE v.trial = ? AND v.grading = ?`, []any{id, grading},
		&run, &trial.TaskType, &trial.Verdict, &trial.Final, &first, &after, &fix, &trial.HumanFixFrom, &fixUS, &low, &high, &split)
	if err != nil {
		return nil, 0, err
	}
	trial.FirstTry, trial.AfterRegen, trial.HumanFix = boolPtr(first), boolPtr(after), boolPtr(fix)
	trial.HumanFixTime = time.Duration(fixUS) * time.Microsecond
	trial.Cost, err = decodeSplit(split, costOf(low, high))
	return trial, run, err
}

// latestWord returns the latest label on a trial's answer that says anything of
// it, and the hourly rate of its review; nil = there is none.
func latestWord(t *tx, trial int64, attempt int) (*eval.Label, *eval.Money, error) {
	var l eval.Label
	var fix sql.NullInt64
	var body []byte
	err := t.row(`SELECT l.label, l.fix_us, r.body FROM labels l JOIN review_items i ON i.review = l.review AND i.seq = l.item JOIN reviews r ON r.id = l.review
		WHERE i.trial = ? AND i.other IS NULL AND i.attempt = ? AND l.label IN ('accept', 'fix', 'reject') ORDER BY l.id DESC LIMIT 1`, []any{trial, attempt}, &l.Kind, &fix, &body)
	if isNoRows(err) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	var r eval.Review
	if err := json.Unmarshal(body, &r); err != nil {
		return nil, nil, errors.New("read review: its plan is damaged")
	}
	l.FixTime = durationPtr(fix)
	return &l, r.HourlyRate, nil
}
