package tui

import (
	"fmt"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"
)

// exportScreen previews the routing configuration for a target, says what the
// target cannot carry out, and writes the file.
type exportScreen struct {
	*shell
	scroll
	formats []string
	at      int
	width   int
	export  *Export
	err     error
	lines   []line
	path    *input // asks where to; nil = does not
}

// exportMsg is an export that came.
type exportMsg struct {
	to     *exportScreen
	format string
	export Export
	err    error
}

// wroteMsg says how writing a file went.
type wroteMsg struct {
	to   *exportScreen
	path string
	err  error
}

func newExport(s *shell) *exportScreen {
	return &exportScreen{shell: s, formats: s.o.Exports.Formats()}
}

func (s *exportScreen) title() string { return "export" }
func (s *exportScreen) format() string {
	if s.at >= len(s.formats) {
		return ""
	}
	return s.formats[s.at]
}

func (s *exportScreen) command() []string {
	args := []string{"export", s.run(), "--format", s.format()}
	if s.export != nil {
		args = append(args, s.export.Flags...)
	}
	return args
}

func (s *exportScreen) typing() bool { return s.path != nil }

// Keys are those of the preview.
func (s *exportScreen) Keys() []key.Binding {
	k := &s.keys
	return []key.Binding{k.Format, k.Write, called(k.Yank, "copy the file"), called(k.PageDown, "scroll"), k.Back}
}

func (s *exportScreen) copy() (string, any) {
	if s.export == nil {
		return "", nil
	}
	return s.export.Text, s.export
}

func (s *exportScreen) read() tea.Cmd {
	src, ctx, run, format := s.o.Exports, s.ctx, s.run(), s.format()
	return func() tea.Msg {
		e, err := src.Export(ctx, run, format)
		return exportMsg{s, format, e, err}
	}
}

// SetSize lays the preview out.
func (s *exportScreen) SetSize(width, height int) {
	s.width = width
	s.lines = nil
	if s.export != nil {
		for _, l := range s.export.Losses {
			s.lines = append(s.lines, paragraph(" loses", warn, l, 9, width-1)...)
		}
		if len(s.export.Losses) == 0 {
			s.lines = append(s.lines, toned(" this target carries out everything", good))
		}
		s.lines = append(s.lines, nil)
		for _, w := range fold(s.export.Text, max(width-2, 8)) {
			s.lines = append(s.lines, text(" "+w))
		}
	}
	s.set(height-2, len(s.lines))
}

// Update handles one message.
func (s *exportScreen) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case exportMsg:
		if msg.to != s || msg.format != s.format() {
			return nil
		}
		s.export, s.err = &msg.export, msg.err
		if msg.err != nil {
			s.export = nil
		}
		return nil
	case wroteMsg:
		if msg.to != s {
			return nil
		}
		if msg.err != nil {
			s.fail(msg.err)
			return nil
		}
		s.say(good, "wrote "+msg.path)
		return nil
	case tea.KeyMsg:
		if s.path != nil {
			return s.typed(msg)
		}
		switch {
		case key.Matches(msg, s.keys.Format, s.keys.Right):
			return s.turn(1)
		case key.Matches(msg, s.keys.Left):
			return s.turn(-1)
		case key.Matches(msg, s.keys.Write) && s.export != nil:
			s.path = &input{"routes." + s.export.Ext}
			return nil
		}
	}
	s.move(msg, &s.keys)
	return nil
}

func (s *exportScreen) turn(by int) tea.Cmd {
	if len(s.formats) == 0 {
		return nil
	}
	s.at = (s.at + by + len(s.formats)) % len(s.formats)
	s.export, s.err, s.off = nil, nil, 0
	return s.read()
}

// typed takes the letters of the path.
func (s *exportScreen) typed(msg tea.KeyMsg) tea.Cmd {
	switch msg.Type {
	case tea.KeyEsc:
		s.path = nil
	case tea.KeyEnter:
		path, e := s.path.text, *s.export
		s.path = nil
		if path == "" {
			return nil
		}
		src, ctx := s.o.Exports, s.ctx
		return func() tea.Msg { return wroteMsg{s, path, src.Write(ctx, path, e)} }
	default:
		s.path.edit(msg)
	}
	return nil
}

// Lines draws the preview.
func (s *exportScreen) Lines() []line {
	head := line{{" ", plain}}
	for i, f := range s.formats {
		if i == s.at {
			head = head.and(span{"[" + f + "]", strong}, span{" ", plain})
		} else {
			head = head.and(span{f + " ", soft})
		}
	}
	out := []line{head, nil}
	if s.path != nil {
		out[1] = s.path.line(" write to ", "enter writes it, esc leaves; a file that is there stays")
	} else if n := len(s.lines) - s.off - s.height; n > 0 {
		out[1] = toned(fmt.Sprintf(" %s below", plural(int64(n), "line")), soft)
	}
	switch {
	case s.err != nil:
		return append(out, line{{" cannot be exported: ", bad}, {s.err.Error(), plain}})
	case s.export == nil:
		return append(out, toned(" encoding …", soft))
	}
	return append(out, s.lines[s.off:min(s.off+s.height, len(s.lines))]...)
}
