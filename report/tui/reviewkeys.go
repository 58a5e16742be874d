package tui

import (
	"errors"
	"strings"
	"time"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"infer/eval"
)

// Reasons are the reasons that the digit keys give.
var Reasons = []string{"wrong fact", "format", "tone", "unsafe"}

// reviewKeys are the keys of a review.
type reviewKeys struct {
	Accept, Fix, Reject, Left, Right, Both, Neither, Skip, Note, Undo, Rubric, Next, Previous, Down, Up, Quit key.Binding
}

func newReviewKeys() reviewKeys {
	bind := func(help, what string, keys ...string) key.Binding {
		return key.NewBinding(key.WithKeys(keys...), key.WithHelp(help, what))
	}
	return reviewKeys{
		Accept: bind("a", "accept", "a"), Fix: bind("f", "fix", "f"), Reject: bind("x", "reject", "x"),
		Left: bind("h", "left", "h", "left"), Right: bind("l", "right", "l", "right"), Both: bind("=", "both ok", "="), Neither: bind("x", "both bad", "x"),
		Skip: bind("s", "skip", "s"), Note: bind("n", "note", "n"), Undo: bind("u", "undo", "u"), Rubric: bind("space", "rubric", " "),
		Next: bind("]", "next", "]"), Previous: bind("[", "previous", "["), Down: bind("j", "down", "j", "down", "pgdown"), Up: bind("k", "up", "k", "up", "pgup"),
		Quit: bind("esc", "quit", "esc", "q", "ctrl+c"),
	}
}

// typed takes what was typed: over a slow line several keys come at once.
func (r *Review) typed(k tea.KeyMsg) tea.Cmd {
	if k.Type != tea.KeyRunes || len(k.Runes) < 2 || r.writing {
		return r.key(k)
	}
	var all []tea.Cmd
	for i, c := range k.Runes {
		if r.writing { // the rest belongs to the note
			r.write(tea.KeyMsg{Type: tea.KeyRunes, Runes: k.Runes[i:]})
			break
		}
		all = append(all, r.key(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune{c}}))
	}
	return tea.Batch(all...)
}

func (r *Review) key(k tea.KeyMsg) tea.Cmd {
	if r.writing {
		r.write(k)
		return nil
	}
	r.status = ""
	pair := r.card != nil && r.card.Right != nil
	switch {
	case key.Matches(k, r.keys.Quit):
		return r.leave
	case r.busy:
		return nil // what was typed ahead was not meant for the next card
	case key.Matches(k, r.keys.Undo):
		r.busy = true
		src, ctx := r.o.Reviews, r.ctx
		return func() tea.Msg {
			item, ok, err := src.Undo(ctx)
			return undoneMsg{item, ok, err}
		}
	case key.Matches(k, r.keys.Previous) && r.item > 0:
		return r.read(r.item - 1)
	case r.card == nil:
		return nil
	case key.Matches(k, r.keys.Next) && r.item+1 < r.card.Of:
		return r.read(r.item + 1)
	case key.Matches(k, r.keys.Down):
		r.scroll++
	case key.Matches(k, r.keys.Up):
		r.scroll = max(0, r.scroll-1)
	case key.Matches(k, r.keys.Rubric):
		r.rubric, r.scroll = !r.rubric, 0
	case key.Matches(k, r.keys.Note):
		r.writing = true
	case len(k.Runes) == 1 && k.Runes[0] >= '1' && int(k.Runes[0]-'1') < len(Reasons):
		reason := Reasons[k.Runes[0]-'1']
		r.reasons[reason] = !r.reasons[reason]
	case key.Matches(k, r.keys.Skip):
		return r.say(eval.LabelSkip, nil, nil)
	case pair:
		return r.pairKey(k)
	case key.Matches(k, r.keys.Accept):
		return r.say(eval.LabelAccept, nil, nil)
	case key.Matches(k, r.keys.Reject):
		return r.say(eval.LabelReject, nil, nil)
	case key.Matches(k, r.keys.Fix):
		return r.mend()
	}
	return nil
}

func (r *Review) pairKey(k tea.KeyMsg) tea.Cmd {
	switch {
	case key.Matches(k, r.keys.Left):
		return r.say(eval.LabelFirst, nil, nil)
	case key.Matches(k, r.keys.Right):
		return r.say(eval.LabelSecond, nil, nil)
	case key.Matches(k, r.keys.Both):
		return r.say(eval.LabelBoth, nil, nil)
	case key.Matches(k, r.keys.Neither):
		return r.say(eval.LabelNeither, nil, nil)
	}
	return nil
}

// write takes a key while the note is being written.
func (r *Review) write(k tea.KeyMsg) {
	switch k.Type {
	case tea.KeyEnter, tea.KeyEsc, tea.KeyCtrlC:
		r.writing = false
	case tea.KeyBackspace:
		if runes := []rune(r.note); len(runes) > 0 {
			r.note = string(runes[:len(runes)-1])
		}
	case tea.KeyRunes, tea.KeySpace:
		if len(r.note) < 2000 {
			r.note += string(k.Runes)
		}
	}
}

// say stores a word on the card.
func (r *Review) say(kind eval.LabelKind, edit *string, fix *time.Duration) tea.Cmd {
	s := Said{Kind: kind, Note: strings.TrimSpace(r.note), Edit: edit, FixTime: fix, Took: r.o.Now().Sub(r.shown)}
	for _, reason := range Reasons {
		if r.reasons[reason] {
			s.Reasons = append(s.Reasons, reason)
		}
	}
	src, ctx, item := r.o.Reviews, r.ctx, r.item
	r.busy = true
	return func() tea.Msg { return saidMsg{item, src.Say(ctx, item, s)} }
}

// mend opens the editor on the answer. The time until it closes is the repair's.
func (r *Review) mend() tea.Cmd {
	text := r.card.Left.Raw()
	if r.card.Said != nil && r.card.Said.Edit != nil {
		text = *r.card.Said.Edit
	}
	cmd, read, err := r.o.Edit(text)
	if err != nil {
		r.status = "no editor: " + err.Error()
		return nil
	}
	began, item, now := r.o.Now(), r.item, r.o.Now
	return tea.ExecProcess(cmd, func(err error) tea.Msg {
		took := now().Sub(began)
		text, readErr := read()
		return mendedMsg{item, text, took, errors.Join(err, readErr)}
	})
}

func (r *Review) mended(m mendedMsg) tea.Cmd {
	switch {
	case r.card == nil || m.item != r.item:
		return nil
	case m.err != nil:
		r.status = "the editor failed, nothing is stored: " + eval.Untrusted(m.err.Error()).Line(80)
		return nil
	case strings.TrimSpace(m.text) == strings.TrimSpace(r.card.Left.Raw()):
		r.status = "nothing was changed: accept (a) or reject (x)?"
		return nil
	}
	return r.say(eval.LabelFix, &m.text, &m.took)
}
