package tui

import (
	"fmt"
	"strings"
	"time"

	"infer/eval"
)

// timeline draws trials on one time axis, in real proportions: the wait for a slot,
// the time to the first token, the answer coming, waits between attempts.
type timeline struct {
	labels, tails []line
	bars          []line
	labelWidth    int
	room          int // columns of the axis
	longest       time.Duration
}

// The glyphs of the axis.
const (
	glyphQueue  = "░"
	glyphFirst  = "▓"
	glyphStream = "▒"
	glyphWait   = "·"
)

// timelineLegend says what they mean.
func timelineLegend() line {
	return line{{glyphQueue, soft}, {" our queue  ", plain}, {glyphFirst, plain}, {" to the first token  ", plain}, {glyphStream, plain}, {" answering  ", plain}, {glyphWait, soft}, {" back-off  ", plain},
		{"✗", bad}, {" failed  ", plain}, {"⇢", accent}, {" backup  ", plain}, {"↻", warn}, {" asked again", plain}}
}

func newTimeline(trials []*eval.Trial, label func(*eval.Trial) string, width int) timeline {
	t := timeline{longest: time.Microsecond}
	tailWidth := 0
	for _, tr := range trials {
		l, tail := text(label(tr)), tailOf(tr)
		t.labels, t.tails = append(t.labels, l), append(t.tails, tail)
		t.labelWidth, tailWidth = max(t.labelWidth, l.width()), max(tailWidth, tail.width())
		t.longest = max(t.longest, lasted(tr))
	}
	t.labelWidth = min(t.labelWidth, max(width/4, 4))
	t.room = max(width-t.labelWidth-tailWidth-5, 6)
	for _, tr := range trials {
		t.bars = append(t.bars, t.bar(tr))
	}
	return t
}

// lasted is how long a trial took, from its first wait for a slot to its last byte.
func lasted(t *eval.Trial) time.Duration {
	var d time.Duration
	own := t.Own()
	for i := range own {
		if own[i].Cause != eval.CauseJudge {
			d += queued(&own[i]) + own[i].Backoff + own[i].InFlight
		}
	}
	if d == 0 {
		d, _ = t.UserVisible() // it was run elsewhere and told
	}
	return d
}

// queued is how long an attempt waited for a slot. A recording's times are not this
// run's: our own wait has no place beside them.
func queued(a *eval.Attempt) time.Duration {
	if a.Recorded {
		return 0
	}
	return a.QueueWait
}

// tailOf is what a trial came to.
func tailOf(t *eval.Trial) line {
	visible := unknown
	if d, ok := t.UserVisible(); ok {
		visible = took(d)
	}
	n := int64(t.Calls())
	return line{verdictSign(t.Verdict), {fmt.Sprintf(" %8s %9s  %s", visible, plural(n, "call"), cost(t.Cost.Final())), plain}}
}

// bar draws the attempts. Every call is seen, however short; ends are rounded from
// the sums, so that bars do not drift.
func (t *timeline) bar(tr *eval.Trial) line {
	var out line
	var at time.Duration
	drawn := 0
	to := func(d time.Duration, glyph string, tn tone, least int) {
		at += d
		n := int(float64(t.room)*float64(at)/float64(t.longest)+0.5) - drawn
		if d > 0 {
			n = max(n, least)
		}
		n = min(n, t.room-drawn)
		if n > 0 {
			out = append(out, span{strings.Repeat(glyph, n), tn})
			drawn += n
		}
	}
	mark := func(glyph string, tn tone) { // takes the place of the column before it
		if n := len(out); n > 0 && drawn > 0 {
			last := []rune(out[n-1].text)
			out[n-1].text = string(last[:len(last)-1])
			out = append(out, span{glyph, tn})
		}
	}
	own := tr.Own()
	for i := range own {
		a := &own[i]
		if a.Cause == eval.CauseJudge {
			continue
		}
		to(queued(a), glyphQueue, soft, 0)
		to(a.Backoff, glyphWait, soft, 0)
		first, tn := a.InFlight, plain
		if a.TTFT != nil && *a.TTFT < a.InFlight {
			first = *a.TTFT
		}
		if a.Failure != nil {
			tn = bad
		}
		to(first, glyphFirst, tn, 1)
		switch a.Cause {
		case eval.CauseFallback:
			mark("⇢", accent)
		case eval.CauseRegenerate:
			mark("↻", warn)
		}
		to(a.InFlight-first, glyphStream, tn, 1)
		if a.Failure != nil {
			mark("✗", bad)
		}
	}
	if len(own) == 0 {
		to(lasted(tr), glyphStream, soft, 0)
	}
	return out
}

// axisLine is the scale above the bars.
func (t *timeline) axisLine() line {
	end := took(t.longest)
	half := took(t.longest / 2)
	words := "0"
	if t.room > 24 {
		words += strings.Repeat(" ", max(t.room/2-len(words)-len(half)/2, 1)) + half
	}
	words += strings.Repeat(" ", max(t.room-cols(words)-len(end), 1)) + end
	return line{{" attempts", head}}.cut(t.labelWidth + 2).pad(t.labelWidth + 3).and(span{words, soft})
}

// row draws one trial.
func (t *timeline) row(i int) line {
	l := t.labels[i].cut(t.labelWidth).pad(t.labelWidth).and(span{"  ", plain})
	l = append(l, t.bars[i].pad(t.room)...)
	return append(l.and(span{" ", plain}), t.tails[i]...)
}
