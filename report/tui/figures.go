package tui

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"infer/eval"
	"infer/report"
)

// unknown stands where a figure is not known.
const unknown = "–"

func percent(v *float64) string {
	if v == nil {
		return unknown
	}
	return strconv.FormatFloat(*v*100, 'f', 1, 64) + "%"
}

func millis(v *float64) string {
	switch {
	case v == nil:
		return unknown
	case *v < 10:
		return strconv.FormatFloat(*v, 'f', 1, 64) + "ms"
	case *v < 1000:
		return strconv.FormatFloat(*v, 'f', 0, 64) + "ms"
	}
	return strconv.FormatFloat(*v/1000, 'f', 2, 64) + "s"
}

func took(d time.Duration) string {
	v := float64(d.Microseconds()) / 1000
	return millis(&v)
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

func perAccepted(c report.CostPer) string {
	switch {
	case c.Point != nil:
		return dollars(*c.Point)
	case c.Lo != nil:
		return "≥" + dollars(*c.Lo)
	}
	return unknown
}

func cost(c eval.Cost) string {
	switch {
	case c.Known():
		return dollars(c.Low.Float())
	case c.Unbounded && c.Low == 0:
		return unknown
	case c.Unbounded:
		return "≥" + dollars(c.Low.Float())
	}
	return dollars(c.Low.Float()) + "–" + dollars(c.High.Float())
}

// meter draws a rate with its interval on a line from 0 to 100 %.
func meter(r report.Rate, width int) string {
	if r.Point == nil || r.Lo == nil || r.Hi == nil || width < 3 {
		return strings.Repeat(" ", max(width, 0))
	}
	at := func(v float64) int { return min(max(int(v*float64(width-1)+0.5), 0), width-1) }
	line := []rune(strings.Repeat("·", width))
	for i := at(*r.Lo); i <= at(*r.Hi); i++ {
		line[i] = '─'
	}
	line[at(*r.Point)] = '●'
	return string(line)
}

func interval(r report.Rate) string {
	if r.Lo == nil || r.Hi == nil {
		return unknown
	}
	return fmt.Sprintf("%.1f–%.1f", *r.Lo*100, *r.Hi*100)
}

func name(s string, limit int) string { return eval.Untrusted(s).Line(limit) }
