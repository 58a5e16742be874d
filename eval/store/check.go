package store

import (
	"context"
	"errors"
	"fmt"
	"os"

	"infer/eval"
)

// Check reads the whole file and returns what is wrong with it, empty if
// nothing is. A query that happens to work proves nothing; this does.
func (s *Store) Check(ctx context.Context) ([]string, error) {
	var problems []string
	for _, pragma := range []string{"integrity_check", "foreign_key_check"} {
		rows, err := s.read.QueryContext(ctx, "PRAGMA "+pragma)
		if err != nil {
			return append(problems, err.Error()), nil
		}
		columns, err := rows.Columns()
		if err != nil {
			return nil, errors.Join(explain(s.path, err), rows.Close())
		}
		for rows.Next() {
			cells := make([]any, len(columns))
			for i := range cells {
				cells[i] = new(any)
			}
			if err := rows.Scan(cells...); err != nil {
				return nil, errors.Join(explain(s.path, err), rows.Close())
			}
			if first := fmt.Sprint(*(cells[0].(*any))); pragma != "integrity_check" || first != "ok" {
				problems = append(problems, pragma+": "+first)
			}
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			problems = append(problems, err.Error())
		}
	}
	return problems, nil
}

// Backup writes a compact, consistent copy of the file to path, which must not
// exist yet.
func (s *Store) Backup(ctx context.Context, path string) error {
	if _, err := os.Lstat(path); err == nil {
		return eval.Invalid(fmt.Errorf("%s exists already", path), "name a new file")
	}
	if _, err := s.read.ExecContext(ctx, "VACUUM INTO ?", path); err != nil {
		return explain(s.path, fmt.Errorf("back up: %w", err))
	}
	return os.Chmod(path, 0o600)
}
