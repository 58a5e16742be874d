package tui

import (
	"context"
	"fmt"
	"os/exec"
	"time"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"
)

// ReviewSource is where a run's reviews come from.
type ReviewSource interface {
	// Reviews lists those that were begun, and those that can be.
	Reviews(ctx context.Context, run string) ([]ReviewLine, error)
	// Review opens one of them for the reviewer; one that was not begun is drawn.
	Review(ctx context.Context, run, id string) (*ReviewSession, error)
}

// ReviewLine is one review in the list.
type ReviewLine struct {
	ID      string   `json:"id"`
	What    string   `json:"what"` // in words
	Begun   bool     `json:"begun"`
	Items   int      `json:"items"`  // that were drawn, or are to be
	Judged  int      `json:"judged"` // by this reviewer
	Command []string `json:"-"`      // the equivalent, without the program's name
}

// ReviewSession is a review that is open.
type ReviewSession struct {
	Reviews  Reviews
	Reviewer string
	First    int // the item to begin with
	Edit     func(text string) (*exec.Cmd, func() (string, error), error)
	Close    func(ctx context.Context) error
}

// reviewScreen lists the reviews of a run, and is the one that is open.
type reviewScreen struct {
	*shell
	list
	width, height int
	lines         []ReviewLine
	read          bool
	err           error
	table         table
	rows          [][]line
	session       *ReviewSession
	review        *Review // nil = none is open
}

// reviewHead are the lines above the list.
const reviewHead = 3

type (
	reviewsMsg struct {
		run   string
		lines []ReviewLine
		err   error
	}
	sessionMsg struct {
		session *ReviewSession
		err     error
	}
	leftMsg   struct{}
	closedMsg struct{ err error }
)

func newReviewScreen(s *shell) *reviewScreen {
	return &reviewScreen{shell: s, table: table{columns: []column{{head: "review", flex: true}, {head: "judged", right: true}, {head: "", least: 12}}}}
}

func (s *reviewScreen) title() string {
	if s.review != nil {
		return "review · blind"
	}
	return "review"
}

func (s *reviewScreen) command() []string {
	if s.here() {
		return s.lines[s.cursor].Command
	}
	return []string{"review", s.run()}
}

// typing is true while a review is open: it has keys of its own.
func (s *reviewScreen) typing() bool { return s.review != nil }

// Keys are those of the list.
func (s *reviewScreen) Keys() []key.Binding {
	if s.review != nil {
		return nil // it shows its own
	}
	return []key.Binding{called(s.keys.Open, "judge"), s.keys.Refresh}
}

func (s *reviewScreen) copy() (string, any) {
	if !s.here() {
		return "", nil
	}
	l := s.lines[s.cursor]
	return fmt.Sprintf("%s: %d of %d judged", l.What, l.Judged, l.Items), l
}

// SetSize says how much is seen.
func (s *reviewScreen) SetSize(width, height int) {
	if width != s.width || height != s.height {
		s.width, s.height = width, height
		s.lay()
		if s.review != nil {
			s.review.Update(tea.WindowSizeMsg{Width: width, Height: height})
		}
	}
	s.first = reviewHead
	s.setHeight(height - s.first)
}

// load reads the list.
func (s *reviewScreen) load() tea.Cmd {
	if s.o.Reviews == nil || s.report == nil {
		return nil
	}
	src, ctx, run := s.o.Reviews, s.ctx, s.report.Run.ID
	return func() tea.Msg {
		lines, err := src.Reviews(ctx, run)
		return reviewsMsg{run, lines, err}
	}
}

// Update handles one message.
func (s *reviewScreen) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case runMsg:
		if !s.read {
			return s.load()
		}
		return nil
	case refreshMsg:
		return s.load()
	case reviewsMsg:
		if s.report != nil && msg.run == s.report.Run.ID {
			s.read, s.lines, s.err = true, msg.lines, msg.err
			s.lay()
		}
		return nil
	case sessionMsg:
		return s.opened(msg)
	case leftMsg:
		return s.left()
	case closedMsg:
		if msg.err != nil {
			s.fail(msg.err)
		}
		return batch(s.load(), s.open(s.shell.run())) // repairs that people made are in the costs now
	}
	if s.review != nil {
		_, cmd := s.review.Update(msg)
		return cmd
	}
	if k, ok := msg.(tea.KeyMsg); ok && key.Matches(k, s.keys.Open) {
		return s.enter()
	}
	if hit, again := s.click(msg); hit {
		if again {
			return s.enter()
		}
		return nil
	}
	s.move(msg, &s.keys)
	return nil
}

func (s *reviewScreen) enter() tea.Cmd {
	if !s.here() {
		return nil
	}
	src, ctx, run, id := s.o.Reviews, s.ctx, s.shell.run(), s.lines[s.cursor].ID
	s.say(soft, "drawing …")
	return func() tea.Msg {
		session, err := src.Review(ctx, run, id)
		return sessionMsg{session, err}
	}
}

// opened shows the cards.
func (s *reviewScreen) opened(msg sessionMsg) tea.Cmd {
	s.status = span{}
	if msg.err != nil {
		s.fail(msg.err)
		return nil
	}
	s.session = msg.session
	s.review = NewReview(s.ctx, ReviewOptions{Reviews: msg.session.Reviews, Reviewer: msg.session.Reviewer, First: msg.session.First, Edit: msg.session.Edit, Now: time.Now,
		Output: s.o.Output, Color: s.o.Color, Plain: s.o.Plain})
	s.review.leave = func() tea.Msg { return leftMsg{} }
	s.review.Update(tea.WindowSizeMsg{Width: s.width, Height: s.height})
	return s.review.Init()
}

// left goes back to the list.
func (s *reviewScreen) left() tea.Cmd {
	session, ctx := s.session, s.ctx
	s.review, s.session = nil, nil
	if session == nil {
		return nil
	}
	return func() tea.Msg { return closedMsg{session.Close(context.WithoutCancel(ctx))} }
}

func (s *reviewScreen) lay() {
	s.rows = s.rows[:0]
	for i := range s.lines {
		l := &s.lines[i]
		state := span{"not begun", soft}
		switch {
		case l.Begun && l.Judged >= l.Items:
			state = span{"✓ done", good}
		case l.Begun:
			state = span{"◐ goes on", accent}
		}
		s.rows = append(s.rows, []line{text(name(l.What, 100)), text(fmt.Sprintf("%s/%s", count(int64(l.Judged)), count(int64(l.Items)))), {state}})
	}
	s.setLen(len(s.rows))
	s.table.layout(s.rows, max(s.width-1, 1))
}

// Lines draws the list, or the review that is open.
func (s *reviewScreen) Lines() []line {
	if s.review != nil {
		return s.review.lines()
	}
	switch {
	case s.o.Reviews == nil:
		return []line{toned(" this program keeps no reviews", soft)}
	case s.err != nil:
		return []line{{{" error: ", bad}, {s.err.Error(), plain}}}
	case !s.read:
		return []line{toned(" reading …", soft)}
	}
	out := []line{toned(" People judge a random sample, blind: who answered is not shown. Every word is stored at once.", soft), nil,
		append(text(" "), s.table.header("", false)...)}
	from, to := s.seen()
	for i := from; i < to; i++ {
		out = append(out, pointed(s.table.row(s.rows[i]), i == s.cursor, s.width))
	}
	if len(s.rows) == 0 {
		out = append(out, toned(" there is no answer to judge", soft))
	}
	return out
}
