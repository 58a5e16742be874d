package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"infer/eval"
)

// ErrNoBaseline is returned where no baseline has the name.
var ErrNoBaseline = errors.New("no such baseline")

// SaveBaseline keeps a baseline under its name; one that is there is replaced.
func (s *Store) SaveBaseline(ctx context.Context, b *eval.Baseline) error {
	body, err := json.Marshal(b)
	if err != nil {
		return fmt.Errorf("encode baseline: %w", err)
	}
	return explain(s.path, s.w.wait(ctx, func(t *tx) error {
		return t.exec("INSERT INTO baselines (name, at_us, body) VALUES (?1, ?2, ?3) ON CONFLICT (name) DO UPDATE SET at_us = ?2, body = ?3",
			b.Name, b.SavedAt.UnixMicro(), body)
	}))
}

// Baseline returns the baseline of that name; it fails with ErrNoBaseline where
// there is none.
func (s *Store) Baseline(ctx context.Context, name string) (*eval.Baseline, error) {
	var body []byte
	err := s.read.QueryRowContext(ctx, "SELECT body FROM baselines WHERE name = ?", name).Scan(&body)
	if isNoRows(err) {
		return nil, fmt.Errorf("%w: %s", ErrNoBaseline, eval.Untrusted(name).Line(60))
	}
	if err != nil {
		return nil, explain(s.path, err)
	}
	b := new(eval.Baseline)
	if err := json.Unmarshal(body, b); err != nil {
		return nil, fmt.Errorf("read baseline: %w", err)
	}
	return b, nil
}

// Baselines returns the names of all baselines, sorted.
func (s *Store) Baselines(ctx context.Context) ([]string, error) {
	return s.names(ctx, "SELECT name FROM baselines ORDER BY name")
}
