// Package prices is the price book: dated list prices of models that people use,
// embedded, and readers of the price lists that other projects publish.
//
// A price is a fact with a source and a date. A model that is not in the book has
// no price, never a price of 0, and an axis that a list leaves out stays unknown.
package prices

import (
	_ "embed" // the book is part of the program
	"encoding/json"
	"fmt"
	"regexp"
	"sync"

	"infer/eval"
)

//go:embed prices.json
var embedded []byte

// Schema names the version of the JSON form of a list of prices.
const Schema = "infer.prices/1"

// Row is one price row in its JSON form: exact decimals of US dollars per million
// tokens; "" is unknown. A row without provider and model is a part of another.
type Row struct {
	Provider     string      `json:"provider,omitempty"`
	Model        string      `json:"model,omitempty"`
	In           json.Number `json:"in,omitempty"`
	Out          json.Number `json:"out,omitempty"`
	CacheRead    json.Number `json:"cache_read,omitempty"`
	CacheWrite5m json.Number `json:"cache_write_5m,omitempty"`
	CacheWrite1h json.Number `json:"cache_write_1h,omitempty"`
	Reasoning    json.Number `json:"reasoning,omitempty"`
	InAudio      json.Number `json:"in_audio,omitempty"`
	OutAudio     json.Number `json:"out_audio,omitempty"`
	InImage      json.Number `json:"in_image,omitempty"`
	OutImage     json.Number `json:"out_image,omitempty"`
	// Tools are prices per million calls of tools that the provider runs.
	Tools       map[string]json.Number `json:"server_tools,omitempty"`
	Tiers       map[string]*Row        `json:"tiers,omitempty"`
	LongContext *LongContext           `json:"long_context,omitempty"`
	Context     int64                  `json:"context_window,omitempty"`
	MaxOutput   int64                  `json:"max_output,omitempty"`
	Listed      bool                   `json:"list_price,omitempty"` // of a public list
	Source      string                 `json:"source,omitempty"`
	AsOf        string                 `json:"as_of,omitempty"` // YYYY-MM-DD
}

// LongContext is what a request costs whose input is larger than Over tokens; all
// of it. Without prices such a request's cost is unknown.
type LongContext struct {
	Over         int64           `json:"over"`
	In           json.Number     `json:"in,omitempty"`
	Out          json.Number     `json:"out,omitempty"`
	CacheRead    json.Number     `json:"cache_read,omitempty"`
	CacheWrite5m json.Number     `json:"cache_write_5m,omitempty"`
	CacheWrite1h json.Number     `json:"cache_write_1h,omitempty"`
	Tiers        map[string]*Row `json:"tiers,omitempty"`
}

// Price turns the row into the domain's form. An amount that is not an exact
// price is an error.
func (r *Row) Price() (eval.PriceRow, error) {
	p := eval.PriceRow{Provider: r.Provider, Model: r.Model, ContextWindow: r.Context, MaxOutput: r.MaxOutput, Source: r.Source, AsOf: r.AsOf, Listed: r.Listed}
	for _, axis := range []struct {
		text json.Number
		dest **eval.Price
	}{{r.In, &p.In}, {r.Out, &p.Out}, {r.CacheRead, &p.CacheRead}, {r.CacheWrite5m, &p.CacheWrite5m}, {r.CacheWrite1h, &p.CacheWrite1h},
		{r.Reasoning, &p.Reasoning}, {r.InAudio, &p.InAudio}, {r.OutAudio, &p.OutAudio}, {r.InImage, &p.InImage}, {r.OutImage, &p.OutImage}} {
		if err := read(axis.text, axis.dest); err != nil {
			return p, fmt.Errorf("%s/%s: %w", r.Provider, r.Model, err)
		}
	}
	for name, n := range r.Tools {
		var v *eval.Price
		if err := read(n, &v); err != nil || v == nil {
			return p, fmt.Errorf("%s/%s: %s: %w", r.Provider, r.Model, name, eval.ErrMoneyRange)
		}
		if p.ServerTools == nil {
			p.ServerTools = make(map[string]eval.Price, len(r.Tools))
		}
		p.ServerTools[name] = *v
	}
	for name, t := range r.Tiers {
		tier := *t
		tier.Provider, tier.Model, tier.Source, tier.AsOf = r.Provider, r.Model, r.Source, r.AsOf
		row, err := tier.Price()
		if err != nil {
			return p, err
		}
		if p.Tiers == nil {
			p.Tiers = make(map[string]eval.PriceRow, len(r.Tiers))
		}
		p.Tiers[name] = row
	}
	if l := r.LongContext; l != nil {
		long := Row{Provider: r.Provider, Model: r.Model, In: l.In, Out: l.Out, CacheRead: l.CacheRead, CacheWrite5m: l.CacheWrite5m,
			CacheWrite1h: l.CacheWrite1h, Tiers: l.Tiers, Source: r.Source, AsOf: r.AsOf}
		row, err := long.Price()
		if err != nil {
			return p, err
		}
		p.LongContext, p.LongContextOver = &row, l.Over
	}
	return p, nil
}

func read(text json.Number, dest **eval.Price) error {
	if text == "" {
		return nil
	}
	v, err := eval.ParsePrice(text.String())
	if err == nil && v < 0 {
		err = eval.ErrMoneyRange
	}
	if err != nil {
		return err
	}
	*dest = &v
	return nil
}

// Book looks prices up.
type Book struct {
	rows  map[[2]string]eval.PriceRow
	plain map[[2]string][]string // provider and model without its date → models
	order []eval.PriceRow
}

// Embedded returns the book that is part of the program.
func Embedded() *Book { return book() }

var book = sync.OnceValue(func() *Book {
	var list struct {
		Models []Row `json:"models"`
	}
	if err := json.Unmarshal(embedded, &list); err != nil {
		panic(err) // embedded: a test reads it
	}
	b := &Book{rows: make(map[[2]string]eval.PriceRow, len(list.Models)), plain: make(map[[2]string][]string)}
	for i := range list.Models {
		p, err := list.Models[i].Price()
		if err != nil {
			panic(err)
		}
		p.Listed = true
		b.rows[[2]string{p.Provider, p.Model}] = p
		key := [2]string{p.Provider, undated(p.Model)}
		b.plain[key] = append(b.plain[key], p.Model)
		b.order = append(b.order, p)
	}
	return b
})

// date is the snapshot date that providers put behind a model's name.
var date = regexp.MustCompile(`-(20\d{2}-?\d{2}-?\d{2}|latest)$`)

func undated(model string) string { return date.ReplaceAllString(model, "") }

// Exactly returns the price of a model of exactly that name.
func (b *Book) Exactly(provider, model string) (eval.PriceRow, bool) {
	p, ok := b.rows[[2]string{provider, model}]
	return p, ok
}

// Lookup returns the price of a model. A name without its date finds the dated
// one, and the other way round, where there is exactly one; a model of another
// name is another model.
func (b *Book) Lookup(provider, model string) (eval.PriceRow, bool) {
	if p, ok := b.rows[[2]string{provider, model}]; ok {
		return p, true
	}
	if p, ok := b.rows[[2]string{provider, undated(model)}]; ok {
		p.Model = model
		return p, true
	}
	if found := b.plain[[2]string{provider, undated(model)}]; len(found) == 1 {
		p := b.rows[[2]string{provider, found[0]}]
		p.Model = model
		return p, true
	}
	return eval.PriceRow{}, false
}

// Rows lists the book by provider and model.
func (b *Book) Rows() []eval.PriceRow { return append([]eval.PriceRow(nil), b.order...) }
