package eval

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"
)

// Money is an amount in pico-USD (10⁻¹² US dollars). An int64 of them holds
// about ±9.2 million dollars.
type Money int64

// Units of Money.
const (
	PicoUSD  Money = 1
	MicroUSD Money = 1_000_000
	USD      Money = 1_000_000_000_000
)

// ErrMoneyRange is returned where an amount does not fit Money or is malformed.
var ErrMoneyRange = errors.New("amount out of range")

// Price is a price in micro-USD per million units (tokens or calls): 3 USD per
// million tokens is 3_000_000. Price × units is therefore exactly pico-USD.
type Price int64

// For returns the exact cost of n units. It fails with ErrMoneyRange when n is
// negative or the product does not fit.
func (p Price) For(n int64) (Money, error) {
	if p < 0 || n < 0 {
		return 0, fmt.Errorf("price %d × %d units: %w", p, n, ErrMoneyRange)
	}
	hi, lo := bits.Mul64(uint64(p), uint64(n))
	if hi != 0 || lo > 1<<63-1 {
		return 0, fmt.Errorf("price %d × %d units: %w", p, n, ErrMoneyRange)
	}
	return Money(lo), nil
}

// Float returns the amount in US dollars as a float64, for ratios and charts;
// sums stay in Money.
func (m Money) Float() float64 { return float64(m) / float64(USD) }

// String writes the amount in US dollars as an exact decimal without trailing
// zeros, for example "0.00042".
func (m Money) String() string {
	neg := m < 0
	u := uint64(m)
	if neg {
		u = -u
	}
	s := strconv.FormatUint(u/uint64(USD), 10)
	if frac := u % uint64(USD); frac != 0 {
		s += "." + strings.TrimRight(fmt.Sprintf("%012d", frac), "0")
	}
	if neg {
		s = "-" + s
	}
	return s
}

// ParseUSD reads a decimal number of US dollars ("0.0042", "12", "1.5e-6")
// exactly. Digits finer than a pico-USD are an error, not rounded.
func ParseUSD(s string) (Money, error) { return parseScaled(s, 12) }

// ParsePrice reads a price given in US dollars per million units exactly.
// Digits finer than a micro-USD are an error.
func ParsePrice(s string) (Price, error) {
	m, err := parseScaled(s, 6)
	return Price(m), err
}

// parseScaled reads decimal s times 10^digits as an integer.
func parseScaled(s string, digits int) (Money, error) {
	fail := fmt.Errorf("amount %q: %w", s, ErrMoneyRange)
	mant, exp := s, 0
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		e, err := strconv.Atoi(s[i+1:])
		if err != nil || e > 30 || e < -30 {
			return 0, fail
		}
		mant, exp = s[:i], e
	}
	sign := ""
	if strings.HasPrefix(mant, "-") {
		sign, mant = "-", mant[1:]
	}
	whole, frac, _ := strings.Cut(mant, ".")
	all := whole + frac
	if all == "" || strings.Trim(all, "0123456789") != "" {
		return 0, fail
	}
	shift := digits + exp - len(frac)
	if shift < 0 {
		cut := len(all) + shift
		if cut < 0 {
			all, cut = strings.Repeat("0", -cut)+all, 0
		}
		if strings.Trim(all[cut:], "0") != "" {
			return 0, fail
		}
		all = all[:cut]
	} else {
		all += strings.Repeat("0", shift)
	}
	all = strings.TrimLeft(all, "0")
	if all == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(sign+all, 10, 64)
	if err != nil {
		return 0, fail
	}
	return Money(n), nil
}

// Cost is what something cost, as a range: a cost that is exactly known has
// Low == High and is bounded; one that nobody knows is Unknown().
type Cost struct {
	Low       Money `json:"low"`
	High      Money `json:"high"`
	Unbounded bool  `json:"unbounded,omitempty"` // no upper bound is known; High means nothing
}

// Exactly is a known cost.
func Exactly(m Money) Cost { return Cost{Low: m, High: m} }

// UnknownCost is a cost of which nothing is known but that it is not negative.
func UnknownCost() Cost { return Cost{Unbounded: true} }

// Between is a cost known to lie in [low, high].
func Between(low, high Money) Cost { return Cost{Low: low, High: high} }

// Known reports whether the cost is a single exact amount.
func (c Cost) Known() bool { return !c.Unbounded && c.Low == c.High }

// Plus adds two costs; unknown stays unknown above the sum of the lower ends.
// A sum that does not fit Money saturates into an unbounded cost.
func (c Cost) Plus(d Cost) Cost {
	low, fits := add(c.Low, d.Low)
	high, highFits := add(c.High, d.High)
	if c.Unbounded || d.Unbounded || !fits || !highFits {
		return Cost{Low: low, Unbounded: true}
	}
	return Cost{Low: low, High: high}
}

// add returns the sum of two amounts, or the largest amount and false where it
// does not fit. Amounts below 0 are never so large that their sum would not.
func add(a, b Money) (Money, bool) {
	if s := a + b; s >= a || b <= 0 {
		return s, true
	}
	return math.MaxInt64, false
}
