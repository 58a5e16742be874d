package tui

import (
	"fmt"
	"strings"
	"time"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"infer/eval"
)

// taskScreen shows one task: what was asked, what was expected, and what every
// candidate did, attempt by attempt, on one time axis.
type taskScreen struct {
	run, id string
	list    list
	detail  *TaskDetail
	err     error
	scroll  int
}

type taskMsg struct {
	id     string
	detail *TaskDetail
	err    error
}

func (s *taskScreen) title() string   { return name(s.id, 40) }
func (s *taskScreen) command() string { return "infer runs show " + s.run + " --task " + name(s.id, 0) }
func (s *taskScreen) keys(k *keyMap) []key.Binding {
	return []key.Binding{k.Up, k.Down, k.Next, k.Previous, k.Back}
}

func (s *taskScreen) read(m *Model) tea.Cmd {
	src, ctx, run, id := m.o.Tasks, m.ctx, s.run, s.id
	return func() tea.Msg {
		d, err := src.Task(ctx, run, id)
		return taskMsg{id, d, err}
	}
}

func (s *taskScreen) trial() *eval.Trial {
	if s.detail == nil || s.list.cursor >= len(s.detail.Trials) {
		return nil
	}
	return s.detail.Trials[s.list.cursor]
}

func (s *taskScreen) yank() (string, any) {
	t := s.trial()
	if t == nil {
		return "", nil
	}
	return answerOf(t).Block(0), t
}

func (s *taskScreen) update(m *Model, msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case taskMsg:
		if msg.id == s.id {
			s.detail, s.err = msg.detail, msg.err
			if s.detail != nil {
				s.list.setSize(len(s.detail.Trials), len(s.detail.Trials))
			}
		}
		return nil
	case tea.KeyMsg:
		switch {
		case key.Matches(msg, m.keymap.Next):
			return s.neighbour(m, 1)
		case key.Matches(msg, m.keymap.Previous):
			return s.neighbour(m, -1)
		}
	}
	s.list.move(msg, &m.keymap)
	return nil
}

// neighbour goes to the next or previous task of the list below this screen.
func (s *taskScreen) neighbour(m *Model, by int) tea.Cmd {
	if len(m.stack) < 2 {
		return nil
	}
	t, ok := m.stack[len(m.stack)-2].(*tasksScreen)
	if !ok || t.list.cursor+by < 0 || t.list.cursor+by >= len(t.rows) {
		m.status = "no further task in the list"
		return nil
	}
	t.list.cursor += by
	s.id, s.detail, s.err = t.rows[t.list.cursor].ID, nil, nil
	return s.read(m)
}

// answerOf is the text that counts, or the last failure's message.
func answerOf(t *eval.Trial) eval.Untrusted {
	if t.Final >= 0 && t.Final < len(t.Attempts) {
		return t.Attempts[t.Final].Output
	}
	for i := len(t.Attempts) - 1; i >= 0; i-- {
		if f := t.Attempts[i].Failure; f != nil {
			return f.Message
		}
	}
	return ""
}

func (s *taskScreen) view(m *Model, width, height int) []string {
	switch {
	case s.err != nil:
		return []string{m.styles.bad.Render("error: ") + name(s.err.Error(), 200)}
	case s.detail == nil:
		return []string{"reading …"}
	}
	d := s.detail
	out := []string{m.styles.soft.Render(fmt.Sprintf("%s · %s:%d", name(d.Type, 30), name(d.File, 60), d.Line))}
	texts := max(height/5, 1)
	out = append(out, s.text(m, "asked", d.Input, width, texts)...)
	out = append(out, s.text(m, "expected", d.Expected, width, max(texts/2, 1))...)
	out = append(out, "", m.styles.head.Render("attempts")+m.styles.soft.Render("   ▓ to the first token  ▒ answering  ░ queue  · back-off  ✗ failed  ✓ accepted"))
	longest := time.Duration(1)
	for _, t := range d.Trials {
		longest = max(longest, span(t))
	}
	for i, t := range d.Trials {
		line := s.timeline(m, t, longest, width)
		if i == s.list.cursor {
			line = "▸" + line
		} else {
			line = " " + line
		}
		out = append(out, line)
	}
	if t := s.trial(); t != nil {
		out = append(out, "")
		out = append(out, s.judgement(m, t, width, height)...)
	}
	return out
}

func (s *taskScreen) text(m *Model, head string, text eval.Untrusted, width, lines int) []string {
	if text == "" {
		return nil
	}
	wrapped := wrap(text.Block(4000), max(width-2, 10))
	if len(wrapped) > lines {
		wrapped = append(wrapped[:lines-1:lines-1], m.styles.soft.Render(fmt.Sprintf("… %d more lines", len(wrapped)-lines+1)))
	}
	out := []string{m.styles.head.Render(head)}
	for _, l := range wrapped {
		out = append(out, "  "+l)
	}
	return out
}

// span is how long a trial took from its first queue to its last byte.
func span(t *eval.Trial) time.Duration {
	var d time.Duration
	for i := range t.Attempts {
		a := &t.Attempts[i]
		d += a.QueueWait + a.Backoff + a.InFlight
	}
	return d
}

// timeline draws a trial's attempts on an axis that all trials share.
func (s *taskScreen) timeline(m *Model, t *eval.Trial, longest time.Duration, width int) string {
	label := unknown
	if t.Candidate < len(s.detail.Candidates) {
		label = name(s.detail.Candidates[t.Candidate], 20)
	}
	if t.Repeat > 0 {
		label += fmt.Sprintf(" #%d", t.Repeat+1)
	}
	room := max(width-60, 8)
	waits := func(d time.Duration) int { return int(float64(room)*float64(d)/float64(longest) + 0.5) }
	cells := func(d time.Duration) int {
		if d <= 0 {
			return 0
		}
		return max(waits(d), 1) // a call is always seen
	}
	var b strings.Builder
	for i := range t.Attempts {
		a := &t.Attempts[i]
		b.WriteString(m.styles.soft.Render(strings.Repeat("░", waits(a.QueueWait)) + strings.Repeat("·", waits(a.Backoff))))
		first := a.InFlight
		if a.TTFT != nil && *a.TTFT < a.InFlight {
			first = *a.TTFT
		}
		b.WriteString(strings.Repeat("▓", cells(first)) + strings.Repeat("▒", cells(a.InFlight-first)))
		switch {
		case a.Failure != nil:
			b.WriteString(m.styles.bad.Render("✗" + string(a.Failure.Class)))
		case a.Cause == eval.CauseFallback:
			b.WriteString(m.styles.warn.Render("⇢" + name(a.Candidate, 16)))
		case a.Cause == eval.CauseRegenerate:
			b.WriteString(m.styles.warn.Render("↻"))
		}
	}
	visible := unknown
	if d, ok := t.UserVisible(); ok {
		visible = took(d)
	}
	return fmt.Sprintf("%-22s %s %s %s", label, b.String(), m.styles.verdict(t.Verdict), m.styles.soft.Render(fmt.Sprintf("%s · %d calls · %s", visible, len(t.Attempts), cost(t.Cost.Final()))))
}

// judgement shows the answer, the scores with their explanations, and where the
// money went.
func (s *taskScreen) judgement(m *Model, t *eval.Trial, width, height int) []string {
	out := s.text(m, "answer · "+string(t.Verdict), answerOf(t), width, max(height/5, 1))
	if t.Final >= 0 && t.Final < len(t.Attempts) && t.Attempts[t.Final].Grade != nil {
		for _, score := range t.Attempts[t.Final].Grade.Scores {
			sign := m.styles.warn.Render("?")
			if score.Pass != nil {
				sign = m.styles.good.Render("✓")
				if !*score.Pass {
					sign = m.styles.bad.Render("✗")
				}
			}
			out = append(out, "  "+sign+" "+name(score.Grader, 24)+"  "+score.Explanation.Line(200)+score.Error.Line(200))
		}
	}
	var parts []string
	for _, p := range []struct {
		name string
		cost eval.Cost
	}{{"answers", t.Cost.Answer}, {"retries", t.Cost.Retries}, {"failed", t.Cost.Failed}, {"fallback", t.Cost.Fallback}, {"regenerations", t.Cost.Regeneration}, {"tools", t.Cost.Tools}, {"human repair", t.Cost.Repair}} {
		if p.cost != eval.Exactly(0) {
			parts = append(parts, p.name+" "+cost(p.cost))
		}
	}
	if len(parts) > 0 {
		out = append(out, "  "+m.styles.soft.Render("cost: "+strings.Join(parts, " + ")))
	}
	return out
}
