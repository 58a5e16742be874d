package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"infer/eval"
)

// Judgement is one question to a judge or an embedder, and what came of it.
type Judgement struct {
	Key      eval.Digest
	Kind     string // judge or embedding
	Name     string
	At       time.Time
	Asked    []byte          // the request as JSON
	Answer   *eval.Untrusted // nil = none came, or the outcome is unknown
	Cost     eval.Cost
	Attempts []eval.Attempt // nil = a call was about to be sent, and nothing more is known
}

// Kept returns what was answered to a question before; ok is false where nothing
// was.
func (s *Store) Kept(ctx context.Context, key eval.Digest) (answer eval.Untrusted, ok bool, err error) {
	var codec int
	var body []byte
	err = s.read.QueryRowContext(ctx, "SELECT p.codec, p.body FROM judgements j JOIN payloads p ON p.digest = j.answered WHERE j.key = ?", key[:]).Scan(&codec, &body)
	if isNoRows(err) {
		return "", false, nil
	}
	if err != nil {
		return "", false, explain(s.path, err)
	}
	text, err := s.unpack(codec, body)
	return eval.Untrusted(text), err == nil, err
}

// Intend notes that a question is about to be sent, and returns once that is
// durable.
func (s *Store) Intend(ctx context.Context, key eval.Digest, kind, name string, asked []byte) error {
	us := s.now().UnixMicro()
	return explain(s.path, s.w.wait(ctx, func(t *tx) error {
		d, err := t.text(asked)
		if err != nil {
			return err
		}
		return t.exec("INSERT INTO judgements (key, kind, name, at_us, asked) VALUES (?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING", key[:], kind, name, us, d)
	}))
}

// Keep stores what came of a question: an answer, or nil and the failed attempts.
// What earlier attempts cost stays in its cost.
func (s *Store) Keep(ctx context.Context, key eval.Digest, answer *eval.Untrusted, attempts []eval.Attempt) error {
	cost := eval.Exactly(0)
	for i := range attempts {
		cost = cost.Plus(attempts[i].Cost)
	}
	return explain(s.path, s.w.wait(ctx, func(t *tx) error {
		var low int64
		var top sql.NullInt64
		var before sql.NullString
		if err := t.row("SELECT cost_low, cost_high, attempts FROM judgements WHERE key = ?", []any{key[:]}, &low, &top, &before); err != nil {
			return fmt.Errorf("keep judgement: %w", err)
		}
		var all []eval.Attempt
		if before.Valid {
			if err := json.Unmarshal([]byte(before.String), &all); err != nil {
				return fmt.Errorf("read attempts of a judgement: %w", err)
			}
		}
		all = append(all, attempts...)
		for i := range all {
			all[i].Output = "" // it is the answer, kept once
		}
		b, err := json.Marshal(all)
		if err != nil {
			return err
		}
		var text any
		if answer != nil {
			d := eval.DigestOf([]byte(*answer))
			if err := t.put(d, []byte(*answer)); err != nil {
				return err
			}
			text = d[:]
		}
		sum := costOf(low, top).Plus(cost)
		return t.exec("UPDATE judgements SET answered = ?, cost_low = ?, cost_high = ?, attempts = ? WHERE key = ?", text, int64(sum.Low), high(sum), string(b), key[:])
	}))
}

// Judgement returns one question with everything that is known of it.
func (s *Store) Judgement(ctx context.Context, key eval.Digest) (*Judgement, error) {
	j := &Judgement{Key: key}
	var us, low int64
	var top sql.NullInt64
	var asked, answered []byte
	var attempts sql.NullString
	err := s.read.QueryRowContext(ctx, "SELECT kind, name, at_us, asked, answered, cost_low, cost_high, attempts FROM judgements WHERE key = ?", key[:]).
		Scan(&j.Kind, &j.Name, &us, &asked, &answered, &low, &top, &attempts)
	if isNoRows(err) {
		return nil, fmt.Errorf("judgement %s: %w", key.Short(), ErrNotFound)
	}
	if err != nil {
		return nil, explain(s.path, err)
	}
	j.At, j.Cost = time.UnixMicro(us).UTC(), costOf(low, top)
	if len(asked) == len(eval.Digest{}) {
		if j.Asked, err = s.Text(ctx, eval.Digest(asked)); err != nil {
			return nil, err
		}
	}
	if len(answered) == len(eval.Digest{}) {
		text, err := s.Text(ctx, eval.Digest(answered))
		if err != nil {
			return nil, err
		}
		u := eval.Untrusted(text)
		j.Answer = &u
	}
	if attempts.Valid {
		if err := json.Unmarshal([]byte(attempts.String), &j.Attempts); err != nil {
			return nil, fmt.Errorf("read attempts of a judgement: %w", err)
		}
	}
	return j, nil
}
