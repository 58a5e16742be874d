package store

import (
	"context"
	"fmt"
)

// DeleteRun removes a run with everything that belongs to it alone, and
// overwrites what the file held of it: neither the file nor its log keeps a text.
func (s *Store) DeleteRun(ctx context.Context, runID string) error {
	err := s.w.wait(ctx, func(t *tx) error {
		var id int64
		var h holder
		if err := t.row("SELECT id, writer_pid, writer_us, writer FROM runs WHERE key = ?", []any{runID}, &id, &h.pid, &h.beat, &h.writer); err != nil {
			return fmt.Errorf("find run %s: %w", runID, err)
		}
		if h.holds(s.self, s.now()) {
			return h.err(runID)
		}
		t.forget()
		for _, query := range []string{
			"DELETE FROM judgements WHERE key IN (" + judgedBy("r.key = ?1") + ") AND key NOT IN (" + judgedBy("r.key <> ?1") + ")",
			"DELETE FROM runs WHERE key = ?1",
			"DELETE FROM payloads WHERE ?1 <> '' AND digest NOT IN (SELECT payload FROM tasks UNION SELECT output FROM attempts WHERE output IS NOT NULL" +
				" UNION SELECT asked FROM judgements WHERE asked IS NOT NULL UNION SELECT answered FROM judgements WHERE answered IS NOT NULL UNION SELECT edit FROM labels WHERE edit IS NOT NULL)",
			"DELETE FROM asked WHERE ?1 <> '' AND id NOT IN (SELECT asked FROM attempts)",
			`DELETE FROM names WHERE ?1 <> '' AND id NOT IN (SELECT type FROM tasks UNION SELECT file FROM tasks UNION SELECT type FROM trials
				UNION SELECT called FROM attempts UNION SELECT provider FROM attempts UNION SELECT model FROM attempts
				UNION SELECT served FROM attempts WHERE served IS NOT NULL)`,
		} {
			if err := t.exec(query, runID); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		err = s.w.checkpoint()
	}
	return explain(s.path, err)
}

// judgedBy selects the keys of the questions that grades of some runs rest on.
func judgedBy(runs string) string {
	return `SELECT unhex(json_extract(c.value, '$.key')) FROM runs r JOIN trials t ON t.run = r.id JOIN grades g ON g.trial = t.id,
		json_each(g.scores) s, json_each(s.value, '$.calls') c WHERE ` + runs
}
