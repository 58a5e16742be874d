package config

import (
	"encoding/json"
	"time"

	"infer/eval"
)

// TaskType is what the team says about one kind of work.
type TaskType struct {
	Class      string          `yaml:"class" doc:"low_risk, high_risk, multimodal or agent" enum:"low_risk,high_risk,multimodal,agent"`
	Graders    json.RawMessage `yaml:"graders" doc:"a grader, a list of them, or a composition; see infer help grading" format:"grader"`
	Margin     *float64        `yaml:"margin" doc:"how much worse still counts as as good, fixed beforehand (default 0.05 = 5 points)" xmin:"0" xmax:"1"`
	SLO        time.Duration   `yaml:"slo_p95" doc:"limit on the user-visible p95 latency"`
	Volume     int64           `yaml:"volume_per_month" doc:"tasks a month, for the money at stake"`
	Confirm    bool            `yaml:"confirm" doc:"never fall back without a person's word"`
	Regenerate int             `yaml:"regenerate" doc:"how often a rejected answer is asked for again" max:"20"`
	Repair     *Repair         `yaml:"repair" doc:"when a person would repair a rejected answer, and what that costs"`
	Review     string          `yaml:"review" doc:"review rule in words"`
}

// Repair is a repair rule.
type Repair struct {
	MaxEditRatio     *float64 `yaml:"max_edit_ratio" doc:"repair if edit distance ÷ longer length is at most this" min:"0" max:"1"`
	MaxMissingFields *int     `yaml:"max_missing_fields" doc:"repair if at most so many JSON fields are wrong or missing"`
	Minutes          float64  `yaml:"minutes" doc:"a person's time for one repair" required:"true" xmin:"0" max:"10000"`
	HourlyRate       Decimal  `yaml:"hourly_rate_usd" doc:"what a person's hour costs" required:"true" format:"usd"`
}

// Prices are price rows, here or in a file of their own. A row here goes before
// one there.
type Prices struct {
	File   string  `yaml:"file" doc:"YAML file with a list of price rows, relative to this file"`
	Models []Price `yaml:"models" doc:"price rows"`
}

// Price is one price row; prices are in US dollars per million tokens. A price
// that is left out is unknown, never 0.
type Price struct {
	Provider      string               `yaml:"provider" doc:"name of the provider" required:"true"`
	Model         string               `yaml:"model" doc:"model string" required:"true"`
	In            Decimal              `yaml:"in" doc:"input" required:"true" format:"price"`
	Out           Decimal              `yaml:"out" doc:"output" required:"true" format:"price"`
	CacheRead     Decimal              `yaml:"cache_read" doc:"input read from a cache" format:"price"`
	CacheWrite5m  Decimal              `yaml:"cache_write_5m" doc:"input written to a short-lived cache" format:"price"`
	CacheWrite1h  Decimal              `yaml:"cache_write_1h" doc:"input written to a one-hour cache" format:"price"`
	Reasoning     Decimal              `yaml:"reasoning" doc:"reasoning output (default: as output)" format:"price"`
	InAudio       Decimal              `yaml:"in_audio" doc:"audio input" format:"price"`
	OutAudio      Decimal              `yaml:"out_audio" doc:"audio output" format:"price"`
	InImage       Decimal              `yaml:"in_image" doc:"image input" format:"price"`
	OutImage      Decimal              `yaml:"out_image" doc:"image output" format:"price"`
	ServerTools   map[string]Decimal   `yaml:"server_tools" doc:"tools that the provider runs, by name: US dollars per million calls" format:"price"`
	Tiers         map[string]TierPrice `yaml:"tiers" doc:"prices by service tier as the provider returns it (batch, flex, priority); they replace all of these"`
	LongContext   *LongPrice           `yaml:"long_context" doc:"what a request costs whose input is larger than a limit"`
	ContextWindow int64                `yaml:"context_window" doc:"tokens that the model takes at most; 0 = unknown"`
	MaxOutput     int64                `yaml:"max_output" doc:"tokens that the model writes at most; 0 = unknown"`
	Source        string               `yaml:"source" doc:"where the price is from" required:"true"`
	AsOf          string               `yaml:"as_of" doc:"date of the price, YYYY-MM-DD" required:"true" format:"date"`
	Listed        bool                 `yaml:"list_price" doc:"of a public list: it holds for this model, not for what a provider serves in its place"`
	Example       bool                 `yaml:"example_price" doc:"invented for illustration"`

	place place
}

// TierPrice are the prices of one service tier.
type TierPrice struct {
	In           Decimal `yaml:"in" doc:"input" format:"price"`
	Out          Decimal `yaml:"out" doc:"output" format:"price"`
	CacheRead    Decimal `yaml:"cache_read" doc:"input read from a cache" format:"price"`
	CacheWrite5m Decimal `yaml:"cache_write_5m" doc:"input written to a short-lived cache" format:"price"`
	CacheWrite1h Decimal `yaml:"cache_write_1h" doc:"input written to a one-hour cache" format:"price"`
	Reasoning    Decimal `yaml:"reasoning" doc:"reasoning output (default: as output)" format:"price"`
	InAudio      Decimal `yaml:"in_audio" doc:"audio input" format:"price"`
	OutAudio     Decimal `yaml:"out_audio" doc:"audio output" format:"price"`
	InImage      Decimal `yaml:"in_image" doc:"image input" format:"price"`
	OutImage     Decimal `yaml:"out_image" doc:"image output" format:"price"`
}

// LongPrice are the prices of a whole request whose input is larger than Over
// tokens. Those that are left out are unknown, not the usual ones.
type LongPrice struct {
	Over         int64                `yaml:"over" doc:"input tokens up to which the usual prices hold" required:"true" min:"1"`
	In           Decimal              `yaml:"in" doc:"input" format:"price"`
	Out          Decimal              `yaml:"out" doc:"output" format:"price"`
	CacheRead    Decimal              `yaml:"cache_read" doc:"input read from a cache" format:"price"`
	CacheWrite5m Decimal              `yaml:"cache_write_5m" doc:"input written to a short-lived cache" format:"price"`
	CacheWrite1h Decimal              `yaml:"cache_write_1h" doc:"input written to a one-hour cache" format:"price"`
	Tiers        map[string]TierPrice `yaml:"tiers" doc:"prices by service tier above the limit"`
}

// Gates are what must hold for a run to pass.
type Gates struct {
	MinAcceptance      *float64        `yaml:"min_acceptance" doc:"floor on the one-sided 95 % lower bound of acceptance" min:"0" max:"1"`
	MinReliability     *float64        `yaml:"min_reliability" doc:"floor on the one-sided 95 % lower bound of the share of trials with an answer" min:"0" max:"1"`
	MaxCritical        *float64        `yaml:"max_critical_failures" doc:"ceiling on the one-sided 95 % upper bound of the share of wrong answers to tasks that have the tag critical" min:"0" max:"1"`
	SLO                time.Duration   `yaml:"slo_p95" doc:"limit on the user-visible p95 latency"`
	MaxCostPerAccepted Decimal         `yaml:"max_cost_per_accepted_usd" doc:"ceiling on the upper end of the cost of an accepted task" format:"usd"`
	RegressionMargin   *float64        `yaml:"regression_margin" doc:"largest drop against the baseline that passes (default 0.05)" min:"0" max:"1"`
	MustPass           []string        `yaml:"must_pass" doc:"task ids that must be accepted"`
	Candidates         []string        `yaml:"candidates" doc:"candidates that the gates are for (default: the incumbent, else all)"`
	TaskTypes          map[string]Gate `yaml:"task_types" doc:"limits of single task types; they replace the general ones"`
}

// Gate is what must hold for one task type.
type Gate struct {
	MinAcceptance      *float64      `yaml:"min_acceptance" doc:"floor on the one-sided 95 % lower bound of acceptance" min:"0" max:"1"`
	MinReliability     *float64      `yaml:"min_reliability" doc:"floor on the one-sided 95 % lower bound of the share of trials with an answer" min:"0" max:"1"`
	MaxCritical        *float64      `yaml:"max_critical_failures" doc:"ceiling on the one-sided 95 % upper bound of the share of wrong answers to tasks that have the tag critical" min:"0" max:"1"`
	SLO                time.Duration `yaml:"slo_p95" doc:"limit on the user-visible p95 latency"`
	MaxCostPerAccepted Decimal       `yaml:"max_cost_per_accepted_usd" doc:"ceiling on the upper end of the cost of an accepted task" format:"usd"`
	RegressionMargin   *float64      `yaml:"regression_margin" doc:"largest drop against the baseline that passes" min:"0" max:"1"`
}

// For returns the limits of one task type: its own, and the general ones where
// it sets none. A nil Gates has none.
func (g *Gates) For(taskType string) Gate {
	if g == nil {
		return Gate{}
	}
	own := g.TaskTypes[taskType]
	if own.MinAcceptance == nil {
		own.MinAcceptance = g.MinAcceptance
	}
	if own.MinReliability == nil {
		own.MinReliability = g.MinReliability
	}
	if own.MaxCritical == nil {
		own.MaxCritical = g.MaxCritical
	}
	if own.SLO == 0 {
		own.SLO = g.SLO
	}
	if own.MaxCostPerAccepted == "" {
		own.MaxCostPerAccepted = g.MaxCostPerAccepted
	}
	if own.RegressionMargin == nil {
		own.RegressionMargin = g.RegressionMargin
	}
	return own
}

// CountCritical reports whether any gate is about critical failures.
func (g *Gates) CountCritical() bool {
	if g == nil {
		return false
	}
	for _, own := range g.TaskTypes {
		if own.MaxCritical != nil {
			return true
		}
	}
	return g.MaxCritical != nil
}

// USD returns an amount of US dollars exactly, and whether one is set.
func (d Decimal) USD() (eval.Money, bool) {
	m, err := eval.ParseUSD(string(d))
	return m, d != "" && err == nil
}
