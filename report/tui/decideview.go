package tui

import (
	"fmt"
	"strings"

	"infer/eval"
	"infer/report"
)

// verdictOf is how a decision came out, as a sign and words.
func verdictOf(v eval.DecisionVerdict) span {
	switch v {
	case eval.Selected:
		return span{"● selected", good}
	case eval.SelectedTie:
		return span{"≈ tie, incumbent stays", good}
	case eval.InsufficientEvidence:
		return span{"? undecided", warn}
	}
	return span{"✗ none eligible", bad}
}

// lay makes what is drawn.
func (s *decideScreen) lay() {
	s.rows, s.below = nil, nil
	if s.decided == nil {
		return
	}
	s.setLen(len(s.decided.Types))
	s.table.columns = []column{{head: "task type"}, {head: "class", keep: 6}, {head: "default"}, {head: "backup", keep: 2}, {head: "accepted", right: true, keep: 3}, {head: "95% int.", right: true, keep: 5},
		{head: "$/accepted", right: true, keep: 4}, {head: "verdict"}, {head: "", keep: 1}}
	for i := range s.decided.Types {
		s.rows = append(s.rows, s.cells(&s.decided.Types[i]))
	}
	s.table.layout(s.rows, s.width-2)
	s.first = 1
	s.setHeight(min(len(s.rows), max((s.body-2)/2, 2)))
	width := s.width - 1
	d := s.decision()
	switch {
	case d == nil:
	case s.form != nil:
		s.below = s.form.lines(width)
	case s.width >= paneFrom:
		half := s.width * 52 / 100
		reasons, proof := s.reasons(d, half-1), s.proof(d, s.width-half-3)
		s.below = beside(reasons, half, proof, max(len(reasons), len(proof)))
	case s.evidence:
		s.below = s.proof(d, width)
	default:
		s.below = s.reasons(d, width)
	}
	s.text.set(s.body-1-s.height-2, len(s.below))
}

func (s *decideScreen) cells(d *eval.TypeDecision) []line {
	def, back := toned(unknown, soft), toned(unknown, soft)
	if d.Default != "" {
		def = toned(name(d.Default, 24), strong)
		if d.Verdict != eval.Selected && d.Verdict != eval.SelectedTie {
			def = toned(name(d.Default, 24), soft)
		}
	}
	if d.Backup != nil {
		back = text(name(d.Backup.Candidate, 24))
	}
	accepted, between, each := unknown, unknown, unknown
	if e := evidence(d, d.Default); e != nil {
		accepted, between, each = figure(e.Acceptance, true), figureInterval(e.Acceptance, true), figure(e.Cost, false)
	}
	return []line{text(name(d.TaskType, 24)), toned(string(d.Class), soft), def, back, text(accepted), toned(between, soft), text(each), {verdictOf(d.Verdict)}, s.changedSign(d.TaskType)}
}

func figure(f *eval.Figure, share bool) string {
	switch {
	case f == nil || f.Point == nil:
		return unknown
	case share:
		return report.Percent(f.Point)
	}
	return report.Dollars(*f.Point)
}

func figureInterval(f *eval.Figure, share bool) string {
	if f == nil || f.Lo == nil {
		return unknown
	}
	if share {
		if f.Hi == nil {
			return unknown
		}
		return fmt.Sprintf("%.1f–%.1f", *f.Lo*100, *f.Hi*100)
	}
	if f.Hi == nil {
		return report.Dollars(*f.Lo)[1:] + "–∞"
	}
	return report.Dollars(*f.Lo)[1:] + "–" + report.Dollars(*f.Hi)[1:]
}

// Lines draws the screen.
func (s *decideScreen) Lines() []line {
	switch {
	case s.decided == nil && s.whyNot != "":
		out := []line{nil, toned(" No decision on this run.", strong)}
		for _, w := range fold(s.whyNot, max(s.width-4, 10)) {
			out = append(out, text("   "+w))
		}
		return out
	case s.decided == nil:
		return []line{toned(" weighing the candidates …", soft)}
	case len(s.rows) == 0:
		return []line{text(" The run has no task types with outcomes.")}
	}
	out := []line{append(text(" "), s.table.header("", false)...)}
	from, to := s.seen()
	for i := from; i < to; i++ {
		out = append(out, pointed(s.table.row(s.rows[i]), i == s.cursor, s.width))
	}
	out = append(out, s.whatIfs.line(s.shell, s.kind()))
	end := min(s.text.off+s.text.height, len(s.below))
	out = append(out, s.below[s.text.off:end]...)
	if end < len(s.below) {
		out = append(out, toned(fmt.Sprintf(" ^d scrolls: %s", plural(int64(len(s.below)-end), "more line")), soft))
	}
	return out
}

// reasons are why it was decided so, and the rules that follow.
func (s *decideScreen) reasons(d *eval.TypeDecision, width int) []line {
	out := []line{rule(title(name(d.TaskType, 30), string(d.Class), fmt.Sprintf("margin %.1f pt", d.Margin*100)), width)}
	add := func(label string, t tone, words string) {
		if words != "" {
			out = append(out, paragraph(" "+label, t, words, 11, width)...)
		}
	}
	if o, ok := s.overruled[d.TaskType]; ok {
		add("overruled", warn, fmt.Sprintf("%s, by a person (%s): %s", name(o.Default, 40), o.At.UTC().Format("2006-01-02 15:04"), name(o.Reason, 400)))
	}
	add("moved", accent, s.moved(d.TaskType))
	for i, r := range d.Reasons {
		label := ""
		if i == 0 {
			label = "why"
		}
		add(label, plain, r)
	}
	if d.Backup != nil {
		add("backup", plain, d.Backup.Reason)
	} else {
		add("backup", soft, d.NoBackup)
	}
	for _, a := range d.Downgrade {
		add("downgrade", plain, name(a.Candidate, 40)+": "+a.Rule)
	}
	for _, a := range d.Escalate {
		add("escalate", plain, name(a.Candidate, 40)+": "+a.Rule)
	}
	if d.More != nil {
		add("more", warn, moreWords(d.More))
	}
	add("retry", plain, d.Retry)
	add("review", plain, d.Review)
	add("rollback", plain, d.Rollback)
	if h := d.Honest; h != nil {
		words := fmt.Sprintf("on tasks that did not choose it: %.1f%% accepted", h.Acceptance*100)
		if h.CostUSD != nil {
			words += ", " + report.Dollars(*h.CostUSD) + " an accepted task"
		}
		add("honest", plain, fmt.Sprintf("%s (%d split halves)", words, h.Splits))
	}
	if d.SameChoice != nil {
		add("stable", plain, fmt.Sprintf("%.0f%% of resamples choose the same", *d.SameChoice*100))
	}
	return out
}

func moreWords(m *eval.MoreTasks) string {
	words := m.Hint
	if m.CostUSD != nil && !strings.Contains(words, "$") {
		words += fmt.Sprintf(" (about %s)", report.Dollars(*m.CostUSD))
	}
	return words
}

// proof is what the decision saw of every candidate.
func (s *decideScreen) proof(d *eval.TypeDecision, width int) []line {
	out := []line{rule("evidence", width)}
	t := table{columns: []column{{head: "#", right: true, keep: 3}, {head: "candidate"}, {head: "accepted", right: true}, {head: "95% int.", right: true, keep: 4}, {head: "$/accepted", right: true, keep: 1}, {head: "quality", keep: 2}, {head: "gates"}}}
	rows := make([][]line, len(d.Candidates))
	for i := range d.Candidates {
		e := &d.Candidates[i]
		rows[i] = []line{text(rankOf(d, e.Candidate)), text(name(e.Candidate, 22)), text(figure(e.Acceptance, true)), toned(figureInterval(e.Acceptance, true), soft), text(figure(e.Cost, false)),
			toned(name(e.Quality, 12), soft), gateSigns(e.Gates)}
	}
	t.layout(rows, width-2)
	out = append(out, append(text(" "), t.header("", false)...))
	for i, r := range rows {
		mark := " "
		if d.Candidates[i].Candidate == d.Default {
			mark = "●"
		}
		out = append(out, append(line{{mark, good}}, t.row(r)...))
	}
	for i := range d.Candidates {
		e := &d.Candidates[i]
		if e.WhyNot != "" {
			out = append(out, paragraph(" "+name(e.Candidate, 20), plain, e.WhyNot, 23, width)...)
		}
		for _, v := range e.Versus {
			if e.Candidate == d.Default && v.Sentence != "" {
				out = append(out, paragraph(" vs "+name(v.Rival, 17), plain, v.Sentence, 23, width)...)
			}
		}
	}
	return out
}

// gateSigns are the hard gates as signs with their names.
func gateSigns(gates []eval.GateResult) line {
	var l line
	for i := range gates {
		g := &gates[i]
		s := span{"? " + g.Gate + " ", warn}
		switch g.State {
		case eval.GatePass:
			s = span{"✓ " + g.Gate + " ", good}
		case eval.GateFail:
			s = span{"✗ " + g.Gate + " ", bad}
		}
		l = append(l, s)
	}
	return l
}
