package tui

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"

	"infer/eval"
)

// Options of a browser.
type Options struct {
	Source Source
	Tasks  TaskSource
	Run    string // run to open; "" = the list of runs
	Store  string // path for the equivalent command lines; "" = the default
	Output io.Writer
	Color  bool
}

// screen is one view. Messages change what it shows; drawing it only notes how many
// rows fit, which paging and clicks go by.
type screen interface {
	title() string
	update(m *Model, msg tea.Msg) tea.Cmd
	view(m *Model, width, height int) []string
	keys(k *keyMap) []key.Binding // its own, beyond those of every screen
	command() string              // the equivalent command line
	yank() (text string, v any)   // what is under the cursor
}

// Model is the browser. It is a tea.Model.
type Model struct {
	o      Options
	ctx    context.Context
	styles styles
	keymap keyMap

	width, height int
	stack         []screen
	run           *Run
	status        string
	loading       bool
	help          bool
	mouse         bool
	palette       *palette
}

var _ tea.Model = (*Model)(nil)

// New returns a browser. The context bounds everything that it reads.
func New(ctx context.Context, o Options) *Model {
	m := &Model{o: o, ctx: ctx, styles: newStyles(o.Output, o.Color), keymap: newKeys(), mouse: true}
	if o.Run == "" {
		m.stack = []screen{&runsScreen{}}
	} else {
		m.stack = []screen{&boardScreen{}}
	}
	return m
}

// The messages of commands.
type (
	runsMsg struct {
		runs []RunLine
		err  error
	}
	openMsg struct {
		id  string
		run *Run
		err error
	}
	tickMsg struct{}
	yankMsg struct{ what string }
)

// liveEvery is how often a run that another process writes is read again.
const liveEvery = 2 * time.Second

// Init reads what the first screen shows.
func (m *Model) Init() tea.Cmd {
	m.loading = true
	if m.o.Run == "" {
		return m.readRuns()
	}
	return m.open(m.o.Run)
}

func (m *Model) readRuns() tea.Cmd {
	return func() tea.Msg {
		runs, err := m.o.Source.Runs(m.ctx)
		return runsMsg{runs, err}
	}
}

func (m *Model) open(id string) tea.Cmd {
	return func() tea.Msg {
		run, err := m.o.Source.Open(m.ctx, id)
		return openMsg{id, run, err}
	}
}

func tick() tea.Cmd { return tea.Tick(liveEvery, func(time.Time) tea.Msg { return tickMsg{} }) }

func (m *Model) top() screen { return m.stack[len(m.stack)-1] }

func (m *Model) push(s screen) { m.stack = append(m.stack, s) }

// replace makes s the only screen above the list of runs.
func (m *Model) replace(s screen) {
	if _, ok := m.stack[0].(*runsScreen); ok {
		m.stack = m.stack[:1]
		m.push(s)
		return
	}
	m.stack = []screen{s}
}

// Update handles one message.
func (m *Model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
		return m, nil
	case openMsg:
		return m, m.opened(msg)
	case tickMsg:
		if m.run != nil && m.run.Report.Run.State == eval.RunRunning {
			return m, m.open(m.run.Report.Run.ID)
		}
		return m, nil
	case yankMsg:
		m.status = "copied " + msg.what
		return m, nil
	case tea.KeyMsg:
		return m, m.pressAll(msg)
	}
	return m, m.top().update(m, msg)
}

func (m *Model) opened(msg openMsg) tea.Cmd {
	m.loading = false
	if msg.err != nil {
		m.status = "error: " + name(msg.err.Error(), 200)
		return nil
	}
	m.run = msg.run
	cmds := []tea.Cmd{m.top().update(m, msg)}
	if msg.run.Report.Run.State == eval.RunRunning {
		cmds = append(cmds, tick())
	}
	return tea.Batch(cmds...)
}

// pressAll takes letters apart that came together, as from a slow connection; a
// paste stays one.
func (m *Model) pressAll(msg tea.KeyMsg) tea.Cmd {
	if msg.Type != tea.KeyRunes || len(msg.Runes) < 2 || msg.Paste || msg.Alt {
		return m.press(msg)
	}
	var cmds []tea.Cmd
	for _, r := range msg.Runes {
		cmds = append(cmds, m.press(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune{r}}))
	}
	return tea.Batch(cmds...)
}

// typing is a screen that takes letters for itself while its filter is edited.
type typing interface{ typing() bool }

func (m *Model) press(msg tea.KeyMsg) tea.Cmd {
	k := &m.keymap
	if m.palette != nil {
		return m.palette.press(m, msg)
	}
	if t, ok := m.top().(typing); ok && t.typing() && msg.String() != "ctrl+c" {
		return m.top().update(m, msg)
	}
	m.status = ""
	if m.help {
		m.help = false
		if !key.Matches(msg, k.Quit) {
			return nil
		}
	}
	switch {
	case key.Matches(msg, k.Quit):
		return tea.Quit
	case key.Matches(msg, k.Help):
		m.help = true
	case key.Matches(msg, k.Palette):
		m.palette = newPalette(m)
	case key.Matches(msg, k.Back):
		if len(m.stack) > 1 {
			m.stack = m.stack[:len(m.stack)-1]
		} else {
			m.status = "this is the first screen; q quits"
		}
	case key.Matches(msg, k.Board, k.Frontier, k.Tasks, k.Decide, k.Runs):
		return m.jump(msg)
	case key.Matches(msg, k.Yank):
		text, _ := m.top().yank()
		return m.yank("the text", text)
	case key.Matches(msg, k.YankJSON):
		return m.yankJSON()
	case key.Matches(msg, k.Command):
		return m.yank("`"+m.commandLine()+"`", m.commandLine())
	case key.Matches(msg, k.Refresh):
		if m.run != nil {
			return m.open(m.run.Report.Run.ID)
		}
		return m.readRuns()
	case key.Matches(msg, k.Mouse):
		m.mouse = !m.mouse
		if m.mouse {
			m.status = "mouse on: wheel scrolls, click chooses"
			return tea.EnableMouseCellMotion
		}
		m.status = "mouse off: the terminal selects text"
		return tea.DisableMouse
	default:
		return m.top().update(m, msg)
	}
	return nil
}

// jump goes to one of the main screens.
func (m *Model) jump(msg tea.KeyMsg) tea.Cmd {
	k := &m.keymap
	if key.Matches(msg, k.Runs) {
		m.stack = []screen{&runsScreen{}}
		return m.readRuns()
	}
	if m.run == nil {
		m.status = "open a run first: enter"
		return nil
	}
	var s screen
	switch {
	case key.Matches(msg, k.Board):
		s = &boardScreen{}
	case key.Matches(msg, k.Frontier):
		s = &frontierScreen{}
	case key.Matches(msg, k.Decide):
		s = &decideScreen{}
	default:
		s = newTasksScreen(m)
	}
	m.replace(s)
	return s.update(m, openMsg{id: m.run.Report.Run.ID, run: m.run})
}

// yank copies to the terminal's clipboard by OSC 52. The text is sanitised: what
// is pasted into a shell must not be able to act.
func (m *Model) yank(what, text string) tea.Cmd {
	if text == "" {
		m.status = "nothing to copy here"
		return nil
	}
	out := m.o.Output
	return func() tea.Msg {
		_, _ = io.WriteString(out, ansi.SetSystemClipboard(eval.Untrusted(text).Block(0)))
		return yankMsg{what}
	}
}

func (m *Model) yankJSON() tea.Cmd {
	_, v := m.top().yank()
	if v == nil {
		m.status = "nothing to copy here"
		return nil
	}
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		m.status = "error: " + err.Error()
		return nil
	}
	return m.yank("JSON", string(eval.EscapeJSON(b)))
}

// commandLine is the equivalent of the screen as a command.
func (m *Model) commandLine() string {
	c := m.top().command()
	if m.o.Store != "" {
		c += " --store " + m.o.Store
	}
	return c
}

// View draws the browser. It draws something for every size, the empty one
// included.
func (m *Model) View() string {
	if m.width <= 0 || m.height <= 0 {
		return ""
	}
	body := max(m.height-3, 0)
	lines := []string{m.header(), ""}
	var content []string
	switch {
	case m.help:
		content = m.helpPage()
	case m.palette != nil:
		content = m.palette.view(m, m.width, body)
	case m.loading:
		content = []string{"reading …"}
	default:
		content = m.top().view(m, m.width, body)
	}
	for i := range body {
		if i < len(content) {
			lines = append(lines, content[i])
		} else {
			lines = append(lines, "")
		}
	}
	lines = append(lines[:min(len(lines), m.height-1)], m.footer())
	return fit(lines, m.width, m.height)
}

func (m *Model) header() string {
	crumbs := []string{m.styles.title.Render("infer")}
	if m.run != nil {
		r := &m.run.Report.Run
		crumbs = append(crumbs, name(r.Name, 30)+" "+m.styles.soft.Render(r.ID+" · "+string(r.State)))
	}
	for _, s := range m.stack {
		crumbs = append(crumbs, s.title())
	}
	return strings.Join(crumbs, m.styles.soft.Render(" › "))
}

// footer is the status, or the keys that matter here.
func (m *Model) footer() string {
	if m.status != "" {
		return m.styles.accent.Render(m.status)
	}
	var parts []string
	for _, b := range append(m.top().keys(&m.keymap), m.keymap.Help, m.keymap.Quit) {
		parts = append(parts, m.styles.head.Render(b.Help().Key)+" "+b.Help().Desc)
	}
	return strings.Join(parts, m.styles.soft.Render(" · "))
}

// helpPage lists every key of the screen, from the key map.
func (m *Model) helpPage() []string {
	out := []string{m.styles.soft.Render("the same as a command: ") + m.commandLine(), "", m.styles.title.Render("keys of " + m.top().title())}
	own := make(map[string]bool)
	list := func(keys []key.Binding) {
		for _, b := range keys {
			out = append(out, fmt.Sprintf("  %-8s %s", b.Help().Key, b.Help().Desc))
		}
	}
	for _, b := range m.top().keys(&m.keymap) {
		own[b.Help().Key] = true
	}
	list(m.top().keys(&m.keymap))
	out = append(out, "", m.styles.title.Render("everywhere"))
	var pair []string
	for _, b := range m.keymap.everywhere() {
		if own[b.Help().Key] {
			continue
		}
		pair = append(pair, fmt.Sprintf("  %-8s %-24s", b.Help().Key, b.Help().Desc))
		if len(pair) == 2 {
			out, pair = append(out, strings.Join(pair, "")), nil
		}
	}
	if len(pair) > 0 {
		out = append(out, pair[0])
	}
	return append(out, m.styles.soft.Render("any key closes this"))
}
