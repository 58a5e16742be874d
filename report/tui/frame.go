package tui

import (
	"fmt"
	"strings"

	"github.com/charmbracelet/bubbles/key"
)

// The frame around a screen: breadcrumbs, tabs, the body, the equivalent command or
// a message, and the keys that matter here. Where there are few rows, the body
// takes those of the tabs and of the command.
const (
	tabsFrom    = 12 // rows from which the tabs are shown
	commandFrom = 16 // rows from which the command has a row of its own
)

func (m *Model) bodyTop() int {
	if m.height >= tabsFrom {
		return 2
	}
	return 1
}

func (m *Model) bodyHeight() int {
	h := m.height - m.bodyTop() - 1
	if m.height >= commandFrom {
		h--
	}
	return max(h, 0)
}

// View draws the browser. It draws something for every size, the empty one
// included.
func (m *Model) View() string {
	if m.width <= 0 || m.height <= 0 {
		return ""
	}
	lines := []line{m.crumbs()}
	if m.bodyTop() > 1 {
		lines = append(lines, m.tabs())
	}
	var body []line
	switch {
	case m.help != nil:
		body = m.help.Lines()
	case m.palette != nil:
		body = m.palette.Lines()
	case m.loading:
		body = []line{toned(" reading …", soft)}
	default:
		body = m.top().Lines()
	}
	height := m.bodyHeight()
	for i := range height {
		if i < len(body) {
			lines = append(lines, body[i])
		} else {
			lines = append(lines, nil)
		}
	}
	lines = append(lines, m.foot()...)
	return m.themes[m.theme].screenful(lines, m.width, m.height)
}

// crumbs says where we are, and at the right how far the run has come.
func (m *Model) crumbs() line {
	l := line{{" infer", strong}}
	sep := span{" › ", soft}
	named := false
	for _, sc := range m.stack {
		if !named && m.report != nil && inRun(sc) {
			named = true
			l = l.and(sep, span{name(m.report.Run.Name, 30), plain}, span{" " + m.report.Run.ID, soft})
		}
		if sc.title() != "" {
			l = l.and(sep, span{sc.title(), strong})
		}
	}
	if !named {
		return l
	}
	right := m.progress()
	if n := m.width - l.width() - right.width() - 1; n >= 2 {
		return append(l.pad(m.width-right.width()-1), right...)
	}
	return l
}

// inRun reports whether a screen is about the run that is open.
func inRun(s screen) bool {
	switch s.(type) {
	case *runsScreen, *compareScreen:
		return false
	}
	return true
}

func (m *Model) progress() line {
	if m.report == nil {
		return nil
	}
	r := &m.report.Run
	l := line{stateSign(r.State)}
	if r.Planned > 0 && r.Trials < int64(r.Planned) {
		l = l.and(span{fmt.Sprintf(" %s of %s trials", count(r.Trials), count(int64(r.Planned))), soft})
	}
	return l
}

// tabs are the main screens.
func (m *Model) tabs() line {
	l := text(" ")
	for _, t := range m.tabList() {
		l = append(append(l, t.spans...), span{"  ", plain})
	}
	return l
}

type tab struct {
	key   key.Binding
	spans line
}

func (m *Model) tabList() []tab {
	under := m.stack[min(1, len(m.stack)-1)]
	if _, ok := m.stack[0].(*runsScreen); !ok {
		under = m.stack[0]
	}
	out := make([]tab, 0, 6)
	for _, b := range m.keys.screens() {
		label := line{{b.Help().Key + " ", soft}, {b.Help().Desc, plain}}
		if isTab(under, b.Help().Desc) {
			label = line{{"[" + b.Help().Key + " " + b.Help().Desc + "]", strong}}
		}
		out = append(out, tab{b, label})
	}
	return out
}

// isTab reports whether a screen belongs under a tab.
func isTab(s screen, name string) bool {
	switch s.(type) {
	case *runsScreen:
		return name == "runs"
	case *boardScreen:
		return name == "board"
	case *frontierScreen:
		return name == "frontier"
	case *tasksScreen:
		return name == "tasks"
	case *decideScreen:
		return name == "decide"
	case *reviewScreen:
		return name == "review"
	}
	return false
}

// tabAt is the tab on a column of the row of tabs.
func (m *Model) tabAt(x int) (key.Binding, bool) {
	at := 1
	for _, t := range m.tabList() {
		n := t.spans.width()
		if x >= at && x < at+n {
			return t.key, true
		}
		at += n + 2
	}
	return key.Binding{}, false
}

// foot is the message or the equivalent command, and the keys.
func (m *Model) foot() []line {
	keys := m.hints()
	if m.height < commandFrom {
		if m.status.text != "" {
			return []line{{{" ", plain}, m.status}}
		}
		return []line{keys}
	}
	if m.status.text != "" {
		return []line{{{" ", plain}, m.status}, keys}
	}
	return []line{{{" $ " + m.commandLine(), soft}}, keys}
}

// hints are the keys of the screen, as many as fit; help and quit are always among
// them.
func (m *Model) hints() line {
	if r, ok := m.top().(*reviewScreen); ok && r.typing() {
		return line{{" esc", head}, {" back to the reviews", soft}} // its other keys are on it
	}
	end := line{{m.keys.Help.Help().Key, head}, {" help  ", plain}, {m.keys.Quit.Help().Key, head}, {" quit", plain}}
	l := text(" ")
	for _, b := range m.top().Keys() {
		next := line{{b.Help().Key, head}, {" " + b.Help().Desc + "  ", plain}}
		if l.width()+next.width()+end.width() > m.width {
			break
		}
		l = append(l, next...)
	}
	return append(l, end...)
}

// title joins words that a screen's crumb is made of.
func title(words ...string) string {
	var some []string
	for _, w := range words {
		if w != "" {
			some = append(some, w)
		}
	}
	return strings.Join(some, " · ")
}
