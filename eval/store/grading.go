package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"infer/eval"
)

// verdictColumns are the columns of trials that a grading decides.
const verdictColumns = "verdict, final, first_try, after_regen, human_fix, fix_origin, fix_us, cost_low, cost_high, split"

// trialsAt is what stands after FROM to read a run's trials as grading at left
// them: 0 for as they stand now, people's words included. A trial that came after
// the grading is not there.
func trialsAt(ctx context.Context, db querier, run int64, at int) (string, error) {
	if at == 0 {
		return "trials", nil
	}
	var latest int
	if err := db.QueryRowContext(ctx, "SELECT max(number) FROM gradings WHERE run = ?", run).Scan(&latest); err != nil {
		return "", err
	}
	join := "JOIN"
	if at == latest {
		join = "LEFT JOIN" // where nothing has changed since, the trial itself says it
	}
	cols := strings.Split(verdictColumns, ", ")
	for i, c := range cols {
		cols[i] = fmt.Sprintf("CASE WHEN v.trial IS NULL THEN t.%s ELSE v.%s END AS %s", c, c, c)
	}
	return fmt.Sprintf(`(SELECT t.id, t.run, t.candidate, t.task, t.repeat, t.type, t.cluster, t.class, t.attempts, t.retries, t.fallback, t.regenerations,
		t.latency_us, t.ttft_us, t.backend_us, t.cut_off, t.told, %s FROM trials t %s verdicts v ON v.trial = t.id AND v.grading = %d)`, strings.Join(cols, ", "), join, at), nil
}

// Graded returns the run that ref names, as Run does. A ref that ends in @N
// names the run as its grading N left it: the run's Grading is then that one, and
// at is N; else at is 0, which stands for now. CellsAt and OutcomesAt take at.
func (s *Store) Graded(ctx context.Context, ref string) (run *eval.Run, at int, err error) {
	name, number, ok := cutGrading(ref)
	if run, err = s.Run(ctx, name); err != nil || !ok {
		return run, 0, err
	}
	gradings, err := s.Gradings(ctx, run.ID)
	if err != nil {
		return nil, 0, err
	}
	for _, g := range gradings {
		if g.Number == number {
			run.Grading = g
			return run, number, nil
		}
	}
	return nil, 0, eval.Invalid(fmt.Errorf("run %s has no grading %d", run.ID, number), fmt.Sprintf("it has gradings 1 to %d: %s@1", len(gradings), run.ID))
}

// cutGrading splits RUN@N.
func cutGrading(ref string) (string, int, bool) {
	i := strings.LastIndexByte(ref, '@')
	if i < 0 {
		return ref, 0, false
	}
	n, err := strconv.Atoi(ref[i+1:])
	if err != nil || n < 1 {
		return ref, 0, false
	}
	return ref[:i], n, true
}

// Gradings returns every grading of a run, in order.
func (s *Store) Gradings(ctx context.Context, runID string) ([]eval.Grading, error) {
	rows, err := s.read.QueryContext(ctx, "SELECT g.body FROM gradings g JOIN runs r ON r.id = g.run WHERE r.key = ? ORDER BY g.number", runID)
	if err != nil {
		return nil, explain(s.path, err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err is checked
	var out []eval.Grading
	for rows.Next() {
		var body []byte
		var g eval.Grading
		if err := rows.Scan(&body); err != nil {
			return nil, explain(s.path, err)
		}
		if err := json.Unmarshal(body, &g); err != nil {
			return nil, fmt.Errorf("read grading: %w", err)
		}
		out = append(out, g)
	}
	return out, explain(s.path, rows.Err())
}

// CellsAt is Cells as grading at left the run's trials; 0 is now.
func (s *Store) CellsAt(ctx context.Context, runID string, at int) ([]eval.Cell, error) {
	if at == 0 {
		return s.Cells(ctx, runID)
	}
	id, err := s.runKey(ctx, runID)
	if err != nil {
		return nil, err
	}
	return s.scanCells(ctx, id, at)
}
