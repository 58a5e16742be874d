package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"strings"

	"infer/eval"
)

// drawn is one answer or pair of the population that a review is drawn from.
type drawn struct {
	trial               int64
	attempt             int
	other, otherAttempt sql.NullInt64 // of a pair
	candidate           int
	taskType            string
	probability         float64
	swapped             bool
}

// StartReview draws the sample that plan describes from the run's answers and
// stores it. Of a review that is there already under plan.ID, nothing is drawn
// anew: it is returned as it was made. It fails with eval.KindInvalid where there
// is nothing to draw from.
func (s *Store) StartReview(ctx context.Context, run *eval.Run, plan eval.Review) (*eval.Review, error) {
	old, err := s.Review(ctx, plan.ID)
	if err == nil || !errors.Is(err, ErrNotFound) {
		return old, err
	}
	id, err := s.runKey(ctx, run.ID)
	if err != nil {
		return nil, err
	}
	all, err := s.population(ctx, id, &plan)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, eval.Invalid(fmt.Errorf("run %s has no answers to review under these limits", run.ID), "leave out --task-type or --candidate")
	}
	items := sample(all, &plan)
	plan.Population, plan.Items, plan.CreatedAt, plan.Run = len(all), len(items), s.now().UTC(), run.ID
	body, err := json.Marshal(plan)
	if err != nil {
		return nil, err
	}
	err = s.w.wait(ctx, func(t *tx) error {
		var review int64
		if err := t.row("INSERT INTO reviews (run, key, created_us, body) VALUES (?, ?, ?, ?) RETURNING id",
			[]any{id, plan.ID, plan.CreatedAt.UnixMicro(), string(body)}, &review); err != nil {
			return err
		}
		for i := range items {
			d := &items[i]
			if err := t.exec("INSERT INTO review_items (review, seq, trial, attempt, other, other_attempt, swapped, probability) VALUES (?,?,?,?,?,?,?,?)",
				review, i, d.trial, d.attempt, d.other, d.otherAttempt, d.swapped, d.probability); err != nil {
				return err
			}
		}
		return nil
	})
	return &plan, explain(s.path, err)
}

// population lists what a review may draw: the answers that count of judged and
// unscored trials, in a fixed order.
func (s *Store) population(ctx context.Context, run int64, plan *eval.Review) ([]drawn, error) {
	where, args := []string{"t.run = ?", "t.final >= 0"}, []any{run}
	from, cols := "trials t JOIN names n ON n.id = t.type", "NULL, NULL"
	if plan.TaskType != "" {
		where, args = append(where, "n.name = ?"), append(args, plan.TaskType)
	}
	switch {
	case plan.Mode == eval.ReviewPairs && len(plan.Candidates) == 2:
		from += " JOIN trials o ON o.run = t.run AND o.task = t.task AND o.repeat = t.repeat"
		cols = "o.id, o.final"
		where = append(where, "o.final >= 0", "t.candidate = ?", "o.candidate = ?")
		args = append(args, plan.Candidates[0], plan.Candidates[1])
	case plan.Mode == eval.ReviewPairs:
		return nil, eval.Invalid(errors.New("a review of pairs needs two candidates"), "name them: --pairs A,B")
	case len(plan.Candidates) > 0:
		marks := make([]string, len(plan.Candidates))
		for i, c := range plan.Candidates {
			marks[i], args = "?", append(args, c)
		}
		where = append(where, "t.candidate IN ("+strings.Join(marks, ", ")+")")
	}
	rows, err := s.read.QueryContext(ctx, "SELECT t.id, t.final, t.candidate, n.name, "+cols+" FROM "+from+" WHERE "+strings.Join(where, " AND ")+
		" ORDER BY t.candidate, t.task, t.repeat", args...)
	if err != nil {
		return nil, explain(s.path, err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err is checked
	var out []drawn
	for rows.Next() {
		var d drawn
		if err := rows.Scan(&d.trial, &d.attempt, &d.candidate, &d.taskType, &d.other, &d.otherAttempt); err != nil {
			return nil, explain(s.path, err)
		}
		out = append(out, d)
	}
	return out, explain(s.path, rows.Err())
}

// sample draws without replacement, of the whole or of each cell, and shuffles
// what it drew; all of it follows from the seed.
func sample(all []drawn, plan *eval.Review) []drawn {
	rng := rand.New(rand.NewPCG(plan.Seed, 0x7265766965770000))
	type stratum struct {
		candidate int
		taskType  string
	}
	var order []stratum
	strata := make(map[stratum][]drawn)
	for _, d := range all {
		var key stratum
		if plan.PerCell {
			key = stratum{d.candidate, d.taskType}
		}
		if strata[key] == nil {
			order = append(order, key)
		}
		strata[key] = append(strata[key], d)
	}
	var out []drawn
	for _, key := range order {
		of := strata[key]
		n := len(of)
		if plan.Size > 0 {
			n = min(n, plan.Size)
		}
		rng.Shuffle(len(of), func(i, j int) { of[i], of[j] = of[j], of[i] })
		for i := range n {
			of[i].probability = float64(n) / float64(len(of))
			of[i].swapped = plan.Mode == eval.ReviewPairs && rng.IntN(2) == 1
		}
		out = append(out, of[:n]...)
	}
	rng.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// Review returns a review by its ID, or by the beginning of one; "" is the newest.
// One that is not there is ErrNotFound.
func (s *Store) Review(ctx context.Context, ref string) (*eval.Review, error) {
	rows, err := s.read.QueryContext(ctx, "SELECT body FROM reviews WHERE substr(key, 1, length(?1)) = ?1 ORDER BY key = ?1 DESC, created_us DESC, id DESC LIMIT 1", ref)
	if err != nil {
		return nil, explain(s.path, err)
	}
	found, err := scanReviews(rows)
	if err != nil {
		return nil, explain(s.path, err)
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("review %q: %w", eval.Untrusted(ref).Line(40), ErrNotFound)
	}
	return &found[0], nil
}

// Reviews lists the reviews of a run, oldest first.
func (s *Store) Reviews(ctx context.Context, runID string) ([]eval.Review, error) {
	rows, err := s.read.QueryContext(ctx, "SELECT v.body FROM reviews v JOIN runs r ON r.id = v.run WHERE r.key = ? ORDER BY v.id", runID)
	if err != nil {
		return nil, explain(s.path, err)
	}
	out, err := scanReviews(rows)
	return out, explain(s.path, err)
}

func scanReviews(rows *sql.Rows) ([]eval.Review, error) {
	defer rows.Close() //nolint:errcheck // rows.Err is checked
	var out []eval.Review
	for rows.Next() {
		var body []byte
		var r eval.Review
		if err := rows.Scan(&body); err != nil {
			return nil, err
		}
		if err := json.Unmarshal(body, &r); err != nil {
			return nil, fmt.Errorf("read review: %w", err)
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

// answerColumns are the columns of one side of an item.
func answerColumns(t, a string) string {
	return fmt.Sprintf("%[1]s.task, k.task_id, n.name, %[1]s.cluster, %[1]s.candidate, %[1]s.repeat, i.%[2]s, coalesce(g%[1]s.verdict, 'unscored')", t, a)
}

// ReviewItems returns the items of a review in order, without the answers' texts.
func (s *Store) ReviewItems(ctx context.Context, reviewID string) ([]eval.ReviewItem, error) {
	const current = "(SELECT max(number) FROM gradings WHERE run = r.run)"
	rows, err := s.read.QueryContext(ctx, "SELECT i.seq, i.probability, i.swapped, "+answerColumns("t", "attempt")+", o.id IS NOT NULL, coalesce(o.candidate, 0), coalesce(i.other_attempt, 0), coalesce(go.verdict, 'unscored')"+
		` FROM review_items i JOIN reviews r ON r.id = i.review JOIN trials t ON t.id = i.trial JOIN tasks k ON k.run = t.run AND k.seq = t.task JOIN names n ON n.id = t.type
		LEFT JOIN trials o ON o.id = i.other
		LEFT JOIN grades gt ON gt.trial = t.id AND gt.attempt = i.attempt AND gt.grading = `+current+`
		LEFT JOIN grades go ON go.trial = o.id AND go.attempt = i.other_attempt AND go.grading = `+current+`
		WHERE r.key = ? ORDER BY i.seq`, reviewID)
	if err != nil {
		return nil, explain(s.path, err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err is checked
	var out []eval.ReviewItem
	for rows.Next() {
		var it eval.ReviewItem
		var o eval.Answer
		var pair bool
		f := &it.First
		if err := rows.Scan(&it.Seq, &it.Probability, &it.Swapped, &f.TaskSeq, &f.TaskID, &f.TaskType, &f.Cluster, &f.Candidate, &f.Repeat, &f.Attempt, &f.Machine,
			&pair, &o.Candidate, &o.Attempt, &o.Machine); err != nil {
			return nil, explain(s.path, err)
		}
		if pair {
			o.TaskSeq, o.TaskID, o.TaskType, o.Cluster, o.Repeat = f.TaskSeq, f.TaskID, f.TaskType, f.Cluster, f.Repeat
			it.Second = &o
		}
		out = append(out, it)
	}
	return out, explain(s.path, rows.Err())
}

// Answers streams every answer that counts, of the whole run, with what the
// graders say of it; without texts, ordered by candidate, task and repeat.
func (s *Store) Answers(ctx context.Context, runID string) iter.Seq2[eval.Answer, error] {
	return func(yield func(eval.Answer, error) bool) {
		rows, err := s.read.QueryContext(ctx, `SELECT t.task, k.task_id, n.name, t.cluster, t.candidate, t.repeat, t.final, coalesce(g.verdict, 'unscored')
			FROM trials t JOIN runs r ON r.id = t.run JOIN tasks k ON k.run = t.run AND k.seq = t.task JOIN names n ON n.id = t.type
			LEFT JOIN grades g ON g.trial = t.id AND g.attempt = t.final AND g.grading = (SELECT max(number) FROM gradings WHERE run = t.run)
			WHERE r.key = ? AND t.final >= 0 ORDER BY t.candidate, t.task, t.repeat`, runID)
		if err != nil {
			yield(eval.Answer{}, explain(s.path, err))
			return
		}
		defer rows.Close() //nolint:errcheck // rows.Err is checked
		for rows.Next() {
			var a eval.Answer
			err := rows.Scan(&a.TaskSeq, &a.TaskID, &a.TaskType, &a.Cluster, &a.Candidate, &a.Repeat, &a.Attempt, &a.Machine)
			if !yield(a, explain(s.path, err)) || err != nil {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(eval.Answer{}, explain(s.path, err))
		}
	}
}

// FillAnswers reads the texts and tool calls of an item's answers.
func (s *Store) FillAnswers(ctx context.Context, runID string, it *eval.ReviewItem) error {
	for _, a := range []*eval.Answer{&it.First, it.Second} {
		if a == nil {
			continue
		}
		var codec sql.NullInt64
		var body []byte
		var more sql.NullString
		err := s.read.QueryRowContext(ctx, `SELECT y.codec, y.body, a.detail FROM attempts a JOIN trials t ON t.id = a.trial JOIN runs r ON r.id = t.run
			LEFT JOIN payloads y ON y.digest = a.output WHERE r.key = ? AND t.candidate = ? AND t.task = ? AND t.repeat = ? AND a.seq = ?`,
			runID, a.Candidate, a.TaskSeq, a.Repeat, a.Attempt).Scan(&codec, &body, &more)
		if err != nil {
			return explain(s.path, fmt.Errorf("read answer to task %s: %w", eval.Untrusted(a.TaskID).Line(80), err))
		}
		if codec.Valid {
			text, err := s.unpack(int(codec.Int64), body)
			if err != nil {
				return err
			}
			a.Text = eval.Untrusted(text)
		}
		var at eval.Attempt
		if err := decodeDetail(more, &at); err != nil {
			return err
		}
		a.ToolCalls = at.ToolCalls
	}
	return nil
}
