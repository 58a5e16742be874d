package render

import (
	"fmt"
	"math"
	"strconv"
	"strings"

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

// interval writes a share's interval, such as "81.2–92.4".
func interval(r report.Rate) string {
	if r.Lo == nil || r.Hi == nil {
		return unknown
	}
	return fmt.Sprintf("%.1f–%.1f", *r.Lo*100, *r.Hi*100)
}

// millis writes a time in the unit that suits it.
func millis(v *float64) string {
	switch {
	case v == nil:
		return unknown
	case *v < 1:
		return strconv.FormatFloat(*v, 'f', 2, 64) + "ms"
	case *v < 10:
		return strconv.FormatFloat(*v, 'f', 1, 64) + "ms"
	case *v < 1000:
		return strconv.FormatFloat(*v, 'f', 0, 64) + "ms"
	case *v < 100_000:
		return strconv.FormatFloat(*v/1000, 'f', 2, 64) + "s"
	}
	return strconv.FormatFloat(*v/1000, 'f', 0, 64) + "s"
}

// dollars writes an amount with three significant digits, or cents above a
// dollar: what a person compares. Below a hundredth of a cent the zeros would be
// all that one sees, so it has an exponent. JSON carries the exact figure.
func dollars(v float64) string {
	switch {
	case v == 0:
		return "$0"
	case v >= 1000:
		return "$" + strconv.FormatFloat(v, 'f', 0, 64)
	case v >= 1:
		return "$" + strconv.FormatFloat(v, 'f', 2, 64)
	case math.Abs(v) < 1e-4:
		s := strconv.FormatFloat(v, 'e', 2, 64)
		return "$" + strings.Replace(s, "e-0", "e-", 1)
	}
	digits := int(2 - math.Floor(math.Log10(math.Abs(v))))
	return "$" + strconv.FormatFloat(v, 'f', min(max(digits, 2), 12), 64)
}

// cost writes a cost: the total, or the range that is known.
func cost(m report.Money) string {
	switch {
	case m.Total != nil:
		return dollars(usd(*m.Total))
	case m.High != nil:
		return dollars(usd(m.Low)) + "–" + dollars(usd(*m.High))[1:]
	case m.Low > 0:
		return "≥" + dollars(usd(m.Low))
	}
	return unknown
}

func usd(u report.USD) float64 { return float64(u) / 1e12 }

// costPer writes the cost of an accepted task.
func costPer(c report.CostPer) string {
	switch {
	case c.Point != nil:
		return dollars(*c.Point)
	case c.Lo != nil && c.Hi != nil:
		return dollars(*c.Lo) + "–" + dollars(*c.Hi)[1:]
	case c.Lo != nil && *c.Lo > 0: // that it costs something is no news
		return "≥" + dollars(*c.Lo)
	}
	return unknown
}

// costInterval writes the interval of the cost of an accepted task.
func costInterval(c report.CostPer) string {
	switch {
	case c.Point == nil || c.Lo == nil:
		return unknown
	case c.Hi == nil:
		return dollars(*c.Lo)[1:] + "–∞"
	}
	return dollars(*c.Lo)[1:] + "–" + dollars(*c.Hi)[1:]
}

// tasks says how many tasks the plan has, and of how many if it has not all.
func tasks(r *report.Run) string {
	if r.Tasks > 0 && r.Tasks < r.Dataset.Tasks {
		return fmt.Sprintf("%d of %s", r.Tasks, plural(r.Dataset.Tasks, "task"))
	}
	return plural(r.Dataset.Tasks, "task")
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func count(n int64) string { return strconv.FormatInt(n, 10) }

// Dollars writes an amount for people, with three significant digits.
func Dollars(m eval.Money) string { return dollars(m.Float()) }

// CostRange writes a cost for people: the amount, what is known of it, or –.
func CostRange(m report.Money) string { return cost(m) }
