package tui

import (
	"fmt"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"infer/eval"
)

// taskScreen shows one task: what was asked, what was expected, and what every
// candidate did, attempt by attempt, on one time axis; below it the trial under the
// cursor in full.
type taskScreen struct {
	*shell
	list
	from        *tasksScreen // the list that it was opened from
	seq         int
	id          string
	width, body int
	detail      *TaskDetail
	err         error
	head, below []line
	axis        timeline
	text        scroll
}

// taskMsg is a task that came.
type taskMsg struct {
	to     *taskScreen
	seq    int
	detail *TaskDetail
	err    error
}

func newTask(s *shell, from *tasksScreen, seq int, id string) *taskScreen {
	return &taskScreen{shell: s, from: from, seq: seq, id: id}
}

func (s *taskScreen) title() string { return name(s.id, 40) }

func (s *taskScreen) command() []string { return []string{"runs", "show", s.run(), "--task", s.id} }

// Keys are those of the drill-down.
func (s *taskScreen) Keys() []key.Binding {
	k := &s.keys
	return []key.Binding{k.Next, k.Previous, called(k.Open, "every attempt"), called(k.Diff, "diff"), called(k.Other, "diff with another"), called(k.Read, "read all"), called(k.PageDown, "scroll")}
}

func (s *taskScreen) read() tea.Cmd {
	src, ctx, run, seq := s.o.Tasks, s.ctx, s.run(), s.seq
	return func() tea.Msg {
		d, err := src.Task(ctx, run, seq)
		return taskMsg{s, seq, d, err}
	}
}

// trial is the one under the cursor; nil = none.
func (s *taskScreen) trial() *eval.Trial {
	if s.detail == nil || s.cursor >= len(s.detail.Trials) {
		return nil
	}
	return s.detail.Trials[s.cursor]
}

func (s *taskScreen) copy() (string, any) {
	t := s.trial()
	if t == nil {
		if s.detail == nil {
			return "", nil
		}
		return s.detail.ID, s.detail
	}
	return answerOf(t).Block(0), t
}

// SetSize lays the screen out.
func (s *taskScreen) SetSize(width, height int) {
	s.width, s.body = width, height
	s.lay()
}

// lay makes what is drawn: the texts at the top, the axis, and what is said of the
// trial under the cursor.
func (s *taskScreen) lay() {
	if s.detail == nil {
		return
	}
	s.head = s.texts()
	s.axis = newTimeline(s.detail.Trials, s.label, s.width)
	rows := min(len(s.detail.Trials), max(s.body-len(s.head)-4, 1))
	s.first = len(s.head) + 1
	s.setHeight(rows)
	s.below = nil
	if t := s.trial(); t != nil {
		s.below = s.trialLines(t, s.width-1)
	}
	s.text.set(s.body-s.first-rows, len(s.below))
}

// label is a trial's name on the axis.
func (s *taskScreen) label(t *eval.Trial) string {
	l := unknown
	if t.Candidate < len(s.detail.Candidates) {
		l = name(s.detail.Candidates[t.Candidate], 22)
	}
	if t.Repeat > 0 {
		l += fmt.Sprintf(" #%d", t.Repeat+1)
	}
	return l
}

// Update handles one message.
func (s *taskScreen) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case refreshMsg:
		return s.read()
	case taskMsg:
		if msg.to != s || msg.seq != s.seq {
			return nil
		}
		s.detail, s.err = msg.detail, msg.err
		if s.detail != nil {
			s.setLen(len(s.detail.Trials))
		}
		return nil
	case tea.KeyMsg:
		if cmd, ok := s.press(msg); ok {
			return cmd
		}
	case tea.MouseMsg:
		if hit, again := s.click(msg); hit {
			s.text.off = 0
			if again {
				s.attempts()
			}
			return nil
		}
		s.text.move(msg, &s.keys)
		return nil
	}
	if s.move(msg, &s.keys) {
		s.text.off = 0
	}
	return nil
}

func (s *taskScreen) press(msg tea.KeyMsg) (tea.Cmd, bool) {
	k := &s.keys
	switch {
	case key.Matches(msg, k.Next):
		return s.neighbour(1), true
	case key.Matches(msg, k.Previous):
		return s.neighbour(-1), true
	case key.Matches(msg, k.PageUp, k.PageDown):
		s.text.move(msg, k)
	case s.trial() == nil:
		return nil, false
	case key.Matches(msg, k.Open):
		s.attempts()
	case key.Matches(msg, k.Read):
		s.readAll()
	case key.Matches(msg, k.Diff):
		s.diffExpected()
	case key.Matches(msg, k.Other):
		s.diffOther()
	default:
		return nil, false
	}
	return nil, true
}

// neighbour goes to the next or previous task of the list below this screen.
func (s *taskScreen) neighbour(by int) tea.Cmd {
	l := s.from
	to := l.cursor + by
	r, ok := l.rows[to]
	if !ok || to < 0 || to >= l.n {
		s.say(soft, "no further task in the list")
		return nil
	}
	l.cursor = to
	l.settle()
	s.seq, s.id, s.text.off = r.Seq, r.ID, 0
	return batch(s.read(), l.need())
}

// attempts shows every attempt of the trial in full.
func (s *taskScreen) attempts() {
	t := s.trial()
	if t == nil {
		return
	}
	s.push(newReader(s.shell, title(s.label(t), "every attempt"), s.command(), attemptPages(t), t))
}

// readAll shows the texts of the task and of the answer whole.
func (s *taskScreen) readAll() {
	t, d := s.trial(), s.detail
	p := []part{{"system", d.System.Raw()}}
	for i := range d.Messages {
		m := &d.Messages[i]
		p = append(p, part{m.Role, messageText(m)})
	}
	p = append(p, part{"the line", d.Raw.Raw()}, part{"expected", pretty(d.Expected.Raw())})
	if d.Recorded != nil && d.Recorded.Output != nil {
		p = append(p, part{"recorded answer of " + d.Recorded.Model, d.Recorded.Output.Raw()})
	}
	p = append(p, part{"answer of " + s.label(t), answerOf(t).Raw()})
	s.push(newReader(s.shell, title(s.label(t), "texts"), s.command(), p, t))
}

func (s *taskScreen) diffExpected() {
	t := s.trial()
	if s.detail.Expected == "" {
		s.say(soft, "the task says nothing of what is expected; D compares with another candidate")
		return
	}
	s.push(newDiff(s.shell, s.command(), side{"expected", plainExpected(s.detail.Expected.Raw())}, []side{{s.label(t), answerOf(t).Raw()}}))
}

func (s *taskScreen) diffOther() {
	t := s.trial()
	var others []side
	for i := 1; i < len(s.detail.Trials); i++ {
		o := s.detail.Trials[(s.cursor+i)%len(s.detail.Trials)]
		others = append(others, side{s.label(o), answerOf(o).Raw()})
	}
	if len(others) == 0 {
		s.say(soft, "there is no other answer")
		return
	}
	s.push(newDiff(s.shell, s.command(), side{s.label(t), answerOf(t).Raw()}, others))
}
