package tui

import (
	"context"
	"io"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/charmbracelet/bubbles/key"

	"infer/eval"
	"infer/report"
)

// Options of a browser.
type Options struct {
	Source    Source
	Tasks     TaskSource
	Decisions DecisionSource // nil = this program cannot decide
	Exports   ExportSource   // nil = it cannot export
	Reviews   ReviewSource   // nil = it keeps no reviews
	Run       string         // run to open; "" = the list of runs
	Store     string         // path for the equivalent command lines; "" = the default
	Output    io.Writer
	Color     bool
	Plain     bool // no attributes either, such as reverse: the text alone
}

// component is a part of the screen: a model that has a size and names its keys.
// It changes in Update alone; Lines draws what there is.
type component interface {
	SetSize(width, height int)
	Update(msg tea.Msg) tea.Cmd
	Lines() []line
	Keys() []key.Binding // its own, beyond those of every screen
}

// screen is a component that fills the browser.
type screen interface {
	component
	title() string
	command() []string          // the equivalent command, without the program's name
	copy() (text string, v any) // what is under the cursor
}

// typing is a screen that takes letters for itself while something is typed.
type typing interface{ typing() bool }

// shell is what the screens share. It is changed in Update alone.
type shell struct {
	ctx    context.Context
	o      Options
	keys   keyMap
	report *report.Report // of the run that is open; nil = none is
	// decided is the decision on it, under whatIf; nil = there is none yet, or whyNot
	// says why there can be none.
	decided *eval.Recommendation
	before  *eval.Recommendation // under the run's own policy
	whyNot  string
	whatIf  WhatIf
	asked   int // number of the last question to Decisions

	stack   []screen
	status  span
	loading bool
	poll    time.Duration // until a run that is written is read again
}

// Model is the browser. It is a tea.Model.
type Model struct {
	shell
	width, height int
	themes        []theme
	theme         int
	mouse         bool
	help          *helpPage
	palette       *palette
}

var _ tea.Model = (*Model)(nil)

// New returns a browser. The context bounds everything that it reads.
func New(ctx context.Context, o Options) *Model {
	m := &Model{shell: shell{ctx: ctx, o: o, keys: newKeys(), loading: true, poll: pollEvery}, themes: themes(o.Output, o.Color, o.Plain), mouse: true}
	if o.Run == "" {
		m.push(newRunsScreen(&m.shell))
	} else {
		m.push(newBoard(&m.shell))
	}
	return m
}

// Messages that concern every screen.
type (
	// openMsg is a run that was read.
	openMsg struct {
		id     string
		report *report.Report
		err    error
		took   time.Duration
	}
	// runMsg tells the screens that shell.report or shell.decided is another one.
	runMsg struct{}
	// statusMsg is something to say.
	statusMsg struct{ span }
	// tickMsg is the time to look whether a run went on.
	tickMsg struct{ id string }
)

// Init reads what the first screen shows.
func (m *Model) Init() tea.Cmd {
	if m.o.Run == "" {
		return m.readRuns()
	}
	return m.open(m.o.Run)
}

// Update handles one message.
func (m *Model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	var cmd tea.Cmd
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case openMsg:
		cmd = m.opened(msg)
	case decidedMsg:
		cmd = m.tookDecision(msg)
	case tickMsg:
		cmd = m.tick(msg)
	case statusMsg:
		m.status = msg.span
	case tea.KeyMsg:
		cmd = m.keyed(msg)
	case tea.MouseMsg:
		cmd = m.clicked(msg)
	default:
		cmd = m.tell(msg)
	}
	m.resize() // the stack may be another one now
	return m, cmd
}

// resize gives the screen on top, and what lies over it, its size.
func (m *Model) resize() {
	w, h := m.width, m.bodyHeight()
	m.top().SetSize(w, h)
	if m.help != nil {
		m.help.SetSize(w, h)
	}
	if m.palette != nil {
		m.palette.SetSize(w, h)
	}
}

// tell hands a message to every screen; one that it does not concern leaves it.
func (m *Model) tell(msg tea.Msg) tea.Cmd {
	cmds := make([]tea.Cmd, 0, len(m.stack))
	for _, s := range m.stack {
		cmds = append(cmds, s.Update(msg))
	}
	return batch(cmds...)
}

// batch is tea.Batch without the commands that are none.
func batch(cmds ...tea.Cmd) tea.Cmd {
	var some []tea.Cmd
	for _, c := range cmds {
		if c != nil {
			some = append(some, c)
		}
	}
	switch len(some) {
	case 0:
		return nil
	case 1:
		return some[0]
	}
	return tea.Batch(some...)
}
