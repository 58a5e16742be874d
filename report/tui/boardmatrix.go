package tui

import (
	"fmt"
	"strings"

	"infer/eval"
	"infer/report"
)

// matrixLines are all task types and candidates at once: each rate with its
// interval, where there is room for it, and the sign of its role.
func (s *boardScreen) matrixLines(width int) []line {
	kinds := s.types()[1:]
	if len(kinds) < 2 {
		return nil
	}
	names := make([]string, len(s.cells)) // the best first: where there is no room, the last go
	for i := range s.cells {
		names[i] = s.cells[i].Candidate
	}
	byKey := make(map[[2]string]*report.Cell)
	for i := range s.report.Cells {
		c := &s.report.Cells[i]
		byKey[[2]string{c.TaskType, c.Candidate}] = c
	}
	for _, wide := range []bool{true, false} {
		t := table{columns: []column{{head: "task type"}}}
		for i, n := range names {
			limit := 14
			if !wide {
				limit = min(max((width-20)/max(len(names), 1)-3, 4), limit)
			}
			t.columns = append(t.columns, column{head: name(n, limit), right: true, keep: i})
		}
		rows := make([][]line, len(kinds))
		for k, kind := range kinds {
			rows[k] = []line{text(name(kind, 18))}
			d := decision(s.decided, kind)
			for _, n := range names {
				rows[k] = append(rows[k], matrixCell(byKey[[2]string{kind, n}], d, n, wide))
			}
		}
		t.layout(rows, width-1)
		if wide && !t.has(len(t.columns)-1) {
			continue
		}
		out := []line{append(text(" "), t.header("", false)...)}
		for _, r := range rows {
			out = append(out, append(text(" "), t.row(r)...))
		}
		return out
	}
	return nil
}

func matrixCell(c *report.Cell, d *eval.TypeDecision, candidate string, wide bool) line {
	if c == nil || c.Acceptance.Point == nil {
		return toned(unknown+"  ", soft)
	}
	l := text(fmt.Sprintf("%.0f%%", *c.Acceptance.Point*100))
	if wide {
		l = l.and(span{fmt.Sprintf(" %.0f–%.0f", *c.Acceptance.Lo*100, *c.Acceptance.Hi*100), soft})
	}
	switch {
	case d != nil && d.Default == candidate && d.Verdict != eval.Selected && d.Verdict != eval.SelectedTie:
		return l.and(span{" ○", warn})
	case d != nil && d.Default == candidate:
		return l.and(span{" ●", good})
	case d != nil && d.Backup != nil && d.Backup.Candidate == candidate:
		return l.and(span{" ◆", accent})
	}
	return l.and(span{strings.Repeat(" ", 2), plain})
}
