package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"infer/eval"
)

// addReviews fills in what people's time on reviews cost: of a pair, half for
// either answer's candidate.
func addReviews(ctx context.Context, tx *sql.Tx, run int64, cells []eval.Cell, types map[int64]string) error {
	rows, err := tx.QueryContext(ctx, `SELECT t.candidate, t.type, o.candidate, l.took_us, l.fix_us, v.body, r.body
		FROM reviews v JOIN runs r ON r.id = v.run JOIN labels l ON l.review = v.id JOIN review_items i ON i.review = l.review AND i.seq = l.item
		JOIN trials t ON t.id = i.trial LEFT JOIN trials o ON o.id = i.other WHERE v.run = ?`, run)
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // rows.Err is checked
	at := make(map[string]*eval.Cell, len(cells))
	key := func(kind string, candidate int) string { return fmt.Sprintf("%d %s", candidate, kind) }
	for i := range cells {
		at[key(cells[i].TaskType, cells[i].Candidate)] = &cells[i]
	}
	plans := make(map[string]*eval.Run)
	for rows.Next() {
		var candidate int
		var kind int64
		var other, took, fix sql.NullInt64
		var reviewBody, runBody string
		if err := rows.Scan(&candidate, &kind, &other, &took, &fix, &reviewBody, &runBody); err != nil {
			return err
		}
		var review eval.Review
		if err := json.Unmarshal([]byte(reviewBody), &review); err != nil {
			return fmt.Errorf("read plan of a review: %w", err)
		}
		if plans[runBody] == nil {
			plans[runBody] = new(eval.Run)
			if err := json.Unmarshal([]byte(runBody), plans[runBody]); err != nil {
				return fmt.Errorf("read plan of a run: %w", err)
			}
		}
		cost := review.Cost(&eval.Label{Took: durationPtr(took), FixTime: durationPtr(fix)}, plans[runBody].Repair(types[kind]))
		add := func(candidate int, c eval.Cost) {
			for _, name := range []string{types[kind], allTypes} {
				if cell := at[key(name, candidate)]; cell != nil {
					cell.Review = cell.Review.Plus(c)
				}
			}
		}
		if !other.Valid {
			add(candidate, cost)
			continue
		}
		half := eval.Cost{Low: cost.Low / 2, High: cost.High / 2, Unbounded: cost.Unbounded}
		add(candidate, half)
		add(int(other.Int64), eval.Cost{Low: cost.Low - half.Low, High: cost.High - half.High, Unbounded: cost.Unbounded})
	}
	return rows.Err()
}
