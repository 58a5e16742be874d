package tui

import (
	"fmt"
	"strings"
	"time"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"infer/eval"
)

// what can be changed of a task type's policy.
const (
	ifMargin = iota
	ifSLO
	ifVolume
	ifs
)

// whatIfs changes the policy of a task type, field by field. It is a part of the
// screens that show what comes of that.
type whatIfs struct{ field int }

// slos and volumes are the steps of two of the fields; the margin goes by half a
// point.
var (
	slos = []time.Duration{0, 100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond, time.Second, 1500 * time.Millisecond, 2 * time.Second, 3 * time.Second,
		4 * time.Second, 5 * time.Second, 8 * time.Second, 10 * time.Second, 15 * time.Second, 20 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute}
	volumes = []int64{0, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000, 2_000_000, 5_000_000, 10_000_000, 100_000_000}
)

const (
	marginStep = 0.005
	marginMost = 0.5
)

// rule is a task type's policy as it stands now; false = none is known.
func (s *shell) rule(kind string) (TypeRule, bool) {
	if r, ok := s.whatIf.Rules[kind]; ok {
		return r, true
	}
	d := decision(s.decided, kind)
	if d == nil {
		d = decision(s.before, kind)
	}
	if d == nil {
		return TypeRule{}, false
	}
	return TypeRule{Margin: d.Margin, SLO: d.SLO, Volume: d.Volume}, true
}

// press handles the keys of the what-ifs; false = not one of them.
func (w *whatIfs) press(s *shell, kind string, msg tea.KeyMsg) (tea.Cmd, bool) {
	k := &s.keys
	switch {
	case key.Matches(msg, k.Field):
		w.field = (w.field + 1) % ifs
		return nil, true
	case key.Matches(msg, k.Undo):
		if len(s.whatIf.Rules) == 0 {
			s.say(soft, "nothing was changed")
			return nil, true
		}
		s.whatIf = WhatIf{}
		s.say(soft, "the run's own policy again")
		return s.decide(), true
	case key.Matches(msg, k.More):
		return w.change(s, kind, 1), true
	case key.Matches(msg, k.Less):
		return w.change(s, kind, -1), true
	}
	return nil, false
}

func (w *whatIfs) change(s *shell, kind string, by int) tea.Cmd {
	r, ok := s.rule(kind)
	if !ok {
		s.say(warn, "choose a task type first: there is no policy over all of them")
		return nil
	}
	switch w.field {
	case ifMargin:
		r.Margin = float64(int(r.Margin/marginStep+0.5)+by) * marginStep
		r.Margin = min(max(r.Margin, marginStep), marginMost)
	case ifSLO:
		r.SLO = step(slos, r.SLO, by)
	default:
		r.Volume = step(volumes, r.Volume, by)
	}
	rules := map[string]TypeRule{kind: r}
	for k, v := range s.whatIf.Rules {
		if k != kind {
			rules[k] = v
		}
	}
	s.whatIf = WhatIf{rules}
	return s.decide()
}

// step is the next of the steps above a value, or the one below it.
func step[T int64 | time.Duration](steps []T, v T, by int) T {
	if by > 0 {
		for _, x := range steps {
			if x > v {
				return x
			}
		}
		return v
	}
	for i := len(steps) - 1; i >= 0; i-- {
		if steps[i] < v {
			return steps[i]
		}
	}
	return v
}

// line draws the fields; the one that + and - change is marked.
func (w *whatIfs) line(s *shell, kind string) line {
	r, ok := s.rule(kind)
	if !ok {
		return nil
	}
	changed := s.whatIf.Rules[kind]
	_, is := s.whatIf.Rules[kind]
	own := TypeRule{}
	if d := decision(s.before, kind); d != nil {
		own = TypeRule{Margin: d.Margin, SLO: d.SLO, Volume: d.Volume}
	}
	l := toned(" what if  ", soft)
	for i, f := range []struct {
		label, value string
		changed      bool
	}{{"margin", fmt.Sprintf("%.1f pt", r.Margin*100), is && changed.Margin != own.Margin}, {"p95 limit", sloWords(r.SLO), is && changed.SLO != own.SLO},
		{"tasks/month", volumeWords(r.Volume), is && changed.Volume != own.Volume}} {
		t := plain
		if f.changed {
			t = accent
			f.value += "*"
		}
		if i == w.field {
			l = l.and(span{"[-] ", head}, span{f.label + " " + f.value, strong}, span{" [+]", head})
		} else {
			l = l.and(span{f.label + " ", soft}, span{f.value, t})
		}
		l = l.and(span{"   ", plain})
	}
	return l
}

func sloWords(d time.Duration) string {
	if d == 0 {
		return "none"
	}
	return strings.TrimSuffix(strings.TrimSuffix(d.String(), "0s"), "m0s")
}

func volumeWords(n int64) string {
	if n == 0 {
		return "unknown"
	}
	return count(n)
}

// moved says what the what-ifs changed of a decision; "" = nothing.
func (s *shell) moved(kind string) string {
	if len(s.whatIf.Rules) == 0 || s.before == nil {
		return ""
	}
	a, b := decision(s.before, kind), decision(s.decided, kind)
	if a == nil || b == nil || outcomeOf(a) == outcomeOf(b) {
		return ""
	}
	return outcomeOf(a) + " → " + outcomeOf(b)
}

func outcomeOf(d *eval.TypeDecision) string {
	if d.Default == "" {
		return verdictOf(d.Verdict).text
	}
	return name(d.Default, 30)
}
