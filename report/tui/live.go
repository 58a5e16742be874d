package tui

import (
	"context"
	"io"
	"sync"
	"time"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"infer/eval"
	"infer/report"
)

// LiveSource is an evaluation under way.
type LiveSource interface {
	// State is how far it is now.
	State() LiveState
	// Act does what the user asks for.
	Act(a LiveAction)
}

// LiveAction is what a user can do to an evaluation.
type LiveAction struct {
	Do        LiveDo
	Candidate int // of LiveDrop: index into LiveState.Candidates
}

// LiveDo is the kind of a LiveAction.
type LiveDo uint8

// The actions.
const (
	LiveHold    LiveDo = iota // begin no call until LiveRelease
	LiveRelease               // go on
	LiveDrop                  // begin no trial of a candidate any more
	LiveStop                  // stop in order; once more: at once
)

// LiveState is how far an evaluation is.
type LiveState struct {
	Run, Name   string
	Done, Total int64 // trials
	Rate        float64
	Left        time.Duration // until it is done; 0 = unknown
	Cost        eval.Cost     // of calls so far
	Held        bool
	Fixed       bool // it cannot be held: calls are sent at a fixed rate
	Stopping    bool
	Candidates  []LiveCandidate
	Limits      []eval.Throttle // what each provider may be sent, by name
}

// LiveCandidate is how far one candidate is.
type LiveCandidate struct {
	Name             string
	Done, Planned    int64
	Accepted, Judged int64
	Interval         report.Rate // of acceptance so far
	Cost             eval.Cost
	P95              *time.Duration
	Failed           map[eval.Class]int64 // calls
	Dropped          bool
}

// LiveOptions say where an evaluation is shown.
type LiveOptions struct {
	Source LiveSource
	Output io.Writer
	Input  io.Reader // nil = there are no keys
	Color  bool
}

// livePeriod is how often the figures are read.
const livePeriod = 200 * time.Millisecond

// Live shows an evaluation below what was printed, until Close.
type Live struct {
	program *tea.Program
	ended   chan struct{}
	once    sync.Once
}

// ShowLive begins to show an evaluation. It takes the terminal's keys meanwhile;
// Ctrl-C comes as LiveStop.
func ShowLive(ctx context.Context, o LiveOptions) *Live {
	ctx, cancel := context.WithCancel(ctx) // a program that has ended takes no message any more
	p := tea.NewProgram(NewLive(o), tea.WithContext(ctx), tea.WithInput(o.Input), tea.WithOutput(o.Output), tea.WithoutSignalHandler(), tea.WithFPS(10))
	l := &Live{program: p, ended: make(chan struct{})}
	go func() {
		defer close(l.ended)
		defer cancel()
		_, _ = p.Run() // that it could not be shown is no failure of the evaluation
	}()
	return l
}

// Say prints a line above the figures. The text is sanitised.
func (l *Live) Say(words string) { l.program.Println(eval.Untrusted(words).Block(0)) }

// Close takes the figures off the screen and gives the terminal back.
func (l *Live) Close() {
	l.once.Do(func() { l.program.Send(liveDone{}) })
	<-l.ended
}

type (
	liveTick struct{}
	liveDone struct{}
)

// liveKeys are the keys of the live view.
type liveKeys struct{ Hold, Drop, Stop, Up, Down, Help, Yes key.Binding }

func newLiveKeys() liveKeys {
	bind := func(help, what string, keys ...string) key.Binding {
		return key.NewBinding(key.WithKeys(keys...), key.WithHelp(help, what))
	}
	return liveKeys{Hold: bind("p", "pause", "p", " "), Drop: bind("d", "drop a candidate", "d"), Stop: bind("q", "stop, keep what is done", "q", "ctrl+c"),
		Up: bind("↑", "up", "up", "k"), Down: bind("↓", "down", "down", "j"), Help: bind("?", "what this shows", "?"), Yes: bind("y", "yes", "y", "enter")}
}

// liveModel is the state of the view.
type liveModel struct {
	o             LiveOptions
	theme         theme
	keys          liveKeys
	width, height int
	at            int // the candidate under the cursor
	state         LiveState
	asking        bool // whether to drop it
	help, done    bool
}

// NewLive makes the model, for a program or a test.
func NewLive(o LiveOptions) tea.Model {
	return &liveModel{o: o, theme: themes(o.Output, o.Color, !o.Color)[0], keys: newLiveKeys(), state: o.Source.State()}
}

// Init begins to read the figures.
func (m *liveModel) Init() tea.Cmd { return m.tick() }

func (m *liveModel) tick() tea.Cmd {
	return tea.Tick(livePeriod, func(time.Time) tea.Msg { return liveTick{} })
}

// Update takes a key, a size or the time.
func (m *liveModel) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case liveTick:
		m.state = m.o.Source.State()
		return m, m.tick()
	case liveDone:
		m.done = true
		return m, tea.Quit
	case tea.KeyMsg:
		for _, k := range single(msg) {
			m.press(k)
			m.state = m.o.Source.State()
		}
	}
	return m, nil
}

// single takes keys apart that came together.
func single(msg tea.KeyMsg) []tea.KeyMsg {
	if msg.Type != tea.KeyRunes || msg.Paste || len(msg.Runes) < 2 {
		return []tea.KeyMsg{msg}
	}
	keys := make([]tea.KeyMsg, len(msg.Runes))
	for i, r := range msg.Runes {
		keys[i] = tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune{r}}
	}
	return keys
}

func (m *liveModel) press(msg tea.KeyMsg) {
	if m.asking {
		m.asking = false
		if key.Matches(msg, m.keys.Yes) {
			m.o.Source.Act(LiveAction{Do: LiveDrop, Candidate: m.at})
			return
		}
		if !key.Matches(msg, m.keys.Stop) {
			return
		}
	}
	n := len(m.state.Candidates)
	switch {
	case key.Matches(msg, m.keys.Stop):
		m.o.Source.Act(LiveAction{Do: LiveStop})
	case key.Matches(msg, m.keys.Hold) && !m.state.Fixed:
		do := LiveHold
		if m.state.Held {
			do = LiveRelease
		}
		m.o.Source.Act(LiveAction{Do: do})
	case key.Matches(msg, m.keys.Drop):
		m.asking = m.at < n && !m.state.Candidates[m.at].Dropped
	case key.Matches(msg, m.keys.Up):
		m.at = max(m.at-1, 0)
	case key.Matches(msg, m.keys.Down):
		m.at = max(min(m.at+1, n-1), 0)
	case key.Matches(msg, m.keys.Help):
		m.help = !m.help
	}
}

// View draws the figures; nothing once the evaluation is done.
func (m *liveModel) View() string {
	if m.done || m.width <= 0 || m.height <= 0 {
		return ""
	}
	lines := m.lines()
	return m.theme.screenful(lines, m.width, min(len(lines), m.height))
}
