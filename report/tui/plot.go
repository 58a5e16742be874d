package tui

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"infer/eval"
	"infer/report"
)

// plane is a drawing of characters with tones.
type plane struct {
	cells         []rune
	tones         []tone
	width, height int
}

func newPlane(width, height int) *plane {
	p := &plane{make([]rune, width*height), make([]tone, width*height), width, height}
	for i := range p.cells {
		p.cells[i] = ' '
	}
	return p
}

func (p *plane) set(x, y int, r rune, t tone) {
	if x >= 0 && y >= 0 && x < p.width && y < p.height {
		p.cells[y*p.width+x], p.tones[y*p.width+x] = r, t
	}
}

func (p *plane) at(x, y int) rune { return p.cells[y*p.width+x] }

// row is one row as spans of one tone.
func (p *plane) row(y int) line {
	var l line
	for x := 0; x < p.width; {
		t, from := p.tones[y*p.width+x], x
		for x < p.width && p.tones[y*p.width+x] == t {
			x++
		}
		l = append(l, span{string(p.cells[y*p.width+from : y*p.width+x]), t})
	}
	return l
}

// place writes a label beside a point, in the nearest row where it covers nothing
// but lines.
func (p *plane) place(x, y int, label string, t tone) {
	r := []rune(label)
	for _, try := range [][2]int{{2, 0}, {2, -1}, {2, 1}, {-1 - len(r), 0}, {-1 - len(r), -1}, {-1 - len(r), 1}, {2, -2}, {2, 2}, {2, -3}, {2, 3}} {
		cx, cy := x+try[0], y+try[1]
		if cy < 0 || cy >= p.height || cx < 0 || cx+len(r) > p.width {
			continue
		}
		free := true
		for i := range r {
			if c := p.at(cx+i, cy); c != ' ' && c != '┄' && c != '│' && (c != '─' || try[1] == 0) {
				free = false
			}
		}
		if free {
			for i, c := range r {
				p.set(cx+i, cy, c, t)
			}
			return
		}
	}
}

// front reports which cells nobody beats on both figures; the cells are sorted by
// the one that should be small. What was only recorded cannot be chosen and beats nobody.
func front(cells []report.Cell) []bool {
	out := make([]bool, len(cells))
	best := -1.0
	for i := range cells {
		if !cells[i].Recorded && *cells[i].Acceptance.Point > best {
			out[i], best = true, *cells[i].Acceptance.Point
		}
	}
	return out
}

const tickWidth = 6 // columns of the labels at the left

// plot draws the plane: acceptance upwards, cost or delay to the right on a log
// axis, │ and ─ their intervals, ┄ what the decision measures against.
func (s *frontierScreen) plot(width, height int) []line {
	rows := max(height-2, 1)
	p := newPlane(max(width-tickWidth, 4), rows)
	lo, hi := s.ends()
	x := func(v float64) int {
		return min(max(int(float64(p.width-1)*math.Log(math.Max(v, lo)/lo)/math.Log(hi/lo)+0.5), 0), p.width-1)
	}
	rates := make([]report.Rate, len(s.cells))
	for i := range s.cells {
		rates[i] = s.cells[i].Acceptance
	}
	sc := scaleOf(rates)
	y := func(v float64) int {
		return min(max(int(float64(rows-1)*(sc.hi-v)/(sc.hi-sc.lo)+0.5), 0), rows-1)
	}
	s.marks(p, sc, y)
	for i := range s.cells {
		s.cross(p, &s.cells[i], x, y)
	}
	on := front(s.cells)
	for i := range s.cells {
		c := &s.cells[i]
		mark, t := '○', plain
		switch {
		case on[i]:
			mark, t = '●', good
		case c.Recorded:
			mark = '◇'
		}
		if c.Candidate == s.at {
			mark, t = '◉', accent
		}
		p.set(x(*s.value(c)), y(*c.Acceptance.Point), mark, t)
	}
	for i := range s.cells {
		c := &s.cells[i]
		t := plain
		if c.Candidate == s.at {
			t = strong
		}
		p.place(x(*s.value(c)), y(*c.Acceptance.Point), s.label(c), t)
	}
	return append(s.framed(p, sc), s.axisLine(lo, hi, p.width), s.legend())
}

// label is a candidate's name with the sign of its role.
func (s *frontierScreen) label(c *report.Cell) string {
	l := name(c.Candidate, 24)
	if d := decision(s.decided, s.kind()); d != nil {
		switch {
		case d.Default == c.Candidate && (d.Verdict == eval.Selected || d.Verdict == eval.SelectedTie):
			l += " (default)"
		case d.Default == c.Candidate:
			l += " (stays)"
		case d.Backup != nil && d.Backup.Candidate == c.Candidate:
			l += " (backup)"
		}
	}
	return l
}

// ends are those of the axis: the figures and their intervals, with some room.
func (s *frontierScreen) ends() (lo, hi float64) {
	lo, hi = math.Inf(1), 0.0
	for i := range s.cells {
		c := &s.cells[i]
		v := *s.value(c)
		lo, hi = math.Min(lo, v), math.Max(hi, v)
		if iv := c.CostPerAccepted; !s.delay && iv.Lo != nil && *iv.Lo > v/20 {
			lo = math.Min(lo, *iv.Lo)
		}
		if iv := c.CostPerAccepted; !s.delay && iv.Hi != nil && *iv.Hi < v*20 {
			hi = math.Max(hi, *iv.Hi)
		}
	}
	return lo / 1.25, hi * 1.6 // a label stands to the right of the last point
}

// marks draws the lines that the decision measures against.
func (s *frontierScreen) marks(p *plane, sc scale, y func(float64) int) {
	across := func(v float64, label string, t tone) {
		if v < sc.lo || v > sc.hi {
			return
		}
		for i := range p.width {
			p.set(i, y(v), '┄', t)
		}
		for i, r := range label {
			p.set(p.width-len(label)+i, y(v), r, t)
		}
	}
	best := 0.0
	for i := range s.cells {
		best = math.Max(best, *s.cells[i].Acceptance.Point)
	}
	if r, ok := s.rule(s.kind()); ok {
		across(best-r.Margin, fmt.Sprintf(" best - %.1f pt ", r.Margin*100), soft)
	}
	if d := decision(s.decided, s.kind()); d != nil {
		for i := range d.Candidates {
			for _, g := range d.Candidates[i].Gates {
				if g.Gate == "acceptance" && g.Limit != nil {
					across(*g.Limit, fmt.Sprintf(" gate %.0f%% ", *g.Limit*100), warn)
					return
				}
			}
		}
	}
}

// cross draws the two intervals of a candidate.
func (s *frontierScreen) cross(p *plane, c *report.Cell, x func(float64) int, y func(float64) int) {
	t := soft
	if c.Candidate == s.at {
		t = accent
	}
	px, py := x(*s.value(c)), y(*c.Acceptance.Point)
	if c.Acceptance.Lo != nil {
		for k := y(*c.Acceptance.Hi); k <= y(*c.Acceptance.Lo); k++ {
			p.set(px, k, '│', t)
		}
	}
	if iv := c.CostPerAccepted; !s.delay && iv.Lo != nil {
		end := p.width - 1
		if iv.Hi != nil {
			end = x(*iv.Hi)
		}
		for k := x(*iv.Lo); k <= end; k++ {
			p.set(k, py, '─', t)
		}
	}
}

// framed are the rows of the plane with the rates at their left.
func (s *frontierScreen) framed(p *plane, sc scale) []line {
	out := make([]line, 0, p.height)
	every := max(p.height/4, 2)
	for y := range p.height {
		tick := strings.Repeat(" ", tickWidth-1)
		if y%every == 0 || y == p.height-1 {
			tick = fmt.Sprintf("%*s", tickWidth-1, fmt.Sprintf("%.0f%%", 100*(sc.hi-(sc.hi-sc.lo)*float64(y)/float64(max(p.height-1, 1)))))
		}
		out = append(out, append(line{{tick, soft}, {"┤", soft}}, p.row(y)...))
	}
	return out
}

// axisLine labels the ends of the axis and its middle, which is the geometric mean.
func (s *frontierScreen) axisLine(lo, hi float64, width int) line {
	label := report.Dollars
	if s.delay {
		label = func(v float64) string { return millis(&v) }
	}
	a, m, b := label(lo), label(math.Sqrt(lo*hi)), label(hi)
	words := a
	if width > 40 {
		words += strings.Repeat("─", max(width/2-len(a)-len(m)/2, 1)) + m
	}
	words += strings.Repeat("─", max(width-cols(words)-len(b), 1)) + b
	return line{{strings.Repeat(" ", tickWidth-1) + "└" + words, soft}}
}

func (s *frontierScreen) legend() line {
	what := "cost of an accepted task"
	if s.delay {
		what = "p95 of what the user waits"
	}
	l := line{{strings.Repeat(" ", tickWidth), plain}, {what + " (log)", soft}, {"  ●", good}, {" front  ", soft}, {"○", plain}, {" beaten on both  ", soft}}
	if slices.ContainsFunc(s.cells, func(c report.Cell) bool { return c.Recorded }) {
		l = l.and(span{"◇", plain}, span{" recorded  ", soft})
	}
	return l.and(span{"│ ─ 95 %", soft})
}
