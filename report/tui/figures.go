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

// unknown stands where a figure is not known. It is never a number.
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
	case *v < 100_000:
		return strconv.FormatFloat(*v/1000, 'f', 2, 64) + "s"
	}
	return strconv.FormatFloat(*v/1000, 'f', 0, 64) + "s"
}

func took(d time.Duration) string {
	v := float64(d.Microseconds()) / 1000
	return millis(&v)
}

// micros writes microseconds; negative ones are unknown.
func micros(us int64) string {
	if us < 0 {
		return unknown
	}
	return took(time.Duration(us) * time.Microsecond)
}

func dollars(v float64) string {
	switch {
	case v == 0:
		return "$0"
	case v >= 1000:
		return "$" + strconv.FormatFloat(v, 'f', 0, 64)
	case v >= 1:
		return "$" + strconv.FormatFloat(v, 'f', 2, 64)
	case math.Abs(v) < 1e-4: // the zeros would be all that one sees
		return "$" + strings.Replace(strconv.FormatFloat(v, 'e', 2, 64), "e-0", "e-", 1)
	}
	return "$" + strconv.FormatFloat(v, 'f', min(max(int(2-math.Floor(math.Log10(math.Abs(v)))), 2), 12), 64)
}

// perAccepted writes the cost of an accepted task, or the bound that is known.
func perAccepted(c report.CostPer) string {
	switch {
	case c.Point != nil:
		return dollars(*c.Point)
	case c.Lo != nil && c.Hi != nil:
		return dollars(*c.Lo) + "–" + dollars(*c.Hi)[1:]
	case c.Lo != nil && *c.Lo > 0:
		return "≥" + dollars(*c.Lo)
	}
	return unknown
}

// perAcceptedInterval writes its interval; "∞" is an end that the data do not
// bound.
func perAcceptedInterval(c report.CostPer) string {
	switch {
	case c.Point == nil || c.Lo == nil:
		return unknown
	case c.Hi == nil:
		return dollars(*c.Lo)[1:] + "–∞"
	}
	return dollars(*c.Lo)[1:] + "–" + dollars(*c.Hi)[1:]
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
	return dollars(c.Low.Float()) + "–" + dollars(c.High.Float())[1:]
}

// money writes a sum of a report.
func money(m report.Money) string {
	switch {
	case m.Total != nil:
		return dollars(eval.Money(*m.Total).Float())
	case m.High != nil:
		return dollars(eval.Money(m.Low).Float()) + "–" + dollars(eval.Money(*m.High).Float())[1:]
	case m.Low > 0:
		return "≥" + dollars(eval.Money(m.Low).Float())
	}
	return unknown
}

func interval(r report.Rate) string {
	if r.Lo == nil || r.Hi == nil {
		return unknown
	}
	return fmt.Sprintf("%.1f–%.1f", *r.Lo*100, *r.Hi*100)
}

// count writes a number with a comma between thousands.
func count(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func plural(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return count(n) + " " + what + "s"
}

// ratio writes how many there are of something for each of something else.
func ratio(n, of int64) string {
	if of == 0 {
		return unknown
	}
	return strconv.FormatFloat(float64(n)/float64(of), 'f', 2, 64)
}

// scale is the stretch of rates that a column of intervals shows.
type scale struct{ lo, hi float64 }

// scaleOf is the smallest scale in whole tenths that holds every interval.
func scaleOf(rates []report.Rate) scale {
	s := scale{1, 0}
	for _, r := range rates {
		if r.Lo != nil && r.Hi != nil {
			s.lo, s.hi = math.Min(s.lo, *r.Lo), math.Max(s.hi, *r.Hi)
		}
	}
	s.lo, s.hi = math.Floor(s.lo*10+1e-9)/10, math.Ceil(s.hi*10-1e-9)/10
	if s.lo >= s.hi {
		return scale{0, 1}
	}
	if s.hi-s.lo < 0.2 {
		s.lo, s.hi = math.Max(0, s.hi-0.2), math.Max(s.hi, 0.2)
	}
	return s
}

func (s scale) at(v float64, width int) int {
	return min(max(int((v-s.lo)/(s.hi-s.lo)*float64(width-1)+0.5), 0), width-1)
}

// axis writes the scale's ends over a column of meters.
func (s scale) axis(width int) string {
	lo, hi := fmt.Sprintf("%.0f%%", s.lo*100), fmt.Sprintf("%.0f%%", s.hi*100)
	return lo + strings.Repeat(" ", max(width-len(lo)-len(hi), 1)) + hi
}

// meter draws a rate with its interval.
func (s scale) meter(r report.Rate, width int) line {
	if r.Point == nil || r.Lo == nil || r.Hi == nil || width < 3 {
		return toned(strings.Repeat(" ", max(width, 0)), plain)
	}
	lo, at, hi := s.at(*r.Lo, width), s.at(*r.Point, width), s.at(*r.Hi, width)
	return line{{strings.Repeat("·", lo), soft}, {strings.Repeat("─", at-lo), plain}, {"●", strong}, {strings.Repeat("─", hi-at), plain}, {strings.Repeat("·", width-1-hi), soft}}
}

// bar draws a share of a whole.
func bar(part, whole float64, width int) string {
	if whole <= 0 || width < 1 {
		return ""
	}
	n := min(max(int(part/whole*float64(width)+0.5), 0), width)
	if n == 0 && part > 0 {
		n = 1 // what is there is seen
	}
	return strings.Repeat("█", n)
}
