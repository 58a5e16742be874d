package tui

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"infer/eval"
)

// Lines draws the screen.
func (s *taskScreen) Lines() []line {
	switch {
	case s.err != nil:
		return []line{{{" error: ", bad}, {s.err.Error(), plain}}, toned(" "+eval.Hint(s.err), soft)}
	case s.detail == nil:
		return []line{toned(" reading …", soft)}
	}
	out := append([]line(nil), s.head...)
	out = append(out, s.axis.axisLine())
	from, to := s.seen()
	for i := from; i < to; i++ {
		out = append(out, pointed(s.axis.row(i), i == s.cursor, s.width))
	}
	if len(s.detail.Trials) == 0 {
		out = append(out, toned(" No candidate has an outcome on this task yet.", soft))
	}
	return append(out, s.below[s.text.off:min(s.text.off+s.text.height, len(s.below))]...)
}

// texts are the lines above the axis: where the task is from, what was asked and
// what was expected.
func (s *taskScreen) texts() []line {
	d := s.detail
	where := line{{" " + name(d.Type, 30), strong}, {fmt.Sprintf(" · %s:%d", name(d.File, 60), d.Line), soft}}
	if r := d.Recorded; r != nil {
		where = where.and(span{" · in production: " + recordedWords(r), soft})
	}
	out := []line{where.cut(s.width)}
	room := max(s.body/4, 1)
	asked := d.Raw.Raw()
	if n := len(d.Messages); n > 0 {
		asked = messageText(&d.Messages[n-1])
		if n > 1 {
			asked = fmt.Sprintf("(turn %d) %s", n, asked)
		}
	}
	expected := plainExpected(d.Expected.Raw())
	if s.width >= paneFrom {
		half := s.width*60/100 - 1
		l, r := clipped("asked", asked, half, room), clipped("expected", expected, s.width-half-3, room)
		out = append(out, beside(l, half, r, room)...)
	} else {
		out = append(out, clipped("asked", asked, s.width-1, room)...)
		out = append(out, clipped("expected", expected, s.width-1, max(room/2, 1))...)
	}
	if s.body > 16 {
		out = append(out, nil)
	}
	return out
}

// clipped is a text under a label in at most so many lines.
func clipped(label, words string, width, most int) []line {
	if words == "" {
		return nil
	}
	if len(words) > 20_000 {
		words = words[:20_000]
	}
	lines := paragraph(" "+label, plain, words, 11, width)
	if len(lines) > most {
		more := len(lines) - most + 1
		lines = append(lines[:most:most], nil)[:most]
		lines[most-1] = lines[most-1].cut(max(width-20, 8)).and(span{fmt.Sprintf(" … %s", plural(int64(more), "more line")), soft})
	}
	return lines
}

func recordedWords(r *eval.Recorded) string {
	var parts []string
	if r.Model != "" {
		parts = append(parts, name(r.Model, 30))
	}
	if r.Accepted != nil {
		parts = append(parts, map[bool]string{true: "accepted", false: "not accepted"}[*r.Accepted])
	}
	if r.LatencyMS != nil {
		parts = append(parts, millis(r.LatencyMS))
	}
	if r.FinalCostUSD != nil {
		parts = append(parts, "$"+r.FinalCostUSD.String())
	}
	if r.Example {
		parts = append(parts, "invented for the example")
	}
	return strings.Join(parts, ", ")
}

// answerOf is the text that counts; of a trial without one, what its last failure
// said.
func answerOf(t *eval.Trial) eval.Untrusted {
	if t.Final >= 0 && t.Final < len(t.Attempts) {
		return answerText(&t.Attempts[t.Final])
	}
	for i := len(t.Attempts) - 1; i >= 0; i-- {
		if f := t.Attempts[i].Failure; f != nil {
			return f.Message
		}
	}
	return ""
}

// answerText is an answer with the calls of tools that it holds.
func answerText(a *eval.Attempt) eval.Untrusted {
	words := a.Output.Raw()
	if a.Refusal != "" {
		words += "\nrefused: " + a.Refusal.Raw()
	}
	for _, c := range a.ToolCalls {
		words += fmt.Sprintf("\ncalls %s(%s)", c.Name, c.Arguments)
	}
	return eval.Untrusted(strings.TrimPrefix(words, "\n"))
}

func messageText(m *eval.Message) string {
	var b strings.Builder
	for _, p := range m.Parts {
		switch {
		case p.Type == eval.PartText:
			b.WriteString(p.Text)
		case p.Path != "":
			fmt.Fprintf(&b, "[%s %s]", p.Type, p.Path)
		case p.URL != "":
			fmt.Fprintf(&b, "[%s %s]", p.Type, p.URL)
		default:
			fmt.Fprintf(&b, "[%s, %s]", p.Type, plural(int64(len(p.Data)), "byte"))
		}
	}
	for _, c := range m.ToolCalls {
		fmt.Fprintf(&b, "\ncalls %s(%s)", c.Name, c.Arguments)
	}
	return b.String()
}

// pretty indents JSON; anything else stays as it is.
func pretty(s string) string {
	var v any
	if json.Unmarshal([]byte(s), &v) != nil {
		return s
	}
	switch v.(type) {
	case map[string]any, []any:
	default:
		return s
	}
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return s
	}
	return string(b)
}

// plainExpected is an expected value as it would be answered: a JSON string without
// its quotes.
func plainExpected(s string) string {
	var words string
	if json.Unmarshal([]byte(s), &words) == nil {
		return words
	}
	return s
}

// trialLines are what is said of the trial under the cursor.
func (s *taskScreen) trialLines(t *eval.Trial, width int) []line {
	head := title(s.label(t), string(t.Verdict))
	if c := t.ErrorClass(); c != "" {
		head = title(head, string(c), "by "+c.Fault())
	}
	out := []line{rule(head, width)}
	if own := t.Own(); len(own) > 1 || len(own) == 1 && own[0].Failure != nil || t.Earlier > 0 {
		for i := range t.Attempts {
			out = append(out, attemptLine(&t.Attempts[i], i < t.Earlier).cut(width))
		}
	} else if t.Told != nil {
		out = append(out, toned("   it was run elsewhere; only what its log says is known", soft))
	}
	if a := answerOf(t); a != "" && t.Final >= 0 {
		out = append(out, clipped("answer", a.Raw(), width, max(s.body/3, 2))...)
	}
	if t.Final >= 0 && t.Final < len(t.Attempts) && t.Attempts[t.Final].Grade != nil {
		for i := range t.Attempts[t.Final].Grade.Scores {
			out = append(out, scoreLines(&t.Attempts[t.Final].Grade.Scores[i], width)...)
		}
	}
	if t.HumanFix != nil && *t.HumanFix {
		out = append(out, paragraph(" repair", plain, fmt.Sprintf("a person mends it in %s (%s)", t.HumanFixTime.Round(time.Second), t.HumanFixFrom), 11, width)...)
	}
	if t.Plan != "" {
		out = append(out, paragraph(" waits for", warn, t.Plan, 11, width)...)
	}
	return append(out, splitLine(&t.Cost, width))
}

// scoreLines are one grader's word with its explanation.
func scoreLines(sc *eval.Score, width int) []line {
	sign := span{"?", warn}
	if sc.Pass != nil {
		sign = verdictSign(map[bool]eval.Verdict{true: eval.Accepted, false: eval.Rejected}[*sc.Pass])
	}
	label := line{{" ", plain}, sign, {" " + name(sc.Grader, 16), head}}
	if sc.Value != nil {
		label = label.and(span{fmt.Sprintf(" %.2f", *sc.Value), plain})
	}
	words := sc.Explanation.Raw()
	if sc.Error != "" {
		words = "could not judge: " + sc.Error.Raw()
	}
	if words == "" {
		return []line{label}
	}
	indent := max(label.width()+2, 11)
	lines := paragraph("", plain, words, indent, width)
	if len(lines) > 4 {
		lines = append(lines[:3:3], line{{"…", soft}}.left(indent+1))
	}
	lines[0] = append(label.pad(indent), lines[0][len(lines[0])-1:]...)
	return lines
}

// splitLine says where the money of a trial went.
func splitLine(c *eval.CostSplit, width int) line {
	l := line{{" cost", head}}.pad(11).and(span{cost(c.Final()), plain})
	sep := " = "
	for _, p := range []struct {
		name string
		cost eval.Cost
	}{{"answer", c.Answer}, {"retries", c.Retries}, {"failed calls", c.Failed}, {"fallback", c.Fallback}, {"asked again", c.Regeneration}, {"tools", c.Tools}, {"human repair", c.Repair}} {
		if p.cost != eval.Exactly(0) {
			l = l.and(span{sep + p.name + " " + cost(p.cost), soft})
			sep = " + "
		}
	}
	if c.Judge != eval.Exactly(0) {
		l = l.and(span{" · judging, apart, " + cost(c.Judge), soft})
	}
	return l.cut(width)
}

// attemptLine is one attempt in one line.
func attemptLine(a *eval.Attempt, earlier bool) line {
	l := line{{fmt.Sprintf("   %d %-10s ", a.Seq+1, a.Cause), soft}, {name(a.Candidate, 22), plain}}.pad(40)
	if earlier {
		l = l.and(span{"(an earlier trial) ", soft})
	}
	if a.Backoff > 0 {
		l = l.and(span{"after " + took(a.Backoff) + " · ", soft})
	}
	if a.Batch != "" {
		l = l.and(span{"in a batch ", plain})
	} else {
		l = l.and(span{took(a.InFlight) + " ", plain})
	}
	if f := a.Failure; f != nil {
		words := "✗ " + string(f.Class)
		if f.Sub != "" {
			words += " (" + name(f.Sub, 30) + ")"
		}
		if f.Status > 0 {
			words += fmt.Sprintf(" %d", f.Status)
		}
		return l.and(span{words, bad}, span{" " + f.Message.Line(120), soft})
	}
	if a.Grade != nil {
		l = l.and(verdictSign(a.Grade.Verdict), span{" " + string(a.Grade.Verdict), plain})
	}
	if a.Reason != "" {
		l = l.and(span{" " + name(a.Reason, 120), accent})
	}
	return l.and(span{" " + cost(a.Cost), soft})
}
