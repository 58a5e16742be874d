package cmd

import (
	"infer/cmd/internal/config"
	"infer/eval"
	"infer/providers/prices"
)

// pricing finds prices: a row of the project or of the user's own file goes
// before the book, which is asked for services at their own address only. What a
// relay charges, its operator knows.
type pricing struct {
	cfg  *config.Config
	rows []eval.PriceRow
}

func newPricing(cfg *config.Config) (*pricing, error) {
	rows, err := cfg.ResolvePrices()
	return &pricing{cfg, rows}, err
}

// of returns the price of a single model; false = unknown.
func (p *pricing) of(provider, model string) (eval.PriceRow, bool) {
	for i := range p.rows {
		if p.rows[i].Provider == provider && p.rows[i].Model == model {
			return p.rows[i], true
		}
	}
	service := p.service(provider)
	if service == "" {
		return eval.PriceRow{}, false
	}
	row, ok := prices.Embedded().Lookup(service, model)
	row.Provider = provider
	return row, ok
}

// exactly returns the price of exactly that model, as it was served; nil = unknown.
func (p *pricing) exactly(provider, model string) *eval.PriceRow {
	for i := range p.rows {
		if p.rows[i].Provider == provider && p.rows[i].Model == model {
			return &p.rows[i]
		}
	}
	service := p.service(provider)
	if service == "" {
		return nil
	}
	row, ok := prices.Embedded().Exactly(service, model)
	if !ok {
		return nil
	}
	row.Provider = provider
	return &row
}

// service is the book's name of a provider that is called at its own address; ""
// = none, such as a relay, a local server or a recording.
func (p *pricing) service(provider string) string {
	c, ok := p.cfg.Providers[provider]
	switch {
	case !ok || c.BaseURL != "":
		return ""
	case c.Preset == "openai" && p.cfg.Env("OPENAI_BASE_URL") != "":
		return ""
	case c.Preset != "":
		return c.Preset
	case c.Type == "anthropic" || c.Type == "gemini" || c.Type == "bedrock":
		return c.Type
	}
	return ""
}

// forRun returns one row for each candidate, an empty one where none is known or
// the candidate is a policy, and the rows of the policies' members.
func (p *pricing) forRun(candidates []eval.Candidate) (rows, members []eval.PriceRow) {
	rows = make([]eval.PriceRow, len(candidates))
	for i := range candidates {
		c := &candidates[i]
		if c.Policy == nil {
			if row, ok := p.of(c.Provider, c.Model); ok {
				rows[i] = row
			}
			continue
		}
		for _, m := range []*eval.Candidate{c.Policy.DefaultCandidate, c.Policy.BackupCandidate, c.Policy.ContextCandidate} {
			if m == nil || hasPrice(members, m) {
				continue
			}
			if row, ok := p.of(m.Provider, m.Model); ok {
				members = append(members, row)
			}
		}
	}
	return rows, members
}

func hasPrice(rows []eval.PriceRow, c *eval.Candidate) bool {
	for i := range rows {
		if rows[i].Provider == c.Provider && rows[i].Model == c.Model {
			return true
		}
	}
	return false
}
