package store

import (
	"context"
	"database/sql"
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
		found, err := s.pragma(ctx, pragma)
		if err != nil {
			found = append(found, err.Error()) // a file that cannot be read is the finding
		}
		problems = append(problems, found...)
	}
	return problems, nil
}

// pragma returns what a checking pragma complains of.
func (s *Store) pragma(ctx context.Context, name string) ([]string, error) {
	rows, err := s.read.QueryContext(ctx, "PRAGMA "+name)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err is checked
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	var problems []string
	for rows.Next() {
		cells := make([]any, len(columns))
		for i := range cells {
			cells[i] = new(any)
		}
		if err := rows.Scan(cells...); err != nil {
			return problems, err
		}
		if first := fmt.Sprint(*(cells[0].(*any))); first != "ok" || name != "integrity_check" {
			problems = append(problems, name+": "+first)
		}
	}
	return problems, rows.Err()
}

// Backup writes a compact, consistent copy of the file to path, which must not
// exist yet.
func (s *Store) Backup(ctx context.Context, path string) error {
	if _, err := os.Lstat(path); err == nil {
		return eval.Invalid(fmt.Errorf("%s exists already", path), "name a new file")
	}
	// A connection that may write nothing at all cannot write another file either.
	db, err := sql.Open("sqlite", dsn(s.path, "ro", defaultWait, nil))
	if err != nil {
		return explain(s.path, err)
	}
	_, err = db.ExecContext(ctx, "VACUUM INTO ?", path)
	if err = errors.Join(err, db.Close()); err != nil {
		return explain(s.path, fmt.Errorf("back up to %s: %w", path, err))
	}
	return os.Chmod(path, 0o600)
}
