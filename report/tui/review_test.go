package tui_test

import (
	"context"
	"errors"
	"os/exec"
	"strings"
	"testing"
	"time"

	"infer/eval"
	"infer/report/tui"
	"infer/report/tui/tuitest"
)

// desk is a review in memory.
type desk struct {
	cards []tui.Card
	said  []int
	words map[int]tui.Said
	fail  error
}

func (d *desk) Card(_ context.Context, item int) (*tui.Card, error) {
	if item >= len(d.cards) {
		return nil, nil
	}
	c := d.cards[item]
	c.Of, c.Done = len(d.cards), len(d.words)
	if s, ok := d.words[item]; ok {
		c.Said = &s
	}
	return &c, nil
}

func (d *desk) Say(_ context.Context, item int, s tui.Said) error {
	if d.fail != nil {
		return d.fail
	}
	d.words[item], d.said = s, append(d.said, item)
	return nil
}

func (d *desk) Undo(context.Context) (int, bool, error) {
	if len(d.said) == 0 {
		return 0, false, nil
	}
	last := d.said[len(d.said)-1]
	d.said = d.said[:len(d.said)-1]
	delete(d.words, last)
	return last, true, nil
}

func newDesk(cards ...tui.Card) *desk { return &desk{cards: cards, words: make(map[int]tui.Said)} }

func reviewScreen(t *testing.T, d *desk, width, height int) *tuitest.Driver {
	t.Helper()
	clock := time.Unix(0, 0)
	return tuitest.New(t, tui.NewReview(context.Background(), tui.ReviewOptions{Reviews: d, Reviewer: "ana", Output: &strings.Builder{}, Plain: true,
		Now: func() time.Time { clock = clock.Add(time.Second); return clock },
		Edit: func(string) (*exec.Cmd, func() (string, error), error) {
			return nil, nil, errors.New("no editor in tests")
		}}), width, height)
}

func TestReviewKeys(t *testing.T) {
	t.Parallel()
	right := eval.Untrusted("the right answer")
	d := newDesk(tui.Card{TaskType: "mail", Task: "Write a mail.", Left: "Dear all", Rubric: "It is polite.", Reference: "Hello"},
		tui.Card{TaskType: "mail", Task: "Which?", Left: "the left answer", Right: &right})
	s := reviewScreen(t, d, 80, 24)
	s.Expect("review 1/2", "0 judged", "blind", "Write a mail.", "Dear all", "a accept").ExpectNot("It is polite.")
	s.Press(" ").Expect("It is polite.", "Hello").Press(" ").ExpectNot("It is polite.")
	s.Press("f").Expect("no editor").Press("2", "4").Expect("2✓format", "4✓unsafe").Press("4").ExpectNot("4✓unsafe")
	s.Press("n", "too", " ", "short", "enter").Expect("note: too short").Press("x")
	if w := d.words[0]; w.Kind != eval.LabelReject || len(w.Reasons) != 1 || w.Reasons[0] != "format" || w.Note != "too short" || w.Took <= 0 {
		t.Errorf("%+v", w)
	}
	s.Expect("review 2/2", "the left answer", "the right answer", "h left", "l right").Press("a").Expect("2/2").Press("l")
	if w := d.words[1]; w.Kind != eval.LabelSecond {
		t.Errorf("%+v", w)
	}
	s.Expect("All items are judged").Press("u").Expect("review 2/2", "taken back").Press("u").Expect("review 1/2").Press("u").Expect("nothing to undo")
	s.Press("a").Press("[").Expect("review 1/2", "you said accept")
	d.fail = errors.New("the disk is full")
	s.Press("x").Expect("the disk is full")
	if d.words[0].Kind != eval.LabelAccept {
		t.Error("what was not stored is shown as said")
	}
}

// TestReviewHostile: what a model wrote cannot move the terminal, and a huge
// answer or a tiny screen breaks nothing.
func TestReviewHostile(t *testing.T) {
	t.Parallel()
	evil := eval.Untrusted("\x1b]52;c;aGk=\x07\x1b[2J\u202eabc\u009b31m" + strings.Repeat("x", 200_000))
	d := newDesk(tui.Card{TaskType: "a\x1b[31m", Task: evil, Left: evil, Right: &evil})
	for _, size := range [][2]int{{80, 24}, {40, 10}, {20, 5}, {1, 1}, {0, 0}, {500, 200}} {
		s := reviewScreen(t, d, size[0], size[1])
		for _, bad := range []string{"\x1b]", "\x1b[2J", "\u202e", "\u009b", "\x07"} {
			s.ExpectNot(bad)
		}
		s.Press("j", "j", "k", " ", " ")
		if lines := strings.Count(s.View(), "\n") + 1; size[1] > 0 && lines > size[1] {
			t.Errorf("%d lines on a screen of %d", lines, size[1])
		}
	}
}

// TestReviewTab judges inside the browser: keys are the review's until it is left, a
// click on a tab does not leave it, words are stored at once, and leaving closes it.
func TestReviewTab(t *testing.T) {
	t.Parallel()
	s := &source{}
	b, _ := browser(t, s, "r012345678", 100, 30)
	b.Press("5").Expect("[5 review]", "single answers", "12/40", "goes on", "pairs: alpha against beta", "not begun", "infer review r012345678 -n 40")
	b.Press("j").Expect("--pairs alpha,beta").Press("k", "enter").Expect("review 1/2", "blind", "What is the total?", "a accept")
	b.Press("2").Expect("2✓format").ExpectNot("[2 frontier]").Click(3, 1).Expect("review 1/2")
	b.Press("x").Expect("review 2/2")
	if w, ok := s.judging.words[0]; !ok || w.Kind != eval.LabelReject {
		t.Errorf("what was said is %+v", w)
	}
	if s.closed != 0 {
		t.Error("the review was closed while it was open")
	}
	b.Press("q").Expect("single answers", "[5 review]")
	if s.closed != 1 || b.Quit() {
		t.Errorf("closed %d times, quit %t", s.closed, b.Quit())
	}
	s.fail = errors.New("the store cannot be written")
	b.Press("enter").Expect("the store cannot be written")
}
