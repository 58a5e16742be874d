package prices

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
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
// are left out: in these lists 0 means that nobody knows. The notes say what was
// left out or is not as exact as it looks.
func Read(r io.Reader, format, provider, asOf string) (rows []Row, notes []string, err error) {
	b, err := io.ReadAll(io.LimitReader(r, maxList+1))
	if err != nil {
		return nil, nil, fmt.Errorf("read prices: %w", err)
	}
	if len(b) > maxList {
		return nil, nil, errors.New("read prices: larger than 64 MiB")
	}
	switch format {
	case "litellm":
		rows, err = litellm(b)
	case "models.dev":
		rows, err = modelsDev(b)
	case "catwalk":
		rows, notes, err = catwalk(b)
	case "openrouter":
		rows, err = openRouter(b)
	default:
		return nil, nil, fmt.Errorf("unknown price list %q", format)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("not a price list of %s: %w", format, err)
	}
	kept := rows[:0]
	left := 0
	for _, row := range rows {
		if row.Provider == "" {
			row.Provider = provider
		}
		row.Source, row.AsOf = format, asOf
		if zero(row.In) || zero(row.Out) || row.Provider == "" || row.Model == "" {
			left++
			continue
		}
		if _, err := row.Price(); err != nil {
			left++
			continue
		}
		kept = append(kept, row)
	}
	if left > 0 {
		notes = append(notes, fmt.Sprintf("%d models left out: no price for input and output, or 0, which in such a list means unknown", left))
	}
	sort.Slice(kept, func(i, j int) bool {
		if kept[i].Provider != kept[j].Provider {
			return kept[i].Provider < kept[j].Provider
		}
		return kept[i].Model < kept[j].Model
	})
	return kept, notes, nil
}

func zero(n json.Number) bool {
	r, ok := new(big.Rat).SetString(n.String())
	return n == "" || !ok || r.Sign() <= 0
}

// perMillion turns a price per token into one per million tokens, exactly: as a
// decimal, never as a float. Digits finer than a micro-dollar per million are
// rounded; lists that were computed with floats have some.
func perMillion(n json.Number) json.Number { return scaled(n, 1_000_000) }

func scaled(n json.Number, by int64) json.Number {
	if n == "" || len(n) > 40 || strings.ContainsAny(n.String(), "xXpP_/") {
		return ""
	}
	if i := strings.IndexAny(n.String(), "eE"); i >= 0 && len(n)-i > 4 {
		return "" // an exponent that no price has
	}
	r, ok := new(big.Rat).SetString(n.String())
	if !ok || r.Sign() < 0 {
		return ""
	}
	r.Mul(r, new(big.Rat).SetInt64(by))
	s := strings.TrimRight(strings.TrimRight(r.FloatString(6), "0"), ".")
	if s == "" {
		s = "0"
	}
	return json.Number(s)
}

// known is a price that a list gives; 0 is none.
func known(n json.Number) json.Number {
	if zero(n) {
		return ""
	}
	return n
}

// litellm is LiteLLM's model_prices_and_context_window.json: dollars per token.
func litellm(b []byte) ([]Row, error) {
	var list map[string]json.RawMessage
	if err := json.Unmarshal(b, &list); err != nil {
		return nil, err
	}
	var rows []Row
	for name, raw := range list {
		var m struct {
			Provider   string      `json:"litellm_provider"`
			Mode       string      `json:"mode"`
			In         json.Number `json:"input_cost_per_token"`
			Out        json.Number `json:"output_cost_per_token"`
			Read       json.Number `json:"cache_read_input_token_cost"`
			Write      json.Number `json:"cache_creation_input_token_cost"`
			WriteHour  json.Number `json:"cache_creation_input_token_cost_above_1hr"`
			Reasoning  json.Number `json:"output_cost_per_reasoning_token"`
			InAudio    json.Number `json:"input_cost_per_audio_token"`
			OutAudio   json.Number `json:"output_cost_per_audio_token"`
			BatchIn    json.Number `json:"input_cost_per_token_batches"`
			BatchOut   json.Number `json:"output_cost_per_token_batches"`
			FlexIn     json.Number `json:"input_cost_per_token_flex"`
			FlexOut    json.Number `json:"output_cost_per_token_flex"`
			Priority   json.Number `json:"input_cost_per_token_priority"`
			PriorOut   json.Number `json:"output_cost_per_token_priority"`
			Over200In  json.Number `json:"input_cost_per_token_above_200k_tokens"`
			Over200Out json.Number `json:"output_cost_per_token_above_200k_tokens"`
			Context    json.Number `json:"max_input_tokens"`
			MaxOut     json.Number `json:"max_output_tokens"`
		}
		if name == "sample_spec" || json.Unmarshal(raw, &m) != nil || m.Mode != "chat" && m.Mode != "responses" {
			continue
		}
		row := Row{Provider: m.Provider, Model: strings.TrimPrefix(name, m.Provider+"/"), In: perMillion(m.In), Out: perMillion(m.Out), CacheRead: known(perMillion(m.Read)),
			CacheWrite5m: known(perMillion(m.Write)), CacheWrite1h: known(perMillion(m.WriteHour)), Reasoning: known(perMillion(m.Reasoning)),
			InAudio: known(perMillion(m.InAudio)), OutAudio: known(perMillion(m.OutAudio))}
		row.Context, _ = m.Context.Int64()
		row.MaxOutput, _ = m.MaxOut.Int64()
		for _, t := range []struct {
			name    string
			in, out json.Number
		}{{"batch", m.BatchIn, m.BatchOut}, {"flex", m.FlexIn, m.FlexOut}, {"priority", m.Priority, m.PriorOut}} {
			if !zero(t.in) && !zero(t.out) {
				if row.Tiers == nil {
					row.Tiers = make(map[string]*Row)
				}
				row.Tiers[t.name] = &Row{In: perMillion(t.in), Out: perMillion(t.out)}
			}
		}
		if !zero(m.Over200In) && !zero(m.Over200Out) {
			row.LongContext = &LongContext{Over: 200_000, In: perMillion(m.Over200In), Out: perMillion(m.Over200Out)}
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// modelsDev is models.dev's api.json: providers with models, dollars per million.
func modelsDev(b []byte) ([]Row, error) {
	var list map[string]struct {
		Models map[string]struct {
			Cost struct {
				In        json.Number `json:"input"`
				Out       json.Number `json:"output"`
				Reasoning json.Number `json:"reasoning"`
				Read      json.Number `json:"cache_read"`
				Write     json.Number `json:"cache_write"`
				InAudio   json.Number `json:"input_audio"`
				OutAudio  json.Number `json:"output_audio"`
			} `json:"cost"`
			Limit struct {
				Context json.Number `json:"context"`
				Output  json.Number `json:"output"`
			} `json:"limit"`
		} `json:"models"`
	}
	if err := json.Unmarshal(b, &list); err != nil {
		return nil, err
	}
	var rows []Row
	for provider, p := range list {
		for name, m := range p.Models {
			row := Row{Provider: provider, Model: name, In: scaled(m.Cost.In, 1), Out: scaled(m.Cost.Out, 1), CacheRead: known(scaled(m.Cost.Read, 1)), CacheWrite5m: known(scaled(m.Cost.Write, 1)),
				Reasoning: known(scaled(m.Cost.Reasoning, 1)), InAudio: known(scaled(m.Cost.InAudio, 1)), OutAudio: known(scaled(m.Cost.OutAudio, 1))}
			row.Context, _ = m.Limit.Context.Int64()
			row.MaxOutput, _ = m.Limit.Output.Int64()
			rows = append(rows, row)
		}
	}
	return rows, nil
}

// catwalk is one provider's file of catwalk. Its two cache columns mean reading
// in some files and writing in others, so neither is taken.
func catwalk(b []byte) ([]Row, []string, error) {
	var p struct {
		ID     string `json:"id"`
		Models []struct {
			ID      string      `json:"id"`
			In      json.Number `json:"cost_per_1m_in"`
			Out     json.Number `json:"cost_per_1m_out"`
			Context json.Number `json:"context_window"`
		} `json:"models"`
	}
	if err := json.Unmarshal(b, &p); err != nil {
		return nil, nil, err
	}
	if p.ID == "" {
		return nil, nil, errors.New("it names no provider")
	}
	rows := make([]Row, 0, len(p.Models))
	for _, m := range p.Models {
		row := Row{Provider: p.ID, Model: m.ID, In: scaled(m.In, 1), Out: scaled(m.Out, 1)}
		row.Context, _ = m.Context.Int64()
		rows = append(rows, row)
	}
	return rows, []string{"cache prices were not taken: the same column means reading in some of these files and writing in others. Calls that use a cache have an unknown cost"}, nil
}

// openRouter is OpenRouter's /api/v1/models: dollars per token, as strings.
func openRouter(b []byte) ([]Row, error) {
	var list struct {
		Data []struct {
			ID      string      `json:"id"`
			Context json.Number `json:"context_length"`
			Pricing struct {
				In    json.Number `json:"prompt"`
				Out   json.Number `json:"completion"`
				Read  json.Number `json:"input_cache_read"`
				Write json.Number `json:"input_cache_write"`
				Think json.Number `json:"internal_reasoning"`
			} `json:"pricing"`
		} `json:"data"`
	}
	if err := json.Unmarshal(b, &list); err != nil {
		return nil, err
	}
	if list.Data == nil {
		return nil, errors.New("it has no data")
	}
	rows := make([]Row, 0, len(list.Data))
	for _, m := range list.Data {
		row := Row{Provider: "openrouter", Model: m.ID, In: perMillion(m.Pricing.In), Out: perMillion(m.Pricing.Out), CacheRead: known(perMillion(m.Pricing.Read)),
			CacheWrite5m: known(perMillion(m.Pricing.Write)), Reasoning: known(perMillion(m.Pricing.Think))}
		row.Context, _ = m.Context.Int64()
		rows = append(rows, row)
	}
	return rows, nil
}
