package html

import (
	"fmt"
	"html/template"
	"math"
	"sort"

	"infer/eval"
	"infer/report"
)

// pareto plots acceptance over the cost of an accepted task, on a log axis, with
// both intervals and the front of those that nobody beats on both.
func pareto(cells []report.Cell) template.HTML {
	const width, height, left, right, top, bottom = 760.0, 360.0, 56.0, 24.0, 16.0, 44.0
	var points []report.Cell
	low, high := math.Inf(1), math.Inf(-1)
	for _, c := range cells {
		if c.CostPerAccepted.Point == nil || *c.CostPerAccepted.Point <= 0 || c.Acceptance.Point == nil {
			continue
		}
		points = append(points, c)
		low, high = math.Min(low, *c.CostPerAccepted.Point), math.Max(high, *c.CostPerAccepted.Point)
		if c.CostPerAccepted.Lo != nil && *c.CostPerAccepted.Lo > 0 {
			low = math.Min(low, *c.CostPerAccepted.Lo)
		}
		if c.CostPerAccepted.Hi != nil {
			high = math.Max(high, math.Min(*c.CostPerAccepted.Hi, 20**c.CostPerAccepted.Point))
		}
	}
	if len(points) == 0 {
		return ""
	}
	low, high = low/1.15, high*1.15
	x := func(v float64) float64 {
		v = math.Min(math.Max(v, low), high)
		return left + (width-left-right)*math.Log(v/low)/math.Log(high/low)
	}
	y := func(v float64) float64 { return top + (height-top-bottom)*(1-v) }
	d := draw(int(width), int(height), "Acceptance over the cost of an accepted task", "Up is better, left is cheaper. Lines are 95 % intervals; the table below has the figures.")
	for _, v := range []float64{0, 0.25, 0.5, 0.75, 1} {
		d.line("grid", left, y(v), width-right, y(v))
		d.text("tick", "end", left-6, y(v)+4, fmt.Sprintf("%.0f %%", v*100))
	}
	for _, v := range ticks(low, high) {
		d.line("grid", x(v), top, x(v), height-bottom)
		d.text("tick", "middle", x(v), height-bottom+16, dollars(v))
	}
	d.text("label", "middle", (left+width)/2, height-8, "cost of an accepted task (log scale)")
	front := frontier(points)
	for i := 1; i < len(front); i++ {
		a, b := front[i-1], front[i]
		d.line("front", x(*a.CostPerAccepted.Point), y(*a.Acceptance.Point), x(*b.CostPerAccepted.Point), y(*b.Acceptance.Point))
	}
	var labels []label
	for _, c := range points {
		px, py := x(*c.CostPerAccepted.Point), y(*c.Acceptance.Point)
		name := eval.Untrusted(c.Candidate).Line(40)
		if c.Acceptance.Lo != nil {
			d.line("interval", px, y(*c.Acceptance.Lo), px, y(*c.Acceptance.Hi))
		}
		if c.CostPerAccepted.Lo != nil {
			hi := high
			if c.CostPerAccepted.Hi != nil {
				hi = *c.CostPerAccepted.Hi
			}
			d.line("interval", x(*c.CostPerAccepted.Lo), py, x(hi), py)
		}
		point := "point"
		if c.Recorded {
			point = "told"
		}
		d.circle(point, px, py, 5, fmt.Sprintf("%s: %s accepted, %s each", name, percent(c.Acceptance.Point), dollars(*c.CostPerAccepted.Point)))
		l := label{px + 8, py - 8, "start", name}
		for _, o := range points {
			if dx := x(*o.CostPerAccepted.Point) - px; dx > 1 && math.Abs(y(*o.Acceptance.Point)-py) < 20 {
				l.leave(px, dx, px-left)
			}
		}
		labels = append(labels, l)
	}
	for _, l := range apart(labels) {
		d.text("name", l.anchor, l.x, l.y, l.text)
	}
	return d.html()
}

// letter is about how wide a letter of a name is.
const letter = 7.0

type label struct {
	x, y   float64
	anchor string
	text   string
}

// leave goes to the left of its point at px where another point, dx to the right of it,
// is where the name would stand, if there is room.
func (l *label) leave(px, dx, room float64) {
	if wide := letter * float64(len(l.text)); dx < wide && room > wide {
		l.x, l.anchor = px-8, "end"
	}
}

// apart moves labels that would cover one another upwards, from the lowest on.
func apart(labels []label) []label {
	sort.SliceStable(labels, func(i, j int) bool { return labels[i].y > labels[j].y })
	for i := range labels {
		for k := 0; k < i; k++ {
			l, o := &labels[i], labels[k]
			if l.anchor == o.anchor && math.Abs(l.x-o.x) < letter*float64(max(len(l.text), len(o.text))) && o.y-l.y < 13 {
				l.y = o.y - 13
			}
		}
	}
	return labels
}

// frontier returns the cells that no other beats on both axes, cheapest first. What was
// only recorded cannot be chosen and beats nobody.
func frontier(cells []report.Cell) []report.Cell {
	sorted := append([]report.Cell(nil), cells...)
	sort.SliceStable(sorted, func(i, j int) bool { return *sorted[i].CostPerAccepted.Point < *sorted[j].CostPerAccepted.Point })
	var front []report.Cell
	best := -1.0
	for _, c := range sorted {
		if !c.Recorded && *c.Acceptance.Point > best {
			front, best = append(front, c), *c.Acceptance.Point
		}
	}
	return front
}
