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
const unknown = report.Unknown

// millis writes a time; short ones have one digit here, where they stand beside a
// time axis.
func millis(v *float64) string {
	if v != nil && *v < 1 {
		return strconv.FormatFloat(*v, 'f', 1, 64) + "ms"
	}
	return report.Millis(v)
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

func cost(c eval.Cost) string { return report.CostRange(report.MoneyOf(c)) }

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
