package html

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"infer/eval"
	"infer/report"
)

// view is the page with what is drawn from it.
type view struct {
	*Page
	Style                 template.CSS
	Script                template.JS
	StyleHash, ScriptHash string

	Overall []report.Cell
	Types   []typeTable
	Pareto  template.HTML
	Delays  template.HTML
	Splits  template.HTML
	Over    template.HTML // failures over time
}

// typeTable is the rows of one task type.
type typeTable struct {
	Name  string
	Rows  []report.Cell
	Decis *eval.TypeDecision // nil = none was made
}

func (v *view) prepare() {
	for _, c := range v.Report.Cells {
		if c.TaskType == report.Overall {
			v.Overall = append(v.Overall, c)
			continue
		}
		if n := len(v.Types); n == 0 || v.Types[n-1].Name != c.TaskType {
			v.Types = append(v.Types, typeTable{Name: c.TaskType, Decis: v.decision(c.TaskType)})
		}
		t := &v.Types[len(v.Types)-1]
		t.Rows = append(t.Rows, c)
	}
	bestFirst(v.Overall)
	for i := range v.Types {
		bestFirst(v.Types[i].Rows)
	}
	v.Pareto, v.Delays, v.Splits, v.Over = pareto(v.Overall), delays(v.Report, v.Cells), splits(v.Overall), overTime(v.Failures)
}

func bestFirst(cells []report.Cell) {
	rate := func(c *report.Cell) float64 {
		if c.Recorded {
			return -2 // on tasks and under conditions of its own
		}
		if c.Acceptance.Point == nil {
			return -1
		}
		return *c.Acceptance.Point
	}
	sort.SliceStable(cells, func(i, j int) bool { return rate(&cells[i]) > rate(&cells[j]) })
}

func (v *view) decision(taskType string) *eval.TypeDecision {
	if v.Recommendation == nil {
		return nil
	}
	for i := range v.Recommendation.Types {
		if v.Recommendation.Types[i].TaskType == taskType {
			return &v.Recommendation.Types[i]
		}
	}
	return nil
}

// unknown stands where a figure is not known.
const unknown = "–"

func functions(p *Page) template.FuncMap {
	return template.FuncMap{
		"name":    func(s string) string { return eval.Untrusted(s).Line(80) },
		"line":    func(s eval.Untrusted) string { return s.Line(0) },
		"para":    func(s eval.Untrusted) string { return s.Block(0) },
		"percent": percent,
		"band":    band,
		"ms":      millis,
		"money":   money,
		"per":     per,
		"perband": perBand,
		"retried": report.Retried,
		"spent":   spent,
		"took":    took,
		"glyph":   glyph,
		"sign":    func(v eval.Verdict) string { s, _, _ := strings.Cut(glyph(v), " "); return s },
		"date":    func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") },
		"share":   bar,
		"decided": decided,
		"told": func(cells []report.Cell) bool {
			return slices.ContainsFunc(cells, func(c report.Cell) bool { return c.Recorded })
		},
		"settled": func(types []eval.TypeDecision) (n int) {
			for i := range types {
				if decided(types[i]) {
					n++
				}
			}
			return n
		},
		"verdict": func(d eval.TypeDecision) string {
			switch d.Verdict {
			case eval.Selected:
				return "selected"
			case eval.SelectedTie:
				return "tie, incumbent kept"
			case eval.NoneEligible:
				return "none eligible"
			}
			return "undecided"
		},
		"candidate": func(i int) string {
			if i < 0 || i >= len(p.Report.Run.Candidates) {
				return unknown
			}
			return eval.Untrusted(p.Report.Run.Candidates[i].Name).Line(40)
		},
		"join": strings.Join,
	}
}

func percent(v *float64) string {
	if v == nil {
		return unknown
	}
	return strconv.FormatFloat(*v*100, 'f', 1, 64) + " %"
}

func band(r report.Rate) string {
	if r.Lo == nil || r.Hi == nil {
		return ""
	}
	return fmt.Sprintf("%.1f–%.1f", *r.Lo*100, *r.Hi*100)
}

func millis(v *float64) string {
	switch {
	case v == nil:
		return unknown
	case *v < 10:
		return strconv.FormatFloat(*v, 'f', 1, 64) + " ms"
	case *v < 1000:
		return strconv.FormatFloat(*v, 'f', 0, 64) + " ms"
	}
	return strconv.FormatFloat(*v/1000, 'f', 2, 64) + " s"
}

func dollars(v float64) string {
	switch {
	case v == 0:
		return "$0"
	case v >= 1:
		return "$" + strconv.FormatFloat(v, 'f', 2, 64)
	}
	return "$" + strconv.FormatFloat(v, 'f', min(max(int(2-math.Floor(math.Log10(v))), 2), 12), 64)
}

func usd(u report.USD) float64 { return eval.Money(u).Float() }

func money(m report.Money) string {
	switch {
	case m.Total != nil:
		return dollars(usd(*m.Total))
	case m.High != nil:
		return dollars(usd(m.Low)) + "–" + dollars(usd(*m.High))
	case m.Low > 0:
		return "≥ " + dollars(usd(m.Low))
	}
	return unknown
}

func per(c report.CostPer) string {
	switch {
	case c.Point != nil:
		return dollars(*c.Point)
	case c.Lo != nil:
		return "≥ " + dollars(*c.Lo)
	}
	return unknown
}

func perBand(c report.CostPer) string {
	switch {
	case c.Point == nil || c.Lo == nil:
		return ""
	case c.Hi == nil:
		return dollars(*c.Lo) + "–∞"
	}
	return dollars(*c.Lo) + "–" + dollars(*c.Hi)
}

// spent writes an exact cost or its bounds.
func spent(c eval.Cost) string {
	switch {
	case c.Known():
		return dollars(c.Low.Float())
	case c.Unbounded && c.Low == 0:
		return unknown
	case c.Unbounded:
		return "≥ " + dollars(c.Low.Float())
	}
	return dollars(c.Low.Float()) + "–" + dollars(c.High.Float())
}

func took(d time.Duration) string {
	if d <= 0 {
		return unknown
	}
	v := float64(d.Microseconds()) / 1000
	return millis(&v)
}

// decided reports whether a default was selected.
func decided(d eval.TypeDecision) bool {
	return d.Verdict == eval.Selected || d.Verdict == eval.SelectedTie
}

// glyph is a verdict as a sign and a word, so that colour is never needed.
func glyph(v eval.Verdict) string {
	switch v {
	case eval.Accepted:
		return "✓ accepted"
	case eval.Rejected:
		return "✗ rejected"
	case eval.Errored:
		return "! errored"
	case "":
		return "– not run"
	}
	return "? " + string(v)
}
