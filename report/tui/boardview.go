package tui

import (
	"fmt"
	"strings"

	"infer/eval"
	"infer/report"
)

// lay makes everything that the board draws.
func (s *boardScreen) lay() {
	s.tabs.fit(s.width)
	d := decision(s.decided, s.kind())
	s.table.columns = s.columns(d)
	s.rows = make([][]line, len(s.cells))
	for i := range s.cells {
		s.rows[i] = s.cellsOf(d, &s.cells[i], 0)
	}
	s.table.layout(s.rows, s.width-2)
	if m := s.meterColumn(); s.table.has(m) { // now that its width is known
		w := s.table.widths[m]
		s.table.columns[m].head = s.scale.axis(w)
		for i := range s.cells {
			s.rows[i][m] = s.scale.meter(s.cells[i].Acceptance, w)
		}
	}
	s.first = 3
	s.setHeight(min(len(s.cells), max(s.body-s.first-2, 1)))
	left, right := s.width-1, s.width-1
	if s.width >= paneFrom {
		left = s.width * 55 / 100
		right = s.width - left - 3
	}
	s.detail = s.details(right)
	s.all = s.matrixLines(left)
	if !s.overall() {
		s.all = s.decisionLines(d, left)
	}
}

func (s *boardScreen) meterColumn() int {
	for i := range s.table.columns {
		if s.table.columns[i].flex {
			return i
		}
	}
	return -1
}

func (s *boardScreen) columns(d *eval.TypeDecision) []column {
	cs := []column{{head: "candidate", order: byName}, {head: "n", right: true, keep: 4, order: byN}, {head: "rate", right: true, order: byRate}, {least: 12, keep: 3, flex: true},
		{head: "95% int.", right: true, keep: 6}, {head: "$/accepted", right: true, order: byCost}, {head: "95% int.", right: true, keep: 9}, {head: "p50", right: true, keep: 8},
		{head: "p95", right: true, keep: 2, order: byP95}, {head: "retries", right: true, keep: 7}, {head: "err", right: true, keep: 4, order: byErr}, {head: "", keep: 1}}
	if d != nil {
		cs = append([]column{{head: "#", keep: 5}}, cs...)
	}
	return cs
}

// cellsOf are the cells of one candidate's row.
func (s *boardScreen) cellsOf(d *eval.TypeDecision, c *report.Cell, meter int) []line {
	who := text(name(c.Candidate, 26))
	if indexOf(s.marked, c.Candidate) >= 0 {
		who = who.and(span{" ◆", accent})
	}
	errs := toned(count(c.Errored), soft)
	if c.Errored > 0 {
		errs = toned(count(c.Errored), bad)
	}
	cells := []line{who, toned(count(c.N), soft), toned(report.Percent(c.Acceptance.Point), strong), s.scale.meter(c.Acceptance, meter), text(report.Interval(c.Acceptance)),
		toned(report.PerAccepted(c.CostPerAccepted), strong), text(report.PerAcceptedInterval(c.CostPerAccepted)), text(millis(c.Latency.P50)), text(millis(c.Latency.P95)),
		text(report.Retried(c)), errs, {s.role(d, c.Candidate)}}
	if d != nil {
		cells = append([]line{text(rankOf(d, c.Candidate))}, cells...)
	}
	return cells
}

// rankOf is a candidate's rank group; "=" marks one that others share.
func rankOf(d *eval.TypeDecision, candidate string) string {
	e := evidence(d, candidate)
	if e == nil || e.Group < 1 {
		return unknown
	}
	for i := range d.Candidates {
		if o := &d.Candidates[i]; o.Candidate != candidate && o.Group == e.Group {
			return fmt.Sprintf("%d=", e.Group)
		}
	}
	return fmt.Sprint(e.Group)
}

// role is what the decision made of a candidate, as a sign and words. Over all
// types, it counts.
func (s *boardScreen) role(d *eval.TypeDecision, candidate string) span {
	if d == nil {
		return s.roles(candidate)
	}
	e := evidence(d, candidate)
	settled := d.Verdict == eval.Selected || d.Verdict == eval.SelectedTie
	switch {
	case d.Default == candidate && !settled:
		return span{"○ stays meanwhile", warn}
	case d.Default == candidate:
		return span{"● default", good}
	case d.Backup != nil && d.Backup.Candidate == candidate:
		return span{"◆ backup", accent}
	case e == nil:
		return span{}
	}
	for _, g := range e.Gates {
		if g.State == eval.GateFail {
			return span{"✗ gate " + g.Gate, bad}
		}
	}
	switch e.Quality {
	case "inferior":
		return span{"✗ worse", bad}
	case "undecided":
		return span{"? undecided", warn}
	case "best", "within":
		return span{"✓ " + e.Quality, plain}
	}
	return span{}
}

func (s *boardScreen) roles(candidate string) span {
	if s.decided == nil {
		return span{}
	}
	var def, stays, back int
	for i := range s.decided.Types {
		d := &s.decided.Types[i]
		if d.Default == candidate {
			if d.Verdict == eval.Selected || d.Verdict == eval.SelectedTie {
				def++
			} else {
				stays++
			}
		}
		if d.Backup != nil && d.Backup.Candidate == candidate {
			back++
		}
	}
	var words []string
	t := accent
	for _, r := range []struct {
		n    int
		what string
		t    tone
	}{{back, "◆ backup", accent}, {stays, "○ stays", warn}, {def, "● default", good}} {
		if r.n > 0 {
			words, t = append([]string{fmt.Sprintf("%s ×%d", r.what, r.n)}, words...), r.t
		}
	}
	return span{strings.Join(words, " "), t}
}

// Lines draws the board: candidates, then what there is room for: all types at
// once, the candidate under the cursor, what must be known of the run.
func (s *boardScreen) Lines() []line {
	if s.report == nil {
		return nil
	}
	out := []line{s.tabs.line(s.width), nil, append(text(" "), s.table.header(s.order, s.falling())...)}
	from, to := s.seen()
	for i := from; i < to; i++ {
		out = append(out, pointed(s.table.row(s.rows[i]), i == s.cursor, s.width))
	}
	if len(s.cells) == 0 {
		out = append(out, toned(" No trial has an outcome yet.", soft))
	}
	notes := s.notes()
	switch room := s.body - len(out) - 1; {
	case room < 3:
	case s.width >= paneFrom:
		left := s.width * 55 / 100
		all := append(append(append([]line(nil), s.all...), nil), notes...)
		return append(append(out, nil), beside(all, left, s.detail, room)...)
	case s.overall() && len(s.all) > 0:
		out = append(append(out, nil), s.all[:min(len(s.all), room)]...)
		if room -= len(s.all) + 1; room > 5 {
			out = append(append(out, nil), s.detail[:min(len(s.detail), room)]...)
		}
	default:
		out = append(append(out, nil), s.detail[:min(len(s.detail), room)]...)
	}
	if room := s.body - len(out); len(notes) > 0 && room > 0 {
		if room > len(notes) {
			out = append(out, nil)
		}
		out = append(out, notes[:min(len(notes), s.body-len(out))]...)
	}
	return out
}

// decisionLines say what is decided on the task type, and why.
func (s *boardScreen) decisionLines(d *eval.TypeDecision, width int) []line {
	if d == nil {
		return nil
	}
	head := verdictOf(d.Verdict)
	out := []line{rule(title("decision", fmt.Sprintf("margin %.1f pt", d.Margin*100)), width), append(line{{" ", plain}, head}, span{"  " + name(d.Default, 40), strong})}
	for _, r := range d.Reasons {
		out = append(out, paragraph("", plain, r, 3, width)...)
	}
	if d.Backup != nil {
		out = append(out, paragraph(" backup", plain, d.Backup.Reason, 9, width)...)
	} else {
		out = append(out, paragraph(" backup", soft, d.NoBackup, 9, width)...)
	}
	if d.More != nil {
		out = append(out, paragraph(" more", warn, moreWords(d.More), 9, width)...)
	}
	return out
}

// notes are what must be known of the run.
func (s *boardScreen) notes() []line {
	var out []line
	width := s.width
	if width >= paneFrom {
		width = width * 55 / 100
	}
	add := func(t tone, words string) {
		for i, w := range fold(words, max(width-4, 10)) {
			sign := "! "
			if i > 0 {
				sign = "  "
			}
			out = append(out, line{{" " + sign, t}, {w, plain}})
		}
	}
	for _, w := range s.report.Verdict.Reason {
		add(warn, w)
	}
	if s.whyNot != "" && s.o.Decisions != nil {
		add(warn, "no decision: "+s.whyNot)
	}
	for _, w := range s.report.Warnings {
		add(warn, w)
	}
	return out
}
