package tui

import (
	"encoding/json"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"

	"infer/eval"
	"infer/report"
)

func (s *shell) top() screen { return s.stack[len(s.stack)-1] }

// push puts a screen on top.
func (s *shell) push(sc screen) { s.stack = append(s.stack, sc) }

// pop leaves the screen on top; the first one stays.
func (s *shell) pop() bool {
	if len(s.stack) < 2 {
		return false
	}
	s.stack = s.stack[:len(s.stack)-1]
	return true
}

// jump makes sc the only screen above the list of runs.
func (s *shell) jump(sc screen) tea.Cmd {
	if _, ok := s.stack[0].(*runsScreen); ok {
		s.stack = append(s.stack[:1:1], sc)
	} else {
		s.stack = []screen{sc}
	}
	return sc.Update(runMsg{})
}

// say shows a message until the next key.
func (s *shell) say(t tone, words string) { s.status = span{words, t} }

// fail shows an error until the next key.
func (s *shell) fail(err error) {
	words := "error: " + err.Error()
	if hint := eval.Hint(err); hint != "" {
		words += " — " + hint
	}
	s.status = span{words, bad}
}

func (s *shell) readRuns() tea.Cmd {
	src, ctx := s.o.Source, s.ctx
	return func() tea.Msg {
		runs, err := src.Runs(ctx)
		return runsMsg{runs, err}
	}
}

// open reads a run.
func (s *shell) open(id string) tea.Cmd {
	src, ctx := s.o.Source, s.ctx
	return func() tea.Msg {
		begun := time.Now()
		r, err := src.Open(ctx, id)
		return openMsg{id, r, err, time.Since(begun)}
	}
}

// pollEvery is how often a run that another process writes is looked at; a run
// that takes long to read is looked at less often.
const (
	pollEvery = 2 * time.Second
	pollShare = 8 // at most one part in so many of the time goes into reading
)

func (s *shell) opened(msg openMsg) tea.Cmd {
	s.loading = false
	if msg.err != nil {
		s.fail(msg.err)
		return nil
	}
	again := s.report != nil && s.report.Run.ID == msg.report.Run.ID
	if again && reflect.DeepEqual(s.report, msg.report) {
		return s.watch()
	}
	s.report = msg.report
	if !again {
		s.decided, s.before, s.whyNot, s.whatIf = nil, nil, "", WhatIf{}
	}
	s.poll = max(pollEvery, pollShare*msg.took)
	cmds := []tea.Cmd{s.watch()}
	if !again || s.report.Run.State != eval.RunRunning { // what is half done is decided once, not at every look
		cmds = append(cmds, s.decide())
	}
	for _, sc := range s.stack {
		cmds = append(cmds, sc.Update(runMsg{}))
	}
	return batch(cmds...)
}

// watch looks again later where a run is being written.
func (s *shell) watch() tea.Cmd {
	if s.report == nil || s.report.Run.State != eval.RunRunning {
		return nil
	}
	id := s.report.Run.ID
	return tea.Tick(s.poll, func(time.Time) tea.Msg { return tickMsg{id} })
}

func (s *shell) tick(msg tickMsg) tea.Cmd {
	if s.report == nil || s.report.Run.ID != msg.id {
		return nil
	}
	return s.open(msg.id)
}

// decidedMsg is a decision that was made.
type decidedMsg struct {
	asked int
	rec   *eval.Recommendation
	err   error
}

// decide asks for the decision under the what-ifs. An answer that another question
// overtook is dropped.
func (s *shell) decide() tea.Cmd {
	if s.o.Decisions == nil || s.report == nil {
		s.whyNot = "this program cannot decide"
		return nil
	}
	s.asked++
	src, ctx, id, asked, w := s.o.Decisions, s.ctx, s.report.Run.ID, s.asked, WhatIf{maps.Clone(s.whatIf.Rules)}
	return func() tea.Msg {
		rec, err := src.Decide(ctx, id, w)
		return decidedMsg{asked, rec, err}
	}
}

func (s *shell) tookDecision(msg decidedMsg) tea.Cmd {
	if msg.asked != s.asked {
		return nil
	}
	s.decided, s.whyNot = msg.rec, ""
	if msg.err != nil {
		s.whyNot = msg.err.Error()
	}
	if len(s.whatIf.Rules) == 0 {
		s.before = msg.rec
	}
	var cmds []tea.Cmd
	for _, sc := range s.stack {
		cmds = append(cmds, sc.Update(runMsg{}))
	}
	return batch(cmds...)
}

// decision is what is decided on a task type; nil = nothing is.
func decision(rec *eval.Recommendation, taskType string) *eval.TypeDecision {
	if rec == nil {
		return nil
	}
	for i := range rec.Types {
		if rec.Types[i].TaskType == taskType {
			return &rec.Types[i]
		}
	}
	return nil
}

// types are the task types of the run, after all of them together.
func (s *shell) types() []string {
	out := []string{report.Overall}
	if s.report != nil {
		for i := range s.report.Cells {
			if t := s.report.Cells[i].TaskType; !slices.Contains(out, t) {
				out = append(out, t)
			}
		}
	}
	return out
}

// candidates are the names of the run's candidates.
func (s *shell) candidates() []string {
	if s.report == nil {
		return nil
	}
	out := make([]string, len(s.report.Run.Candidates))
	for i := range out {
		out[i] = s.report.Run.Candidates[i].Name
	}
	return out
}

func (s *shell) run() string {
	if s.report == nil {
		return s.o.Run
	}
	return s.report.Run.ID
}

// yank copies to the clipboard of the terminal by OSC 52. The text is sanitised:
// what is pasted into a shell must not be able to act.
func (s *shell) yank(what, words string) tea.Cmd {
	if words == "" {
		s.say(soft, "nothing to copy here")
		return nil
	}
	out := s.o.Output
	return func() tea.Msg {
		if _, err := io.WriteString(out, ansi.SetSystemClipboard(eval.Untrusted(words).Block(0))); err != nil {
			return statusMsg{span{"error: " + err.Error(), bad}}
		}
		return statusMsg{span{"copied " + what, accent}}
	}
}

func (s *shell) yankJSON() tea.Cmd {
	_, v := s.top().copy()
	if v == nil {
		s.say(soft, "nothing to copy here")
		return nil
	}
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		s.fail(err)
		return nil
	}
	return s.yank("JSON", string(eval.EscapeJSON(b)))
}

// commandLine is the equivalent of the screen as a command that a shell takes.
func (s *shell) commandLine() string {
	args := append([]string{"infer"}, s.top().command()...)
	if s.o.Store != "" {
		args = append(args, "--store", s.o.Store)
	}
	for i, a := range args {
		args[i] = quoted(a)
	}
	return strings.Join(args, " ")
}

// quoted is one word for a shell.
func quoted(word string) string {
	word = clean(word)
	if word != "" && strings.Trim(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./=:@,+") == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
