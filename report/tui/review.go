package tui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"time"

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
	leave         tea.Cmd // what leaving it does
}

var _ tea.Model = (*Review)(nil)

// NewReview returns a review. The context bounds everything that it reads and
// writes.
func NewReview(ctx context.Context, o ReviewOptions) *Review {
	return &Review{o: o, ctx: ctx, theme: themes(o.Output, o.Color, o.Plain)[0], keys: newReviewKeys(), item: o.First, reasons: make(map[string]bool), leave: tea.Quit}
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

// ShowReview shows the review until the user quits. in and the output must be a
// terminal.
func ShowReview(ctx context.Context, o ReviewOptions, in io.Reader) error {
	p := tea.NewProgram(NewReview(ctx, o), tea.WithContext(ctx), tea.WithInput(in), tea.WithOutput(o.Output), tea.WithAltScreen())
	if _, err := p.Run(); err != nil && !errors.Is(err, tea.ErrProgramKilled) {
		return fmt.Errorf("review: %w", err)
	}
	return nil
}
