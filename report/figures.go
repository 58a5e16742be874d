package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"infer/eval"
)

// Unknown stands where a figure is not known. It is never a number.
const Unknown = "–"

// Percent writes a share, such as "81.2%".
func Percent(v *float64) string {
	if v == nil {
		return Unknown
	}
	return strconv.FormatFloat(*v*100, 'f', 1, 64) + "%"
}

// Interval writes a share's interval in per cent, such as "81.2–92.4".
func Interval(r Rate) string {
	if r.Lo == nil || r.Hi == nil {
		return Unknown
	}
	return fmt.Sprintf("%.1f–%.1f", *r.Lo*100, *r.Hi*100)
}

// Millis writes a time, given in milliseconds, in the unit that suits it.
func Millis(v *float64) string {
	switch {
	case v == nil:
		return Unknown
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

// Dollars writes an amount in US dollars with three significant digits, or cents
// above a dollar: what a person compares. Below a hundredth of a cent the zeros
// would be all that one sees, so it has an exponent. JSON carries the exact figure.
func Dollars(v float64) string {
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

// CostRange writes a cost: the total, or the range that is known.
func CostRange(m Money) string {
	switch {
	case m.Total != nil:
		return Dollars(m.Total.dollars())
	case m.High != nil:
		return Dollars(m.Low.dollars()) + "–" + Dollars(m.High.dollars())[1:]
	case m.Low > 0:
		return "≥" + Dollars(m.Low.dollars())
	}
	return Unknown
}

func (u USD) dollars() float64 { return eval.Money(u).Float() }

// PerAccepted writes the cost of an accepted task, or the bound that is known.
func PerAccepted(c CostPer) string {
	switch {
	case c.Point != nil:
		return Dollars(*c.Point)
	case c.Lo != nil && c.Hi != nil:
		return Dollars(*c.Lo) + "–" + Dollars(*c.Hi)[1:]
	case c.Lo != nil && *c.Lo > 0: // that it costs something is no news
		return "≥" + Dollars(*c.Lo)
	}
	return Unknown
}

// PerAcceptedInterval writes the interval of the cost of an accepted task; "∞" is
// an end that the data do not bound.
func PerAcceptedInterval(c CostPer) string {
	switch {
	case c.Point == nil || c.Lo == nil:
		return Unknown
	case c.Hi == nil:
		return Dollars(*c.Lo)[1:] + "–∞"
	}
	return Dollars(*c.Lo)[1:] + "–" + Dollars(*c.Hi)[1:]
}

// Retried is how often a cell's calls were tried again, as far as that is known.
func Retried(c *Cell) string {
	n := strconv.FormatInt(c.Retries, 10)
	switch {
	case c.RetriesUntold == 0:
		return n
	case c.RetriesUntold >= c.N:
		return Unknown
	}
	return "≥" + n
}
