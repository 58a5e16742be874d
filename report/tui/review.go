package tui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"infer/eval"
)

// Card is one item of a review as the reviewer sees it. It does not say who
// answered.
type Card struct {
	Of        int // how many items there are
	Done      int // how many of them this reviewer has judged
	TaskType  string
	Task      eval.Untrusted
	Reference eval.Untrusted // the expected value; "" = none
	Rubric    eval.Untrusted // what makes an answer good, in words; "" = nobody said
	Left      eval.Untrusted // the answer, or the left one of a pair
	Right     *eval.Untrusted
	Said      *Said // what this reviewer said before; nil = nothing
}

// Said is what a reviewer says of a card. Of a pair, the label is about what was
// on which side: LabelFirst is the left answer.
type Said struct {
	Kind    eval.LabelKind
	Reasons []string
	Note    string
	Edit    *string
	FixTime *time.Duration
	Took    time.Duration
}

// Reviews is where cards come from and where words go.
type Reviews interface {
	// Card returns one item, by its number from 0.
	Card(ctx context.Context, item int) (*Card, error)
	// Say stores a word on an item; it is durable when it returns.
	Say(ctx context.Context, item int, s Said) error
	// Undo takes the latest word back and returns its item; false = there is none.
	Undo(ctx context.Context) (item int, ok bool, err error)
}

// Reasons are the reasons that the digit keys give.
var Reasons = []string{"wrong fact", "format", "tone", "unsafe"}

// ReviewOptions of a review.
type ReviewOptions struct {
	Reviews  Reviews
	Reviewer string
	First    int // the item to begin with
	// Edit returns a command that lets the reviewer mend a text, and a function that
	// returns the mended text afterwards.
	Edit   func(text string) (*exec.Cmd, func() (string, error), error)
	Now    func() time.Time
	Output io.Writer
	Color  bool
	Plain  bool // no attributes either: the text alone
}

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

// Review is the screen on which a person judges answers. It is a tea.Model, by
// itself or inside another.
type Review struct {
	o     ReviewOptions
	ctx   context.Context
	theme theme
	keys  reviewKeys

	width, height int
	item          int
	card          *Card
	err           error
	reasons       map[string]bool
	note          string
	writing       bool // the note is being written
	busy          bool // a word is being stored, or a card read
	rubric        bool
	scroll        int
	shown         time.Time
	status        string
	finished      bool
}

var _ tea.Model = (*Review)(nil)

// NewReview returns a review. The context bounds everything that it reads and
// writes.
func NewReview(ctx context.Context, o ReviewOptions) *Review {
	return &Review{o: o, ctx: ctx, theme: themes(o.Output, o.Color, o.Plain)[0], keys: newReviewKeys(), item: o.First, reasons: make(map[string]bool)}
}

type (
	cardMsg struct {
		item int
		card *Card
		err  error
	}
	saidMsg struct {
		item int
		err  error
	}
	undoneMsg struct {
		item int
		ok   bool
		err  error
	}
	mendedMsg struct {
		item int
		text string
		took time.Duration
		err  error
	}
)

// Init reads the first card.
func (r *Review) Init() tea.Cmd { return r.read(r.item) }

func (r *Review) read(item int) tea.Cmd {
	r.busy = true
	src, ctx := r.o.Reviews, r.ctx
	return func() tea.Msg {
		c, err := src.Card(ctx, item)
		return cardMsg{item, c, err}
	}
}

// Update handles one message.
func (r *Review) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		r.width, r.height = msg.Width, msg.Height
	case cardMsg:
		r.show(msg)
	case saidMsg:
		r.busy = false
		if r.err = msg.err; r.err == nil {
			return r, r.read(msg.item + 1)
		}
	case undoneMsg:
		r.busy = false
		switch {
		case msg.err != nil:
			r.err = msg.err
		case !msg.ok:
			r.status = "nothing to undo"
		default:
			r.status = "taken back"
			return r, r.read(msg.item)
		}
	case mendedMsg:
		return r, r.mended(msg)
	case tea.KeyMsg:
		return r, r.typed(msg)
	}
	return r, nil
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

func (r *Review) show(msg cardMsg) {
	r.item, r.card, r.err, r.busy = msg.item, msg.card, msg.err, false
	r.reasons, r.note, r.writing, r.rubric, r.scroll = make(map[string]bool), "", false, false, 0
	r.shown = r.o.Now()
	r.finished = r.card == nil && r.err == nil
	if r.card != nil && r.card.Said != nil {
		for _, x := range r.card.Said.Reasons {
			r.reasons[x] = true
		}
		r.note = r.card.Said.Note
	}
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
		return tea.Quit
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

// ShowReview shows the review until the user quits. in and the output must be a
// terminal.
func ShowReview(ctx context.Context, o ReviewOptions, in io.Reader) error {
	p := tea.NewProgram(NewReview(ctx, o), tea.WithContext(ctx), tea.WithInput(in), tea.WithOutput(o.Output), tea.WithAltScreen())
	if _, err := p.Run(); err != nil && !errors.Is(err, tea.ErrProgramKilled) {
		return fmt.Errorf("review: %w", err)
	}
	return nil
}
