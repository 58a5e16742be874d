package tui

import (
	"fmt"
	"strings"

	"github.com/charmbracelet/bubbles/key"

	"infer/eval"
)

// View draws the screen.
func (r *Review) View() string {
	if r.width <= 0 || r.height <= 0 {
		return ""
	}
	return r.theme.screenful(r.lines(), r.width, r.height)
}

// lines are what the screen shows.
func (r *Review) lines() []line {
	lines := []line{r.header(), nil}
	body := max(r.height-2-4, 1)
	switch {
	case r.err != nil:
		for _, w := range fold("! "+r.err.Error(), r.width) {
			lines = append(lines, toned(w, bad))
		}
	case r.finished:
		lines = append(lines, text("All items are judged."), nil, text("esc ends; u takes the last word back; [ looks at earlier ones."))
	case r.card == nil:
		lines = append(lines, text("reading …"))
	default:
		lines = append(lines, r.body(body)...)
	}
	for len(lines) < r.height-4 {
		lines = append(lines, nil)
	}
	return append(lines[:min(len(lines), max(r.height-4, 0))], r.footer()...)
}

func (r *Review) header() line {
	if r.card == nil {
		return line{{"review", strong}, {" · " + name(r.o.Reviewer, 30), plain}}
	}
	l := line{{"review", strong}, {fmt.Sprintf(" %d/%d · %d judged · blind · %s · %s", r.item+1, r.card.Of, r.card.Done, name(r.card.TaskType, 30), name(r.o.Reviewer, 20)), plain}}
	if r.card.Said != nil {
		l = l.and(span{" · you said ", plain}, span{r.word(r.card.Said.Kind), accent})
	}
	return l
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
func (r *Review) body(height int) []line {
	if r.rubric {
		lines := append([]line{toned("Rubric", head)}, r.text(r.card.Rubric, "nobody has written one down", r.width)...)
		lines = append(append(lines, nil, toned("Reference", head)), r.text(r.card.Reference, "there is none", r.width)...)
		lines = append(append(lines, nil, toned("Task", head)), r.text(r.card.Task, "(empty)", r.width)...)
		return r.window(lines, height)
	}
	task := r.text(r.card.Task, "", r.width)
	if most := max(height/3, 1); len(task) > most {
		task = append(task[:max(most-1, 0)], toned("… the whole task: space", soft))
	}
	lines := append([]line{toned("Task", head)}, task...)
	rest := max(height-len(lines)-1, 1)
	lines = append(lines, nil)
	if r.card.Right == nil {
		lines = append(lines, toned("Answer", head))
		return append(lines, r.window(r.text(r.card.Left, "(empty)", r.width), rest-1)...)
	}
	return append(lines, r.sides(rest)...)
}

// sides shows two answers beside each other, or one below the other where the
// screen is narrow.
func (r *Review) sides(height int) []line {
	half := (r.width - 3) / 2
	if half < 30 {
		lines := append([]line{toned("Left", head)}, r.text(r.card.Left, "(empty)", r.width)...)
		lines = append(lines, nil, toned("Right", head))
		return r.window(append(lines, r.text(*r.card.Right, "(empty)", r.width)...), height)
	}
	left, right := r.text(r.card.Left, "(empty)", half), r.text(*r.card.Right, "(empty)", half)
	n := max(len(left), len(right))
	r.scroll = min(r.scroll, max(0, n-(height-1)))
	from := func(lines []line) []line { return lines[min(r.scroll, len(lines)):] }
	out := beside([]line{toned("Left", head)}, half, []line{toned("Right", head)}, 1)
	return append(out, beside(from(left), half, from(right), height-1)...)
}

// text breaks outside text into lines.
func (r *Review) text(u eval.Untrusted, empty string, width int) []line {
	if strings.TrimSpace(u.Raw()) == "" {
		return []line{toned(empty, soft)}
	}
	var out []line
	for _, w := range fold(u.Block(maxReviewText), max(width, 1)) {
		out = append(out, text(w))
	}
	return out
}

// maxReviewText is how many characters of a text are shown.
const maxReviewText = 20_000

// window is the visible part of lines.
func (r *Review) window(lines []line, height int) []line {
	r.scroll = min(r.scroll, max(0, len(lines)-height))
	to := min(len(lines), r.scroll+max(height, 1))
	out := append([]line(nil), lines[r.scroll:to]...)
	if to < len(lines) && len(out) > 0 {
		out[len(out)-1] = toned(fmt.Sprintf("… %d more lines: j", len(lines)-to+1), soft)
	}
	return out
}

// footer shows reasons, note and keys.
func (r *Review) footer() []line {
	reasons := line{{"reasons  ", soft}}
	for i, reason := range Reasons {
		mark, t := " ", plain
		if r.reasons[reason] {
			mark, t = "✓", accent
		}
		reasons = reasons.and(span{fmt.Sprintf("%d%s%s  ", i+1, mark, reason), t})
	}
	note := text("note: " + name(r.note, max(r.width-10, 10)))
	if r.writing {
		note = note.and(span{"▏ (enter ends)", accent})
	}
	bindings := []key.Binding{r.keys.Accept, r.keys.Fix, r.keys.Reject}
	if r.card != nil && r.card.Right != nil {
		bindings = []key.Binding{r.keys.Left, r.keys.Right, r.keys.Both, r.keys.Neither}
	}
	var help line
	for _, b := range append(bindings, r.keys.Skip, r.keys.Note, r.keys.Undo, r.keys.Rubric, r.keys.Quit) {
		help = help.and(span{b.Help().Key, head}, span{" " + b.Help().Desc + "  ", plain})
	}
	return []line{toned(r.status, warn), reasons, note, help}
}
