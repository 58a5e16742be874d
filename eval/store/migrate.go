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

// migrate brings the file to this program's version, one transaction a script.
func migrate(ctx context.Context, db *sql.DB, path string) error {
	for i, script := range migrations() {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return fmt.Errorf("migrate: %w", err)
		}
		var version, app int
		err = tx.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version)
		if err == nil {
			err = tx.QueryRowContext(ctx, "PRAGMA application_id").Scan(&app)
		}
		switch {
		case err != nil:
		case app != 0 && app != applicationID || app == 0 && version != 0:
			err = eval.Invalid(fmt.Errorf("%s is a database of another program", path), "name the right file with --store FILE; this one was not touched")
		default:
			err = checkVersion(path, version)
		}
		if err == nil && version == i {
			_, err = tx.ExecContext(ctx, fmt.Sprintf("%s;\nPRAGMA application_id = %d;\nPRAGMA user_version = %d;", script, applicationID, i+1))
		}
		if err != nil {
			_ = tx.Rollback()
			return fmt.Errorf("migrate: %w", err)
		}
		if err := tx.Commit(); err != nil {
			return fmt.Errorf("migrate: %w", err)
		}
	}
	return nil
}
