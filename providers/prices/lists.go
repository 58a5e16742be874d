package prices

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"reflect"
	"regexp"
	"sort"
	"strings"
)

// maxList bounds a price list, in bytes.
const maxList = 64 << 20

// Formats are the price lists that Read knows.
func Formats() []string { return []string{"catwalk", "litellm", "models.dev", "openrouter"} }

// Read reads a published price list. provider fills in the rows of a format that
// names none (catwalk's and OpenRouter's files are one provider's). asOf is the
// date of the list, YYYY-MM-DD. Models without both prices, or with 0 for one,
// are left out: in these lists 0 means that nobody knows. So are models that are
// charged in a way that a row cannot say. The notes say what was left out or is
// not as exact as it looks.
func Read(r io.Reader, format, provider, asOf string) (rows []Row, notes []string, err error) {
	b, err := io.ReadAll(io.LimitReader(r, maxList+1))
	if err != nil {
		return nil, nil, fmt.Errorf("read prices: %w", err)
	}
	if len(b) > maxList {
		return nil, nil, errors.New("read prices: larger than 64 MiB")
	}
	l := &list{}
	switch format {
	case "litellm":
		err = l.litellm(b)
	case "models.dev":
		err = l.modelsDev(b)
	case "catwalk":
		err = l.catwalk(b)
	case "openrouter":
		err = l.openRouter(b)
	default:
		return nil, nil, fmt.Errorf("unknown price list %q", format)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("not a price list of %s: %w", format, err)
	}
	return l.finish(format, provider, asOf), l.notes(), nil
}

// list is a price list that is being read.
type list struct {
	rows                                                 []Row
	unpriced, otherwise, noisy, twice, unread, ambiguous int
}

// notes say what a reader of the rows must know.
func (l *list) notes() []string {
	var out []string
	for _, n := range []struct {
		count int
		text  string
	}{
		{l.unpriced, "models left out: no price for input and output, or 0, which in such a list means unknown"},
		{l.otherwise, "models left out: they are charged by the request, or in steps that a row cannot hold"},
		{l.unread, "prices left out: not an exact amount of micro-dollars per million tokens"},
		{l.noisy, "prices read without the rounding error of the list's own arithmetic, such as 0.39999999999999997"},
		{l.twice, "models left out: they stand in the list twice, at different prices"},
		{l.ambiguous, "models without cache prices: the same column means reading in some of these files and writing in others. Calls that use a cache have an unknown cost"},
	} {
		if n.count > 0 {
			out = append(out, fmt.Sprintf("%d %s", n.count, n.text))
		}
	}
	return out
}

// finish drops what is not a price, and sorts the rest.
func (l *list) finish(format, provider, asOf string) []Row {
	sort.SliceStable(l.rows, func(i, j int) bool {
		a, b := &l.rows[i], &l.rows[j]
		if a.Provider != b.Provider {
			return a.Provider < b.Provider
		}
		return a.Model < b.Model
	})
	kept := l.rows[:0]
	for _, row := range l.rows {
		if row.Provider == "" {
			row.Provider = provider
		}
		row.Source, row.AsOf, row.Listed = format, asOf, true
		if row.In == "" || row.Out == "" || row.Provider == "" || row.Model == "" {
			l.unpriced++
			continue
		}
		if _, err := row.Price(); err != nil {
			l.unpriced++
			continue
		}
		kept = append(kept, row)
	}
	return l.single(kept)
}

// single leaves one row of each model. Of one that stands there under two
// spellings, what both say is kept; at two prices nobody knows which.
func (l *list) single(rows []Row) []Row {
	out := rows[:0]
	for i := 0; i < len(rows); {
		row, same := rows[i], true
		for i++; i < len(rows) && rows[i].Provider == row.Provider && rows[i].Model == row.Model; i++ {
			same = same && row.In == rows[i].In && row.Out == rows[i].Out
			row.agree(&rows[i])
		}
		if same {
			out = append(out, row)
		} else {
			l.twice++
		}
	}
	return out
}

// agree leaves unknown what another row of the same model says differently.
func (r *Row) agree(o *Row) {
	for _, axis := range [][2]*json.Number{{&r.CacheRead, &o.CacheRead}, {&r.CacheWrite5m, &o.CacheWrite5m}, {&r.CacheWrite1h, &o.CacheWrite1h}, {&r.Reasoning, &o.Reasoning},
		{&r.InAudio, &o.InAudio}, {&r.OutAudio, &o.OutAudio}, {&r.InImage, &o.InImage}, {&r.OutImage, &o.OutImage}} {
		if *axis[0] != *axis[1] {
			*axis[0] = ""
		}
	}
	if !reflect.DeepEqual(r.Tools, o.Tools) {
		r.Tools = nil
	}
	if !reflect.DeepEqual(r.Tiers, o.Tiers) {
		r.Tiers = nil
	}
	if !reflect.DeepEqual(r.LongContext, o.LongContext) {
		over := int64(1) << 62
		for _, l := range []*LongContext{r.LongContext, o.LongContext} {
			if l != nil {
				over = min(over, l.Over)
			}
		}
		r.LongContext = &LongContext{Over: over}
	}
	if r.Context != o.Context {
		r.Context = 0
	}
	if r.MaxOutput != o.MaxOutput {
		r.MaxOutput = 0
	}
}

// perToken turns a price per token into one per million tokens, exactly: as a
// decimal, never as a float. "" is no price: none was given, 0, a negative one, or
// one that is no whole number of micro-dollars per million.
func (l *list) perToken(n json.Number) json.Number { return l.scaled(n, 1_000_000) }

// perMillion is perToken for a list that is per million tokens already.
func (l *list) perMillion(n json.Number) json.Number { return l.scaled(n, 1) }

var decimalForm = regexp.MustCompile(`^[0-9]{0,15}(\.[0-9]{0,30})?([eE][+-]?[0-9]{1,2})?$`)

// noise is how far off a price may be, as a share of it, that was computed with
// floating-point numbers: a few of their last digits.
var noise = big.NewRat(1, 1_000_000_000_000)

func (l *list) scaled(n json.Number, by int64) json.Number {
	if n == "" || !decimalForm.MatchString(n.String()) {
		if n != "" && !strings.HasPrefix(n.String(), "-") {
			l.unread++
		}
		return ""
	}
	given, ok := new(big.Rat).SetString(n.String())
	if !ok || given.Sign() <= 0 {
		return ""
	}
	given.Mul(given, new(big.Rat).SetInt64(by))
	text := given.FloatString(6)
	exact, ok := new(big.Rat).SetString(text)
	if !ok {
		return ""
	}
	if exact.Cmp(given) != 0 {
		off := new(big.Rat).Sub(exact, given)
		if off.Abs(off).Cmp(new(big.Rat).Mul(given, noise)) > 0 {
			l.unread++
			return ""
		}
		l.noisy++
	}
	return json.Number(strings.TrimRight(strings.TrimRight(text, "0"), "."))
}

// services are the names under which other lists keep services that have a name
// here.
var services = map[string]string{"bedrock_converse": "bedrock", "amazon-bedrock": "bedrock", "together_ai": "together", "togetherai": "together",
	"fireworks_ai": "fireworks", "fireworks-ai": "fireworks", "google": "gemini"}

func service(name string) string {
	if s, ok := services[name]; ok {
		return s
	}
	return name
}
