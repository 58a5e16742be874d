package config

import (
	"fmt"
	"reflect"

	"infer/eval"
)

// ResolvePrices returns the price rows: those of the file, then those of the
// price file that it names.
func (c *Config) ResolvePrices() ([]eval.PriceRow, error) {
	rows := c.Prices.Models
	if c.Prices.File != "" {
		more, err := c.priceFile(c.Abs(c.Prices.File), "prices.file")
		if err != nil {
			return nil, err
		}
		rows = addPrices(rows, more)
	}
	out := make([]eval.PriceRow, len(rows))
	for i := range rows {
		out[i] = rows[i].row()
	}
	return out, nil
}

// unique refuses two prices for one model.
func unique(rows []Price) error {
	seen := make(map[[2]string]place, len(rows))
	for i := range rows {
		key := [2]string{rows[i].Provider, rows[i].Model}
		if at, ok := seen[key]; ok {
			return eval.Invalid(fmt.Errorf("%s: a second price of %s at %s", rows[i].place, eval.Untrusted(key[1]).Line(60), eval.Untrusted(key[0]).Line(60)), "keep one; the other is at "+at.String())
		}
		seen[key] = rows[i].place
	}
	return nil
}

// addPrices appends the rows of more for models that rows do not price.
func addPrices(rows, more []Price) []Price {
	out, have := append([]Price(nil), rows...), make(map[[2]string]bool, len(rows))
	for i := range rows {
		have[[2]string{rows[i].Provider, rows[i].Model}] = true
	}
	for i := range more {
		if !have[[2]string{more[i].Provider, more[i].Model}] {
			out = append(out, more[i])
		}
	}
	return out
}

// ReadPrices reads a price file that is named on the command line.
func (c *Config) ReadPrices(path string) ([]eval.PriceRow, error) {
	rows, err := c.priceFile(path, "")
	if err != nil {
		return nil, err
	}
	out := make([]eval.PriceRow, len(rows))
	for i := range rows {
		out[i] = rows[i].row()
	}
	return out, nil
}

// priceFile reads the rows of a price file, which the setting key names; "" = a
// flag does.
func (c *Config) priceFile(path, key string) ([]Price, error) {
	b, err := readFile(path, maxPrices+1)
	if err != nil {
		return nil, c.fail(key, "name a file that you may read", "read prices %s: %v", path, reason(err))
	}
	var more Prices
	d := &decoder{label: path, places: make(places), prices: true}
	if err := d.parse(b, reflect.ValueOf(&more).Elem()); err != nil {
		return nil, err
	}
	if more.File != "" {
		return nil, eval.Invalid(fmt.Errorf("%s: a price file cannot name another one", d.places["file"]), "put the rows into one file")
	}
	return more.Models, unique(more.Models)
}

// row is the price row; the decoder has checked every amount.
func (f *Price) row() eval.PriceRow {
	usual := TierPrice{In: f.In, Out: f.Out, CacheRead: f.CacheRead, CacheWrite5m: f.CacheWrite5m, CacheWrite1h: f.CacheWrite1h,
		Reasoning: f.Reasoning, InAudio: f.InAudio, OutAudio: f.OutAudio, InImage: f.InImage, OutImage: f.OutImage}
	r := usual.row()
	r.Provider, r.Model, r.Source, r.AsOf, r.Example, r.Listed, r.ContextWindow, r.MaxOutput = f.Provider, f.Model, f.Source, f.AsOf, f.Example, f.Listed, f.ContextWindow, f.MaxOutput
	for name, d := range f.ServerTools {
		if v := d.price(); v != nil {
			if r.ServerTools == nil {
				r.ServerTools = make(map[string]eval.Price, len(f.ServerTools))
			}
			r.ServerTools[name] = *v
		}
	}
	r.Tiers = tiers(f.Tiers)
	if l := f.LongContext; l != nil {
		above := TierPrice{In: l.In, Out: l.Out, CacheRead: l.CacheRead, CacheWrite5m: l.CacheWrite5m, CacheWrite1h: l.CacheWrite1h}
		long := above.row()
		long.Tiers = tiers(l.Tiers)
		r.LongContext, r.LongContextOver = &long, l.Over
	}
	return r
}

func tiers(named map[string]TierPrice) map[string]eval.PriceRow {
	if len(named) == 0 {
		return nil
	}
	out := make(map[string]eval.PriceRow, len(named))
	for name := range named {
		t := named[name]
		out[name] = t.row()
	}
	return out
}

func (t *TierPrice) row() eval.PriceRow {
	return eval.PriceRow{In: t.In.price(), Out: t.Out.price(), CacheRead: t.CacheRead.price(), CacheWrite5m: t.CacheWrite5m.price(), CacheWrite1h: t.CacheWrite1h.price(),
		Reasoning: t.Reasoning.price(), InAudio: t.InAudio.price(), OutAudio: t.OutAudio.price(), InImage: t.InImage.price(), OutImage: t.OutImage.price()}
}

// price is the amount per million units; nil = none is given.
func (d Decimal) price() *eval.Price {
	if v, err := eval.ParsePrice(string(d)); d != "" && err == nil {
		return &v
	}
	return nil
}
