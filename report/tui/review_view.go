package tui

import (
	"fmt"
	"strings"

	"github.com/charmbracelet/bubbles/key"
	"github.com/charmbracelet/x/ansi"

	"infer/eval"
)

// View draws the screen.
func (r *Review) View() string {
	if r.width <= 0 || r.height <= 0 {
		return ""
	}
	lines := []string{r.header(), ""}
	body := max(r.height-2-4, 1)
	switch {
	case r.err != nil:
		lines = append(lines, wrap(r.styles.bad.Render("! "+eval.Untrusted(r.err.Error()).Line(400)), r.width)...)
	case r.finished:
		lines = append(lines, "All items are judged.", "", "esc ends; u takes the last word back; [ looks at earlier ones.")
	case r.card == nil:
		lines = append(lines, "reading …")
	default:
		lines = append(lines, r.body(body)...)
	}
	for len(lines) < r.height-4 {
		lines = append(lines, "")
	}
	lines = append(lines[:min(len(lines), max(r.height-4, 0))], r.footer()...)
	return fit(lines, r.width, r.height)
}

func (r *Review) header() string {
	if r.card == nil {
		return r.styles.title.Render("review") + " · " + eval.Untrusted(r.o.Reviewer).Line(30)
	}
	said := ""
	if r.card.Said != nil {
		said = " · you said " + r.styles.accent.Render(r.word(r.card.Said.Kind))
	}
	return fmt.Sprintf("%s %d/%d · %d judged · blind · %s · %s%s", r.styles.title.Render("review"), r.item+1, r.card.Of, r.card.Done,
		eval.Untrusted(r.card.TaskType).Line(30), eval.Untrusted(r.o.Reviewer).Line(20), said)
}

// word is a label as the reviewer knows it.
func (r *Review) word(k eval.LabelKind) string {
	switch k {
	case eval.LabelFirst:
		return "left"
	case eval.LabelSecond:
		return "right"
	}
	return string(k)
}

// body shows the task and the answers, or the rubric, the reference and the whole
// task.
func (r *Review) body(height int) []string {
	if r.rubric {
		lines := []string{r.styles.head.Render("Rubric")}
		lines = append(lines, r.text(r.card.Rubric, "nobody has written one down", r.width)...)
		lines = append(lines, "", r.styles.head.Render("Reference"))
		lines = append(append(lines, r.text(r.card.Reference, "there is none", r.width)...), "", r.styles.head.Render("Task"))
		return r.window(append(lines, r.text(r.card.Task, "(empty)", r.width)...), height)
	}
	task := r.text(r.card.Task, "", r.width)
	most := max(height/3, 1)
	if len(task) > most {
		task = append(task[:max(most-1, 0)], r.styles.soft.Render("… the whole task: space"))
	}
	lines := append([]string{r.styles.head.Render("Task")}, task...)
	rest := max(height-len(lines)-1, 1)
	lines = append(lines, "")
	if r.card.Right == nil {
		lines = append(lines, r.styles.head.Render("Answer"))
		return append(lines, r.window(r.text(r.card.Left, "(empty)", r.width), rest-1)...)
	}
	return append(lines, r.sides(rest)...)
}

// sides shows two answers beside each other, or one below the other where the
// screen is narrow.
func (r *Review) sides(height int) []string {
	half := (r.width - 3) / 2
	if half < 30 {
		lines := append([]string{r.styles.head.Render("Left")}, r.text(r.card.Left, "(empty)", r.width)...)
		lines = append(lines, "", r.styles.head.Render("Right"))
		return r.window(append(lines, r.text(*r.card.Right, "(empty)", r.width)...), height)
	}
	left, right := r.text(r.card.Left, "(empty)", half), r.text(*r.card.Right, "(empty)", half)
	at := func(lines []string, i int) string {
		if i < len(lines) {
			return lines[i]
		}
		return ""
	}
	out := []string{pad(r.styles.head.Render("Left"), half) + " │ " + r.styles.head.Render("Right")}
	n := max(len(left), len(right))
	r.scroll = min(r.scroll, max(0, n-(height-1)))
	for i := r.scroll; i < n && len(out) < height; i++ {
		out = append(out, pad(at(left, i), half)+" │ "+at(right, i))
	}
	return out
}

func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-ansi.StringWidth(s)))
}

// text breaks outside text into lines; it is made harmless first.
func (r *Review) text(u eval.Untrusted, empty string, width int) []string {
	if strings.TrimSpace(u.Raw()) == "" {
		return []string{r.styles.soft.Render(empty)}
	}
	return wrap(strings.ReplaceAll(u.Block(maxReviewText), "\t", "    "), max(width, 1))
}

// maxReviewText is how many characters of a text are shown.
const maxReviewText = 20_000

// window is the visible part of lines.
func (r *Review) window(lines []string, height int) []string {
	r.scroll = min(r.scroll, max(0, len(lines)-height))
	to := min(len(lines), r.scroll+max(height, 1))
	out := append([]string(nil), lines[r.scroll:to]...)
	if to < len(lines) && len(out) > 0 {
		out[len(out)-1] = r.styles.soft.Render(fmt.Sprintf("… %d more lines: j", len(lines)-to+1))
	}
	return out
}

// footer shows reasons, note and keys.
func (r *Review) footer() []string {
	var reasons []string
	for i, reason := range Reasons {
		mark := " "
		if r.reasons[reason] {
			mark = "✓"
		}
		reasons = append(reasons, fmt.Sprintf("%d%s%s", i+1, mark, reason))
	}
	note := "note: " + eval.Untrusted(r.note).Line(max(r.width-10, 10))
	if r.writing {
		note += "▏ (enter ends)"
	}
	bindings := []key.Binding{r.keys.Accept, r.keys.Fix, r.keys.Reject}
	if r.card != nil && r.card.Right != nil {
		bindings = []key.Binding{r.keys.Left, r.keys.Right, r.keys.Both, r.keys.Neither}
	}
	bindings = append(bindings, r.keys.Skip, r.keys.Note, r.keys.Undo, r.keys.Rubric, r.keys.Quit)
	var help []string
	for _, b := range bindings {
		help = append(help, b.Help().Key+" "+b.Help().Desc)
	}
	return []string{r.styles.warn.Render(r.status), "reasons  " + strings.Join(reasons, "  "), note, r.styles.soft.Render(strings.Join(help, "  "))}
}
