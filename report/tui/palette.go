package tui

import (
	"sort"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"infer/report"
)

// palette is the list of what can be done here, found by typing some of its letters.
type palette struct {
	input
	list
	width int
	items []item
	shown []item
}

// item is something that can be done.
type item struct {
	what, key string
	do        func(m *Model) tea.Cmd
}

func newPalette(m *Model) *palette {
	p := &palette{}
	seen := make(map[string]bool)
	add := func(prefix string, b key.Binding) {
		if what := prefix + b.Help().Desc; !seen[what] {
			seen[what] = true
			p.items = append(p.items, item{what, b.Help().Key, func(m *Model) tea.Cmd { return m.press(keyMsg(b.Keys()[0])) }})
		}
	}
	for _, b := range m.top().Keys() {
		add("", b)
	}
	for _, b := range m.keys.screens() {
		add("go to ", b)
	}
	for _, kind := range m.types() {
		if m.report == nil {
			break
		}
		p.items = append(p.items, item{"board of " + typeName(kind, 40), "", func(m *Model) tea.Cmd {
			b := newBoard(&m.shell)
			b.choose(kind)
			return m.jump(b)
		}})
		if kind != report.Overall {
			p.items = append(p.items, item{"tasks of " + typeName(kind, 40), "", func(m *Model) tea.Cmd { return m.jump(newTasks(&m.shell, Query{Type: kind})) }})
		}
	}
	for i, n := range m.candidates() {
		p.items = append(p.items, item{"failures of " + name(n, 40), "", func(m *Model) tea.Cmd {
			return m.jump(newTasks(&m.shell, Query{Only: OnlyFailures, Among: []int{i}}))
		}})
	}
	for _, b := range m.keys.everywhere() {
		add("", b)
	}
	p.pick()
	return p
}

// pick shows the items that hold what was typed, the nearest first.
func (p *palette) pick() {
	type scored struct {
		item
		score int
	}
	var found []scored
	for _, it := range p.items {
		if n, ok := fuzzy(it.what, p.text); ok {
			found = append(found, scored{it, n})
		}
	}
	sort.SliceStable(found, func(i, j int) bool { return found[i].score < found[j].score })
	p.shown = p.shown[:0]
	for _, f := range found {
		p.shown = append(p.shown, f.item)
	}
	p.cursor = 0
	p.setLen(len(p.shown))
}

func (p *palette) press(m *Model, msg tea.KeyMsg) tea.Cmd {
	switch msg.Type {
	case tea.KeyEsc:
		m.palette = nil
	case tea.KeyEnter:
		m.palette = nil
		if p.here() {
			return p.shown[p.cursor].do(m)
		}
	case tea.KeyUp, tea.KeyDown, tea.KeyPgUp, tea.KeyPgDown:
		p.move(msg, &m.keys)
	default:
		if p.edit(msg) {
			p.pick()
		}
	}
	return nil
}

// SetSize says how many items are seen.
func (p *palette) SetSize(width, height int) {
	p.width = width
	p.setHeight(height - 1)
}

// Lines draws the palette.
func (p *palette) Lines() []line {
	out := []line{p.line(" :", "some letters; enter does it, esc leaves")}
	from, to := p.seen()
	for i := from; i < to; i++ {
		out = append(out, pointed(text(p.shown[i].what).pad(44).and(span{p.shown[i].key, head}), i == p.cursor, p.width))
	}
	if p.n == 0 {
		out = append(out, toned(" nothing is called so", soft))
	}
	return out
}
