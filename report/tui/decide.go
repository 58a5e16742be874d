package tui

import (
	"fmt"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"infer/eval"
	"infer/report"
)

// decideScreen shows the decision for each task type with its reasons, lets the
// user change the policy and see it move, overrule it, and preview what it is
// exported to.
type decideScreen struct {
	*shell
	list
	whatIfs
	width, body int
	table       table
	rows        [][]line
	below       []line
	text        scroll
	evidence    bool // the evidence instead of the reasons, where there is room for one
	overruled   map[string]eval.Overruling
	form        *overruleForm
}

// overruledMsg are the choices that are stored.
type overruledMsg struct {
	run   string
	all   []eval.Overruling
	err   error
	saved bool
}

func newDecide(s *shell) *decideScreen {
	return &decideScreen{shell: s}
}

func (s *decideScreen) title() string     { return "decide" }
func (s *decideScreen) command() []string { return []string{"recommend", s.run()} }
func (s *decideScreen) typing() bool      { return s.form != nil }

// Keys are those of the decisions.
func (s *decideScreen) Keys() []key.Binding {
	k := &s.keys
	out := []key.Binding{called(k.Focus, "reasons/evidence"), k.Field, k.More, k.Less, k.Undo}
	if s.o.Decisions != nil {
		out = append(out, k.Overrule)
	}
	if s.o.Exports != nil {
		out = append(out, k.Export)
	}
	return append(out, called(k.Open, "its board"), called(k.PageDown, "scroll"))
}

// decision is the one under the cursor; nil = none.
func (s *decideScreen) decision() *eval.TypeDecision {
	if s.decided == nil || s.cursor >= len(s.decided.Types) {
		return nil
	}
	return &s.decided.Types[s.cursor]
}

func (s *decideScreen) kind() string {
	if d := s.decision(); d != nil {
		return d.TaskType
	}
	return report.Overall
}

func (s *decideScreen) copy() (string, any) {
	d := s.decision()
	if d == nil {
		return "", nil
	}
	words := name(d.TaskType, 60) + ": " + string(d.Verdict)
	if d.Default != "" {
		words += ", default " + name(d.Default, 60)
	}
	if d.Backup != nil {
		words += ", backup " + name(d.Backup.Candidate, 60)
	}
	for _, r := range d.Reasons {
		words += ". " + r
	}
	return words, d
}

// SetSize lays the screen out.
func (s *decideScreen) SetSize(width, height int) {
	s.width, s.body = width, height
	s.lay()
}

// Update handles one message.
func (s *decideScreen) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case runMsg:
		if s.decided != nil {
			s.setLen(len(s.decided.Types))
		}
		if s.overruled == nil {
			return s.readOverrulings()
		}
		return nil
	case overruledMsg:
		s.tookOverrulings(msg)
		return nil
	case tea.KeyMsg:
		if s.form != nil {
			return s.form.press(s, msg)
		}
		if cmd, ok := s.press(msg); ok {
			return cmd
		}
	case tea.MouseMsg:
		if hit, again := s.click(msg); hit {
			s.text.off = 0
			if again {
				return s.board()
			}
			return nil
		}
		if msg.Y > s.first+s.height {
			s.text.move(msg, &s.keys)
			return nil
		}
	}
	if s.move(msg, &s.keys) {
		s.text.off = 0
	}
	return nil
}

func (s *decideScreen) press(msg tea.KeyMsg) (tea.Cmd, bool) {
	k := &s.keys
	switch {
	case key.Matches(msg, k.PageUp, k.PageDown):
		s.text.move(msg, k)
	case key.Matches(msg, k.Focus):
		s.evidence = !s.evidence
		s.text.off = 0
	case key.Matches(msg, k.Open):
		return s.board(), true
	case key.Matches(msg, k.Overrule):
		s.overrule()
	case key.Matches(msg, k.Export):
		return s.export(), true
	default:
		return s.whatIfs.press(s.shell, s.kind(), msg)
	}
	return nil, true
}

// board opens the board of the task type.
func (s *decideScreen) board() tea.Cmd {
	b := newBoard(s.shell)
	b.choose(s.kind())
	s.push(b)
	return b.Update(runMsg{})
}

func (s *decideScreen) export() tea.Cmd {
	if s.o.Exports == nil {
		s.say(warn, "this program cannot export")
		return nil
	}
	if len(s.whatIf.Rules) > 0 {
		s.say(warn, "an export goes by the run's own policy: u undoes the what-ifs")
		return nil
	}
	e := newExport(s.shell)
	s.push(e)
	return e.read()
}

func (s *decideScreen) overrule() {
	switch d := s.decision(); {
	case s.o.Decisions == nil || d == nil:
		s.say(warn, "there is no decision to overrule")
	default:
		s.form = newOverruleForm(d)
	}
}

func (s *shell) readOverrulings() tea.Cmd {
	if s.o.Decisions == nil {
		return nil
	}
	src, ctx, run := s.o.Decisions, s.ctx, s.run()
	return func() tea.Msg {
		all, err := src.Overrulings(ctx, run)
		return overruledMsg{run: run, all: all, err: err}
	}
}

func (s *decideScreen) tookOverrulings(msg overruledMsg) {
	if msg.run != s.run() {
		return
	}
	if msg.err != nil {
		s.fail(msg.err)
		return
	}
	s.overruled = make(map[string]eval.Overruling, len(msg.all))
	for _, o := range msg.all {
		s.overruled[o.TaskType] = o
	}
	if msg.saved {
		s.say(good, "stored beside the run, with its reason; exports from here hold it, and those with --overruled")
	}
}

// overruleForm asks for another default and for the reason.
type overruleForm struct {
	list
	taskType string
	names    []string
	reason   input
	chosen   bool
}

func newOverruleForm(d *eval.TypeDecision) *overruleForm {
	f := &overruleForm{taskType: d.TaskType}
	for i := range d.Candidates {
		f.names = append(f.names, d.Candidates[i].Candidate)
	}
	f.setHeight(len(f.names))
	f.setLen(len(f.names))
	f.cursor = max(indexOf(f.names, d.Default), 0)
	return f
}

func (f *overruleForm) press(s *decideScreen, msg tea.KeyMsg) tea.Cmd {
	switch {
	case msg.Type == tea.KeyEsc:
		s.form = nil
	case !f.chosen && msg.Type == tea.KeyEnter:
		f.chosen = f.here()
	case !f.chosen:
		f.move(msg, &s.keys)
	case msg.Type == tea.KeyEnter && f.reason.text == "":
		s.say(warn, "a choice against the evidence needs its reason")
	case msg.Type == tea.KeyEnter:
		s.form = nil
		return s.store(eval.Overruling{TaskType: f.taskType, Default: f.names[f.cursor], Reason: f.reason.text})
	default:
		f.reason.edit(msg)
	}
	return nil
}

// store stores a choice and reads back what is stored.
func (s *decideScreen) store(o eval.Overruling) tea.Cmd {
	src, ctx, run := s.o.Decisions, s.ctx, s.run()
	return func() tea.Msg {
		if err := src.Overrule(ctx, run, o); err != nil {
			return overruledMsg{run: run, err: err}
		}
		all, err := src.Overrulings(ctx, run)
		return overruledMsg{run: run, all: all, err: err, saved: true}
	}
}

func (f *overruleForm) lines(width int) []line {
	out := []line{rule("overrule "+name(f.taskType, 40), width)}
	if f.chosen {
		return append(out, line{{" default  ", soft}, {name(f.names[f.cursor], 60), strong}}, f.reason.line(" why?  ", "enter stores it, esc drops it"))
	}
	out = append(out, toned(" which default instead? enter chooses, esc drops it", soft))
	for i, n := range f.names {
		out = append(out, pointed(text(name(n, 60)), i == f.cursor, width))
	}
	return out
}

// changedSign marks a decision that the what-ifs moved.
func (s *decideScreen) changedSign(kind string) line {
	if m := s.moved(kind); m != "" {
		return toned(fmt.Sprintf("moved: %s", m), accent)
	}
	if o, ok := s.overruled[kind]; ok {
		return toned("overruled: "+name(o.Default, 24), warn)
	}
	return nil
}
