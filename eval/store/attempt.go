package store

import (
	"database/sql"
	"encoding/json"
	"fmt"

	"infer/eval"
)

// detail is what an attempt has beside its columns.
type detail struct {
	Usage      *eval.Usage       `json:"usage,omitempty"` // only where an axis has no column of its own
	UsageRaw   json.RawMessage   `json:"usage_raw,omitempty"`
	Failure    *eval.Failure     `json:"failure,omitempty"`
	FinishRaw  string            `json:"finish_raw,omitempty"`
	RateLimits map[string]string `json:"rate_limits,omitempty"`
	ToolCalls  []eval.ToolCall   `json:"tool_calls,omitempty"`
	Refusal    eval.Untrusted    `json:"refusal,omitempty"`
	Reason     string            `json:"reason,omitempty"`
}

func (j *Journal) insertAttempt(t *tx, trial int64, a *eval.Attempt, seq int) error {
	var ids [4]any
	for i, s := range []string{a.Candidate, a.Provider, a.Model, a.Served} {
		var err error
		if i == 3 {
			ids[i], err = t.nameOrNull(s)
		} else {
			ids[i], err = t.name(s)
		}
		if err != nil {
			return err
		}
	}
	asked, err := t.ask(a)
	if err != nil {
		return err
	}
	output, err := t.text([]byte(a.Output))
	if err != nil {
		return err
	}
	more, err := detailOf(a)
	if err != nil {
		return err
	}
	var class, status, finish, request, batch any
	if a.Failure != nil {
		class = string(a.Failure.Class)
	}
	if a.Status != 0 {
		status = a.Status
	}
	if a.Finish != "" {
		finish = string(a.Finish)
	}
	if a.RequestID != "" {
		request = a.RequestID
	}
	if a.Batch != "" {
		batch = a.Batch
	}
	tokens := [4]any{}
	if u := a.Usage; u != nil && u.Counted() {
		tokens = [4]any{u.InFresh, u.InCacheRead + u.InCacheWrite5m + u.InCacheWrite1h, u.OutText, u.OutReasoning}
	}
	if err := t.exec(`INSERT INTO attempts (trial, seq, cause, called, provider, model, served, asked,
		started_us, queue_us, backoff_us, flight_us, ttft_us, backend_us, recorded, class, status, finish, billing,
		cost_low, cost_high, in_fresh, in_cached, out_text, out_reason, request_id, output, detail, batch)
		VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`,
		trial, seq, string(a.Cause), ids[0], ids[1], ids[2], ids[3], asked,
		a.StartedAt.UnixMicro(), micros(a.QueueWait), micros(a.Backoff), micros(a.InFlight), microsOrNull(a.TTFT), microsOrNull(a.Backend), a.Recorded,
		class, status, finish, string(a.Billing), int64(a.Cost.Low), high(a.Cost),
		tokens[0], tokens[1], tokens[2], tokens[3], request, output, more, batch); err != nil {
		return err
	}
	return insertGrade(t, trial, a, seq, j.grading)
}

// detailOf is what an attempt has beside its columns, as JSON; nil = nothing.
func detailOf(a *eval.Attempt) (any, error) {
	d := detail{Failure: a.Failure, FinishRaw: a.FinishRaw, RateLimits: a.RateLimits, ToolCalls: a.ToolCalls, Refusal: a.Refusal, Reason: a.Reason}
	if d.FinishRaw == string(a.Finish) {
		d.FinishRaw = ""
	}
	if u := a.Usage; u != nil {
		d.UsageRaw = u.Raw
		if u.InCacheRead+u.InCacheWrite5m+u.InCacheWrite1h+u.InAudio+u.InImage+u.OutAudio+u.OutImage > 0 ||
			u.Tier != "" || u.ProviderCost != nil || len(u.ServerTools) > 0 {
			d.Usage = u
		}
	}
	if d.UsageRaw == nil && d.Usage == nil && d.Failure == nil && d.FinishRaw == "" && len(d.RateLimits) == 0 && len(d.ToolCalls) == 0 && d.Refusal == "" && d.Reason == "" {
		return nil, nil
	}
	b, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	return string(b), nil
}

func decodeDetail(body sql.NullString, a *eval.Attempt) error {
	if !body.Valid {
		return nil
	}
	var d detail
	if err := json.Unmarshal([]byte(body.String), &d); err != nil {
		return fmt.Errorf("read detail of an attempt: %w", err)
	}
	a.Failure, a.RateLimits, a.ToolCalls, a.Refusal, a.Reason = d.Failure, d.RateLimits, d.ToolCalls, d.Refusal, d.Reason
	if d.FinishRaw != "" {
		a.FinishRaw = d.FinishRaw
	}
	if d.Usage != nil {
		a.Usage = d.Usage
	}
	if a.Usage != nil {
		a.Usage.Raw = d.UsageRaw
	}
	return nil
}
