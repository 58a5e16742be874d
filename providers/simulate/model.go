// Package simulate is a model that is not one: its answers, times, tokens and
// faults are functions of a seed. It serves tests, drills and demonstrations,
// as an adapter and over HTTP; nothing that it says is evidence about any model.
package simulate

import (
	"encoding/json"
	"fmt"
	"math"
	"sort"
	"strconv"
	"strings"
	"time"

	"infer/eval"
)

// Model is how one simulated model behaves.
type Model struct {
	Accuracy     float64            `json:"accuracy"`      // chance of the expected answer
	TypeAccuracy map[string]float64 `json:"type_accuracy"` // the same by task type
	Latency      time.Duration      `json:"latency"`       // to the first token
	Jitter       time.Duration      `json:"jitter"`        // up to so much more
	TokenTime    time.Duration      `json:"token_time"`    // for each output token
	Faults       map[string]float64 `json:"faults"`        // chance of each fault, by name
	FaultCalls   int                `json:"fault_calls"`   // a faulty call fails so many times, then succeeds; 0 = always
}

// faults are the names of what can go wrong, in the order in which they are
// drawn.
var faults = []string{"429", "500", "503", "529", "401", "402", "400", "context", "filter", "refusal", "length", "empty", "hang", "reset", "cut", "malformed"}

// Faults lists the names of the faults.
func Faults() []string { return append([]string(nil), faults...) }

// Validate checks that chances are chances and faults are known.
func (m *Model) Validate() error {
	if !(m.Accuracy >= 0 && m.Accuracy <= 1) {
		return fmt.Errorf("accuracy %v is not between 0 and 1", m.Accuracy)
	}
	total := 0.0
	for name, p := range m.Faults {
		if !known(name) {
			return fmt.Errorf("unknown fault %q; the faults are %s", eval.Untrusted(name).Line(40), strings.Join(faults, ", "))
		}
		if !(p >= 0 && p <= 1) {
			return fmt.Errorf("fault %s: %v is not between 0 and 1", name, p)
		}
		total += p
	}
	if total > 1+1e-9 {
		return fmt.Errorf("the faults add up to %v, more than 1", total)
	}
	for kind, p := range m.TypeAccuracy {
		if !(p >= 0 && p <= 1) {
			return fmt.Errorf("accuracy of %s: %v is not between 0 and 1", eval.Untrusted(kind).Line(40), p)
		}
	}
	return nil
}

func known(fault string) bool {
	for _, f := range faults {
		if f == fault {
			return true
		}
	}
	return false
}

// ParseModel reads "name:key=value,…": acc, latency, jitter, token, calls and
// the faults by name, for example "flaky:acc=0.9,latency=20ms,429=0.1".
func ParseModel(s string) (string, Model, error) {
	m := Model{Accuracy: 1, Faults: make(map[string]float64)}
	name, rest, _ := strings.Cut(s, ":")
	if name == "" {
		return "", m, eval.Invalid(fmt.Errorf("model %q has no name", eval.Untrusted(s).Line(60)), "write it like flaky:acc=0.9,latency=20ms,429=0.1")
	}
	for _, kv := range strings.Split(rest, ",") {
		if kv == "" {
			continue
		}
		key, value, _ := strings.Cut(kv, "=")
		if err := m.set(key, value); err != nil {
			return "", m, eval.Invalid(fmt.Errorf("model %s: %w", eval.Untrusted(name).Line(60), err), "the keys are acc, latency, jitter, token, calls, "+strings.Join(faults, ", "))
		}
	}
	if err := m.Validate(); err != nil {
		return "", m, eval.Invalid(fmt.Errorf("model %s: %w", eval.Untrusted(name).Line(60), err), "write it like flaky:acc=0.9,latency=20ms,429=0.1")
	}
	return name, m, nil
}

func (m *Model) set(key, value string) (err error) {
	switch key {
	case "acc":
		m.Accuracy, err = strconv.ParseFloat(value, 64)
	case "latency":
		m.Latency, err = time.ParseDuration(value)
	case "jitter":
		m.Jitter, err = time.ParseDuration(value)
	case "token":
		m.TokenTime, err = time.ParseDuration(value)
	case "calls":
		m.FaultCalls, err = strconv.Atoi(value)
	default:
		if !known(key) {
			return fmt.Errorf("unknown setting %q", eval.Untrusted(key).Line(40))
		}
		m.Faults[key], err = strconv.ParseFloat(value, 64)
	}
	if err != nil {
		return fmt.Errorf("%s=%s: not a value", eval.Untrusted(key).Line(40), eval.Untrusted(value).Line(40))
	}
	if m.Latency < 0 || m.Jitter < 0 || m.TokenTime < 0 || m.FaultCalls < 0 {
		return fmt.Errorf("%s is negative", key)
	}
	return nil
}

// draw is what one call comes to.
type draw struct {
	fault   string // "" = none
	correct bool
	ttft    time.Duration
	total   time.Duration
	in, out int64
	answer  string
}

// draw decides one call: a function of the seed, the model, the question and
// how often it was asked.
func (m *Model) draw(seed uint64, model, prompt, taskType, correct string, repeat, attempt int) draw {
	h := mix(seed ^ hash(model, prompt) ^ mix(uint64(repeat)+1))
	var d draw
	d.fault = m.fault(unit(h, 1))
	if m.FaultCalls > 0 {
		if attempt >= m.FaultCalls {
			d.fault = ""
		}
	} else if attempt > 0 {
		d.fault = m.fault(unit(h, 100+uint64(attempt)))
	}
	acc := m.Accuracy
	if a, ok := m.TypeAccuracy[taskType]; ok {
		acc = a
	}
	d.correct = unit(h, 2+uint64(attempt)*7) < acc
	d.answer = correct
	if !d.correct || correct == "" {
		d.answer = wrong(correct, h)
	}
	d.in, d.out = tokens(prompt), tokens(d.answer)
	d.ttft = m.Latency + time.Duration(unit(h, 3+uint64(attempt))*float64(m.Jitter))
	d.total = d.ttft + time.Duration(d.out)*m.TokenTime
	return d
}

func (m *Model) fault(u float64) string {
	names := make([]string, 0, len(m.Faults))
	for f := range m.Faults {
		names = append(names, f)
	}
	sort.Strings(names)
	for _, f := range names {
		if u -= m.Faults[f]; u < 0 {
			return f
		}
	}
	return ""
}

// tokens is about how many tokens a text has: four bytes each.
func tokens(s string) int64 { return int64(math.Max(1, math.Ceil(float64(len(s))/4))) }

// wrong is an answer that is not the correct one.
func wrong(correct string, h uint64) string {
	if n, err := strconv.ParseFloat(correct, 64); err == nil {
		return strconv.FormatFloat(n+1+float64(h%7), 'f', -1, 64)
	}
	return [...]string{"I am not sure about that.", "none of these", "something else", "no answer"}[h%4]
}

// expectedText is the text that a grader would accept for an expected value.
func expectedText(expected json.RawMessage) string {
	var s string
	if json.Unmarshal(expected, &s) == nil {
		return s
	}
	return string(expected)
}

func hash(a, b string) uint64 {
	h := uint64(14695981039346656037)
	for i := 0; i < len(a); i++ {
		h = (h ^ uint64(a[i])) * 1099511628211
	}
	h = (h ^ 0xff) * 1099511628211
	for i := 0; i < len(b); i++ {
		h = (h ^ uint64(b[i])) * 1099511628211
	}
	return mix(h)
}

// mix is the finaliser of splitmix64 (Steele, Lea & Flood 2014).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// unit is the n-th number in [0, 1) drawn from h.
func unit(h, n uint64) float64 { return float64(mix(h+n*0x9e3779b97f4a7c15)>>11) / (1 << 53) }
