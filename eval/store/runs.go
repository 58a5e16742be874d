package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"infer/eval"
)

// StartRun creates the run, or continues the one with the same ID: candidates
// that it has keep their index, new ones are appended, and run is rewritten to
// the merged plan. It fails with eval.KindStore while another live process
// writes the run.
func (s *Store) StartRun(ctx context.Context, run *eval.Run) (resumed bool, err error) {
	now := s.now()
	err = s.w.wait(ctx, func(t *tx) error {
		var id int64
		var body string
		var h holder
		err := t.row("SELECT id, body, writer_pid, writer_us, writer FROM runs WHERE key = ?", []any{run.ID}, &id, &body, &h.pid, &h.beat, &h.writer)
		if errors.Is(err, sql.ErrNoRows) {
			run.CreatedAt, run.UpdatedAt, run.State = now, now, eval.RunRunning
			return s.insertRun(t, run, now)
		}
		if err != nil {
			return err
		}
		if h.holds(s.self, now) {
			return h.err(run.ID)
		}
		var old eval.Run
		if err := json.Unmarshal([]byte(body), &old); err != nil {
			return fmt.Errorf("read plan of run %s: %w", run.ID, err)
		}
		resumed = true
		merge(&old, run)
		run.UpdatedAt, run.State = now, eval.RunRunning
		b, err := json.Marshal(run)
		if err != nil {
			return err
		}
		if err := lose(t, id); err != nil {
			return err
		}
		return t.exec("UPDATE runs SET state = 'running', updated_us = ?, body = ?, rolled = 0, writer_pid = ?, writer_us = ?, writer = ? WHERE id = ?",
			now.UnixMicro(), string(b), os.Getpid(), now.UnixMicro(), s.self, id)
	})
	return resumed, explain(s.path, err)
}

// unresolved selects the intents of a run that no attempt followed, in the cell
// that they are of.
const unresolved = ` FROM intents i WHERE i.run = ?1 AND NOT EXISTS (SELECT 1 FROM trials t JOIN attempts a ON a.trial = t.id
	WHERE t.run = i.run AND t.candidate = i.candidate AND t.task = i.task AND t.repeat = i.repeat AND a.started_us >= i.at_us)`

// lose keeps the intents of a run that has no writer any more and that nothing
// followed: the calls are made again, and nobody will ever know what became of
// the first ones. The other intents have done their work.
func lose(t *tx, run int64) error {
	if err := t.exec(`INSERT INTO lost (run, candidate, task, repeat, attempt, at_us)
		SELECT i.run, i.candidate, i.task, i.repeat, i.attempt, i.at_us`+unresolved+` ON CONFLICT DO NOTHING`, run); err != nil {
		return err
	}
	return t.exec("DELETE FROM intents WHERE run = ?", run)
}

func (s *Store) insertRun(t *tx, run *eval.Run, now time.Time) error {
	b, err := json.Marshal(run)
	if err != nil {
		return err
	}
	if err := t.exec("INSERT INTO runs (key, name, state, created_us, updated_us, body, writer_pid, writer_us, writer) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
		run.ID, run.Name, string(run.State), now.UnixMicro(), now.UnixMicro(), string(b), os.Getpid(), now.UnixMicro(), s.self); err != nil {
		return err
	}
	g, err := json.Marshal(run.Grading)
	if err != nil {
		return err
	}
	return t.exec("INSERT INTO gradings (run, number, body, at_us) SELECT id, ?, ?, ? FROM runs WHERE key = ?",
		run.Grading.Number, string(g), now.UnixMicro(), run.ID)
}

// merge lays the plan of this invocation over the stored one.
func merge(old, run *eval.Run) {
	candidates, prices := old.Candidates, old.Prices
	at := sameCandidates(old.Candidates, run.Candidates)
	for i := range run.Candidates {
		if at[i] >= 0 {
			candidates[at[i]] = run.Candidates[i]
			continue // its price row stays: the run is priced as it was
		}
		var price eval.PriceRow
		if i < len(run.Prices) {
			price = run.Prices[i]
		}
		candidates, prices = append(candidates, run.Candidates[i]), append(prices, price)
	}
	run.Candidates, run.Prices, run.Repriced = candidates, prices, old.Repriced
	members := old.MemberPrices
	for i := range run.MemberPrices {
		if p := &run.MemberPrices[i]; old.PriceOf(-1, p.Provider, p.Model) == nil {
			members = append(members, *p)
		}
	}
	run.MemberPrices = members
	run.CreatedAt, run.Grading = old.CreatedAt, old.Grading
	run.Repeats = max(run.Repeats, old.Repeats)
	if old.Limit == 0 || run.Limit != 0 && old.Limit > run.Limit {
		run.Limit = old.Limit
	}
	if old.Shard == nil || run.Shard == nil || *old.Shard != *run.Shard {
		run.Shard = nil // the parts of several invocations: the plan is the whole
	}
	run.Seed, run.Batched = old.Seed, run.Batched || old.Batched
}

// sameCandidates says which of the old candidates each new one is, -1 = none: the
// one of its name, if all else is the same too, else one that only has another
// name and that nobody else is.
func sameCandidates(old, now []eval.Candidate) []int {
	at := make([]int, len(now))
	taken := make([]bool, len(old))
	for _, byName := range []bool{true, false} {
		for i := range now {
			if byName {
				at[i] = -1
			} else if at[i] >= 0 {
				continue
			}
			for k := range old {
				if !taken[k] && (!byName || old[k].Name == now[i].Name) && old[k].Digest() == now[i].Digest() {
					at[i], taken[k] = k, true
					break
				}
			}
		}
	}
	return at
}

// Beat says that this process still writes the run. It fails where another took
// the run over meanwhile.
func (s *Store) Beat(ctx context.Context, runID string) error {
	us := s.now().UnixMicro()
	return explain(s.path, s.w.wait(ctx, func(t *tx) error {
		n, err := t.change("UPDATE runs SET writer_us = ? WHERE key = ? AND writer = ?", us, runID, s.self)
		if err == nil && n == 0 {
			err = errTaken(runID)
		}
		return err
	}))
}

// FinishRun writes the roll-ups and the run's state, and lets go of the run, all
// at once: nobody can write the run in between.
func (s *Store) FinishRun(ctx context.Context, runID string, state eval.RunState) error {
	us := s.now().UnixMicro()
	return s.roll(ctx, runID, func(t *tx, id int64) error {
		n, err := t.change("UPDATE runs SET state = ?, updated_us = ?, writer_pid = NULL, writer = NULL WHERE id = ? AND writer = ?", string(state), us, id, s.self)
		switch {
		case err != nil:
			return err
		case n == 0:
			return errTaken(runID)
		case state == eval.RunComplete: // every trial has an outcome: each intent was followed by one
			return t.exec("DELETE FROM intents WHERE run = ?", id)
		}
		return lose(t, id)
	})
}

// Run returns the run named by an ID, the beginning of one, a name, or "" or
// "latest" for the newest. An error's hint lists the runs that there are.
func (s *Store) Run(ctx context.Context, ref string) (*eval.Run, error) {
	query, args := "SELECT body, state, updated_us, (SELECT count(*) FROM lost WHERE run = id) FROM runs ORDER BY updated_us DESC, id DESC LIMIT 1", []any(nil)
	if ref != "" && ref != "latest" {
		query = `SELECT body, state, updated_us, (SELECT count(*) FROM lost WHERE run = id) FROM runs WHERE key = ?1 OR name = ?1 OR substr(key, 1, length(?1)) = ?1
			ORDER BY key = ?1 DESC, name = ?1 DESC, updated_us DESC, id DESC LIMIT 2`
		args = []any{ref}
	}
	rows, err := s.read.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, explain(s.path, err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err is checked
	var found []*eval.Run
	for rows.Next() {
		var body, state string
		var us, lost int64
		run := new(eval.Run)
		if err := rows.Scan(&body, &state, &us, &lost); err != nil {
			return nil, explain(s.path, err)
		}
		if err := json.Unmarshal([]byte(body), run); err != nil {
			return nil, fmt.Errorf("read plan of a run: %w", err)
		}
		run.State, run.UpdatedAt, run.Lost = eval.RunState(state), time.UnixMicro(us).UTC(), lost
		found = append(found, run)
	}
	if err := rows.Err(); err != nil {
		return nil, explain(s.path, err)
	}
	switch {
	case len(found) == 0 && ref == "":
		return nil, eval.Invalid(fmt.Errorf("store %s holds no run", s.path), "`infer eval PATH` makes one")
	case len(found) == 0:
		return nil, eval.Invalid(fmt.Errorf("no run %q in store %s", ref, s.path), "`infer runs list` shows the runs")
	case len(found) == 2 && found[0].ID != ref && found[0].Name != ref:
		return nil, eval.Invalid(fmt.Errorf("run %q is ambiguous: %s, %s, …", ref, found[0].ID, found[1].ID), "give more of its ID")
	}
	return found[0], nil
}

// SaveRace keeps what came of racing a run's candidates.
func (s *Store) SaveRace(ctx context.Context, runID string, race *eval.Race) error {
	return s.adjust(ctx, runID, func(run *eval.Run) bool {
		run.Race = race
		return true
	})
}

// adjust changes the stored plan of a run, unless change says that it is right.
func (s *Store) adjust(ctx context.Context, runID string, change func(*eval.Run) bool) error {
	return explain(s.path, s.w.wait(ctx, func(t *tx) error {
		var body string
		var run eval.Run
		if err := t.row("SELECT body FROM runs WHERE key = ?", []any{runID}, &body); err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(body), &run); err != nil {
			return fmt.Errorf("read plan of run %s: %w", runID, err)
		}
		if !change(&run) {
			return nil
		}
		b, err := json.Marshal(&run)
		if err != nil {
			return err
		}
		return t.exec("UPDATE runs SET body = ? WHERE key = ?", string(b), runID)
	}))
}

// runKey returns the row number of a run.
func (s *Store) runKey(ctx context.Context, runID string) (int64, error) {
	var id int64
	if err := s.read.QueryRowContext(ctx, "SELECT id FROM runs WHERE key = ?", runID).Scan(&id); err != nil {
		return 0, explain(s.path, fmt.Errorf("find run %s: %w", runID, err))
	}
	return id, nil
}
