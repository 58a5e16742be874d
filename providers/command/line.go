package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"infer/eval"
	"infer/providers"
)

// Schema names the version of the request line.
const Schema = "infer.call/1"

// request is one line to the program.
type request struct {
	Schema   string          `json:"schema"`
	ID       int64           `json:"id"`
	Model    string          `json:"model"`
	System   string          `json:"system,omitempty"`
	Messages []eval.Message  `json:"messages"`
	Tools    json.RawMessage `json:"tools,omitempty"`
	Format   json.RawMessage `json:"response_format,omitempty"`
	Params   eval.Params     `json:"params,omitempty"`
	TaskID   string          `json:"task_id,omitempty"`
	TaskType string          `json:"task_type,omitempty"`
	Repeat   int             `json:"repeat"`
}

// encode writes a request with its end of line.
func encode(id int64, req *eval.Request) ([]byte, error) {
	b, err := json.Marshal(request{Schema: Schema, ID: id, Model: req.Model, System: req.System, Messages: req.Messages, Tools: req.Tools,
		Format: req.ResponseFormat, Params: req.Params, TaskID: req.TaskID, TaskType: req.TaskType, Repeat: req.Repeat})
	if err != nil {
		return nil, fmt.Errorf("write the request: %w", err)
	}
	return append(b, '\n'), nil
}

// answer is one line from the program.
type answer struct {
	line []byte
}

type answerLine struct {
	ID        json.RawMessage `json:"id"`
	Output    *eval.Untrusted `json:"output"`
	ToolCalls json.RawMessage `json:"tool_calls"` // infer's form or OpenAI's
	Refusal   eval.Untrusted  `json:"refusal"`
	Finish    string          `json:"finish"`
	Model     string          `json:"model"`
	Usage     json.RawMessage `json:"usage"`
	CostUSD   json.Number     `json:"cost_usd"`
	BackendMS *float64        `json:"backend_ms"`
	TTFTMS    *float64        `json:"ttft_ms"`
	Error     *errorLine      `json:"error"`
}

type errorLine struct {
	Message      string      `json:"message"`
	Type         string      `json:"type"`
	Code         string      `json:"code"`
	Status       int         `json:"status"`
	RetryAfterMS json.Number `json:"retry_after_ms"`
}

// read takes the answer to request id apart. It returns the failure that the
// answer is; nil = none.
func (a answer) read(id int64, r *eval.Response) *providers.Signal {
	malformed := func(why string) *providers.Signal {
		return &providers.Signal{Err: providers.ErrMalformed, Message: why, Phase: eval.PhaseResponse}
	}
	var l answerLine
	if err := json.Unmarshal(a.line, &l); err != nil {
		return malformed("the program's answer is not a JSON object of the documented form: " + err.Error())
	}
	if len(l.ID) > 0 && string(l.ID) != strconv.FormatInt(id, 10) {
		return malformed("the program answered another request than the one it was asked")
	}
	if e := l.Error; e != nil {
		s := providers.Signal{Status: e.Status, Type: e.Type, Code: e.Code, Message: e.Message, Detail: e.Message + " ", Phase: eval.PhaseResponse}
		if e.RetryAfterMS != "" {
			s.Header = http.Header{"Retry-After-Ms": {e.RetryAfterMS.String()}}
		}
		r.Status = e.Status
		return &s
	}
	if l.Output == nil && !providers.Given(l.ToolCalls) && l.Refusal == "" {
		return malformed(`the program's answer has neither "output" nor "tool_calls" nor "error"`)
	}
	if l.Output != nil {
		r.Text = *l.Output
	}
	if providers.Given(l.ToolCalls) {
		var m eval.Message
		if err := json.Unmarshal([]byte(`{"role":"assistant","tool_calls":`+string(l.ToolCalls)+`}`), &m); err != nil {
			return malformed("tool_calls: " + err.Error())
		}
		r.ToolCalls = m.ToolCalls
		for i := range r.ToolCalls {
			r.ToolCalls[i].Arguments = providers.Arguments(r.ToolCalls[i].Arguments)
		}
	}
	r.Refusal, r.Model, r.FinishRaw = l.Refusal, l.Model, l.Finish
	r.Finish = providers.FinishOf(l.Finish)
	if l.Finish == "" {
		r.Finish, r.FinishRaw = eval.FinishStop, "stop"
	}
	r.Backend, r.TTFT = milliseconds(l.BackendMS), milliseconds(l.TTFTMS)
	var err error
	if r.Usage, err = usage(l.Usage, l.CostUSD); err != nil {
		return malformed(err.Error())
	}
	return nil
}

// usage reads a usage object, which has infer's own axes, and the cost. A cost
// without tokens is a usage too.
func usage(raw json.RawMessage, cost json.Number) (*eval.Usage, error) {
	if !providers.Given(raw) && cost == "" {
		return nil, nil
	}
	u := &eval.Usage{Raw: raw}
	if providers.Given(raw) {
		if err := json.Unmarshal(raw, u); err != nil {
			return nil, errors.New("usage is not an object of in_fresh, in_cache_read, out_text, …")
		}
	}
	if cost != "" {
		m, err := eval.ParseUSD(cost.String())
		if err != nil || m < 0 {
			return nil, errors.New("cost_usd is not an amount of dollars")
		}
		u.ProviderCost = &m
	}
	if !u.Plausible() {
		return nil, nil // unknown, never a number
	}
	return u, nil
}

func milliseconds(ms *float64) *time.Duration {
	if ms == nil || !(*ms >= 0 && *ms < 1e8) {
		return nil
	}
	d := time.Duration(*ms * float64(time.Millisecond))
	return &d
}
