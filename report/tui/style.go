package tui

import (
	"io"

	"github.com/charmbracelet/lipgloss"
	"github.com/muesli/termenv"

	"infer/eval"
)

// tone is what a piece of text means. Every tone is also said by a sign or a word,
// so that the browser reads the same without colour.
type tone uint8

// The tones.
const (
	plain  tone = iota
	strong      // what a screen is about
	soft        // what may be overlooked
	head        // heads of tables and sections
	good        // accepted, passed, selected
	bad         // rejected, failed
	warn        // unknown, unsettled
	accent      // backups, prompts, links between things
	cursor      // the row under the cursor
	tones
)

// theme is one set of styles, by tone.
type theme struct {
	name   string
	styles [tones]lipgloss.Style
}

// themes are the sets that T goes through. They use the terminal's own sixteen
// colours, so that its palette decides what they look like; the last one uses
// none.
func themes(w io.Writer, color, bare bool) []theme {
	r := lipgloss.NewRenderer(w)
	r.SetHasDarkBackground(true) // never ask the terminal: its answer would arrive as keys
	r.SetColorProfile(termenv.ANSI)
	if bare {
		r.SetColorProfile(termenv.Ascii)
	}
	style := func() lipgloss.Style { return r.NewStyle() }
	fg := func(c string) lipgloss.Style { return r.NewStyle().Foreground(lipgloss.Color(c)) }
	usual := theme{name: "usual", styles: [tones]lipgloss.Style{plain: style(), strong: style().Bold(true), soft: fg("8"), head: fg("4").Bold(true),
		good: fg("2"), bad: fg("1"), warn: fg("3"), accent: fg("6"), cursor: style().Reverse(true)}}
	contrast := theme{name: "contrast", styles: [tones]lipgloss.Style{plain: style(), strong: style().Bold(true).Underline(true), soft: style(), head: fg("14").Bold(true),
		good: fg("10").Bold(true), bad: fg("9").Bold(true), warn: fg("11").Bold(true), accent: fg("13").Bold(true), cursor: style().Reverse(true).Bold(true)}}
	mono := theme{name: "no colour", styles: [tones]lipgloss.Style{plain: style(), strong: style().Bold(true), soft: style().Faint(true), head: style().Bold(true),
		good: style(), bad: style().Bold(true), warn: style(), accent: style(), cursor: style().Reverse(true)}}
	if !color {
		return []theme{mono}
	}
	return []theme{usual, contrast, mono}
}

// verdictSign is a verdict as one sign.
func verdictSign(v eval.Verdict) span {
	switch v {
	case eval.Accepted:
		return span{"✓", good}
	case eval.Rejected:
		return span{"✗", bad}
	case eval.Errored:
		return span{"!", bad}
	case "":
		return span{"·", soft}
	case eval.NeedsConfirmation:
		return span{"⏸", warn}
	}
	return span{"?", warn}
}

// stateSign is a run's state as a sign and a word.
func stateSign(s eval.RunState) span {
	switch s {
	case eval.RunComplete:
		return span{"● complete", good}
	case eval.RunRunning:
		return span{"◐ running", accent}
	}
	return span{"! incomplete", warn}
}
