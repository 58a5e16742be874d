package prices

import (
	"encoding/json"
	"errors"
	"regexp"
	"strconv"
	"strings"
)

// liteLLM is one model of LiteLLM's list. Prices beside these have the same names
// with an ending: _batches, _flex, _priority, _above_200k_tokens.
type liteLLM struct {
	Provider string                     `json:"litellm_provider"`
	Mode     string                     `json:"mode"`
	Context  json.Number                `json:"max_input_tokens"`
	MaxOut   json.Number                `json:"max_output_tokens"`
	Stepped  json.RawMessage            `json:"tiered_pricing"`
	Search   map[string]json.Number     `json:"search_context_cost_per_query"`
	Request  json.Number                `json:"input_cost_per_request"`
	all      map[string]json.RawMessage // every field
}

// price is the field of that name as a price per million tokens.
func (m *liteLLM) price(l *list, name string) json.Number {
	var n json.Number
	if raw, ok := m.all[name]; ok && json.Unmarshal(raw, &n) == nil {
		return l.perToken(n)
	}
	return ""
}

// litellm is LiteLLM's model_prices_and_context_window.json: dollars per token.
func (l *list) litellm(b []byte) error {
	var models map[string]json.RawMessage
	if err := json.Unmarshal(b, &models); err != nil {
		return err
	}
	for name, raw := range models {
		var m liteLLM
		if name == "sample_spec" || json.Unmarshal(raw, &m) != nil || json.Unmarshal(raw, &m.all) != nil || m.Mode != "chat" && m.Mode != "responses" {
			continue
		}
		if len(m.Stepped) > 0 && string(m.Stepped) != "null" || nonZero(m.Request) {
			l.otherwise++
			continue
		}
		l.rows = append(l.rows, m.row(l, name))
	}
	return nil
}

func (m *liteLLM) row(l *list, name string) Row {
	row := Row{Provider: service(m.Provider), Model: strings.TrimPrefix(name, m.Provider+"/"), Reasoning: m.price(l, "output_cost_per_reasoning_token"),
		InAudio: m.price(l, "input_cost_per_audio_token"), OutAudio: m.price(l, "output_cost_per_audio_token"),
		InImage: m.price(l, "input_cost_per_image_token"), OutImage: m.price(l, "output_cost_per_image_token")}
	if row.Provider == "bedrock" {
		row.Model = strings.TrimPrefix(row.Model, "bedrock/")
	}
	m.axes(l, "", &row)
	row.Tiers = m.tiers(l, "")
	row.Context, _ = m.Context.Int64()
	row.MaxOutput, _ = m.MaxOut.Int64()
	if steps := m.limits(); len(steps) > 0 {
		row.LongContext = m.long(l, steps)
	}
	row.Tools = m.search(l)
	return row
}

// axes fills in the prices whose names end so.
func (m *liteLLM) axes(l *list, ending string, row *Row) {
	row.In, row.Out = m.price(l, "input_cost_per_token"+ending), m.price(l, "output_cost_per_token"+ending)
	row.CacheRead, row.CacheWrite5m = m.price(l, "cache_read_input_token_cost"+ending), m.price(l, "cache_creation_input_token_cost"+ending)
	row.CacheWrite1h = m.price(l, "cache_creation_input_token_cost_above_1hr"+ending)
}

// tiers are the prices by service tier that hold up to or, with its ending, above
// a limit; nil = there are none.
func (m *liteLLM) tiers(l *list, ending string) map[string]*Row {
	var out map[string]*Row
	for name, tail := range map[string]string{"batch": "_batches", "flex": "_flex", "priority": "_priority"} {
		var row Row
		if m.axes(l, ending+tail, &row); row.In == "" || row.Out == "" {
			continue
		}
		if out == nil {
			out = make(map[string]*Row)
		}
		out[name] = &row
	}
	return out
}

var aboveForm = regexp.MustCompile(`^input_cost_per_token_above_([0-9]{1,5})k_tokens$`)

// limits are the input sizes, in thousands of tokens, above which other prices hold.
func (m *liteLLM) limits() []int64 {
	var out []int64
	for name, raw := range m.all {
		if f := aboveForm.FindStringSubmatch(name); f != nil && string(raw) != "null" {
			if k, err := strconv.ParseInt(f[1], 10, 64); err == nil && k > 0 {
				out = append(out, k)
			}
		}
	}
	return out
}

// long is what a large input costs. A row holds one limit: where the list has
// several, what lies above the lowest is unknown.
func (m *liteLLM) long(l *list, limits []int64) *LongContext {
	lowest := limits[0]
	for _, k := range limits {
		lowest = min(lowest, k)
	}
	long := &LongContext{Over: lowest * 1000}
	if len(limits) > 1 {
		return long
	}
	var row Row
	ending := "_above_" + strconv.FormatInt(lowest, 10) + "k_tokens"
	m.axes(l, ending, &row)
	long.In, long.Out, long.CacheRead, long.CacheWrite5m, long.CacheWrite1h = row.In, row.Out, row.CacheRead, row.CacheWrite5m, row.CacheWrite1h
	long.Tiers = m.tiers(l, ending)
	return long
}

// search is the price of a web search, where it is one price.
func (m *liteLLM) search(l *list) map[string]json.Number {
	var one json.Number
	for _, n := range m.Search {
		if one != "" && n != one {
			return nil
		}
		one = n
	}
	if v := l.perToken(one); v != "" {
		return map[string]json.Number{"web_search": v}
	}
	return nil
}

func nonZero(n json.Number) bool {
	f, err := n.Float64()
	return n != "" && (err != nil || f != 0)
}

// devCost are the prices of one model of models.dev.
type devCost struct {
	In        json.Number `json:"input"`
	Out       json.Number `json:"output"`
	Reasoning json.Number `json:"reasoning"`
	Read      json.Number `json:"cache_read"`
	Write     json.Number `json:"cache_write"`
	InAudio   json.Number `json:"input_audio"`
	OutAudio  json.Number `json:"output_audio"`
	Over200   *devCost    `json:"context_over_200k"`
	// Tiers are prices in steps of input size, a newer form.
	Tiers json.RawMessage `json:"tiers"`
}

// modelsDev is models.dev's api.json: providers with models, dollars per million.
func (l *list) modelsDev(b []byte) error {
	var providers map[string]struct {
		Models map[string]struct {
			Cost  devCost `json:"cost"`
			Limit struct {
				Context json.Number `json:"context"`
				Output  json.Number `json:"output"`
			} `json:"limit"`
		} `json:"models"`
	}
	if err := json.Unmarshal(b, &providers); err != nil {
		return err
	}
	for provider, p := range providers {
		for name, m := range p.Models {
			c := &m.Cost
			if len(c.Tiers) > 0 && string(c.Tiers) != "null" && c.Over200 == nil {
				l.otherwise++
				continue
			}
			row := Row{Provider: service(provider), Model: name, In: l.perMillion(c.In), Out: l.perMillion(c.Out), CacheRead: l.perMillion(c.Read), CacheWrite5m: l.perMillion(c.Write),
				Reasoning: l.perMillion(c.Reasoning), InAudio: l.perMillion(c.InAudio), OutAudio: l.perMillion(c.OutAudio)}
			if o := c.Over200; o != nil {
				row.LongContext = &LongContext{Over: 200_000, In: l.perMillion(o.In), Out: l.perMillion(o.Out), CacheRead: l.perMillion(o.Read), CacheWrite5m: l.perMillion(o.Write)}
			}
			row.Context, _ = m.Limit.Context.Int64()
			row.MaxOutput, _ = m.Limit.Output.Int64()
			l.rows = append(l.rows, row)
		}
	}
	return nil
}

// catwalk is one provider's file of catwalk. Its two cache columns mean reading
// in some files and writing in others, so neither is taken.
func (l *list) catwalk(b []byte) error {
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
		return err
	}
	if p.ID == "" {
		return errors.New("it names no provider")
	}
	for _, m := range p.Models {
		row := Row{Provider: service(p.ID), Model: m.ID, In: l.perMillion(m.In), Out: l.perMillion(m.Out)}
		row.Context, _ = m.Context.Int64()
		l.rows = append(l.rows, row)
		l.ambiguous++
	}
	return nil
}

// openRouter is OpenRouter's /api/v1/models: dollars per token, as strings. A price
// of -1 stands for one that depends on where the request is routed.
func (l *list) openRouter(b []byte) error {
	var models struct {
		Data []struct {
			ID      string      `json:"id"`
			Context json.Number `json:"context_length"`
			Pricing struct {
				In      json.Number `json:"prompt"`
				Out     json.Number `json:"completion"`
				Request json.Number `json:"request"`
				Read    json.Number `json:"input_cache_read"`
				Write   json.Number `json:"input_cache_write"`
				Think   json.Number `json:"internal_reasoning"`
				Search  json.Number `json:"web_search"`
			} `json:"pricing"`
			Top struct {
				MaxOut json.Number `json:"max_completion_tokens"`
			} `json:"top_provider"`
		} `json:"data"`
	}
	if err := json.Unmarshal(b, &models); err != nil {
		return err
	}
	if models.Data == nil {
		return errors.New("it has no data")
	}
	for _, m := range models.Data {
		c := &m.Pricing
		if nonZero(c.Request) {
			l.otherwise++
			continue
		}
		row := Row{Provider: "openrouter", Model: m.ID, In: l.perToken(c.In), Out: l.perToken(c.Out), CacheRead: l.perToken(c.Read), CacheWrite5m: l.perToken(c.Write), Reasoning: l.perToken(c.Think)}
		if v := l.perToken(c.Search); v != "" {
			row.Tools = map[string]json.Number{"web_search": v}
		}
		row.Context, _ = m.Context.Int64()
		row.MaxOutput, _ = m.Top.MaxOut.Int64()
		l.rows = append(l.rows, row)
	}
	return nil
}
