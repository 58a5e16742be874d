package tui

import (
	"io"

	"github.com/charmbracelet/lipgloss"
	"github.com/muesli/termenv"

	"infer/eval"
)

// styles are the few meanings that colour has here. Every one of them is also
// said by a sign or a word, so that the browser reads the same without colour.
type styles struct {
	title, soft, head, cursor, good, bad, warn, accent lipgloss.Style
}

func newStyles(w io.Writer, color bool) styles {
	r := lipgloss.NewRenderer(w)
	if !color {
		r.SetColorProfile(termenv.Ascii)
	}
	fg := func(light, dark string) lipgloss.Style {
		return r.NewStyle().Foreground(lipgloss.AdaptiveColor{Light: light, Dark: dark})
	}
	return styles{
		title:  r.NewStyle().Bold(true),
		soft:   fg("8", "8"),
		head:   fg("4", "12").Bold(true),
		cursor: r.NewStyle().Reverse(true),
		good:   fg("2", "10"),
		bad:    fg("1", "9"),
		warn:   fg("3", "11"),
		accent: fg("6", "14"),
	}
}

// verdict is a verdict as a sign.
func (s *styles) verdict(v eval.Verdict) string {
	switch v {
	case eval.Accepted:
		return s.good.Render("✓")
	case eval.Rejected:
		return s.bad.Render("✗")
	case eval.Errored:
		return s.bad.Render("!")
	case "":
		return s.soft.Render("·")
	}
	return s.warn.Render("?")
}
