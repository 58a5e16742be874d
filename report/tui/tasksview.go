package tui

import (
	"fmt"
	"strings"

	"infer/eval"
)

// maxLetters is how many candidates get a column of their own; of more, a row only
// says how many were accepted.
const maxLetters = 16

// letter stands for a candidate in a narrow column.
func letter(i int) string { return string(rune('A' + i)) }

// Lines draws the list.
func (s *tasksScreen) Lines() []line {
	if s.body <= 0 {
		return nil
	}
	left := s.leftWidth()
	out := []line{s.bar()}
	if s.first > 2 {
		out = append(out, s.legend())
	}
	switch {
	case s.err != nil:
		return append(out, line{{" error: ", bad}, {s.err.Error(), plain}}, toned(" "+eval.Hint(s.err), soft))
	case s.n == 0 && (s.reading || !s.page.Done()):
		return append(out, toned(" looking …", soft))
	case s.n == 0:
		return append(out, text(" No task fits. f, e, t and / say what is shown."))
	}
	if s.first > 1 {
		out = append(out, append(text(" "), s.table.header(string(s.query.Order), !s.query.Back)...))
	}
	for i, r := range s.drawn {
		out = append(out, pointed(s.table.row(r), s.off+i == s.cursor, left))
	}
	if s.width >= paneFrom {
		head := len(out) - len(s.drawn) - 1
		return append(out[:head:head], beside(out[head:], left, s.preview(s.width-left-2), s.body-head)...)
	}
	return out
}

// bar says what is shown.
func (s *tasksScreen) bar() line {
	if s.edits {
		return s.filter.line(" /", "part of an id or type; enter keeps it, esc drops it")
	}
	l := line{{" " + plural(int64(s.page.Total), "task"), strong}}
	add := func(words string) { l = l.and(span{" · ", soft}, span{words, plain}) }
	if s.query.Only != OnlyAll {
		add("only " + s.query.Only.String())
	}
	if len(s.query.Among) > 0 {
		var names []string
		for _, c := range s.query.Among {
			if all := s.candidates(); c >= 0 && c < len(all) {
				names = append(names, name(all[c], 24))
			}
		}
		add("of " + strings.Join(names, " and "))
	}
	if s.query.Class != "" {
		add("error " + string(s.query.Class))
	}
	if s.query.Type != "" {
		add("type " + name(s.query.Type, 24))
	}
	if s.query.Text != "" {
		add("/" + s.query.Text)
	}
	if s.query.Order != OrderDataset {
		words := "by " + string(s.query.Order)
		if s.query.Back {
			words += ", reversed"
		}
		add(words)
	}
	if !s.page.Done() && s.page.Of > 0 {
		l = l.and(span{fmt.Sprintf(" · looked at %d%% of the trials", 100*s.page.Seen/s.page.Of), accent})
	}
	return l
}

// legend says which letter is which candidate.
func (s *tasksScreen) legend() line {
	names := s.candidates()
	if len(names) > maxLetters {
		return toned(" "+plural(int64(len(names)), "candidate"), soft)
	}
	l := text(" ")
	each := max((s.width-2)/max(len(names), 1)-4, 6)
	for i, n := range names {
		l = l.and(span{letter(i), head}, span{" " + name(n, each) + "  ", soft})
	}
	return l
}

func (s *tasksScreen) columns() []column {
	cs := []column{{head: "task"}, {head: "type", keep: 5}}
	names := s.candidates()
	if len(names) > maxLetters {
		cs = append(cs, column{head: "accepted", order: string(OrderWorst)})
	} else {
		for i := range names {
			cs = append(cs, column{head: letter(i)})
		}
	}
	return append(cs, column{head: "slowest", right: true, keep: 2, order: string(OrderLatency)}, column{head: "cost", right: true, keep: 3, order: string(OrderCost)},
		column{head: "calls", right: true, keep: 4, order: string(OrderTries)}, column{head: "input", flex: true, keep: 1, least: 24})
}

// cells are those of one row; one that is not there yet has dots.
func (s *tasksScreen) cells(r *TaskLine, there bool) []line {
	n := len(s.table.columns)
	if !there {
		out := make([]line, n)
		for i := range out {
			out[i] = toned("…", soft)
		}
		return out
	}
	out := []line{text(name(r.ID, 28)), toned(name(r.Type, 18), soft)}
	var sum Outcome
	sum.Latency = -1
	for _, o := range r.Outcomes {
		sum.Calls += o.Calls
		sum.Cost = sum.Cost.Plus(o.Cost)
		sum.Latency = max(sum.Latency, o.Latency)
		sum.Repeats += o.Repeats
		sum.Accepted += o.Accepted
	}
	if len(r.Outcomes) > maxLetters {
		out = append(out, text(fmt.Sprintf("%d of %d", sum.Accepted, sum.Repeats)))
	} else {
		for i := range s.candidates() {
			var o Outcome
			if i < len(r.Outcomes) {
				o = r.Outcomes[i]
			}
			out = append(out, outcomeSign(&o))
		}
	}
	return append(out, text(micros(sum.Latency)), text(cost(sum.Cost)), text(count(int64(sum.Calls))), toned(strings.Join(strings.Fields(r.Input.Raw()), " "), soft))
}

// outcomeSign is what a candidate made of a task: a sign, or of several repeats how
// many were accepted.
func outcomeSign(o *Outcome) line {
	if o.Repeats > 1 {
		t := bad
		switch o.Accepted {
		case o.Repeats:
			t = good
		case 0:
		default:
			t = warn
		}
		return toned(fmt.Sprintf("%d/%d", o.Accepted, o.Repeats), t)
	}
	return line{verdictSign(o.Verdict)}
}

// preview shows the task under the cursor beside the list.
func (s *tasksScreen) preview(width int) []line {
	r, ok := s.row()
	if !ok {
		return nil
	}
	out := []line{rule(title(name(r.ID, 40), name(r.Type, 24)), width)}
	block := func(label, words string, most int) {
		if words == "" {
			return
		}
		lines := paragraph(label, plain, words, 10, width)
		if len(lines) > most {
			lines = append(lines[:most-1:most-1], toned("          …", soft))
		}
		out = append(out, lines...)
	}
	block("input", r.Input.Raw(), max(s.body/3, 2))
	block("expected", r.Expected.Raw(), max(s.body/6, 1))
	out = append(out, nil)
	names := s.candidates()
	for i := range r.Outcomes {
		o := &r.Outcomes[i]
		if i >= len(names) {
			break
		}
		l := line{{letter(i) + " ", head}, {name(names[i], 22), plain}}.pad(26)
		l = append(append(l, outcomeSign(o)...), span{" ", plain})
		if o.Verdict == "" {
			out = append(out, l.and(span{"no outcome yet", soft}))
			continue
		}
		words := fmt.Sprintf("%s · %s · %s", micros(o.Latency), plural(int64(o.Calls), "call"), cost(o.Cost))
		if o.Class != "" {
			words = string(o.Class) + " · " + words
		}
		out = append(out, l.and(span{words, soft}))
	}
	return out
}
