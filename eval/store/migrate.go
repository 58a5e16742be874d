package store

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"sort"

	"infer/eval"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// applicationID marks an infer store ("infr"), beside SQLite's own header.
const applicationID = 0x696e6672

// migrations returns the migration scripts in order; script i brings a file
// from version i to i+1. A script is never edited after its release.
func migrations() []string {
	entries, err := migrationFiles.ReadDir("migrations")
	if err != nil {
		panic(err) // embedded: cannot happen
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	sort.Strings(names)
	for i, name := range names {
		b, err := migrationFiles.ReadFile("migrations/" + name)
		if err != nil {
			panic(err)
		}
		names[i] = string(b)
	}
	return names
}

func schemaVersion() int { return len(migrations()) }

func checkVersion(path string, version int) error {
	if version > schemaVersion() {
		return eval.WithHint(eval.KindStore, fmt.Errorf("store %s was made by a newer infer (format %d, this one knows %d)", path, version, schemaVersion()),
			"update infer, or use another file: --store FILE")
	}
	return nil
}

// fileVersion returns the format of a file that is an infer store or empty.
func fileVersion(ctx context.Context, q querier, path string) (int, error) {
	var version, app int
	if err := q.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return 0, err
	}
	if err := q.QueryRowContext(ctx, "PRAGMA application_id").Scan(&app); err != nil {
		return 0, err
	}
	if app != applicationID && (app != 0 || version != 0) {
		return 0, foreign(path)
	}
	return version, checkVersion(path, version)
}

func foreign(path string) error {
	return eval.Invalid(fmt.Errorf("%s is a database of another program", path), "name the right file with --store FILE; this one was not touched")
}

// querier is a connection, a pool of them or a transaction.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// migrate brings the file to this program's version, one transaction a script.
// A file that is there already is not locked for it.
func migrate(ctx context.Context, db *sql.DB, path string) error {
	version, err := fileVersion(ctx, db, path)
	if err != nil {
		return err
	}
	for version < schemaVersion() {
		if version, err = step(ctx, db, path); err != nil {
			return fmt.Errorf("migrate: %w", err)
		}
	}
	return nil
}

// step runs the next script, unless another process did so meanwhile, and
// returns the version that the file then has.
func step(ctx context.Context, db *sql.DB, path string) (int, error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer tx.Rollback() //nolint:errcheck // it fails after the commit, and means nothing then
	version, err := fileVersion(ctx, tx, path)
	if err != nil || version >= schemaVersion() {
		return version, err
	}
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("%s;\nPRAGMA application_id = %d;\nPRAGMA user_version = %d;", migrations()[version], applicationID, version+1)); err != nil {
		return 0, err
	}
	return version + 1, tx.Commit()
}
