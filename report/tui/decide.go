package tui

import (
	"fmt"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"infer/eval"
)

// decideScreen shows the decision for each task type with its reasons.
type decideScreen struct {
	list list
	rec  *eval.Recommendation
	why  string // why there is none
	run  string
}

func (s *decideScreen) title() string   { return "decide" }
func (s *decideScreen) command() string { return "infer recommend " + s.run }
func (s *decideScreen) keys(k *keyMap) []key.Binding {
	return []key.Binding{k.Up, k.Down, k.Yank, k.YankJSON, k.Command}
}

func (s *decideScreen) decision() *eval.TypeDecision {
	if s.rec == nil || s.list.cursor >= len(s.rec.Types) {
		return nil
	}
	return &s.rec.Types[s.list.cursor]
}

func (s *decideScreen) yank() (string, any) {
	d := s.decision()
	if d == nil {
		return "", nil
	}
	text := d.TaskType + ": " + string(d.Verdict)
	if d.Default != "" {
		text += ", default " + name(d.Default, 60)
	}
	if d.Backup != nil {
		text += ", backup " + name(d.Backup.Candidate, 60)
	}
	if len(d.Reasons) > 0 {
		text += ". " + name(d.Reasons[0], 0)
	}
	return text, d
}

func (s *decideScreen) update(m *Model, msg tea.Msg) tea.Cmd {
	if o, ok := msg.(openMsg); ok {
		s.run, s.rec, s.why = o.run.Report.Run.ID, o.run.Recommendation, o.run.WhyNot
		if s.rec != nil {
			s.list.setSize(s.list.height, len(s.rec.Types))
		}
		return nil
	}
	s.list.move(msg, &m.keymap)
	return nil
}

func (s *decideScreen) view(m *Model, width, height int) []string {
	if s.rec == nil {
		return []string{"No recommendation for this run.", m.styles.soft.Render(name(s.why, 300))}
	}
	rows := make([][]string, len(s.rec.Types))
	for i := range s.rec.Types {
		d := &s.rec.Types[i]
		backup := unknown
		if d.Backup != nil {
			backup = name(d.Backup.Candidate, 24)
		}
		def := unknown
		if d.Default != "" {
			def = name(d.Default, 24)
		}
		rows[i] = []string{name(d.TaskType, 24), string(d.Class), def, backup, m.verdictOf(d.Verdict)}
	}
	lines := grid([]column{{head: "task type"}, {head: "class", keep: 2}, {head: "default"}, {head: "backup", keep: 1}, {head: "verdict"}}, rows, width-1)
	out := s.list.draw(m, lines, 0, max(min(len(lines), height/2), 2))
	out = append(out, "")
	if d := s.decision(); d != nil {
		out = append(out, s.reasons(m, d, width)...)
	}
	return out
}

func (m *Model) verdictOf(v eval.DecisionVerdict) string {
	switch v {
	case eval.Selected:
		return m.styles.good.Render("● selected")
	case eval.SelectedTie:
		return m.styles.good.Render("≈ tie: incumbent stays")
	case eval.InsufficientEvidence:
		return m.styles.warn.Render("? insufficient evidence")
	}
	return m.styles.bad.Render("✗ none eligible")
}

func (s *decideScreen) reasons(m *Model, d *eval.TypeDecision, width int) []string {
	var out []string
	add := func(head, text string) {
		if text == "" {
			return
		}
		for i, l := range wrap(name(text, 0), max(width-12, 10)) {
			label := ""
			if i == 0 {
				label = head
			}
			out = append(out, m.styles.head.Render(fmt.Sprintf("%-10s", label))+" "+l)
		}
	}
	for i, r := range d.Reasons {
		head := ""
		if i == 0 {
			head = "why"
		}
		add(head, r)
	}
	if d.Backup != nil {
		add("backup", d.Backup.Reason)
	} else {
		add("backup", d.NoBackup)
	}
	for _, a := range d.Downgrade {
		add("downgrade", a.Candidate+": "+a.Rule)
	}
	for _, a := range d.Escalate {
		add("escalate", a.Candidate+": "+a.Rule)
	}
	add("retry", d.Retry)
	add("review", d.Review)
	add("rollback", d.Rollback)
	if d.More != nil {
		add("more", d.More.Hint)
	}
	return out
}
