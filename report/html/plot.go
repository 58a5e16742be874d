package html

import (
	"fmt"
	"html/template"
	"math"
	"sort"
	"strings"

	"infer/eval"
	"infer/report"
)

// drawing builds one SVG. Text in it is escaped; figures are ours.
type drawing struct {
	b strings.Builder
}

func draw(width, height int, title, description string) *drawing {
	d := new(drawing)
	fmt.Fprintf(&d.b, `<svg viewBox="0 0 %d %d" role="img" aria-label="%s"><title>%s</title><desc>%s</desc>`, width, height,
		template.HTMLEscapeString(title), template.HTMLEscapeString(title), template.HTMLEscapeString(description))
	return d
}

func (d *drawing) line(class string, x1, y1, x2, y2 float64) {
	fmt.Fprintf(&d.b, `<line class="%s" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>`, class, x1, y1, x2, y2)
}

func (d *drawing) rect(class string, x, y, w, h float64, title string) {
	fmt.Fprintf(&d.b, `<rect class="%s" x="%.1f" y="%.1f" width="%.1f" height="%.1f"><title>%s</title></rect>`, class, x, y, math.Max(w, 0), h, template.HTMLEscapeString(title))
}

func (d *drawing) circle(class string, x, y, r float64, title string) {
	fmt.Fprintf(&d.b, `<circle class="%s" cx="%.1f" cy="%.1f" r="%.1f"><title>%s</title></circle>`, class, x, y, r, template.HTMLEscapeString(title))
}

func (d *drawing) text(class, anchor string, x, y float64, s string) {
	fmt.Fprintf(&d.b, `<text class="%s" text-anchor="%s" x="%.1f" y="%.1f">%s</text>`, class, anchor, x, y, template.HTMLEscapeString(s))
}

func (d *drawing) html() template.HTML { return template.HTML(d.b.String() + "</svg>") }

// bar draws a share with its interval on a line from 0 to 100 %.
func bar(r report.Rate) template.HTML {
	if r.Point == nil || r.Lo == nil || r.Hi == nil {
		return ""
	}
	d := draw(120, 14, "acceptance", fmt.Sprintf("%.1f %%, interval %.1f to %.1f %%", *r.Point*100, *r.Lo*100, *r.Hi*100))
	d.line("axis", 0, 7, 120, 7)
	d.line("interval", *r.Lo*120, 7, math.Max(*r.Hi*120, *r.Lo*120+1), 7)
	d.circle("point", *r.Point*120, 7, 3.5, percent(r.Point))
	return d.html()
}

// ticks are 1, 2 and 5 times powers of ten inside the range, thinned to at most
// eight.
func ticks(low, high float64) []float64 {
	var out []float64
	for e := math.Floor(math.Log10(low)); e <= math.Ceil(math.Log10(high)); e++ {
		for _, m := range []float64{1, 2, 5} {
			if v := m * math.Pow(10, e); v >= low && v <= high {
				out = append(out, v)
			}
		}
	}
	for len(out) > 8 {
		var half []float64
		for i := 0; i < len(out); i += 2 {
			half = append(half, out[i])
		}
		out = half
	}
	return out
}

// delays draws each candidate's user-visible latency as quantile bars.
func delays(r *report.Report, cells []eval.Cell) template.HTML {
	type row struct {
		name string
		q    [5]float64
	}
	var rows []row
	top := 0.0
	for i := range cells {
		c := &cells[i]
		if c.TaskType != report.Overall || c.Latency.N() == 0 || c.Candidate >= len(r.Run.Candidates) {
			continue
		}
		one := row{name: eval.Untrusted(r.Run.Candidates[c.Candidate].Name).Line(28)}
		for k, q := range []float64{0.05, 0.25, 0.5, 0.75, 0.95} {
			one.q[k], _ = c.Latency.Quantile(q)
		}
		top = math.Max(top, one.q[4])
		rows = append(rows, one)
	}
	if len(rows) == 0 || top <= 0 {
		return ""
	}
	const width, left, rowHeight = 760.0, 200.0, 26.0
	height := rowHeight*float64(len(rows)) + 30
	x := func(us float64) float64 { return left + (width-left-60)*us/top }
	d := draw(int(width), int(height), "User-visible latency", "For each candidate the 5th, 25th, 50th, 75th and 95th percentile.")
	for i, one := range rows {
		y := rowHeight*float64(i) + 14
		ms := func(k int) string { v := one.q[k] / 1000; return millis(&v) }
		d.text("name", "end", left-10, y+4, one.name)
		d.line("interval", x(one.q[0]), y, x(one.q[4]), y)
		d.rect("box", x(one.q[1]), y-7, x(one.q[3])-x(one.q[1]), 14, fmt.Sprintf("quartiles %s to %s", ms(1), ms(3)))
		d.circle("point", x(one.q[2]), y, 4, "median "+ms(2))
		d.text("tick", "start", x(one.q[4])+6, y+4, "p95 "+ms(4))
	}
	d.text("label", "start", left, height-6, "0")
	full := top / 1000
	d.text("label", "end", width-60, height-6, millis(&full))
	return d.html()
}

// parts of the cost split, in the order in which they are drawn.
var parts = []struct {
	class, name string
	of          func(s *report.Split) report.Money
}{
	{"s1", "answers", func(s *report.Split) report.Money { return s.Answer }},
	{"s2", "retries", func(s *report.Split) report.Money { return s.Retries }},
	{"s3", "failed attempts", func(s *report.Split) report.Money { return s.Failed }},
	{"s4", "fallback", func(s *report.Split) report.Money { return s.Fallback }},
	{"s5", "regenerations", func(s *report.Split) report.Money { return s.Regeneration }},
	{"s6", "tools", func(s *report.Split) report.Money { return s.Tools }},
	{"s7", "human repair", func(s *report.Split) report.Money { return s.Repair }},
}

// splits draws where the money went, for an accepted task; a part that is not
// exactly known is drawn at what is certain.
func splits(cells []report.Cell) template.HTML {
	const width, left, rowHeight = 760.0, 200.0, 26.0
	top := 0.0
	each := func(c *report.Cell, k int) float64 { return usd(parts[k].of(&c.Split).Low) / float64(c.Accepted) }
	var rows []report.Cell
	for _, c := range cells {
		if c.Accepted == 0 {
			continue
		}
		total := 0.0
		for k := range parts {
			total += each(&c, k)
		}
		top = math.Max(top, total)
		rows = append(rows, c)
	}
	if len(rows) == 0 || top <= 0 {
		return ""
	}
	height := rowHeight*float64(len(rows)) + 30
	d := draw(int(width), int(height), "Where the cost of an accepted task goes", "One bar a candidate; the parts are answers, retries, failed attempts, fallback, regenerations, tools and human repair.")
	for i := range rows {
		c := &rows[i]
		y, x := rowHeight*float64(i)+14, left
		d.text("name", "end", left-10, y+4, eval.Untrusted(c.Candidate).Line(28))
		for k := range parts {
			v := each(c, k)
			w := (width - left - 90) * v / top
			if v > 0 {
				d.rect(parts[k].class, x, y-8, w, 16, fmt.Sprintf("%s %s", parts[k].name, dollars(v)))
			}
			x += w
		}
		d.text("tick", "start", x+6, y+4, per(c.CostPerAccepted))
	}
	x := left
	for k := range parts {
		d.rect(parts[k].class, x, height-14, 10, 10, parts[k].name)
		d.text("label", "start", x+13, height-5, parts[k].name)
		x += 18 + 6.2*float64(len(parts[k].name))
	}
	return d.html()
}

// overTime draws failed attempts by class over the run's time.
func overTime(counts []FailureCount) template.HTML {
	if len(counts) == 0 {
		return ""
	}
	const width, height, left, bottom = 760.0, 180.0, 40.0, 34.0
	var slots []int64
	index := make(map[int64]int)
	for _, c := range counts {
		if _, ok := index[c.From.Unix()]; !ok {
			index[c.From.Unix()] = 0
			slots = append(slots, c.From.Unix())
		}
	}
	sort.Slice(slots, func(i, j int) bool { return slots[i] < slots[j] })
	sums := make([]int64, len(slots))
	for i, at := range slots {
		index[at] = i
	}
	top := int64(1)
	for _, c := range counts {
		i := index[c.From.Unix()]
		sums[i] += c.N
		top = max(top, sums[i])
	}
	d := draw(int(width), int(height), "Failed attempts over time", "Stacked by class; the first and last time are below the axis.")
	step := (width - left - 20) / float64(len(slots))
	done := make([]float64, len(slots))
	used := make(map[eval.Class]string)
	for _, class := range eval.Classes() {
		style := fmt.Sprintf("s%d", len(used)%7+1)
		for _, c := range counts {
			if c.Class != class {
				continue
			}
			used[class] = style
			i := index[c.From.Unix()]
			h := (height - bottom - 20) * float64(c.N) / float64(top)
			d.rect(style, left+step*float64(i), height-bottom-done[i]-h, math.Max(step-2, 1), h, fmt.Sprintf("%s %s: %d", c.From.UTC().Format("15:04:05"), class, c.N))
			done[i] += h
		}
	}
	d.text("tick", "end", left-4, 24, fmt.Sprint(top))
	d.text("tick", "start", left, height-bottom+14, counts[0].From.UTC().Format("2006-01-02 15:04:05"))
	x := left
	for _, class := range eval.Classes() {
		if style, ok := used[class]; ok {
			d.rect(style, x, height-12, 10, 10, string(class))
			d.text("label", "start", x+13, height-3, string(class))
			x += 22 + 6.4*float64(len(class))
		}
	}
	return d.html()
}
